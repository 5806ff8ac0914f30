#!/usr/bin/python3
"""Every way to be refused, from discovery to the end of an enrollment: what the device gets, and what the
administrator reads of it afterwards.
    refusals.py [PART...]"""

import base64
import hashlib
import json
import os
import plistlib
import sys
import time
import traceback
import urllib.parse
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
import openssl
import scep
import web
from device import CHECKIN_TYPE, COMMAND_TYPE, Stopped, parse_challenge, verify_jwt
from postern import DOMAIN, PASSWORD, Refused, done, ok, same, say
from world import SERVER_UUID, UNRECOGNIZED, Phone, World, is_challenge, maid_certificate, shown

WELL_KNOWN = "/.well-known/com.apple.remotemanagement"


def at(name):
    return f"{name}@{DOMAIN}"


def reason(reply):
    """(status, code) of a refusal in JSON."""
    try:
        return reply.status, json.loads(reply.body)["code"]
    except (ValueError, LookupError, TypeError):
        return reply.status, None


def message(reply):
    try:
        return json.loads(reply.body).get("message") or ""
    except ValueError:
        return ""


def tells(w, who, code, rule, todo=False):
    event = w.told(who, code)
    ok(event and (event["todo"] or not todo), f"{rule}: the timeline says {code}" + (", and what to do" if todo else ""),
       w.codes(who))


def enrolled(w, name):
    d = w.independent()
    d.enroll(at(name), PASSWORD)
    return d


def signed_in(w, name):
    """Up to the access token, before the second POST."""
    d = w.independent()
    d.sign_in(d.begin(at(name)), PASSWORD)
    return d


# --- discovery (protocol 2.4, 2.5)

def discovery(w):
    ask = lambda query: w.wire().request("GET", f"https://{DOMAIN}{WELL_KNOWN}?{query}")
    refused = (403, "com.apple.well-known.failed")
    for name, query in (("malformed identifier", f"user-identifier=eliza&model-family=iPhone"),
                        ("two-part nothing", "user-identifier=@&model-family=iPhone")):
        reply = ask(query)
        same((reason(reply), reply.media_type), (refused, "application/json"), f"S-05: {name}: 403 com.apple.well-known.failed")
    reply = ask("user-identifier=eliza@unknown.example&model-family=iPhone")
    ok(reason(reply) == refused and message(reply), "S-05: an unknown domain is refused in words", shown(reply))
    reply = ask(f"user-identifier={at('barred')}&model-family=iPhone")
    same((reason(reply), message(reply)), (refused, "Ask the help desk: 4711."), "S-05: a rule refuses in its own words")
    reply = ask(f"user-identifier=moved%2Btag@{DOMAIN}&model-family=iPad")
    items = urllib.parse.parse_qs(urllib.parse.urlsplit((reply.header("Location") or "").replace("+", "%2B")).query)
    ok(reply.status in (302, 307) and items == {"user-identifier": [f"moved+tag@{DOMAIN}"], "model-family": ["iPad"]},
       "S-04: a redirect carries both query items", shown(reply))
    phone = Phone(w, at("barred"))
    ok(phone.enroll() == 1 and "4711" in phone.err, "S-05: the person reads the rule's words", phone.err)
    same(w.listing("attempt", "list", "--user", at("barred")), [], "S-05: a refusal at discovery writes no attempt")
    for typed in ("eliza", "@" + DOMAIN, "eliza@", "eliza@localhost", "eliza@127.0.0.1"):
        phone = Phone(w, typed)
        ok(phone.enroll() == 1 and not phone.did("ask-domain"), f"D-01: the device itself refuses {typed!r}", phone.err)
    same(w.stop(), 0, "S-05: counts of refusals are kept at the latest when the daemon ends")
    w.start()
    status, = w.listing("status")
    counts = status["discovery"]
    for code, least in (("discovery-bad-identifier", 2), ("discovery-unknown-domain", 1), ("discovery-refused-by-rule", 2),
                        ("discovery-redirected", 1)):
        ok(counts.get(code, 0) >= least, f"S-05: status counts {code}", counts)


# --- the enrollment request (protocol 3.3)

def enrollment(w):
    d = w.independent()
    d.discover(at("links"))
    body, url = d.signed_machine_info(), d.state["base_url"]
    middle = len(url) - 20
    d.state["base_url"] = url[:middle] + ("A" if url[middle] != "A" else "B") + url[middle + 1:]
    reply = d.post_enroll(body)
    same(reason(reply), (403, "postern.attempt-link-damaged"), "S-08: an edited enrollment link is refused")
    ok(message(reply) and "attempt-link-damaged" in w.log, "S-08: with words for the person, and the log says so", shown(reply))
    d.state["base_url"] = url.replace("/byod/", "/adde/")
    ok(is_challenge(d.post_enroll(body)), "S-08: another mode in the path gets as far as the sign-in")
    d.sign_in(parse_challenge(d.post_enroll(body)), PASSWORD)
    same(reason(d.post_enroll(body, d.token)), (403, "postern.profile-other-mode"), "S-18: and then no profile")
    tells(w, at("links"), "profile-other-mode", "S-18", True)

    d = w.independent()
    d.discover(at("cms"))
    info, good = d.machine_info(), d.signed_machine_info()
    stranger = openssl.BuiltIn(os.path.join(w.folder, "built-in-stranger"))
    for code, status, body in (
            ("machine-info-malformed", 400, b"PRODUCT=iPhone17,2"),
            ("machine-info-untrusted", 403, openssl.cms_sign(info, stranger.cert, stranger.key, stranger.chain)),
            ("machine-info-signature", 403, good.replace(b"en-US", b"en-GB"))):
        reply = d.post_enroll(body)
        same((reason(reply), reply.media_type), ((status, f"postern.{code}"), "application/json"), f"S-09, S-38: {code}: {status}")
        tells(w, at("cms"), code, "S-09", True)
    ok(is_challenge(d.post_enroll(good)), "S-09: none of it spoiled the link")


# --- signing in

def sign_in(w):
    d = w.independent()
    challenge = d.begin(at("forgot"))
    url = d.sign_in_url(challenge)

    def type_password(password):
        try:
            return web.Browser(d.wire).sign_in(url, at("forgot"), password)
        except web.SignInFailed as e:
            return web._Page(e.reply.body.decode()).alerts or e.reply.body.decode()

    ok("match" in str(type_password("wrong")), "S-12: a wrong password is told on the page")
    tells(w, at("forgot"), "signin-wrong-password", "S-12", True)
    said = [type_password(f"wrong {i}") for i in range(3)]
    ok("Too many" in str(said[-1]), "S-12: too many of them are throttled", said)
    ok("Too many" in str(type_password(PASSWORD)), "S-12: then even the right one waits")
    tells(w, at("forgot"), "signin-throttled", "S-12", True)

    d = w.independent()
    challenge = d.begin(at("typed"))
    d.state["user"] = at("other")
    d.sign_in(challenge, PASSWORD)
    reply = d.post_enroll(d.body, d.token)
    ok(reason(reply) == (403, "postern.profile-other-person") and message(reply),
       "S-30: who signs in as somebody else than was typed gets no profile", shown(reply))
    tells(w, at("typed"), "profile-other-person", "S-30")

    d = w.independent()
    challenge = d.begin(at("cancels"))
    browser = web.Browser(d.wire)
    page = browser.open("GET", d.sign_in_url(challenge))
    action, fields = form_of(page)
    pairs = [(x["name"], x["value"]) for x in fields if x["type"] == "hidden"] + [("cancel", "1")]
    _, reply = browser.open("POST", action, urllib.parse.urlencode(pairs).encode(), referrer=page)
    ok(reply.status >= 400 or b"cancel" in reply.body.lower(), "S-12: a person may cancel", shown(reply))
    tells(w, at("cancels"), "signin-cancelled", "S-12")


def form_of(page):
    """(where it goes, its fields) of the page's form."""
    form = web._Page(page[1].body.decode()).forms[0]
    return urllib.parse.urljoin(page[0], form["action"]), form["fields"]


def sign_in_as(d, challenge, who):
    """Fill in another name, whatever the page says about it."""
    browser = web.Browser(d.wire)
    page = browser.open("GET", d.sign_in_url(challenge, identifier=False))
    action, fields = form_of(page)
    values = {"hidden": None, "password": PASSWORD, "text": who, "email": who}
    pairs = [(x["name"], values[x["type"]] or x["value"]) for x in fields if x["type"] in values]
    if not any(value == who for _, value in pairs):
        pairs.append(("username", who))
    return browser.open("POST", action, urllib.parse.urlencode(pairs).encode(), referrer=page)


# --- the profile

def profile(w):
    d = signed_in(w, "early")
    reply = d.post_enroll(d.body, "x" * 43)
    ok(is_challenge(reply), "S-17: an unknown token at the second POST: 401 and the whole challenge", shown(reply))
    tells(w, at("early"), "profile-token-unknown", "S-17", True)
    other = signed_in(w, "early")
    ok(is_challenge(other.post_enroll(other.body, d.token)), "S-17: a token of another attempt gets the same")
    same(d.post_enroll(d.body, d.token).status, 200, "S-17: the good one gets the profile")

    d = signed_in(w, "changed")
    w.rule(at("changed"), "--adde")
    reply = d.post_enroll(d.body, d.token)
    ok(reason(reply) == (403, "postern.profile-other-mode") and message(reply),
       "S-18: rules that say another mode by now: no profile", shown(reply))
    tells(w, at("changed"), "profile-other-mode", "S-18", True)
    w.rule(at("changed"), "--refuse", "Not any more.")
    reply = d.post_enroll(d.body, d.token)
    same((reason(reply), message(reply)), ((403, "postern.profile-rule-refuses"), "Not any more."),
         "S-18: rules that refuse by now: no profile, in the rule's words")
    tells(w, at("changed"), "profile-rule-refuses", "S-18", True)

    d = signed_in(w, "fired")
    w.admin("user", "disable", at("fired"))
    reply = d.post_enroll(d.body, d.token)
    ok(reason(reply) == (403, "postern.profile-person-disabled") and message(reply),
       "S-17: disabled between sign-in and profile: no profile", shown(reply))
    tells(w, at("fired"), "profile-person-disabled", "S-17", True)

    w.admin("org", "add", "Second Hand", "--domain", "second.example")
    w.admin("--org", "second-hand", "org", "set", "--device-ca", w.born.root)
    try:
        d = w.independent()
        d.discover("eliza@second.example", server=w.url)
        reply = d.post_enroll(d.signed_machine_info())
        ok(reply.status == 403 and reason(reply)[1] == "postern.no-push-certificate" and message(reply),
           "S-18: without push certificate and topic nobody enrolls", shown(reply))
        row = w.listing("--org", "second-hand", "attempt", "list")[0]
        event = w.listing("attempt", "show", row["id"])[0]["timeline"][-1]
        ok(event["code"] == "no-push-certificate" and "--push-certificate" in event["todo"], "S-18: the timeline says what to do",
           event)
    finally:
        w.admin("org", "remove", "second-hand")


# --- certificate and check-in

def certificate(w):
    d = signed_in(w, "scep")
    inner = d.read_profile(d.post_enroll(d.body, d.token))[2]["PayloadContent"]
    client = scep.Scep(inner["URL"], w.wire(), inner.get("Name", ""))
    keys = [os.path.join(w.folder, f"device-scep-{i}.key") for i in range(2)]
    for key in keys:
        openssl.new_rsa_key(key)
    client.enroll(keys[0], inner.get("Subject", []), inner["Challenge"])
    for name, key, challenge in (("used before", keys[1], inner["Challenge"]), ("never given", keys[1], "x" * 43)):
        try:
            client.enroll(key, inner.get("Subject", []), challenge)
            ok(False, f"S-21: a challenge that was {name} gets no certificate")
        except (scep.ScepFailed, openssl.Failed):
            ok(True, f"S-21: a challenge that was {name} gets no certificate")
    tells(w, at("scep"), "scep-challenge-spent", "S-21", True)
    ok("scep-challenge-unknown" in w.log, "S-21: a challenge of nobody is a line in the log")


def check_in(w):
    d, other = enrolled(w, "checks"), enrolled(w, "neighbour")
    topic = {"Topic": d.state["mdm"]["Topic"]}
    update = {"Token": b"t" * 32, "PushMagic": "m"}
    same(reason(d.check_in("TokenUpdate", {**update, "Topic": "com.apple.mgmt.External.other"})), (403, "postern.topic-mismatch"),
         "S-24: another Topic: 403")
    tells(w, at("checks"), "topic-mismatch", "S-24")
    same(reason(d.check_in("NoSuchMessage", topic)), (400, "postern.message-unknown"), "S-24: an unknown MessageType: 400")
    tells(w, at("checks"), "message-unknown", "S-24")
    same(d.check_in("TokenUpdate", topic).status, 400, "S-24: TokenUpdate without token: 400")
    tells(w, at("checks"), "message-malformed", "S-24")
    body = plistlib.dumps({"Status": "Idle", "UDID": str(uuid.uuid4())})
    same(reason(d.put(d.state["mdm"]["ServerURL"], COMMAND_TYPE, body, token=d.token)), (400, "postern.mode-mismatch"),
         "S-24: a UDID where an EnrollmentID belongs: 400")
    tells(w, at("checks"), "mode-mismatch", "S-24")
    body = plistlib.dumps({"Status": "Idle", **d.who()})
    send = lambda signature, token=d.token: d.put(d.state["mdm"]["ServerURL"], COMMAND_TYPE, body, token=token, signature=signature)
    same(reason(send(False)), (403, "postern.identity-missing"), "S-23: no proof at all: 403")
    same(reason(send(d.signature(body + b" "))), (403, "postern.identity-signature"), "S-23: a signature over other bytes: 403")
    same(reason(send(d.signature(body, d.built_in.cert, d.built_in.key))), (403, "postern.identity-unknown"),
         "S-23: a certificate that is not ours: 403")
    for code in ("identity-missing", "identity-signature", "identity-unknown"):
        ok(code in w.log, f"S-23: the log says {code}")
    same(reason(send(d.signature(body, other.cert, other.key), other.token)), (403, "postern.identity-other-enrollment"),
         "S-23: another enrollment's certificate: 403, not 401")
    tells(w, at("neighbour"), "identity-other-enrollment", "S-23")
    same(reason(d.get_token("com.example.other")), (400, "postern.gettoken-unknown"), "S-31: GetToken for an unknown service: 400")
    tells(w, at("checks"), "gettoken-unknown", "S-31")
    same(d.report().status, 200, "S-23: and the device itself is served as ever")


# --- ongoing (protocol 8.1)

def ongoing(w):
    d, other = enrolled(w, "keeps"), enrolled(w, "lends")
    eid = w.enrollment(d)
    w.admin("command", "send", eid, "DeviceInformation", "Queries=OSVersion")
    w.time_passes(at("keeps"))
    reply = d.report()
    ok(is_challenge(reply), "S-28: an expired token: 401 and the whole challenge", shown(reply))
    tells(w, at("keeps"), "bearer-expired", "S-28")
    same((w.states(at("keeps")), [c["status"] for c in w.listing("command", "list", eid)]), (["enrolled"], ["queued"]),
         "S-28: the enrollment and its queue are kept")
    challenge = parse_challenge(reply)
    d.refresh(challenge)
    same([c["Command"]["RequestType"] for c in d.poll()], ["DeviceInformation"], "S-28: renewed, it gets what waited")
    for name, token, code in (("no token", None, "bearer-missing"), ("an unknown token", "x" * 43, "bearer-unknown"),
                              ("another person's token", other.token, "bearer-other-enrollment")):
        reply = d.report(token=token)
        ok(is_challenge(reply), f"S-27: {name}: 401 and the whole challenge", shown(reply))
        tells(w, at("keeps"), code, "S-27")
    w.admin("token", "revoke", "--user", at("keeps"))
    reply = d.report()
    ok(is_challenge(reply), "S-28: a revoked token: 401 and the whole challenge", shown(reply))
    tells(w, at("keeps"), "bearer-revoked", "S-28")
    same(w.states(at("keeps")), ["reauth"], "S-28: and the enrollment waits for its person")
    challenge = parse_challenge(reply)
    where, reply = sign_in_as(d, challenge, at("lends"))
    ok(not where.startswith(web.CALLBACK_SCHEME) and b"another account" in reply.body,
       "S-30: somebody else can't sign in for this enrollment", shown(reply))
    ok("signin-other-person" in w.codes(at("keeps")), "S-30: the timeline says signin-other-person", w.codes(at("keeps")))
    d.sign_in(challenge, PASSWORD)
    same((d.report().status, w.states(at("keeps"))), (200, ["enrolled"]), "S-30: its own person can")
    tells(w, at("keeps"), "signed-in-again", "S-30")
    w.time_passes(at("keeps"))
    same(d.check_out().status, 200, "S-29: CheckOut with an expired token: 200")
    same(w.states(at("keeps")), ["unenrolled"], "S-29: and it is over")
    same(reason(d.report()), (403, UNRECOGNIZED), "S-26: after it: 403 com.apple.unrecognized.device")
    ok("unknown-device-turned-away" in w.log, "S-26: the log says that it was turned away")


def disabled(w):
    d, phone = enrolled(w, "leave"), None
    mac = Phone(w, at("leave-mac"), "--family", "Mac")
    ok(mac.enroll() == 0, "S-27: a Mac enrolls", mac.story())
    for who in ("leave", "leave-mac"):
        w.admin("command", "send", w.listing("enrollment", "list", "--user", at(who))[0]["id"], "DeviceInformation",
                "Queries=OSVersion")
        w.admin("user", "disable", at(who))
    ok(is_challenge(d.report()), "S-28: a disabled person's iPhone gets 401 and the challenge")
    ok(is_challenge(d.check_in("TokenUpdate", {"Topic": d.state["mdm"]["Topic"], "Token": b"t" * 32, "PushMagic": "m"})),
       "S-28: on check-in, too")
    tells(w, at("leave"), "person-disabled", "S-28", True)
    try:
        d.refresh(parse_challenge(d.report()))
        ok(False, "S-28: their refresh token gives nothing")
    except Stopped as e:
        same(e.reply.status, 400, "S-28: their refresh token gives nothing")
    tells(w, at("leave"), "refresh-invalid", "S-28", True)
    ok(mac.poll("--device-channel") == 0 and not mac.did("DeviceInformation") and mac.commands() == ["queued"],
       "S-27: a Mac's device channel is accepted, and nothing is delivered", mac.story())
    ok(mac.poll("--user-channel") == 1 and any("401" in s.get("answer", "") for s in mac.steps),
       "S-27: its user channel gets 401", mac.steps)
    tells(w, at("leave-mac"), "person-disabled", "S-27", True)
    same(d.check_out().status, 200, "S-29: a disabled person's CheckOut is accepted")
    w.admin("user", "enable", at("leave-mac"))
    ok(mac.poll() == 0 and mac.commands() == ["Acknowledged"], "S-27: once enabled, the Mac gets what waited", mac.story())


# --- ends (protocol 7.4, 12)

def ends(w):
    for version, way in (("18.2", "com.apple.unrecognized.device"), ("16.7", "RemoveProfile")):
        who = at("evict-" + version.split(".")[0])
        phone = Phone(w, who, "--os", version)
        phone.enroll()
        eid = phone.row()["id"]
        phone.send("DeviceInformation", "Queries=OSVersion")
        w.admin("token", "revoke", "--user", who)
        said, = w.listing("enrollment", "evict", eid)
        ok(way in said["sentence"], f"S-26: evict says which way it takes for iOS {version}", said)
        phone.poll()
        same((phone.about().get("state"), w.states(who)), ("unenrolled", ["evicted"]),
             f"S-26: iOS {version} leaves by {way}, without a good token")
        if way == "RemoveProfile":
            kinds = [c.get("request_type", c.get("type")) for c in w.listing("command", "list", eid)
                     if c["status"] == "Acknowledged"]
            ok("DeviceInformation" not in kinds, "S-26: and nothing else was delivered to it", kinds)
        ok({"eviction-ordered", "evicted"} <= set(w.codes(who)), "S-26: the timeline has the order and the end", w.codes(who))

    phone = Phone(w, at("removed"))
    phone.enroll()
    eid = phone.row()["id"]
    w.admin("user", "remove", at("removed"))
    phone.poll()
    same((phone.about().get("state"), w.listing("enrollment", "show", eid)[0]["state"]), ("unenrolled", "evicted"),
         "S-26: removing a person evicts")

    w.rule(at("again"), "--adde")
    d = enrolled(w, "again")
    w.admin("command", "send", w.enrollment(d), "DeviceInformation", "Queries=OSVersion")
    old = (d.token, d.cert + ".old", d.key + ".old")
    for path in (d.cert, d.key):
        with open(path, "rb") as f, open(path + ".old", "wb") as g:
            g.write(f.read())
    d.enroll(at("again"), PASSWORD)
    # Two of the same second come in either order.
    same(sorted(w.states(at("again"))), ["enrolled", "replaced"], "S-24: a known UDID that enrolls again ends the enrollment before")
    tells(w, at("again"), "replaced", "S-24")
    same((d.report().status, d.report().body), (200, b""), "S-24: the new one has none of the old one's queue")
    body = plistlib.dumps({"Status": "Idle", **d.who()})
    reply = d.put(d.state["mdm"]["ServerURL"], COMMAND_TYPE, body, token=old[0], signature=d.signature(body, old[1], old[2]))
    same(reason(reply), (403, UNRECOGNIZED), "S-26: and the old one's certificate and token are worth nothing")


# --- tokens (protocol 4.3, 9)

def get_token(w):
    d = enrolled(w, "maid")
    reply = d.get_token()
    token = plistlib.loads(reply.body)["TokenData"].decode() if reply.status == 200 else ""
    certificate = w.admin("org", "show", "--certificate", "maid").encode()
    same(openssl.certificate_to_der(certificate), openssl.certificate_to_der(maid_certificate(w)),
         "S-31: org show --certificate maid is the one in use")
    try:
        _, claims = verify_jwt(token, certificate)
        ok(claims["iss"].lower() == SERVER_UUID.lower() and claims["service_type"] == "com.apple.maid",
           "S-31: openssl verifies the JWT with it", claims)
    except (Stopped, ValueError) as e:
        ok(False, "S-31: openssl verifies the JWT with it", e)
    tells(w, at("maid"), "gettoken-answered", "S-31")
    phone = Phone(w, at("apple-says-no"))
    ok(phone.enroll("--maid-verdict", "refuse", "--maid-delay", "1") == 1 and phone.about().get("state") != "enrolled",
       "D-23: Apple refuses: the device leaves again", phone.story())
    ok(w.states(at("apple-says-no")) == ["unenrolled"] and
       w.codes(at("apple-says-no"))[-3:] == ["gettoken-answered", "account-refused", "unenrolled"],
       "S-37: enrolled, GetToken, CheckOut: without residue", w.codes(at("apple-says-no")))


def no_uuid():
    """An organization that never set its server UUID."""
    w = World()
    w.start()
    w.person("maid")
    d = w.independent()
    d.enroll(at("maid"), PASSWORD)
    same(reason(d.get_token()), (400, "postern.gettoken-no-uuid"),
         "S-31: GetToken without a server UUID: 400, as for any service that is not offered")
    tells(w, at("maid"), "gettoken-no-uuid", "S-31", True)
    ok("a request failed" not in w.log and w.log.count("code=gettoken-no-uuid") == 1, "S-31: the log says it once, as a refusal",
       w.log[-2000:])
    same(d.report().status, 200, "S-31: which costs the enrollment nothing")
    w.healthy()


def limits():
    """An organization without rules, and one that lets nobody begin twice."""
    w = World()
    w.set(attempts_per_address="1")
    w.start_earlier(25 * 3600)
    late, first, second = (w.independent() for _ in range(3))
    w.person("late", "first", "second")
    late.discover(at("late"))
    same(w.stop(), 0, "S-08: a device finds its server, and the person goes to lunch for a day")
    w.start()
    late.body = late.signed_machine_info()
    reply = late.post_enroll(late.body)
    same(reason(reply), (403, "postern.attempt-link-old"), "S-08: an enrollment link older than a day is refused")
    ok(message(reply) and "attempt-link-old" in w.log, "S-08: with words for the person, and the log says so", shown(reply))
    same(w.listing("attempt", "list"), [], "S-08: it begins nothing")
    late.discover(at("late"))
    ok(is_challenge(late.post_enroll(late.body)), "S-08: asking the domain again helps")

    first.discover(at("first"))
    first.body = first.signed_machine_info()
    reply = first.post_enroll(first.body)
    same(reason(reply), (429, "postern.attempt-too-many"), "S-08: over attempts_per_address: 429")
    ok(message(reply) and "attempts_per_address" in w.log, "S-08: with words for the person, and the log says which cap", shown(reply))
    same(w.codes(at("first")), [], "S-08: nobody can fill the store by it")
    late.sign_in(parse_challenge(late.post_enroll(late.body)), PASSWORD)
    ok(is_challenge(first.post_enroll(first.body)), "S-08: who signed in makes room for the next")

    for row in w.listing("rule", "list"):
        w.admin("rule", "remove", str(row["id"]))
    reply = w.wire().request("GET", f"https://{DOMAIN}{WELL_KNOWN}?user-identifier={at('second')}&model-family=iPhone")
    same((reason(reply), reply.media_type), ((403, "com.apple.well-known.failed"), "application/json"),
         "S-05: no rule matches: 403 com.apple.well-known.failed")
    same(w.listing("attempt", "list", "--user", at("second")), [], "S-05: and no attempt")
    same(w.stop(), 0, "S-05: the count is kept when the daemon ends")
    w.start()
    counts = w.listing("status")[0]["discovery"]
    same(counts.get("discovery-no-rule"), 1, "S-05: status counts discovery-no-rule")
    w.healthy()


def code_for(d, challenge, *extra):
    url = d.sign_in_url(challenge)
    back = web.Browser(d.wire).sign_in(web.with_query(url, list(extra), keep=True), d.state["user"], PASSWORD)
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))["code"]


def redeem(d, challenge, code, **more):
    return d.token_request(challenge, [("grant_type", "authorization_code"), ("code", code),
                                       ("redirect_uri", challenge["redirect-url"]), ("client_id", challenge["client-id"]),
                                       *more.items()])


def codes(w):
    d = w.independent()
    challenge = d.begin(at("pkce"))
    verifier = "v" * 43
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    code = code_for(d, challenge, ("code_challenge", digest), ("code_challenge_method", "S256"))
    reply = redeem(d, challenge, code, code_verifier="w" * 43)
    ok(reply.status == 400 and json.loads(reply.body)["error"] == "invalid_grant", "S-14: a wrong PKCE verifier gets no token",
       shown(reply))
    same(w.stop(), 0, "S-14: the daemon is started anew")
    w.start()
    same(redeem(d, challenge, code, code_verifier=verifier).status, 400, "S-14: the wrong verifier spent the code for good")
    tells(w, at("pkce"), "code-mismatch", "S-14: after a restart")

    d = w.independent()
    challenge = d.begin(at("replay"))
    code = code_for(d, challenge)
    first = redeem(d, challenge, code)
    same((first.status, redeem(d, challenge, code).status), (200, 400), "S-16: a code is good once")
    ok(is_challenge(d.post_enroll(d.body, json.loads(first.body)["access_token"])), "S-16: twice, it takes back what it gave")
    tells(w, at("replay"), "code-replayed", "S-16", True)

    d = enrolled(w, "reuse")
    old = dict(d.state["tokens"])
    challenge = parse_challenge(d.report(token="x" * 43))
    d.refresh(challenge)
    same(d.report().status, 200, "S-15: a refreshed token is used")
    new = dict(d.state["tokens"])
    d.state["tokens"] = old
    try:
        d.refresh(challenge)
        ok(False, "S-15: the refresh token before it is refused from then on")
    except Stopped as e:
        same(e.reply.status, 400, "S-15: the refresh token before it is refused from then on")
    tells(w, at("reuse"), "refresh-reused", "S-15", True)
    d.state["tokens"] = new
    ok(is_challenge(d.report()), "S-15: and its use revokes the sign-in (RFC 9700)")


# --- answers that get lost (protocol 7.3)

def lost(w):
    phone = Phone(w, at("tunnel"))
    phone.enroll()
    for command in ("SecurityInfo", "ProfileList", "DeviceLock"):
        phone.send(command)
    ok(phone.poll("--not-now") == 0 and "Acknowledged" not in phone.commands(), "S-25: NotNow answers nothing",
       phone.commands())
    phone.poll("--lose-answer", "--count", "2")
    ok(phone.poll("--duplicate") == 0, "S-25: answers come twice", phone.story())
    same(phone.commands(), ["Acknowledged"] * 3, "S-25: each command is answered once")
    codes = w.codes(at("tunnel"))
    ok("command-put-off" in codes, "S-25: the timeline says command-put-off", codes)
    same(codes.count("command-answered"), 3, "S-25: and command-answered three times")


PARTS = (discovery, enrollment, sign_in, profile, certificate, check_in, ongoing, disabled, ends, get_token, codes, lost)
PEOPLE = ("links", "cms", "forgot", "typed", "other", "cancels", "early", "changed", "fired", "scep", "checks", "neighbour",
          "keeps", "lends", "leave", "leave-mac", "evict-18", "evict-16", "removed", "again", "maid", "apple-says-no", "pkce",
          "replay", "reuse", "tunnel")


def run(part, *args):
    """What stops a part is one failed assertion, so that the others still run."""
    say(part.__name__)
    began = time.monotonic()
    try:
        part(*args)
    except Exception as e:
        reply = getattr(e, "reply", None)
        ok(False, f"{part.__name__} runs to its end", "".join(traceback.format_exception(e)[-4:]) + (shown(reply) if reply else ""))
    say(f"{time.monotonic() - began:.1f} s")


def main():
    wanted = sys.argv[1:]
    w = World()
    w.set(password_tries="2")
    w.open()
    w.person(*PEOPLE)
    w.independent()
    w.rule(at("barred"), "--refuse", "Ask the help desk: 4711.")
    w.rule(f"moved*@{DOMAIN}", "--redirect", f"https://mdm.elsewhere.example{WELL_KNOWN}")
    for part in PARTS:
        if not wanted or part.__name__ in wanted:
            run(part, w)
    w.healthy()
    if not wanted or "no_uuid" in wanted:
        run(no_uuid)
    if not wanted or "limits" in wanted:
        run(limits)
    return done()


if __name__ == "__main__":
    sys.exit(main())
