#!/usr/bin/python3
"""Receivers of webhooks over https, told by two servers on one PostgreSQL: whose certificate counts, what an answer may
be, and that nothing is lost or out of order when one of the servers is killed in the middle of a message.
    receivers.py     $POSTERN_BUILD names the build folder; $POSTERN_TEST_DSN a PostgreSQL server, or one is started"""

import contextlib
import os
import sys

import world  # first: it finds the others
import openssl
import postgres
from nodes import Lite, PASSPHRASE, join, through
from outside import fetch
from postern import PASSWORD, done, free_port, ok, same, say, until
from receiver import Receiver

ENROLLED = ["certificate.issued", "enrollment.enrolled"]


def certificates(w):
    """Chain and key for localhost, for another name by the same CA, and for localhost by nobody."""
    tls = os.path.join(w.data, "tls")
    key = os.path.join(w.folder, "receiver.key")
    openssl.new_rsa_key(key)
    made = []
    for name, pem in (("other", openssl.issued(key, "elsewhere.example", f"{tls}/ca.pem", f"{tls}/ca.key")),
                      ("stranger", openssl.self_signed(key, "localhost"))):
        path = os.path.join(w.folder, name + ".pem")
        with open(path, "wb") as f:
            f.write(pem)
        made.append((path, key))
    return [(f"{tls}/server.pem", f"{tls}/server.key"), *made]


def told(receiver, attempt):
    """Events of one attempt, and the commands among them, as they first came."""
    out = []
    with receiver.lock:
        for _, m in receiver.accepted:
            if m["data"].get("attempt") == attempt:
                out.append(m["data"].get("command") or m["type"])
    return out


class Person:
    def __init__(self, w, node, user):
        self.user, self.device = user, through(w.independent_at(node), w, node)
        self.device.enroll(user, PASSWORD)
        self.enrollment = node.enrollment(self.device)
        self.attempt = node.listing("attempt", "list", "--user", user)[0]["id"]
        self.wanted = list(ENROLLED)

    def answers(self, w, node):
        """Something is queued at this node, and answered there."""
        node.admin("command", "send", self.enrollment, "ProfileList")
        through(self.device, w, node)
        self.wanted += [c["CommandUUID"] for c in self.device.poll()]


def trouble(w, receiver, word):
    return until(lambda: word in (receiver.row(w)["trouble"] or ""), pause=0.1)


def who_is_told(w, two, people, kinds):
    say("certificates and answers")
    good, other, stranger, away, endless = receivers = [
        Receiver(n, c).add(w, host="localhost") for n, c in
        zip(("good", "other", "stranger", "away", "endless"), (kinds[0], kinds[1], kinds[2], kinds[0], kinds[0]))]
    away.mood, away.elsewhere, endless.mood = 307, f"https://localhost:{good.port}/stolen", "endless"
    people += [Person(w, node, user) for node, user in zip((w, two), w.people_of(w, "anna", "ben"))]
    ok(until(lambda: all(told(good, p.attempt) == p.wanted for p in people)),
       "over https, to a certificate of the CA of webhook_ca: told of what happened at either node", good.told())
    ok(trouble(w, other, "certificate") and trouble(w, stranger, "certificate"),
       "a certificate for another name, or of nobody who is trusted: refused",
       [r.row(w)["trouble"] for r in receivers])
    same((len(other.tries), len(stranger.tries)), (0, 0), "and no octet of a message reaches it")
    ok(trouble(w, away, "answered 307"), "a redirect is an answer that is not 2xx", away.row(w)["trouble"])
    same(good.paths, {"/"}, "and is not followed: messages go where the administrator said")
    ok(trouble(w, endless, "the answer is over") and until(lambda: 0 < endless.answered < 32 << 20),
       "an answer without an end is not read to it", (endless.row(w)["trouble"], endless.answered))
    same(max(good.tries.values()), 1, "what was accepted is not sent again, though two nodes send")
    for r in receivers[1:]:
        w.admin("webhook", "remove", r.id)
    return good


def sender(receiver, nodes):
    """The node whose connection brought the newest message; None: that is closed already."""
    with open("/proc/net/tcp") as f:
        sockets = {f"socket:[{line.split()[9]}]" for line in f if line.split()[1].endswith(f":{receiver.peer:04X}")}
    for n in nodes:
        for fd in os.scandir(f"/proc/{n.daemon.pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(fd.path) in sockets:
                    return n
    return None


def killed(w, two, people, good):
    say("a node is killed in the middle of a message")
    sent, good.mood = sum(good.tries.values()), "hang"
    for i in range(3):
        for p, node in zip(people, (w, two) if i % 2 else (two, w)):
            p.answers(w, node)
    ok(until(lambda: sum(good.tries.values()) > sent), "a message is under way")
    busy = until(lambda: sender(good, (w, two)))
    left = two if busy is w else w
    same(busy.kill(), -9, "the node that sends it is killed")
    good.mend()
    # Until its lease is over nobody knows that it is gone: that time passes here without waiting.
    w.ask("UPDATE webhook_state SET lease_until = 0, rests_until = 0")
    w.ask("UPDATE webhook_delivery SET due_at = 0")
    for p in people:
        p.answers(w, left)
    ok(until(lambda: all(told(good, p.attempt) == p.wanted for p in people)),
       "the other one goes on: nothing is lost, and each enrollment's are in order",
       [(told(good, p.attempt), p.wanted) for p in people])
    ok(until(lambda: w.ask("SELECT count(*) FROM webhook_delivery")[0][0] == 0), "nothing is left")
    same(good.bad, [], "each try was signed")
    return left


def away(cluster, port):
    say("the database goes away")
    same(fetch(port, "/readyz")[0], 200, "/readyz while it is there")
    ok("postern_store_up 1" in fetch(port, "/metrics")[1], "postern_store_up is 1")
    cluster.stop()
    ok(until(lambda: fetch(port, "/readyz")[0] == 503), "/readyz: 503 when it is not", fetch(port, "/readyz"))
    same(fetch(port, "/healthz"), (200, "alive\n"), "/healthz: the process is well all the same")
    status, page = fetch(port, "/metrics")
    ok(status == 200 and "postern_store_up 0" in page and "postern_http_connections" in page and
       "postern_enrollments{" not in page,
       "/metrics: postern_store_up is 0, and what the process knows is there", (status, page[-500:]))
    cluster.start()
    ok(until(lambda: fetch(port, "/readyz")[0] == 200), "/readyz: 200 when it is back")


def main():
    cluster = None if postgres.address() else postgres.Postgres()
    if cluster:
        os.environ["POSTERN_TEST_DSN"] = cluster.dsn()
    w, people = Lite(), []
    passphrase = os.path.join(w.folder, "passphrase")
    with open(passphrase, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(PASSPHRASE + "\n")
    two, _ = join(w, w, "two", passphrase)
    ports = {n: free_port() for n in (w, two)}
    for n in (w, two):
        n.set(webhook_private="yes", webhook_ca=w.cacert, metrics_listen=f"127.0.0.1:{ports[n]}")
    try:
        w.open()
        w.independent()     # its maker is known at both nodes
        two.start()
        good = who_is_told(w, two, people, certificates(w))
        left = killed(w, two, people, good)
        if cluster:
            away(cluster, ports[left])
        same(left.stop(), 0, "SIGTERM ends it with status 0")
    finally:
        two.stop()
    for n in (w, two):
        ok("Sanitizer" not in n.log and "runtime error" not in n.log, "no sanitizer had anything to say", n.log[-3000:])
    return done()


if __name__ == "__main__":
    sys.exit(main())
