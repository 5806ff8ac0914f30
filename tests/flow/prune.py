#!/usr/bin/python3
"""Old history goes while the server runs, and its file becomes small again; who is enrolled notices nothing.
    prune.py     $POSTERN_BUILD names the build folder"""

import os
import sqlite3
import sys

from postern import Device, Server, done, ok, same, until

ROWS = 8000
PATIENCE_S, PAUSE_S = 300, 0.3


def old_answers(server):
    """Answers of long ago, 2 kB each. Only while no daemon has the database."""
    with sqlite3.connect(server.database) as db:
        db.execute("""WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO command (uuid, enrollment_id, user_id, position, put_off, request_type, status, answer,
            dropped, queued_at, answered_at) SELECT 'OLD-' || i, 'nobody', '', 0, 0, 'DeviceInformation', 'Acknowledged', randomblob(2000), 0, 1, 2
            FROM n""", (ROWS,))
    db.close()


def main():
    server = Server(sqlite=True)    # about its file
    user, = server.people(1)
    server.start()
    d = Device(server, user)
    d.enroll()
    server.stop()
    old_answers(server)
    before = os.path.getsize(server.database)
    ok(before > ROWS * 2000, "a database with a long history", before)
    server.start()
    status, = server.listing("status")
    ok(status["rows"]["result"] >= ROWS and status["store_size"] >= before, "status says how large it is", status)
    end = until(lambda: server.listing("status")[0]["rows"]["result"] < ROWS / 100, PATIENCE_S, PAUSE_S)
    ok(end, "old answers go by themselves")
    ok(until(lambda: server.listing("status")[0]["store_size"] < before / 4, PATIENCE_S, PAUSE_S),
       "and their room in the file")
    same(d.poll(), 0, "a device polls as before")
    same(server.stop(), 0, "the server drains")
    ok(os.path.getsize(server.database) < before / 4, "the file is small again", os.path.getsize(server.database))
    same(server.rows("PRAGMA integrity_check"), [("ok",)], "and sound")
    return done()


if __name__ == "__main__":
    sys.exit(main())
