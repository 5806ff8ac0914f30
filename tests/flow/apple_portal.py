#!/usr/bin/python3
"""postern-apple's portal, and Device Assignment Services (protocol 2.7), asked with Python's own OAuth.
    apple_portal.py     $POSTERN_BUILD names the build folder"""

import base64
import email
import email.utils
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import world  # noqa: F401  first: it finds the others
import openssl
from postern import BUILD, done, ok, same, say
from stand_in import Apple

PROFILE = "/account-driven-enrollment/profile"


def quote(text):
    return urllib.parse.quote(text, safe="")


class Client:
    """A client of Device Assignment Services, as Apple's page has it."""

    def __init__(self, apple, token):
        self.url, self.token = apple.url["assignment"], token
        self.trust = ssl.create_default_context(cafile=apple.file("ca.pem"))
        self.session = None

    def send(self, path, method="GET", body=None, version="3", **headers):
        r = urllib.request.Request(self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                   headers={"X-Server-Protocol-Version": version, **headers})
        try:
            with urllib.request.urlopen(r, context=self.trust) as answer:
                text, self.session = answer.read(), answer.headers["X-ADM-Auth-Session"] or self.session
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def header(self, secrets=None, drop=(), **changed):
        t = {**self.token, **(secrets or {})}
        items = {"oauth_consumer_key": t["consumer_key"], "oauth_token": t["access_token"], "oauth_signature_method": "HMAC-SHA1",
                 "oauth_timestamp": str(int(time.time())), "oauth_nonce": uuid.uuid4().hex, "oauth_version": "1.0", **changed}
        items = {k: v for k, v in items.items() if k not in drop}
        base = "&".join(["GET", quote(self.url + "/session"), quote("&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(items.items())))])
        key = quote(t["consumer_secret"]) + "&" + quote(t["access_secret"])
        items["oauth_signature"] = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()
        return 'OAuth realm="ADM", ' + ", ".join(f'{k}="{quote(v)}"' for k, v in items.items())

    def sign_in(self, header=None, **changed):
        status, answer = self.send("/session", Authorization=header or self.header(**changed))
        if status == 200:
            self.session = answer["auth_session_token"]
        return (status, answer) if status != 200 else 200

    def ask(self, path, method="GET", body=None, **more):
        return self.send(path, method, body, **{"X-ADM-Auth-Session": self.session or "", **more})


def command(apple, *words):
    return subprocess.run([os.path.join(BUILD, "postern-apple"), *words, "--state", apple.folder], capture_output=True, text=True)


def key_pair(folder, name):
    path = os.path.join(folder, name)
    openssl.run(["req", "-x509", "-new", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=" + name, "-keyout", path + ".key", "-out",
                 path + ".pem"])
    return path


def open_token(path, file):
    """The token, by the openssl command and Python's reading of mail."""
    inner = subprocess.run(["openssl", "cms", "-decrypt", "-in", file, "-recip", path + ".pem", "-inkey", path + ".key"],
                           capture_output=True, check=True).stdout
    text = email.message_from_bytes(inner).get_payload()
    begin, end = "-----BEGIN MESSAGE-----", "-----END MESSAGE-----"
    return json.loads(text[text.index(begin) + len(begin):text.index(end)])


def sessions(a, client):
    say("sessions")
    same(client.send("/account"), (401, "UNAUTHORIZED"), "without a session nothing is told")
    refused = [
        ((400, "Missing required authorization parameter"), {"drop": ["oauth_nonce"]}),
        ((400, "Unsupported signature method"), {"oauth_signature_method": "PLAINTEXT"}),
        ((400, "Unsupported oauth parameters"), {"oauth_version": "2.0"}),
        ((401, "Invalid consumer key"), {"secrets": {"consumer_key": "CK_x"}}),
        ((401, "Invalid or expired token"), {"secrets": {"access_token": "AT_x"}}),
        ((401, "Invalid signature"), {"secrets": {"access_secret": "AS_x"}}),
        ((401, "Invalid signature"), {"secrets": {"consumer_secret": "CS_x"}}),
        ((401, "Invalid timestamp"), {"oauth_timestamp": str(int(time.time()) - 600)}),
        ((401, "Invalid timestamp"), {"oauth_timestamp": str(int(time.time()) + 600)}),
    ]
    for expected, how in refused:
        same(client.sign_in(**how), expected, f"{expected[0]} {expected[1]}: {how}")
    same(client.send("/session"), (400, "Missing required authorization parameter"), "400 without any header")
    header = client.header()
    same(client.sign_in(header), 200, "OAuth 1.0a with HMAC-SHA1 begins a session")
    same(client.sign_in(header), (401, "Invalid or used nonce"), "and a nonce does so once")
    same(client.ask("/account", **{"X-ADM-Auth-Session": "x"}), (401, "UNAUTHORIZED"), "a session that is none is refused")


def account(a, client, server_uuid):
    say("AccountDetail")
    status, detail = client.ask("/account")
    same((status, detail["server_uuid"], detail["server_name"], detail["org_type"]), (200, server_uuid, "postern", "org"),
         "the server's own UUID and name are told")
    same([u["http_method"] for u in detail["urls"] if u["uri"] == PROFILE], [["DELETE", "POST", "GET"]],
         "urls has account-driven enrollment, with its methods")
    ok("urls" not in client.ask("/account", version="2")[1], "but not before version 3 of the protocol")
    command(a, "org", "set", "--account-driven-enrollment", "off")
    same([u for u in client.ask("/account")[1]["urls"] if u["uri"] == PROFILE], [], "nor where the organization has it off")
    same([client.ask(PROFILE, m, {"mdm_service_discovery_url": "https://x.example/"} if m == "POST" else None)
          for m in ("POST", "GET", "DELETE")], [(400, "ORG_NOT_SUPPORTED")] * 3, "where all of it is ORG_NOT_SUPPORTED")
    command(a, "org", "set", "--account-driven-enrollment", "on", "--terms", "off")
    same(client.ask("/account"), (403, "T_C_NOT_SIGNED"), "terms that wait for consent stop everything")
    command(a, "org", "set", "--terms", "on")


def profile(a, client):
    say("the discovery URL")
    same(client.ask(PROFILE), (404, "NOT_FOUND"), "404 while none is registered")
    post = lambda body: client.ask(PROFILE, "POST", body)
    same([post({}), post({"mdm_service_discovery_url": ""})], [(400, "MDM_SERVICE_DISCOVERY_URL_REQUIRED")] * 2, "400 without one")
    same([post({"mdm_service_discovery_url": u}) for u in ("http://mdm.example/", "nonsense", "https://")],
         [(400, "MDM_SERVICE_DISCOVERY_URL_NOT_VALID")] * 3, "400 for one that is no https URL")
    url = "https://mdm.example/.well-known/com.apple.remotemanagement"
    same(post({"mdm_service_discovery_url": url}), (200, None), "one is registered")
    status, told = client.ask(PROFILE)
    same((status, told["mdm_service_discovery_url"], told["last_updated_timestamp"][-1]), (200, url, "Z"), "and told with its time")
    same([client.ask(PROFILE, "DELETE")[0], client.ask(PROFILE)[0]], [200, 404], "and removed")
    post({"mdm_service_discovery_url": url})


def renewal(a, client):
    say("renewal")
    a.faults({"service": "assignment", "subject": "/account", "times": 1, "status": 503, "retry_after": 1})
    same(client.ask("/account")[0], 503, "a rule makes it fail")
    same(client.ask("/account")[0], 200, "as often as it says")
    old, before = client.session, client.token
    same(command(a, "server", "token", "postern", "--token-out", a.file("again.p7m")).returncode, 0, "the portal makes a new token")
    same(client.sign_in(), (401, "Invalid consumer key"), "which ends the one before")
    client.token = open_token(a.file("mdm"), a.file("again.p7m"))
    ok(client.token != before and client.sign_in() == 200, "and begins sessions")
    seen = a.ask("/ledger/assignment?limit=1000")[1]
    ok(seen["outcomes"]["ok"] > 5 and seen["outcomes"]["ORG_NOT_SUPPORTED"] == 3, "the ledger has it all", seen["outcomes"])
    ok(client.token["consumer_secret"] not in json.dumps(seen) and old not in json.dumps(seen), "but for secrets")


def restart(kept, a, url):
    """The same folder, another process: sessions are gone, what was registered is not."""
    say("a restart")
    same(a.stop(), (0, ""), "it ends well")
    again = Apple(a.folder, "--rotate-sessions", build=BUILD, init=False)
    client = Client(again, open_token(a.file("mdm"), a.file("again.p7m")))
    same(client.ask("/account", **{"X-ADM-Auth-Session": "x"})[0], 401, "a session of before is none")
    same(client.sign_in(), 200, "the token lives on")
    first = client.session
    same((client.ask(PROFILE)[1]["mdm_service_discovery_url"], client.session != first), (url, True),
         "and so does the URL; sessions rotate where that is wanted")
    same(client.ask("/account", **{"X-ADM-Auth-Session": first})[0], 401, "and the one before is over")
    return again


def main():
    kept = tempfile.TemporaryDirectory(prefix="postern-portal-")
    a = Apple(os.path.join(kept.name, "state"), build=BUILD)
    path = key_pair(a.folder, "mdm")
    made = command(a, "server", "add", "postern", "--certificate", path + ".pem", "--token-out", a.file("token.p7m"))
    server_uuid = made.stdout.split("server_uuid: ")[1].strip()
    same(command(a, "server", "add", "postern", "--certificate", path + ".pem", "--token-out", a.file("x")).returncode, 1,
         "a server's name is taken once")
    client = Client(a, open_token(path, a.file("token.p7m")))
    sessions(a, client)
    account(a, client, server_uuid)
    profile(a, client)
    renewal(a, client)
    a = restart(kept, a, "https://mdm.example/.well-known/com.apple.remotemanagement")
    same(a.stop(), (0, ""), "it ends well")
    kept.cleanup()
    return done()


if __name__ == "__main__":
    sys.exit(main())
