#!/usr/bin/python3
"""The first day of school: 200 persons enroll their devices at once through TLS. None may fail, and the server stays
small.
    herd.py [DEVICES]     $POSTERN_BUILD names the build folder"""

import collections
import sys
import time

from postern import Device, Server, done, end, ok, same, sanitized, say, until

RSS_MAX_MB = 128


def waits(device):
    with open(f"/proc/{device.process.pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "S"


def main():
    slow = sanitized()
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 30 if slow else 200
    server = Server()
    users = server.people(n)
    server.start()
    devices = [Device(server, u) for u in users]    # each with a built-in identity of its own
    for d in devices:
        d.begin_enroll()
    ok(until(lambda: all(map(waits, devices)), 300), f"{n} devices wait for their persons")
    began = time.monotonic()
    for d in devices:
        d.go()
    typed = time.monotonic() - began
    ok(all(d.process.poll() is None for d in devices), "all of them are at work when the last person has typed")
    for d in devices:
        d.finish(600)
    took = time.monotonic() - began

    failed = [d for d in devices if d.status != 0]
    ok(not failed, f"{n} devices enroll at once: none fails", f"{len(failed)} failed\n" + "\n".join(
        sorted({d.err.strip() for d in failed})))
    say(f"all passwords typed within {typed * 1000:.0f} ms; {took:.1f} s, {n / took:.1f} enrollments a second, devices' "
        "own work included")
    attempts = server.listing("attempt", "list")
    same(sorted((a["user"], a["state"]) for a in attempts), sorted((u, "enrolled") for u in users),
         "the list of attempts has one for each person, enrolled")
    enrolled = [e["user"] for e in server.listing("enrollment", "list") if e["state"] == "enrolled"]
    same(collections.Counter(enrolled), collections.Counter(users), "every one of them is an enrollment of its own")
    peak = server.memory_kb() / 1024
    say(f"peak of resident memory: {peak:.1f} MB")
    if not slow:
        ok(peak < RSS_MAX_MB, f"the daemon stays under {RSS_MAX_MB} MB of memory ({peak:.1f} MB)")
    same(server.stop(), 0, "the daemon ends well")
    end(server)
    return done()


if __name__ == "__main__":
    sys.exit(main())
