#!/usr/bin/python3
"""Kill the daemon in the middle of everything, again and again: what it acknowledged must be there, nothing may be
half made, and every device must be able to go on. Some devices are processes that enroll, poll and leave; a fleet
presses beside them, mixed and with faults, people enroll among it, and it keeps the ledger of what was acknowledged to it.

On SQLite half of the rounds run on the store's failing disk (store/faultvfs.h), which forgets at the kill what was
not flushed, since a kill alone proves nothing about flushing; of the other half some kill one of the processes beside
the daemon. On PostgreSQL every fifth round is followed by one that crashes the database under the daemon, which must
answer 503 and go on by itself (--restarts: so many of them); with two nodes behind one address a round kills one, sees
that the other serves, and then kills that, too. After every tenth round the disk of the store is full for a while, where
this process may mount one of a few megabytes. At the end the same without flushing must lose something, or the rounds
prove nothing.
    loss.py [--rounds N] [--seed S] [--devices N] [--store sqlite|postgresql] [--restarts N] [--nodes 1|2]
$POSTERN_BUILD names the build folder"""

import argparse
import asyncio
import atexit
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import postgres
from postern import (CLIENTS, PASSWORD, Device, Refused, Server, children, done, end, free_port, gone, ok, say, together,
                     until)

PATIENCE_S = 60     # a round ends then, however slow the machine is
CAMPAIGN = 6        # rounds on one database
FLEET, COMMANDS, JOINERS = 200, 20, 4     # devices, commands of each, people who enroll more devices
EXPLAINED = "401", "503", "connect", "lost", "timeout", "no-device", "enroll-interrupted"
FAULTS = "answer-lost=5,duplicate=5,notnow=5,expired-token=5,stalled=1,push-token=5"
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
        """Be a device until the server is gone. It comes and goes, so that something is written whether or not commands wait."""
        on = self.device.enrolled()
        while not stop.is_set():
            if on and self.dice.random() < 0.4:
                on = not self.do("unenroll")
            elif self.do("poll" if on else "enroll"):
                on = True
            elif "asks for the password again" not in self.device.err:  # told so by a machine that is too busy for passwords
                break

    def go_on(self):
        """After a restart: a device that is enrolled is served, any other can enroll. True, or why not."""
        on = self.device.enrolled()
        if self.do("poll" if on else "enroll") and (on or self.do("poll")):
            return True
        return f"{self.device.user}, {'enrolled' if on else 'not enrolled'}: {self.device.told()}"


class Fleet:
    """Devices by the hundred, over the plain listener as behind a proxy. Prepared; their server is not started."""

    def __init__(self, server, folder):
        self.server, self.port, self.ledgers, self.requests, self.enrolled = server, free_port(), [], 0, 0
        self.tls, self.joiners = server.port, server.people(JOINERS, "joiner")
        self.state, self.folder = os.path.join(folder, "fleet"), folder
        server.set(trusted_proxies="127.0.0.1")
        self.call("prepare", "--count", str(FLEET), "--keys", "2", "--key-kind", "p256", "--commands", str(COMMANDS),
                  "--expired-tokens", "--data", server.data)

    def heard(self):
        """Octets of what was acknowledged so far; the fleet writes them down once a second."""
        return os.path.getsize(self.ledgers[-1])

    def joined(self):
        """How many enrollments were acknowledged this time, by an answer to the TokenUpdate."""
        with open(self.ledgers[-1]) as f:
            return sum(line.startswith("enrolled ") for line in f)

    def call(self, *args):
        """Its result, and what it says beside."""
        done = subprocess.run(self.command(*args), text=True, capture_output=True, timeout=300)
        if not done.stdout.startswith("{"):
            raise Refused(f"fleet {args}: {done.stderr}")
        return json.loads(done.stdout), done.stderr

    def command(self, what, *args):
        return [os.path.join(CLIENTS, "postern-device"), "fleet", what, "--state", self.state, *args, "--json"]

    def plan(self, scenario, seed, *args):
        return ("run", "--connect", f"127.0.0.1:{self.port}", "--proof", "proxy", "--proxy-secret-file",
                os.path.join(self.server.data, "proxy-secret"), "--ledger", self.ledgers[-1], "--scenario", scenario,
                "--seed", str(seed), *args)

    def begin(self, seed):
        """Let it loose, with a ledger of its own for this time."""
        self.ledgers.append(os.path.join(self.folder, f"ledger-{len(self.ledgers) + 1}"))
        open(self.ledgers[-1], "w").close()
        joiners = [a for user in self.joiners for a in ("--user", user)]
        self.process = subprocess.Popen(self.command(*self.plan(
            "mixed", seed, "--connections", "8", "--duration", "600", "--fault", FAULTS, "--password-stdin", *joiners,
            "--enroll-connect", f"127.0.0.1:{self.tls}", "--cacert", self.server.cacert)), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(PASSWORD + "\n")
        self.process.stdin.close()
        self.process.stdin = None

    def end(self):
        """Statuses and errors that neither a fault nor a kill explains."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=300)
        result = json.loads(out) if out.startswith("{") else {"requests": 0, "errors": {}}
        self.requests += result["requests"]
        self.enrolled += self.joined()
        odd = {k: n for k, n in result["errors"].items() if k not in EXPLAINED}
        if odd.get("enroll"):
            odd["enroll"] = f"{odd['enroll']}, the first that failed: {result.get('first_error')}"
        return odd

    def cycle(self, count, seed):
        """So many of them work off their queues, without faults. None, or why not all of them could."""
        result, err = self.call(*self.plan("cycle", seed, "--count", str(count), "--connections", "4", "--duration",
                                           "200"))
        if result["errors_total"] != 0 or result["sessions"] != count:
            return f"{result['sessions']} of {count} devices of the fleet go on: {result['errors']} {err}"
        return None

    def verify(self, ledgers):
        """What its ledgers and the store disagree about: lost, doubled, stuck."""
        counts, err = self.call("verify", "--data", self.server.data, *[x for n in ledgers for x in ("--ledger", n)])
        found = []
        for kind in ("lost", "doubled", "stuck"):
            told = [line for line in err.splitlines() if line.startswith(kind + ":")]
            found.append(told + [f"{kind}: one more"] * (counts[kind] - len(told)))
        return found


class Second(Server):
    """Another posternd on the same database, with the keys and settings of the first."""

    def __init__(self, first):
        self.folder, self.store = tempfile.mkdtemp(prefix="postern-second-"), first.store
        self.data = shutil.copytree(first.data, os.path.join(self.folder, "data"),
                                    ignore=shutil.ignore_patterns("*.sock", "*.lock"))
        self.port, self.url, self.cacert, self.daemon = free_port(), first.url, first.cacert, None


class Balancer(threading.Thread):
    """One address before the nodes: each connection goes to the next of them that takes it."""

    def __init__(self, port, nodes):
        super().__init__(daemon=True)
        self.port, self.nodes, self.turn, self.loop = port, nodes, 0, asyncio.new_event_loop()
        self.ready = threading.Event()
        self.start()
        self.ready.wait()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self.connected, "127.0.0.1", self.port))
        self.loop.call_soon(self.ready.set)
        self.loop.run_forever()

    async def connected(self, reader, writer):
        self.turn += 1
        for i in range(len(self.nodes)):
            try:
                there = await asyncio.open_connection("127.0.0.1", self.nodes[(self.turn + i) % len(self.nodes)])
            except OSError:
                continue
            await asyncio.gather(self.pump(reader, there[1]), self.pump(there[0], writer))
            return
        writer.close()

    async def pump(self, reader, writer):
        try:
            while octets := await reader.read(65536):
                writer.write(octets)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join()


class Driver(threading.Thread):
    """The administrator: queues commands for whoever is enrolled, a few at a time."""

    def __init__(self, servers, stop, dice=random):
        super().__init__()
        self.servers, self.stop, self.dice, self.sent = servers, stop, dice, set()
        self.start()

    def run(self):
        while not self.stop.is_set():
            server = self.dice.choice(self.servers)
            try:
                rows = [r for r in server.listing("enrollment", "list") if r.get("state") == "enrolled"]
                for row in self.dice.sample(rows, min(5, len(rows))):
                    if not self.stop.is_set():
                        out = server.admin("command", "send", row["id"], "DeviceInformation", "Queries=OSVersion")
                        self.sent |= set(UUID.findall(out))
            except (Refused, subprocess.TimeoutExpired):
                pass
            time.sleep(0.05)


class SmallDisk:
    """A file system of a few megabytes in place of a folder, with what was in the folder; if it can be mounted."""

    def __init__(self, folder, megabytes):
        self.folder, self.filler = folder, os.path.join(folder, "filler")
        about = os.stat(folder)
        kept = tempfile.mkdtemp(prefix="postern-disk-")
        subprocess.run(["cp", "-a", folder + "/.", kept], check=True)
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700,uid={about.st_uid},"
                                       f"gid={about.st_gid}", "tmpfs", folder], capture_output=True).returncode == 0
        if self.mounted:
            subprocess.run(["cp", "-a", kept + "/.", folder], check=True)
        shutil.rmtree(kept)
        atexit.register(self.end)

    def fill(self):
        with open(self.filler, "ab", buffering=0) as f:
            for size in (1 << 20, 4096):
                try:
                    while f.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        os.unlink(self.filler)

    def end(self):
        """Lazily, should somebody still have it open."""
        if self.mounted:
            subprocess.run(["umount", "-l", self.folder], check=True)
            self.mounted = False


class Rounds:
    """`cluster`: the PostgreSQL that keeps the rows; None: SQLite does."""

    def __init__(self, devices, seed, cluster=None, fleet=True, nodes=1):
        self.dice, self.cluster = random.Random(seed), cluster
        self.server = Server(sqlite=True, store=postgres.fresh_database(cluster.dsn()) if cluster else None)
        self.folder = tempfile.mkdtemp(prefix="postern-loss-")
        self.fleet = Fleet(self.server, self.folder) if fleet else None
        self.workers = [Worker(self.server, user, self.dice) for user in self.server.people(devices)]
        self.sent, self.lost, self.doubled, self.stuck = set(), [], [], []
        self.nodes, self.plain, self.balancers = [self.server], [self.fleet.port] if fleet else [], []
        if nodes == 2:
            self.join()

    def join(self):
        """A second node; both are reached where the first was."""
        doors = self.server.port, self.fleet.port
        self.nodes.append(Second(self.server))
        self.server.port, self.plain = free_port(), [free_port(), free_port()]
        self.balancers = [Balancer(doors[0], [n.port for n in self.nodes]), Balancer(doors[1], self.plain)]

    def end(self):
        for b in self.balancers:
            b.end()
        for node in self.nodes[1:]:
            node.remove()
        end(self.server)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, env=None):
        for i, node in enumerate(self.nodes):
            if node.daemon is None:
                node.start(*(["--listen-http", f"127.0.0.1:{self.plain[i]}"] if self.fleet else []), env=env)

    def disk(self, options=""):
        """The environment of a round on the failing disk."""
        faults = [self.dice.choice(("drop", "reorder", "tear")), f"seed={self.dice.randrange(1, 1 << 30)}"]
        if self.dice.random() < 0.5 and not options:
            faults.append(f"kill@{self.dice.randrange(40, 4000)}")
        return {"POSTERN_STORE": f"sqlite:{self.server.database}?vfs=fault{options}", "POSTERN_FAULT": ",".join(faults)}

    def answers(self):
        return len(self.sent) + sum(len(w.commands) + w.enrolled + w.left for w in self.workers) + (
            self.fleet.requests if self.fleet else 0)

    def kill(self, nodes=None):
        for node in nodes or self.nodes:
            status = node.kill()
            if status != -signal.SIGKILL:
                self.stuck.append(f"the daemon ended by itself ({status}): {node.log[-1500:]}")

    def kill_process(self, name):
        """One of the daemon's processes. Without the keys or who listens it ends by itself; a hasher and the opener it can
        do without, so then it is killed, too. Nobody stays behind."""
        daemon = self.server.daemon
        processes = children(daemon.pid)
        os.kill(processes[name][0], signal.SIGKILL)
        if name in ("keys", "listener"):
            status = daemon.wait(PATIENCE_S)
            self.server.daemon = None
            if status != 1:
                self.stuck.append(f"the daemon ended with {status} without {name}: {self.server.log[-1500:]}")
        else:
            if not self.serves():
                self.stuck.append(f"the daemon does not serve without {name}: {self.server.log[-1500:]}")
            time.sleep(self.dice.uniform(0, 0.5))
            self.kill()
        stay = [name for name, pids in processes.items() if not until(lambda p=pids: all(gone(i) for i in p), PATIENCE_S)]
        if stay:
            self.stuck.append(f"processes that stay behind: {stay}")

    def kill_one(self):
        """One node dies, the other serves everybody, and then it dies, too."""
        dies, lives = self.dice.sample(self.nodes, 2)
        self.kill([dies])
        heard = self.fleet.heard()
        if not until(lambda: self.fleet.heard() > heard and self.serves(lives), PATIENCE_S):
            self.stuck.append(f"the other node does not serve: {lives.log[-1500:]}")
        time.sleep(self.dice.uniform(0, 0.7))
        self.kill([lives])

    def crash(self):
        """The database goes, the daemon stays."""
        self.cluster.stop(immediate=True)
        time.sleep(self.dice.uniform(0, 0.3))
        self.cluster.start()
        for node in self.nodes:
            status = node.daemon.poll()
            if status is not None:
                node.daemon = None
                self.stuck.append(f"the daemon ended with its database ({status}): {node.log[-1500:]}")
            elif not until(lambda: self.serves(node), PATIENCE_S):
                self.stuck.append(f"the daemon does not find its database again: {node.log[-1500:]}")

    def serves(self, node=None):
        try:
            return (node or self.server).admin("user", "list") != ""
        except Refused:
            return False

    def traffic(self, env, cut, begun=lambda: None):
        """Everybody at once, until the power goes at a moment that nobody knows."""
        stop = threading.Event()
        try:
            self.start(env)
        except Refused:     # the plan cut the power while it opened the store
            pass
        begun()
        self.fleet.begin(self.dice.randrange(1, 1 << 30))
        driver = Driver(self.nodes, stop, self.dice)
        threads = [threading.Thread(target=w.busy, args=(stop,)) for w in self.workers]
        for t in threads:
            t.start()
        wanted = 0 if env else 1    # an enrollment takes as long as thousands of polls; on the failing disk it may never end
        until(lambda: self.server.daemon.poll() is not None or (
            self.fleet.heard() > 0 and self.fleet.joined() >= wanted), PATIENCE_S)
        time.sleep(self.dice.uniform(0, 1.2))
        cut()
        stop.set()
        for t in threads + [driver]:
            t.join()
        odd = self.fleet.end()
        if odd:
            self.stuck.append(f"the fleet was answered otherwise than with 200, 401 and 503: {odd}")
        self.sent |= driver.sent

    def look(self):
        """What is on the disk after the kill, against what was said."""
        rows = self.server.ask
        if not self.cluster and not self.whole():
            self.lost.append("the database is damaged")     # whatever else it would say
            return
        if self.fleet:
            self.compare(self.fleet.ledgers[-1:])
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

    def whole(self):
        try:
            return self.server.ask("PRAGMA integrity_check") == [("ok",)]
        except sqlite3.DatabaseError:
            return False

    def compare(self, ledgers):
        for mine, found in zip((self.lost, self.doubled, self.stuck), self.fleet.verify(ledgers)):
            mine += found

    def expire(self):
        """Every access token is over: the next round refreshes."""
        self.server.ask("UPDATE oauth_token SET expires_at = 1 WHERE kind = 'access'")
        self.server.ask("UPDATE enrollment SET pass_until = 1")

    def go_on(self):
        self.start()
        self.stuck += [r for r in together(Worker.go_on, self.workers) if r is not True]
        if self.fleet:
            self.stuck += [r for r in [self.fleet.cycle(10, self.dice.randrange(1, 1 << 30))] if r]
        self.stop()
        for w in self.workers:
            waiting = self.server.rows(
                "SELECT e.state, m.uuid FROM command m JOIN enrollment e ON e.id = m.enrollment_id JOIN account a"
                " ON a.id = e.account_id WHERE a.user_identifier = ?1 AND m.answered_at IS NULL AND e.enrolled_at ="
                " (SELECT MAX(enrolled_at) FROM enrollment x WHERE x.account_id = a.id)", w.device.user)
            self.stuck += [f"a command stays in the queue: {row}" for row in waiting[:3]]

    def stop(self):
        for node in self.nodes:
            if node.stop() != 0:
                self.stuck.append(f"the daemon does not stop: {node.log[-1500:]}")

    def settle(self):
        """After the last round the whole fleet works off its queue, and all its ledgers together are compared."""
        self.start()
        self.stuck += [r for r in [self.fleet.cycle(FLEET, 1)] if r]
        self.stop()
        self.compare(self.fleet.ledgers)
        mine = ", ".join(f"'{user}'" for user in [w.device.user for w in self.workers] + self.fleet.joiners)
        left = self.server.rows("SELECT m.uuid FROM command m JOIN enrollment e ON e.id = m.enrollment_id JOIN account a"
                                " ON a.id = e.account_id WHERE m.answered_at IS NULL AND e.ended_at IS NULL"
                                f" AND a.user_identifier NOT IN ({mine})")
        if left:
            self.stuck.append(f"{len(left)} commands of the fleet stay in their queues")

    def found(self):
        return self.lost + self.doubled + self.stuck

    def one(self, title, env, cut):
        found = self.found()
        began = time.monotonic()
        self.traffic(env, cut)
        self.look()
        if self.dice.random() < 0.5:
            self.expire()
        self.go_on()
        say(f"{title}: {self.answers()} acknowledged in all, {self.fleet.enrolled} enrollments of the fleet, {time.monotonic() - began:.1f} s")
        new = [what for what in self.found() if what not in found]
        for what in new + [line for node in self.nodes for line in node.log.splitlines() if new and (
                "level=info" not in line or "reused" in line)][-20:]:
            say(what)

    def round(self, number):
        if not self.cluster and number % 2 == 0:
            env = self.disk()
            self.one(f"round {number}: disk {env['POSTERN_FAULT']}", env, self.kill)
        elif len(self.nodes) == 2:
            self.one(f"round {number}: one node is killed, then the other", {}, self.kill_one)
        elif self.dice.random() < 0.5:
            self.one(f"round {number}: kill", {}, self.kill)
        else:
            name = self.dice.choice(("keys", "listener", "argon2id", "opener"))
            self.one(f"round {number}: kill of {name}", {}, lambda: self.kill_process(name))

    def restart_database(self, number):
        def cut():
            self.crash()
            time.sleep(self.dice.uniform(0, 0.5))   # the fleet is served again

        self.one(f"after round {number}: the database crashes", {}, cut)

    def fill_disk(self, disk, number):
        """The disk is full for a while, and then the daemon is killed. PostgreSQL may give up while it is full."""
        def complains():
            return "disk is full" in self.server.log[begin:] or "No space left" in (
                self.cluster.log if self.cluster else "")

        def cut():
            disk.fill()
            if not until(complains, PATIENCE_S):
                self.stuck.append("nobody noticed that the disk was full")
            time.sleep(self.dice.uniform(0, 0.7))
            disk.free()
            if self.cluster and not until(self.cluster.answers, 5):
                self.cluster.stop(immediate=True)
                self.cluster.start()
            if self.server.daemon.poll() is not None:
                self.stuck.append(f"the daemon ended on a full disk: {self.server.log[begin:][-1500:]}")
            elif not until(self.serves, PATIENCE_S):
                self.stuck.append(f"the daemon does not go on with room again: {self.server.log[begin:][-1500:]}")
            time.sleep(self.dice.uniform(0, 0.5))
            self.kill()

        begin = len(self.server.log)
        self.one(f"after round {number}: the disk is full, and freed", {}, cut)

    def must_lose(self):
        """The same on a disk that is never flushed. How much was lost."""
        if self.cluster:
            self.traffic({}, self.crash, self.forget)
            if self.server.daemon:
                self.kill()
            postgres.ask(self.cluster.dsn(), "ALTER SYSTEM RESET ALL")
            postgres.ask(self.cluster.dsn(), "SELECT pg_reload_conf()")
            until(lambda: postgres.ask(self.cluster.dsn(), "SHOW synchronous_commit") == [("on",)], PATIENCE_S)
        else:
            self.traffic(self.disk("&synchronous=off"), self.kill)
        self.look()
        return len(self.found())

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
    p.add_argument("--devices", type=int, default=3)
    p.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    p.add_argument("--restarts", type=int, help="crashes of PostgreSQL, spread over the rounds (default: a fifth of them)")
    p.add_argument("--nodes", type=int, choices=(1, 2), default=1, help="posternd on the one PostgreSQL")
    a = p.parse_args()
    if a.store == "sqlite" and (a.nodes > 1 or a.restarts):
        p.error("--nodes and --restarts are of PostgreSQL: --store postgresql")
    crashes = a.rounds // 5 if a.restarts is None else a.restarts

    cluster = postgres.Postgres() if a.store == "postgresql" else None
    lost, doubled, stuck, answers, enrolled, restarts, full = [], [], [], 0, 0, 0, 0
    for first in range(1, a.rounds + 1, CAMPAIGN):
        r = Rounds(a.devices, a.seed * 1000 + first, cluster, nodes=a.nodes)
        for number in range(first, min(first + CAMPAIGN, a.rounds + 1)):
            r.round(number)
            while cluster and restarts < number * crashes // a.rounds:
                r.restart_database(number)
                restarts += 1
        r.settle()
        lost, doubled, stuck, answers = lost + r.lost, doubled + r.doubled, stuck + r.stuck, answers + r.answers()
        enrolled += r.fleet.enrolled
        r.end()
    for number in range(10, a.rounds + 1, 10):
        r, filled = on_small_disk(a.devices, a.seed * 1000 + 500 + number, number, bool(cluster))
        full += filled
        lost, doubled, stuck, answers = lost + r.lost, doubled + r.doubled, stuck + r.stuck, answers + r.answers()

    also = (f", {restarts} crashes of the database" if cluster else "") + (f", {full} full disks" if full else "")
    ok(not lost, f"nothing acknowledged is lost or half made in {a.rounds} kills{also}", "\n".join(lost))
    ok(not doubled, "no command is delivered again after its answer was acknowledged", "\n".join(doubled))
    ok(not stuck, "every device goes on after each restart", "\n".join(stuck))
    ok(answers > 20 * a.rounds and enrolled >= a.rounds // 2,
       f"the rounds had something to lose: {answers} acknowledgements, {enrolled} enrollments of the fleet")

    without = 0
    for number in range(2):
        r = Rounds(a.devices, a.seed + 1000 + number, cluster)
        without += r.must_lose()
        r.end()
    ok(without > 0, f"without flushing the same rounds lose: {without} found")
    status = done()
    print(f"# {a.rounds} rounds, {len(lost)} lost, {len(doubled)} doubled, {len(stuck)} stuck")
    return status


def on_small_disk(devices, seed, number, on_postgres):
    """A round with a disk that fills up; whether it could be made."""
    cluster = postgres.Postgres(start=False) if on_postgres else None
    disk = SmallDisk(cluster.data, 200) if cluster else None
    if cluster:
        cluster.start()
    r = Rounds(devices, seed, cluster)
    disk = disk or SmallDisk(r.server.data, 128)
    try:
        if disk.mounted:
            r.fill_disk(disk, number)
            r.settle()
        else:
            say("no disk could be mounted to be filled")
    finally:
        made = disk.mounted
        r.server.stop()
        if cluster:
            cluster.stop()
        disk.end()
        r.end()
        if cluster:
            cluster.remove()
    return r, made


if __name__ == "__main__":
    sys.exit(main())
