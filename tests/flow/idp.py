"""What the tests of sign-ins through identity providers share: the providers of tests/provider, and a browser that goes
one request at a time."""

import base64
import json
import os
import re
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
import web  # noqa: E402
from postern import DOMAIN  # noqa: E402
from world import PASSWORD  # noqa: E402

TOP = os.path.join(HERE, "..", "..")
SECRET = "a secret of the client, with %+ in it"
FAMILIES = ("iPhone", "iPad", "RealityDevice", "Mac")
TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
OPTIONS = {"generic": ["oidc"], "google": ["google", "--tenant", DOMAIN], "entra": ["entra", "--tenant", TENANT]}


class Providers:
    """tests/provider/provider.mjs, with the certificate of the server under test for localhost."""

    def __init__(self, world):
        subprocess.run([os.path.join(TOP, "tests", "browser", "install")], check=True)
        self.world, self.people = world, {}
        self.file = os.path.join(world.folder, "provider.json")
        self.secret = os.path.join(world.folder, "client-secret")
        self.write()
        with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(SECRET + "\n")
        self.key = os.path.join(world.folder, "client-key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=postern", "-keyout",
                        self.key, "-out", self.key + ".pem"], check=True, stderr=subprocess.DEVNULL)
        with open(self.key + ".pem") as certificate, open(self.key, "a") as key:
            key.write(certificate.read())
        self.curve_keys = [os.path.join(world.folder, f"curve-{n}") for n in (1, 2)]
        for file in self.curve_keys:
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file],
                           check=True, stderr=subprocess.DEVNULL)
        tls = os.path.join(world.data, "tls")
        self.process = subprocess.Popen(
            ["node", os.path.join(TOP, "tests", "provider", "provider.mjs"), os.path.join(tls, "server.pem"),
             os.path.join(tls, "server.key"), self.file, SECRET, f"{world.url}/signin/provider", self.key,
             *self.curve_keys], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
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

    def add(self, kind, *more, client=None):
        """The provider signs people in from now on; its id."""
        for row in self.world.listing("idp", "list"):
            self.world.admin("idp", "remove", row["id"])
        self.world.admin("idp", "add", *OPTIONS[kind], "--issuer", self.issuer(kind), "--client-id",
                         *(client or ("postern", "--client-secret-file", self.secret)), "--cacert", self.world.cacert,
                         *(["--directory", f"https://localhost:{self.ports[kind]}"] if kind == "entra" else []), *more)
        row, = self.world.listing("idp", "list")
        return row["id"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Forger:
    def __init__(self, world):
        tls = os.path.join(world.data, "tls")
        self.process = subprocess.Popen(
            ["node", os.path.join(TOP, "tests", "provider", "forger.mjs"), os.path.join(tls, "server.pem"),
             os.path.join(tls, "server.key"), f"{world.url}/signin/provider"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.issuer = f"https://localhost:{self.process.stdout.readline().strip()}"
        self.wire = world.wire()

    def logout_token(self, how, sub):
        query = urllib.parse.urlencode({"how": how, "sub": sub})
        return self.wire.request("GET", f"{self.issuer}/logout-token?{query}").body.decode()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Visit:
    """A browser on its way through a sign-in, one request at a time, so that what it brings can be another's."""

    def __init__(self, w, user, browser=None):
        self.w, self.user, self.device = w, user, w.independent()
        self.challenge = self.device.begin(user)
        self.browser = browser or web.Browser(self.device.wire)
        begun = self.device.sign_in_url(self.challenge)
        self.attempt = re.search(r"(?:/signin/|attempt=)([^&?]+)", begun)[1]
        self.way = self.hop(begun).header("Location")

    def hop(self, url, cookies=True):
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(self.w.url, url))
        headers = {"Cookie": self.browser._cookie_header(parts)} if cookies else {}
        reply = self.browser.wire.request("GET", parts.geturl(), headers)
        self.browser._keep_cookies(parts, reply)
        return reply

    def ask(self):
        """Sent to the provider, at once where its documents are known; what it was asked."""
        there = self.hop(self.way).header("Location") if self.way.startswith("/") else self.way
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
