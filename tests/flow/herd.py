#!/usr/bin/python3
"""The first day of school: 200 devices enroll at once through TLS. None may fail, and the server stays small.
    herd.py [DEVICES]     $POSTERN_BUILD names the build folder"""

import collections
import sys
import time

from postern import Device, Server, done, end, ok, same, sanitized, say

RSS_MAX_MB = 128
PAUSE_S = 0.04      # between two persons
PERSONS = 20        # with ten devices each; a person costs the test a password hash


def main():
    slow = sanitized()
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 30 if slow else 200
    server = Server()
    users = server.people(min(n, PERSONS))
    server.start()
    first = Device(server, users[0])
    ok(first.enroll() == 0 and first.unenroll() == 0, "one device enrolls and leaves", first.told())
    devices = [Device(server, users[i % len(users)]).like(first) for i in range(n)]
    for d in devices:
        d.begin_enroll()
    began = time.monotonic()
    for d in devices:   # all of them wait for their person until now; the machine they share is not theirs
        d.go()
        time.sleep(PAUSE_S)
    at_once = sum(d.process.poll() is None for d in devices)
    for d in devices:
        d.finish(600)
    took = time.monotonic() - began

    failed = [d for d in devices if d.status != 0]
    ok(not failed, f"{n} devices enroll at once: none fails", f"{len(failed)} failed\n" + "\n".join(
        sorted({d.err.strip() for d in failed})))
    say(f"{at_once} of them at work together; {took:.1f} s, {n / took:.1f} enrollments a second, devices' own work included")
    attempts = server.listing("attempt", "list")
    same(dict(collections.Counter(a["state"] for a in attempts)), {"enrolled": n, "ended": 1},
         "the timeline of every one of them says enrolled")
    same(len([e for e in server.listing("enrollment", "list") if e["state"] == "enrolled"]), n,
         "every one of them is an enrollment of its own")
    peak = server.memory_kb() / 1024
    say(f"peak of resident memory: {peak:.1f} MB")
    if not slow:
        ok(peak < RSS_MAX_MB, f"the daemon stays under {RSS_MAX_MB} MB of memory ({peak:.1f} MB)")
    same(server.stop(), 0, "the daemon ends well")
    end(server)
    return done()


if __name__ == "__main__":
    sys.exit(main())
