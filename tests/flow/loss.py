#!/usr/bin/python3
"""Kill the daemon in the middle of everything, again and again: what it acknowledged must be there, nothing may be
half made, and every device must be able to go on.

On SQLite a third of the rounds run on the store's failing disk (store/faultvfs.h), which forgets at the kill what was
not flushed, since a kill alone proves nothing about flushing. On PostgreSQL every sixth round crashes the database
under the daemon, which must answer 503 and go on by itself. At the end the same without flushing must lose something,
or the rounds prove nothing.
    loss.py [--rounds N] [--seed S] [--devices N] [--store sqlite|postgresql]
$POSTERN_BUILD names the build folder"""

import argparse
import random
import re
import signal
import subprocess
import sys
import threading
import time

import postgres
from postern import Device, Refused, Server, done, end, ok, say, together, until

PATIENCE_S = 30     # a round ends then, however slow the machine is
UUID = re.compile(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")

# What a unit of work must leave whole: a query that finds what is half made, and the rule.
HALVES = (
    ("an enrolled device has an identity, a channel and a sign-in of its own",
     """SELECT e.id, e.state FROM enrollment e WHERE e.state IN ('enrolled', 'reauth', 'evicting') AND (
        e.device_id IS NULL OR e.enrolled_at IS NULL OR e.ended_at IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM channel c WHERE c.enrollment_id = e.id AND c.user_id = '')
        OR NOT EXISTS (SELECT 1 FROM certificate x WHERE x.fingerprint = e.certificate_fp AND x.enrollment_id = e.id)
        OR NOT EXISTS (SELECT 1 FROM oauth_grant g WHERE g.id = e.grant_id AND g.enrollment_id = e.id))"""),
    ("a pending enrollment has no channel; once it has a device it has that device's identity and sign-in",
     """SELECT e.id FROM enrollment e WHERE e.state = 'pending' AND (e.enrolled_at IS NOT NULL
        OR EXISTS (SELECT 1 FROM channel c WHERE c.enrollment_id = e.id)
        OR e.device_id IS NOT NULL AND (e.certificate_fp IS NULL
        OR NOT EXISTS (SELECT 1 FROM oauth_grant g WHERE g.id = e.grant_id AND g.enrollment_id = e.id)))"""),
    ("an enrollment that ended has neither a queue nor a living sign-in",
     """SELECT e.id FROM enrollment e WHERE e.state IN ('unenrolled', 'evicted', 'replaced') AND (e.ended_at IS NULL
        OR EXISTS (SELECT 1 FROM command m WHERE m.enrollment_id = e.id AND m.answered_at IS NULL)
        OR EXISTS (SELECT 1 FROM oauth_grant g WHERE g.enrollment_id = e.id AND g.revoked_at IS NULL))"""),
    ("a device has one living enrollment",
     "SELECT device_id FROM enrollment WHERE ended_at IS NULL AND device_id IS NOT NULL GROUP BY 1 HAVING COUNT(*) > 1"),
    ("a command is queued with what is to be delivered, or answered with a status",
     """SELECT uuid FROM command WHERE (answered_at IS NULL) <> (status IS NULL)
        OR (answered_at IS NULL AND payload IS NULL)"""),
    ("a command belongs to a device that can fetch it",
     """SELECT m.uuid FROM command m WHERE m.answered_at IS NULL AND NOT EXISTS (SELECT 1 FROM enrollment e
        WHERE e.id = m.enrollment_id AND e.ended_at IS NULL)"""),
    ("a spent challenge has its certificate, and a certificate its enrollment",
     """SELECT fingerprint FROM scep_challenge WHERE fingerprint IS NOT NULL AND fingerprint NOT IN
        (SELECT fingerprint FROM certificate) UNION ALL SELECT fingerprint FROM certificate WHERE enrollment_id NOT IN
        (SELECT id FROM enrollment)"""),
    ("a token has its sign-in, and a redeemed code the sign-in it was redeemed for",
     """SELECT grant_id FROM oauth_token WHERE grant_id NOT IN (SELECT id FROM oauth_grant) UNION ALL SELECT grant_id
        FROM oauth_code WHERE grant_id IS NOT NULL AND grant_id NOT IN (SELECT id FROM oauth_grant)"""),
    ("an attempt says enrolled exactly when its enrollment was",
     """SELECT a.id FROM attempt a JOIN enrollment e ON e.attempt_id = a.id
        WHERE (a.state = 'enrolled') <> (e.enrolled_at IS NOT NULL) AND a.state <> 'ended'"""),
    ("an attempt has as many events as it counts",
     "SELECT id FROM attempt a WHERE events - pruned <> (SELECT COUNT(*) FROM event v WHERE v.attempt_id = a.id)"),
)


class Worker:
    """One device and what the server acknowledged to it."""

    def __init__(self, server, user, dice):
        self.device, self.dice = Device(server, user), dice
        self.enrolled = self.left = 0   # answers of 200 to TokenUpdate and to CheckOut
        self.commands = set()           # whose answer was answered with 200
        self.doubled = []

    def note(self):
        d, uuid = self.device, None
        self.enrolled += len([s for s in d.answered("TokenUpdate") if "the device" in s["text"]])
        self.left += len(d.answered("CheckOut"))
        for step in d.steps:
            if step["event"] in ("command", "again"):
                uuid = step.get("CommandUUID")
                if step["event"] == "again" and uuid in self.commands:
                    self.doubled.append(uuid)
            elif step["event"] not in ("refresh", "repeat"):
                uuid = None
            if uuid and step.get("answer", "").startswith("2"):
                self.commands.add(uuid)

    def do(self, what):
        """Whether it went well; what was acknowledged is noted in any case."""
        status = getattr(self.device, what)()
        self.note()
        return status == 0

    def busy(self, stop):
        """Be a device until the server is gone."""
        on = self.device.enrolled()
        if on and self.dice.random() < 0.4:
            on = not self.do("unenroll")
        while not stop.is_set():
            if not self.do("poll" if on else "enroll"):
                break
            on = True

    def go_on(self):
        """After a restart: a device that is enrolled is served, any other can enroll. True, or why not."""
        on = self.device.enrolled()
        if self.do("poll" if on else "enroll") and (on or self.do("poll")):
            return True
        return f"{self.device.user}, {'enrolled' if on else 'not enrolled'}: {self.device.told()}"


class Driver(threading.Thread):
    """The administrator: queues commands for whoever is enrolled."""

    def __init__(self, server, stop):
        super().__init__()
        self.server, self.stop, self.sent = server, stop, set()
        self.start()

    def run(self):
        while not self.stop.is_set():
            try:
                for row in self.server.listing("enrollment", "list"):
                    if row.get("state") == "enrolled" and not self.stop.is_set():
                        out = self.server.admin("command", "send", row["id"], "DeviceInformation", "Queries=OSVersion")
                        self.sent |= set(UUID.findall(out))
            except (Refused, subprocess.TimeoutExpired):
                pass
            time.sleep(0.05)


class Rounds:
    """`cluster`: the PostgreSQL that keeps the rows; None: SQLite does."""

    def __init__(self, devices, seed, cluster=None):
        self.dice, self.cluster = random.Random(seed), cluster
        self.server = Server(sqlite=True, store=postgres.fresh_database(cluster.dsn()) if cluster else None)
        self.workers = [Worker(self.server, user, self.dice) for user in self.server.people(devices)]
        self.sent, self.lost, self.doubled, self.stuck = set(), [], [], []

    def disk(self, options=""):
        """The environment of a round on the failing disk."""
        faults = [self.dice.choice(("drop", "reorder", "tear")), f"seed={self.dice.randrange(1, 1 << 30)}"]
        if self.dice.random() < 0.5 and not options:
            faults.append(f"kill@{self.dice.randrange(40, 900)}")
        return {"POSTERN_STORE": f"sqlite:{self.server.database}?vfs=fault{options}", "POSTERN_FAULT": ",".join(faults)}

    def answers(self):
        return len(self.sent) + sum(len(w.commands) + w.enrolled + w.left for w in self.workers)

    def kill(self):
        status = self.server.kill()
        if status != -signal.SIGKILL:
            self.stuck.append(f"the daemon ended by itself ({status}): {self.server.log[-1500:]}")

    def crash(self):
        """The database goes, the daemon stays."""
        self.cluster.stop(immediate=True)
        time.sleep(self.dice.uniform(0, 0.3))
        self.cluster.start()
        status = self.server.daemon.poll()
        if status is not None:
            self.server.daemon = None
            self.stuck.append(f"the daemon ended with its database ({status}): {self.server.log[-1500:]}")
        elif not until(self.serves, PATIENCE_S):
            self.stuck.append(f"the daemon does not find its database again: {self.server.log[-1500:]}")

    def serves(self):
        try:
            return self.server.admin("user", "list") != ""
        except Refused:
            return False

    def traffic(self, env, answers, cut, begun=lambda: None):
        """Everybody at once until so many more answers came (or half a minute went) and the power goes."""
        enough = self.answers() + answers
        stop = threading.Event()
        try:
            self.server.start(env=env)
        except Refused:     # the plan cut the power while it opened the store
            pass
        begun()
        driver = Driver(self.server, stop)
        threads = [threading.Thread(target=w.busy, args=(stop,)) for w in self.workers]
        for t in threads:
            t.start()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.server.daemon.poll() is None and self.answers() + len(
                driver.sent) < enough:
            time.sleep(0.02)
        time.sleep(self.dice.uniform(0, 0.5))
        cut()
        stop.set()
        for t in threads + [driver]:
            t.join()
        self.sent |= driver.sent

    def look(self):
        """What is on the disk after the kill, against what was said."""
        rows = self.server.ask
        if not self.cluster and rows("PRAGMA integrity_check") != [("ok",)]:
            self.lost.append("the database is damaged")
        for rule, sql in HALVES:
            for row in rows(sql)[:3]:
                self.lost.append(f"half made: {row}, although {rule}")
        queued = {u for u, in rows("SELECT uuid FROM command WHERE answered_at IS NULL")}
        results = {u for u, in rows("SELECT uuid FROM command WHERE answered_at IS NOT NULL")}
        self.lost += [f"queued command {u}" for u in self.sent - queued - results]
        count = "SELECT COUNT(*) FROM enrollment e JOIN account a ON a.id = e.account_id WHERE a.user_identifier = ?1 AND "
        for w in self.workers:
            user = w.device.user
            self.lost += [f"answer to {u} of {user}" for u in w.commands - results]
            enrolled = rows(count + "e.enrolled_at IS NOT NULL", user)[0][0]
            left = rows(count + "e.state IN ('unenrolled', 'evicted', 'replaced')", user)[0][0]
            if enrolled < w.enrolled or left < w.left:
                self.lost.append(f"{user}: {enrolled} of {w.enrolled} enrollments, {left} of {w.left} ends")
            self.doubled += w.doubled
            w.doubled = []

    def expire(self):
        """Every access token is over: the next round refreshes."""
        self.server.ask("UPDATE oauth_token SET expires_at = 1 WHERE kind = 'access'")
        self.server.ask("UPDATE enrollment SET pass_until = 1")

    def go_on(self):
        if self.server.daemon is None:
            self.server.start()
        self.stuck += [r for r in together(Worker.go_on, self.workers) if r is not True]
        if self.server.stop() != 0:
            self.stuck.append(f"the daemon does not stop: {self.server.log[-1500:]}")
        waiting = self.server.rows("SELECT e.state, m.uuid FROM command m JOIN enrollment e ON e.id = m.enrollment_id"
                                   " JOIN account a ON a.id = e.account_id WHERE m.answered_at IS NULL AND e.enrolled_at = (SELECT MAX(enrolled_at)"
                                   " FROM enrollment x WHERE x.account_id = a.id)")
        self.stuck += [f"a command stays in the queue: {row}" for row in waiting[:3]]

    def found(self):
        return self.lost + self.doubled + self.stuck

    def one(self, number):
        disk, crash = not self.cluster and number % 3 == 0, self.cluster and number % 6 == 0
        env = self.disk() if disk else {}
        found = self.found()
        answers = self.dice.randrange(0, 4 * len(self.workers))
        self.traffic(env, answers, self.crash if crash else self.kill)
        self.look()
        if self.dice.random() < 0.5:
            self.expire()
        self.go_on()
        how = "disk " + env["POSTERN_FAULT"] if disk else "database crashes" if crash else "kill"
        say(f"round {number}: {how} after {answers} answers, "
            f"{self.answers()} acknowledged in all")
        for what in self.found():
            if what not in found:
                say(what)

    def must_lose(self):
        """The same on a disk that is never flushed. How much was lost."""
        if self.cluster:
            self.traffic({}, 4 * len(self.workers), self.crash, self.forget)
            if self.server.daemon:
                self.kill()
            postgres.ask(self.cluster.dsn(), "ALTER SYSTEM RESET ALL")
            postgres.ask(self.cluster.dsn(), "SELECT pg_reload_conf()")
            until(lambda: postgres.ask(self.cluster.dsn(), "SHOW synchronous_commit") == [("on",)], PATIENCE_S)
        else:
            self.traffic(self.disk("&synchronous=off"), 2 * len(self.workers), self.kill)
        self.look()
        return len(self.lost)

    def forget(self):
        """From now on PostgreSQL says that it is on disk before it is. The daemon would not begin like that, so its
        connections are made first."""
        def asked(_):
            try:
                self.server.listing("user", "list")
            except Refused:
                pass

        together(asked, range(8))
        for sql in ("ALTER SYSTEM SET synchronous_commit = off", "ALTER SYSTEM SET wal_writer_delay = '10s'",
                    "SELECT pg_reload_conf()"):
            postgres.ask(self.cluster.dsn(), sql)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=6)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--devices", type=int, default=5)
    p.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    a = p.parse_args()

    cluster = postgres.Postgres() if a.store == "postgresql" else None
    r = Rounds(a.devices, a.seed, cluster)
    for number in range(1, a.rounds + 1):
        r.one(number)
    counts = len(r.lost), len(r.doubled), len(r.stuck)
    ok(counts[0] == 0, f"nothing acknowledged is lost or half made in {a.rounds} kills", "\n".join(r.lost))
    ok(counts[1] == 0, "no command is delivered again after its answer was acknowledged", r.doubled)
    ok(counts[2] == 0, "every device goes on after each restart", "\n".join(r.stuck))
    ok(r.answers() > 3 * a.devices, f"the rounds had something to lose: {r.answers()} acknowledgements")
    end(r.server)

    lost = 0
    for number in range(2):
        r = Rounds(a.devices, a.seed + 1000 + number, cluster)
        lost += r.must_lose()
        end(r.server)
    ok(lost > 0, f"without flushing the same rounds lose: {lost} found")
    status = done()
    print(f"# {a.rounds} rounds, {counts[0]} lost, {counts[1]} doubled, {counts[2]} stuck")
    return status


if __name__ == "__main__":
    sys.exit(main())
