#!/usr/bin/python3
"""What goes wrong around the daemon: a disk that is full or broken under traffic, files that are missing at the start,
and what a supervisor asks of it (notices, draining, reloading).
    faults.py [STORY...]     $POSTERN_BUILD names the build folder"""

import http.client
import os
import signal
import ssl
import subprocess
import sys
import threading
import time

import loss
from postern import Device, Notices, Refused, Server, done, end, free_port, ok, same, say, until

CERTIFICATE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost".split()


# ---- starting ----

def refuses(server, rule, *args, says=""):
    """The daemon must end by itself with status 1 and one sentence."""
    begin = len(server.log)
    daemon = server.launch(*args)
    try:
        status = daemon.wait(60)
    except subprocess.TimeoutExpired:
        status = server.kill()
    server.daemon = None
    lines = [line for line in server.log[begin:].splitlines() if "level=info" not in line]
    ok(status == 1 and len(lines) == 1 and says in lines[0], rule, f"status {status}, it said:\n" + "\n".join(lines))


def odd_lines(log):
    """Of a server that nothing went wrong with."""
    return [line for line in log.splitlines() if " level=info " not in line and "is open in another process" not in line]


class Without:
    """A file of the data folder is away, or has another content, for a while."""

    def __init__(self, server, name, content=None):
        self.path, self.content = os.path.join(server.data, name), content

    def __enter__(self):
        os.rename(self.path, self.path + ".away")
        if self.content is not None:
            with open(self.path, "w") as f:
                f.write(self.content)

    def __exit__(self, *_):
        if os.path.exists(self.path):
            os.remove(self.path)
        os.rename(self.path + ".away", self.path)


def story_start():
    s = Server(sqlite=True)
    open(s.folder + "/log", "w").close()
    with Without(s, "postern.conf"):
        refuses(s, "without postern.conf it says which command makes one", says="postern init")
    with Without(s, "postern.conf"):
        os.mkdir(s.data + "/postern.conf")
        refuses(s, "a postern.conf that can't be read is named", says="postern.conf")
        os.rmdir(s.data + "/postern.conf")
    with Without(s, "postern.conf", "url = https://localhost\nno_such = 1\n"):
        refuses(s, "a setting that does not exist is named with its line", says="line 2")
    with Without(s, "postern.db"):
        refuses(s, "a database that is missing is not made anew", says="postern init")
        ok(not os.path.exists(s.data + "/postern.db"), "and none is left behind")
    with Without(s, "postern.db", "this is no database, and long enough to be looked at as one" * 100):
        refuses(s, "a file that is no database is named", says="database")
    with Without(s, "keys/seal.secret"):
        refuses(s, "without its sealing key it does not start", says="seal.secret")
    with Without(s, "tls/server.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        refuses(s, "a bad certificate file is named", says="server.pem")
    with Without(s, "tls/server.key"):
        refuses(s, "a missing key of the certificate is named", says="server.key")
    other = free_port()
    refuses(s, "an address that can't be listened on is named", "--listen-http", "192.0.2.1:1", says="192.0.2.1")
    begin = len(s.log)
    s.start()
    mine, s.daemon = s.daemon, None
    refuses(s, "a second daemon on the same folder is refused", "--listen", f"127.0.0.1:{other}", says="another process")
    s.daemon = mine
    same(s.stop(), 0, "the first one goes on, and ends well")
    same(odd_lines(s.log[begin:]), [], "a start and an end warn of nothing; a library has no lines of its own")
    end(s)


# ---- the supervisor ----

def served(server):
    return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=60)


def wait_log(server, word):
    return until(lambda: word in server.log)


def new_certificate(server):
    subprocess.run([*CERTIFICATE, "-keyout", server.data + "/tls/server.key", "-out", server.data + "/tls/server.pem"],
                   check=True, capture_output=True)


def story_supervisor():
    s = Server()
    notices = Notices(s.folder)
    s.start(env={"NOTIFY_SOCKET": notices.path})
    ok(notices.wait("READY=1"), "READY=1 comes when it listens", notices.heard)
    ok(notices.wait("WATCHDOG=1"), "WATCHDOG=1 comes while it is well", notices.heard)
    user, = s.people(1)
    d = Device(s, user)
    ok(d.enroll() == 0, "a device enrolls", d.told())
    before, kept = served(s), {n: open(f"{s.data}/tls/server.{n}").read() for n in ("pem", "key")}

    s.set(access_token_life="90s")
    new_certificate(s)
    notices.heard.clear()
    s.daemon.send_signal(signal.SIGHUP)
    ok(notices.wait("RELOADING=1") and notices.wait("READY=1"), "SIGHUP: RELOADING=1, then READY=1", notices.heard)
    after = served(s)
    ok(after != before and after.strip() == open(s.data + "/tls/server.pem").read().strip(),
       "SIGHUP serves the new certificate")
    with open(s.data + "/tls/server.pem", "w") as f:
        f.write("no certificate\n")
    s.set(access_token_life="5000s")
    s.daemon.send_signal(signal.SIGHUP)
    ok(wait_log(s, "reload failed"), "a certificate that can't be used is told", s.log[-600:])
    same(served(s), after, "and the one before is served on")
    for name, text in kept.items():
        with open(f"{s.data}/tls/server.{name}", "w") as f:
            f.write(text)
    s.set(access_token_life="90s", no_such="1")
    s.daemon.send_signal(signal.SIGHUP)
    ok(wait_log(s, "no_such"), "a setting that does not exist is told, with its name", s.log[-600:])
    s.set(no_such=None)

    # The certificate that devices trust again, with the settings of the first reload or of the last.
    s.daemon.send_signal(signal.SIGHUP)
    ok(until(lambda: served(s) == before), "a reload after a failed one works")
    d = Device(s, user)
    ok(d.enroll() == 0 and any("90 s" in str(x.get("tokens")) for x in d.steps),
       "SIGHUP: a new sign-in has the new life of tokens", [x.get("tokens") for x in d.steps])

    same(drain(s, notices), [200], "SIGTERM: a request that is under way is answered")
    same(s.daemon.wait(60), 0, "and the exit status is 0")
    s.daemon = None
    ok("cut off" not in s.log, "nothing was cut off", s.log[-600:])
    end(s)


def drain(server, notices):
    """Answers to a request whose body comes only after SIGTERM. It asks to be asked for its body, so that it is known
    to be under way."""
    context = ssl._create_unverified_context()
    c = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)
    body = b"grant_type=authorization_code"
    c.putrequest("POST", "/oauth2/token")
    c.putheader("Content-Type", "application/x-www-form-urlencoded")
    c.putheader("Content-Length", str(len(body)))
    c.putheader("Expect", "100-continue")
    c.endheaders()
    begun = c.sock.recv(100)
    ok(begun.startswith(b"HTTP/1.1 100 "), "a request is under way", begun)
    server.daemon.send_signal(signal.SIGTERM)
    ok(notices.wait("STOPPING=1"), "STOPPING=1 comes at SIGTERM", notices.heard)
    c.send(body)
    answer = c.getresponse()
    answer.read()
    return [200 if answer.status in (200, 400) else answer.status]


# ---- the disk ----

PATIENCE_S = 400    # for a fault to be reached, however slow the machine is
REACHED = "the planned fault comes now"
SAYS = {"full": "disk is full", "io": "disk I/O error"}


def traffic(r, fault):
    """Devices at work on a disk with that fault, for some seconds more after one that passes. What became of the daemon: its
    status or None; the devices' last answers."""
    env = {"POSTERN_STORE": f"sqlite:{r.server.database}?vfs=fault", "POSTERN_FAULT": f"drop,seed=7,{fault}"}
    begin = len(r.server.log)
    stop = threading.Event()
    try:
        r.server.start(env=env)
    except Refused:
        pass
    driver = loss.Driver([r.server], stop)
    threads = [threading.Thread(target=w.busy, args=(stop,)) for w in r.workers]
    for t in threads:
        t.start()
    over = lambda: not any(t.is_alive() for t in threads)   # noqa: E731
    if fault.endswith("+"):
        until(over, PATIENCE_S)
    elif until(lambda: over() or REACHED in r.server.log[begin:], PATIENCE_S):
        until(lambda: over() or SAYS[fault.split("@")[0]] in r.server.log[begin:], 3)
    stop.set()
    for t in threads + [driver]:
        t.join()
    r.sent |= driver.sent
    busy = [[s["answer"] for s in w.device.steps if s.get("answer")][-1:] for w in r.workers]
    status = r.server.daemon.poll()
    if status is None and fault.endswith("+"):
        try:
            r.server.admin("user", "add", f"late{time.time_ns()}@betterbag.com", "--password-stdin", stdin="x" * 12)
            ok(False, f"{fault}: a person can't be added")
        except Refused as e:
            ok(len(str(e).splitlines()) == 1, f"{fault}: the administrator is told in one sentence", e)
    return status, busy


def story_disk():
    for fault in ("full@150+", "full@400", "io@900+", "io@1500"):
        r = loss.Rounds(3, 5, fleet=False)
        r.server.start()
        r.stuck += [x for x in loss.together(loss.Worker.go_on, r.workers[:1]) if x is not True]
        r.server.stop()
        begin = len(r.server.log)
        status, busy = traffic(r, fault)
        log = r.server.log[begin:]
        if status is None:
            ok(any("503" in str(x) for x in busy) or not fault.startswith("full") or not fault.endswith("+"),
               f"{fault}: the daemon stays and answers 503", f"the devices' last answers: {busy}\n{log[-800:]}")
            status = r.server.stop()
            ok(status in (0, 1), f"{fault}: it ends when it is told to", f"{status}\n{log[-800:]}")
        else:
            r.server.daemon = None
            ok(status == 1 and "failed to write to disk" in log,
               f"{fault}: the daemon ends with status 1 and says why", f"{status}\n{log[-800:]}")
        ok(REACHED in log, f"{fault}: it came", log[-800:])
        # SQLite gets over some single errors by itself, as that of a file's size that it only wanted to know.
        told = "\n".join(w.device.told() for w in r.workers)
        ok(SAYS[fault.split("@")[0]] in log or (not fault.endswith("+") and '"answer": "503' not in told),
           f"{fault}: the log says what the disk said, where a request failed of it", told + log[-800:])
        r.look()
        ok(not r.lost, f"{fault}: nothing acknowledged is lost or half made", "\n".join(r.lost))
        r.go_on()
        ok(not r.stuck and not r.doubled, f"{fault}: on a good disk everybody goes on", "\n".join(r.stuck + r.doubled))
        r.end()


STORIES = {"start": story_start, "supervisor": story_supervisor, "disk": story_disk}

if __name__ == "__main__":
    for story in sys.argv[1:] or STORIES:
        say(story)
        STORIES[story]()
    sys.exit(done())
