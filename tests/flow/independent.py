#!/usr/bin/python3
"""The server by what its wire shows, to a device that shares no code with it (tests/independent).

POSTERN_BUILD (default `build`) has the programs. Each assertion names its number in the protocol's checklist.
"""

import base64
import glob
import hashlib
import http.client
import json
import os
import plistlib
import ssl
import sys
import time
import traceback
import urllib.parse
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "independent"))

import der
import openssl
import postgres
import scep
import selftest
import web
from device import CHECKIN_TYPE, COMMAND_TYPE, Device, Stopped, is_challenge, parse_challenge, verify_jwt
from server import DOMAIN, Refused, Server
from tap import done, ok, same, say

PASSWORD = "correct horse battery staple"
STRANGER = "wrong horse, right stable"		# bob's
SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-")
WELL_KNOWN = "/.well-known/com.apple.remotemanagement"
UNRECOGNIZED = "com.apple.unrecognized.device"


class World:
    """The server under test and the devices that talk to it."""

    def __init__(self):
        self.server = Server(store=postgres.fresh_database() if postgres.address() else None)
        self.built_in = openssl.BuiltIn(os.path.join(self.server.folder, "built-in"))
        self.devices = []

    def device(self):
        d = Device(os.path.join(self.server.folder, f"device-{len(self.devices)}"), self.server.cacert,
                   self.server.connect_to, self.built_in)
        self.devices.append(d)
        return d

    def enrolled(self, user, family="iPhone"):
        d = self.device()
        d.enroll(f"{user}@{DOMAIN}", PASSWORD, family)
        return d

    def wire(self):
        return web.Wire(self.server.cacert, self.server.connect_to)


def no_store(reply):
    return "no-store" in (reply.header("Cache-Control") or "")


def refused(reply):
    """Not served, and not in the way that makes a device remove its profile (protocol 7.4)."""
    return 400 <= reply.status < 500 and (reply.status != 401 or is_challenge(reply))


def error_code(reply):
    try:
        return json.loads(reply.body)["code"] if reply.media_type == "application/json" else None
    except (ValueError, LookupError, TypeError):
        return None


def shown(reply):
    return f"{reply.status} {reply.headers}\n{reply.body[:300]!r}"


# --- stage 1

def discovery(w):
    wire = w.wire()
    ask = lambda query, host=f"https://{DOMAIN}": wire.request("GET", f"{host}{WELL_KNOWN}{query}")
    version = lambda reply: json.loads(reply.body)["Servers"][0]["Version"] if reply.status == 200 else reply.status

    reply = ask(f"?user-identifier=eliza@{DOMAIN}&model-family=iPhone")
    same((reply.status, reply.media_type), (200, "application/json"), "S-01: discovery is 200 application/json")
    document = json.loads(reply.body)
    ok(list(document) == ["Servers"] and len(document["Servers"]) == 1, "S-01: exactly one item in Servers", document)
    same(set(document["Servers"][0]), {"Version", "BaseURL"}, "S-01: it has Version and BaseURL")
    ok(document["Servers"][0]["BaseURL"].startswith("https://"), "S-02: BaseURL is https", document)
    same(document["Servers"][0]["Version"], "mdm-byod", "S-01: an iPhone is offered mdm-byod")
    same(version(ask(f"?user-identifier=eliza@{DOMAIN}&model-family=Mac")), "mdm-adde", "S-01: a Mac is offered mdm-adde")

    for form, query in (("%40", f"bob%40{DOMAIN}"), ("a literal @", f"bob@{DOMAIN}"), ("upper case", f"BOB@{DOMAIN.upper()}"),
                        ("a literal +", f"plus+tag@{DOMAIN}"), ("%2B", f"plus%2Btag%40{DOMAIN}")):
        same(version(ask(f"?user-identifier={query}&model-family=iPhone")), "mdm-adde",
             f"S-03: user-identifier with {form} finds its rule")
    same(version(ask(f"?user-identifier=plus%20tag@{DOMAIN}&model-family=iPhone")), "mdm-byod",
         "S-03: a space is not a plus")
    same(version(ask(f"?user-identifier=bob@{DOMAIN}")), "mdm-adde", "S-03: model-family may be missing")
    same(version(ask("?model-family=iPhone")), "mdm-byod", "S-03: user-identifier may be missing")
    same(version(ask("")), "mdm-byod", "S-03: both may be missing")
    same(version(ask(f"?model-family=iPhone&x=1&user-identifier=bob@{DOMAIN}&flag")), "mdm-adde",
         "S-03: order and unknown parameters do not matter")

    for query in ("?user-identifier=%zz&model-family=%", "?user-identifier=@&model-family=iPhone", "?=&&&",
                  "?user-identifier=" + "a" * 3000 + "@" + DOMAIN, "?user-identifier=%00@" + DOMAIN):
        reply = ask(query)
        ok(reply.status in (200, 400, 403, 404, 414), f"S-03: {query[:40]} is answered without an accident", shown(reply))

    reply = ask(f"?user-identifier=refused@{DOMAIN}&model-family=iPhone")
    same((reply.status, reply.media_type, error_code(reply)), (403, "application/json", "com.apple.well-known.failed"),
         "S-05, S-38: a refusal is 403 JSON com.apple.well-known.failed")
    ok("Not this one" in json.loads(reply.body).get("message", ""), "S-05: it carries the rule's message", shown(reply))

    for family in ("Watch", "AppleTV"):
        reply = ask(f"?user-identifier=eliza@{DOMAIN}&model-family={family}")
        same((reply.status, error_code(reply)), (403, "com.apple.well-known.failed"), f"S-05: {family} cannot enroll by account")

    reply = ask(f"?user-identifier=moved+x@{DOMAIN}&model-family=iPhone")
    target = urllib.parse.urlsplit(reply.header("Location") or "")
    same((reply.status in (302, 307), target.scheme, target.hostname), (True, "https", "mdm.elsewhere.example"),
         "S-04: a redirect rule redirects by https")
    items = dict(item.split("=", 1) for item in target.query.split("&") if "=" in item)
    same({k: urllib.parse.unquote(v) for k, v in items.items()},
         {"user-identifier": f"moved+x@{DOMAIN}", "model-family": "iPhone"},
         "S-04: both query items are attached again, and a plus is still one")


def tls(w):
    wire = w.wire()
    with wire.connect(w.server.url) as s:
        ok("GCM" in s.cipher()[0], "S-02: TLS with AES-GCM", s.cipher())
    with wire.connect(w.server.url, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)) as s:
        ok(s.cipher()[0].startswith("ECDHE-") and "GCM" in s.cipher()[0], "S-02: TLS 1.2 is ECDHE with AES-GCM", s.cipher())
    for name, option in (("TLS 1.1", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]),
                         ("TLS 1.2 with CBC", ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256"]),
                         ("TLS 1.2 without ECDHE", ["-tls1_2", "-cipher", "AES128-GCM-SHA256"])):
        try:
            openssl.run(["s_client", "-connect", f"127.0.0.1:{w.server.port}", *option])
            ok(False, f"S-02: {name} is refused")
        except openssl.Failed:
            ok(True, f"S-02: {name} is refused")


# --- stage 2

def enrollment_post(w):
    d = w.device()
    d.discover(f"eliza@{DOMAIN}")
    body = d.signed_machine_info()
    for kind in ("application/pkcs7-signature", "application/x-www-form-urlencoded", "application/xml",
                 "multipart/form-data; boundary=x", "nonsense"):
        ok(is_challenge(d.post_enroll(body, content_type=kind)), f"S-07, S-08: {kind}: 401, one challenge, no body")
    reply = d.wire.request("POST", d.state["base_url"], {}, body)
    ok(is_challenge(reply), "S-07: no Content-Type: the same", shown(reply))
    ok(no_store(reply), "S-39: the challenge is never stored", shown(reply))
    ok(is_challenge(d.post_enroll(d.signed_machine_info(digest="sha1"))), "S-09: a SHA-1 digest is accepted")
    for token in ("nonsense", "", "a" * 2000):
        ok(is_challenge(d.post_enroll(body, token)),
           f"S-17: the token {token[:10]!r} gets 401 and the challenge")
    for value in ("Basic eDp5", "Bearer", "bearer x", "Bearer  two words"):
        reply = d.wire.request("POST", d.state["base_url"], {"Authorization": value}, body)
        ok(is_challenge(reply), f"S-17: Authorization {value!r} gets 401 and the challenge", shown(reply))

    info = d.machine_info()
    bad = {
        "no bytes": b"", "garbage": os.urandom(600), "text": b"user=eliza&password=x", "truncated CMS": body[:-200],
        "CMS without its content": openssl.cms_sign(info, d.built_in.cert, d.built_in.key, attached=False),
        "CMS over no plist": openssl.cms_sign(b"hello", d.built_in.cert, d.built_in.key),
        "CMS over an array": openssl.cms_sign(plistlib.dumps([1]), d.built_in.cert, d.built_in.key),
        "CMS without PRODUCT": openssl.cms_sign(plistlib.dumps({"VERSION": "22C152"}), d.built_in.cert, d.built_in.key),
        "CMS over an entity": openssl.cms_sign(entity_plist(b"PRODUCT"), d.built_in.cert, d.built_in.key),
        "CMS over deep nesting": openssl.cms_sign(nested_plist(5000), d.built_in.cert, d.built_in.key),
        "an encrypted CMS": openssl.cms_encrypt(info, open(d.built_in.cert, "rb").read()),
        "a bare plist": info,
    }
    for name, wrong in bad.items():
        reply = d.post_enroll(wrong)
        ok(400 <= reply.status < 500 and reply.status != 401, f"S-09: {name} halts the flow (4xx, no challenge)", shown(reply))
    reply = d.post_enroll(b"\x30" * (3 << 20))
    same(reply.status, 413, "S-09: a body without end is refused with 413")
    ok(is_challenge(d.post_enroll(body)), "S-08: and after all that the server still answers")


def require_mode(w):
    """The three modes of the CMS check (protocol 3.2)."""
    d = w.device()
    d.discover(f"eliza@{DOMAIN}")
    good, info = d.signed_machine_info(), d.machine_info()
    stranger = openssl.BuiltIn(os.path.join(w.server.folder, "built-in-stranger"))
    strange = openssl.cms_sign(info, stranger.cert, stranger.key, stranger.chain)
    bare_leaf = openssl.cms_sign(info, d.built_in.cert, d.built_in.key)
    broken = good.replace(b"en-US", b"de-DE")
    assert broken != good
    w.server.admin("org", "set", "--device-ca", d.built_in.root, "--device-ca-mode", "require")
    try:
        ok(is_challenge(d.post_enroll(good)), "S-09: require: a device by a CA of the pool gets the challenge")
        for name, body in (("by another CA", strange), ("without its intermediate", bare_leaf), ("with a broken signature", broken)):
            reply = d.post_enroll(body)
            ok(reply.status in (400, 403), f"S-09: require: a device {name} is halted", shown(reply))
        w.server.admin("org", "set", "--device-ca-mode", "warn")
        ok(is_challenge(d.post_enroll(strange)), "S-09: warn: a device by another CA gets the challenge")
        w.server.admin("org", "set", "--device-ca-mode", "off")
        ok(is_challenge(d.post_enroll(info)), "S-09: off: a bare plist gets the challenge")
    finally:
        w.server.admin("org", "set", "--device-ca-mode", "warn")


def challenge_as_web(w):
    d = w.device()
    challenge = d.begin(f"anna@{DOMAIN}")
    same(challenge["method"], "apple-as-web", "S-11: the rule's method is apple-as-web")
    url = urllib.parse.urlsplit(challenge["url"])
    ok(url.scheme == "https" and not url.query and not url.fragment, "S-11: url is https and holds no query", challenge)
    back = d.sign_in(challenge, PASSWORD)
    reply = d.browser.last
    same((reply.status, reply.header("Content-Length"), reply.body), (308, "0", b""), "S-12: success is 308, Content-Length 0")
    ok(no_store(reply), "S-39: the callback is never stored", shown(reply))
    start = "apple-remotemanagement-user-login://authentication-results?access-token="
    ok(back.startswith(start) and back[len(start):] and set(back[len(start):]) <= SAFE,
       "S-12: the exact callback URL; the token needs no percent-encoding", back)
    for answer in (r for _, _, r in d.browser.trail):
        ok(no_store(answer), "S-39: a sign-in page is never stored", shown(answer))
    return d


def challenge_oauth2(w):
    d = w.device()
    challenge = d.begin(f"eliza@{DOMAIN}")
    same(set(challenge), {"method", "authorization-url", "token-url", "redirect-url", "client-id", "scope"},
         "S-13: the challenge carries all six parameters")
    same(challenge["method"], "apple-oauth2", "S-13: apple-oauth2 is the method")
    ok(all(challenge[k].startswith("https://") for k in ("authorization-url", "token-url")), "S-13: the endpoints are https")
    redirect = urllib.parse.urlsplit(challenge["redirect-url"])
    ok(redirect.scheme == web.CALLBACK_SCHEME and redirect.path, "S-13: redirect-url has the fixed scheme and a path", challenge)

    browser = web.Browser(d.wire)
    good = d.sign_in_url(challenge)
    for name, change in (("another client_id", {"client_id": "other"}), ("no client_id", {"client_id": None}),
                         ("another redirect_uri", {"redirect_uri": "https://evil.example/"}),
                         ("a redirect_uri with a longer path", {"redirect_uri": challenge["redirect-url"] + "/x"}),
                         ("no redirect_uri", {"redirect_uri": None})):
        items = [(k, change.get(k, v)) for k, v in urllib.parse.parse_qsl(urllib.parse.urlsplit(good).query)]
        where, reply = browser.open("GET", web.with_query(good, [(k, v) for k, v in items if v is not None]))
        ok(400 <= reply.status < 500 and not where.startswith(web.CALLBACK_SCHEME),
           f"S-14: {name} is refused, without a redirect", shown(reply))
    back = d.sign_in(challenge, PASSWORD)
    answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
    same((d.browser.last.status, answer.get("state"), back.split("?")[0]),
         (308, d.state["oauth_state"], challenge["redirect-url"]), "S-14: 308 to redirect-url with our state")
    ok(no_store(d.browser.last), "S-39: the callback is never stored")
    ok(set(answer["code"]) <= SAFE, "S-15: a code needs no encoding")
    reply = token_replies(d)[-1]
    document = json.loads(reply.body)
    same((reply.status, reply.media_type, document["token_type"].lower()), (200, "application/json", "bearer"),
         "S-15: the token endpoint serves a public client: 200 JSON, Bearer")
    ok(no_store(reply), "S-39: tokens are never stored", shown(reply))
    ok(type(document.get("expires_in")) is int and document["expires_in"] > 0, "S-15: expires_in is an integer", document.keys())
    ok(document.get("refresh_token") and set(document["refresh_token"] + document["access_token"]) <= SAFE,
       "S-15: a refresh_token is there; both need no encoding")
    d.challenge = challenge
    return d


def token_replies(d):
    return [r for method, url, _, body, r in d.wire.transcript if method == "POST" and b"grant_type" in (body or b"")[:40]]


def token_endpoint(w):
    d = w.device()
    challenge = d.begin(f"eliza@{DOMAIN}")
    redirect, client = challenge["redirect-url"], challenge["client-id"]

    def code(extra=()):
        url = d.sign_in_url(challenge)
        back = web.Browser(d.wire).sign_in(web.with_query(url, list(extra), keep=True), d.state["user"], PASSWORD)
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))["code"]

    def redeem(code, **change):
        items = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "client_id": client, **change}
        return d.token_request(challenge, [(k, v) for k, v in items.items() if v is not None])

    def is_error(reply, name):
        try:
            error = json.loads(reply.body)["error"]
        except (ValueError, LookupError):
            error = None
        return reply.status in (400, 401) and error == name and reply.media_type == "application/json"

    spent = code()
    first = redeem(spent)
    same(first.status, 200, "S-16: a code is redeemed")
    tokens = json.loads(first.body)
    again = redeem(spent)
    ok(is_error(again, "invalid_grant"), "S-16: a code is redeemed once", shown(again))
    ok(is_challenge(d.post_enroll(d.body, tokens["access_token"])),
       "S-16: a code used twice takes back what its first use gave (RFC 6749 4.1.2)")

    for name, change in (("another redirect_uri", {"redirect_uri": redirect + "x"}), ("no redirect_uri", {"redirect_uri": None})):
        reply = redeem(code(), **change)
        ok(reply.status == 400, f"S-16: a code with {name} is not redeemed", shown(reply))
    reply = redeem(code(), client_id="other")
    ok(is_error(reply, "invalid_grant") or is_error(reply, "invalid_client"), "S-16: nor by another client", shown(reply))
    for name, items, error in (
            ("no grant_type", [("client_id", client)], "invalid_request"),
            ("an unknown grant_type", [("grant_type", "password"), ("client_id", client)], "unsupported_grant_type"),
            ("an unknown code", [("grant_type", "authorization_code"), ("code", "x" * 43), ("redirect_uri", redirect),
                                 ("client_id", client)], "invalid_grant"),
            ("an unknown refresh_token", [("grant_type", "refresh_token"), ("refresh_token", "x" * 43),
                                          ("client_id", client)], "invalid_grant"),
            ("a parameter twice", [("grant_type", "refresh_token"), ("refresh_token", "a"), ("refresh_token", "b"),
                                   ("client_id", client)], "invalid_request")):
        reply = d.token_request(challenge, items)
        ok(is_error(reply, error), f"S-15: {name}: {error} (RFC 6749 5.2)", shown(reply))
        ok(no_store(reply), f"S-39: {name}: the answer is never stored", shown(reply))

    verifier = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
    challenge_value = base64.urlsafe_b64encode(
        hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    pkce = [("code_challenge", challenge_value), ("code_challenge_method", "S256")]
    ok(is_error(redeem(code(pkce)), "invalid_grant"), "S-14: PKCE: no verifier, no tokens (RFC 7636)")
    ok(is_error(redeem(code(pkce), code_verifier="x" * 43), "invalid_grant"), "S-14: PKCE: another verifier, no tokens")
    same(redeem(code(pkce), code_verifier=verifier).status, 200, "S-14: PKCE: the verifier gets tokens")

    try:
        web.Browser(d.wire).sign_in(d.sign_in_url(challenge), d.state["user"], "wrong")
        ok(False, "S-12: a wrong password gets no callback")
    except web.SignInFailed as e:
        ok(e.reply.status in (200, 401, 403, 429) and e.reply.media_type == "text/html", "S-12: a wrong password gets no callback",
           shown(e.reply))
    try:
        web.Browser(d.wire).sign_in(d.sign_in_url(challenge), f"nobody@{DOMAIN}", PASSWORD)
        ok(False, "S-12: nobody gets no callback")
    except web.SignInFailed:
        ok(True, "S-12: nobody gets no callback")


# --- stage 3

def profile(w, d, mode):
    """The answer to the second POST; `d` is signed in."""
    reply = d.post_enroll(d.body, d.token)
    if not ok(reply.status == 200 and reply.media_type == "application/x-apple-aspen-config",
              f"S-17: {mode}: a good token gets the profile", shown(reply)):
        raise Stopped("profile", "none", reply)
    ok(no_store(reply), f"S-39: {mode}: the profile is never stored")
    document, mdm, identity = d.read_profile(reply)
    same((document.get("PayloadType"), document.get("PayloadVersion")), ("Configuration", 1), f"S-18: {mode}: it is a profile")
    ok(all(document.get(k) for k in ("PayloadIdentifier", "PayloadUUID", "PayloadContent")), f"S-18: {mode}: required keys are there")
    same(mdm["EnrollmentMode"], mode, f"S-18: {mode}: EnrollmentMode matches the Version")
    ok(isinstance(mdm["AssignedManagedAppleID"], str) and "@" in mdm["AssignedManagedAppleID"],
       f"S-18: {mode}: AssignedManagedAppleID is there")
    if mode == "BYOD":
        ok("AccessRights" not in mdm, "S-19: BYOD: no AccessRights")
        ok("PayloadRemovalDisallowed" not in document and not any("PayloadRemovalDisallowed" in p for p in document["PayloadContent"]),
           "S-19: BYOD: no PayloadRemovalDisallowed")
        ok("com.apple.mdm.bootstraptoken" not in mdm["ServerCapabilities"], "S-20: BYOD: no bootstrap token")
    else:
        ok(isinstance(mdm.get("AccessRights"), int) and 0 < mdm["AccessRights"] <= 8191, "S-19: ADDE: AccessRights is there", mdm)
    ok("ManagedAppleID" not in mdm, f"S-18: {mode}: no ManagedAppleID (removed in iOS 18)")
    capabilities = mdm.get("ServerCapabilities", [])
    ok("com.apple.mdm.token" in capabilities and len(set(capabilities)) == len(capabilities),
       f"S-20: {mode}: ServerCapabilities has com.apple.mdm.token, nothing twice", capabilities)
    same("com.apple.mdm.per-user-connections" in capabilities, d.state["family"] == "Mac",
         f"S-20: {mode}: per-user-connections for a Mac")
    ok(all(mdm[k].startswith("https://") for k in ("ServerURL", "CheckInURL") if k in mdm), f"S-18: {mode}: the URLs are https")
    secrets = [d.token, d.state["base_url"].rsplit("/", 1)[-1]]
    ok(not any(s in mdm[k] for s in secrets for k in ("ServerURL", "CheckInURL") if k in mdm),
       f"S-18: {mode}: no token and no attempt in the frozen URLs (5.6)")
    ok(mdm["Topic"].startswith("com.apple.mgmt."), f"S-18: {mode}: a topic", mdm["Topic"])
    ok(mdm.get("SignMessage") is True and mdm.get("CheckOutWhenRemoved") is True, f"S-23: {mode}: SignMessage and CheckOutWhenRemoved")
    inner = identity.get("PayloadContent", {})
    same((identity["PayloadType"], inner.get("Keysize", 0) >= 2048, inner.get("Key Type")),
         ("com.apple.security.scep", True, "RSA"), f"S-21: {mode}: a SCEP payload for an RSA key of 2048 bits or more")
    ok(inner.get("Challenge"), f"S-21: {mode}: with a challenge")
    ok(inner.get("Key Usage", 0) & 1, f"S-21: {mode}: for signing")
    again = d.read_profile(d.post_enroll(d.body, d.token))
    same({k: v for k, v in again[1].items() if k not in ("PayloadUUID", "IdentityCertificateUUID", "PayloadIdentifier")},
         {k: v for k, v in mdm.items() if k not in ("PayloadUUID", "IdentityCertificateUUID", "PayloadIdentifier")},
         f"S-16: {mode}: the token is reusable, and the mdm payload is the same")
    ok(again[2]["PayloadContent"]["Challenge"] != inner["Challenge"], f"S-21: {mode}: each profile has its own challenge")
    return mdm, identity


def scep_server(w, d):
    """All of 6.1; `d` is signed in and may fetch as many profiles as it likes."""
    payload = lambda: d.read_profile(d.post_enroll(d.body, d.token))[2]["PayloadContent"]
    first = payload()
    client = scep.Scep(first["URL"], w.wire(), first.get("Name", ""))
    reply, capabilities = client.capabilities()
    same((reply.status, reply.media_type), (200, "text/plain"), "S-21: GetCACaps is text/plain")
    ok({"Renewal", "SHA-1", "SHA-256", "AES", "DES3", "SCEPStandard", "POSTPKIOperation"} <= set(capabilities),
       "S-21: GetCACaps lists what devices look for", capabilities)
    reply, authorities = client.authorities()
    ok((reply.media_type == "application/x-x509-ca-cert") == (len(authorities) == 1), "S-21: GetCACert's type tells one from several",
       shown(reply))
    to = client.recipient(authorities)
    key = os.path.join(w.server.folder, "device-scep.key")
    openssl.new_rsa_key(key)

    def ask(challenge, digest="sha256", cipher="aes256", by_get=False, csr=None, spoil=None, **how):
        csr = csr or scep.request(key, first.get("Subject", []), challenge, first.get("SubjectAltName"), digest)
        signer = openssl.self_signed(key, "SCEP", digest=digest)
        message, transaction, nonce = client.build(csr, signer, key, to, digest, cipher, **how)
        reply = client.send(spoil(message) if spoil else message, by_get)
        return reply, (authorities, signer, key, transaction, nonce), csr

    def is_failure(reply):
        """A CertRep FAILURE, or a plain 4xx where no CertRep can be made."""
        if 400 <= reply.status < 500 and reply.status != 401:
            return True
        try:
            return scep.PkiMessage(reply.body).text(scep.PKI_STATUS) == "2"
        except (der.BadDer, scep.ScepFailed, ValueError, IndexError, KeyError):
            return False

    issued, csr = None, None
    for digest, cipher, by_get in (("sha1", "des3", False), ("sha256", "aes128", False), ("sha256", "aes256", True),
                                   ("sha1", "aes256", False), ("sha256", "des3", True)):
        how = f"{digest} with {cipher} by {'GET' if by_get else 'POST'}"
        challenge = payload()["Challenge"]
        reply, opening, csr = ask(challenge, digest, cipher, by_get)
        same((reply.status, reply.media_type), (200, "application/x-pki-message"), f"S-21: {how}: x-pki-message")
        try:
            answer, envelope, certificates = client.open(reply, *opening)
        except (scep.ScepFailed, openssl.Failed, der.BadDer) as e:
            ok(False, f"S-21: {how}: a certificate is issued", e)
            continue
        issued = scep.own_certificate(certificates, key)
        ok(True, f"S-21: {how}: a certificate is issued, the answer is signed and echoes transaction and nonce")
        same((answer.digest, scep.envelope_cipher(envelope)), (scep.DIGEST[digest], cipher), f"S-21: {how}: answered with the request's algorithms")
        with openssl.Scratch() as s:
            openssl.run(["verify", "-purpose", "any", "-CAfile", s.file("ca", client.root(authorities)), s.file("c", issued)])
    # the last CSR again, identical, in a new message
    reply, opening, _ = ask(challenge, csr=csr)
    try:
        same(scep.own_certificate(client.open(reply, *opening)[2], key), issued, "S-21: the identical CSR gets the identical certificate")
    except (scep.ScepFailed, openssl.Failed) as e:
        ok(False, "S-21: the identical CSR gets the identical certificate", e)
    other = os.path.join(w.server.folder, "device-scep-2.key")
    openssl.new_rsa_key(other)
    reply, _, _ = ask(challenge, csr=scep.request(other, first.get("Subject", []), challenge))
    ok(is_failure(reply), "S-21: a challenge is good for one CSR", shown(reply))
    ok(is_failure(ask("nonsense")[0]), "S-21: a wrong challenge gets FAILURE")
    ok(is_failure(ask(None)[0]), "S-21: no challenge gets FAILURE")
    fresh = payload()["Challenge"]
    reply, _, _ = ask(fresh, cipher="des")
    ok(is_failure(reply), "S-21: single DES is refused", shown(reply))
    reply, _, _ = ask(fresh, csr=scep.request(other, first.get("Subject", []), fresh))
    ok(is_failure(reply), "S-21: the signer's key must be the CSR's", shown(reply))
    small = os.path.join(w.server.folder, "device-scep-3.key")
    with open(small, "wb") as f:
        f.write(openssl.run(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]))
    signer = openssl.self_signed(small, "SCEP")
    message, _, _ = client.build(scep.request(small, first.get("Subject", []), fresh), signer, small, to)
    ok(is_failure(client.send(message)), "S-21: a key of 1024 bits is refused")
    flip = lambda message: message[:-1] + bytes([message[-1] ^ 1])
    ok(is_failure(ask(fresh, spoil=flip)[0]), "S-21: a broken signature is refused")
    ok(is_failure(ask(fresh, spoil=lambda m: m[:-40])[0]), "S-21: a truncated message is refused")
    ok(is_failure(ask(fresh, message_type="99")[0]), "S-21: an unknown messageType is refused")
    ok(is_failure(ask(fresh, csr=b"\x30\x03\x02\x01\x00")[0]), "S-21: an envelope over no CSR is refused")
    for name, body in (("no bytes", b""), ("garbage", os.urandom(300)), ("text", b"hello"), ("deep DER", deep_der())):
        ok(is_failure(client.send(body)), f"S-21: {name} is refused")
    for query in ("?operation=Nothing", "", "?operation=PKIOperation&message=%%%"):
        reply = w.wire().request("GET", first["URL"] + query)
        ok(400 <= reply.status < 500 and reply.status != 401 or is_failure(reply), f"S-21: GET {query!r} is refused", shown(reply))
    reply, opening, _ = ask(fresh)
    try:
        client.open(reply, *opening)
        ok(True, "S-21: no failed request used up the challenge")
    except (scep.ScepFailed, openssl.Failed) as e:
        ok(False, "S-21: no failed request used up the challenge", e)


def deep_der(depth=20000):
    """A SEQUENCE in a SEQUENCE in a SEQUENCE."""
    out = b""
    for _ in range(200):
        out = der.sequence(out)
    return out + b"\x30\x80" * depth


def entity_plist(key, message=b""):
    return (b'<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">'
            b'<!ENTITY f SYSTEM "file:///etc/hostname">]><plist version="1.0"><dict>' + message +
            b"<key>" + key + b"</key><string>&b;&f;</string></dict></plist>")


def nested_plist(depth):
    return (b'<?xml version="1.0"?><plist version="1.0"><dict><key>x</key>' + b"<array>" * depth + b"</array>" * depth +
            b"</dict></plist>")


# --- stage 4

def check_in(w):
    """Authenticate, TokenUpdate and what must not pass (protocol 7, 8.2)."""
    d = challenge_oauth2(w)
    mdm, identity = profile(w, d, "BYOD")
    scep_server(w, d)
    d.install(mdm, identity)

    early = d.token_update()
    ok(refused(early), "S-24: TokenUpdate before Authenticate is not served", shown(early))
    reply = d.authenticate({"Topic": "com.apple.mgmt.External.other"})
    same(reply.status, 403, "S-24: Authenticate with another topic: 403")
    ok(is_challenge(d.authenticate(token="nonsense")), "S-27: Authenticate with a wrong token: 401 and the challenge")
    ok(is_challenge(d.authenticate(token=None)), "S-27: Authenticate without a token: 401 and the challenge")
    reply = d.authenticate()
    same((reply.status, reply.body), (200, b""), "S-24: Authenticate: 200, empty")
    reply = d.token_update()
    same((reply.status, reply.body), (200, b""), "S-24: TokenUpdate: 200, empty")
    d.state["push"], d.state["magic"] = os.urandom(32).hex(), str(uuid.uuid4()).upper()
    reply = d.token_update()
    same((reply.status, reply.body), (200, b""), "S-24: TokenUpdate with other values: 200, empty")
    reply = d.report()
    same((reply.status, reply.body), (200, b""), "S-25: Idle and nothing queued: 200, zero bytes")
    d.state["enrolled"] = True
    d.save()
    return d


def identity_proof(w, d, other):
    """S-23: who signed, and what."""
    body = plistlib.dumps({"Status": "Idle", **d.who()})
    url = d.state["mdm"]["ServerURL"]
    send = lambda signature, body=body, token=d.token: d.put(url, COMMAND_TYPE, body, token=token, signature=signature)
    good = d.signature(body)
    same(send(good).status, 200, "S-23: a good Mdm-Signature is served")
    same(send(d.signature(body, digest="sha1")).status, 200, "S-23: with SHA-1 too")
    binary = plistlib.dumps({"Status": "Idle", **d.who()}, fmt=plistlib.FMT_BINARY)
    same(send(d.signature(binary), binary).status, 200, "S-23: a binary plist is served (7.1)")
    key = os.path.join(w.server.folder, "device-forged.key")
    openssl.new_rsa_key(key)
    forged = os.path.join(w.server.folder, "device-forged.pem")
    with open(forged, "wb") as f:
        f.write(openssl.self_signed(key, "forged"))
    wrong = {
        "no signature": False,
        "a signature over other bytes": d.signature(body + b"\n"),
        "another enrollment's signature": d.signature(body, other.cert, other.key),
        "a self-signed certificate": d.signature(body, forged, key),
        "the built-in identity": d.signature(body, d.built_in.cert, d.built_in.key),
        "no base64": "!!!!", "base64 of garbage": base64.b64encode(os.urandom(200)).decode(),
        "a truncated signature": good[:400], "an attached signature over other bytes":
            base64.b64encode(openssl.cms_sign(b"x", d.cert, d.key)).decode(),
    }
    for name, signature in wrong.items():
        reply = send(signature)
        ok(refused(reply) and not is_challenge(reply), f"S-23: {name} is refused, before any token is looked at", shown(reply))
    same(send(good).status, 200, "S-23: the good one is served still")


def client_certificate(w, signer):
    """S-23 by mutual TLS: the identity certificate of the connection proves the device."""
    w.server.admin("org", "set", "--identity-proof", "mtls")
    try:
        d = w.enrolled("eliza")
    finally:
        w.server.admin("org", "set", "--identity-proof", "signature")
    ok(not d.state["mdm"].get("SignMessage") and d.state["mdm"]["ServerURL"].startswith(f"https://localhost:{w.server.mtls_port}/"),
       "S-23: mTLS: a phone enrolls; no SignMessage, ServerURL is the listener that asks for certificates", d.state["mdm"])
    same(d.report().status, 200, "S-23: mTLS: its certificate is served")
    ok(is_challenge(d.report(token="nonsense")), "S-27: mTLS: the bearer is asked for as well")
    ok(is_challenge(d.report(token=signer.token)), "S-27: mTLS: and must be the device's own")
    body = plistlib.dumps({"Status": "Idle", **d.who()})
    key, forged = (os.path.join(w.server.folder, f"device-mtls.{end}") for end in ("key", "pem"))
    openssl.new_rsa_key(key)
    with open(forged, "wb") as f:
        f.write(openssl.self_signed(key, "forged"))
    for name, pair in (("no certificate", None), ("another enrollment's certificate", (signer.cert, signer.key)),
                       ("a self-signed certificate", (forged, key)), ("the built-in identity", (d.built_in.cert, d.built_in.key))):
        wire = web.Wire(w.server.cacert, w.server.connect_to, pair)
        try:
            reply = wire.request("PUT", d.state["mdm"]["ServerURL"],
                                 {"Content-Type": COMMAND_TYPE, "Authorization": f"Bearer {d.token}"}, body)
            ok(refused(reply) and reply.status != 401, f"S-23: mTLS: {name} is refused, before any token is looked at", shown(reply))
        except (ssl.SSLError, ConnectionError, http.client.HTTPException):
            ok(True, f"S-23: mTLS: {name} is refused by TLS")
    same(d.check_out().status, 200, "S-24: mTLS: CheckOut: 200")
    same(signer.report().status, 200, "S-23: a device that signs is served as before: its profile is frozen")


def bad_messages(w, d):
    send = lambda body, url=d.check_in_url, kind=CHECKIN_TYPE: d.put(url, kind, body, token=d.token)
    who = b"".join(f"<key>{k}</key><string>{v}</string>".encode() for k, v in d.who().items())
    message = b"<key>MessageType</key><string>TokenUpdate</string>" + who
    same(d.check_in("NoSuchMessage", {"Topic": d.state["mdm"]["Topic"]}).status, 400, "S-24: an unknown MessageType: 400")
    for kind in ("GetBootstrapToken", "SetBootstrapToken", "UserAuthenticate", "ReturnToService"):
        reply = d.check_in(kind)
        ok(reply.status in (400, 403, 410, 501), f"S-24: {kind} is not served to BYOD", shown(reply))
    same(d.check_in("TokenUpdate", {"Topic": "com.apple.mgmt.External.other", "Token": b"x" * 32, "PushMagic": "m"}).status, 403,
         "S-24: another topic: 403")
    for name, body in (("an entity declaration", entity_plist(b"Topic", message)), ("deep nesting", nested_plist(100000)),
                       ("garbage", os.urandom(200)), ("no bytes", b""), ("an array", plistlib.dumps([])), ("truncated XML", b"<plist><dict>"),
                       ("a truncated binary plist", plistlib.dumps({"MessageType": "TokenUpdate"}, fmt=plistlib.FMT_BINARY)[:-9]),
                       ("MessageType that is no string", plistlib.dumps({"MessageType": 1, **d.who()})),
                       ("TokenUpdate without a token", plistlib.dumps({"MessageType": "TokenUpdate", "Topic": d.state["mdm"]["Topic"], **d.who()})),
                       ("no identifier", plistlib.dumps({"MessageType": "TokenUpdate", "Topic": d.state["mdm"]["Topic"], "Token": b"t" * 32, "PushMagic": "m"})),
                       ("Status unknown", plistlib.dumps({"Status": "Perhaps", **d.who()}))):
        reply = send(body)
        ok(refused(reply) and reply.status != 401, f"S-24: {name} is refused", shown(reply))
    reply = send(b"<plist>" + b" " * (20 << 20))
    same(reply.status, 413, "S-24: a body of 20 MB: 413")
    reply = d.put(d.check_in_url, CHECKIN_TYPE, plistlib.dumps({"MessageType": "TokenUpdate", "EnrollmentID": str(uuid.uuid4()).upper(),
                  "Topic": d.state["mdm"]["Topic"], "Token": b"t" * 32, "PushMagic": "m"}), token=d.token)
    ok(refused(reply), "S-23: an EnrollmentID that is not the certificate's is refused", shown(reply))
    same(d.report().status, 200, "S-25: and after all that the device is served")
    raw = d.wire.raw(w.server.url, b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    ok(raw.startswith(b"HTTP/1.1 4") or raw == b"", "two lengths in one request are refused (RFC 9112 6.3)", raw[:100])


def bearer(w, d, other, web_device):
    ok(is_challenge(d.report(token=None)), "S-27: no bearer: 401 and the challenge")
    ok(is_challenge(d.report(token="nonsense")), "S-27: a wrong bearer: 401 and the challenge")
    ok(is_challenge(d.report(token=other.token)), "S-27: another enrollment's bearer: 401 and the challenge")
    ok(is_challenge(d.report(token=web_device.token)), "S-27: another person's bearer: 401 and the challenge")
    ok(is_challenge(d.token_update(token=other.token)), "S-27: the same at check-in")
    ok(is_challenge(d.get_token(token=other.token)), "S-27: and for GetToken")
    same(d.report().status, 200, "S-26: none of it unenrolled the device")
    same(other.report().status, 200, "S-26: nor the other one")


def commands(w, d):
    name = w.server.enrollment(d)
    send = lambda *args: w.server.admin("command", "send", name, *args)
    send("DeviceInformation", "Queries=OSVersion,Model")
    reply = d.report()
    same((reply.status, reply.media_type), (200, "application/xml"), "S-25: a command is application/xml")
    first = plistlib.loads(reply.body)
    same((first["Command"]["RequestType"], first["Command"].get("Queries")), ("DeviceInformation", ["OSVersion", "Model"]),
         "S-25: Idle gets the queued command")
    same(plistlib.loads(d.report().body)["CommandUUID"], first["CommandUUID"], "S-25: a command stays at the head until it is answered")
    status, keys = d.answer(first)
    keys = {"CommandUUID": first["CommandUUID"], **keys}
    send("SecurityInfo")
    reply = d.report(status, keys)
    second = plistlib.loads(reply.body)
    same(second["Command"]["RequestType"], "SecurityInfo", "S-25: Acknowledged gets the next command")
    reply = d.report(status, keys)
    same((reply.status, plistlib.loads(reply.body)["CommandUUID"]), (200, second["CommandUUID"]),
         "S-25: the same answer again is taken, and changes nothing")

    send("ProfileList")
    reply = d.report("NotNow", {"CommandUUID": second["CommandUUID"]})
    third = plistlib.loads(reply.body) if reply.body else {}
    same(third.get("Command", {}).get("RequestType"), "ProfileList", "S-25: NotNow lets the next command through")
    reply = d.report("Error", {"CommandUUID": third.get("CommandUUID"), "ErrorChain": [
        {"ErrorCode": 12021, "ErrorDomain": "MCMDMErrorDomain", "LocalizedDescription": "no", "USEnglishDescription": "no"}]})
    ok(reply.status == 200 and not (reply.body and plistlib.loads(reply.body)["CommandUUID"] == third["CommandUUID"]),
       "S-25: Error is final", shown(reply))
    reply = d.report()
    same(reply.body and plistlib.loads(reply.body)["CommandUUID"], second["CommandUUID"], "S-25: what got NotNow is there at the next Idle")
    reply = d.report("CommandFormatError", {"CommandUUID": second["CommandUUID"]})
    same((reply.status, reply.body), (200, b""), "S-25: CommandFormatError is final; the queue is empty: zero bytes")
    reply = d.report("Acknowledged", {"CommandUUID": str(uuid.uuid4()).upper()})
    ok(reply.status in (200, 400), "S-25: an answer to no command is no accident", shown(reply))
    for kind in ("EraseDevice", "ClearPasscode", "DeviceLocation"):
        try:
            send(kind)
            ok(False, f"S-32: {kind} is refused for BYOD before it is queued")
        except Refused:
            ok(True, f"S-32: {kind} is refused for BYOD before it is queued")
    same(d.report().body, b"", "S-32: nothing of it was queued")


def renewal(w, d):
    """Expired and revoked tokens (protocol 8.1)."""
    name = w.server.enrollment(d)
    w.server.admin("command", "send", name, "DeviceInformation", "Queries=OSVersion")
    expire(w, d)
    old = dict(d.state["tokens"])
    reply = d.report()
    ok(is_challenge(reply), "S-28: an expired token: 401 and the complete challenge, no body", shown(reply))
    ok(no_store(reply), "S-39: that challenge is never stored")
    same(set(parse_challenge(reply)), {"method", "authorization-url", "token-url", "redirect-url", "client-id", "scope"},
         "S-28: with all six parameters again")
    ok(is_challenge(d.token_update()), "S-28: TokenUpdate too")
    challenge = parse_challenge(reply)
    answer = d.refresh(challenge)
    document = json.loads(answer.body)
    ok(document.get("refresh_token") and document["access_token"] != old["access"], "S-15: a refresh gives new tokens, refresh_token among them")
    ok(no_store(answer), "S-39: refreshed tokens are never stored")
    got = d.poll()
    same([c["Command"]["RequestType"] for c in got], ["DeviceInformation"], "S-28: the queue was kept: the command comes after the refresh")
    ok(is_challenge(d.report(token=old["access"])), "S-28: the expired token stays expired")
    return challenge


def lost_refresh(w, d, challenge):
    """A device that never saw the answer to its refresh asks again with the old token (protocol 4.4)."""
    old = dict(d.state["tokens"])
    d.refresh(challenge)
    d.state["tokens"] = old		# the answer was lost
    try:
        d.refresh(challenge)
        ok(True, "S-15: the refresh token before stays good while its successor is unused")
    except Stopped as e:
        ok(False, "S-15: the refresh token before stays good while its successor is unused", e.reply and shown(e.reply))
        return
    same(d.report().status, 200, "S-15: and the tokens it gave are served")


def sign_in_again(w, d, person, stranger):
    """The person signs in again; the enrollment stays bound to them (S-30)."""
    challenge = parse_challenge(d.report(token="nonsense"))
    old = dict(d.state["tokens"])
    d.sign_in(challenge, PASSWORD)
    same(d.report().status, 200, f"S-30: {challenge['method']}: signing in again gives a token for the same enrollment")
    mine = dict(d.state["tokens"])
    d.state["user"] = stranger
    try:
        d.sign_in(challenge, STRANGER, identifier=False)
        reply = d.report()
        ok(is_challenge(reply), f"S-30: {challenge['method']}: another person's token is 401 and the challenge, not 403", shown(reply))
    except (web.SignInFailed, Stopped) as e:
        ok(e.reply is None or e.reply.status != 401 or is_challenge(e.reply),
           f"S-30: {challenge['method']}: another person cannot sign in for this enrollment", e)
    d.state["user"], d.state["tokens"] = person, mine
    d.save()
    same(d.report().status, 200, f"S-30: {challenge['method']}: the person's own token is good still")


def expire(w, d):
    """Give the device a token that lives for two seconds, and let them pass."""
    w.server.admin("org", "set", "--access-token-life", "2s", "--web-token-life", "2s")
    try:
        d.renew(d.report(user_channel=d.state["family"] == "Mac", token="nonsense"), PASSWORD)
        time.sleep(3)
    finally:
        w.server.admin("org", "set", "--access-token-life", "1h", "--web-token-life", "30d")


def revoked(w, d):
    """The administrator ends the sign-in: no refresh, the person signs in again."""
    w.server.admin("token", "revoke", "--enrollment", w.server.enrollment(d))
    reply = d.report()
    ok(is_challenge(reply), "S-28: a revoked token: 401 and the challenge", shown(reply))
    try:
        d.refresh(parse_challenge(reply))
        ok(False, "S-28: the refresh token of a revoked sign-in gives nothing")
    except Stopped as e:
        same(e.reply.status, 400, "S-28: the refresh token of a revoked sign-in gives nothing")
    d.sign_in(parse_challenge(reply), PASSWORD)
    same(d.report().status, 200, "S-28: the person signs in again, and the device is served")


def get_token(w, d):
    one, two = d.get_token(), d.get_token()
    same((one.status, one.media_type), (200, "application/xml"), "S-31: com.apple.maid is served as a plist")
    tokens = [plistlib.loads(r.body)["TokenData"].decode() for r in (one, two)]
    header, claims = verify_jwt(tokens[0], maid_certificate(w))
    ok(True, "S-31: the JWT verifies with the organization's certificate")
    same((header.get("alg"), header.get("typ")), ("RS256", "JWT"), "S-31: RS256, JWT")
    same(set(claims), {"iss", "iat", "jti", "service_type"}, "S-31: four claims")
    same((claims["iss"], claims["service_type"]), (SERVER_UUID, "com.apple.maid"), "S-31: iss is the server's uuid")
    ok(isinstance(claims["iat"], int), "S-31: iat is in seconds", claims)
    other = verify_jwt(tokens[1], maid_certificate(w))[1]
    ok(uuid.UUID(claims["jti"]) != uuid.UUID(other["jti"]), "S-31: jti is a fresh UUID each time")
    same(d.get_token("com.example.other").status, 400, "S-31: an unknown service: 400")
    same(d.get_token("com.apple.watch.pairing", {"SecurityToken": "s", "PhoneUDID": "p", "WatchUDID": "w"}).status, 400,
         "S-31: com.apple.watch.pairing: 400 for BYOD (9.2)")


SERVER_UUID = "3B6D7B3C-5E6A-4D3C-9C6F-0D7F1A2B3C4D"


def maid_certificate(w):
    """The one an administrator uploads to Apple School Manager or Apple Business."""
    name, = glob.glob(os.path.join(w.server.data, "keys", "maid-*.pem"))
    with open(name, "rb") as f:
        return f.read()


def mac(w):
    """A Mac: ADDE, two channels, a bearer on the user channel alone."""
    d = w.device()
    challenge = d.begin(f"eliza@{DOMAIN}", "Mac")
    same(d.state["mode"], "ADDE", "S-18: a Mac enrolls by ADDE")
    d.sign_in(challenge, PASSWORD)
    mdm, identity = profile(w, d, "ADDE")
    d.install(mdm, identity)
    same(d.authenticate().status, 200, "S-27: Mac: Authenticate without a bearer: 200")
    same(d.token_update().status, 200, "S-27: Mac: TokenUpdate without a bearer: 200")
    reply = d.report()
    same((reply.status, reply.body), (200, b""), "S-27: Mac: the device channel carries no bearer and is served")
    ok(is_challenge(d.token_update(user_channel=True, token=None)), "S-27: Mac: the user channel without a bearer: 401 and the challenge")
    same(d.token_update(user_channel=True).status, 200, "S-27: Mac: the user channel with a bearer: 200")
    same(d.report(user_channel=True).status, 200, "S-27: Mac: and its command loop")
    ok(is_challenge(d.report(user_channel=True, token=None)), "S-27: Mac: which needs the bearer, too")
    w.server.admin("command", "send", w.server.enrollment(d), "DeviceInformation", "Queries=OSVersion,SerialNumber")
    same([c["Command"]["RequestType"] for c in d.poll()], ["DeviceInformation"], "S-27: Mac: a command is delivered on the device channel")
    same(d.check_out().status, 200, "S-24: Mac: CheckOut without a bearer: 200")
    return d


def adde_ipad(w):
    """ADDE by apple-as-web, on an iPad: bearer everywhere, UDID instead of EnrollmentID."""
    d = w.enrolled("carl", "iPad")
    same((d.state["mode"], d.state["tokens"]["method"], d.state["tokens"]["refresh"]), ("ADDE", "apple-as-web", None),
         "S-12: ADDE by apple-as-web enrolls, without a refresh token")
    ok(is_challenge(d.report(token=None)), "S-27: an iPad's device channel needs the bearer in ADDE too")
    expire(w, d)
    reply = d.report()
    ok(is_challenge(reply), "S-28: apple-as-web: an expired token: 401 and the challenge", shown(reply))
    same(parse_challenge(reply)["method"], "apple-as-web", "S-28: by the same method")
    ok("?" not in parse_challenge(reply)["url"], "S-11: the url of a renewal holds no query either")
    same(d.renew(reply, PASSWORD), "sign-in", "S-28: apple-as-web: the person signs in again")
    same(d.report().status, 200, "S-28: apple-as-web: and the device is served")
    return d


def endings(w):
    d = w.enrolled("eliza")
    expire(w, d)
    same(d.check_out().status, 200, "S-29: CheckOut with an expired token: 200")
    reply = d.report()
    same((reply.status, reply.media_type, error_code(reply)), (403, "application/json", UNRECOGNIZED),
         "S-26, S-38: after CheckOut the device is unknown: 403 JSON com.apple.unrecognized.device")

    d = w.enrolled("eliza")
    same(d.check_out().status, 200, "S-37: CheckOut right after enrolling: 200")
    first = d.state["enrollment_id"]
    d.enroll(f"eliza@{DOMAIN}", PASSWORD)
    ok(d.state["enrollment_id"] != first and d.report().status == 200, "S-37: the same phone enrolls again")

    w.server.admin("enrollment", "evict", w.server.enrollment(d))
    reply = d.report()
    same((reply.status, reply.media_type, error_code(reply)), (403, "application/json", UNRECOGNIZED),
         "S-26, S-38: an evicted device gets 403 JSON com.apple.unrecognized.device")

    d = w.enrolled("eliza")
    other = w.enrolled("anna")
    reply = d.check_out(signature=d.signature(b"x"))
    ok(refused(reply), "S-29: CheckOut with a wrong signature ends nothing", shown(reply))
    same(d.report().status, 200, "S-29: the device is enrolled still")
    reply = other.put(other.check_in_url, CHECKIN_TYPE, plistlib.dumps(
        {"MessageType": "CheckOut", "Topic": d.state["mdm"]["Topic"], **d.who()}), token=other.token)
    ok(refused(reply), "S-29: CheckOut for another enrollment ends nothing", shown(reply))
    same(d.report().status, 200, "S-29: that device is enrolled still")


def privacy(w):
    """S-10: a BYOD device that says too much."""
    secret = {"UDID": "00008140-5EC12E7F00000001", "SERIAL": "SEC12ETSER1AL", "IMEI": "358765432109871", "MEID": "A1000049D87F3C"}
    d = w.device()
    d.discover(f"eliza@{DOMAIN}")
    d.body = d.signed_machine_info(secret)
    first = d.post_enroll(d.body)
    if not is_challenge(first):
        ok(first.status == 400, "S-10: a BYOD device that sends identifiers is refused, or they are dropped", shown(first))
        return
    d.sign_in(parse_challenge(first), PASSWORD)
    d.install(*d.read_profile(d.post_enroll(d.body, d.token))[1:])
    reply = d.authenticate({"UDID": secret["UDID"], "SerialNumber": secret["SERIAL"], "IMEI": secret["IMEI"], "MEID": secret["MEID"]})
    if ok(reply.status in (200, 400), "S-10: Authenticate with forbidden identifiers: accepted or 400 (7.2)", shown(reply)) and reply.status == 400:
        same(d.authenticate().status, 200, "S-10: without them it is accepted")
    reply = d.check_in("TokenUpdate", {"Topic": d.state["mdm"]["Topic"], "Token": b"t" * 32, "PushMagic": "m", "UDID": secret["UDID"]})
    ok(reply.status in (200, 400), "S-10: TokenUpdate with a UDID: accepted or 400 (7.2)", shown(reply))
    same(d.token_update().status, 200, "S-10: without it it is accepted")
    w.server.admin("command", "send", w.server.enrollment(d), "DeviceInformation", "Queries=OSVersion")
    command = plistlib.loads(d.report().body)
    d.report("Acknowledged", {"CommandUUID": command["CommandUUID"], "QueryResponses": {
        "OSVersion": "18.2", "SerialNumber": secret["SERIAL"], "UDID": secret["UDID"], "IMEI": secret["IMEI"]}})
    w.server.stop()
    for key, value in secret.items():
        same(w.server.files_with(value.encode()), [], f"S-10: {key} is in no file of the data folder and not in the log")
    for d2 in w.devices:
        if token := d2.state.get("tokens", {}).get("access"):
            if w.server.files_with(token.encode()):
                ok(False, "an access token is stored in clear", w.server.files_with(token.encode()))
                break
    else:
        ok(True, "no access token is stored in clear")
    same(w.server.files_with(PASSWORD.encode()), [], "no password is stored in clear")
    w.server.start_with_mtls()
    same(d.report().status, 200, "the device is served after a restart")


def transcripts(w):
    """What must hold for every answer there was."""
    replies = [(m, u, r) for d in w.devices for m, u, _, _, r in d.wire.transcript]
    bad = [(m, u) for m, u, r in replies if r.status == 401 and not is_challenge(r) and "grant_type" not in u and "token" not in u]
    ok(not bad, "S-26: there was no 401 without a challenge", bad[:5])
    bad = [(m, u, r.media_type) for m, u, r in replies if r.status == 403 and r.body and r.media_type != "application/json"]
    ok(not bad, "S-38: every 403 with a body is application/json", bad[:5])
    bad = [(m, u) for m, u, r in replies if r.status == 401 and not no_store(r)]
    ok(not bad, "S-39: every challenge is no-store", bad[:5])
    bad = [(m, u, r.status) for m, u, r in replies if r.status >= 500]
    ok(not bad, "no answer was a 5xx", bad[:5])


def story(name, function, *args):
    """Run a part; what stops it is one failed assertion, so that the others still run."""
    say(f"--- {name}")
    try:
        return function(*args)
    except Exception as e:
        reply = getattr(e, "reply", None)
        ok(False, f"{name}: runs to its end", "".join(traceback.format_exception(e)[-3:]) + (shown(reply) if reply else ""))
        return None


def main():
    story("the client itself, against openssl", selftest.run)
    w = World()
    s = w.server
    try:
        s.start_with_mtls()
        for user, password in (("eliza", PASSWORD), ("anna", PASSWORD), ("bob", STRANGER), ("carl", PASSWORD)):
            s.add_user(f"{user}@{DOMAIN}", password)
        s.admin("rule", "add", "--user", f"anna@{DOMAIN}", "--byod", "--method", "apple-as-web")
        s.admin("rule", "add", "--user", f"carl@{DOMAIN}", "--adde", "--method", "apple-as-web")
        for user in ("bob", "plus+tag"):
            s.admin("rule", "add", "--user", f"{user}@{DOMAIN}", "--adde")
        s.admin("rule", "add", "--user", f"refused@{DOMAIN}", "--refuse", "Not this one, please.")
        s.admin("rule", "add", "--user", f"moved+x@{DOMAIN}", "--redirect", f"https://mdm.elsewhere.example{WELL_KNOWN}")
        s.admin("org", "set", "--server-uuid", SERVER_UUID)

        story("discovery", discovery, w)
        story("TLS", tls, w)
        story("the enrollment request", enrollment_post, w)
        story("the CMS check", require_mode, w)
        story("the token endpoint", token_endpoint, w)
        phone = story("an iPhone enrolls by apple-oauth2", check_in, w)
        by_web = story("the apple-as-web challenge", challenge_as_web, w)
        if by_web:
            story("an iPhone enrolls by apple-as-web", by_web.finish)
            same(by_web.report().status, 200, "S-12: the as-web token is good for MDM")
        other = story("another iPhone", w.enrolled, "eliza")
        if phone and other and by_web:
            story("the proof of identity", identity_proof, w, phone, other)
            story("a client certificate", client_certificate, w, phone)
            story("bad messages", bad_messages, w, phone)
            story("the bearer", bearer, w, phone, other, by_web)
            story("commands", commands, w, phone)
            challenge = story("expiry and refresh", renewal, w, phone)
            if challenge:
                story("a lost refresh", lost_refresh, w, phone, challenge)
            story("a revoked sign-in", revoked, w, phone)
            story("signing in again, apple-oauth2", sign_in_again, w, phone, f"eliza@{DOMAIN}", f"bob@{DOMAIN}")
            story("signing in again, apple-as-web", sign_in_again, w, by_web, f"anna@{DOMAIN}", f"bob@{DOMAIN}")
            story("GetToken", get_token, w, phone)
            same(phone.check_out().status, 200, "S-24: CheckOut: 200")
        story("a Mac", mac, w)
        story("an iPad by ADDE", adde_ipad, w)
        story("endings", endings, w)
        story("identifiers of a BYOD device", privacy, w)
        transcripts(w)
        ok(s.daemon is not None and s.daemon.poll() is None, "the server runs to the end")
        same(s.stop(), 0, "SIGTERM ends it with status 0")
        ok("Sanitizer" not in s.log and "runtime error" not in s.log, "no sanitizer had anything to say", s.log[-2000:])
    finally:
        if os.environ.get("POSTERN_KEEP"):
            s.stop()
            say(f"kept: {s.folder}")
        else:
            s.remove()
    return done()


if __name__ == "__main__":
    sys.exit(main())
