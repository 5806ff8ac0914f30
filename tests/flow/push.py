#!/usr/bin/python3
"""Devices are woken through Apple's push service (protocol 13): over HTTP/2, with the organization's certificate, against
a service that can be told to fail in every way that its page names.
    push.py     $POSTERN_BUILD names the build folder"""

import json
import os
import plistlib
import queue
import subprocess
import sys
import threading
import uuid

import world  # first: it finds the others
import openssl
from postern import PASSWORD, Refused, done, free_port, ok, same, say, until

HERE = os.path.dirname(os.path.abspath(__file__))
TOPIC = "com.apple.mgmt.External." + str(uuid.uuid4())


def certificate(path, subject, issuer=None, more=()):
    """A key and a certificate, path.key and path.pem; by itself without an issuer."""
    by = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"] if issuer else []
    openssl.run(["req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "300",
                 "-subj", subject, "-keyout", f"{path}.key", "-out", f"{path}.pem", *by,
                 *(x for e in more for x in ("-addext", e))])


class Service:
    """The stand-in, and what it was sent."""

    def __init__(self, folder):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "..", "push", "apns.mjs"), folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.heard, self.connections = queue.Queue(), []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            (self.connections.append if "connection" in said else self.heard.put)(said)

    def say(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def next(self, seconds=60):
        """The next push; None: none came."""
        try:
            return self.heard.get(timeout=seconds)
        except queue.Empty:
            return None

    def quiet(self, seconds=1.5):
        """Longer than a push waits for others."""
        return self.next(seconds) is None

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def shown(w, d):
    return w.listing("enrollment", "show", d.enrollment)[0]["channels"][0]


def send(w, d):
    w.admin("command", "send", d.enrollment, "ProfileList")


def soon(w, d, what):
    """Until the administrator sees that of the channel."""
    return until(lambda: what(shown(w, d)), pause=0.2)


def due(w, d):
    """A push that failed is tried again after half a minute: now."""
    w.admin("push", d.enrollment)


def sent(w, s, d):
    send(w, d)
    got = s.next() or {}
    state = d.state
    same((got.get("token"), got.get("method")), (state["push"], "POST"),
         "S-34: a queued command is pushed to the token, in lower case hexadecimal")
    same(json.loads(got.get("body", "null")), {"mdm": state["magic"]}, "S-34: the body is the PushMagic and nothing else")
    same((got["topic"], got["type"], got["priority"], got["media"]), (TOPIC, "mdm", "10", "application/json"),
         "S-34: topic, type, priority")
    ok(int(got["expiration"]) > 0, "and until when it is worth something", got)
    same(s.connections[0]["subject"].get("UID"), TOPIC, "S-34: the connection has the organization's push certificate")
    ok(soon(w, d, lambda ch: ch["pushed_at"] and not ch["waits_for_wake"]), "the administrator sees when", shown(w, d))
    ok(s.quiet(), "and it is pushed once")


def failing(w, s, d):
    say("a service that fails")
    for status, reason in ((500, {"reason": "InternalServerError"}), (503, None), (429, {"reason": "TooManyRequests"})):
        s.say(token=d.state["push"], answers=[[status, reason] if reason else [status]])
        send(w, d)
        same((s.next() or {}).get("status"), status, f"S-34: {status} is answered")
        ok(soon(w, d, lambda ch: ch["push_tries"] == 1 and ch["waits_for_wake"]), "and waits to be tried again", shown(w, d))
        send(w, d)  # what is new is pushed for at once, and what waits goes with it
        same((s.next() or {}).get("status"), 200, "the next one is accepted")
        ok(soon(w, d, lambda ch: ch["push_tries"] == 0 and not ch["waits_for_wake"]), "and that is all", shown(w, d))
    ok(s.quiet(), "S-34: several commands are one push")
    for how in ("goaway", "cut"):
        s.say(**{how: True})
        send(w, d)
        same((s.next() or {}).get("token"), d.state["push"], f"S-34: after {how} over another connection")
        ok(soon(w, d, lambda ch: not ch["waits_for_wake"]), "which is all")


def refused(w, s, d):
    say("a token that is good no more")
    for status, reason in ((410, {"reason": "Unregistered", "timestamp": 4e12}), (400, {"reason": "BadDeviceToken"})):
        s.say(token=d.state["push"], answers=[[status, reason]])
        send(w, d)
        same((s.next() or {}).get("status"), status, f"S-34: {status} {reason['reason']}")
        ok(soon(w, d, lambda ch: ch["push_refused"] == reason["reason"]), "the administrator sees it", shown(w, d))
        send(w, d)
        ok(s.quiet(), "S-34: the token is left alone")
        same(w.states(d.state["user"])[-1], "enrolled", "S-34: and the enrollment stays")
        try:
            due(w, d)
            ok(False, "postern push says so")
        except Refused as e:
            ok(reason["reason"] in str(e) and "TokenUpdate" in str(e), "postern push says so", e)
        d.state["push"] = os.urandom(32).hex()
        same(d.token_update().status, 200, "a TokenUpdate with another token")
        same((s.next() or {}).get("token"), d.state["push"], "S-34: is pushed to at once, for what waits")
        ok(soon(w, d, lambda ch: not ch["push_refused"] and ch["pushed_at"]), "and all is well", shown(w, d))
    s.say(token=d.state["push"], answers=[[410, {"reason": "Unregistered", "timestamp": 1000}]])
    send(w, d)
    same((s.next() or {}).get("status"), 410, "S-34: 410 for a time before the last TokenUpdate")
    ok(soon(w, d, lambda ch: not ch["push_refused"] and ch["push_tries"] == 1), "says nothing about the token", shown(w, d))
    due(w, d)
    same((s.next() or {}).get("status"), 200, "which is tried again")


def trouble(w, s, d):
    say("a certificate that is not accepted")
    warnings = lambda: " ".join(w.listing("org", "show")[0]["warnings"])
    s.say(token=d.state["push"], answers=[[403, {"reason": "BadCertificate"}]])
    send(w, d)
    same((s.next() or {}).get("status"), 403, "S-34: 403 is answered")
    ok(until(lambda: "BadCertificate" in warnings(), pause=0.2), "postern org show says why nothing goes out", warnings())
    due(w, d)
    ok(s.quiet(), "S-34: and nothing does")
    w.admin("org", "set", "--push-certificate", w.push + ".pem", "--push-key", w.push + ".key")
    same((s.next() or {}).get("token"), d.state["push"], "until a certificate is put")
    ok(until(lambda: "not woken" not in warnings(), pause=0.2), "and then all is well", warnings())


def others_server(w, d, folder):
    """nghttpd is an HTTP/2 server that is not ours."""
    port = free_port()
    nghttpd = subprocess.Popen(["nghttpd", "--echo-upload", "--verify-client", "-v", str(port), f"{folder}/server.key",
                                f"{folder}/server.pem"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    w.set(push_url=f"https://localhost:{port}")
    w.stop()
    w.start()
    send(w, d)
    heard = []
    for line in nghttpd.stdout:
        heard.append(line)
        if ":status: 200" in line:
            break
    ok(any(f"/3/device/{d.state['push']}" in line for line in heard) and ":status: 200" in heard[-1],
       "S-34: another HTTP/2 server takes it", "".join(heard)[-2000:])
    ok(soon(w, d, lambda ch: not ch["waits_for_wake"]), "and its answer counts", shown(w, d))
    nghttpd.kill()
    nghttpd.wait()


def main():
    w = world.World()
    folder = os.path.join(w.folder, "push")
    os.mkdir(folder)
    ca, w.push = os.path.join(folder, "ca"), os.path.join(folder, "push")
    certificate(ca, "/CN=Stand-in")
    certificate(os.path.join(folder, "server"), "/CN=localhost", ca, ["subjectAltName=DNS:localhost"])
    certificate(w.push, f"/UID={TOPIC}/CN=APSP", ca)
    s = Service(folder)
    w.set(push_url=f"https://localhost:{s.port}", push_ca=ca + ".pem")
    w.open()
    w.admin("org", "set", "--push-certificate", w.push + ".pem", "--push-key", w.push + ".key")
    user, other = w.person("woken", "waits")
    d = w.independent()
    d.enroll(user, PASSWORD, "iPhone", f"https://localhost:{w.port}")
    d.enrollment = w.listing("enrollment", "list", "--user", user)[0]["id"]
    ok(s.quiet(), "nothing is pushed where nothing waits")
    sent(w, s, d)
    failing(w, s, d)
    refused(w, s, d)
    trouble(w, s, d)
    s.stop()
    others_server(w, d, folder)
    return done()


if __name__ == "__main__":
    sys.exit(main())
