#!/usr/bin/python3
"""Each switch of `postern-device quirks`, with and without it: what a device does where Apple's documents leave it open. The
server is tests/device/server.py."""

import base64
import hashlib
import json
import os
import plistlib
import subprocess
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "device")]
from server import openssl
from simulator import PROGRAM, Phone, World, command, told
from tap import done, ok, same

DISCOVERY = "/.well-known/com.apple.remotemanagement"
UPDATE = (403, json.dumps({"code": "com.apple.softwareupdate.required", "details": {"OSVersion": "18.3"}}), "application/json")


class Trial(Phone):
    """Enrolls under the server's rules, on the strict side or the other; `worked` says whether it got through."""

    def __init__(self, world, strict, *more, identifier="ann@example.org", **rules):
        super().__init__(world)
        world.server.reset(**rules)
        switch = ["--strict", strict] if strict else []
        self.worked = self.enroll("--identity-key", world.key, *switch, *more, identifier=identifier) == 0

    def info(self):
        body = self.world.server.find("/enroll")[0]["body"]
        return plistlib.loads(openssl.run(["cms", "-verify", "-inform", "DER", "-noverify"], body))


def worked(*more, **rules):
    return lambda world, strict: Trial(world, strict, *more, **rules).worked


def one_at(world, strict):
    return Trial(world, strict, identifier="a@b@example.org").worked


def lost_query(world, strict):
    seen = []

    def discovery(handler, r):
        host = r["headers"]["Host"].split(":")[0]
        if host == "example.org":
            handler.answer(500)
        elif host == "fallback.example.org":
            handler.answer(302, Location=f"https://mdm.example.org{DISCOVERY}?org=7&{urllib.parse.urlsplit(r['raw']).query}")
        else:
            seen.append(urllib.parse.urlsplit(r["raw"]).query)
            handler.on_discovery(r)

    phone = Trial(world, strict, "--fallback-url", "https://fallback.example.org", fault={DISCOVERY: discovery})
    ok(phone.worked, "D-04: the way over the fallback leads to an enrollment", told(phone))
    return "&".join(seen) == "org=7&user-identifier=ann@example.org&model-family=iPhone" or (
        None if seen != ["org=7"] else False)


def nameless(world, strict):
    info = Trial(world, strict, mode="ADDE").info()
    return {"UDID", "SERIAL"} <= set(info) or (False if not {"UDID", "SERIAL"} & set(info) else None)


def old_leaf(world, strict):
    Trial(world, strict)
    body = world.server.find("/enroll")[0]["body"]
    leaf = next(c for c in openssl.cms_certificates(body) if b"CA:TRUE" not in openssl.run(["x509", "-noout", "-text"], c))
    with openssl.Scratch() as s:
        return subprocess.run(["openssl", "x509", "-noout", "-checkend", "0", "-in", s.file("leaf.pem", leaf)],
                              capture_output=True).returncode == 0


def update_required(world, strict):
    return "wants iOS 18.3 before" in Trial(world, strict, fault={"/enroll": UPDATE}).err


def pkce(world, strict):
    phone = Trial(world, strict, method="apple-oauth2")
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(world.server.find("/signin")[0]["raw"]).query))
    fields = dict(urllib.parse.parse_qsl(world.server.find("/token")[0]["body"].decode()))
    if not strict:
        return phone.worked and "code_challenge" not in asked and "code_verifier" not in fields
    digest = base64.urlsafe_b64encode(hashlib.sha256(fields["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    same((phone.worked, asked["code_challenge"], asked["code_challenge_method"]), (True, digest, "S256"),
         "D-10: a device with PKCE proves with its verifier (RFC 7636)")
    return False


def bare_401(world, strict):
    phone = Trial(world, strict)
    world.server.rules["fault"] = {"/command": (401,)}
    phone.poll()
    return phone.status_of()["state"] == "enrolled"


def early_refresh(world, strict):
    phone = Trial(world, strict, method="apple-oauth2", expires=120)
    ok(phone.poll() == 0, "D-11: it is managed as before", told(phone))
    return len(world.server.find("/token")) == 1


def silent_wait(world, strict):
    phone, s = Trial(world, strict), world.server
    s.good_tokens.clear()
    phone.poll()
    before = len(s.log)
    phone.poll()
    asked = len(s.log) > before
    ok(phone.reauth() == 0 and phone.poll() == 0, "D-20: once signed in again all goes on", told(phone))
    return asked


def bare_assets(world, strict):
    s, seen = world.server, []

    def profile(handler, r):
        seen.append("Authorization" in r["headers"])
        handler.answer(200, s.profile(), "application/x-apple-aspen-config")

    phone = Trial(world, strict, fault={"/one.mobileconfig": profile})
    s.declare("configuration.legacy", "one", {"ProfileURL": "https://mdm.example.org/one.mobileconfig"})
    s.declare("activation.simple", "on", {"StandardConfigurations": ["one"]})
    s.queue = [command("DeclarativeManagement")]
    phone.poll()
    return seen[0]


def query_error(world, strict):
    phone, s = Trial(world, strict), world.server
    s.queue = [command("DeviceInformation", Queries=["OSVersion", "UDID"])]
    phone.poll()
    (result,) = s.results
    if strict:
        ok("QueryResponses" not in result and "UDID" in result["ErrorChain"][0]["LocalizedDescription"],
           "D-24: an Error says which query may not be asked, and answers none", result)
    else:
        same(set(result["QueryResponses"]), {"OSVersion"}, "D-24: forbidden queries are left out")
    return result["Status"] == "Acknowledged"


# switch: whether a device takes the first side. Strictly it must not.
TESTS = {
    "one-at": ("D-01", one_at),
    "adde-from-17": ("D-03", worked("--os", "16.6", mode="ADDE")),
    "lost-query": ("D-04", lost_query),
    "adde-nameless": ("D-05", nameless),
    "old-leaf": ("D-05", old_leaf),
    "plain-403": ("D-07", update_required),
    "only-308": ("D-09", worked(callback=302)),
    "pkce": ("D-10", pkce),
    "adde-rights": ("D-14", worked(mode="ADDE", mdm={"AccessRights": None})),
    "mac-scope": ("D-14", worked("--family", "Mac", family="Mac", top={"PayloadScope": "User"})),
    "modern-scep": ("D-16", worked(caps="SHA-1\nPOSTPKIOperation\n")),
    "bare-401": ("D-20", bare_401),
    "early-refresh": ("D-11", early_refresh),
    "silent-wait": ("D-20", silent_wait),
    "bare-assets": ("D-19", bare_assets),
    "token-or-nothing": ("D-23", worked(maid=b"junk")),
    "query-error": ("D-24", query_error),
}
ELSEWHERE = {"empty-chain"}     # src/device/quirk_test.c


def main():
    with tempfile.TemporaryDirectory(prefix="quirks-") as folder:
        world = World(folder)
        world.key = os.path.join(folder, "identity.key")
        openssl.new_rsa_key(world.key)
        lines = subprocess.run([PROGRAM, "quirks", "--json"], capture_output=True, text=True, check=True).stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        same({r["quirk"] for r in rows}, set(TESTS) | ELSEWHERE, "each switch has its test")
        for r in rows:
            if r["quirk"] in ELSEWHERE:
                continue
            rule, test = TESTS[r["quirk"]]
            ok(test(world, None) is True, f"{rule}: {r['tolerant']} ({r['section']})")
            ok(test(world, r["quirk"]) is False, f"{rule}: with --strict {r['quirk']}: {r['strict']}")
        phone = Phone(world)
        ok(phone.enroll("--strict", "nonsense") == 2 and "postern-device quirks" in phone.err, "a switch that is none is said", phone.err)
        everything = Trial(world, "all")
        ok(everything.worked and everything.status_of()["state"] == "enrolled", "D-07: a server that keeps to the protocol meets the "
           "strict side of everything", told(everything))
    return done()


if __name__ == "__main__":
    sys.exit(main())
