#!/usr/bin/python3
"""The database without a server: made on PostgreSQL, checked, migrated, moved from SQLite to PostgreSQL and back with
devices that go on as if nothing had happened; and a PostgreSQL that goes away under a server that is at work.

Brings its own PostgreSQL unless $POSTERN_TEST_DSN names one."""

import http.client
import json
import os
import ssl
import subprocess
import sys

import postgres
from postern import BUILD, DOMAIN, PASSWORD, Device, Refused, Server, done, end, ok, same, together, until

EMPTY = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def refused(server, *args, stdin=""):
    """The sentence with which the command refuses; "" if it does not."""
    r = subprocess.run([os.path.join(BUILD, "postern"), "--data", server.data, *args], input=stdin, capture_output=True,
                       text=True, timeout=180)
    return r.stderr.strip() if r.returncode == 1 else ""


def enrolled(server, user):
    server.add_user(user, PASSWORD)
    d = Device(server, user)
    ok(d.enroll() == 0, f"{user} enrolls", d.told())
    return d


def polls(device, when):
    ok(device.poll() == 0, f"{when} the device is served", device.told())


def move(server, target, when):
    """Copy the stopped server's rows to `target` and make it use them."""
    out = json.loads(server.admin("--json", "store", "copy", server.store or f"sqlite:{server.database}", target))
    counts = {t["name"]: t["rows"] for t in out["tables"]}
    ok(out["rows"] == sum(counts.values()) > 50 and counts["enrollment"] == 2 and len({t["sum"] for t in out["tables"]}) > 5,
       f"{when}: rows are counted and summed table by table", out)
    server.set(store=target)
    if target.startswith("sqlite:"):
        server.store, server.database = None, target[len("sqlite:"):]
    else:
        server.store = target
    return out


def copies(cluster):
    s = Server(sqlite=True)
    s.start()
    first, second = enrolled(s, f"ann@{DOMAIN}"), enrolled(s, f"bob@{DOMAIN}")
    s.admin("command", "send", s.listing("enrollment", "list", "--user", f"ann@{DOMAIN}")[0]["id"], "DeviceInformation")
    target = postgres.fresh_database(cluster)
    for command in (("store", "migrate"), ("store", "check"), ("store", "copy", f"sqlite:{s.database}", target)):
        said = refused(s, *command)
        ok(said.count("\n") == 0 and ("running" in said or "open in another process" in said),
           f"{' '.join(command[:2])} refuses while the server runs, in one sentence", said)
    s.stop()

    found = json.loads(s.admin("--json", "store", "check"))
    ok(found["engine"] == "SQLite" and found["broken"] == [] and found["tables"]["enrollment"] == 2 and
       found["schema"] > 0, "a sound database is found sound, its rows are counted", found)
    s.rows("UPDATE enrollment SET ended_at = 1 WHERE account_id = (SELECT id FROM account WHERE user_identifier = ?1)",
           f"ann@{DOMAIN}")
    said = refused(s, "store", "check")
    ok("broken" in said, "what other hands have broken between tables is found", said)
    s.rows("UPDATE enrollment SET ended_at = NULL")
    ok("newest" in s.admin("store", "migrate"), "migrating what is new changes nothing")

    ok("there" in refused(s, "store", "copy", f"sqlite:{s.database}.not", target), "a source that is not there is refused")
    move(s, target, "from SQLite to PostgreSQL")
    said = refused(s, "store", "copy", f"sqlite:{s.database}", target)
    ok("already" in said, "a database that has tables is left as it is", said)
    found = json.loads(s.admin("--json", "store", "check"))
    ok(found["engine"] == "PostgreSQL" and found["broken"] == [], "the moved database is sound", found)
    s.start()
    polls(first, "on PostgreSQL")
    said = refused(s, "store", "copy", target, f"sqlite:{s.data}/elsewhere.db")
    ok("stop every posternd" in said and not os.path.exists(s.data + "/elsewhere.db"),
       "nothing is copied from under a server that is at work on PostgreSQL", said)
    s.stop()

    # The same rows again: to the octet, in another order perhaps.
    again = postgres.fresh_database(cluster)
    third = json.loads(s.admin("--json", "store", "copy", target, again))
    back = move(s, f"sqlite:{s.data}/back.db", "from PostgreSQL to SQLite")
    same(back["tables"], third["tables"], "both engines answer with the same rows")
    s.start()
    polls(second, "back on SQLite")
    polls(first, "back on SQLite")
    ok(s.stop() == 0, "the server ends well")
    end(s)


def broken_copy(cluster):
    """A copy that fails in the middle leaves TO empty."""
    s = Server(sqlite=True)
    target = postgres.fresh_database(cluster)
    # What PostgreSQL can't take: a text that is no UTF-8, put there by other hands.
    s.rows("UPDATE organization SET name = CAST(x'ff' AS TEXT)")
    said = refused(s, "store", "copy", f"sqlite:{s.database}", target)
    ok(said != "", "a copy that fails says so", said)
    same(postgres.ask(target, EMPTY), [(0,)], "and leaves the new database empty")
    end(s)


def inits(cluster):
    s = Server(sqlite=True)
    target = postgres.fresh_database(cluster)
    secret = os.path.join(s.folder, "dsn")
    init = ["init", "--org", "Other", "--domain", "other.example", "--url", "https://localhost:8443", "--lab"]
    with open(secret, "w") as f:
        f.write(target + "\n")
    os.chmod(secret, 0o644)
    s.data = os.path.join(s.folder, "other")
    ok("chmod 600" in refused(s, *init, "--store-file", secret), "an address that everybody can read is refused")
    os.chmod(secret, 0o600)
    ok("Made in" in s.admin(*init, "--store-file", secret), "init takes the address from a file")
    with open(os.path.join(s.data, "postern.conf")) as f:
        ok(f"store = {target}\n" in f.read(), "and writes it into postern.conf, which is 0600")
    s.data = os.path.join(s.folder, "third")
    said = refused(s, *init, "--store-file", secret)
    ok("another installation" in said, "a database that has an organization belongs to another installation", said)
    r = subprocess.run([os.path.join(BUILD, "postern"), "--data", s.data, *init, "--store",
                        "postgresql://u:hush@127.0.0.1:1/x"], capture_output=True, text=True, timeout=60)
    ok(r.returncode == 1 and "others on this machine" in r.stderr and "hush" not in r.stderr,
       "a password in the command line is warned of, and not repeated", r.stderr)
    end(s)


# ---- PostgreSQL comes and goes ----

def ask_server(s):
    """The status of a request that needs the database, and its Retry-After."""
    tls = ssl.create_default_context(cafile=s.cacert)
    c = http.client.HTTPSConnection("localhost", s.port, timeout=60, context=tls)
    try:
        c.request("GET", f"/.well-known/com.apple.remotemanagement?user-identifier=ann@{DOMAIN}&model-family=iPhone")
        answer = c.getresponse()
        answer.read()
        return answer.status, answer.getheader("Retry-After")
    finally:
        c.close()


def comes_and_goes(own):
    s = Server(sqlite=True)
    s.folder_store = postgres.fresh_database(own.dsn())
    init = ["init", "--org", "Better Bag", "--domain", DOMAIN, "--url", s.url, "--lab", "--store", s.folder_store]
    s.data = os.path.join(s.folder, "on-postgresql")
    s.admin(*init)
    s.cacert = os.path.join(s.data, "tls", "ca.pem")
    s.start()
    d = enrolled(s, f"ann@{DOMAIN}")
    same(ask_server(s)[0], 200, "a request is answered")
    for immediate in (True, False):
        how = "crashes" if immediate else "stops"
        own.stop(immediate=immediate)
        status, retry = ask_server(s)
        ok(status == 503 and retry, f"while PostgreSQL is down ({how}), requests get 503 with Retry-After", (status, retry))
        ok(s.daemon.poll() is None, "and the server stays")
        own.start()
        # Many ask all the time: none of them may put off the next try.
        ok(until(lambda: 200 in [a[0] for a in together(lambda _: ask_server(s), range(8))], 30), "when it is back, requests are answered, without a restart")
        polls(d, "then")
    log = s.log
    ok(log.count("the database is gone") >= 1 and "the database is back" in log,
       "the log says when it went and when it came back", log[-1500:])
    ok(s.stop() == 0, "the server ends well")

    own.stop()
    s.launch()
    ok(s.daemon.wait(60) == 1 and "database can't be reached" in s.log[-1500:],
       "a server that finds no database at its start says so and ends", s.log[-1500:])
    s.daemon = None
    own.start()
    s.remove()


def unsafe(own):
    """Settings that lose what was acknowledged are refused."""
    s = Server(sqlite=True)
    s.set(store=postgres.fresh_database(own.dsn()))
    for setting in ("fsync = off", "synchronous_commit = off"):
        own.stop()
        with open(os.path.join(own.data, "postgresql.auto.conf"), "w") as f:
            f.write(setting + "\n")
        own.start()
        s.launch()
        ok(s.daemon.wait(60) == 1 and setting.replace(" ", "") in s.log[-600:], f"{setting} is refused at the start", s.log[-600:])
        s.daemon = None
    end(s)


def main():
    own = postgres.Postgres()
    cluster = postgres.address() or own.dsn()
    inits(cluster)
    copies(cluster)
    broken_copy(cluster)
    comes_and_goes(own)
    unsafe(own)
    return done()


if __name__ == "__main__":
    sys.exit(main())
