"""A proxy between devices and posternd that breaks one rule in the answers, and the table of what it can break. It ends
TLS with the server's own certificate, so that a device sees one server that is wrong in one thing."""

import base64
import http.client
import json
import plistlib
import re
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALLBACK = "apple-remotemanagement-user-login"
WELL_KNOWN = "/.well-known/com.apple.remotemanagement"
LATE_S = 8  # what a busy machine does not take for the others


class Ask:
    """A request as it came, and what this proxy remembers of those before it."""

    def __init__(self, handler, memory):
        self.method, self.target, self.headers, self.memory = handler.command, handler.path, handler.headers, memory
        self.path, _, self.query = handler.path.partition("?")
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.token = handler.headers.get("Authorization")
        self.form = dict(urllib.parse.parse_qsl(self.body.decode("latin-1"))) if "/token" in self.path else {}
        self.message = plistlib.loads(self.body) if self.method == "PUT" else {}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def get(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def set(self, name, value):
        """In place of every header of that name; None takes them out."""
        self.headers = [h for h in self.headers if h[0].lower() != name.lower()] + ([(name, value)] if value is not None else [])


class Mutator:
    """Listens on a port of its own until close(). `mutation`: None lets everything pass."""

    def __init__(self, tls, upstream, mutation=None):
        memory, lock = {}, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                self.request = tls.wrap_socket(self.request, server_side=True)
                self.upstream = http.client.HTTPSConnection("127.0.0.1", upstream, context=ssl._create_unverified_context())
                super().setup()

            def finish(self):
                self.upstream.close()
                super().finish()
                self.request.close()

            def pass_on(self):
                ask = Ask(self, memory)
                self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("connection", "expect"):
                        self.upstream.putheader(name, value)
                self.upstream.endheaders(ask.body or None)
                got = self.upstream.getresponse()
                hop = ("connection", "transfer-encoding", "content-length", "keep-alive")
                answer = Answer(got.status, [h for h in got.getheaders() if h[0].lower() not in hop], got.read())
                with lock:
                    if mutation is not None and mutation.where(ask, answer):
                        memory["hits"] = memory.get("hits", 0) + 1
                        mutation.change(ask, answer)
                if answer.status == 0:
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, value in [*answer.headers, ("Content-Length", len(answer.body))]:
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_HEAD = pass_on

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A peer that hangs up is no affair of the test; a mistake of the table is."""
                memory.setdefault("errors", []).append(repr(sys.exc_info()[1]))

        self.memory, self.server = memory, Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mutation:
    """`checks` are all that conform must report; the first one is of the rule of the checklist with that number, S-nn.
    `cause`: what postern check calls it."""

    def __init__(self, stage, name, rule, checks, where, *changes, who="eliza", family="iPhone", plan="quick", cause=None, patience=90):
        self.stage, self.name, self.rule, self.where, self.changes = stage, name, f"S-{rule:02}", where, changes
        self.checks = [checks] if isinstance(checks, str) else checks
        self.who, self.family, self.plan, self.cause, self.patience = who, family, plan, cause, patience

    def change(self, ask, answer):
        for change in self.changes:
            change(ask, answer)


# ---- which answer ----

def discovery(ask, _):
    """The device's own question; others of conform are spelled in another way."""
    return ask.path == WELL_KNOWN and re.fullmatch(r"user-identifier=[^&+%]*@[^&]*&model-family=(iPhone|iPad|Mac|RealityDevice)", ask.query)


def asked(pattern):
    return lambda ask, _: ask.path == WELL_KNOWN and re.fullmatch(pattern, ask.query)


def enrollment(ask, token):
    return ask.method == "POST" and ask.path.startswith("/enroll/") and (ask.token is not None) == token


def first(ask, _):
    return enrollment(ask, False) and ask.headers.get("Content-Type") == "application/pkcs7-signature"


def as_form(ask, _):
    return enrollment(ask, False) and ask.headers.get("Content-Type") == "application/x-www-form-urlencoded"


def second(ask, answer):
    return enrollment(ask, True) and answer.status == 200


def callback(_, answer):
    return (answer.get("Location") or "").startswith(CALLBACK)


def tokens(ask, answer):
    return ask.form.get("grant_type") == "authorization_code" and answer.status == 200


def refresh(ask, answer):
    return ask.form.get("grant_type") == "refresh_token" and answer.status == 200


def scep(operation):
    return lambda ask, _: f"operation={operation}" in ask.query


def said(value, key="MessageType", **more):
    return lambda ask, _: ask.message.get(key) == value and all(ask.message.get(k) == v for k, v in more.items())


idle = said("Idle", "Status")


def refused(where, status):
    return lambda ask, answer: answer.status == status and where(ask, answer)


def nth(n, where):
    """The n-th of them alone."""
    def is_it(ask, answer):
        if not where(ask, answer):
            return False
        ask.memory[where] = ask.memory.get(where, 0) + 1
        return ask.memory[where] == n
    return is_it


def after(one, where):
    """Every one after `one` was seen."""
    def is_it(ask, answer):
        if one(ask, answer):
            ask.memory[one] = True
            return False
        return ask.memory.get(one) and where(ask, answer)
    return is_it


# ---- what is changed ----

def status(code):
    def change(_, answer):
        answer.status = code
    return change


def body(text, kind=None):
    def change(_, answer):
        answer.body = text if isinstance(text, bytes) else text.encode()
        if kind:
            answer.set("Content-Type", kind)
    return change


def header(name, value=None):
    return lambda _, answer: answer.set(name, value)


def also(name, value):
    return lambda _, answer: answer.headers.append((name, value))


def nothing(ask, answer):
    body("")(ask, answer)
    header("Content-Type")(ask, answer)


def silence(_, answer):
    answer.status = 0


def late(*_):
    time.sleep(LATE_S + 1.5)


def text(pattern, replacement):
    """In the body, which must have it."""
    def change(_, answer):
        answer.body, n = re.subn(pattern.encode(), replacement.encode(), answer.body)
        assert n > 0, pattern
    return change


def document(work):
    def change(_, answer):
        value = json.loads(answer.body)
        work(value)
        answer.body = json.dumps(value).encode()
    return change


def server(**keys):
    """Keys of the first server of the discovery document; None takes one out."""
    def work(value):
        put(value["Servers"][0], keys)
    return document(work)


def put(where, keys):
    for key, value in keys.items():
        if value is None:
            where.pop(key, None)
        else:
            where[key] = value


def keys(**values):
    return document(lambda value: put(value, values))


def challenge(pattern, replacement):
    def change(_, answer):
        value, n = re.subn(pattern, replacement, answer.get("WWW-Authenticate"))
        assert n > 0, pattern
        answer.set("WWW-Authenticate", value)
    return change


def without(name):
    return challenge(rf'(?<![-a-z]){name}="[^"]*",? ?', "")


def location(pattern, replacement):
    def change(_, answer):
        value, n = re.subn(pattern, replacement, answer.get("Location"))
        assert n > 0, pattern
        answer.set("Location", value)
    return change


def profile(work):
    """The profile, which goes on unsigned: a device takes such a one."""
    def change(_, answer):
        at = answer.body.index(b"<?xml")
        value = plistlib.loads(answer.body[at:answer.body.index(b"</plist>") + 8])
        work(value)
        answer.body = plistlib.dumps(value)
    return change


def payload(value, kind):
    return next(p for p in value["PayloadContent"] if p["PayloadType"] == kind)


def mdm(**values):
    return profile(lambda value: put(payload(value, "com.apple.mdm"), values))


def key_request(**values):
    return profile(lambda value: put(payload(value, "com.apple.security.scep")["PayloadContent"], values))


def capabilities(work):
    def change(value):
        one = payload(value, "com.apple.mdm")
        one["ServerCapabilities"] = work(one["ServerCapabilities"])
    return profile(change)


def token_data(work):
    """The JSON of header and claims of the token that GetToken brings; its signature is left."""
    def change(_, answer):
        value = plistlib.loads(answer.body)
        parts = value["TokenData"].decode().split(".")
        both = [json.loads(base64.urlsafe_b64decode(p + "==")) for p in parts[:2]]
        work(*both)
        parts[:2] = [base64.urlsafe_b64encode(json.dumps(b).encode()).decode().rstrip("=") for b in both]
        value["TokenData"] = ".".join(parts).encode()
        answer.body = plistlib.dumps(value)
    return change


def same_again(ask, answer):
    answer.body = ask.memory.setdefault("body", answer.body)


def command(kind="application/xml", **what):
    """A command that the server never sent."""
    return body(plistlib.dumps({"CommandUUID": "0E0A4F4C-5C0B-4F57-9E0B-0A8C2B2C7E01", "Command": what}), kind)


def redirected(where, code=302):
    def change(ask, answer):
        answer.status = code
        answer.set("Location", where(ask))
        nothing(ask, answer)
    return change


def challenged(ask, answer):
    answer.status = 401
    answer.set("WWW-Authenticate", 'Bearer method="apple-as-web", url="https://localhost/signin"')
    nothing(ask, answer)


def redeemed(ask, _):
    return ask.form.get("grant_type") == "authorization_code"


def one_after_another(*steps):
    """(where, change) for one mutation: whichever step is the answer's."""
    def which(ask, answer):
        return next((change for where, change in steps if where(ask, answer)), None)

    def where(ask, answer):
        ask.memory["step"] = which(ask, answer)
        return ask.memory["step"]
    return where, lambda ask, answer: ask.memory["step"](ask, answer)


def with_token(ask, answer):
    profile(lambda p: payload(p, "com.apple.mdm").update(ServerURL="https://localhost/mdm/" + ask.token.removeprefix("Bearer ")))(ask, answer)


def kept(ask, answer):
    ask.memory["profile"] = answer.body


def renewed(ask, answer):
    """A new enrollment profile, by command, with another Topic."""
    old = Answer(200, [], ask.memory["profile"])
    mdm(Topic="com.apple.mgmt.another")(ask, old)
    command(RequestType="InstallProfile", Payload=old.body)(ask, answer)


LOOK = command(RequestType="DeviceInformation", Queries=["OSVersion"])
OTHER = {"PayloadType": "com.apple.domains", "PayloadVersion": 1, "PayloadIdentifier": "a.b", "PayloadUUID": "0E0A4F4C-5C0B-4F57-9E0B-0A8C2B2C7E02"}
DOMAINS = plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "a", "PayloadUUID":
                         "0E0A4F4C-5C0B-4F57-9E0B-0A8C2B2C7E03", "PayloadContent": [OTHER]})
MAID, STRANGE, WATCH = (said("GetToken", TokenServiceType=kind) for kind in ("com.apple.maid", "org.example.unknown", "com.apple.watch.pairing"))
STALE = refused(lambda ask, answer: idle(ask, answer) and ask.token is not None, 401)
NO_TOKEN = refused(lambda ask, answer: idle(ask, answer) and ask.token is None, 401)
NO_STORE = header("Cache-Control")
HTML = body("<!DOCTYPE html><title>Better Bag</title>", "text/html")


def table():
    rows = []

    def of(stage, *of_stage):
        rows.extend(Mutation(stage, *row[0], **row[1]) for row in of_stage)

    def m(*row, **more):
        return row, more

    of("discovery",
       m("404", 1, "discovery_status", discovery, status(404), cause="not-found"),
       m("500", 1, "discovery_status", discovery, status(500), cause="server-error"),
       m("401", 1, "discovery_status", discovery, status(401), cause="needs-login"),
       m("204", 1, "discovery_status", discovery, status(204), nothing, cause="wrong-status"),
       m("no answer", 1, "discovery_status", discovery, silence, cause="answer-none"),
       m("text/plain", 1, "discovery_type", discovery, header("Content-Type", "text/plain"), cause="media-type-wrong"),
       m("no media type", 1, "discovery_type", discovery, header("Content-Type"), cause="media-type-missing"),
       m("a page", 1, ["discovery_type", "discovery_document"], discovery, HTML, cause="document-html"),
       m("no body", 1, "discovery_document", discovery, body(""), cause="document-empty"),
       m("no JSON", 1, "discovery_document", discovery, body("{Servers: []}"), cause="document-not-json"),
       m("half of it", 1, "discovery_document", discovery, text("}]}$", ""), cause="document-not-json"),
       m("a key twice", 1, "discovery_document", discovery, text("^{", '{"Servers": [],'), cause="document-not-json"),
       m("Servers is no array", 1, "discovery_document", discovery, keys(Servers={}), cause="document-no-servers"),
       m("Servers is empty", 1, "discovery_one_server", discovery, keys(Servers=[]), cause="document-no-servers"),
       m("two servers", 1, "discovery_one_server", discovery, document(lambda d: d["Servers"].append(d["Servers"][0])),
         cause="document-several-servers"),
       m("an unknown Version", 1, "discovery_version", discovery, server(Version="mdm-user"), cause="document-version"),
       m("no Version", 1, "discovery_version", discovery, server(Version=None), cause="document-version"),
       m("BaseURL is http", 2, "discovery_base_url", discovery, text("https:", "http:"), cause="base-url-http"),
       m("no BaseURL", 2, "discovery_base_url", discovery, server(BaseURL=None), cause="document-base-url"),
       m("BaseURL is relative", 2, "discovery_base_url", discovery, server(BaseURL="/enroll"), cause="document-base-url"),
       m("a redirect to http", 2, ["discovery_hops", "discovery_status"], discovery,
         redirected(lambda ask: "http://betterbag.com" + ask.target), cause="plain-http"),
       m("a redirect that loses the query", 4, "discovery_query_kept", discovery,
         redirected(lambda ask: "https://betterbag.com" + WELL_KNOWN), cause="redirect-lost-query"),
       m("a redirect that loses the family", 4, "discovery_query_kept", discovery,
         redirected(lambda ask: "https://betterbag.com" + ask.target.split("&")[0]), cause="redirect-lost-query"),
       m("late", 1, "discovery_in_time", discovery, late, patience=LATE_S),
       m("%40 is not known", 3, "identifier_forms", asked(".*%40.*"), status(404)),
       m("a plus is a space", 3, "identifier_plus", asked(".*[+]plus.*"), status(400)),
       m("no family: a page", 3, "family_missing", asked("user-identifier=[^&]*"), HTML),
       m("no identifier: 500", 3, "identifier_missing", asked("model-family=iPhone"), status(500)),
       m("a refusal as a page", 5, "discovery_refusal", asked(".*=Watch"), HTML),
       m("many questions: 500", 1, "discovery_flood", nth(20, discovery), status(500), plan="destructive"))

    of("challenge",
       m("200", 8, "first_status", first, status(200), cause="first-answer-success"),
       m("403", 8, "first_status", first, status(403), header("WWW-Authenticate"), cause="first-answer-refused"),
       m("404", 8, "first_status", first, status(404), cause="first-answer-not-found"),
       m("500", 8, "first_status", first, status(500), cause="first-answer-error"),
       m("no challenge", 8, ["first_challenge_one", "first_challenge_complete"], first, header("WWW-Authenticate"),
         cause="challenge-missing"),
       m("Basic", 8, ["first_challenge_one", "first_challenge_complete"], first, header("WWW-Authenticate", 'Basic realm="x"'),
         cause="challenge-not-bearer"),
       m("bearer", 8, ["first_challenge_one", "first_challenge_complete"], first, challenge("^Bearer", "bearer"),
         cause="challenge-scheme-case"),
       m("two challenges", 8, "first_challenge_one", first, also("WWW-Authenticate", 'Basic realm="x"'), cause="challenge-several"),
       m("no method", 8, "first_challenge_complete", first, without("method"), cause="challenge-method"),
       m("an unknown method", 8, "first_challenge_complete", first, challenge("apple-oauth2", "apple-oidc"), cause="challenge-method"),
       m("a parameter twice", 8, "first_challenge_complete", first, challenge("$", ', client-id="another"')),
       *[m("no " + name, 8, "first_challenge_complete", first, without(name), cause="challenge-incomplete")
         for name in ("authorization-url", "token-url", "redirect-url", "client-id")],
       m("no url", 8, "first_challenge_complete", first, without("url"), who="anna", cause="challenge-incomplete"),
       m("no scope", 13, "oauth_parameters", first, without("scope")),
       m("authorization-url is http", 8, "first_challenge_complete", first,
         challenge('authorization-url="https', 'authorization-url="http'), cause="challenge-http"),
       m("token-url is http", 8, "first_challenge_complete", first, challenge('token-url="https', 'token-url="http'),
         cause="challenge-http"),
       m("redirect-url of another scheme", 8, "first_challenge_complete", first, challenge(CALLBACK, "https"),
         cause="challenge-incomplete"),
       m("redirect-url without a path", 13, "oauth_redirect", first, challenge(CALLBACK + ':[^"]*', CALLBACK + ":")),
       m("url is http", 2, "web_url_https", first, challenge('url="https', 'url="http'), who="anna", cause="challenge-http"),
       m("url with a query", 11, "web_url_no_query", first, challenge('"$', '?attempt=1"'), who="anna", cause="challenge-query-lost"),
       m("a body", 8, "first_empty", first, body("Sign in", "text/plain")),
       m("no no-store", 39, "first_no_store", first, NO_STORE),
       m("a form is refused", 7, "any_content_type", as_form, status(415), header("WWW-Authenticate")),
       m("an ESSO document that is not there", 36, "esso_document", first,
         header("X-Apple-MDM-ESSO", "https://betterbag.com/nothing"), cause="esso-status"),
       m("a forged signature is challenged", 9, "unsigned_refused", refused(first, 403), challenged, plan="destructive"),
       m("no CMS: 200", 9, "nonsense_refused", refused(first, 400), status(200), plan="destructive"))

    of("sign-in",
       m("302 instead of 308", 12, "callback_status", callback, status(302), who="anna"),
       m("a callback of another host", 12, "callback_address", callback, location("authentication-results", "results"), who="anna"),
       m("a callback without a token", 12, "callback_address", callback, location("[?].*", ""), who="anna"),
       m("a token with a plus", 12, "token_plain", callback, location("=(.)", r"=+\1"), who="anna"),
       m("a callback with a body", 12, "callback_empty", callback, body("Go on", "text/plain"), who="anna"),
       m("a callback that may be kept", 39, "callback_no_store", callback, NO_STORE, who="anna"),
       m("no state", 14, "state_returned", callback, location("&state=[^&]*", "")),
       m("another state", 14, "state_returned", callback, location("state=.", "state=~")),
       m("another redirect address", 14, "state_returned", callback, location(":/oauth2/", ":/other/")),
       m("no code", 14, "state_returned", callback, location("code=[^&]*&", "")),
       m("a code with a plus", 15, ["code_plain", "token_status"], callback, location("code=(.)", r"code=+\1")),
       m("tokens: 500", 15, "token_status", tokens, status(500)),
       m("tokens: 401", 15, "token_status", tokens, status(401), body('{"error":"invalid_client"}')),
       m("tokens as text/plain", 15, "token_document", tokens, header("Content-Type", "text/plain")),
       m("tokens are no JSON", 15, "token_document", tokens, body("access_token=abc")),
       m("a token_type of MAC", 15, "token_type", tokens, keys(token_type="mac")),
       m("no token_type", 15, "token_type", tokens, keys(token_type=None)),
       m("no access_token", 15, "token_access", tokens, keys(access_token=None)),
       m("an access_token with a slash", 15, "token_access", tokens, text('access_token":"', 'access_token":"/')),
       m("no refresh_token", 15, "token_refresh", tokens, keys(refresh_token=None)),
       m("expires_in below zero", 15, "token_expires", tokens, keys(expires_in=-1)),
       m("expires_in is text", 15, "token_expires", tokens, keys(expires_in="3600")),
       m("tokens that may be kept", 39, "token_no_store", tokens, NO_STORE),
       m("an unknown client is sent back", 14, "wrong_client", lambda ask, _: "nobody.of.that.name" in ask.query,
         redirected(lambda _: CALLBACK + ":/?error=unauthorized_client"), plan="full"),
       m("another redirect address is obeyed", 14, "wrong_redirect", lambda ask, _: "somewhere.else.example" in ask.query,
         redirected(lambda _: CALLBACK + "://somewhere.else.example/?code=1"), plan="full"),
       m("an unknown code: 500", 16, "wrong_code", refused(redeemed, 400), status(500), plan="full"),
       m("a code without its verifier is good", 14, "pkce_honoured", refused(redeemed, 400), status(200), plan="full"),
       m("a code is good twice", 16, "code_once", refused(redeemed, 400), status(200), plan="destructive"),
       m("late tokens", 15, "token_in_time", tokens, late, patience=LATE_S))

    of("profile",
       m("401 again", 17, "second_status", second, challenged),
       m("500", 17, "second_status", second, status(500)),
       m("200 without a body", 17, "second_status", second, body("")),
       m("as text/xml", 17, "second_type", second, header("Content-Type", "text/xml")),
       m("no no-store", 39, "second_no_store", second, NO_STORE),
       m("late", 17, "second_in_time", second, late, patience=LATE_S),
       m("no property list", 17, "profile_readable", second, body("profile")),
       m("a broken signature", 17, "profile_readable", second, body(b"\x30\x03\x02\x01\x00")),
       m("no identity", 17, "profile_readable", second,
         profile(lambda p: p["PayloadContent"].remove(payload(p, "com.apple.security.scep")))),
       m("no MDM payload", 17, "profile_readable", second, profile(lambda p: p["PayloadContent"].remove(payload(p, "com.apple.mdm")))),
       m("another EnrollmentMode", 18, "profile_mode", second, mdm(EnrollmentMode="ADDE")),
       m("no EnrollmentMode", 18, "profile_mode", second, mdm(EnrollmentMode=None)),
       m("no AssignedManagedAppleID", 18, "profile_account", second, mdm(AssignedManagedAppleID=None)),
       m("an empty AssignedManagedAppleID", 18, "profile_account", second, mdm(AssignedManagedAppleID="")),
       m("ManagedAppleID", 18, "profile_no_old_mode", second, mdm(ManagedAppleID="eliza@betterbag.com")),
       m("AccessRights in BYOD", 19, "profile_rights", second, mdm(AccessRights=8191)),
       m("AccessRights of 0 in ADDE", 18, "profile_rights_given", second, mdm(AccessRights=0), who="ben"),
       m("the right to install without that to look", 18, "profile_rights_given", second, mdm(AccessRights=2), who="ben"),
       m("PayloadRemovalDisallowed in BYOD", 19, "profile_removal", second, profile(lambda p: p.update(PayloadRemovalDisallowed=True))),
       m("a payload that BYOD forbids", 32, "profile_payloads", second, profile(lambda p: p["PayloadContent"].append(OTHER))),
       m("no com.apple.mdm.token", 20, "capability_token", second, capabilities(lambda c: [x for x in c if not x.endswith(".token")])),
       m("no per-user-connections for a Mac", 20, "capability_users", second,
         capabilities(lambda c: [x for x in c if not x.endswith("connections")]), family="Mac"),
       m("a bootstrap token in BYOD", 20, "capability_bootstrap", second, capabilities(lambda c: c + ["com.apple.mdm.bootstraptoken"])),
       m("a capability twice", 20, "capability_bootstrap", second, capabilities(lambda c: c + c[:1])),
       m("no Topic", 17, "profile_topic", second, mdm(Topic=None)),
       m("another Topic", 17, "profile_topic", second, mdm(Topic="com.example.mdm")),
       m("ServerURL is http", 2, "profile_urls", second, mdm(ServerURL="http://localhost/mdm")),
       m("CheckInURL is http", 2, "profile_urls", second, mdm(CheckInURL="http://localhost/mdm")),
       m("no ServerURL", 2, "profile_urls", second, mdm(ServerURL=None)),
       m("ServerURL with a token", 40, "profile_urls_stable", second, with_token),
       m("no CheckOutWhenRemoved", 24, "profile_check_out", second, mdm(CheckOutWhenRemoved=None)),
       m("a key of 1024 bits", 21, "scep_payload", second, key_request(Keysize=1024)),
       m("no challenge password", 21, "scep_payload", second, key_request(Challenge=None)),
       m("a token is good once", 16, "token_again", nth(3, second), status(400), plan="full"),
       m("a bad token gets a profile", 17, "bad_token", refused(lambda ask, _: enrollment(ask, True), 401), status(200), plan="full"))

    of("identity",
       m("no capabilities", 21, "scep_caps", scep("GetCACaps"), body("")),
       m("capabilities: 404", 21, "scep_caps", scep("GetCACaps"), status(404)),
       m("capabilities without SHA-256", 21, "scep_caps", scep("GetCACaps"), body("POSTPKIOperation\nSHA-1\nAES\n")),
       m("capabilities as text/html", 21, "scep_caps", scep("GetCACaps"), header("Content-Type", "text/html")),
       m("the CA as a bag", 21, "scep_ca", scep("GetCACert"), header("Content-Type", "application/x-x509-ca-ra-cert")),
       m("the CA as octets", 21, "scep_ca", scep("GetCACert"), header("Content-Type", "application/octet-stream")),
       m("the CA: 500", 21, "scep_ca", scep("GetCACert"), status(500)),
       m("POST is refused", 21, "scep_answer", scep("PKIOperation"), status(405)),
       m("the answer as octets", 21, "scep_answer", scep("PKIOperation"), header("Content-Type", "application/octet-stream")),
       m("the answer is none", 21, "identity_gone_through", scep("PKIOperation"), body("certificate")),
       m("repeated: 500", 21, "scep_repeated", nth(2, scep("PKIOperation")), status(500), plan="full"),
       m("another key: 500", 21, "scep_challenge_once", nth(2, scep("PKIOperation")), status(500), plan="full"))

    of("check-in",
       m("Authenticate: 500", 24, "authenticate_taken", said("Authenticate"), status(500)),
       m("Authenticate with a body", 24, "authenticate_empty", said("Authenticate"), body("ok", "text/plain")),
       m("TokenUpdate: 500", 24, "token_update_taken", said("TokenUpdate"), status(500)),
       m("TokenUpdate with a body", 24, "token_update_empty", said("TokenUpdate"), body("ok", "text/plain")),
       m("the token is not good at check-in", 16, "token_reused", nth(1, said("Authenticate")), challenged),
       m("a Mac is asked for a token", 27, "device_channel_open", nth(1, said("Authenticate")), challenged, family="Mac"))

    of("managed",
       m("Idle: 500", 25, "idle_taken", idle, status(500)),
       m("a body that is no command", 25, "idle_end_empty", nth(1, idle), body("ok", "text/plain")),
       m("a property list that is no command", 25, "idle_end_empty", nth(1, idle), body(plistlib.dumps({"Command": {}}), "application/xml")),
       m("a command as text/plain", 25, "command_type", nth(1, idle), LOOK, header("Content-Type", "text/plain")),
       m("EraseDevice in BYOD", 32, "command_allowed", nth(1, idle), command(RequestType="EraseDevice")),
       m("a profile that BYOD forbids", 32, "command_profiles", nth(1, idle), command(RequestType="InstallProfile", Payload=DOMAINS)),
       m("an app without a licence", 33, "command_apps", nth(1, idle), command(RequestType="InstallApplication", iTunesStoreID=1)),
       m("an app is taken over", 33, "command_apps", nth(1, idle),
         command(RequestType="InstallApplication", iTunesStoreID=1, Options={"PurchaseMethod": 1}, ChangeManagementState="Managed")),
       m("a renewal with another Topic", 40, "command_renewal", *one_after_another((second, kept), (nth(1, idle), renewed))),
       m("declarations as text/plain", 35, "declarations", *one_after_another(
           (nth(1, idle), command(RequestType="DeclarativeManagement")),
           (said("DeclarativeManagement", Endpoint="tokens"), header("Content-Type", "text/plain")))),
       m("a result again: 500", 25, "result_again", *one_after_another(
           (nth(1, idle), LOOK), (nth(2, said("Acknowledged", "Status")), status(500))), plan="full"),
       m("a declaration that is gone: 200", 35, "declaration_gone", refused(said("DeclarativeManagement"), 404), status(200)),
       m("GetToken: 500", 31, "get_token", nth(1, MAID), status(500)),
       m("no TokenData", 31, "get_token", nth(1, MAID), body(plistlib.dumps({}))),
       m("a token of HS256", 31, "get_token", nth(1, MAID), token_data(lambda h, _: h.update(alg="HS256"))),
       *[m("a token without " + name, 31, "get_token", nth(1, MAID), token_data(lambda _, c, name=name: c.pop(name)))
         for name in ("iss", "iat", "jti", "service_type")],
       m("a token of last week", 31, "get_token", nth(1, MAID), token_data(lambda _, c: c.update(iat=c["iat"] - 604800))),
       m("the same jti twice", 31, "get_token_fresh", MAID, same_again),
       m("an unknown service: 200", 31, "get_token_unknown", STRANGE, status(200)),
       m("a watch in BYOD: 200", 31, "get_token_watch", WATCH, status(200)),
       m("late", 25, "mdm_in_time", nth(1, idle), late, patience=LATE_S),
       m("an unknown message: 200", 24, "unknown_message", said("NothingOfThatName"), status(200), plan="full"),
       m("another topic: 200", 24, "wrong_topic", lambda ask, _: ask.message.get("Topic", "").endswith("00000000-0000-4000-8000-000000000000"),
         status(200), plan="full"),
       m("TokenUpdate again: 400", 24, "token_update_again", nth(2, said("TokenUpdate")), status(400), plan="full"),
       m("an unknown result: 404", 25, "result_unknown", said("Acknowledged", "Status"), status(404), plan="full"),
       m("a message without proof: 200", 23, "proof_needed", lambda ask, _: ask.message and ask.headers.get("Mdm-Signature") is None,
         status(200), plan="full"),
       m("a proof of something else: 200", 23, "proof_checked", lambda ask, answer: idle(ask, answer) and answer.status in (400, 401, 403),
         status(200), plan="full"))

    of("ongoing",
       m("no token: 200", 27, "no_token", NO_TOKEN, status(200), header("WWW-Authenticate")),
       m("401 without a challenge", 28, "stale_token", STALE, header("WWW-Authenticate")),
       m("403 instead of 401", 28, "stale_token", STALE, status(403), body('{"code":"com.apple.x"}', "application/json")),
       m("a stale token is good", 28, "stale_token", STALE, status(200), header("WWW-Authenticate"), who="anna"),
       m("401 with a body", 28, "stale_empty", STALE, body("Sign in", "text/plain")),
       m("a Mac's user: 401 without a challenge", 28, "stale_token", STALE, header("WWW-Authenticate"), family="Mac"),
       m("after it the right one is bad", 28, "stale_kept", after(STALE, idle), challenged, who="anna"),
       m("a refresh: 400", 15, "refresh_status", refresh, status(400), body('{"error":"invalid_grant"}')),
       m("a refresh without a token_type", 15, "refresh_status", refresh, keys(token_type=None)),
       m("a refresh without a refresh_token", 15, "refresh_refresh", refresh, keys(refresh_token=None)),
       m("a refresh that may be kept", 39, "refresh_no_store", refresh, NO_STORE),
       m("a refreshed token is bad", 28, "refresh_good", after(refresh, idle), challenged),
       m("the old refresh token is bad at once", 15, "refresh_retried", nth(2, refresh), status(400), body('{"error":"invalid_grant"}'), plan="full"),
       m("who signs in again is nobody", 28, "sign_in_again", after(nth(2, tokens), idle), challenged, plan="full"),
       m("another person's token is good", 30, "other_person", STALE, status(200), header("WWW-Authenticate"), who="eliza ben", plan="full"),
       m("Idle: 401 without a challenge", 26, ["unauthorized_challenged", "managed_gone_through"], nth(1, idle), status(401), nothing),
       m("a 403 as a page", 38, ["errors_in_json", "discovery_refusal"], asked(".*=Watch"), HTML))

    of("end",
       m("CheckOut: 500", 24, "check_out_taken", said("CheckOut"), status(500)),
       m("CheckOut with a stale token: 401", 29, "check_out_stale", said("CheckOut"), challenged, plan="full"),
       m("gone: 401", 26, "gone_unrecognized", refused(idle, 403), challenged),
       m("gone: 403 without the code", 26, "gone_unrecognized", refused(idle, 403), body('{"code":"com.apple.other"}')),
       m("enrolling again is refused", 37, "enroll_again", nth(2, second), status(403), body('{"code":"x"}'), plan="full"))
    return rows
