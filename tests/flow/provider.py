#!/usr/bin/python3
"""People sign in at their organization's identity provider: oidc-provider, configured as a generic one, as Google's and
as Entra ID. Every family and both methods; who is let in, and who is not; and what a sign-in is told when the provider
says no, is broken or is not there."""

import base64
import concurrent.futures
import json
import os
import subprocess
import sys
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
import web
from postern import DOMAIN, Refused, done, ok, same
from world import PASSWORD, Phone, World, in_batches

TOP = os.path.join(HERE, "..", "..")
SECRET = "a secret of the client, with %+ in it"
FAMILIES = ("iPhone", "iPad", "RealityDevice", "Mac")
TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
OPTIONS = {"generic": ["oidc"], "google": ["google", "--tenant", DOMAIN], "entra": ["entra", "--tenant", TENANT]}


class Providers:
    """tests/provider/provider.mjs, with the certificate of the server under test for localhost."""

    def __init__(self, world):
        packages = os.path.join(TOP, "tests", "browser")
        if not os.path.isdir(os.path.join(packages, "node_modules")):
            subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=packages, check=True, stdout=subprocess.DEVNULL)
        self.world, self.people = world, {}
        self.file = os.path.join(world.folder, "provider.json")
        self.secret = os.path.join(world.folder, "client-secret")
        self.write()
        with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(SECRET + "\n")
        tls = os.path.join(world.data, "tls")
        self.process = subprocess.Popen(
            ["node", os.path.join(TOP, "tests", "provider", "provider.mjs"), os.path.join(tls, "server.pem"),
             os.path.join(tls, "server.key"), self.file, SECRET, f"{world.url}/signin/provider"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ports = json.loads(self.process.stdout.readline())

    def write(self):
        with open(self.file + ".new", "w") as f:
            json.dump(self.people, f)
        os.rename(self.file + ".new", self.file)

    def person(self, name, **more):
        """Somebody at all three; their user identifier."""
        email = f"{name}@{DOMAIN}"
        self.people[name] = {"sub": f"sub-{name}", "email": email, "password": PASSWORD, "name": name.capitalize(),
                             "groups": [], **more}
        self.write()
        return email

    def say(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def issuer(self, kind):
        return f"https://localhost:{self.ports[kind]}" + (f"/{TENANT}/v2.0" if kind == "entra" else "")

    def add(self, kind, *more):
        """The provider signs people in from now on; its id."""
        for row in self.world.listing("idp", "list"):
            self.world.admin("idp", "remove", row["id"])
        self.world.admin("idp", "add", *OPTIONS[kind], "--issuer", self.issuer(kind), "--client-id", "postern",
                         "--client-secret-file", self.secret, "--cacert", self.world.cacert, *more)
        row, = self.world.listing("idp", "list")
        return row["id"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def kinds(w, providers):
    for kind in OPTIONS:
        id = providers.add(kind)
        shown, = w.listing("idp", "check", id)
        ok(shown["keys"] == 1 and shown["pkce"], f"{kind}: its documents are read", str(shown))
        plan = [(method, family) for method in ("apple-oauth2", "apple-as-web")
                for family in (FAMILIES if kind == "generic" else ("iPhone",))]
        users = [providers.person(f"{kind}-{family}-{method}".lower()) for method, family in plan]
        for user, (method, family) in zip(users, plan):
            w.admin("rule", "add", "--user", user, "--byod", "--method", method)
        phones = [Phone(w, user, "--family", family) for user, (_, family) in zip(users, plan)]
        for phone, status, (method, family) in zip(phones, in_batches(Phone.enroll, phones), plan):
            ok(status == 0, f"S-10: {kind}, {family}, {method}: enrolls by signing in at the provider", phone.story())
            same([c for c in w.codes(phone.user) if c.startswith(("provider", "signin"))],
                 ["signin-shown", "provider-asked", "signin-ok"], "and the timeline says so")
        person, = w.listing("user", "show", users[0])
        same((person["source"], person["display_name"]), ("provider", users[0].split("@")[0].capitalize()),
             f"{kind}: the person was made at the first sign-in")


def troubles(w, providers):
    """New keys, and a provider that does not answer: nobody else notices."""
    id = providers.add("generic")
    phone = Phone(w, providers.person("before"))
    ok(phone.enroll() == 0, "somebody signs in", phone.story())
    providers.say("rotate")
    after = Phone(w, providers.person("after"))
    ok(after.enroll() == 0, "Core 10.1.1: a token of a new key is checked with the new key set", after.story())

    def come(i):
        v = Visit(w, f"waits-{i}@{DOMAIN}")
        since = time.monotonic()
        reply = v.hop(v.way)
        return reply.status, time.monotonic() - since, v

    ok(come(0)[0] == 303, "the provider answers")
    providers.add("generic")	# one whose documents are not here yet
    providers.say("deaf")
    w.independent()
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(come, i) for i in range(1, 9)]
        time.sleep(0.5)
        ok(phone.poll() == 0, "devices poll while sign-ins wait for a provider that never answers", phone.story())
        told = [w.result() for w in waiting]
    same([status for status, _, _ in told], [503] * 8, "who wants to sign in is told that it does not answer")
    ok(max(s for _, s, _ in told) < 12, "each after 5 s of waiting, in turns", str(told))
    status, seconds, v = come(9)
    ok(status == 503 and seconds < 2, "and then at once, for a while", f"{status} {seconds}")
    same(v.told()[0], "provider-unreachable", "the timeline says so")
    try:
        w.admin("idp", "check", id[:6])
        ok(False, "idp check fails")
    except Refused as e:
        ok("has no identity provider" in str(e), "idp check knows that one is gone", str(e))
    providers.say("well")


# ---- a provider that lies ----

REASONS = {"alg-none": "algorithm", "alg-hs256": "algorithm", "alg-rs512": "algorithm", "issuer": "issuer",
           "audience": "audience", "audiences": "audience", "azp": "azp", "nonce": "nonce", "nonce-missing": "nonce",
           "expired": "expired", "future": "future", "not-yet": "future", "old": "old", "subject-missing": "subject",
           "tenant": "tenant", "jku": "key-in-header", "jwk": "key-in-header", "x5c": "key-in-header",
           "kid-unknown": "unknown-key", "key-wrong": "signature", "crit": "critical", "nested": "encrypted-or-nested",
           "encrypted": "encrypted-or-nested", "duplicate": "malformed", "oversized": "oversized",
           "at-hash": "access_token", "truncated": "malformed", "missing": "missing"}


class Forger:
    def __init__(self, world):
        tls = os.path.join(world.data, "tls")
        self.process = subprocess.Popen(
            ["node", os.path.join(TOP, "tests", "provider", "forger.mjs"), os.path.join(tls, "server.pem"),
             os.path.join(tls, "server.key"), f"{world.url}/signin/provider"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.issuer = f"https://localhost:{self.process.stdout.readline().strip()}"

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Visit:
    """A browser on its way through a sign-in, one request at a time, so that what it brings can be another's."""

    def __init__(self, w, user, browser=None):
        self.w, self.user, self.device = w, user, w.independent()
        self.challenge = self.device.begin(user)
        self.browser = browser or web.Browser(self.device.wire)
        self.way = self.hop(self.device.sign_in_url(self.challenge)).header("Location")

    def hop(self, url, cookies=True):
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(self.w.url, url))
        headers = {"Cookie": self.browser._cookie_header(parts)} if cookies else {}
        reply = self.browser.wire.request("GET", parts.geturl(), headers)
        self.browser._keep_cookies(parts, reply)
        return reply

    def ask(self):
        """Sent to the provider; what it was asked."""
        there = self.hop(self.way).header("Location")
        self.asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(there).query))
        return self

    def answer(self, name="good", cookies=True, **items):
        code = json.dumps({"email": f"{name}@{DOMAIN}", "nonce": self.asked["nonce"]}).encode()
        query = {"code": base64.urlsafe_b64encode(code).decode().rstrip("="), "state": self.asked["state"],
                 "iss": self.iss, **items}
        return self.hop("/signin/provider?" + urllib.parse.urlencode({k: v for k, v in query.items() if v is not None}),
                        cookies)

    def told(self):
        return ([(e["code"], e.get("details") or "") for e in self.w.events(self.user)
                 if e["code"].startswith(("provider", "id-token", "signin"))] or [("", "")])[-1]


def forged(w, forger):
    names = ["good", "good-ps256", "good-es256", *REASONS]
    phones = [Phone(w, f"{name}@{DOMAIN}") for name in names]
    for name, phone, status in zip(names, phones, in_batches(Phone.enroll, phones)):
        if name.startswith("good"):
            ok(status == 0, f"an ID token that is signed as it should be lets in ({name})", phone.story())
            continue
        told = w.told(phone.user, "id-token-refused")
        ok(status == 1 and (told.get("details") or "").startswith(REASONS[name] + ":"),
           f"OpenID Connect Core 3.1.3.7: an ID token forged by {name} is refused, as {REASONS[name]}",
           f"{status} {told}\n{phone.story()}")
    same(len([n for n in names if not n.startswith("good")]), 28, "twenty-eight ways")


def crossed(w, forger):
    """Answers that are not this browser's, not this provider's, or not there."""
    Visit.iss = forger.issuer
    for rule, items, code, details in (
            ("RFC 9700 4.7: another state", {"state": "A" * 43}, "provider-answer", "state"),
            ("no state", {"state": None}, "provider-answer", "state"),
            ("RFC 9207: another issuer (mix-up)", {"iss": "https://accounts.example.com"}, "provider-answer", "iss"),
            ("RFC 9207: no issuer, where it was announced", {"iss": None}, "provider-answer", "iss"),
            ("no code", {"code": None}, "provider-answer", "code"),
            ("a code that the provider does not know", {"code": "unknown"}, "provider-refused", "invalid_grant"),
            ("access_denied", {"error": "access_denied"}, "provider-cancelled", "access_denied"),
            ("login_required", {"error": "login_required"}, "provider-refused", "login_required"),
            ("an error that is none", {"error": "<script>"}, "provider-refused", "an error without a name")):
        v = Visit(w, f"crossed-{code}-{abs(hash(rule)) % 1000}@{DOMAIN}").ask()
        reply = v.answer(**items)
        ok(reply.status == 403 and v.told()[0] == code and v.told()[1].startswith(details),
           f"S-12: {rule} is refused, and said so", f"{v.told()} {reply.status} {reply.body[:200]}")
        ok(b"<script" not in reply.body and b"Settings" in reply.body or code != "provider-answer",
           "the page says what to do", reply.body[-400:])
    v = Visit(w, f"elsewhere-browser@{DOMAIN}").ask()
    same(v.answer(cookies=False).status, 403, "RFC 9700 4.7: an answer through another browser is refused")
    same(v.answer(state="B" * 43).status, 403, "an answer with another state is refused")
    reply = v.answer()
    ok(reply.status == 303 and reply.header("Location").endswith("/done"),
       "and ends nothing: the right one still signs in", f"{reply.status} {reply.headers}")
    same(v.answer().status, 403, "the same answer again is refused")
    first = Visit(w, f"two-tabs-a@{DOMAIN}")
    Visit(w, f"two-tabs-b@{DOMAIN}", first.browser)
    same(first.hop(first.way).status, 403, "a browser goes to the provider for the sign-in that it began last")
    ok(v.asked["code_challenge_method"] == "S256" and len(v.asked["code_challenge"]) == 43 and
       v.asked["login_hint"] == v.user and v.asked["response_type"] == "code" and len(v.asked["nonce"]) == 43,
       "RFC 7636, Core 3.1.2.1: code flow with PKCE, nonce and login_hint", str(v.asked))


def people(w, forger):
    """Who is let in."""
    Visit.iss = forger.issuer

    def come(name, as_whom=None):
        v = Visit(w, f"{as_whom or name}@{DOMAIN}").ask()
        return v.answer(name), v

    local, = w.person("local")
    reply, v = come("local")
    ok(reply.status == 403 and v.told()[0] == "provider-account-taken",
       "a claim that looks like an account with a password does not take it over", str(v.told()))
    w.admin("user", "add", f"added@{DOMAIN}", "--managed-apple-account", f"added@appleid.{DOMAIN}")
    reply, v = come("added")
    ok(reply.status == 303, "somebody who was added without a password signs in at the provider", str(v.told()))
    w.admin("user", "disable", f"added@{DOMAIN}")
    reply, v = come("added")
    ok(reply.status == 403 and "signin-disabled" in w.codes(v.user), "and not while disabled here", str(v.told()))
    for name, rule in (("unverified", "an address that the provider has not verified"),
                       ("elsewhere", "somebody of another domain"), ("nobody", "a claim that is no user identifier")):
        reply, v = come(name)
        ok(reply.status == 403 and v.told()[0] == "provider-person", f"{rule} is nobody here", str(v.told()))


def lies(w):
    forger = Forger(w)
    add = ["idp", "add", "google", "--tenant", DOMAIN, "--client-id", "postern", "--client-auth", "none", "--issuer",
           forger.issuer, "--cacert", w.cacert]
    for row in w.listing("idp", "list"):
        w.admin("idp", "remove", row["id"])
    try:
        w.admin(*add)
        forged(w, forger)
        crossed(w, forger)
        people(w, forger)
        row, = w.listing("idp", "list")
        w.admin("idp", "remove", row["id"])
        w.admin(*add, "--known-only")
        Visit.iss = forger.issuer
        v = Visit(w, f"stranger@{DOMAIN}").ask()
        ok(v.answer("stranger").status == 403 and v.told()[0] == "provider-person-unknown",
           "--known-only lets nobody in who was not added", str(v.told()))
    finally:
        forger.end()


def commands(w):
    """What the administrator can do wrong."""
    for rule, args, word in (
            ("no issuer", ["oidc", "--client-id", "x", "--client-auth", "none"], "issuer"),
            ("no secret", ["oidc", "--client-id", "x", "--issuer", "https://idp.example.com"], "client secret"),
            ("no tenant", ["google", "--client-id", "x", "--client-auth", "none"], "--tenant"),
            ("an issuer with a query", ["oidc", "--client-id", "x", "--client-auth", "none", "--issuer",
                                        "https://idp.example.com/?a=b"], "issuer"),
            ("a scope without openid", ["oidc", "--client-id", "x", "--client-auth", "none", "--issuer",
                                        "https://idp.example.com", "--scope", "email"], "openid"),
            ("a domain of nobody", ["oidc", "--client-id", "x", "--client-auth", "none", "--issuer",
                                    "https://idp.example.com", "--domain", "example.org"], "domain"),
            ("an unknown kind", ["okta", "--client-id", "x", "--client-auth", "none"], "google, entra or oidc")):
        try:
            w.admin("idp", "add", *args)
            ok(False, f"idp add refuses {rule}")
        except Refused as e:
            ok(word in str(e), f"idp add refuses {rule}, and says so", str(e))


def main():
    w = World().open()
    commands(w)
    providers = Providers(w)
    try:
        kinds(w, providers)
        troubles(w, providers)
    finally:
        providers.end()
    lies(w)
    ok(SECRET not in w.log and "eyJ" not in w.log, "no secret and no token is in the log")
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
