#!/usr/bin/python3
"""Enrollment SSO: documents that are checked before a device sees them, headers on every 401, and devices whose SSO
app signs in, at enrollment and when the server asks again, while nobody is asked.
    esso.py [PART...]"""

import base64
import http.server
import json
import os
import plistlib
import ssl
import subprocess
import sys
import threading
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
from postern import CLIENTS, DOMAIN, PASSWORD, done, ok, same, say, until
from provider import Providers
from world import Phone, World, in_batches, is_challenge, shown

STORE_ID, APP_ID = 1234567890, "ABCDE12345.com.betterbag.sso"
STANDARD, DEVELOPER = "X-Apple-MDM-ESSO", "X-Apple-MDM-ESSO-Developer"
PROMPTS = {"open-page", "sign-in", "identify", "continue", "sign-in-needed"}    # what a person would have seen


def payload(kind, **keys):
    return {"PayloadType": kind, "PayloadVersion": 1, "PayloadUUID": str(uuid.uuid4()),
            "PayloadIdentifier": f"com.betterbag.{uuid.uuid4()}", **keys}


def profile(w, *more, urls=None):
    with open(w.cacert) as f:
        der = base64.b64decode("".join(f.read().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0].split()))
    sso = payload("com.apple.extensiblesso", ExtensionIdentifier="com.betterbag.sso.extension", Type="Redirect",
                  URLs=urls or [w.url + "/"])
    root = payload("com.apple.security.root", PayloadContent=der)
    return plistlib.dumps(payload("Configuration", PayloadDisplayName="Better Bag sign-in",
                                  PayloadContent=[sso, root, *more]))


class Files:
    """Parts of a document as an administrator has them."""

    def __init__(self, w):
        self.folder = w.folder

    def __call__(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path


def postern(w, *args):
    """Status and both outputs of the administrator's command, whatever it says."""
    out = subprocess.run([os.path.join(CLIENTS, "postern"), "--data", w.data, *args], capture_output=True, text=True)
    return out.returncode, out.stdout, out.stderr


class SSOPhone(Phone):
    """A device whose SSO app holds a session."""

    def sign_in_app(self, password=PASSWORD):
        self.password = password
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        return self.run("sso", "signin", self.user, "--json", "--password-stdin")

    def enroll_by_app(self, how="--esso", *more):
        known = os.path.exists(os.path.join(self.state, "device.json"))
        first = [] if known else [*self.server.for_devices(), *self.options]
        return self.run("enroll", self.user, "--json", how, "--maid-delay", "0", *first, *more)

    def prompts(self):
        return [s["event"] for s in self.steps if s["event"] in PROMPTS]


def linter(w, file):
    good = file("good.mobileconfig", profile(w))
    document = {"iTunesStoreID": STORE_ID, "ConfigurationProfile": base64.b64encode(profile(w)).decode()}
    broken = [
        ("document-json", [], b"{"),
        ("store-id-missing", [], {"ConfigurationProfile": document["ConfigurationProfile"]}),
        ("app-ids-missing", ["--developer"], document),
        ("payload-type", [], {**document, "ConfigurationProfile": base64.b64encode(
            profile(w, payload("com.apple.wifi.managed"))).decode()}),
        ("sso-urls", [], {**document, "ConfigurationProfile": base64.b64encode(
            profile(w, urls=["http://betterbag.com/"])).decode()}),
    ]
    for rule, how, content in broken:
        path = file("broken.json", content)
        status, _, err = postern(w, "esso", "check", path, *how)
        ok(status == 1 and f"{rule}:" in err, f"S-36: the linter names {rule}", (status, err))
        status, _, err = postern(w, "esso", "set", path, *how)
        ok(status == 1 and f"{rule}:" in err, f"S-36: and a document that breaks {rule} is not kept", (status, err))
    status, out, _ = postern(w, "--json", "esso", "check", file("broken.json", {"AppIDs": [], "x": 1}))
    told = [b["rule"] for b in json.loads(out)["broken"]]
    same((status, sorted(told)), (1, ["app-ids-standard", "content-missing", "key-unknown", "store-id-missing"]),
         "S-36: every rule that is broken is named at once")
    ok(w.wire().request("GET", f"{w.url}/esso/better-bag").status == 404, "S-36: nothing of all that is served")
    # what goes round the command meets the same rules
    status, _, err = postern(w, "esso", "set", "--app-store-id", str(STORE_ID), "--declaration",
                             file("nothing.json", {"Type": "com.apple.activation.simple"}))
    ok(status == 1 and "declaration-form:" in err, "S-36: declarations are checked", err)
    status, _, err = postern(w, "esso", "check", good)
    ok(status == 1 and "--profile" in err, "S-36: a profile in a document's place is told from one", err)
    ok(postern(w, "esso", "check", "--app-store-id", str(STORE_ID), "--profile", good)[0] == 0,
       "S-36: a document in order passes, without being set")
    declarations = [
        {"Type": "com.apple.activation.simple", "Identifier": "a", "Payload": {"StandardConfigurations": ["b", "c"]}},
        {"Type": "com.apple.configuration.app.managed", "Identifier": "b", "Payload": {"AppStoreID": str(STORE_ID)}},
        {"Type": "com.apple.configuration.legacy", "Identifier": "c", "Payload": {"ProfileURL": "https://x.example/p"}},
    ]
    files = [x for i, d in enumerate(declarations) for x in ("--declaration", file(f"d{i}.json", d))]
    ok(postern(w, "esso", "check", "--app-store-id", str(STORE_ID), *files)[0] == 0, "S-36: declarations in order pass")


def documents_in_order(w, file):
    good = file("good.mobileconfig", profile(w))
    w.admin("esso", "set", "--app-store-id", str(STORE_ID), "--profile", good, "--associated-domain",
            "authsrv:betterbag.com")
    w.admin("esso", "set", "--developer", "--app-id", APP_ID, "--profile", good)


def documents(w, file):
    ok(w.wire().request("GET", f"{w.url}/esso/better-bag/developer").status == 404,
       "S-36: a document that is not set is not there")
    documents_in_order(w, file)
    for path, key, value in (("", "iTunesStoreID", STORE_ID), ("/developer", "AppIDs", [APP_ID])):
        reply = w.wire().request("GET", f"{w.url}/esso/better-bag{path}")
        ok(reply.status == 200 and reply.media_type == "application/json" and
           json.loads(reply.body)[key] == value, f"S-36: /esso/ORG{path} is the document, as JSON", shown(reply))
        again = w.wire().request("GET", f"{w.url}/esso/better-bag{path}", headers={"If-None-Match": reply.header("ETag")})
        ok(again.status == 304 and not again.body, "S-36: who has it already gets 304", shown(again))
    about = json.loads(w.admin("--json", "esso", "show"))
    same((about["url"], json.loads(about["document"])["iTunesStoreID"]), (f"{w.url}/esso/better-bag", STORE_ID),
         "S-36: esso show tells the URL and the document")
    ok(APP_ID in w.admin("esso", "show", "--developer"), "S-36: and the developer document")


def both(w, reply):
    return is_challenge(reply) and (reply.header(STANDARD), reply.header(DEVELOPER)) == (
        f"{w.url}/esso/better-bag", f"{w.url}/esso/better-bag/developer")


def headers(w, file):
    user, = w.person("wire")
    d = w.independent()
    first = d.begin(user)
    reply = d.post_enroll(d.body)
    ok(both(w, reply), "S-36: the 401 of the enrollment request names both documents", shown(reply))
    reply = d.post_enroll(d.body, token="nonsense")
    ok(both(w, reply), "S-36: so does the 401 for a wrong token", shown(reply))
    ok("Enrollment SSO offered" in w.told(user, "challenged").get("details", ""), "S-36: and the timeline says so",
       w.told(user, "challenged"))
    d.sign_in(first, PASSWORD)
    d.finish()
    for name, reply in (("no bearer", d.report(token=None)), ("a wrong bearer", d.report(token="nonsense")),
                        ("check-in", d.token_update(token="nonsense")), ("GetToken", d.get_token(token="nonsense"))):
        ok(both(w, reply), f"S-36: enrolled, {name}: the 401 names both documents", shown(reply))
    ok(d.report().status == 200 and not d.report().header(STANDARD), "S-36: no other answer does")
    w.admin("esso", "remove", "--developer")
    reply = d.report(token="nonsense")
    ok(reply.header(STANDARD) and not reply.header(DEVELOPER), "S-36: a document that is removed is not named",
       shown(reply))
    w.admin("esso", "set", "--developer", "--app-id", APP_ID, "--profile", file("good.mobileconfig", profile(w)))


class Life:
    """What one device lived through; asserted once all of them are done."""

    def __init__(self, w, kind, suffix):
        family, how, method = kind
        self.kind, self.told = kind, []
        self.how = "--esso-developer" if how == "developer" else "--esso"
        self.phone = SSOPhone(w, f"{family}-{how}-{method}{suffix}@{DOMAIN}".lower(), "--family", family)

    def step(self, good, rule):
        self.told.append((bool(good), f"{', '.join(self.kind)}: {rule}", None if good else
                          self.phone.story() + "\n".join(str(s) for s in self.phone.steps)))
        return good

    def begin(self):
        p, (family, how, method) = self.phone, self.kind
        self.step(p.sign_in_app() == 0, "D-12: the person signs in to the app once")
        if not self.step(p.enroll_by_app(self.how) == 0, "D-12: enrolls by the app"):
            return self
        self.step(p.prompts() == [] and p.did("esso-answer"), "D-12: and nobody is asked")
        document, = p.did("esso-document")
        self.step(document["mode"] == how and document["GET"].endswith("/developer") == (how == "developer"),
                  "D-12: it looked at the header of its mode")
        events = [s["event"] for s in p.steps]
        self.step(events.index("volume-created") < events.index("esso-installed") < events.index("esso-answer") <
                  events.index("enroll-second"), "D-12: the volume, the app and its profile come before the sign-in")
        about = p.about()
        self.step((about["enrollment-sso"], about["method"], about["managed-apps"], about["profiles"]) ==
                  (how, method, 1, 1), f"D-12: app and profile are in the managed volume: {about}")
        p.send("ManagedApplicationList")
        return self

    def renew(self):
        p = self.phone
        self.step(p.poll() == 0 and p.did("esso-renewal") and p.prompts() == [],
                  "D-20: the app signs in again when the server asks, and nobody is asked")
        self.step(p.commands() == ["Acknowledged"], "D-20: and the command that waited is answered")
        self.step(p.row()["state"] == "enrolled", "D-20: the device stays enrolled")
        self.step(p.poll() == 0 and not p.did("esso-renewal"), "D-20: with a token that is good the next time")
        return self

    def end(self):
        p = self.phone
        self.step(p.unenroll() == 0 and p.about()["managed-volume"] == "none", "D-22: app and profile go with the volume")
        left = [n for n in os.listdir(p.state) if os.path.isfile(os.path.join(p.state, n)) and
                PASSWORD.encode() in open(os.path.join(p.state, n), "rb").read()]
        self.step(left == [] and not os.path.exists(os.path.join(p.state, "sso.json")),
                  "DS-22: and the app's session, which was in the volume")
        return self


METHODS = ("apple-oauth2", "apple-as-web")
# Every family in both modes of Enrollment SSO, and each of these with both methods of signing in.
KINDS = [(family, how, METHODS[(i + k) % 2]) for i, family in enumerate(("iPhone", "iPad", "RealityDevice"))
         for k, how in enumerate(("standard", "developer"))]


def devices(w, file):
    """With accounts of the server's own."""
    kinds = KINDS[::3]
    w.person(*("-".join(kind).lower() for kind in kinds))
    live(w, kinds)


def at_provider(w, file):
    """Through the organization's identity provider, whose pages are all that the extension answers for."""
    providers = Providers(w)
    try:
        sso = file("provider.mobileconfig", profile(w, urls=[f"https://localhost:{port}/" for port in
                                                             providers.ports.values()]))
        w.admin("esso", "set", "--app-store-id", str(STORE_ID), "--profile", sso)
        w.admin("esso", "set", "--developer", "--app-id", APP_ID, "--profile", sso)
        for name, kinds in (("generic", KINDS), ("google", KINDS[1:2]), ("entra", KINDS[4:5])):
            id = providers.add(name)
            for kind in kinds:
                providers.person("-".join((*kind, name)).lower())
            live(w, kinds, "-" + name)
            person, = w.listing("user", "show", "-".join((*kinds[0], name)).lower() + "@" + DOMAIN)
            same(person["source"], "provider", f"D-12: {name}: who signed in by the app is the provider's person")
        w.admin("idp", "remove", id)
    finally:
        providers.end()
    documents_in_order(w, file)


def live(w, kinds, suffix=""):
    lives = in_batches(lambda kind: Life(w, kind, suffix).begin(), kinds)
    for life in lives:
        w.admin("token", "revoke", "--user", life.phone.user)
    in_batches(Life.renew, lives)
    in_batches(Life.end, lives)
    for life in lives:
        for good, rule, seen in life.told:
            ok(good, rule, seen)


class Hosted:
    """A file on a web server of the organization's."""

    def __init__(self, w, content):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/x-apple-aspen-config")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(w.data, "tls", "server.pem"), os.path.join(w.data, "tls", "server.key"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"https://localhost:{self.server.server_address[1]}/sso.mobileconfig"


def by_declarations(w, file):
    """OS 18.4: what the document declares is served under the same Identifiers, or the device would drop it."""
    user, older = w.person("declared", "undeclared")
    hosted = Hosted(w, profile(w))
    declarations = [
        {"Type": "com.apple.activation.simple", "Identifier": "sso.act", "Payload": {"StandardConfigurations": ["sso.app", "sso.profile"]}},
        {"Type": "com.apple.configuration.app.managed", "Identifier": "sso.app", "Payload": {"AppStoreID": str(STORE_ID)}},
        {"Type": "com.apple.configuration.legacy", "Identifier": "sso.profile", "Payload": {"ProfileURL": hosted.url}},
    ]
    files = [x for i, d in enumerate(declarations) for x in ("--declaration", file(f"d{i}.json", d))]
    w.admin("esso", "set", "--app-store-id", str(STORE_ID), "--profile", file("good.mobileconfig", profile(w)), *files)
    p = SSOPhone(w, user, "--os", "18.4")
    p.sign_in_app()
    ok(p.enroll_by_app() == 0 and p.prompts() == [], "D-12: enrolls by declarations, and nobody is asked", p.story())
    names = {d["Identifier"] for d in declarations}
    same({d["identifier"]: d["valid"] for d in p.about()["declaration-list"] if d["identifier"] in names},
         dict.fromkeys(names, "valid"), "4.5: after the immediate sync they are all there")
    same((p.about()["enrollment-sso"], p.about()["managed-apps"]), ("standard", 1), "4.5: and the SSO app with them")
    shown_, = w.listing("enrollment", "show", p.row()["id"])
    same({i["name"]: i["state"] for i in shown_["desired"]}, dict.fromkeys(names, "in place"),
         "S-36: the administrator sees them as what the device should have")
    w.admin("token", "revoke", "--user", user)
    ok(p.poll() == 0 and p.did("esso-renewal") and p.prompts() == [], "D-20: the app signs in again", p.story())
    q = SSOPhone(w, older, "--os", "18.3")
    q.sign_in_app()
    ok(q.enroll_by_app() == 0 and q.about()["profiles"] == 1, "4.5: before 18.4 the profile counts", q.story())
    same(w.listing("enrollment", "show", q.row()["id"])[0]["desired"], [], "and nothing is declared")
    w.admin("esso", "remove")
    ok(until(lambda: p.poll() == 0 and p.about().get("managed-apps", 0) == 0, pause=0.3),
       "S-36: with the document its declarations go", p.story())
    same(w.listing("declaration", "list"), [], "from the server, too")
    documents_in_order(w, file)


def others(w, file):
    users = w.person("mac", "macapp", "old", "olderapp", "person", "wrong", "cancel", "uncovered", "idle")
    mac, macapp, old, olderapp, person, wrong, cancel, uncovered, idle = users
    p = Phone(w, mac, "--family", "Mac")
    ok(p.enroll() == 0 and not p.did("esso-document"), "4.5: a Mac passes over the header, and its person signs in",
       p.story())
    p = SSOPhone(w, macapp, "--family", "Mac")
    p.sign_in_app()
    ok(p.enroll_by_app() == 1 and "knows no Enrollment SSO" in p.err, "4.5: on a Mac no app signs in", p.err)
    p = Phone(w, old, "--os", "15.7")
    ok(p.enroll() == 0 and not p.did("esso-document"), "4.5: so does an iPhone before iOS 16", p.story())
    p = SSOPhone(w, olderapp, "--family", "RealityDevice", "--os", "1.1")
    p.sign_in_app()
    ok(p.enroll_by_app() == 1 and "knows no Enrollment SSO" in p.err, "4.5: nor does a Vision Pro before visionOS 2", p.err)

    p = Phone(w, person)
    ok(p.enroll() == 0 and p.did("esso-installed") and p.did("sign-in"),
       "D-12: without a session in the app the person signs in there, once", p.story())
    p = SSOPhone(w, idle)
    ok(p.enroll_by_app() == 1 and "holds no session" in p.err, "D-12: and where nobody is there it ends", p.err)
    ok(p.about()["managed-volume"] == "none", "D-12: with nothing left behind")

    p = SSOPhone(w, wrong)
    p.sign_in_app("not the password")
    ok(p.enroll_by_app() == 1 and p.about()["managed-volume"] == "none",
       "D-12: a session that the server refuses ends the enrollment, and app, profile and volume go", p.story())
    p.sign_in_app()
    ok(p.enroll_by_app() == 0, "D-12: with a good one it enrolls", p.story())
    w.admin("user", "passwd", wrong, "--password-stdin", stdin="another password\n")
    w.admin("token", "revoke", "--user", wrong)
    ok(p.poll() == 1 and p.did("esso-renewal") and p.did("sign-in-needed") and p.about()["sign-in-needed"] and
       p.row()["state"] == "reauth", "D-20: where the app's session is over the person is asked, and the device stays",
       p.story())
    p.sign_in_app("another password")
    ok(p.poll() == 0 and p.prompts() == [] and not p.about()["sign-in-needed"],
       "D-20: signed in to the app again, it answers again", p.story())

    p = SSOPhone(w, cancel)
    p.sign_in_app()
    ok(p.enroll_by_app("--esso", "--account-signin", "refuse") == 1 and p.did("esso-installed") and
       p.did("volume-destroyed") and p.about()["managed-volume"] == "none" and p.about().get("managed-apps") is None,
       "D-12: cancelled later, app, profile and volume go", p.story())

    p = SSOPhone(w, uncovered)
    p.sign_in_app()
    w.admin("esso", "set", "--app-store-id", str(STORE_ID), "--profile",
            file("elsewhere.mobileconfig", profile(w, urls=["https://sso.example.com/"])))
    ok(p.enroll_by_app() == 1 and "does not answer for" in p.err,
       "D-12: an extension whose URLs are not those of the sign-in is never asked", p.err)
    w.admin("esso", "remove")
    status, _, err = postern(w, "esso", "show")
    ok(status == 1 and "has no standard document" in err, "S-36: esso show says what is not there", err)
    ok(p.enroll_by_app() == 1 and "names no SSO app" in p.err, "D-12: standard looks at its own header alone", p.err)
    p.sign_in_app()
    waiting = os.path.join(p.state, "sso.json")
    with open(waiting, "rb") as f:
        ok(PASSWORD.encode() in f.read() and os.stat(f.fileno()).st_mode & 0o77 == 0,
           "until an enrollment brings the app, its session is the person's own file")
    ok(p.enroll_by_app("--esso-developer") == 0 and not os.path.exists(waiting),
       "D-12: developer mode at the other; then the session is the app's", p.story())


def main():
    w = World().open()
    file = Files(w)
    wanted = sys.argv[1:]
    w.rule("*apple-as-web*", "--byod", "--method", "apple-as-web")
    for part in (linter, documents, headers, devices, at_provider, by_declarations, others):
        if not wanted or part.__name__ in wanted or part is documents:
            say(part.__name__)
            part(w, file)
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
