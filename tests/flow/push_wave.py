#!/usr/bin/python3
"""A wave of pushes to a service that fails in every way at once (protocol 13): GOAWAY, dropped connections, 410, 429 and
500. Each device is woken, none more often than the service allows, by the service's own ledger.
    push_wave.py [N [well]]     devices (default: 3000); well: nothing fails. $POSTERN_BUILD names the build folder"""

import os
import subprocess
import sys
import time

import world  # first: it finds the others
from postern import BUILD, CLIENTS, done, ok, same, say, until
from stand_in import Apple

GONE = {"reason": "Unregistered", "timestamp": 4000000000000}


def rules(n):
    """Six GOAWAYs and five drops over the wave."""
    apns = [{"every": 97, "status": 429, "body": {"reason": "TooManyRequests"}},
            {"every": 499, "status": 500, "body": {"reason": "InternalServerError"}},
            {"every": 313, "status": 410, "body": GONE}]
    apns += [{"after": n * (2 * i + 1) // 12, "then": "goaway"} for i in range(6)]
    apns += [{"after": n * (2 * i + 2) // 12, "then": "drop"} for i in range(5)]
    return [{"service": "apns", **rule} for rule in apns]


def count(w, what):
    return w.ask(f"SELECT COUNT(*) FROM channel WHERE {what}")[0][0]


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        field = f.read().rsplit(")", 1)[1].split()
    return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


class Wave:
    def __init__(self, n, build=BUILD):
        self.n = n
        self.w = w = world.World(sqlite=True)
        self.apple = Apple(os.path.join(w.folder, "apple"), build=build)
        w.set(push_rate=100000, **self.apple.settings())
        w.open()
        w.admin("org", "set", *self.apple.certificate())
        w.stop()
        subprocess.run([os.path.join(CLIENTS, "postern-device"), "fleet", "prepare", "--data", w.data, "--state",
                        os.path.join(w.folder, "fleet"), "--count", str(n)], check=True, stdout=subprocess.DEVNULL)
        w.ask("UPDATE channel SET wake_at = 1")

    def first(self):
        """Everybody was tried once: how long it took, and the processor's share of it, in s."""
        self.w.start()
        began, used = time.monotonic(), cpu_s(self.w.daemon.pid)
        ok(until(lambda: not count(self.w, "wake_at IS NOT NULL AND push_tries = 0"), seconds=300, pause=0.05),
           "every device is tried")
        return time.monotonic() - began, cpu_s(self.w.daemon.pid) - used

    def rest(self):
        """Those whose turn comes half a minute later, now."""
        def settled():
            # 30 s or 60 s ahead lies what failed; what is being sent lies two minutes ahead.
            self.w.ask("UPDATE channel SET wake_at = 1 WHERE push_tries > 0 AND wake_at BETWEEN ?1 AND ?2",
                       int(time.time()) + 2, int(time.time()) + 90)
            return not count(self.w, "wake_at IS NOT NULL")

        ok(until(settled, seconds=300, pause=0.3), "what failed is tried again until it is done")

    def judge(self, faulty):
        tokens, sums = self.apple.tokens(), self.apple.ledger()["apns"]
        same(len(tokens), self.n, "S-34: no push is lost: each device's token came")
        gone = [t for t in tokens.values() if t["last_status"] == 410]
        same([t for t in tokens.values() if t["accepted"] == 0 and t not in gone], [],
             "S-34: and was accepted in the end, or is gone")
        too_often = [t for t in tokens.values() if t["accepted"] > 1 + t["answers_lost"]]
        same(too_often, [], "S-34: none is doubled, but where the answer was lost")
        ok(sums["connections_most"] <= 4, "S-34: over four connections at most", sums)
        same(count(self.w, "push_refused IS NOT NULL"), len(gone), "S-34: what is gone is known to the server")
        if not faulty:
            return
        same((sums["goaways"], sums["drops"]), (6, 5), "with GOAWAYs and dropped connections in between")
        ok(all(sums["statuses"].get(s, 0) > 0 for s in ("410", "429", "500")), "and with 410, 429 and 500", sums)
        self.apple.faults()
        self.w.ask("UPDATE channel SET wake_at = 1 WHERE push_refused IS NULL AND wake_at IS NULL AND enrollment_id IN"
                   " (SELECT enrollment_id FROM channel LIMIT 100)")
        ok(until(lambda: not count(self.w, "wake_at IS NOT NULL"), pause=0.1), "another wave")
        again = [t for t in self.apple.tokens().values() if t["after_gone"] > t["refusals_lost"]]
        same(again, [], "S-34: no token that is gone is tried again, but where the answer was lost")

    def end(self):
        self.w.healthy()
        same(self.apple.stop(), (0, ""), "postern-apple ends well")


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    faulty = sys.argv[2:] != ["well"]
    say("a wave, and a service that fails in every way" if faulty else "a wave")
    wave = Wave(n)
    if faulty:
        wave.apple.faults(*rules(n))
    seconds, cpu = wave.first()
    print(f"# {n} pushes in {seconds:.2f} s: {n / seconds:.0f} a second, {cpu / n * 1e6:.1f} us of the server each")
    wave.rest()
    wave.judge(faulty)
    wave.end()
    return done()


if __name__ == "__main__":
    sys.exit(main())
