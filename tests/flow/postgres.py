"""PostgreSQL for tests: a cluster of its own in a temporary folder, on a Unix socket that only we can open, gone
at the end; PgBouncer in transaction mode before it; and asking it, without any package.

tests/with-postgres wraps a command in one. The tests of the flow find its address in $POSTERN_TEST_DSN."""

import atexit
import ctypes
import glob
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

PATIENCE_S = 60
POOLER_PORT = 6432


def programs():
    """The folder of PostgreSQL's own programs, which Debian keeps out of the path."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise SystemExit("PostgreSQL is not installed: script/packages test")
    return os.path.dirname(found[-1])


def owner():
    """Who runs it: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise SystemExit("there is no user postgres or nobody to run PostgreSQL as")


def die_with_parent():
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGQUIT, 0, 0, 0)     # PR_SET_PDEATHSIG


class Postgres:
    """A running cluster. `settings` are lines of postgresql.conf; `environment` goes beside ours to what is started."""

    def __init__(self, *settings, pooler=False, start=True, environment=None):
        self.user, self.server, self.bouncer, self.environment = owner(), None, None, environment or {}
        self.folder = tempfile.mkdtemp(prefix="postern-pg-")
        self.data = os.path.join(self.folder, "data")
        atexit.register(self.remove)
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        # A locale whose order is not that of octets: the schema must not depend on it.
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
                 "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as f:
            f.write("\n".join(("listen_addresses = ''", f"unix_socket_directories = '{self.folder}'",
                               "unix_socket_permissions = 0700", "max_connections = 200", "shared_buffers = 64MB",
                               "deadlock_timeout = 100ms",
                               *settings)) + "\n")
        if start:
            self.start()
        if pooler:
            self.start_pooler()

    def identity(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}

    def run(self, program, *args):
        done = subprocess.run([os.path.join(programs(), program), *args], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, cwd=self.folder, **self.identity())
        if done.returncode != 0:
            raise SystemExit(f"{program}: {done.stdout}")

    def spawn(self, *args):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            return subprocess.Popen(args, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                                    env={**os.environ, **self.environment}, start_new_session=True, preexec_fn=die_with_parent,
                                    **self.identity())

    def start(self, wait=True):
        self.server = self.spawn(os.path.join(programs(), "postgres"), "-D", self.data)
        if wait:
            self.wait()
        return self

    def wait(self):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                Connection(self.dsn()).close()
                return
            except OSError as error:
                if time.monotonic() > deadline or self.server.poll() is not None:
                    raise SystemExit(f"PostgreSQL does not start: {error}\n{self.log[-2000:]}") from None
                time.sleep(0.05)

    def answers(self):
        try:
            Connection(self.dsn()).close()
            return True
        except (OSError, DatabaseError):
            return False

    def stop(self, immediate=False):
        """`immediate` is pg_ctl -m immediate: as after a crash, it recovers when it starts again."""
        if self.server:
            self.server.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            self.server.wait(PATIENCE_S)
            self.server = None

    def start_pooler(self):
        path = os.path.join(self.folder, "pgbouncer.ini")
        with open(path, "w") as f:
            f.write(f"[databases]\n* = host={self.folder} user=postgres\n[pgbouncer]\nlisten_addr =\n"
                    f"listen_port = {POOLER_PORT}\nunix_socket_dir = {self.folder}\nunix_socket_mode = 0700\n"
                    "auth_type = any\npool_mode = transaction\nmax_client_conn = 500\ndefault_pool_size = 20\n"
                    "server_idle_timeout = 5\nlog_connections = 0\nlog_disconnections = 0\n")
        os.chmod(path, 0o644)
        program = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not program:
            raise SystemExit("pgbouncer is not installed: script/packages test")
        self.bouncer = self.spawn(program, path)
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.exists(os.path.join(self.folder, f".s.PGSQL.{POOLER_PORT}")):
            if time.monotonic() > deadline or self.bouncer.poll() is not None:
                raise SystemExit(f"pgbouncer does not start:\n{self.log[-2000:]}")
            time.sleep(0.02)

    def remove(self):
        for process in (self.bouncer, self.server):
            if process and process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.server = self.bouncer = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self):
        with open(os.path.join(self.folder, "log"), "rb") as f:
            return f.read().decode(errors="replace")

    def dsn(self, database="postgres"):
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def pooler_dsn(self, database="postgres"):
        return f"postgresql://postgres@/{database}?host={self.folder}&port={POOLER_PORT}&prepare=off"


# ---- asking ----

class DatabaseError(Exception):
    """What the server refused."""


TYPES = {16: lambda v: v == "t", 17: lambda v: bytes.fromhex(v[2:]), 20: int, 21: int, 23: int, 1700: int}


class Connection:
    """One connection, by the wire protocol over a Unix socket, without a password (protocol 3.0)."""

    def __init__(self, dsn):
        url = urllib.parse.urlsplit(dsn)
        about = dict(urllib.parse.parse_qsl(url.query))
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(os.path.join(about["host"], f".s.PGSQL.{about.get('port', '5432')}"))
        self.stream = self.socket.makefile("rb")
        name = about.get("dbname", url.path.strip("/"))
        words = ["user", url.username or "postgres", "database", name]
        body = struct.pack("!i", 196608) + b"".join(w.encode() + b"\0" for w in words) + b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.until_ready()

    def send(self, kind, body=b""):
        self.socket.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def until_ready(self):
        rows, types, error = [], [], None
        while True:
            head = self.stream.read(5)
            if len(head) < 5:
                raise ConnectionError(error or "the server hung up")
            body = self.stream.read(struct.unpack("!i", head[1:])[0] - 4)
            if head[:1] == b"E":
                error = next(f[1:] for f in body.split(b"\0") if f[:1] == b"M").decode()
            elif head[:1] == b"T":
                types, at = [], 2
                for _ in range(struct.unpack("!h", body[:2])[0]):
                    at = body.index(b"\0", at) + 1
                    types.append(struct.unpack("!i", body[at + 6:at + 10])[0])
                    at += 18
            elif head[:1] == b"D":
                rows.append(self.row(body, types))
            elif head[:1] == b"Z":
                if error:
                    raise DatabaseError(error)
                return rows

    @staticmethod
    def row(body, types):
        cells, at = [], 2
        for kind in types:
            n, = struct.unpack("!i", body[at:at + 4])
            at += 4
            if n < 0:
                cells.append(None)
            else:
                cells.append(TYPES.get(kind, str)(body[at:at + n].decode()))
                at += n
        return tuple(cells)

    def query(self, sql, *args):
        """Rows as tuples. Placeholders are ?1, or ? in order; several statements only without arguments."""
        if not args:
            self.send(b"Q", sql.encode() + b"\0")
            return self.until_ready()
        count = itertools.count(1)
        sql = re.sub(r"\?(\d*)", lambda m: "$" + (m[1] or str(next(count))), sql)
        self.send(b"P", b"\0" + sql.encode() + b"\0\0\0")
        cells = [None if a is None else (b"\\x" + a.hex().encode() if isinstance(a, bytes) else str(a).encode())
                 for a in args]
        self.send(b"B", b"\0\0\0\0" + struct.pack("!h", len(cells)) + b"".join(
            struct.pack("!i", -1) if c is None else struct.pack("!i", len(c)) + c for c in cells) + b"\0\0")
        self.send(b"D", b"P\0")
        self.send(b"E", b"\0\0\0\0\0")
        self.send(b"S")
        return self.until_ready()

    def close(self):
        try:
            self.send(b"X")
        except OSError:
            pass
        self.stream.close()
        self.socket.close()


numbers = itertools.count(1)


def address():
    """The address under which the tests are to make databases; None: they use SQLite. $POSTERN_STORE names it as
    well; it goes, since programs under test would all take that one database for theirs."""
    if os.environ.get("POSTERN_STORE", "").startswith("postgres"):
        os.environ.setdefault("POSTERN_TEST_DSN", os.environ.pop("POSTERN_STORE"))
    return os.environ.get("POSTERN_TEST_DSN")


def with_database(dsn, name):
    """The same server, another database."""
    return dsn + ("&" if "?" in dsn else "?") + f"dbname={name}"


def ask(dsn, sql, *args):
    connection = Connection(dsn)
    try:
        return connection.query(sql, *args)
    finally:
        connection.close()


def fresh_database(dsn=None):
    """A new, empty database on the server; its address. It goes at the end."""
    dsn = dsn or address()
    name = f"flow_{os.getpid()}_{next(numbers)}_{int(time.time())}"
    ask(dsn, f"CREATE DATABASE {name}")
    atexit.register(drop_database, with_database(dsn, name))
    return with_database(dsn, name)


def drop_database(dsn):
    """Also where somebody still has it open."""
    base, _, name = dsn.rpartition("dbname=")
    try:
        ask(base.rstrip("?&"), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    except OSError:
        pass


def main():
    args = sys.argv[1:]
    pooler = args[:1] == ["--pooler"]
    if not args[pooler:]:
        print("usage: with-postgres [--pooler] COMMAND...    --pooler: through PgBouncer in transaction mode",
              file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    cluster = Postgres(pooler=pooler)
    try:
        return subprocess.run(args[pooler:], env={
            **os.environ, "POSTERN_TEST_DSN": cluster.pooler_dsn() if pooler else cluster.dsn()}).returncode
    finally:
        cluster.remove()


if __name__ == "__main__":
    sys.exit(main())
