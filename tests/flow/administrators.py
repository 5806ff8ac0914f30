#!/usr/bin/python3
"""Administrators as people: password and second factor, sessions, and what ends them.
    administrators.py     $POSTERN_BUILD names the build folder"""

import base64
import hashlib
import hmac
import html
import http.client
import json
import os
import re
import ssl
import sys
import time
import urllib.parse

from postern import PASSWORD, Refused, Server, done, free_port, ok, openssl, same, together

NAME = "eliza@betterbag.com"


def code_of(secret, step):
    """RFC 6238 by itself: six digits of a step."""
    mac = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1").digest()
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7fffffff) % 1000000:06}"


class Browser:
    """What a browser keeps, and does: cookies, forms, redirects within the site."""

    def __init__(self, server, port):
        self.to = http.client.HTTPSConnection("localhost", port, timeout=60,
                                              context=ssl.create_default_context(cafile=server.cacert))
        self.cookies, self.set = {}, {}

    def ask(self, method, path, body=None, **headers):
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            more["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        self.to.request(method, path, body, more)
        reply = self.to.getresponse()
        text = reply.read().decode()
        for line in reply.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.set[name] = line
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        return reply.status, reply.headers, text

    def get(self, path="/console/sign-in"):
        return self.ask("GET", path)

    def post(self, path="/console/sign-in", **form):
        return self.ask("POST", path, urllib.parse.urlencode(form), Content_Type="application/x-www-form-urlencoded")

    def api(self, method, path, body=None, **headers):
        status, _, text = self.ask(method, "/api/v1" + path, json.dumps(body) if body is not None else None, **headers)
        return status, json.loads(text) if text else None

    def password(self, name=NAME, password=PASSWORD):
        self.get("/console/sign-in?to=/console/")
        return self.post(username=name, password=password)


class App:
    """An authenticator app: one code for each step that was not used."""

    def __init__(self, page):
        self.secret = re.search(r"<strong>([A-Z2-7]{32})</strong>", page).group(1)
        self.address = html.unescape(re.search(r'href="(otpauth:[^"]+)"', page).group(1))
        self.used = 0

    def code(self):
        """The next one that counts: a step ahead where this one was used, which the window of one step allows."""
        here = int(time.time()) // 30
        self.used = max(self.used + 1, here)
        return code_of(self.secret, self.used) if self.used <= here + 1 else None


def first(server, port):
    b = Browser(server, port)
    status, headers, page = b.get()
    ok(status == 200 and "default-src 'none'" in headers["Content-Security-Policy"] and "<script" not in page
       and headers["X-Frame-Options"] == "DENY" and headers["Cache-Control"] == "no-store",
       "the page of the sign-in has a strict policy and no script", dict(headers))
    same(Browser(server, server.port).get()[0], 404, "a listener of devices does not have it")
    status, headers, _ = b.password()
    ok(status == 303 and headers["Location"] == "/console/sign-in", "a right password leads to the next step",
       (status, str(headers)))
    same(b.api("GET", "/me")[0], 401, "and to no session yet")
    app = App(b.get()[2])
    ok(f"secret={app.secret}" in app.address and urllib.parse.quote(NAME) in app.address,
       "who has no second factor is shown the secret of one", app.address)
    same(b.post(code="000000")[0], 403, "a wrong code does not set it up")
    status, _, page = b.post(code=app.code())
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", page)
    ok(status == 200 and len(set(codes)) == 10, "a right one does, and ten recovery codes are shown", (status, page))
    cookie = b.set["__Host-postern_admin"]
    ok(all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200")),
       "the session's cookie is for this host's own pages alone (RFC 6265bis 4.1.3.2)", cookie)
    status, me = b.api("GET", "/me")
    ok(status == 200 and (me["name"], me["role"], me["way"], me["organization"]) == (NAME, "admin", "session", None)
       and me["proven_until"], "the API knows who it is", me)
    dump = server.dump()
    ok(b.cookies["__Host-postern_admin"].encode() not in dump and app.secret.encode() not in dump
       and base64.b32decode(app.secret) not in dump and codes[0].replace("-", "").encode() not in dump,
       "the database holds neither the session, nor the app's secret, nor a recovery code")
    return b, app, codes


def headers(b):
    status, answer = b.api("POST", "/device-groups", {"name": "a", "by_name": True})
    ok(status == 403 and "Postern-Console" in str(answer), "a change by cookie alone is refused: any site could send it",
       (status, answer))
    status, answer = b.api("POST", "/device-groups", {"name": "a", "by_name": True}, Postern_Console="1")
    ok(status in (200, 201), "with the console's header it is done", (status, answer))


def again(server, port, app, codes):
    b = Browser(server, port)
    b.password()
    status, _, page = b.get()
    ok(status == 200 and "recovery codes" in page and app.secret not in page, "the next sign-in asks for a code", page)
    same(b.post(code=code_of(app.secret, app.used))[0], 403, "a code that was used counts no more (RFC 6238 5.2)")
    same(b.post(code=codes[0].upper().replace("-", " "))[0], 303, "a recovery code does, however it is typed")
    same(b.api("GET", "/me")[0], 200, "and begins a session")
    other = Browser(server, port)
    other.password()
    same(other.post(code=codes[0])[0], 403, "but once only")
    same(other.post(code=codes[1])[0], 303, "another one is another")
    kept = dict(b.cookies)
    same(b.post("/console/sign-out")[0], 200, "one session is signed out")
    ok("__Host-postern_admin" not in b.cookies, "and the browser forgets it")
    b.cookies = kept
    same((b.api("GET", "/me")[0], other.api("GET", "/me")[0]), (401, 200), "it has ended, and the other goes on")


def proof(server, port, b, codes):
    """What can't be undone, or gives power, asks for the second factor again."""
    own = {"Postern_Console": "1"}
    paths = json.loads(server.admin("openapi"))["paths"]
    same(b.api("POST", "/api-tokens", {"name": "a", "role": "read"}, **own)[0], 201, "who just signed in makes a token")
    server.ask("UPDATE administrator_session SET proven_at = proven_at - 301")
    wrong, grave = [], 0
    for path, row in paths.items():
        for method, operation in row.items():
            status, answer = b.api(method.upper(), re.sub(r"\{[^}]*\}", "x", path), {"x": 1} if method != "get" else None,
                                   **own)
            refused = status == 403 and answer["code"] == "not proven"
            grave += refused
            if refused != operation.get("x-proven", False):
                wrong.append((method, path, status, answer))
    ok(grave > 10 and not wrong, "five minutes later each request that is marked so is refused, and no other", wrong[:5])
    other = Browser(server, port)
    same(other.get("/console/sign-in/prove?to=/console/")[1]["Location"], "/console/sign-in?to=%2Fconsole%2F",
         "who is not signed in has nothing to prove")
    cookie = b.cookies["__Host-postern_admin"]
    status, _, page = b.get("/console/sign-in/prove?to=/console/%23/enrollments")
    ok(status == 200 and "recovery codes" in page and "password" not in page, "the second factor alone is asked for", page)
    way = dict(b.cookies)
    same(b.post(code="000000")[0], 403, "a wrong code proves nothing")
    same(b.api("POST", "/api-tokens", {"name": "b", "role": "read"}, **own)[0], 403, "(as before)")
    status, headers_, _ = b.post(code=codes.pop())
    ok(status == 303 and headers_["Location"] == "/console/#/enrollments" and b.cookies["__Host-postern_admin"] == cookie,
       "a right one leads back, in the same session", (status, str(headers_)))
    same(b.api("POST", "/api-tokens", {"name": "b", "role": "read"}, **own)[0], 201, "and it is done")
    server.ask("UPDATE administrator_session SET proven_at = 0")
    ok(b.api("GET", "/me")[1]["proven_until"] is None, "what a provider took as it was is no proof")
    other.cookies = way
    other.post("/console/sign-out")
    other.cookies = {k: v for k, v in way.items() if k.endswith("_way")}
    same((other.post(code=codes.pop())[0], other.api("GET", "/me")[0]), (303, 401),
         "to prove oneself begins no session: where it has ended the password is asked for")


def own(server, port, b, app, codes):
    """What they change of their own sign-in, without an administrator of administrators."""
    page_at = "/console/sign-in/own"
    same(Browser(server, port).get(page_at)[1]["Location"], "/console/sign-in?to=/console/sign-in/own",
         "one's own page is for who is signed in")
    server.ask("UPDATE administrator_session SET proven_at = 1")
    same([b.get(page_at)[1]["Location"], b.post(page_at, do="new codes")[1]["Location"]],
         2 * ["/console/sign-in/prove?to=/console/sign-in/own"], "and has just proven it")
    b.get("/console/sign-in/prove?to=" + page_at)
    same(b.post(code=codes.pop())[1]["Location"], page_at, "(it is proven)")
    status, headers_, page = b.get(page_at)
    ok(status == 200 and "(this one)" in page and "Authenticator app" in page and "recovery codes are left" in page
       and "default-src 'none'" in headers_["Content-Security-Policy"], "it shows factors, codes and sessions", page)
    status, _, page = b.post(page_at, do="remove app")
    ok(status == 409 and "last second factor" in page, "the last second factor stays", (status, page))
    status, _, page = b.post(page_at, do="new codes")
    old, codes[:] = list(codes), re.findall(r"<code>([a-z2-7-]{19})</code>", page)
    ok(status == 200 and len(codes) == 10 and not set(codes) & set(old), "new recovery codes are shown", page)
    other = Browser(server, port)
    other.password()
    same((other.post(code=old[0])[0], other.post(code=codes.pop())[0]), (403, 303), "and take the place of the old ones")
    nothing = "''::bytea" if server.store else "x''"
    server.ask("INSERT INTO administrator_key (id, administrator_id, public_key, counter, created_at, used_at)"
               f" SELECT 'a2V5', id, {nothing}, 0, 1, 1 FROM administrator")
    same([b.post(page_at, do="remove key", which="other")[0], b.post(page_at, do="remove key", which="a2V5")[0],
          b.post(page_at, do="remove key", which="a2V5")[0]], [404, 200, 404], "a key goes, once")
    same((b.post(page_at, do="end others")[0], other.api("GET", "/me")[0], b.api("GET", "/me")[0]), (200, 401, 200),
         "other sessions end, this one stays")
    same([b.post(page_at, do=do)[0] for do in ("", "everything")], [400, 400], "nothing else is done")
    same(b.post(page_at, do="password", password="wrong", new="x" * 12)[0], 403, "a new password takes the old one")
    same((b.post(page_at, do="password", password=PASSWORD, new=PASSWORD + "!")[0], b.api("GET", "/me")[0]), (200, 401),
         "it is changed, and all sessions end")
    again = Browser(server, port)
    same((again.password()[0], again.password(password=PASSWORD + "!")[0], again.post(code=codes.pop())[0]), (403, 303, 303),
         "which counts from now on")
    server.admin("administrator", "passwd", NAME, "--password-stdin", stdin=PASSWORD + "\n")
    ok("own: password" in {row["action"] for row in server.listing("audit", "list")}, "each has a row in the audit")


class Key:
    """A passkey without a counter, as those have that are on several devices at once."""

    def __init__(self, server, name):
        self.file = os.path.join(server.folder, f"{name}.key")
        with open(self.file, "wb") as f:
            f.write(openssl.run(["genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]))
        self.id = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
        octets = (b"E\1\0" + openssl.public_key(self.file)[-65:]).hex()
        server.ask("INSERT INTO administrator_key (id, administrator_id, public_key, counter, created_at, used_at)"
                   f" SELECT '{self.id}', id, " + (f"decode('{octets}', 'hex')" if server.store else f"x'{octets}'") +
                   f", 0, 1, 1 FROM administrator WHERE name = '{NAME}'")

    def answer(self, page, port):
        """To the challenge of the page (WebAuthn 6.3.3)."""
        challenge = re.search(r'data-challenge="([^"]+)"', page)[1]
        client = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": f"https://localhost:{port}"}).encode()
        data = hashlib.sha256(b"localhost").digest() + b"\5" + bytes(4)
        signature = openssl.sign(self.file, data + hashlib.sha256(client).digest())
        text = [base64.urlsafe_b64encode(o).decode().rstrip("=") for o in (client, data, signature)]
        return json.dumps({"id": self.id, **dict(zip(("client", "data", "signature"), text))})


def challenges(server, port):
    """A challenge is good once, whatever was answered since, and for whichever key."""
    one, two = Key(server, "one"), Key(server, "two")
    kept = []
    for _ in range(3):
        b = Browser(server, port)
        b.password()
        page = b.get()[2]
        kept.append((page, dict(b.cookies), one.answer(page, port)))
        same((b.post(credential=kept[-1][2])[0], b.api("GET", "/me")[0]), (303, 200), "a key that answers signs in")
    for page, cookies, answer in kept:
        server.ask("DELETE FROM throttle")
        b = Browser(server, port)
        b.cookies = dict(cookies)
        got = [b.post(credential=answer)[0]]
        b.cookies = dict(cookies)
        got.append(b.post(credential=two.answer(page, port))[0])
        same((got, b.api("GET", "/me")[0]), ([403, 403], 401), "its challenge is good no more, for this key and for another")
    b = Browser(server, port)
    b.password()
    page = b.get()[2]
    way = dict(b.cookies)

    def come(_):
        other = Browser(server, port)
        other.cookies = dict(way)
        other.post(credential=one.answer(page, port))
        return other.api("GET", "/me")[0]

    server.ask("DELETE FROM throttle")
    same(sorted(together(come, list(range(8)))), [200] + 7 * [401], "of eight answers to one challenge at once one signs in")
    server.ask("DELETE FROM throttle")
    same(server.ask("SELECT COUNT(*) FROM administrator_challenge")[0][0], 4, "each is kept as spent")
    server.ask("UPDATE administrator_challenge SET good_until = 1")
    b = Browser(server, port)
    b.password()
    b.post(credential=one.answer(b.get()[2], port))
    same(server.ask("SELECT COUNT(*) FROM administrator_challenge")[0][0], 1, "until its sign-in would be too old anyway")
    server.ask("DELETE FROM administrator_key")


def session(server, b):
    server.ask("UPDATE administrator_session SET proven_at = proven_at - 301")
    ok(b.api("GET", "/me")[1]["proven_until"] is None, "five minutes after the password it is no proof any more")
    server.ask("UPDATE administrator_session SET seen_at = seen_at - 1500")
    same(b.api("GET", "/me", Postern_Quiet="1")[0], 200, "a session goes on for 30 minutes")
    server.ask("UPDATE administrator_session SET seen_at = seen_at - 301")
    same(b.api("GET", "/me")[0], 401, "which a page that asks by itself does not prolong, and no longer")
    server.ask("UPDATE administrator_session SET seen_at = seen_at + 1801")
    same(b.api("GET", "/me")[0], 200, "(as before)")
    server.ask("UPDATE administrator_session SET began_at = began_at - 43201")
    same(b.api("GET", "/me")[0], 401, "and for twelve hours whatever is done")


def changes(server, port, codes):
    b = Browser(server, port)

    def sign_in():
        b.password()
        return b.post(code=codes.pop())[0] == 303 and b.api("GET", "/me")[0] == 200

    ok(sign_in(), "a session before a change of role")
    server.admin("administrator", "set", NAME, "--role", "help-desk")
    same(b.api("GET", "/me")[0], 401, "a change of role ends it")
    ok(sign_in() and b.api("GET", "/me")[1]["role"] == "help-desk", "the next has the new role")
    status, answer = b.api("GET", "/tokens")
    ok(status == 403 and NAME in str(answer), "which counts", (status, answer))
    server.admin("administrator", "disable", NAME)
    ok(b.api("GET", "/me")[0] == 401 and b.password()[0] == 403, "who is disabled is signed out, and not in")
    server.admin("administrator", "enable", NAME)
    b.password()
    server.admin("administrator", "set", NAME, "--role", "read", "--org", "better-bag")
    status, headers_, _ = b.post(code=codes.pop())
    ok(status == 303 and b.api("GET", "/me")[0] == 401, "a change in the middle of a sign-in ends it",
       (status, str(headers_)))
    ok(sign_in() and b.api("GET", "/me")[1]["organization"] == "better-bag", "an organization is kept")
    same(b.api("GET", "/administrators")[0], 403, "of one organization nobody sees who administers")
    server.admin("administrator", "reset", NAME)
    b.password()
    ok("authenticator app" in b.get()[2], "after a reset a second factor is set up anew")
    server.admin("administrator", "remove", NAME)
    same(b.password()[0], 403, "who was removed is nobody")


def guesses(server, port):
    answers = []
    for name in ("nobody@betterbag.com", "paul@betterbag.com"):
        b = Browser(server, port)
        got = [b.password(name, "wrong") for _ in range(5)]
        answers.append([(s, h.get("Retry-After") is not None, re.sub(r"\d+ seconds", "", t).replace(name, ""))
                        for s, h, t in got])
    same([s for s, _, _ in answers[0]], [403] * 4 + [429], "after too many tries there is a wait")
    ok(answers[0] == answers[1], "and nothing tells whether there is such an administrator", answers)


def listed(server):
    row, = server.listing("administrator", "list")
    ok(row["name"] == NAME and row["second_factors"] == [] and "password_hash" not in row, "administrators are listed",
       row)
    for command, says in ((["add", NAME, "--role", "read"], "already"), (["add", "eliza", "--role", "read"], "user@domain"),
                          (["add", "x@betterbag.com", "--role", "read", "--provider", "none"], "provider")):
        try:
            said = server.admin("administrator", *command)
        except Refused as e:
            said = str(e)
        ok(says in said, f"{command[1]} is refused: {says}", said)


def main():
    server = Server()
    port = free_port()
    server.set(admin_listen=f"127.0.0.1:{port}", password_tries=3)
    server.start()
    server.admin("administrator", "add", NAME, "--role", "admin", "--password-stdin", stdin=PASSWORD + "\n")
    listed(server)
    b, app, codes = first(server, port)
    headers(b)
    again(server, port, app, codes)
    challenges(server, port)
    session(server, b)
    proving = Browser(server, port)
    proving.password()
    proving.post(code=codes.pop())
    proof(server, port, proving, codes)
    proving = Browser(server, port)
    proving.password()
    proving.post(code=codes.pop())
    own(server, port, proving, app, codes)
    changes(server, port, codes)
    server.admin("administrator", "add", "paul@betterbag.com", "--role", "read", "--password-stdin",
                 stdin=PASSWORD + "\n")
    guesses(server, port)
    acts = [(row.get("actor_name") or row.get("actor"), row["action"]) for row in server.listing("audit", "list")
            if row["action"].startswith(("sign", "prove"))]
    ok({(NAME, "sign in"), (NAME, "sign out"), (NAME, "prove again")} <= set(acts), "who came and went is in the audit", acts)
    ok(PASSWORD not in server.log and app.secret not in server.log, "no secret is in the log")
    same(server.stop(), 0, "the server drains")
    return done()


if __name__ == "__main__":
    sys.exit(main())
