#!/usr/bin/python3
"""postern-apple by itself: what Apple's page says of a push and of Apps and Books (protocol 11, 13), asked with curl.
    apple.py     $POSTERN_BUILD names the build folder"""

import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import world  # noqa: F401  first: it finds the others
import openssl
from postern import BUILD, done, ok, same, say, until
from stand_in import Apple

TOKEN = "aa" * 32


class Push:
    """curl with the push certificate."""

    def __init__(self, apple):
        self.apple = apple
        self.certificate = ["--cert", apple.file("push.pem"), "--key", apple.file("push.key")]

    def __call__(self, token=TOKEN, body='{"mdm":"magic"}', *more, version="--http2", path="/3/device/", certificate=None):
        """Status and reason; None: no connection came about."""
        given = self.certificate if certificate is None else certificate
        out = subprocess.run(["curl", "-s", version, "--cacert", self.apple.file("ca.pem"), *given, "-w", "\n%{http_code}", "-d",
                              body, *more, self.apple.url["apns"] + path + token], capture_output=True, text=True)
        text, status = out.stdout.rsplit("\n", 1)
        return (int(status), json.loads(text)["reason"] if text else None) if out.returncode == 0 else None


def pushes(push, a):
    say("pushes")
    same(push(), (200, None), "a push without any header is accepted: the certificate has the topic")
    same(push(TOKEN, '{"mdm":"m"}', "-H", f"apns-topic: {a.topic}", "-H", "apns-push-type: mdm", "-H", "apns-priority: 10", "-H",
              "apns-expiration: 0"), (200, None), "and one with all of them")
    refused = [
        ((400, "BadDeviceToken"), ["AA" * 32], {}), ((400, "BadDeviceToken"), ["aab"], {}),
        ((400, "MissingDeviceToken"), [""], {}), ((404, "BadPath"), [], {"path": "/4/device/"}),
        ((405, "MethodNotAllowed"), [TOKEN, "{}", "-X", "PUT"], {}),
        ((400, "PayloadEmpty"), [TOKEN, ""], {}), ((400, "BadPayload"), [TOKEN, '{"mdm":"m","aps":{}}'], {}),
        ((413, "PayloadTooLarge"), [TOKEN, json.dumps({"mdm": "m" * 5000})], {}),
        ((400, "TopicDisallowed"), [TOKEN, '{"mdm":"m"}', "-H", "apns-topic: com.apple.mgmt.other"], {}),
        ((400, "InvalidPushType"), [TOKEN, '{"mdm":"m"}', "-H", "apns-push-type: alert"], {}),
        ((400, "BadPriority"), [TOKEN, '{"mdm":"m"}', "-H", "apns-priority: 7"], {}),
        ((400, "BadExpirationDate"), [TOKEN, '{"mdm":"m"}', "-H", "apns-expiration: soon"], {}),
        ((400, "BadMessageId"), [TOKEN, '{"mdm":"m"}', "-H", "apns-id: 1"], {}),
    ]
    for expected, args, more in refused:
        same(push(*args, **more), expected, f"{expected[0]} {expected[1]}")
    same(push(version="--http1.1"), None, "HTTP/1.1 is not spoken")
    same(push(certificate=[]), None, "nor with who has no certificate")
    stranger = os.path.join(a.folder, "stranger")
    openssl.run(["req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj",
                 f"/UID={a.topic}/CN=x", "-keyout", stranger + ".key", "-out", stranger + ".pem"])
    same(push(certificate=["--cert", stranger + ".pem", "--key", stranger + ".key"]), None, "or another CA's")


def waiting(push, a):
    say("devices that wait")
    same(a.ask(f"/devices/{TOKEN}/wait"), (200, {"token": TOKEN, "mdm": "m"}), "of two pushes the last one is handed on")
    same(a.ask(f"/devices/{TOKEN}/wait?seconds=0"), (204, None), "once")
    same(a.ask("/devices/xyz/wait")[0], 400, "what is no token is refused")
    same(a.tokens()[TOKEN]["coalesced"], 1, "the ledger has it")


def faults(push, a):
    say("faults")
    same(a.ask("/faults", "PUT", [{"evry": 3}])[0], 400, "a rule that is misspelt is refused")
    a.faults({"service": "apns", "times": 1, "status": 503, "retry_after": 2}, {"service": "apns", "after": 1, "times": 1, "then": "drop"},
             {"subject": "bb", "status": 410, "body": {"reason": "Unregistered", "timestamp": 5}})
    same(push(), (503, None), "a status that a rule wants")
    lost = a.tokens()[TOKEN]["answers_lost"]
    push()
    ok(until(lambda: a.tokens()[TOKEN]["answers_lost"] == lost + 1, pause=0.1), "a dropped connection loses the answer", a.tokens())
    same([push("bb"), push("bb")], [(410, "Unregistered")] * 2, "a token that is gone stays so")
    same(a.tokens()["bb"]["after_gone"], 1, "and who tries again is counted")
    a.faults()
    with urllib.request.urlopen(a.url["http"] + "/") as page:
        ok(b'<td class="n">' in page.read(), "there is a page for people")


class Books:
    def __init__(self, apple):
        self.url = apple.url["books"]
        self.trust = ssl.create_default_context(cafile=apple.file("ca.pem"))
        with open(apple.file("apps-and-books.token")) as f:
            self.token = f.read()

    def __call__(self, path, body=None, token=None):
        r = urllib.request.Request(self.url + path, data=None if body is None else json.dumps(body).encode(),
                                   headers={"Authorization": "Bearer " + (token or self.token)})
        try:
            with urllib.request.urlopen(r, context=self.trust) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as e:
            return json.loads(e.read())["errorNumber"]

    def event(self, path, body):
        started = self(path, body)
        return until(lambda: (lambda s: s if s["eventStatus"] != "PENDING" else None)(
            self("/v2/status?eventId=" + started["eventId"])), pause=0.05)


def books(ask):
    say("Apps and Books")
    same(ask("/v2/service/config", token="nobody's"), 9622, "a token that is not this one's is refused")
    same(ask("/v2/service/config")["limits"]["maxUsers"], 100, "limits are told")
    same(ask("/v2/nonsense"), 9726, "9726 for what there is not")
    first, second = ask("/v2/assets"), ask("/v2/assets?pageIndex=1")
    same((len(first["assets"]), first["nextPageIndex"], len(second["assets"]), second.get("nextPageIndex")), (50, 1, 10, None),
         "assets come in pages")
    people = [f"u{i}" for i in range(3)]
    give = lambda who, app: ("/v2/assets/associate", {"assets": [{"adamId": app, "pricingParam": "STDQ"}], "clientUserIds": who})
    same(ask(*give(people, "1")), 9609, "9609 for people that nobody told of")
    same(ask("/v2/users/create", {"users": [{"clientUserId": str(i)} for i in range(101)]}), 9602, "more than the limits say is refused")
    same(ask.event("/v2/users/create", {"users": [{"clientUserId": u, "managedAppleId": u + "@x"} for u in people]})["eventStatus"],
         "COMPLETE", "people are made by an event")
    same([u["status"] for u in ask("/v2/users")["users"]], ["Associated"] * 3, "and with a Managed Apple Account need no invitation")
    same(ask(*give(people, "1")), 9709, "9709 where there are not enough licences")
    same(ask.event(*give(people[:2], "1"))["eventStatus"], "COMPLETE", "licences are given by an event")
    again = ask.event(*give(people[:1], "2")) and ask.event(*give(people[:1], "3")) and ask.event(
        "/v2/assets/disassociate", {"assets": [{"adamId": "2"}], "clientUserIds": people[:1]})
    same(again["numCompleted"], 1, "and taken back by one")
    same(ask("/v2/assets?adamId=1")["assets"][0]["availableCount"], 0, "the counts follow")
    ask.event("/v2/assets/revoke", {"clientUserIds": people[:1]})
    same([(x["adamId"], x["clientUserId"]) for x in ask("/v2/assignments")["assignments"]], [("1", "u1")], "revoke takes all back")


def invitations(ask, a):
    say("invitations")
    portal = lambda *args: subprocess.run([os.path.join(BUILD, "postern-apple"), *args, "--state", a.folder], check=True, capture_output=True)
    portal("domain", "add", "betterbag.com")
    for name, kind in (("anna", "federated"), ("hand", "manual"), ("own", "personal"), ("shut", "locked")):
        portal("account", "add", f"{name}@betterbag.com", "--kind", kind)
    ask.event("/v2/users/create", {"users": [{"clientUserId": c} for c in ("i1", "i2")] + [{"clientUserId": "odd", "inviteCode": 7}]})
    codes = {u["clientUserId"]: u["inviteCode"] for u in ask("/v2/users")["users"]}
    status = lambda u: [(x["status"], x.get("managedAppleId")) for x in ask("/v2/users")["users"] if x["clientUserId"] == u][0]

    def accept(code, account):
        r = urllib.request.Request(a.url["devices"] + "/apps-and-books/invitation", data=json.dumps({"inviteCode": code, "account": account}).encode())
        try:
            with urllib.request.urlopen(r, context=ask.trust) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as e:
            text = e.read().decode()
            return e.code, json.loads(text).get("sentence", "") if e.code == 403 else ""
    same(status("i1"), ("Registered", None), "who was told without a Managed Apple Account is invited")
    for account, why in (("own@betterbag.com", "personal Apple Account"), ("shut@betterbag.com", "locked"),
                         ("none@betterbag.com", "no such"), ("ann@icloud.example", "no such")):
        got = accept(codes["i1"], account)
        ok(got[0] == 403 and why in got[1], f"DS-07: {account} can't accept an invitation", str(got))
    same((accept("no-such-code", "anna@betterbag.com")[0], accept(7, "anna@betterbag.com")[0]), (404, 400), "nor one that there is not")
    same(accept(codes["i1"], "anna@betterbag.com")[0], 200, "DS-07, DS-16: a federated Managed Apple Account can")
    same((status("i1"), status("i2")), (("Associated", "anna@betterbag.com"), ("Registered", None)), "DS-07: and is associated, nobody else")
    same(accept(codes["i1"], "hand@betterbag.com")[0], 404, "once")
    same(accept(codes["i2"], "hand@betterbag.com")[0], 200, "DS-07: so can one that was made in the portal")


def main():
    kept = tempfile.TemporaryDirectory(prefix="postern-apple-")
    folder = kept.name
    assets = os.path.join(folder, "assets.json")
    with open(assets, "w") as f:
        json.dump([{"adamId": str(i), "totalCount": 2} for i in range(1, 61)], f)
    a = Apple(os.path.join(folder, "state"), "--assets", assets, "--event-ms", "50", build=BUILD)
    push = Push(a)
    pushes(push, a)
    waiting(push, a)
    faults(push, a)
    books(Books(a))
    invitations(Books(a), a)
    again = subprocess.run([os.path.join(BUILD, "postern-apple"), "init", "--state", a.folder], capture_output=True, text=True)
    ok(again.returncode == 1 and "exists" in again.stderr, "init never overwrites", again.stderr)
    same(a.stop(), (0, ""), "it ends well")
    kept.cleanup()
    return done()


if __name__ == "__main__":
    sys.exit(main())
