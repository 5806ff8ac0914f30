#!/usr/bin/python3
"""Alternate discovery, server side (protocol 2.6, 2.7): Device Assignment Services, played by postern-apple.
    assignment.py     $POSTERN_BUILD names the build folder"""

import glob
import os
import subprocess
import sys
import time

import world  # first: it finds the others
from postern import CLIENTS, DOMAIN, Refused, done, ok, same, say, until
from apple_portal import PROFILE, Client, open_token
from stand_in import Apple


class Portal:
    """A posternd, and the portal in which its organization has an account."""

    def __init__(self):
        self.w = world.World()
        self.apple = Apple(os.path.join(self.w.folder, "apple"), "--rotate-sessions")
        self.w.set(**self.apple.settings())
        self.w.open()
        self.certificate = os.path.join(self.w.folder, "postern.pem")
        with open(self.certificate, "w") as f:
            f.write(self.w.admin("apple", "setup"))
        self.maid = glob.glob(os.path.join(self.w.data, "keys", "maid-*.pem"))

    def do(self, *words):
        out = subprocess.run([os.path.join(CLIENTS, "postern-apple"), *words, "--state", self.apple.folder], capture_output=True,
                             text=True)
        assert out.returncode == 0, out.stderr
        return out.stdout

    def server(self, name, certificate=None):
        """Its UUID, and the token that was downloaded."""
        path = self.apple.file(name + ".p7m")
        said = self.do("server", "add", name, "--certificate", certificate or self.certificate, "--token-out", path)
        return said.split("server_uuid: ")[1].strip(), path

    def refused(self, *words):
        try:
            return "not refused: " + self.w.admin(*words)
        except Refused as e:
            return str(e)

    def warned(self, text):
        return any(text in x for x in self.w.listing("org", "show")[0]["warnings"])

    def show(self):
        return self.w.listing("apple", "show")[0]

    def sessions(self):
        """How many were begun."""
        rows = self.apple.ask("/ledger/assignment")[1]["rows"]
        return len([r for r in rows if r["what"] == "/session" and r["outcome"] == "ok"])

    def check_now(self):
        """What is done once a day; when it is done, the row says when to do it again."""
        self.w.ask("UPDATE assignment_service SET check_at = 0")
        ok(until(lambda: self.w.ask("SELECT check_at FROM assignment_service")[0][0] > time.time() + 1000, pause=0.2),
           "Apple is asked", self.w.log[-1500:])


def bad_tokens(p):
    say("what is no token of this organization")
    w = p.w
    path = os.path.join(w.folder, "bad.p7m")
    for content in ("no token", "Content-Type: text/plain\n\nQUJD\n"):
        with open(path, "w") as f:
            f.write(content)
        ok("is no encrypted message" in p.refused("apple", "setup", "--token-file", path), "S-06: garbage is no token")
    subprocess.run(["openssl", "req", "-x509", "-new", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=other", "-keyout", path + ".key",
                    "-out", path + ".pem"], check=True, capture_output=True)
    _, other = p.server("other", path + ".pem")
    ok("another certificate" in p.refused("apple", "setup", "--token-file", other),
       "S-06: a token for another certificate is called so: what GetToken signs would not be accepted either")
    ok("has no server token" in p.refused("apple", "show"), "and none of them is kept")
    ok("has no server token" in p.refused("apple", "discovery", "set"), "nor is Apple asked without one")


def setup(p):
    say("the token")
    w = p.w
    uuid, path = p.server("postern")
    w.admin("apple", "setup", "--token-file", path)
    row = p.show()
    same(row["server_uuid"], uuid, "S-06: the token is opened by the key of GetToken, and Apple names the server")
    same(w.listing("org", "show")[0]["server_uuid"], uuid, "S-31: server_uuid is what GetToken is signed for")
    same((row["server_name"], row["discovery_offered"], row["found_url"]), ("postern", True, None), "the account is shown")
    ok(row["expires_at"], "and when the token ends")
    w.admin("org", "set", "--server-uuid", world.SERVER_UUID)
    ok(p.warned("Apple's is " + uuid), "S-31: a server UUID that is not Apple's is a warning", w.listing("org", "show"))
    w.admin("apple", "setup", "--token-file", path)
    with open(os.path.join(p.apple.folder, "portal.json")) as f:
        portal = f.read()
    secrets = [s for s in portal.split('"') if s[:3] in ("CS_", "AS_", "CK_", "AT_")]
    ok(len(secrets) >= 4 and not any(s.encode() in w.dump() for s in secrets), "S-06: the token is sealed at rest", len(secrets))
    rows = w.listing("status", "--next", "400d")
    ok(any(x["what"] == "server token of Apple" for x in rows), "postern status --next knows its end", rows)
    return uuid


def discovery(p):
    say("the discovery URL")
    w, begun = p.w, p.sessions()
    own = f"https://localhost:{w.port}/apple/discovery/" + w.listing("org", "list")[0]["id"]
    ok("Apple has no discovery URL" in p.refused("apple", "discovery", "show"), "S-06: 404 NOT_FOUND in words")
    w.admin("apple", "discovery", "set")
    same(w.listing("apple", "discovery", "show")[0]["url"], own, "S-06: registered and read")
    same(p.sessions(), begun, "S-06: in the session of before, whose name each answer changes")
    ok(own in p.do("show"), "and the portal has it")
    ok("https://HOST/PATH" in p.refused("apple", "discovery", "set", "--url", "http://example.org/"), "S-06: no URL but https")
    for query in ("", f"?user-identifier=ann@{DOMAIN}&model-family=iPhone", f"?user-identifier=ann@{DOMAIN}", "?model-family=Mac"):
        answer = w.wire().request("GET", own + query)
        same(answer.status, 200, f"2.6: the registered URL answers sensibly to {query or 'no parameters'}")
    same(w.log.count("path=/apple/discovery/"), 4, "2.6: and each of these is logged")
    p.apple.faults({"service": "assignment", "subject": "/account", "times": 1, "status": 401})
    w.admin("apple", "discovery", "set")
    same(p.sessions(), begun + 1, "S-06: 401 is answered by a new session, and asked once more")


    w.admin("apple", "discovery", "remove")
    ok("Apple has no discovery URL" in p.refused("apple", "discovery", "show"), "S-06: removed")
    w.admin("apple", "discovery", "set", "--url", "https://mdm.example.org/discovery")
    same(p.show()["found_url"], "https://mdm.example.org/discovery", "S-06: another URL, where that is wanted")
    w.admin("apple", "discovery", "set")
    return own


def warns(p, text, sentence):
    ok(p.warned(text), sentence, (p.w.listing("org", "show")[0]["warnings"], p.w.log[-1500:]))


def calm(p):
    p.check_now()
    warnings = p.w.listing("org", "show")[0]["warnings"]
    ok(not any("Apple's" in x for x in warnings), "and well again", warnings)


def daily(p, own):
    say("once a day")
    stranger = Client(p.apple, open_token(os.path.splitext(*p.maid)[0], p.apple.file("postern.p7m")))
    stranger.sign_in()
    stranger.ask(PROFILE, "POST", {"mdm_service_discovery_url": "https://elsewhere.example/"})
    p.check_now()
    warns(p, "another discovery URL (https://elsewhere.example/)", "S-06: a URL that somebody changed is noticed")
    same(p.w.listing("apple", "discovery", "show")[0]["ours"], False, "and shown as not ours")
    stranger.ask(PROFILE, "DELETE")
    p.check_now()
    warns(p, "no discovery URL of this server any more", "S-06: and one that somebody removed")
    p.w.admin("apple", "discovery", "set")
    calm(p)
    p.do("org", "set", "--terms", "off")
    p.check_now()
    warns(p, "agrees to them", "S-06: T_C_NOT_SIGNED is a warning")
    ok("agrees to them" in p.refused("apple", "discovery", "set"), "and the answer to a command")
    p.do("org", "set", "--terms", "on", "--account-driven-enrollment", "off")
    ok("does not offer alternate discovery" in p.refused("apple", "discovery", "set"), "S-06: what urls does not list is not called")
    same([r for r in p.apple.ask("/ledger/assignment")[1]["rows"] if "off" in r["sentence"]], [], "so Apple had nothing to refuse")
    p.do("org", "set", "--account-driven-enrollment", "on")
    calm(p)
    same(p.show()["found_url"], own, "all this time the URL stayed")


def clock(p):
    say("a clock that is late")
    same(p.w.stop(), 0, "the server stops")
    p.w.start_earlier(600)
    p.check_now()
    warns(p, "seconds behind Apple's: tokens of GetToken may be refused", "S-31: Apple's Date says that the clock is off")
    ok("seconds behind Apple's, which refuses its signature" in p.refused("apple", "setup", "--token-file", p.apple.file("postern.p7m")),
       "S-06: and a session that is refused for it says so")
    same(p.w.stop(), 0, "the server stops")
    p.w.start()
    calm(p)


def replaced(p):
    say("a token that was replaced")
    old, new = p.apple.file("postern.p7m"), p.apple.file("new.p7m")
    p.do("server", "token", "postern", "--token-out", new)
    ok("does not know the server token" in p.refused("apple", "setup", "--token-file", old), "S-06: the old one is refused")
    p.apple.faults({"service": "assignment", "subject": "/account", "times": 1, "status": 401})
    p.check_now()
    warns(p, "does not know the server token", "S-06: and noticed when the session is over")
    p.w.admin("apple", "setup", "--token-file", new)
    ok(not p.warned("server token") and p.show()["discovery_url"], "the new one goes on where the old one was", p.show())


def away(p):
    say("Apple is away")
    same(p.apple.stop(), (0, ""), "postern-apple ends well")
    ok("can't be reached" in p.refused("apple", "discovery", "show"), "S-06: a service that does not answer is said to be so")
    p.check_now()
    warns(p, "can't be reached", "and a warning")


def main():
    p = Portal()
    bad_tokens(p)
    setup(p)
    own = discovery(p)
    daily(p, own)
    clock(p)
    replaced(p)
    away(p)
    p.w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
