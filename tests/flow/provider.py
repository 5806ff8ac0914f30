#!/usr/bin/python3
"""People sign in at their organization's identity provider: oidc-provider, configured as a generic one, as Google's and
as Entra ID. Every family and both methods; who is let in, and who is not; and what a sign-in is told when the provider
says no, is broken or is not there."""

import concurrent.futures
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
from idp import FAMILIES, OPTIONS, SECRET, Forger, Providers, Visit
from postern import DOMAIN, Refused, done, ok, same
from world import Phone, World, in_batches


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
            same(phone.about().get("managed-apple-account"), phone.user,
                 "DS-16: who signed in at the organization's provider is the Managed Apple Account on the device")
            same([c for c in w.codes(phone.user) if c.startswith(("provider", "signin"))],
                 ["provider-asked", "signin-ok"], "and the timeline says so, with no page that nobody saw")
        person, = w.listing("user", "show", users[0])
        same((person["source"], person["display_name"]), ("provider", users[0].split("@")[0].capitalize()),
             f"{kind}: the person was made at the first sign-in")


def key_instead_of_secret(w, providers):
    for kind in ("generic", "entra"):
        id = providers.add(kind, client=("postern-key", "--key-file", providers.key))
        same(w.listing("idp", "show", id)[0]["client_auth"], "private_key_jwt", f"{kind}: a key instead of a secret")
        phone = Phone(w, providers.person(f"key-{kind}"))
        ok(phone.enroll() == 0, "RFC 7523 2.2: the provider takes an assertion that the key signed", phone.story())
    id = providers.add("generic", "--key-id", "curve-1", client=("postern-key", "--key-file", providers.curve_keys[1]))
    phone = Phone(w, providers.person("key-curve"))
    ok(phone.enroll() == 1 and "provider-refused" in w.codes(phone.user),
       "RFC 7515 4.1.4: kid says which of the client's keys, and another one's signature is refused", phone.story())
    w.admin("idp", "set", id, "--key-id", "curve-2")
    same(w.listing("idp", "show", id)[0]["key_id"], "curve-2", "the key has a name")
    ok(phone.enroll() == 0, "RFC 7518 3.4: a key on P-256 signs with ES256", phone.story())


def changed(w, providers):
    """What the administrator got wrong first, and set right."""
    wrong = os.path.join(w.folder, "wrong")
    with open(wrong, "w") as f:
        f.write("not the secret")
    w.admin("idp", "remove", w.listing("idp", "list")[0]["id"])
    w.admin("idp", "add", *OPTIONS["generic"], "--issuer", providers.issuer("generic"), "--client-id", "postern",
            "--client-secret-file", wrong)
    id = w.listing("idp", "list")[0]["id"]
    phone = Phone(w, providers.person("patient"))
    for what, code, args in (("a CA that is not the provider's", "provider-unreachable", ("--cacert", w.cacert)),
                             ("another secret", "provider-refused", ("--client-secret-file", providers.secret))):
        ok(phone.enroll() == 1 and code in w.codes(phone.user), f"with {what}, nobody signs in", phone.story())
        w.admin("idp", "set", id, *args)
    ok(phone.enroll() == 0, "and when both are set right, they do", phone.story())
    w.admin("idp", "set", id, "--group-needed", "staff", "--known-only", "yes", "--button", "yes", "--interval", "1h")
    row, = w.listing("idp", "show", id)
    same((row["group_needed"], row["creates"], row["redirects"], row["interval_s"], row["client_auth"]),
         ("staff", False, False, 3600, "client_secret_basic"), "idp set changes what it is told, and no more")


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
        ok(v.way.startswith("/signin/"), "who waits for the provider is none of the workers that devices wait for", v.way)
        since = time.monotonic()
        reply = v.hop(v.way)
        return reply.status, time.monotonic() - since, v

    v = Visit(w, f"waits-0@{DOMAIN}")
    ok(v.way.startswith("https://") and "provider-asked" in w.codes(v.user),
       "where the provider's documents are known, the first answer leads to the provider", v.way)
    providers.add("generic")	# one whose documents are not here yet
    providers.say("deaf")
    w.independent()
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(come, i) for i in range(1, 9)]
        time.sleep(0.5)
        ok(phone.poll() == 0, "devices poll while sign-ins wait for a provider that never answers", phone.story())
        told = [w.result() for w in waiting]
    same([status for status, _, _ in told], [503] * 8, "who wants to sign in is told that it does not answer")
    ok(max(s for _, s, _ in told) < 40, "each after 5 s of waiting, in turns", str(told))
    status, seconds, v = come(9)
    ok(status == 503 and seconds < 4.5, "and then without asking it, for a while", f"{status} {seconds}")
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
    ok(reply.status == 308 and reply.header("Location").startswith("apple-remotemanagement-user-login:"),
       "and ends nothing: the right one still signs in", f"{reply.status} {reply.headers}")
    same(v.answer().status, 403, "the same answer again is refused")
    first = Visit(w, f"two-tabs-a@{DOMAIN}")
    Visit(w, f"two-tabs-b@{DOMAIN}", first.browser)
    same(first.hop(f"/signin/{first.attempt}/provider").status, 403, "a browser goes to the provider for the sign-in that it began last")
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
    ok(reply.status == 308, "somebody who was added without a password signs in at the provider", str(v.told()))
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
        key_instead_of_secret(w, providers)
        changed(w, providers)
        troubles(w, providers)
    finally:
        providers.end()
    lies(w)
    ok(SECRET not in w.log and "eyJ" not in w.log, "no secret and no token is in the log")
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
