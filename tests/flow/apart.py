#!/usr/bin/env python3
"""The daemon's processes apart: each is killed while devices enroll, and nothing is lost or answered wrongly; each,
taken over, can do what docs/security.md says and no more (tests/sandbox/acts.c enters its sandbox and tries).
All of it on the release build: a sanitizer needs calls that the sandbox refuses."""

import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postern import CLIENTS, PASSWORD, Device, Refused, children, descent, done, gone, ok, same, say, together, until  # noqa: E402
from world import World  # noqa: E402

REFUSED = {"EPERM", "EACCES"}
SECURITY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "security.md")
ROLES = {"`posternd`": "posternd", "`listener`": "listener", "`keys`": "keys", "`argon2id`": "hasher", "`opener`": "opener"}


def promised():
    """The table of docs/security.md: for each role, every act and whether it may."""
    with open(SECURITY) as f:
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in f if line.startswith("|")]
    first = next(i for i, row in enumerate(rows) if row[0] == "tried")
    rows = rows[first:first + next(i for i, row in enumerate(rows[first:] + [[""]]) if len(row) != len(rows[first]))]
    return {ROLES[name]: {row[0]: row[i] for row in rows[2:]} for i, name in enumerate(rows[0]) if i > 0}


def status(path):
    with open(path) as f:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    return lines["NoNewPrivs"], lines["Seccomp"]


def every_thread_is_confined(w):
    pids = [w.daemon.pid, *descent(w.daemon.pid)]
    same({status(f"/proc/{p}/task/{t}/status") for p in pids for t in os.listdir(f"/proc/{p}/task")}, {("1", "2")},
         "every thread of every process has a filter of system calls, and no new privileges")
    same(sorted(children(w.daemon.pid)), ["argon2id", "keys", "listener", "opener"], "and they are the ones that are named")


def taken_over(w):
    key, = children(w.daemon.pid)["keys"]
    other = os.path.join(os.path.dirname(w.data), "data.other")
    os.mkdir(other)
    shutil.copy(w.database, other)
    for role, said in promised().items():
        ran = subprocess.run([os.path.join(CLIENTS, "acts"), role, w.data, str(key)], capture_output=True, text=True)
        tried = dict(line.split(": ") for line in ran.stdout.splitlines())
        same(sorted(tried), sorted(said), f"{role}: what is said of it is tried, and nothing else {ran.stderr}")
        same({act for act, how in tried.items() if how == "done"}, {act for act, may in said.items() if may == "yes"},
             f"{role}: what it may, and nothing else")
        same({how for how in tried.values()} - {"done"} - REFUSED, set(), f"{role}: the kernel says no to the rest")


def found_in(pid, looked_for):
    """Names of what is in what the process can write to: its heap, its stacks, its variables."""
    found = set()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            where, rights = line.split()[:2]
            if rights.startswith("rw") and "[v" not in line:
                start, end = (int(x, 16) for x in where.split("-"))
                mem.seek(start)
                octets = mem.read(end - start)
                found |= {name for name, what in looked_for.items() if what in octets}
    return sorted(found)


def contents(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def key_octets(path):
    """A private key as a program that uses it has it: the largest number of it that no certificate has."""
    ran = subprocess.run(["openssl", "pkey", "-in", path, "-outform", "DER"], capture_output=True, check=True)
    return ran.stdout[-40:]


def what_a_listener_has():
    """Its memory, after it served a device of one organization while there was another."""
    w = World()
    w.start(build=CLIENTS, env={"PGPASSWORD": "marker-of-the-environment"})
    w.admin("org", "set", "--device-ca", os.path.join(w.device_ca, "ca.pem"))
    user, = w.person("eliza.here")
    w.admin("org", "add", "Elsewhere", "--domain", "elsewhere.example")
    w.add_user("zoe.stranger@elsewhere.example", PASSWORD, "--org", "elsewhere")
    device = Device(w, user)
    same(device.enroll(), 0, "a device enrolls")
    same(device.poll(), 0, "and polls")
    ca, = glob.glob(os.path.join(w.data, "keys", "ca-*.key"))[:1]
    looked_for = {
        "the CA's key": key_octets(ca),
        "the seal": contents(w.data, "keys", "seal.secret")[:32],
        "where the store is, of the settings": f"{w.data}/postern.db".encode(),
        "passwords of the environment": b"marker-of-the-environment",
        "people of another organization": b"zoe.stranger",
    }
    listener, = children(w.daemon.pid)["listener"]
    same(found_in(listener, looked_for), [],
         "a listener that served a device has none of what its requests don't need in its memory")
    same(found_in(w.daemon.pid, looked_for), ["passwords of the environment", "people of another organization",
                                              "where the store is, of the settings"],
         "the server, which has the store, is found to have it")
    tls = {"the key of TLS": key_octets(os.path.join(w.data, "tls", "server.key"))}
    same((found_in(listener, tls), found_in(w.daemon.pid, tls)), (["the key of TLS"], []),
         "the key of TLS is in the memory of who listens, and not in the server's")
    w.remove()


def reload_finds_a_new_file(w):
    """Editors write another file and give it the old one's name."""
    path = os.path.join(w.data, "postern.conf")
    other = tempfile.mkdtemp(prefix="postern-elsewhere-")
    shutil.copy(os.path.join(w.data, "tls", "ca.pem"), other)
    with open(path) as old, open(path + ".new", "w") as new:
        new.write(old.read() + f"history_days = 77\nworkers = 3\npush_ca = {other}/ca.pem\n")
    os.rename(path + ".new", path)
    w.daemon.send_signal(signal.SIGHUP)
    ok(until(lambda: "msg=reloaded" in w.log), "SIGHUP reads settings that an editor put in the old ones' place", w.log)
    ok("at a restart only\" settings=workers\n" in w.log, "what a running server does not take over is named", w.log)
    ok(f'file={other}/ca.pem error="Permission denied"' in w.log,
       "and a file that it can't open, in a folder that was not named at the start", w.log)
    shutil.rmtree(other)


def kill(name, w):
    pid = w.daemon.pid if name == "posternd" else children(w.daemon.pid)[name][0]
    os.kill(pid, signal.SIGKILL)
    return pid


def under_way(w, users):
    """Devices of which the first has begun."""
    devices = [Device(w, user) for user in users]
    for d in devices:
        d.begin_enroll().go()
    until(lambda: os.path.isdir(devices[0].state) and os.listdir(devices[0].state))
    return devices


def go_on(devices):
    """To the end of what was under way; then as a person would: the enrolled ones poll, the others try again."""
    together(lambda d: d.poll() if d.finish() == 0 else d.enroll(), devices)
    return "\n".join(d.told() for d in devices if not d.enrolled())


def kill_each(w):
    users = w.person(*[f"p{i}" for i in range(8)])
    devices = under_way(w, users[:2])
    kill("argon2id", w)
    same(go_on(devices), "", "without a hasher the server goes on, and another one takes its place")
    ok(w.daemon.poll() is None, "it is the same server")

    for name, some, ended in (("keys", users[2:4], 1), ("listener", users[4:6], 1),
                              ("posternd", users[6:], -signal.SIGKILL)):
        before = descent(w.daemon.pid)
        mine = under_way(w, some)
        kill(name, w)
        same(w.daemon.wait(60), ended, f"{name} killed: the daemon {'ends' if ended == 1 else 'is gone'}")
        ok(until(lambda: all(gone(p) for p in before)), "and leaves no process behind", str(before))
        w.start(build=CLIENTS)
        same(go_on(mine), "", "started again, it enrolls those that were under way")
        codes = [e["code"] for user in some for e in w.events(user)]
        ok(not any("forged" in c or "damaged" in c or "tamper" in c for c in codes), "nobody was told a wrong reason",
           " ".join(codes))
        devices += mine

    kill("opener", w)
    w.daemon.send_signal(signal.SIGHUP)
    ok(until(lambda: "reload failed" in w.log), "without the opener nothing is reloaded, and the log says so", w.log)
    same([d.poll() for d in devices], [0] * len(devices), "every device that was enrolled is known to the end")
    same(w.stop(), 0, "and the server stops as it should")


def required_and_off(w):
    w.start("--listen-http", "127.0.0.1:0", env={"POSTERN_SANDBOX": "require"}, build=CLIENTS)
    same(w.stop(), 0, "sandbox = require starts where the kernel has everything")
    w.start(env={"POSTERN_SANDBOX": "off"}, build=CLIENTS)
    ok('why="sandbox = off"' in w.log, "sandbox = off says so", w.log[-2000:])
    same(status(f"/proc/{w.daemon.pid}/status"), ("0", "0"), "and is off")
    w.stop()


def main():
    w = World()
    try:
        w.start(build=CLIENTS)
    except Refused as e:
        ok(False, "the server starts in its sandbox", str(e))
        return done()
    if "not fully sandboxed" in w.log:
        say("SKIP: this kernel has no Landlock or no seccomp")
        return done()
    w.admin("org", "set", "--device-ca", os.path.join(w.device_ca, "ca.pem"))
    what_a_listener_has()
    every_thread_is_confined(w)
    taken_over(w)
    reload_finds_a_new_file(w)
    kill_each(w)
    required_and_off(w)
    return done()


if __name__ == "__main__":
    sys.exit(main())
