"""What the flow tests of the daemon share: a posternd in a folder of its own and devices that run as processes.
The folder and the administrator's command are those of tests/independent; here it can be killed, given a failing
disk, and asked through the database itself."""

import atexit
import glob
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "independent"))
import postgres  # noqa: E402
import openssl  # noqa: E402
import server as independent  # noqa: E402
from server import BUILD, CLIENTS, DOMAIN, Refused, free_port  # noqa: E402, F401
from patience import until  # noqa: E402, F401
from tap import done, ok, same, say  # noqa: E402, F401

PASSWORD = "correct horse"


def sanitized():
    """Whether the build has a sanitizer: such a server needs several times the memory and time."""
    with open(os.path.join(BUILD, "posternd"), "rb") as f:
        program = f.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def children(pid):
    """Of a process: numbers by name."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        pids = [int(p) for p in f.read().split()]
    found = {}
    for child in pids:
        with open(f"/proc/{child}/comm") as f:
            found.setdefault(f.read().strip(), []).append(child)
    return found


def descent(pid):
    """The numbers alone."""
    return [child for some in children(pid).values() for child in some]


def gone(pid):
    """With all of its threads: the first one may have ended while others still have its sockets."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            ended = f.read().rsplit(")", 1)[1].split()[0] == "Z"
        return ended and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except (FileNotFoundError, ProcessLookupError):
        return True


class Server(independent.Server):
    """Made by `init --lab`; not started. On a database of its own on the server at $POSTERN_TEST_DSN, if there is one
    (tests/with-postgres) and the test is not about SQLite's files."""

    def __init__(self, sqlite=False, store=None):
        self.store = store or (None if sqlite or not postgres.address() else postgres.fresh_database())
        super().__init__(store=self.store)
        self.device_ca = os.path.join(self.folder, "device-ca")
        subprocess.run([os.path.join(CLIENTS, "postern-device"), "ca", "--out", self.device_ca], check=True,
                       capture_output=True)
        self.database = os.path.join(self.data, "postern.db")
        atexit.register(end, self)

    def set(self, **settings):
        """Append settings to postern.conf, in place of those that are there; None takes one out."""
        path = os.path.join(self.data, "postern.conf")
        with open(path) as f:
            lines = [line for line in f if line.split("=")[0].strip() not in settings]
        with open(path, "w") as f:
            f.writelines(lines + [f"{key} = {value}\n" for key, value in settings.items()
                                  if value is not None])

    def for_devices(self):
        """Options of a device's first enrollment: whom it trusts, where it finds this server, a built-in identity on
        P-256, and an RSA key for its identity that is made already, since making one costs as much as the rest of an
        enrollment."""
        key = openssl.made_rsa_key()
        return ["--device-ca", self.device_ca, "--device-key", "p256", "--cacert", self.cacert, "--connect-to",
                self.connect_to[0], *(["--identity-key", key] if key else [])]

    def start_earlier(self, seconds):
        """Start it with a clock that is late by so much. The release build: the library that does it and a sanitizer
        want to be the first in a process both."""
        preload, = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        return self.start(env={"LD_PRELOAD": preload, "FAKETIME": f"{-seconds:+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
                          build=CLIENTS)

    def kill(self):
        """Like a power cut of the machine, as far as a process can be cut. The status it had. Its processes end with it,
        a moment later: the one that listens has the address until then."""
        daemon, self.daemon = self.daemon, None
        below = descent(daemon.pid) if daemon.poll() is None else []
        daemon.kill()
        status = daemon.wait()
        until(lambda: all(gone(pid) for pid in below))
        return status

    def people(self, n, prefix="user"):
        """n people with PASSWORD; their identifiers. Starts the daemon for it if it must."""
        if self.daemon is None:
            self.start()
            users = self.people(n, prefix)
            self.stop()
            return users
        users = [f"{prefix}{i}@{DOMAIN}" for i in range(1, n + 1)]
        path = os.path.join(self.folder, f"{prefix}.csv")
        with open(path, "w") as f:
            f.write("user,password\n" + "".join(f"{u},{PASSWORD}\n" for u in users))
        os.chmod(path, 0o600)
        self.admin("user", "import", path)
        return users

    def rows(self, sql, *args):
        """Ask the database itself. Only while no daemon has it."""
        assert self.daemon is None
        return self.ask(sql, *args)

    def ask(self, sql, *args):
        """The same beside the daemon."""
        if self.store:
            return postgres.ask(self.store, sql, *args)
        db = sqlite3.connect(self.database, timeout=60)
        with db:
            found = db.execute(sql, args).fetchall()
        db.close()
        return found

    def tables(self):
        return [t for t, in self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'" if self.store else
                                     "SELECT name FROM sqlite_master WHERE type = 'table'")]

    def columns(self, table):
        return [c for c, in self.ask(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
                                     if self.store else f"SELECT name FROM pragma_table_info('{table}')")]

    def dump(self):
        """Every cell of the database, one after another: what whoever copies it could read."""
        cells = [c for t in self.tables() for row in self.ask(f"SELECT * FROM {t}") for c in row if c is not None]
        return b"\0".join(c if isinstance(c, bytes) else str(c).encode() for c in cells)

    def memory_kb(self, what="VmHWM"):
        """Of the daemon and the processes beside it."""
        total = 0
        for pid in [self.daemon.pid, *descent(self.daemon.pid)]:
            with open(f"/proc/{pid}/status") as f:
                total += int(next(line for line in f if line.startswith(what)).split()[1])
        return total


class Notices:
    """The socket of sd_notify: what the daemon says to its supervisor, in order."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []

    def wait(self, word, seconds=60):
        deadline = time.monotonic() + seconds
        while word not in self.heard:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.heard += self.socket.recv(4096).decode().split("\n")
            except OSError:
                return False
        return True


class Device:
    """A simulated device in a state folder of its own; each command is a process. It trusts the server's CA alone:
    reading the system's would cost each of them more than its handshakes."""

    count = 0
    lock = threading.Lock()

    def __init__(self, server, user, *options):
        with Device.lock:
            Device.count += 1
            self.name = f"device-{Device.count}"
        self.server, self.user, self.options = server, user, options
        self.state = os.path.join(server.folder, self.name)
        self.steps, self.err, self.status = [], "", None

    def begin(self, *args):
        """Start a command. It may wait for its person, who comes with go(); finish() waits for its end."""
        self.process = subprocess.Popen([os.path.join(CLIENTS, "postern-device"), *args, "--state", self.state],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, "SSL_CERT_FILE": os.devnull})
        return self

    def go(self):
        if self.process.stdin:
            try:
                self.process.stdin.write(PASSWORD + "\n")
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            self.process.stdin = None
        return self

    def finish(self, timeout=180):
        out, self.err = self.go().process.communicate(timeout=timeout)
        self.status = self.process.returncode
        self.steps = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        return self.status

    def begin_enroll(self):
        fresh = [] if os.path.exists(os.path.join(self.state, "device.json")) else [
            *self.server.for_devices(), *self.options]
        return self.begin("enroll", self.user, "--json", "--password-stdin", "--maid-delay", "0", *fresh)

    def enroll(self):
        return self.begin_enroll().finish()

    def poll(self, *args):
        return self.begin("poll", "--json", *args).finish()

    def reauth(self):
        return self.begin("reauth", "--json", "--password-stdin").finish()

    def unenroll(self):
        return self.begin("unenroll", "--json").finish()

    def about(self):
        self.begin("status", "--json").finish()
        return self.steps[0] if self.steps else {}

    def enrolled(self):
        return self.about().get("state") == "enrolled"

    def told(self):
        return "\n".join(json.dumps(s) for s in self.steps[-6:]) + "\n" + self.err

    def answered(self, event):
        """The steps of that name whose request got a 2xx."""
        return [s for s in self.steps if s["event"] == event and s.get("answer", "").startswith("2")]


def together(work, items):
    """work(item) for all of them at once; the results in order."""
    results = [None] * len(items)

    def one(i):
        results[i] = work(items[i])

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(items))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def end(server):
    """Stop the daemon and take the folder away, unless a test wants to look ($POSTERN_KEEP)."""
    server.stop()
    if "POSTERN_KEEP" in os.environ:
        say(f"kept: {server.folder} {server.store or ''}")
        return
    server.remove()
    if server.store:
        postgres.drop_database(server.store)
        server.store = None
