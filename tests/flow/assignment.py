#!/usr/bin/python3
"""Alternate discovery, server side (protocol 2.6, 2.7): Device Assignment Services, played by postern-apple.
    assignment.py     $POSTERN_BUILD names the build folder"""

import os
import subprocess
import sys

import world  # first: it finds the others
from postern import CLIENTS, DOMAIN, Refused, done, ok, same, say, until
from stand_in import Apple
from world import Phone


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

    def check_now(self):
        """What is done once a day."""
        self.w.ask("UPDATE assignment_service SET check_at = 0")


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
    with open(os.path.join(p.apple.folder, "portal.json")) as f:
        portal = f.read()
    secrets = [s for s in portal.split('"') if s[:3] in ("CS_", "AS_", "CK_", "AT_")]
    ok(len(secrets) >= 4 and not any(s.encode() in w.dump() for s in secrets), "S-06: the token is sealed at rest", len(secrets))
    rows = w.listing("status", "--next", "400d")
    ok(any(x["what"] == "server token of Apple" for x in rows), "postern status --next knows its end", rows)
    return uuid


def discovery(p):
    say("the discovery URL")
    w = p.w
    own = f"https://localhost:{w.port}/apple/discovery/" + w.listing("org", "list")[0]["id"]
    ok("Apple has no discovery URL" in p.refused("apple", "discovery", "show"), "S-06: 404 NOT_FOUND in words")
    w.admin("apple", "discovery", "set")
    same(w.listing("apple", "discovery", "show")[0]["url"], own, "S-06: registered and read, each answer with another session")
    ok(own in p.do("show"), "and the portal has it")
    ok("https://HOST/PATH" in p.refused("apple", "discovery", "set", "--url", "http://example.org/"), "S-06: no URL but https")
    for query in ("", f"?user-identifier=ann@{DOMAIN}&model-family=iPhone", f"?user-identifier=ann@{DOMAIN}", "?model-family=Mac"):
        answer = w.wire().request("GET", own + query)
        same(answer.status, 200, f"2.6: the registered URL answers sensibly to {query or 'no parameters'}")
    same(w.log.count("path=/apple/discovery/"), 4, "2.6: and each of these is logged")
    p.apple.faults({"service": "assignment", "subject": "/account", "times": 1, "status": 401})
    w.admin("apple", "discovery", "set")
    ok(True, "S-06: 401 is answered by a new session and asked once more")


def main():
    p = Portal()
    bad_tokens(p)
    setup(p)
    discovery(p)
    same(p.apple.stop(), (0, ""), "postern-apple ends well")
    p.w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
