#!/usr/bin/python3
"""Devices of all families at once, through everything that threads share: enrolling, polling, refreshing, commands
from the administrator, scrapes of the numbers, receivers of webhooks of which one works, one fails and one is away, a
reload and a stop in the middle. Light, since it runs under TSan, where all that counts is
that the server has nothing to report. (script/test looks for this phrase: runs under TSan.)
    tsan_server.py [DEVICES]     $POSTERN_BUILD names the build folder"""

import re
import signal
import sys
import threading
import time
import urllib.request

from postern import Device, Refused, Server, done, end, free_port, ok, same, say, together, until
from receiver import Receiver

FAMILIES = ("iPhone", "iPad", "Mac", "RealityDevice")


def work(device):
    """Enroll, then poll a few times; what went wrong."""
    if device.enroll() != 0:
        return device.told()
    for _ in range(3):
        if device.poll() != 0:
            return device.told()
    return None


def administrator(server, stop, numbers):
    """Lists and commands, as somebody at a console would, and the numbers, as Prometheus does."""
    while not stop.is_set():
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{numbers}/metrics").read()
            for row in server.listing("enrollment", "list"):
                if row["state"] == "enrolled":
                    server.admin("command", "send", row["id"], "DeviceInformation", "Queries=OSVersion,ModelName")
            server.listing("attempt", "list")
            server.admin("status")
        except Refused as e:
            say(e)
        time.sleep(0.5)


def expire(server):
    """With the daemon away: every access token is over, so that all devices refresh at once."""
    server.rows("UPDATE oauth_token SET expires_at = 1 WHERE kind = 'access'")
    server.rows("UPDATE enrollment SET pass_until = 1")


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    server, numbers = Server(), free_port()
    server.set(metrics_listen=f"127.0.0.1:{numbers}", webhook_private="yes")
    server.start()
    works, fails, away = [Receiver(name).add(server) for name in ("works", "fails", "away")]
    fails.mood = 500
    away.die()
    users = server.people(n)
    devices = [Device(server, u, "--family", FAMILIES[i % len(FAMILIES)]) for i, u in enumerate(users)]
    stop = threading.Event()
    admin = threading.Thread(target=administrator, args=(server, stop, numbers))
    admin.start()
    hups = threading.Timer(1.0, lambda: [server.daemon.send_signal(signal.SIGHUP), time.sleep(1),
                                         server.daemon.send_signal(signal.SIGHUP)])
    hups.start()
    wrong = [w for w in together(work, devices) if w]
    stop.set()
    admin.join()
    hups.join()
    ok(not wrong, f"{n} devices of all families enroll and poll at once, through two reloads", "\n".join(wrong))
    ok(until(lambda: sum("enrollment.enrolled" in t for t in works.told().values()) == n), "a receiver is told of each",
       works.told())
    same(server.stop(), 0, "SIGTERM ends it well")
    fails.mend()

    expire(server)
    server.start()
    together(lambda d: d.poll(), devices)
    ok(all(d.status == 0 for d in devices), "all of them refresh their tokens at once",
       "\n".join(d.told() for d in devices if d.status != 0))
    refreshed = sum(any(s["event"] == "refresh" for s in d.steps) for d in devices)
    ok(refreshed == n, f"and every one of them had to ({refreshed})")
    together(lambda d: d.unenroll(), devices[:n // 2])
    ok(all(d.status == 0 for d in devices[:n // 2]), "half of them leave")
    for d in devices[n // 2:]:      # the stop comes in the middle
        d.begin("poll", "--json")
    server.daemon.send_signal(signal.SIGTERM)
    for d in devices[n // 2:]:
        d.finish()
    status = server.daemon.wait(60)
    server.daemon = None
    same(status, 0, "SIGTERM amid requests ends it well")
    complaint = re.search(r"^.*(Sanitizer|runtime error).*$", server.log, re.M)
    if complaint:  # whole: it may not come again
        print(server.log[complaint.start():], file=sys.stderr)
    ok(not complaint, "no sanitizer complains", complaint and complaint[0])
    end(server)
    return done()


if __name__ == "__main__":
    sys.exit(main())
