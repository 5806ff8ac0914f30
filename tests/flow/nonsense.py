#!/usr/bin/python3
"""Malformed and oversized everything, on every route and on the admin socket: it is refused, with the limit named
where there is one, nothing of what the server keeps has changed, and it still serves."""

import http.client
import json
import os
import plistlib
import socket
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
import openssl
import scep
import web
from device import CHECKIN_TYPE, COMMAND_TYPE
from postern import DOMAIN, PASSWORD, done, ok, same, say, until
from world import World, is_challenge, shown

WELL_KNOWN = "/.well-known/com.apple.remotemanagement"
# Told or counted is what refusals leave behind; when somebody was last seen is no change.
TRACES = {"attempt", "event", "discovery_count", "throttle", "sqlite_sequence", "audit", "audit_name", "audit_detail", "audit_head"}
SEEN = {"last_seen_at"}


def kept(w):
    """Table to its rows, without the traces of refusals, once the rounds have done what waits. The daemon ends for it."""
    ok(until(lambda: not w.ask("SELECT 1 FROM account_change")), "no round has anything left to do")
    same(w.stop(), 0, "SIGTERM ends it with status 0")
    out = {}
    for table in w.tables():
        if table in TRACES:
            continue
        columns = [c for c in w.columns(table) if c not in SEEN]
        out[table] = sorted(map(repr, w.rows(f"SELECT {', '.join(columns)} FROM {table}")))
    return out


def refused(reply, rule, *statuses, limit=None):
    """4xx; never 401 where no challenge comes with it. `limit`: what the answer must name."""
    good = 400 <= reply.status < 500 and (reply.status != 401 or is_challenge(reply))
    if statuses:
        good = good and reply.status in statuses
    return ok(good and (limit is None or limit in reply.body.decode(errors="replace")), rule, shown(reply))


def xml(inside, head=b""):
    return b'<?xml version="1.0" encoding="UTF-8"?>' + head + b'<plist version="1.0">' + inside + b"</plist>"


def bad_plists(good):
    """Property lists that are none, or too much; `good` are keys that make it reach its reader."""
    inside = plistlib.dumps(good).split(b"<dict>", 1)[1].rsplit(b"</dict>", 1)[0]
    bomb = (b'<!DOCTYPE plist [<!ENTITY a "aaaaaaaaaa">' +
            b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(8)) + b"]>")
    return {
        "no bytes": b"", "zeros": bytes(400), "noise": os.urandom(300), "JSON": json.dumps({"Status": "Idle"}).encode(),
        "half a document": xml(b"<dict>" + inside)[:-30], "an array": plistlib.dumps([1, 2]), "a number": plistlib.dumps(7),
        "an external entity": xml(b"<dict>" + inside + b"<key>x</key><string>&x;</string></dict>",
                                  b'<!DOCTYPE plist [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "entities in entities": xml(b"<dict>" + inside + b"<key>x</key><string>&i;</string></dict>", bomb),
        "100 levels": xml(b"<dict>" + inside + b"<key>x</key>" + b"<array>" * 100 + b"</array>" * 100 + b"</dict>"),
        "20000 levels": xml(b"<dict>" + inside + b"<key>x</key>" + b"<array>" * 20000 + b"</array>" * 20000 + b"</dict>"),
        "open arrays only": b"<plist>" + b"<array>" * 30000,
        "a binary without an end": plistlib.dumps(good, fmt=plistlib.FMT_BINARY)[:-12],
        "a binary that points at itself": b"bplist00\xa1\x00" + b"\x08" + b"\0" * 6 + b"\x01\x01" + (1).to_bytes(8, "big") +
                                          bytes(8) + (10).to_bytes(8, "big"),
        "a binary with 2^63 objects": b"bplist00\x00\x08" + b"\0" * 6 + b"\x01\x01" + (2**63).to_bytes(8, "big") + bytes(8) +
                                      (9).to_bytes(8, "big"),
        "text that is no UTF-8": xml(b"<dict>" + inside + b"<key>x</key><string>\xff\xfe\xc0</string></dict>"),
        "a name that is no text": plistlib.dumps({**good, "EnrollmentID": [1], "MessageType": {"a": 1}}),
    }


ROUTES = [f"/api/v1/{path}" for path in ("users", "rules", "organizations", "tokens/revoke", "organizations/better-bag/device-cas")]


# --- routes

def discovery(w, d):
    ask = lambda query: w.wire().request("GET", f"https://{DOMAIN}{WELL_KNOWN}{query}")
    for name, value in (("no @", "eliza"), ("nothing before @", f"@{DOMAIN}"), ("nothing behind @", "eliza@"),
                        ("one label", "eliza@localhost"), ("an address", "eliza@127.0.0.1"), ("a NUL", f"e%00@{DOMAIN}"),
                        ("a line end", f"e%0d%0aX:%201@{DOMAIN}"), ("no UTF-8", f"%ff%fe@{DOMAIN}"),
                        ("a label of 64", "e@" + "a" * 64 + ".com"), ("a domain of 300", "e@" + "a." * 150 + "com"),
                        ("300 octets before @", "e" * 300 + "@" + DOMAIN), ("an empty label", "e@betterbag..com"),
                        ("4000 octets", "e" * 4000 + "@" + DOMAIN)):
        refused(ask(f"?user-identifier={value}&model-family=iPhone"), f"S-03: discovery: an identifier with {name} is refused", 400, 403)
    refused(ask("?" + "&".join(f"a{i}=1" for i in range(40))), "S-03: discovery: 40 query items are refused")
    refused(ask("?user-identifier=%zz"), "S-03: discovery: a broken escape is refused")
    for value in ("x" * 5000, "%3Cscript%3E", "iPhone%00", "'; DROP TABLE rule"):
        reply = ask(f"?user-identifier=eliza@{DOMAIN}&model-family={urllib.parse.quote(value, safe='%')}")
        ok(reply.status in (200, 400, 403), f"S-03: discovery: model-family {value[:12]!r} does no harm", shown(reply))
    refused(ask("?user-identifier=" + "e" * 9000), "S-03: discovery: a target over 8192 octets: 414", 414)


def enroll(w, d):
    url = d.state["base_url"]
    cms = lambda content: openssl.cms_sign(content, d.built_in.cert, d.built_in.key, d.built_in.chain)
    info = plistlib.loads(d.machine_info())
    for name, body in bad_plists(info).items():
        if name != "a name that is no text":
            refused(d.post_enroll(cms(body)), f"S-09: enroll: signed {name}: 4xx", 400, 403, 413)
    good = d.signed_machine_info()
    for name, body in (("no bytes", b""), ("noise", os.urandom(500)), ("half a CMS", good[:len(good) // 2]),
                       ("an open length", b"\x30\x80" * 8000), ("a length of 2^63", b"\x30\x88" + b"\x7f" + b"\xff" * 7),
                       ("a form", b"a=b&c=d"), ("no signed content", openssl.cms_sign(d.machine_info(), d.built_in.cert,
                                                                                   d.built_in.key, attached=False)),
                       ("PRODUCT of 5000", cms(plistlib.dumps({**info, "PRODUCT": "x" * 5000}))),
                       ("PRODUCT that is a list", cms(plistlib.dumps({**info, "PRODUCT": ["iPhone"]})))):
        refused(d.post_enroll(body), f"S-09: enroll: {name}: 4xx", 400, 403)
    refused(d.post_enroll(bytes(70 * 1024)), "S-09: enroll: over 64 KiB: 413", 413)
    for path in ("/enroll/better-bag/byod/" + "A" * 500, "/enroll/better-bag/byod/%00", "/enroll/better-bag/other/x",
                 "/enroll/nobody/byod/x", "/enroll/" + "a" * 3000 + "/byod", "/enroll/..%2f..%2fetc/byod", "/enroll/better-bag"):
        refused(d.wire.request("POST", w.url + path, {}, good), f"S-08: enroll: the path {path[:40]} is refused", 400, 403, 404, 414)
    for method in ("GET", "PUT", "DELETE", "TRACE", "NONSENSE"):
        reply = d.wire.request(method, url)
        ok(reply.status in (400, 404, 405, 501), f"S-08: enroll: {method} is refused", shown(reply))
    for token in ("x" * 8000, "a b c", "'; DROP TABLE account"):
        reply = d.wire.request("POST", url, {"Authorization": f"Bearer {token}"}, good)
        ok(is_challenge(reply), f"S-17: enroll: the token {token[:8]!r} gets 401 and the challenge", shown(reply))


def sign_in(w, d, by_web):
    for name, device in (("oauth2/authorize", d), ("signin", by_web)):
        browser = web.Browser(device.wire)
        url = device.sign_in_url(device.challenge)
        page = browser.open("GET", url)
        same(page[1].status, 200, f"S-12: {name}: the page is there")
        form = web._Page(page[1].body.decode()).forms[0]
        action = urllib.parse.urljoin(page[0], form["action"])
        hidden = [(x["name"], x["value"]) for x in form["fields"] if x["type"] == "hidden"]
        names = [x["name"] for x in form["fields"] if x["type"] in ("password", "text", "email")]
        post = lambda body, agent=browser: agent.open("POST", action, body, referrer=page)[1]
        fill = lambda value: urllib.parse.urlencode(hidden + [(n, value) for n in names]).encode()
        for what, body in (("no fields", b""), ("noise", os.urandom(200)), ("no escapes", b"%zz=%&=&&"),
                           ("500 fields", b"&".join(b"f%d=1" % i for i in range(500))), ("a NUL in it", fill("a\0b")),
                           ("a password of 8000", fill("p" * 8000))):
            reply = post(body)
            ok(reply.status in (200, 400, 401, 403, 413, 422, 429) and not reply.header("Location"),
               f"S-12: {name}: a form with {what} leads nowhere", shown(reply))
        refused(post(fill("p" * 20000)), f"S-12: {name}: a form over 16 KiB: 413", 413)
        stranger = web.Browser(device.wire)		# no cookie
        reply = stranger.open("POST", action, urllib.parse.urlencode(hidden + [(names[0], device.state["user"]), (names[-1], PASSWORD)]).encode(),
                              referrer=page)[1]
        refused(reply, f"S-12: {name}: a form without its cookie is refused, right password and all")
        if name == "signin":
            for path in ("/signin/" + "A" * 500, "/signin/%00", "/signin/x/y/z"):
                refused(browser.open("GET", w.url + path)[1], f"S-12: {name}: the path {path[:20]} is refused", 400, 403, 404, 414)
            continue
        items = urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)
        for key in ("attempt", "client_id", "redirect_uri", "response_type"):
            for what, value in (("absent", None), ("noise", "\xff<>\"'"), ("2000 octets", "x" * 2000)):
                query = urllib.parse.urlencode([(k, v if k != key else value) for k, v in items if k != key or value is not None])
                reply = browser.open("GET", f"{url.split('?')[0]}?{query}")[1]
                refused(reply, f"S-14: {name}: {key} {what} is refused, and not redirected")
        reply = browser.open("GET", url.replace("state=", "state=" + "s" * 3000))[1]
        ok(400 <= reply.status < 500 or reply.status == 200, f"S-14: {name}: a state of 3000 does no harm", shown(reply))


def token(w, d):
    post = lambda body, kind="application/x-www-form-urlencoded": d.wire.request(
        "POST", d.challenge["token-url"], {"Content-Type": kind}, body)
    grant = b"grant_type=refresh_token&client_id=" + d.challenge["client-id"].encode()
    for name, body in (("nothing", b""), ("noise", os.urandom(300)), ("broken escapes", b"grant_type=%zz"), ("JSON", b'{"grant_type":"x"}'),
                       ("200 fields", b"&".join(b"a%d=1" % i for i in range(200))), ("a parameter twice", grant + b"&" + grant),
                       ("a NUL", grant + b"&refresh_token=a%00b"), ("a token of 8000", grant + b"&refresh_token=" + b"x" * 8000),
                       ("a code that is no text", b"grant_type=authorization_code&code=%ff%fe&redirect_uri=x&client_id=y")):
        reply = post(body)
        try:
            named = "error" in json.loads(reply.body)
        except ValueError:
            named = False
        ok(reply.status == 400 and named, f"S-15: token: {name}: 400 and an error in JSON", shown(reply))
    reply = post(b"x=" + b"x" * 20000)
    same(reply.status, 413, "S-15: token: over 16 KiB: 413")


def certificates(w, d):
    url = f"{w.url}/scep/better-bag"
    client = scep.Scep(url, w.wire())
    to = client.recipient(client.authorities()[1])
    key = os.path.join(w.folder, "device-nonsense.key")
    openssl.new_rsa_key(key)
    signer = openssl.self_signed(key, "SCEP")
    csr = scep.request(key, [], "x" * 43)
    message, _, _ = client.build(csr, signer, key, to)

    def failed(reply, rule):
        try:
            failure = reply.status == 200 and scep.PkiMessage(reply.body).text(scep.PKI_STATUS) == "2"
        except Exception:
            failure = False
        ok(failure or 400 <= reply.status < 500 and reply.status != 401, rule, shown(reply))

    build = lambda inside: client.build(inside, signer, key, to)[0]
    for name, body in (("nothing", b""), ("noise", os.urandom(400)), ("half a message", message[:len(message) // 2]),
                       ("a flipped bit", message[:300] + bytes([message[300] ^ 4]) + message[301:]),
                       ("an open length", b"\x30\x80" * 8000), ("deep DER", nested_der(3000)), ("a bare CSR", csr),
                       ("a CSR of noise", build(os.urandom(200))), ("an empty CSR", build(b"\x30\x00")),
                       ("half a CSR", build(csr[:-40])), ("a CSR of 30000", build(csr + bytes(30000))),
                       ("a challenge of 3000", build(scep.request(key, [], "c" * 3000))),
                       ("an unknown challenge", message)):
        failed(client.send(body), f"S-21: SCEP: {name} gets no certificate")
    refused(client.send(bytes(70 * 1024)), "S-21: SCEP: over 64 KiB: 413", 413)
    for query in ("", "?operation=", "?operation=Nothing", "?operation=PKIOperation", "?operation=PKIOperation&message=%%%",
                  "?operation=PKIOperation&message=" + "A" * 6000, "?operation=" + "x" * 3000):
        failed(w.wire().request("GET", url + query), f"S-21: SCEP: GET {query[:30]!r} is refused")
    failed(w.wire().request("GET", f"{w.url}/scep/nobody?operation=GetCACert"), "S-21: SCEP: an unknown organization is refused")


def nested_der(depth):
    out = b"\x05\x00"
    for _ in range(depth):
        size = len(out)
        out = b"\x30" + (bytes([size]) if size < 128 else b"\x83" + size.to_bytes(3, "big")) + out
    return out


def mdm(w, d):
    update = {"MessageType": "TokenUpdate", "Topic": d.state["mdm"]["Topic"], "Token": b"t" * 32, "PushMagic": "m", **d.who()}
    bad = bad_plists(update)
    bad["a push token of 5000"] = plistlib.dumps({**update, "Token": bytes(5000)})
    bad["a push token that is text"] = plistlib.dumps({**update, "Token": "t" * 32})
    bad["PushMagic of 5000"] = plistlib.dumps({**update, "PushMagic": "m" * 5000})
    bad["an EnrollmentID of 5000"] = plistlib.dumps({**update, "EnrollmentID": "e" * 5000})
    for name, body in bad.items():
        reply = d.put(d.check_in_url, CHECKIN_TYPE, body, token=d.token)
        ok(400 <= reply.status < 500 and reply.status != 401, f"S-24: check-in: {name}: 4xx, and no 401", shown(reply))
    answer = {"Status": "Acknowledged", "CommandUUID": "0", **d.who()}
    bad = bad_plists(answer)
    bad["a Status that is a number"] = plistlib.dumps({**answer, "Status": 7})
    for name, body in bad.items():
        reply = d.put(d.state["mdm"]["ServerURL"], COMMAND_TYPE, body, token=d.token)
        ok(400 <= reply.status < 500 and reply.status != 401, f"S-25: command: {name}: 4xx, and no 401", shown(reply))
    reply = d.put(d.state["mdm"]["ServerURL"], COMMAND_TYPE, plistlib.dumps({**answer, "CommandUUID": "u" * 4000}), token=d.token)
    ok(reply.status in (200, 400), "S-25: command: an answer to no command of ours changes nothing", shown(reply))
    refused(d.put(d.check_in_url, CHECKIN_TYPE, bytes(300 * 1024), signature="x"), "S-24: check-in: over 256 KiB: 413", 413)
    refused(d.put(d.state["mdm"]["ServerURL"], COMMAND_TYPE, bytes(5 << 20), signature="x"), "S-25: command: over 4 MiB: 413", 413)
    body = plistlib.dumps({"Status": "Idle", **d.who()})
    for name, signature in (("noise", "\x7f!?"), ("open base64", "A"), ("8000 octets", "A" * 8000), ("a second CMS", "MAA="),
                            ("an open length", "MIAw" * 2000)):
        refused(d.put(d.state["mdm"]["ServerURL"], COMMAND_TYPE, body, token=d.token, signature=signature),
                f"S-23: an Mdm-Signature of {name} is refused", 400, 403)
    for path in ("/mdm/nobody/command", "/mdm/better-bag/other", "/mdm//command", "/mdm/better-bag/command/x", "/mdm/%00/command"):
        refused(d.put(w.url + path, COMMAND_TYPE, body, token=d.token), f"S-24: PUT {path} is refused", 400, 403, 404)


def headers(w, d):
    def status(data):
        out = w.wire().raw(w.url, data)
        return int(out.split(b" ", 2)[1]) if out.startswith(b"HTTP/1.1 ") else 0

    host = b"Host: localhost\r\n"
    for name, data, wanted in (
            ("noise", os.urandom(200).replace(b"\n", b"x") + b"\r\n\r\n", (0, 400)),
            ("no Host", b"GET / HTTP/1.1\r\n\r\n", (400,)),
            ("HTTP/9.9", b"GET / HTTP/9.9\r\n" + host + b"\r\n", (400, 505)),
            ("a Content-Length that is a word", b"POST /oauth2/token HTTP/1.1\r\n" + host + b"Content-Length: ten\r\n\r\n", (400,)),
            ("a negative Content-Length", b"POST /oauth2/token HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", (400,)),
            ("a Content-Length of 10^30", b"POST /oauth2/token HTTP/1.1\r\n" + host + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n",
             (400, 413)),
            ("a Content-Length over the limit", b"POST /oauth2/token HTTP/1.1\r\n" + host + b"Content-Length: 999999\r\n\r\n", (413,)),
            ("two Content-Lengths", b"POST /oauth2/token HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
             (400,)),
            ("length and chunks", b"POST /oauth2/token HTTP/1.1\r\n" + host +
             b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
            ("a chunk of 2^64", b"POST /oauth2/token HTTP/1.1\r\n" + host +
             b"Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n", (400, 413)),
            ("a header of 20000", b"GET / HTTP/1.1\r\n" + host + b"X: " + b"x" * 20000 + b"\r\n\r\n", (431,)),
            ("200 headers", b"GET / HTTP/1.1\r\n" + host + b"X: 1\r\n" * 200 + b"\r\n", (431,)),
            ("a folded header", b"GET / HTTP/1.1\r\n" + host + b"X: 1\r\n 2\r\n\r\n", (400,)),
            ("a header that is no text", b"GET / HTTP/1.1\r\n" + host + b"Authorization: Bearer \xff\xfe\r\n\r\n", (400, 404)),
            ("a NUL in a header", b"GET / HTTP/1.1\r\n" + host + b"X: a\0b\r\n\r\n", (400,)),
            ("a space in a header's name", b"GET / HTTP/1.1\r\n" + host + b"X : 1\r\n\r\n", (400,)),
            ("a target of 9000", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n", (414,)),
            ("dots in the target", b"GET /../../etc/passwd HTTP/1.1\r\n" + host + b"\r\n", (400, 404))):
        got = status(data)
        ok(got in wanted, f"RFC 9112: {name}: {' or '.join(map(str, wanted))}", got)


class Local(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def admin(w):
    def send(method, path, body=None, kind="application/json"):
        c = Local(os.path.join(w.data, "admin.sock"))
        try:
            c.request(method, path, body, {"Content-Type": kind})
            got = c.getresponse()
            return web.Reply(got.status, got.getheaders(), got.read())
        except (BrokenPipeError, ConnectionResetError):
            got = c.getresponse()
            return web.Reply(got.status, got.getheaders(), got.read())
        finally:
            c.close()

    deep = b"[" * 30000
    for name, body in (("noise", os.urandom(100)), ("half an object", b'{"user": "a@b'), ("an array", b"[]"), ("a number", b"7"),
                       ("30000 levels", deep), ("levels in a field", b'{"user":' + b"[" * 500 + b"]" * 500 + b"}"),
                       ("a field that is none of ours", b'{"nonsense": 1}'), ("a field of another kind", b'{"user": {"a": 1}}'),
                       ("a number of 400 digits", b'{"user": ' + b"9" * 400 + b"}"), ("a NUL in a text", b'{"user": "a\\u0000b@betterbag.com"}'),
                       ("a field twice", b'{"user": "a@betterbag.com", "user": "b@betterbag.com"}'),
                       ("no UTF-8", b'{"user": "\xff\xfe"}'), ("an identifier of 4000", json.dumps({"user": "u" * 4000 + "@" + DOMAIN}).encode())):
        for path in ROUTES:
            refused(send("POST", path, body), f"admin: POST {path}: {name}: 4xx")
    for method, path in (("GET", "/api/v1/nothing"), ("DELETE", "/api/v1/organizations/../x"), ("GET", "/api/v1/" + "a" * 5000),
                         ("GET", "/"), ("PATCH", "/api/v1/attempts/%00"), ("NONSENSE", "/api/v1/status")):
        reply = send(method, path)
        ok(400 <= reply.status < 600 and reply.status not in (500, 503), f"admin: {method} {path[:30]} is refused", shown(reply))
    reply = send("POST", ROUTES[0], b'{"user": "' + b"u" * (20 << 20) + b'"}')
    same(reply.status, 413, "admin: a body of 20 MB: 413")


def main():
    w = World()
    w.open()
    for name in ("eliza", "anna", "keeper"):
        w.person(name)
    w.rule(f"anna@{DOMAIN}", "--byod", "--method", "apple-as-web")
    keeper, d, by_web = w.independent(), w.independent(), w.independent()
    keeper.enroll(f"keeper@{DOMAIN}", PASSWORD)
    d.challenge = d.begin(f"eliza@{DOMAIN}")
    by_web.challenge = by_web.begin(f"anna@{DOMAIN}")
    before = kept(w)
    w.start()
    for part, args in ((discovery, (w, d)), (enroll, (w, d)), (sign_in, (w, d, by_web)), (token, (w, d)), (certificates, (w, d)),
                       (mdm, (w, keeper)), (headers, (w, d)), (admin, (w,))):
        say(part.__name__)
        part(*args)
        ok(w.daemon.poll() is None and keeper.report().status == 200, f"after {part.__name__} the server serves", w.log[-1500:])
    after = kept(w)
    for table in before:
        ok(before[table] == after[table], f"nothing changed in {table}", sorted(set(after[table]) ^ set(before[table])))
    w.start()
    d.sign_in(d.challenge, PASSWORD)
    d.finish()
    ok(d.report().status == 200, "and the device that all of it came from enrolls")
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
