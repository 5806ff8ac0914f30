#!/usr/bin/python3
"""The whole story with the discovery fallback only (protocol 2.6, 9): a domain whose web server has no well-known
document, postern-apple in Apple's place, both modes, and each of the organization's settings for Managed Apple Accounts.
    fallback.py     $POSTERN_BUILD names the build folder"""

import http.server
import json
import os
import ssl
import subprocess
import sys
import threading

import world
from apple_portal import key_pair
from postern import CLIENTS, DOMAIN, Refused, done, ok, same, say
from stand_in import Apple
from world import SERVER_UUID, Phone, World, in_batches


class Nothing(http.server.BaseHTTPRequestHandler):
    """The web server of a domain that nobody told of device management."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *args):
        pass


def web_server(w):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(os.path.join(w.data, "tls", "server.pem"), os.path.join(w.data, "tls", "server.key"))
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Organization:
    """A posternd, the portal with its MDM server, and phones whose domain answers 404."""

    def __init__(self):
        self.w = World()
        self.apple = Apple(os.path.join(self.w.folder, "apple"))
        self.w.set(**self.apple.settings())
        self.w.open()
        self.web = web_server(self.w)
        self.portal("domain", "add", DOMAIN)
        self.w.connect_to = [f"{DOMAIN}:443:127.0.0.1:{self.web.server_address[1]}"]
        self.certificate = os.path.join(self.w.folder, "uploaded.pem")
        with open(self.certificate, "w") as f:
            f.write(self.w.admin("apple", "setup"))
        self.uuid = self.server("postern", self.certificate)
        self.w.admin("apple", "setup", "--token-file", self.apple.file("postern.p7m"))

    def portal(self, *words):
        out = subprocess.run([os.path.join(CLIENTS, "postern-apple"), *words, "--state", self.apple.folder], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return out.stdout

    def server(self, name, certificate):
        said = self.portal("server", "add", name, "--certificate", certificate, "--token-out", self.apple.file(name + ".p7m"))
        return said.split("server_uuid: ")[1].strip()

    def person(self, name, kind="federated"):
        user, = self.w.person(name)
        self.portal("account", "add", user, "--kind", kind)
        return user

    def phone(self, user, *how):
        return Phone(self.w, user, "--apple", self.apple.url["devices"], "--apple-ca", self.apple.file("ca.pem"), *how)

    def saw(self, service, subject):
        """Outcomes of that service for one person, oldest first."""
        rows = self.apple.ask("/ledger/" + service)[1]["rows"]
        return [r["outcome"] for r in reversed(rows) if r["subject"] == subject]


def discovery(o):
    say("discovery")
    user = o.person("dora")
    old = o.phone(user, "--os", "18.1")
    ok(old.enroll() == 1 and "iOS 18.1 asks the domain alone: the server answered 404" in old.err, "D-04: iOS 18.1 fails: it asks the domain alone",
       old.err)
    same(o.saw("discovery", user), [], "and Apple is not asked")
    p = o.phone(user, "--os", "18.2")
    ok(p.enroll() == 1 and "does not support the expected services" in p.err, "iOS 18.2 asks Apple, where no URL is registered", p.err)
    o.w.admin("apple", "discovery", "set")
    o.portal("server", "default", "postern", "--none", "--family", "iPhone")
    p.enroll()
    o.portal("server", "default", "postern")
    o.portal("domain", "add", DOMAIN, "--unverified")
    p.enroll()
    o.portal("domain", "add", DOMAIN)
    stranger = f"nobody@{DOMAIN}"
    o.phone(stranger).enroll()
    personal = o.person("petra", "personal")
    o.phone(personal).enroll()
    same((o.saw("discovery", user), o.saw("discovery", stranger), o.saw("discovery", personal)),
         (["no-url", "no-default-server", "domain-unverified"], ["no-account"], ["personal-account"]), "and each refusal has its reason")
    ok(any("user-identifier=dora" in path for path in o.web.asked), "the domain was asked first", o.web.asked)
    o.apple.faults({"service": "discovery", "subject": user, "times": 1, "status": 503})
    ok(p.enroll() == 1 and "answered 503" in p.err, "Apple may be away", p.err)
    same(p.enroll(), 0, "D-04: iOS 18.2 enrolls through Apple's redirect")
    ok(p.row()["mode"] == "byod" and o.saw("discovery", user)[-1] == "redirected" and o.saw("sign-in", user) == ["accepted"] * 2,
       "S-31: signed in to the Managed Apple Account, with the token of GetToken", p.story())
    seen_from_outside(o, user)


def seen_from_outside(o, user):
    both = os.path.join(o.w.folder, "both-cas.pem")
    with open(both, "w") as out:
        for name in (o.w.cacert, o.apple.file("ca.pem")):
            with open(name) as f:
                out.write(f.read())
    command = [os.path.join(CLIENTS, "postern"), "--json", "check", user, "--model-family", "iPhone", "--device-ca", o.w.device_ca,
               "--cacert", both, "--connect-to", o.w.connect_to[0]]
    r = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    same((r["status"], [f["code"] for f in r["findings"]]), (2, ["not-found"]), "postern check: the domain has no document")
    r = json.loads(subprocess.run([*command, "--apple", o.apple.url["devices"]], capture_output=True, text=True).stdout)
    stages = {s["stage"]: s["state"] for s in r["stages"]}
    ok(r["status"] == 1 and r["findings"][0]["severity"] == "warning" and (stages["challenge"], stages["sign-in"]) == ("ok", "ok"),
       "... which is a warning where Apple knows the server", r)


POLICIES = ("any-device", "managed-devices", "supervised-devices")
KINDS = (("iPhone", "byod"), ("iPhone", "adde"), ("Mac", "adde"))


def policies(o):
    """Each of the organization's settings with both modes; the redirect carries the query on from here."""
    say("settings and modes")
    o.portal("discovery", "set", "--query", "keep")
    people = {(policy, *kind): o.person("-".join((policy.split("-")[0], *kind)).lower()) for policy in POLICIES for kind in KINDS}
    for (_, _, mode), user in people.items():
        o.w.rule(user, "--" + mode)
    for policy in POLICIES:
        o.portal("org", "set", "--managed-accounts-on", policy)
        phones = [o.phone(people[policy, *kind], "--family", kind[0]) for kind in KINDS]
        in_batches(Phone.enroll, phones, 3)
        for (family, mode), p in zip(KINDS, phones):
            allowed = policy != "supervised-devices" or family == "Mac"
            if not allowed:
                ok("supervised devices only (AKAuthenticationError -7013)" in p.err, "the person sees Apple's error and why", p.err)
            same((p.status, p.row()["mode"], p.about()["state"], p.row()["state"], o.saw("sign-in", p.user)),
                 (0, mode, "enrolled", "enrolled", ["accepted"] * 2) if allowed else
                 (1, mode, "unenrolled", "unenrolled", ["accepted", "not-supervised"]),
                 f"D-23: {policy}, {family} {mode}: {'signed in' if allowed else 'refused, and unenrolled'}")


def kinds(o):
    """Account kinds, at the sign-in before anything is installed (protocol 5.5)."""
    say("accounts")
    o.portal("org", "set", "--managed-accounts-on", "managed-devices")
    for kind, reason in (("manual", None), ("locked", "the account is locked"), ("personal", "a personal Apple Account"), (None, "no such")):
        user, account = f"kind-{kind}@{DOMAIN}".lower(), f"account-{kind}@{DOMAIN}".lower()
        o.w.admin("user", "add", user, "--managed-apple-account", account, "--password-stdin", stdin=world.PASSWORD + "\n")
        p = o.phone(user)
        o.portal("account", "add", user)  # which discovery goes by; the profile assigns the other
        if kind:
            o.portal("account", "add", account, "--kind", kind)
        status = p.enroll()
        if reason is None:
            ok(status == 0, f"a {kind} account signs in", p.story())
        else:
            ok(status == 1 and reason in p.err and p.did("volume-destroyed") and not p.did("install"),
               f"D-15: {kind or 'no'} account: refused before anything is installed", p.err)


def refused(o, name, reason, outcome, said):
    """Under "managed devices" refused, with that reason on the phone; under "any device" not even looked at."""
    for policy in ("managed-devices", "any-device"):
        o.portal("org", "set", "--managed-accounts-on", policy)
        p = o.phone(o.person(f"{name}-{policy[:3]}"))
        status = p.enroll()
        if policy == "any-device":
            row = o.apple.ask("/ledger/sign-in?limit=1")[1]["rows"][0]
            ok(status == 0 and outcome in row["sentence"], f"S-31: {name} does not matter on any device, and is noted", p.err + str(row))
        else:
            ok(status == 1 and reason in p.err and "AKAuthenticationError -7013" in p.err and p.about()["state"] == "unenrolled",
               f"S-31: {name}: refused, and the phone says why", p.err)
            same((o.saw("sign-in", p.user)[-1], o.w.codes(p.user)[-3:]), (outcome, ["gettoken-answered", "account-refused", "unenrolled"]),
                 "Apple's ledger has it, and the timeline that Apple refused")
            ok(said in o.w.told(p.user, "account-refused").get("details", ""), "and why, as far as it can be known", o.w.told(p.user, "account-refused"))


def tokens(o):
    say("tokens")
    o.w.admin("org", "set", "--server-uuid", SERVER_UUID)
    warnings = o.w.listing("org", "show")[0]["warnings"]
    ok(any(f"Apple knows this server as {o.uuid}" in x for x in warnings), "S-31: a server_uuid that is not Apple's is a warning", warnings)
    refused(o, "uuid", "the server_uuid of no MDM server", "token-issuer", "Apple's server_uuid of this server is " + o.uuid)
    o.w.admin("org", "set", "--server-uuid", o.uuid)
    other = key_pair(o.w.folder, "other")
    o.portal("server", "token", "postern", "--certificate", other + ".pem", "--token-out", o.apple.file("other.p7m"))
    refused(o, "key", "not signed by the key whose certificate was uploaded", "token-signature", "server_uuid and clock are as Apple's: the certificate there is of another key")
    o.apple.faults({"service": "assignment", "subject": "/account", "times": 1, "status": 401})
    try:  # a session that is over shows that the server token was replaced with the certificate
        o.w.admin("apple", "discovery", "show")
    except Refused as e:
        ok("does not know the server token" in str(e), "S-06: Apple does not know a token that was replaced", e)
    refused(o, "replaced", "not signed by the key whose certificate was uploaded", "token-signature", "when Apple was asked last: Apple does not know the server token")
    o.portal("server", "token", "postern", "--certificate", o.certificate, "--token-out", o.apple.file("again.p7m"))
    same(o.w.stop(), 0, "the server stops")
    o.w.start_earlier(600)
    try:  # which the daily check does by itself
        o.w.admin("apple", "discovery", "show")
    except Refused as e:
        ok("behind" in str(e), "S-06: Apple refuses a signature by a clock that is behind", e)
    refused(o, "clock", "the MDM server's clock is behind", "token-too-old", "seconds behind Apple's")


def main():
    o = Organization()
    discovery(o)
    policies(o)
    kinds(o)
    tokens(o)
    o.w.healthy()
    same(o.apple.stop(), (0, ""), "postern-apple ends well")
    return done()


if __name__ == "__main__":
    sys.exit(main())
