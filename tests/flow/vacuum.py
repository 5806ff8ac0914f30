#!/usr/bin/python3
"""postern store vacuum: SQLite's file gets shorter without a server and beside one, PostgreSQL's tables are vacuumed; a
device that polls meanwhile is never refused.

Brings its own PostgreSQL unless $POSTERN_TEST_DSN names one."""

import json
import os
import subprocess
import sys
import threading

import postgres
from postern import CLIENTS, Device, Server, done, end, ok, same

ROWS = 8000     # of 2 kB
MANY = {"sqlite": f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})",
        "postgresql": f"WITH n (i) AS (SELECT generate_series(1, {ROWS}))"}


def waste(server):
    """Rows that came and went: their room is free."""
    engine, octets = ("postgresql", "decode(repeat(md5(i::text), 60), 'hex')") if server.store else ("sqlite", "randomblob(960)")
    server.ask(f"""{MANY[engine]} INSERT INTO command (uuid, enrollment_id, user_id, position, put_off, request_type, status,
        answer, dropped, queued_at, answered_at) SELECT 'OLD-' || i, 'nobody', '', 0, 0, 'DeviceInformation', 'Acknowledged',
        {octets}, 0, 1, 4000000000 FROM n""")
    server.ask("DELETE FROM command WHERE uuid LIKE 'OLD-%'")


def vacuum(server):
    return json.loads(server.admin("--json", "store", "vacuum"))


def beside(server, device, work):
    """work() while the device polls and the administrator asks."""
    over, wrong, n = threading.Event(), [], []

    def poll():
        while not over.is_set():
            n.append(device.poll())
            if n[-1] != 0:
                wrong.append(device.told())

    def ask():
        while not over.is_set():
            server.listing("user", "list")

    threads = [threading.Thread(target=poll), threading.Thread(target=ask)]
    for t in threads:
        t.start()
    try:
        for _ in range(3):
            result = work()
    finally:
        over.set()
        for t in threads:
            t.join()
    ok(n and not wrong, f"no request fails meanwhile ({len(n)} polls)", "\n".join(wrong[:1]))
    return result


def enrolled(server):
    user, = server.people(1)
    server.start()
    d = Device(server, user)
    ok(d.enroll() == 0, "a device enrolls", d.told())
    return d


def on_sqlite():
    s = Server(sqlite=True)
    d = enrolled(s)
    s.stop()
    waste(s)
    size = os.path.getsize(s.database)
    out = vacuum(s)
    ok(out["engine"] == "SQLite" and out["size_before"] > ROWS * 960 > out["size"] * 4 and out["free"] == 0,
       "without a server all that is free is given back", out)
    ok(os.path.getsize(s.database) < size / 4, "and the file is short", os.path.getsize(s.database))
    waste(s)
    s.start()
    free = []
    out = beside(s, d, lambda: free.append(vacuum(s)) or free[0])
    ok(out["size_before"] > ROWS * 960 > out["size"] * 4 and out["free"] < 100_000, "beside a server likewise", out)
    said = s.admin("store", "vacuum")
    ok(said.count("\n") == 1 and " before, " in said, "what it did is said in one line", said)
    same(s.stop(), 0, "the server ends well")
    waste(s)
    term = subprocess.run(["script", "-qec", f"{os.path.join(CLIENTS, 'postern')} --data {s.data} store vacuum", "/dev/null"],
                          capture_output=True, text=True, timeout=60)
    ok(term.returncode == 0 and "vacuum [" in term.stdout and "100 %" in term.stdout, "a terminal shows how far it is",
       term.stdout + term.stderr)
    same(s.rows("PRAGMA integrity_check"), [("ok",)], "the database is sound")
    end(s)


def on_postgresql(cluster):
    s = Server(store=postgres.fresh_database(cluster))
    d = enrolled(s)
    waste(s)
    out = beside(s, d, lambda: vacuum(s))
    count = "SELECT count(*), sum((vacuum_count > 0)::int) FROM pg_stat_user_tables"
    ok(out["engine"] == "PostgreSQL" and out["tables"] == len(s.tables()) > 10, "all tables are vacuumed", out)
    tables, vacuumed = s.ask(count)[0]
    same(int(vacuumed), int(tables), "as PostgreSQL says, too")
    same(s.stop(), 0, "the server ends well")
    end(s)


def main():
    own = None if postgres.address() else postgres.Postgres()
    on_sqlite()
    on_postgresql(postgres.address() or own.dsn())
    return done()


if __name__ == "__main__":
    sys.exit(main())
