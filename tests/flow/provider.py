#!/usr/bin/python3
"""People sign in at their organization's identity provider: oidc-provider, configured as a generic one, as Google's and
as Entra ID. Every family and both methods; who is let in, and who is not; and what a sign-in is told when the provider
says no, is broken or is not there."""

import json
import os
import subprocess
import sys

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


def main():
    w = World().open()
    providers = Providers(w)
    try:
        kinds(w, providers)
    finally:
        providers.end()
    ok(SECRET not in w.log and "eyJ" not in w.log, "no secret and no token is in the log")
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
