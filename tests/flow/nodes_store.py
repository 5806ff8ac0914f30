#!/usr/bin/python3
"""Two posternd at work on one PostgreSQL: what one decides the other one knows with its next request, what is counted
is counted together, what can be had once is had once.

Brings its own PostgreSQL unless $POSTERN_TEST_DSN names one."""

import os
import shutil
import sys

import postgres
from postern import DOMAIN, PASSWORD, Device, Server, done, end, free_port, ok, same, together, until


class Node(Server):
    """A second daemon with the first one's keys: a copy of its folder, without its socket."""

    def __init__(self, first):
        self.folder, self.data, self.device_ca = first.folder, os.path.join(first.folder, "second"), first.device_ca
        shutil.copytree(first.data, self.data, ignore=shutil.ignore_patterns("*.sock"))
        self.store, self.database = first.store, None
        self.port, self.mtls_port, self.url, self.cacert = free_port(), free_port(), first.url, first.cacert
        self.connect_to, self.daemon = [f"{DOMAIN}:443:127.0.0.1:{self.port}"], None

    @property
    def log(self):
        with open(os.path.join(self.folder, "log"), "rb") as f:     # both write there
            return f.read().decode(errors="replace")

    def remove(self):
        self.stop()


def decided(one, two):
    """Rules, people, groups, domains and organizations: each changed at one, asked at the other."""
    def explained():
        return two.admin("--json", "rule", "explain", f"ann@{DOMAIN}", "--model-family", "iPhone")

    before = explained()
    one.admin("rule", "add", "--user", f"ann@{DOMAIN}", "--adde")
    ok(explained() != before, "a rule that is added at one node holds at the other at once")
    one.admin("rule", "remove", "1")
    same(explained(), before, "and so does its removal")
    one.add_user(f"ann@{DOMAIN}", PASSWORD)
    same([u["user"] for u in two.listing("user", "list")], [f"ann@{DOMAIN}"], "a person is known to both")
    one.admin("user", "groups", f"ann@{DOMAIN}", "--group", "sales")
    same(two.listing("user", "show", f"ann@{DOMAIN}")[0].get("groups"), ["sales"], "with their groups")
    two.admin("domain", "add", "elsewhere.example")
    ok("elsewhere.example" in one.admin("domain", "list"), "a domain as well")
    two.admin("org", "set", "--name", "Another Name")
    ok("Another Name" in one.admin("org", "show"), "and what an organization is called")


def counted_together(one, two):
    """Wrong passwords at both: the person waits after as many as at one."""
    one.add_user(f"bob@{DOMAIN}", PASSWORD)

    for i in range(6):
        d = Device((one, two)[i % 2], f"bob@{DOMAIN}").begin_enroll()
        d.process.communicate("not this one\n", timeout=120)
    n = one.ask("SELECT max(failures) FROM throttle WHERE subject LIKE 'person:%'")
    ok(n and n[0][0] is not None and n[0][0] >= 5, "wrong passwords are counted over all nodes", n)


def had_once(one, two):
    """Both nodes deliver and take answers for one device at once: each command is answered once."""
    one.add_user(f"cara@{DOMAIN}", PASSWORD)
    d = Device(one, f"cara@{DOMAIN}")
    ok(d.enroll() == 0, "a device enrolls at one node", d.told())
    row, = one.listing("enrollment", "list", "--user", f"cara@{DOMAIN}")
    together(lambda s: [s.admin("command", "send", row["id"], "DeviceInformation", "Queries=OSVersion") for _ in range(10)],
             [one, two])
    ok(d.poll() == 0, "and works off what both have queued", d.told())
    same(one.ask("SELECT count(*), sum(CASE WHEN answered_at IS NULL THEN 0 ELSE 1 END) FROM command"), [(20, 20)], "each command is answered once")
    same(one.ask("SELECT count(*) FROM command WHERE answered_at IS NULL"), [(0,)], "and none is left")
    # The same change at both at once: units meet, and run again.
    together(lambda s: [s.admin("user", "groups", f"cara@{DOMAIN}", "--group", f"g{i}") for i in range(10)], [one, two])
    ok(len(one.listing("user", "show", f"cara@{DOMAIN}")[0].get("groups")) == 1, "units of two nodes that meet leave no mixture")
    two.admin("enrollment", "evict", row["id"])
    d.poll()
    ok(until(lambda: one.listing("enrollment", "show", row["id"])[0]["state"] == "evicted", 20),
       "what one node evicts leaves at the other", one.listing("enrollment", "show", row["id"]))


def audited(one, two):
    """Changes at both at once: one chain with a row for each, and none stands twice or in another's place."""
    def change(i):
        (one, two)[i % 2].admin("rule", "add", "--user", f"of-{i}@{DOMAIN}", "--refuse", "no")

    before = one.ask("SELECT count(*) FROM audit WHERE action = 'POST /rules' AND outcome = 'done'")[0][0]
    together(lambda n: [change(i) for i in range(n, 24, 6)], range(6))
    same(one.ask("SELECT count(*) FROM audit WHERE action = 'POST /rules' AND outcome = 'done'")[0][0] - before, 24,
         "each change at either node has its row")
    same(one.ask("SELECT count(*), max(seq) - min(seq) + 1 - count(*) FROM audit")[0][1], 0, "numbered without a gap")
    said = two.admin("audit", "verify")
    ok("each as it was written" in said, "and the chain of both holds", said)


def main():
    cluster = None if postgres.address() else postgres.Postgres()
    one = Server(store=postgres.fresh_database(postgres.address() or cluster.dsn()))
    two = Node(one)
    try:
        together(Server.start, [one, two])
        decided(one, two)
        audited(one, two)
        had_once(one, two)
        counted_together(one, two)
    finally:
        for s in (two, one):
            same(s.stop(), 0, "a node drains")
    ok("Sanitizer" not in one.log and "runtime error" not in one.log, "no sanitizer had anything to say", one.log[-2000:])
    end(one)
    return done()


if __name__ == "__main__":
    sys.exit(main())
