#!/usr/bin/python3
"""What the server costs on this machine: figures of one run, beside what nobody can go below in the same run.

    script/bench [NAME...] [--json FILE] [--plot FILE.svg] [--rounds N] [--seconds S] [--warmup S] [--devices N] [--compare]

Server and generator (postern-device fleet) share this machine, so rates say less than processor time: a rate is what
was left of the cores. Every figure is the median of the rounds; `fsyncs` is how often the server, and PostgreSQL where
it has the rows, asked the disk to flush, for each request (for each enrollment where a row is one). Without NAME all run but `size`, which prepares a
store of a million devices (some minutes and 4 GB of disk) and keeps it in .cache for the next time."""

import argparse
import console
import functools
import base64
import concurrent.futures
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POSTERN_BUILD", os.path.join(ROOT, "build", "release"))
sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))

FLEET = 20000
PUSHED = 50000  # by postern-apple's word
BACKED_UP, BACKUP_RATE = 50000, 1000    # devices in the store; idle polls a second beside
DECLARED = 100_000
SCREENED, ASKED = 100_000, 40   # enrollments behind the console, and times that each screen is asked for
QUEUED = {"devices": 800, "commands": 100}      # of the command cycle
SIZES = {"1k": 1000, "1m": 1000000}
CONNECTIONS = 16
HASHED_PASSWORD = "correct horse"
# Its hash by one pass over 8 kB, for what is measured without argon2id: nobody's password is ever stored so.
HASHED_CHEAPLY = "$argon2id$v=19$m=8,t=1,p=1$D6cnlBQaidVfp5tb40jPVQ$OHVv7DiMHivXjteqsgbztcwOkC3tSI1ot9USBjli+SY"
# What one whole enrollment of `fleet run --scenario enroll` makes the server compute, counted by callgrind (with
# sandbox = off: it makes code as it goes): signed are the profile, the identity certificate and the SCEP answer;
# verified the MachineInfo of two POSTs (the lab's pool of device CAs is empty, so no chain), the SCEP message, its
# request, and three Mdm-Signatures. The TLS handshakes are counted by the run itself.
ENROLLMENT = {"rsa_sign_us": 3, "rsa_decrypt_us": 1, "rsa_encrypt_us": 1, "rsa_verify_us": 7}
TICKS = os.sysconf("SC_CLK_TCK")


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def postern(program, *args, **how):
    done = subprocess.run([os.path.join(BUILD, program), *args], capture_output=True, text=True, **how)
    if done.returncode != 0:
        raise SystemExit(f"{program} {args[0]}: {done.stderr.strip()}")
    return done.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_us(pid):
    """Microseconds of processor that a process has used, its children not counted."""
    with open(f"/proc/{pid}/stat") as f:
        field = f.read().rsplit(")", 1)[1].split()
    return (int(field[11]) + int(field[12])) * 1e6 / TICKS


def running_us(pids):
    """The same of processes that live on, exactly: by their threads. A worker of the database may have ended meanwhile."""
    total = 0
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                    total += int(f.read().split()[0])
        except FileNotFoundError:
            pass
    return total / 1000


def children(pid, name=None):
    """Of a process, all or those of that name."""
    def called(pid):
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(p) for p in f.read().split() if name in (None, called(p))]


def memory_mb(pid, what="VmRSS"):
    with open(f"/proc/{pid}/status") as f:
        return int(next(line for line in f if line.startswith(what)).split()[1]) / 1024


class Syncs:
    """How often the server and, on PostgreSQL, the database ask the disk to flush: a library that is loaded before
    their own (syncs.c) counts into a file that both may write."""

    counter = os.path.join(BUILD, "syncs.so")

    def __init__(self):
        file, self.path = tempfile.mkstemp(prefix="postern-syncs-", dir="/dev/shm")
        os.fchmod(file, 0o666)
        os.ftruncate(file, 16)
        os.close(file)
        self.environment = {"LD_PRELOAD": self.counter, "POSTERN_BENCH_SYNCS": self.path}

    def read(self):
        with open(self.path, "rb") as f:
            flushes, processes = struct.unpack("=QQ", f.read(16))
        if processes == 0:
            raise SystemExit(f"nobody loads {self.counter}: flushes can't be counted")
        return flushes

    def end(self):
        os.unlink(self.path)


class Installation:
    """An organization in a folder, with a fleet whose rows are written directly."""

    def __init__(self, folder, store=None):
        self.folder, self.data, self.fleet = folder, os.path.join(folder, "data"), os.path.join(folder, "fleet")
        if os.path.exists(self.fleet):
            return
        os.makedirs(folder, exist_ok=True)
        more = ["--store", store] if store else []
        postern("postern", "init", "--data", self.data, "--org", "Bench", "--domain", "bench.example", "--url",
                "https://localhost:9443", "--lab", *more)
        with open(os.path.join(self.data, "postern.conf"), "a") as f:
            f.write("trusted_proxies = 127.0.0.1\nconnections_per_address = 100000\nlog_level = warn\n")

    def prepare(self, count, commands=0, password=False):
        if not os.path.exists(os.path.join(self.fleet, "fleet.state")):
            progress(f"preparing {count} devices")
            postern("postern-device", "fleet", "prepare", "--data", self.data, "--state", self.fleet, "--count",
                    str(count), "--keys", str(max(1, min(16, count // 100))), "--commands", str(commands),
                    *(["--password-stdin"] if password else []), input=HASHED_PASSWORD + "\n")
        return self

    def hash_cheaply(self):
        with sqlite3.connect(os.path.join(self.data, "postern.db")) as db:
            db.execute("UPDATE account SET password_hash = ? WHERE password_hash IS NOT NULL", (HASHED_CHEAPLY,))
        db.close()
        return self

    def again(self):
        """The same rows once more, where a run has used them up."""
        shutil.rmtree(self.fleet)
        shutil.rmtree(self.data)
        self.__init__(self.folder)
        return self


class Server:
    """posternd of an installation, while the `with` lasts. `syncs`: those of its database are counted there."""

    def __init__(self, at, n=1, syncs=None):
        self.at, self.n, self.syncs, self.mine = at, n, syncs, syncs is None

    def __enter__(self):
        self.syncs = self.syncs or Syncs()
        self.plain = [free_port() for _ in range(self.n)]
        self.tls = [free_port() for _ in range(self.n)]
        self.log = open(os.path.join(self.at.folder, "log"), "wb")
        self.began = time.monotonic()
        self.daemons = [subprocess.Popen(
            [os.path.join(BUILD, "posternd"), "--data", self.at.data if i == 0 else self.copy(i), "--listen",
             f"127.0.0.1:{self.tls[i]}", "--listen-http", f"127.0.0.1:{self.plain[i]}"],
            stdout=self.log, stderr=self.log, env={**os.environ, **self.syncs.environment}) for i in range(self.n)]
        for port in self.plain + self.tls:
            self.wait(port)
        self.start_s = time.monotonic() - self.began
        return self

    def copy(self, i):
        """A second node: the same keys and settings in a folder of its own."""
        folder = f"{self.at.data}-{i}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.at.data, folder, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
        return folder

    def wait(self, port):
        for _ in range(600):
            if self.daemons[0].poll() is not None:
                break
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
        with open(self.log.name) as f:
            raise SystemExit(f"posternd does not listen:\n{f.read()[-2000:]}")

    def __exit__(self, *_):
        for d in self.daemons:
            d.send_signal(signal.SIGTERM)
        for d in self.daemons:
            d.wait()
        self.log.close()
        if self.mine:
            self.syncs.end()

    def cpu_us(self):
        """With the processes that listen and the one that has the keys; without those that hash passwords."""
        return sum(cpu_us(p) for d in self.daemons
                   for p in [d.pid, *children(d.pid, "listener"), *children(d.pid, "keys")])

    def memory_mb(self):
        return sum(memory_mb(p) for d in self.daemons for p in [d.pid, *children(d.pid, "listener")])

    def run(self, options, *args, tls=False):
        """One run of a fleet at each node: the result, with what the nodes used for it together."""
        where = self.tls if tls else self.plain
        trust = ["--cacert", os.path.join(self.at.data, "tls", "ca.pem")] if tls else []
        if options.warmup > 0 and "cycle" not in args and "herd" not in args:
            self.fleet(where, trust, args, options.warmup)
        before, flushed = self.cpu_us(), self.syncs.read()
        got = self.fleet(where, trust, args, options.seconds)
        used, flushed = self.cpu_us() - before, self.syncs.read() - flushed
        if got["requests"] == 0 or got["errors_total"] > 0:
            raise SystemExit(f"{' '.join(args)}: {got['errors']} of {got['requests']} requests")
        got["us"] = used / got["requests"]
        got["used_us"] = used
        got["fsyncs"], got["flushed"] = flushed / got["requests"], flushed
        return got

    def fleet(self, ports, trust, args, seconds):
        def press(port):
            state = self.at.fleet
            if port != ports[0]:    # a run has its state for itself
                state = shutil.copytree(state, f"{state}-{port}", dirs_exist_ok=True)
            return json.loads(postern(
                "postern-device", "fleet", "run", "--state", state, "--connect", f"127.0.0.1:{port}",
                "--proxy-secret-file", os.path.join(self.at.data, "proxy-secret"), "--connections",
                str(CONNECTIONS // len(ports)), "--duration", str(seconds), "--json", *trust, *args,
                input=HASHED_PASSWORD + "\n"))
        with concurrent.futures.ThreadPoolExecutor(len(ports)) as pool:
            each = list(pool.map(press, ports))
        together = {k: sum(r[k] for r in each) for k in ("requests", "rps", "errors_total")}
        slowest = {k: max(r[k] for r in each) for k in ("p50_ms", "p99_ms", "p999_ms")}
        return {**each[0], **together, **slowest}


class SignIn:
    """A person behind the proxy whose device begins an enrollment and whose browser signs in for it, again and again:
    from the page to the callback two requests to this server, of which the second makes it ask the provider. The
    browser goes to the provider itself only in thought."""

    def __init__(self, server, at, issuer, number):
        sys.path.insert(0, os.path.join(ROOT, "tests", "independent"))
        import device
        phone = device.Device(os.path.join(at.folder, f"phone-{number}"), os.path.join(at.data, "tls", "ca.pem"))
        phone.state.update(family="iPhone", mode="BYOD")
        self.machine_info = phone.signed_machine_info()
        with open(os.path.join(at.data, "proxy-secret")) as f:
            self.headers = {"Host": "localhost:9443", "X-Forwarded-Proto": "https",
                            "X-Forwarded-For": f"192.0.{number}.1", "Postern-Proxy-Secret": f.read().strip()}
        self.user, self.issuer, self.cookies = f"person-{number}@bench.example", issuer, {}
        self.connection = http.client.HTTPConnection("127.0.0.1", server.plain[0])
        self.paths = []

    def ask(self, method, path, statuses, body=None, **headers):
        self.connection.request(method, path, body, {**self.headers, **headers})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status not in statuses:
            raise SystemExit(f"{path.split('?')[0]} was answered {answer.status}")
        return answer.headers, content

    def begin(self):
        """An attempt for one sign-in, as far as the device's challenge."""
        who = urllib.parse.urlencode({"user-identifier": self.user, "model-family": "iPhone"})
        _, content = self.ask("GET", f"/.well-known/com.apple.remotemanagement?{who}", (200,))
        base = urllib.parse.urlsplit(json.loads(content)["Servers"][0]["BaseURL"]).path
        answer, _ = self.ask("POST", base, (401,), self.machine_info, **{"Content-Type": "application/pkcs7-signature"})
        self.paths.append(urllib.parse.urlsplit(answer["WWW-Authenticate"].split('url="')[1].split('"')[0]).path)

    def get(self, path):
        cookies = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        answer, _ = self.ask("GET", path, (303, 308), Cookie=cookies or "none")
        for line in answer.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        location = answer["Location"]
        return self.get(location) if location.startswith("/") else location

    def go(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.get(self.paths.pop())).query))
        code = json.dumps({"email": self.user, "nonce": asked["nonce"]}).encode()
        query = urllib.parse.urlencode({"code": base64.urlsafe_b64encode(code).decode().rstrip("="),
                                        "state": asked["state"], "iss": self.issuer})
        self.get(f"/signin/provider?{query}")


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.flat, self.rows, self.latency = {}, [], []

    def installation(self, name, **how):
        return Installation(os.path.join(self.folder, name), **how)

    def devices(self, usual):
        """In a store: as many as are asked for, or the usual number."""
        return self.options.devices or usual

    def rounds(self, once):
        """The median of each number of `once()`."""
        results = []
        for i in range(self.options.rounds):
            progress(f"{self.title}: round {i + 1} of {self.options.rounds}")
            results.append(once())
        numbers = [k for k, v in results[0].items() if isinstance(v, (int, float))]
        return {k: statistics.median(r[k] for r in results) for k in numbers}

    def put(self, prefix, got, rate="rps", keep=("us", "rps", "p99_ms")):
        names = {"us": f"{prefix}_us", "rps": f"{prefix}_{rate}", "p99_ms": f"{prefix}_p99_ms"}
        for key in keep:
            self.flat[names[key]] = round(got[key], 3)
        self.flat[f"{prefix}_fsyncs"] = round(got["fsyncs"], 4)
        self.rows.append((self.title, got))

    # ---- what is measured ----

    def idle(self, prefix, proof):
        at = self.installation("fleet").prepare(self.devices(FLEET))
        with Server(at) as server:
            got = self.rounds(lambda: server.run(self.options, "--scenario", "poll", "--proof", proof))
            got["rss_mb"] = server.memory_mb()
        self.put(prefix, got)
        self.latency.append((self.title, got))

    def idle_proxy(self):
        "idle poll, proxy header"
        self.idle("idle_proxy", "proxy")

    def idle_signed(self):
        "idle poll, Mdm-Signature"
        self.idle("idle_signed", "signature")

    def cycle(self):
        "command cycle, proxy header"
        def once():
            at = self.installation("cycle")
            at = at.again() if os.path.exists(at.fleet) else at
            at.prepare(QUEUED["devices"], QUEUED["commands"])
            with Server(at) as server:
                options = argparse.Namespace(**{**vars(self.options), "seconds": 120})
                got = server.run(options, "--scenario", "cycle", "--proof", "proxy")
            got["rps"] = got["commands_per_s"]
            return got
        got = self.rounds(once)
        self.put("cycle", got, rate="commands_per_s", keep=("us", "rps"))
        self.latency.append((self.title, got))

    def checkin(self):
        "Authenticate and TokenUpdate, Mdm-Signature"
        at = self.installation("fleet").prepare(self.devices(FLEET))
        with Server(at) as server:
            got = self.rounds(lambda: server.run(self.options, "--scenario", "checkin", "--proof", "signature"))
        self.put("checkin", got, keep=("us", "rps"))
        self.latency.append((self.title, got))

    def declarations(self):
        "the tokens of declarative management among 100,000, proxy header: nothing new"
        at = self.installation("declared").prepare(self.devices(DECLARED))
        admin = functools.partial(self.admin, at)
        declaration = {"Type": "com.apple.configuration.passcode.settings", "Identifier": "bench.passcode",
                       "Payload": {"RequirePasscode": True}}
        with Server(at):
            admin("device-group", "add", "all")
            admin("declaration", "add", self.document(declaration))
            admin("give", "declaration", "bench.passcode", "all")
            first_s = self.told(at)
            declaration["Payload"]["MinimumLength"] = 6
            began = time.monotonic()
            admin("declaration", "add", self.document(declaration))
            changed_s, round_s = time.monotonic() - began, self.told(at)
        with sqlite3.connect(os.path.join(at.data, "postern.db")) as db:
            told, = db.execute("SELECT COUNT(DISTINCT enrollment_id) FROM command").fetchone()
            db.execute("DELETE FROM command")
        db.close()
        both = {}
        with Server(at) as server:
            for _ in range(self.options.rounds):
                for scenario in ("poll", "sync"):
                    both.setdefault(scenario, []).append(server.run(
                        self.options, "--scenario", scenario, "--proof", "proxy", "--count", str(FLEET)))
        poll, sync = (sorted(v, key=lambda g: g["us"])[len(v) // 2] for v in (both["poll"], both["sync"]))
        self.put("sync", sync, keep=("us", "rps"))
        self.flat.update(sync_over_poll=round(sync["us"] / poll["us"], 3), declaration_changed_s=round(changed_s, 3),
                         declaration_first_round_s=round(first_s, 1), declaration_round_s=round(round_s, 1),
                         declaration_told=told)

    def document(self, declaration):
        path = os.path.join(self.folder, "declaration.json")
        with open(path, "w") as f:
            json.dump(declaration, f)
        return path

    def told(self, at):
        """Seconds until every enrollment was looked at since the last change."""
        began = time.monotonic()
        with sqlite3.connect(os.path.join(at.data, "postern.db")) as db:
            while db.execute("SELECT COUNT(*) FROM organization o LEFT JOIN desired_round d ON d.organization_id = o.id"
                             " WHERE o.desired_version > COALESCE(d.version, 0)").fetchone()[0] > 0:
                time.sleep(0.2)
        db.close()
        return time.monotonic() - began

    def enroll(self):
        "whole enrollment, TLS and OAuth 2, argon2id left out"
        self.enrollments("enroll", self.installation("cheap").prepare(20, password=True).hash_cheaply())

    def enroll_argon2id(self):
        "the same with argon2id beside, whose memory takes the processors' caches from all others"
        self.enrollments("enroll_argon2id", self.installation("people").prepare(20, password=True))

    def enrollments(self, prefix, at):
        with Server(at) as server:
            def once():
                before = sum(cpu_us(p) for d in server.daemons for p in children(d.pid, "argon2id"))
                beside = self.floor_beside()
                got = self.enrollment(server)
                floor = json.loads(beside.communicate()[0])
                hashing = sum(cpu_us(p) for d in server.daemons for p in children(d.pid, "argon2id")) - before
                each = got["sessions"]
                counted = {**ENROLLMENT, "handshake_us": got["connects"] / each}
                alone, beside = (sum(f[k] * n for k, n in counted.items()) for f in (self.floor, floor))
                return {**got, "hashing_us": hashing / each, "crypto_us": alone, "crypto_beside_us": beside,
                        "over_crypto": got["us"] / alone, "over_crypto_beside": got["us"] / beside}
            got = self.rounds(once)
        for key, digits in (("us", 1), ("over_crypto", 3), ("over_crypto_beside", 3), ("crypto_us", 1),
                            ("crypto_beside_us", 1), ("hashing_us", 1), ("rps", 1), ("fsyncs", 4)):
            self.flat[f"{prefix}_{key}"] = round(got[key], digits)
        self.rows.append((self.title, got))

    def signin(self):
        "sign-in at an identity provider, plain HTTP"
        at = self.installation("signin")
        each, n = 40, 40 * CONNECTIONS
        forger = subprocess.Popen(["node", os.path.join(ROOT, "tests", "provider", "forger.mjs"), "-", "-",
                                   "https://localhost:9443/signin/provider"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            issuer = f"http://localhost:{forger.stdout.readline().strip()}"
            with Server(at) as server:
                self.admin(at, "idp", "add", "oidc", "--issuer", issuer, "--client-id", "postern", "--client-auth", "none")
                self.admin(at, "rule", "add", "--byod", "--method", "apple-as-web")
                people = [SignIn(server, at, issuer, i) for i in range(CONNECTIONS)]
                for person in people:   # the provider's documents are fetched, connections to it are open
                    person.begin()
                    person.go()

                def sign_in(person):
                    for _ in range(each):
                        person.go()

                def once():
                    for person in people * each:
                        person.begin()
                    before, flushed, began = server.cpu_us(), server.syncs.read(), time.monotonic()
                    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
                        list(pool.map(sign_in, people))
                    return {"requests": n, "rps": n / (time.monotonic() - began), "us": (server.cpu_us() - before) / n,
                            "fsyncs": (server.syncs.read() - flushed) / n}
                got = self.rounds(once)
        finally:
            forger.stdin.close()
            forger.wait()
        self.put("signin", got, keep=("us", "rps"))
        self.flat["signin_beyond_crypto_us"] = round(got["us"] - self.floor["rsa_verify_us"], 1)

    def admin(self, at, *args):
        return postern("postern", "--data", at.data, *args)

    def tls(self):
        "full TLS 1.3 handshake"
        at = self.installation("fleet").prepare(self.devices(FLEET))
        with Server(at) as server:
            got = self.rounds(lambda: server.run(self.options, "--scenario", "handshake", tls=True))
        self.put("tls", got, keep=("us", "rps"))
        if self.options.compare:
            self.compare(at, got)

    def compare(self, at, ours):
        """nginx with the same certificate, suites and number of loops, pressed by the same generator."""
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        port, folder = free_port(), os.path.join(self.folder, "nginx")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "nginx.conf"), "w") as f:
            f.write(f"""worker_processes {os.cpu_count()}; daemon off; pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 1024; }}
http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl reuseport; ssl_certificate {at.data}/tls/server.pem;
ssl_certificate_key {at.data}/tls/server.key; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off; return 200; }} }}
""")
        theirs = Server(at)
        theirs.syncs = argparse.Namespace(read=lambda: 0)
        theirs.log = open(os.path.join(folder, "out"), "wb")
        theirs.daemons = [subprocess.Popen([nginx, "-c", os.path.join(folder, "nginx.conf")], stdout=theirs.log,
                                           stderr=theirs.log)]
        theirs.wait(port)
        theirs.tls = [port]
        theirs.cpu_us = lambda: sum(cpu_us(p) for p in children(theirs.daemons[0].pid))
        try:
            self.title = "the same by nginx"
            got = self.rounds(lambda: theirs.run(self.options, "--scenario", "handshake", tls=True))
        finally:
            theirs.daemons[0].terminate()
            theirs.daemons[0].wait()
            theirs.log.close()
        self.rows.append((self.title, got))
        self.flat.update(nginx_tls_rps=round(got["rps"], 1), nginx_tls_us=round(got["us"], 1),
                         tls_over_nginx=round(ours["rps"] / got["rps"], 3))

    def empty(self):
        "empty answer (unknown path), plain HTTP"
        at = self.installation("fleet").prepare(self.devices(FLEET))
        n = 4000
        with Server(at) as server:
            def once():
                s = socket.create_connection(("127.0.0.1", server.plain[0]))
                ask = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
                before, flushed, began, answered = server.cpu_us(), server.syncs.read(), time.monotonic(), 0
                while answered < n:
                    s.sendall(ask * 16)
                    data = b""
                    while data.count(b"HTTP/1.1 404") < 16:
                        data += s.recv(65536)
                    answered += 16
                took = time.monotonic() - began
                s.close()
                return {"requests": n, "rps": n / took, "us": (server.cpu_us() - before) / n,
                        "fsyncs": (server.syncs.read() - flushed) / n}
            got = self.rounds(once)
        self.put("empty", got, keep=("us", "rps"))

    def postgresql(self, prefix, nodes, *args):
        import postgres
        syncs = Syncs()
        db = postgres.Postgres(environment=syncs.environment)
        try:
            at = self.installation(prefix, store=db.dsn(self.database(db, prefix))).prepare(self.devices(2000))
            with Server(at, nodes, syncs) as server:
                def once():
                    before = self.tree_us(db)
                    got = server.run(self.options, *args)
                    spent = self.tree_us(db) - before
                    return {**got, "server_us": got["us"], "us": got["us"] + spent / got["requests"],
                            "database_us": spent / got["requests"]}
                return self.rounds(once)
        finally:
            db.remove()
            syncs.end()

    def database(self, db, name):
        subprocess.run(["psql", "-q", "-d", db.dsn(), "-c", f'CREATE DATABASE "{name}"'], check=True)
        return name

    def tree_us(self, db):
        """Processor time of the database: its first process and what it started."""
        return cpu_us(db.server.pid) + sum(cpu_us(p) for p in children(db.server.pid))

    def pg_idle(self):
        "idle poll on PostgreSQL, server and database"
        got = self.postgresql("pg_idle", 1, "--scenario", "poll", "--proof", "proxy")
        self.put("pg_idle", got, keep=("us", "rps"))

    def pg_nodes(self):
        "the same with two posternd"
        got = self.postgresql("pg_nodes", 2, "--scenario", "poll", "--proof", "proxy")
        self.put("pg_nodes", got, keep=("us", "rps"))

    def pg_checkin(self):
        "check-in on PostgreSQL, server and database"
        got = self.postgresql("pg_checkin", 1, "--scenario", "checkin", "--proof", "proxy")
        self.put("pg_checkin", got, keep=("us", "rps"))

    def backup(self):
        "idle poll at a fixed rate beside a backup"
        count = self.devices(BACKED_UP)
        at = self.installation("backup").prepare(count)
        secret = os.path.join(at.folder, "passphrase")
        with open(secret, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write("six random words for the bench\n")
        took, over = [], threading.Event()

        def back_up():
            while not over.is_set():
                began = time.monotonic()
                postern("postern", "--data", at.data, "backup", os.path.join(at.folder, "copy"), "--passphrase-file", secret)
                took.append(time.monotonic() - began)

        with Server(at) as server:
            args = "--scenario", "poll", "--proof", "proxy", "--rate", str(BACKUP_RATE)
            self.title = f"{BACKUP_RATE:,} idle polls a second"
            idle = self.rounds(lambda: server.run(self.options, *args))
            self.rows.append((self.title, idle))
            self.title = f"the same while {count:,} devices are backed up"
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                beside = pool.submit(back_up)
                try:
                    during = self.rounds(lambda: server.run(self.options, *args))
                finally:
                    over.set()
                beside.result()
        self.rows.append((self.title, during))
        self.latency += [(self.title, during)]
        self.flat.update(backup_idle_p99_ms=round(idle["p99_ms"], 3), backup_p99_ms=round(during["p99_ms"], 3),
                         backup_fsyncs=round(during["fsyncs"], 4), backup_s=round(statistics.median(took), 2))

    def console(self):
        "the console's screens among 100,000 enrollments, SQLite"
        at = self.installation("console").prepare(self.devices(SCREENED))
        console.spread(at)
        self.screens(at, "console", Syncs(), lambda: [])

    def pg_console(self):
        "the same on PostgreSQL"
        import postgres
        syncs = Syncs()
        db = postgres.Postgres(environment=syncs.environment)
        try:
            dsn = db.dsn(self.database(db, "console"))
            at = self.installation("pg_console", store=dsn).prepare(self.devices(SCREENED))
            console.spread(at, dsn)
            self.screens(at, "pg_console", syncs, lambda: [db.server.pid, *children(db.server.pid)])
        finally:
            db.remove()
            syncs.end()

    def screens(self, at, prefix, syncs, others):
        """Processor time is the 95th percentile as well: what a busy machine adds to times is not in it."""
        with Server(at, syncs=syncs) as server:
            self.admin(at, "device-group", "add", "phones", "--model-family", "iPhone")
            pages = console.Pages(at)
            pages.measure(2, float)
            got = pages.measure(ASKED, lambda: running_us([d.pid for d in server.daemons] + others()))
        for name, times in got.items():
            self.rows.append((f"{prefix}: {name}", times))
        worst = {key: max(got, key=lambda name: got[name][key]) for key in ("us", "p95_ms")}
        self.flat.update({f"{prefix}_{key}": round(got[name][key], 1) for key, name in worst.items()})
        self.flat.update({f"{prefix}_{key}_of": name for key, name in worst.items()})

    def push(self):
        "50,000 pushes"
        for title, how in ((self.title, ["well"]), (f"{self.title} to a service that fails", [])):
            done = subprocess.run([os.path.join(ROOT, "tests", "flow", "push_wave.py"), str(self.devices(PUSHED)), *how],
                                  capture_output=True, text=True, env={**os.environ, "POSTERN_BUILD": BUILD})
            said = re.search(r"in ([\d.]+) s: (\d+) a second, ([\d.]+) us", done.stdout)
            if done.returncode != 0 or not said:
                raise SystemExit(f"{title}: {done.stdout}{done.stderr}")
            got = {"rps": float(said[2]), "us": float(said[3])}
            self.rows.append((title, got))
            self.flat.update({f"push{'' if how else '_faults'}_{k}": v for k, v in got.items()})

    def size(self):
        "1,000 and 1,000,000 enrollments"
        got = {}
        for name, count in SIZES.items():
            # A million take minutes to prepare, and what a run adds to them is little.
            kept = os.path.join(ROOT, ".cache", "bench", name)
            at = Installation(kept) if count > FLEET else self.installation(name)
            at.prepare(count, password=True)
            with Server(at) as server:
                start_s = server.start_s
                self.title = f"idle poll among {count:,}"
                args = ("--scenario", "poll", "--proof", "proxy", "--count", str(min(count, FLEET)))
                poll = self.rounds(lambda: server.run(self.options, *args))
                poll["rss_mb"] = server.memory_mb()
                self.rows.append((self.title, poll))
                self.title = f"enrollment among {count:,}"
                enroll = self.rounds(lambda: self.enrollment(server))
                enroll["rss_mb"] = server.memory_mb()
                self.rows.append((self.title, enroll))
            got[name] = {"poll": poll["us"], "enroll": enroll["us"], "poll_fsyncs": poll["fsyncs"],
                         "enroll_fsyncs": enroll["fsyncs"], "rss_mb": enroll["rss_mb"], "start_s": start_s}
        self.flat.update({f"{what}_1m_fsyncs": round(got["1m"][f"{what}_fsyncs"], 4) for what in ("poll", "enroll")})
        self.flat.update({f"{what}_1m_over_1k": round(got["1m"][what] / got["1k"][what], 3)
                          for what in ("poll", "enroll")})
        self.flat.update(rss_1m_mb=round(got["1m"]["rss_mb"], 1), start_1m_s=round(got["1m"]["start_s"], 2))

    def enrollment(self, server):
        """Whole enrollments: what one costs the server, its password left out."""
        got = server.run(self.options, "--scenario", "enroll", "--password-stdin", tls=True)
        return {**got, "us": got["used_us"] / got["sessions"], "fsyncs": got["flushed"] / got["sessions"],
                "rps": got["sessions"] / got["seconds"]}

    # ---- telling ----

    def floor_beside(self):
        """The same cryptography once in a while during a run: in caches that others have used since."""
        seconds = self.options.warmup + self.options.seconds
        return subprocess.Popen([os.path.join(BUILD, "floor"), self.folder, str(seconds)], stdout=subprocess.PIPE)

    def measure_floor(self):
        self.floor = json.loads(subprocess.run([os.path.join(BUILD, "floor"), self.folder], check=True,
                                               capture_output=True, text=True).stdout)
        self.flat.update({k: round(v, 1) for k, v in self.floor.items()})

    def table(self):
        print(f"{machine()}\n")
        print("Floor, microseconds: " + ", ".join(
            f"{k[:-3].replace('_', ' ')} {v:,.1f}" for k, v in self.floor.items()) + "\n")
        print("| what | a second | server CPU us | p50 ms | p95 ms | p99 ms | p99.9 ms | fsyncs | generator CPU us |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        for title, r in self.rows:
            cells = [f"{r[k]:,.{d}f}" if k in r else "" for k, d in
                     (("rps", 0), ("us", 1), ("p50_ms", 2), ("p95_ms", 2), ("p99_ms", 2), ("p999_ms", 2), ("fsyncs", 3), ("generator_cpu_us", 1))]
            print(f"| {title} | {' | '.join(cells)} |")

    def plot(self, path):
        """Latency: p50, p99 and p99.9 of each row on a logarithmic scale of milliseconds."""
        low, high, left, width, step = 0.05, 100.0, 300, 420, 34
        import math
        x = lambda ms: left + width * (math.log10(max(low, min(high, ms))) - math.log10(low)) / (  # noqa: E731
            math.log10(high) - math.log10(low))
        rows = [(t, r) for t, r in self.latency if "p99_ms" in r]
        height = 60 + step * len(rows)
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" font-family="sans-serif" '
               'font-size="13"><style>text{fill:#222}.g{stroke:#bbb}@media(prefers-color-scheme:dark)'
               '{text{fill:#ddd}.g{stroke:#555}}</style>'
               '<title>Time of an answer: p50, p99 and p99.9, milliseconds</title>']
        for ms in (0.1, 1, 10, 100):
            out.append(f'<line class="g" x1="{x(ms):.0f}" x2="{x(ms):.0f}" y1="10" y2="{height - 40}"/>'
                       f'<text x="{x(ms):.0f}" y="{height - 22}" text-anchor="middle">{ms:g} ms</text>')
        for i, (title, r) in enumerate(rows):
            y = 28 + step * i
            out.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{title}</text>'
                       f'<line x1="{x(r["p50_ms"]):.1f}" x2="{x(r["p999_ms"]):.1f}" y1="{y}" y2="{y}" stroke="#3778c2" '
                       'stroke-width="2"/>')
            for key, radius in (("p50_ms", 6), ("p99_ms", 4.5), ("p999_ms", 3)):
                out.append(f'<circle cx="{x(r[key]):.1f}" cy="{y}" r="{radius}" fill="#3778c2"/>')
        out.append(f'<text x="{left}" y="{height - 4}">large dot p50, middle p99, small p99.9; logarithmic</text></svg>')
        with open(path, "w") as f:
            f.write("\n".join(out) + "\n")


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown processor")
    return f"{model}, {os.cpu_count()} cores, Linux {os.uname().release}, OpenSSL {ssl.OPENSSL_VERSION.split()[1]}"


NAMES = ["empty", "idle_proxy", "idle_signed", "cycle", "checkin", "declarations", "enroll", "enroll_argon2id", "signin", "tls", "pg_idle", "pg_nodes", "pg_checkin", "backup", "push",
         "console", "pg_console", "size"]


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of: " + ", ".join(NAMES))
    parser.add_argument("--json", metavar="FILE", help="write the figures as one flat object, too")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw the times of answers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="of each round (default: 6)")
    parser.add_argument("--warmup", type=int, default=2, help="seconds before it (default: 2)")
    parser.add_argument("--devices", type=int, metavar="N", help="in each store of a fleet (default: 20,000; 50,000 in the "
                        "one that is backed up, 2,000 on PostgreSQL)")
    parser.add_argument("--compare", action="store_true", help="nginx's TLS handshakes beside ours")
    options = parser.parse_args()
    wrong = [n for n in options.names if n not in NAMES]
    if wrong:
        parser.error(f"there is no {wrong[0]}; there are {', '.join(NAMES)}")
    folder = tempfile.mkdtemp(prefix="postern-bench-", dir=os.environ.get("TMPDIR"))
    try:
        bench = Bench(options, folder)
        bench.measure_floor()
        for name in options.names or NAMES[:-1]:
            bench.title = getattr(bench, name).__doc__
            getattr(bench, name)()
        progress("")
        bench.table()
        if options.plot:
            bench.plot(options.plot)
        if options.json:
            with open(options.json, "w") as f:
                json.dump(bench.flat, f, indent=1)
                f.write("\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
