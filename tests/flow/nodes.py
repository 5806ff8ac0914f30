#!/usr/bin/python3
"""From one machine to two: an installation on SQLite is restored to PostgreSQL, a second node joins with its keys,
and a device that enrolled at the one is managed by the other; what a third decides holds at both. Then back to SQLite
from a backup that was made under load.
    nodes.py     $POSTERN_BUILD names the build folder; $POSTERN_TEST_DSN a PostgreSQL server, or one is started"""

import os
import signal
import ssl
import stat
import subprocess
import sys
import threading

import postgres
from loss import HALVES
from postern import BUILD, DOMAIN, PASSWORD, Refused, Server, done, end, free_port, ok, same
from tickets import ask, context
from world import Independent, World, web

PASSPHRASE = "six random words for the safe"


class Node(Server):
    """A data folder that was restored or joined; its devices are another server's."""

    def __init__(self, world, data):
        self.store = None
        self.folder, self.data, self.device_ca = world.folder, os.path.join(world.folder, data), world.device_ca
        self.database = os.path.join(self.data, "postern.db")
        self.port, self.mtls_port, self.url, self.cacert = free_port(), free_port(), world.url, world.cacert
        self.connect_to, self.daemon = [f"{DOMAIN}:443:127.0.0.1:{self.port}"], None

    def remove(self):
        self.stop()


def through(d, world, node):
    """The device reaches this node under the address that its profile names."""
    d._connect_to = [f"localhost:{world.port}:127.0.0.1:{node.port}", *node.connect_to]
    d.wire = web.Wire(world.cacert, d._connect_to)
    return d


def polls(d, node, world):
    through(d, world, node)
    return d.report().status


def files_of(folder):
    out = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if stat.S_ISREG(os.stat(path).st_mode):
                with open(path, "rb") as f:
                    out[os.path.relpath(path, folder)] = f.read()
    return out


def move(w, dsn, passphrase):
    """From SQLite to PostgreSQL, by a backup."""
    path = os.path.join(w.folder, "lite.backup")
    w.admin("backup", path, "--passphrase-file", passphrase)
    one = Node(w, "one")
    one.admin("restore", path, "--passphrase-file", passphrase, "--store", dsn)
    ok(not os.path.exists(one.database), "rows that were restored to PostgreSQL leave no SQLite file")
    try:
        w.run("--data", os.path.join(w.folder, "twice"), "restore", path, "--passphrase-file", passphrase, "--store", dsn)
        ok(False, "a database with rows is not restored to")
    except Refused as e:
        ok("left as it" in str(e), "a database with rows is not restored to", e)
    ok(not os.path.exists(os.path.join(w.folder, "twice")), "and no folder is left of that")
    return one


def join(w, one, name, passphrase, *more):
    path = os.path.join(w.folder, "node")
    one.admin("node", "export", path, "--passphrase-file", passphrase)
    node = Node(w, name)
    node.admin("node", "join", path, "--passphrase-file", passphrase, *more)
    return node, path


def check_join(w, one, two, path, dsn, passphrase):
    a, b = files_of(one.data), files_of(two.data)
    keys = [n for n in a if n.startswith(("keys/", "tls/")) or n == "proxy-secret"]
    ok(len(keys) > 8 and all(a[n] == b.get(n) for n in keys), "a node has the same keys, and no second CA", sorted(b))
    same(sorted(n for n in b if n.startswith("keys/")), sorted(n for n in a if n.startswith("keys/")), "nor any other key")
    with open(path, "rb") as f:
        octets = f.read()
    ok(b"PRIVATE KEY" not in octets and dsn.encode() not in octets, "its file can't be read")
    nowhere = os.path.join(w.folder, "nowhere")
    end = subprocess.run([os.path.join(BUILD, "postern"), "--data", nowhere, "restore", path, "--passphrase-file", passphrase],
                         capture_output=True, text=True)
    ok(end.returncode == 1 and "node join" in end.stderr and not os.path.exists(nowhere),
       "a node's file is no backup, and restore says so", end.stderr)
    end = subprocess.run([os.path.join(BUILD, "postern"), "--data", nowhere, "node", "join", path, "--passphrase-file",
                          passphrase, "--store", "postgresql://nobody@/nothing?host=/nonexistent"], capture_output=True,
                         text=True)
    ok(end.returncode == 1 and not os.path.exists(nowhere), "a node that doesn't reach the database does not join", end.stderr)


def check_nodes(w, one, two, three):
    lisa, = w.people_of(one, "lisa")
    d = through(w.independent_at(one), w, one)
    d.enroll(lisa, PASSWORD)
    same(polls(d, two, w), 200, "a device that enrolled at one node polls another")
    two.admin("command", "send", two.enrollment(d), "DeviceInformation", "Queries=OSVersion")
    through(d, w, one)
    same([c["Command"]["RequestType"] for c in d.poll()], ["DeviceInformation"], "and gets at one what was queued at another")
    c = context(w.cacert, ssl.TLSVersion.TLSv1_3)
    _, session, _ = ask(one.port, c)
    ok(ask(two.port, c, session)[2], "a TLS session of one node resumes at another")
    three.admin("token", "revoke", "--user", lisa)
    same([polls(d, n, w) for n in (one, two)], [401, 401], "what a third revokes holds at both at once")
    d.poll(PASSWORD)
    same(polls(d, three, w), 200, "its person signs in again at one, and it goes on at the third")
    three.admin("user", "disable", lisa)
    same([polls(d, n, w) for n in (one, two)], [401, 401], "a person disabled at one is disabled at all")
    three.admin("user", "enable", lisa)


def check_update(w, one, two, passphrase):
    """An organization that is added at one node brings keys that the others must get."""
    one.admin("org", "add", "Second", "--domain", "second.example", "--lab")
    try:
        two.admin("--org", "second", "ca", "show")
        ok(False, "a new organization's keys are at its node only")
    except Refused as e:
        ok("ca-second" in str(e), "a new organization's keys are at its node only", e)
    path = os.path.join(w.folder, "node")
    one.admin("node", "export", path, "--passphrase-file", passphrase)
    two.admin("node", "update", path, "--passphrase-file", passphrase)
    two.daemon.send_signal(signal.SIGHUP)
    same(two.listing("--org", "second", "ca", "show"), one.listing("--org", "second", "ca", "show"),
         "node update brings them, and the running server has them")
    a, b = files_of(os.path.join(one.data, "keys")), files_of(os.path.join(two.data, "keys"))
    same(a == b, True, "both have the same keys again")
    ok("no key" in two.admin("node", "update", path, "--passphrase-file", passphrase), "a second time there is nothing to take")
    other = os.path.join(w.folder, "other")
    os.makedirs(os.path.join(other, "keys"), mode=0o700)
    with open(os.path.join(other, "keys", "seal.secret"), "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(b"x" * 32)
    try:
        w.run("--data", other, "node", "update", path, "--passphrase-file", passphrase)
        ok(False, "another installation's keys are left alone")
    except Refused as e:
        ok("another installation" in str(e) and os.listdir(os.path.join(other, "keys")) == ["seal.secret"],
           "another installation's keys are left alone", e)


def under_load(w, nodes, devices, work):
    over, wrong = threading.Event(), []

    def poll(d, node):
        through(d, w, node)
        while not over.is_set():
            if d.report().status != 200:
                wrong.append(d.report().status)

    threads = [threading.Thread(target=poll, args=(d, nodes[i % len(nodes)])) for i, d in enumerate(devices)]
    for t in threads:
        t.start()
    try:
        work()
    finally:
        over.set()
        for t in threads:
            t.join()
    ok(not wrong, "no device is refused while a backup is made", wrong[:3])


class Lite(World):
    """The first installation, and what its devices need at the others."""

    def independent_at(self, node):
        self.made += 1
        return Independent(os.path.join(self.folder, f"device-i{self.made}"), self.cacert, node.connect_to, self.born)

    def people_of(self, node, *names):
        users = [f"{n}@{DOMAIN}" for n in names]
        for u in users:
            node.add_user(u, PASSWORD)
        return users


def main():
    cluster = None if postgres.address() else postgres.Postgres()
    dsn = postgres.fresh_database(postgres.address() or cluster.dsn())
    w = Lite(sqlite=True)
    passphrase = os.path.join(w.folder, "passphrase")
    with open(passphrase, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(PASSPHRASE + "\n")
    w.open()
    eliza, = w.person("eliza")
    d = w.independent()
    d.enroll(eliza, PASSWORD)
    one = move(w, dsn, passphrase)
    w.stop()
    nodes = [one]
    try:
        one.start()
        same(polls(d, one, w), 200, "a device that enrolled on SQLite polls the server on PostgreSQL")
        two, path = join(w, one, "two", passphrase)
        three, _ = join(w, one, "three", passphrase, "--store", dsn)
        check_join(w, one, two, path, dsn, passphrase)
        nodes += [two.start(), three.start()]
        check_nodes(w, one, two, three)
        check_update(w, one, two, passphrase)

        backup = os.path.join(w.folder, "pg.backup")
        under_load(w, nodes, [d], lambda: two.admin("backup", backup, "--passphrase-file", passphrase))
    finally:
        for n in nodes:
            same(n.stop(), 0, "a node drains")
    same(postgres.ask(dsn, "SELECT count(*) FROM ticket_key")[0][0] >= 1, True, "the nodes' ticket keys are rows of the one database")
    for rule, sql in HALVES:
        found = postgres.ask(dsn, sql)
        ok(not found, f"on PostgreSQL: {rule}", found[:3])

    back = Node(w, "back")
    back.admin("restore", backup, "--passphrase-file", passphrase, "--store", "sqlite:postern.db")
    for rule, sql in HALVES:
        found = back.rows(sql)
        ok(not found, f"back on SQLite: {rule}", found[:3])
    for table in ("account", "enrollment", "certificate", "event", "oauth_token", "command"):
        same(back.rows(f"SELECT count(*) FROM {table}"), postgres.ask(dsn, f"SELECT count(*) FROM {table}"),
             f"every {table} is there")
    back.start()
    same(polls(d, back, w), 200, "the device goes on with the server on SQLite")
    same(back.stop(), 0, "which ends well")
    ok("housekeeping failed" not in one.log, "no housekeeping fails on PostgreSQL", [x for x in one.log.splitlines() if "housekeeping" in x])
    for n in (one, two, three, back):
        ok("Sanitizer" not in n.log and "runtime error" not in n.log, "no sanitizer had anything to say")
    postgres.drop_database(dsn)
    end(w)
    return done()


if __name__ == "__main__":
    sys.exit(main())
