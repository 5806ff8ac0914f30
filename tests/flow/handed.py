#!/usr/bin/python3
"""Sockets that the service manager holds (systemd.socket(5)): who comes while the daemon is replaced waits and is answered.
And a daemon that is older than its database starts nothing.
    handed.py     $POSTERN_BUILD names the build folder; $POSTERN_TEST_DSN a PostgreSQL server for the store"""

import fcntl
import os
import socket
import subprocess
import sys
import threading

from postern import BUILD, done, end, ok, same, until
from world import World


class Held(World):
    """Started as a service with socket units is: the sockets are this process's, and outlive the daemon."""

    def __init__(self):
        super().__init__()
        self.held = {"tls": self.keep(socket.create_server(("127.0.0.1", self.port), backlog=128))}
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(os.path.join(self.data, "admin.sock"))
        unix.listen()
        self.held["unix"] = self.keep(unix)

    @staticmethod
    def keep(listener):
        """Out of the way of the numbers that they are handed over as."""
        fd = fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, 100)
        listener.close()
        return fd

    def launch(self, *args, env=None, build=BUILD):
        moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(self.held.values()))
        closes = " ".join(f"{fd}<&-" for fd in self.held.values())
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.daemon = subprocess.Popen(
                ["bash", "-c", f'LISTEN_PID=$$ exec "$0" "$@" {moves} {closes}', os.path.join(build, "posternd"), "--data", self.data],
                stdout=log, stderr=log, pass_fds=list(self.held.values()),
                env={**os.environ, **(env or {}), "LISTEN_FDS": str(len(self.held)), "LISTEN_FDNAMES": ":".join(self.held)})
        return self.daemon

    def ended(self):
        """The status of a daemon that was launched and does not stay."""
        daemon, self.daemon = self.daemon, None
        return daemon.wait(60)


def replaced(w):
    """A fleet polls with a connection for each request; the daemon ends and is started again under it."""
    devices = [w.independent() for _ in range(3)]
    for d, user in zip(devices, w.person("ann", "bob", "eve")):
        d.enroll(user, "correct horse")
    over, told, asked = threading.Event(), [[] for _ in devices], []

    def polls(d, statuses):
        while not over.is_set():
            try:
                statuses.append(d.report().status)
            except OSError as e:
                statuses.append(str(e))

    fleet = [threading.Thread(target=polls, args=pair) for pair in zip(devices, told)]
    for t in fleet:
        t.start()
    more = lambda: (n := [len(s) for s in told]) and until(lambda: all(len(s) > k + 2 for s, k in zip(told, n)))
    for _ in range(2):
        ok(more(), "a fleet polls")
        same(w.stop(), 0, "the daemon ends while it does")
        asking = threading.Thread(target=lambda: asked.append(len(w.listing("enrollment", "list"))))
        asking.start()
        w.launch()
        asking.join(120)
    ok(more(), "and goes on with the next one")
    over.set()
    for t in fleet:
        t.join(120)
    # Whom a busy machine keeps from sending for a second after it connected is cut off, and comes again.
    ok(all(200 in (a, b) for statuses in told for a, b in zip(statuses, statuses[1:])) and
       {s for statuses in told for s in statuses if isinstance(s, int)} == {200}, "no device saw more of it than a retry", told)
    same(asked, [3, 3], "nor did the administrator who asked while there was none")


def main():
    w = Held().open()
    ok('door=tls address="of the socket unit"' in w.log and f"port={w.port}" in w.log and
       "address=127.0.0.1:8443" not in w.log, "a socket unit's sockets stand in for `listen`", w.log)
    replaced(w)
    same(w.stop(), 0, "SIGTERM ends it with status 0")
    ok(os.path.exists(os.path.join(w.data, "admin.sock")), "the socket of the administrator's command is the unit's, and stays")

    w.held["tsl"] = w.held.pop("unix")
    w.launch()
    same(w.ended(), 1, "a socket of a name that is none ends the daemon")
    ok("handed over a socket 'tsl'" in w.log, "... with a sentence that has it", w.log[-500:])
    w.held["unix"] = w.held.pop("tsl")

    newest, = w.rows("SELECT max(version) FROM schema_migration")[0]
    w.ask("INSERT INTO schema_migration (version, name, applied_at) VALUES (?1, 'of tomorrow', 0)", newest + 1)
    w.launch()
    same(w.ended(), 1, "a daemon older than its database does not start")
    ok(f"the database is at version {newest + 1} and this program knows {newest}: install a newer one" in w.log,
       "... and says what to do", w.log[-500:])
    ok("Sanitizer" not in w.log and "runtime error" not in w.log, "no sanitizer had anything to say", w.log[-3000:])
    end(w)
    return done()


if __name__ == "__main__":
    sys.exit(main())
