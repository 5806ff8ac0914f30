#!/usr/bin/python3
"""TLS sessions that one node begins and another goes on with: the keys of their tickets are rows that all nodes read.
Here two servers stand on two copies of the same rows. A resumed session is no proof: the device's certificate and its
bearer are asked for at every request.
    tickets.py     $POSTERN_BUILD names the build folder"""

import os
import plistlib
import shutil
import socket
import sqlite3
import ssl
import sys
import time

from postern import PASSWORD, done, free_port, ok, same
from world import World

COMMAND_TYPE = "application/x-apple-aspen-mdm"
VERSIONS = (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3))


def context(cacert, version, pair=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(cacert)
    c.minimum_version = c.maximum_version = version
    if pair:
        c.load_cert_chain(*pair)
    return c


def ask(port, c, session=None, request=b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"):
    """One request. (status, the TLS socket after it); a ticket of TLS 1.3 comes with the answer."""
    with socket.create_connection(("127.0.0.1", port), 60) as s, c.wrap_socket(s, server_hostname="localhost",
                                                                            session=session) as t:
        t.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            got = t.recv(65536)
            if not got:
                break
            data += got
        return int(data.split(b" ")[1]) if data else 0, t.session, t.session_reused


def idle(d):
    """An empty poll of a device with a certificate, as octets."""
    url = d.state["mdm"]["ServerURL"]
    body = plistlib.dumps({"Status": "Idle", **d.who()})
    return (f"PUT /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {COMMAND_TYPE}\r\n"
            f"Authorization: Bearer {d.token}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


class Copy:
    """A second server on a copy of the first one's folder."""

    def __init__(self, w):
        self.w, self.data = w, os.path.join(w.folder, "second")
        shutil.copytree(w.data, self.data, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
        self.port, self.mtls_port = free_port(), free_port()

    def __enter__(self):
        w = self.w
        self.first = w.data, w.database, w.port, w.mtls_port, w.daemon
        w.data, w.database, w.port, w.mtls_port = (self.data, os.path.join(self.data, "postern.db"), self.port,
                                                   self.mtls_port)
        w.start("--listen-mtls", f"127.0.0.1:{self.mtls_port}")
        return self

    def __exit__(self, *_):
        self.w.stop()
        self.w.data, self.w.database, self.w.port, self.w.mtls_port, self.w.daemon = self.first


def main():
    w = World(sqlite=True)    # of which a copy is made; on one database: nodes.py
    w.set(mtls_url=f"https://localhost:{w.mtls_port}")
    w.open("--listen-mtls", f"127.0.0.1:{w.mtls_port}")
    user, = w.person("eliza")
    w.admin("org", "set", "--identity-proof", "mtls")
    d = w.independent()
    d.enroll(user, PASSWORD)
    w.stop()

    with sqlite3.connect(w.database) as db:
        rows = db.execute("SELECT generation, length(sealed) FROM ticket_key").fetchall()
    db.close()
    ok(rows and rows[0][0] in (int(time.time()) // 43200, int(time.time()) // 43200 - 1),
       "the first server made a key for this half day", rows)
    same({n for _, n in rows}, {32 + 40}, "and sealed it")

    second = Copy(w)
    w.start("--listen-mtls", f"127.0.0.1:{w.mtls_port}")
    kept = {}
    for name, version in VERSIONS:
        for door, port, pair in (("TLS", w.port, None), ("mTLS", w.mtls_port, (d.cert, d.key))):
            c = context(w.cacert, version, pair)
            status, session, reused = ask(port, c, request=idle(d) if pair else ask.__defaults__[1])
            ok(status == (200 if pair else 404) and not reused, f"{door} {name}: a session begins at one node", status)
            kept[door, name] = c, session
    with second:
        for (door, name), (c, session) in kept.items():
            port, other = (second.port, second.mtls_port) if door == "TLS" else (second.mtls_port, second.port)
            request = idle(d) if door == "mTLS" else ask.__defaults__[1]
            status, back, reused = ask(port, c, session, request)
            ok(reused and status == (200 if door == "mTLS" else 404), f"{door} {name}: another node resumes it", (reused, status))
            _, _, reused = ask(other, c, session)
            ok(not reused, f"{door} {name}: but not at the other kind of listener")
            _, _, reused = ask(port, c, back, request)
            ok(reused, f"{door} {name}: what that node gave is good there, too")
        c, session = kept["mTLS", "1.3"]
        status, _, reused = ask(second.mtls_port, c, session, idle(d).replace(d.token.encode(), b"x" * len(d.token)))
        ok(reused and status == 401, "a resumed session doesn't stand in for the bearer", (reused, status))
        certificate, = w.listing("ca", "show", "--enrollment", w.enrollment(d))
        w.admin("ca", "revoke", certificate["fingerprint"])
        for name, _ in VERSIONS:
            c, session = kept["mTLS", name]
            status, _, reused = ask(second.mtls_port, c, session, idle(d))
            ok(reused and status == 403, f"mTLS {name}: nor for its certificate, which was revoked meanwhile", (reused, status))
        ok("session tickets are not shared" not in w.log, "keys are read without trouble", w.log[-500:])

    c, session = kept["TLS", "1.3"]
    w.stop()
    w.start()
    ok(ask(w.port, c, session)[2], "a session outlives a restart")
    w.stop()
    with sqlite3.connect(w.database) as db:
        db.execute("UPDATE ticket_key SET sealed = (SELECT zeroblob(72))")
    db.close()
    w.start()
    status, _, reused = ask(w.port, c, session)
    ok(status == 404 and not reused, "a row that this seal didn't make opens nothing, and nobody is turned away by it",
       (status, reused))
    ok("session tickets are not shared" in w.log, "and the log says so")
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
