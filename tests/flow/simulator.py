#!/usr/bin/python3
"""The simulated device against a server that shares nothing with posternd (tests/device/server.py): whole stories,
then one misbehaviour of the server after the other.
    simulator.py [STORY...]     $POSTERN_BUILD names the build folder"""

import base64
import glob
import json
import os
import plistlib
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "device"))
import server as mock  # noqa: E402
from server import openssl  # noqa: E402
from tap import done, ok, same, say  # noqa: E402

PROGRAM = os.path.join(os.environ.get("POSTERN_BUILD", "build"), "postern-device")
ENVIRONMENT = {**os.environ, "SSL_CERT_FILE": os.devnull}   # the system's CAs cost more to read than all the rest
LEAKED = ("LEAKC7Q2XK91", "00008140-001E4C8A0C0BEAF1", "359990011223344", "A1000099EAC0DE")


class Phone:
    def __init__(self, world, **options):
        world.count += 1
        self.world, self.options = world, options
        self.state = os.path.join(world.folder, f"device{world.count}")

    def run(self, *args, password=None, more=()):
        done_ = subprocess.run([PROGRAM, *args, "--state", self.state, *more], input=(password or "") + "\n",
                               capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
        self.out, self.err, self.status = done_.stdout, done_.stderr, done_.returncode
        if "Sanitizer" in self.err:
            ok(False, "no sanitizer complains", self.err)
        return self.status

    def enroll(self, *more, password="good password", identifier="ann@example.org"):
        s = self.world.server
        how = ["--password-stdin"] if not {"--signin-command", "--esso", "--esso-developer"} & set(more) else []
        key = [] if "--device-key" in more else ["--device-key", "p256"]    # an RSA key takes its time
        return self.run("enroll", identifier, "--cacert", s.cacert, "--connect-to", s.connect_to(), "--device-ca",
                        self.world.device_ca, "--maid-delay", "0", *key, *how, *more, password=password)

    def poll(self, *more):
        return self.run("poll", *more)

    def reauth(self, password="good password"):
        return self.run("reauth", "--password-stdin", password=password)

    def status_of(self):
        self.run("status", more=["--json"])
        return json.loads(self.out)


class World:
    def __init__(self, folder):
        self.folder, self.count = folder, 0
        self.server = mock.Server(folder)
        self.device_ca = os.path.join(folder, "device-ca")
        subprocess.run([PROGRAM, "ca", "--out", self.device_ca], check=True, capture_output=True)


def command(kind, **keys):
    return {"CommandUUID": str(uuid.uuid4()), "Command": {"RequestType": kind, **keys}}


def told(phone):
    return phone.out + phone.err


def machine_info(world, request):
    return plistlib.loads(openssl.cms_verify(request["body"], ca=os.path.join(world.device_ca, "ca.pem")))


def story_as_web(world):
    s, phone = world.server, Phone(world)
    s.reset(steps=True, hops=1)
    ok(phone.enroll("--device-key", "rsa") == 0, "BYOD with apple-as-web: all four stages", told(phone))
    first = s.log[0]
    same(first["raw"], "/.well-known/com.apple.remotemanagement?user-identifier=ann@example.org&model-family=iPhone",
         "D-02: both items of the query, in order")
    same(s.log[1]["raw"], "/.well-known/com.apple.remotemanagement?moved=1", "D-02: a redirect is followed as it stands")
    posts = s.find("/enroll")
    same([p["raw"] for p in posts], ["/enroll?t=1"] * 2, "BaseURL is used exactly as given")
    ok(posts[0]["body"] == posts[1]["body"] and "Authorization" not in posts[0]["headers"] and
       posts[1]["headers"]["Authorization"].startswith("Bearer "), "D-13: the same body twice, bearer on the second")
    same((posts[0]["headers"]["Content-Type"], posts[0]["headers"]["User-Agent"]),
         ("application/pkcs7-signature", "DeviceManagementClient/1.0"), "D-06: content type and user agent")
    info = machine_info(world, posts[0])
    ok(info["PRODUCT"] and info["VERSION"] and not {"UDID", "SERIAL", "IMEI", "MEID"} & set(info),
       "D-05: MachineInfo is signed by the built-in identity and names no device", info)
    same(s.find("/signin")[0]["raw"], "/signin?user-identifier=ann@example.org", "D-09: the query is replaced")
    ok("Safari" in s.find("/signin")[0]["headers"]["User-Agent"], "the sign-in view is a browser")
    ok("Mdm-Signature" not in s.find("/signin")[0]["headers"], "the sign-in view carries no header of the device")
    kinds = [m["MessageType"] for m in s.checkins()]
    same(kinds, ["Authenticate", "TokenUpdate", "GetToken"], "D-17, D-23: Authenticate, TokenUpdate, then GetToken")
    ok(all("Authorization" in r["headers"] and "Mdm-Signature" in r["headers"] for r in s.find("/checkin")),
       "D-18, D-19: every message is signed and carries the bearer")
    ok(all("EnrollmentID" in m and not {"UDID", "SerialNumber", "IMEI", "MEID"} & set(m) for m in s.checkins()),
       "BYOD messages say EnrollmentID and nothing personal")
    for secret in s.good_tokens | {"good password", s.challenge_password}:
        ok(secret not in told(phone), "no secret is printed")

    s.queue = [command("DeviceInformation", Queries=["OSVersion", "UDID", "SerialNumber", "IMEI", "DeviceName"]),
               command("EraseDevice"), command("InstallApplication", iTunesStoreID=361309726, ManagementFlags=1,
                                               Options={"PurchaseMethod": 1}),
               command("InstallApplication", iTunesStoreID=5), command("ManagedApplicationList"), command("ProfileList"),
               command("SecurityInfo"), command("Settings", Settings=[{"Item": "OrganizationInfo"}, {"Item": "Wallpaper"}]),
               command("NoSuchThing"), {"CommandUUID": "broken", "Command": {}}]
    ok(phone.poll() == 0, "the device asks for commands", told(phone))
    got = {i: r for i, r in enumerate(s.results)}
    same([r["Status"] for r in s.results], ["Acknowledged", "Error", "Acknowledged", "Error"] + ["Acknowledged"] * 4 +
         ["Error", "CommandFormatError"], "D-24: what this mode forbids is answered with Error")
    same(set(got[0]["QueryResponses"]), {"OSVersion", "DeviceName"}, "D-24: forbidden queries are left out")
    ok(got[1]["ErrorChain"][0]["ErrorCode"] == 12007, "D-24: an Error says why", got[1])
    ok("app.361309726" in got[4]["ManagedApplicationList"], "a managed app is listed")
    ok(got[6]["SecurityInfo"]["ManagementStatus"]["IsUserEnrollment"] is True and "PasscodePresent" not in got[6]["SecurityInfo"],
       "D-24: SecurityInfo of a User Enrollment", got[6])
    same([i["Status"] for i in got[7]["Settings"]], ["Acknowledged", "Error"], "D-24: settings are judged one by one")
    same(phone.status_of()["managed-apps"], 1, "the managed app is on the device")

    sealed = open(os.path.join(phone.state, "volume.sealed"), "rb").read()
    ok(b"ServerURL" not in sealed and b"token" not in sealed, "D-15: the managed volume is encrypted")
    ok(all(os.stat(f).st_mode & 0o77 == 0 for f in glob.glob(phone.state + "/*")), "state files are the owner's only")
    ok(phone.run("unenroll") == 0, "D-22: the person unenrolls", told(phone))
    same(len(s.checkins("CheckOut")), 1, "D-22: one CheckOut")
    ok(not os.path.exists(os.path.join(phone.state, "volume.key")) and "can't be opened" in phone.out,
       "D-22: the key of the managed volume is destroyed, and that is shown", phone.out)
    ok(phone.poll() == 1 and "not enrolled" in phone.err, "an unenrolled device is not managed", told(phone))
    before = s.checkins("Authenticate")[0]
    ok(phone.enroll() == 0, "the same device enrolls again", told(phone))
    after = s.checkins("Authenticate")[-1]
    ok(before["EnrollmentID"] != after["EnrollmentID"], "D-17: a new EnrollmentID for each enrollment")
    magics = [m["PushMagic"] for m in s.checkins("TokenUpdate")]
    ok(len(set(magics)) == 2, "a new PushMagic for each enrollment")
    ok(phone.enroll() == 1 and "already" in phone.err, "an enrolled device does not enroll over it", told(phone))
    count = len(s.log)
    ok(phone.run("restore") == 0 and len(s.log) == count, "D-27: a restored device says nothing to the server", told(phone))
    same(phone.status_of()["state"], "unenrolled", "D-27: a backup does not bring the enrollment back")


def story_oauth(world):
    s, phone = world.server, Phone(world)
    s.reset(method="apple-oauth2", signed=True)
    ok(phone.enroll() == 0, "BYOD with apple-oauth2 and a signed profile", told(phone))
    q = s.find("/signin")[0]
    same(list(q["query"]), ["t", "response_type", "client_id", "redirect_uri", "scope", "state", "login_hint"],
         "D-10: the items of the authorization request, the URL's own query kept")
    body = s.find("/token")[0]["body"].decode()
    ok(body.startswith("grant_type=authorization_code&code=") and
       body.endswith("&redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection&client_id=cid"),
       "D-10: the fields of the token request, in order", body)
    ok("Authorization" not in s.find("/token")[0]["headers"], "D-10: a public client")
    s.good_tokens.clear()
    s.queue = [command("ProfileList")]
    ok(phone.poll() == 0 and len(s.results) == 1, "D-20: an expired token is refreshed silently and the request repeated",
       told(phone))
    s.good_tokens.clear()
    ok(phone.poll() == 0, "D-11: the rotated refresh token is the one that is used next", told(phone))
    s.good_tokens.clear()
    s.rules["no-refresh"] = True
    ok(phone.poll() == 1 and "sign in again" in phone.err, "D-20: a refresh that fails asks for the person", told(phone))
    st = phone.status_of()
    ok(st["state"] == "enrolled" and st["sign-in-needed"], "D-20: the device stays enrolled meanwhile", st)
    del s.rules["no-refresh"]
    enrolls = len(s.find("/enroll"))
    s.queue = [command("ProfileList")]
    ok(phone.reauth() == 0 and len(s.results) == 2, "D-20: signing in again brings the waiting command", told(phone))
    same(len(s.find("/enroll")), enrolls, "D-20: no new profile is fetched")
    s.rules["forget-refresh"] = True
    s.good_tokens.clear()
    phone.poll()
    same(phone.status_of()["refresh-token"], "none", "D-11: a refresh answer without refresh_token loses it")
    s.rules["evict"] = True
    ok(phone.poll() == 1 and phone.status_of()["state"] == "unenrolled" and not s.checkins("CheckOut"),
       "D-21: 403 com.apple.unrecognized.device ends the enrollment without CheckOut", told(phone))


def story_mac(world):
    s, phone = world.server, Phone(world)
    s.reset(mode="ADDE", family="Mac", mdm={"SignMessage": False})
    ok(phone.enroll("--family", "Mac") == 0, "ADDE on a Mac with a TLS client certificate", told(phone))
    updates = s.checkins("TokenUpdate")
    ok(len(updates) == 2 and "UserID" not in updates[0] and updates[1]["UserShortName"] == "ann",
       "a Mac has a TokenUpdate for each channel", updates)
    s.queue = [command("DeviceInformation", Queries=["SerialNumber"])]
    ok(phone.poll() == 0, "both channels poll", told(phone))
    for r in s.find("/checkin") + s.find("/command"):
        m = plistlib.loads(r["body"])
        if ("Authorization" in r["headers"]) != ("UserID" in m):
            ok(False, "D-19: a Mac sends a bearer on its user channel only", m)
    ok(all(r["peer"] for r in s.find("/command")), "the identity is the TLS client certificate")
    ok("Mdm-Signature" not in s.find("/command")[0]["headers"], "no Mdm-Signature without SignMessage")
    same(s.results[0]["QueryResponses"], {"SerialNumber": phone.status_of()["serial"]}, "ADDE tells the serial number")
    ok("UDID" in s.checkins("Authenticate")[0], "ADDE is identified by UDID")


def story_mac_users(world):
    """Who of a Mac's users is managed, and by whose channel."""
    s = world.server
    challenge = (200, plistlib.dumps({"DigestChallenge": "Digest realm=x"}), "application/xml")
    cases = [
        ("ADDE", (410,), ["--network-user"], 1, 0, "a user whom the server does not manage (410) has no channel"),
        ("ADDE", challenge, ["--network-user"], 1, 0, "nor one of whom it wants a password of the directory"),
        ("ADDE", (200, plistlib.dumps({"DigestChallenge": ""}), "application/xml"), ["--network-user"], 1, 1,
         "an empty challenge is none"),
        ("ADDE", (410,), [], 0, 1, "a local user is not asked about"),
        ("BYOD", (410,), ["--network-user"], 0, 1, "nor anybody under User Enrollment, which forbids it"),
    ]
    for mode, answer, more, asked, channels, rule in cases:
        s.reset(mode=mode, family="Mac", user=answer)
        phone = Phone(world)
        ok(phone.enroll("--family", "Mac", *more) == 0 and phone.poll() == 0, f"7.5: {mode}: a Mac enrolls", told(phone))
        named = [m for m in s.checkins("TokenUpdate") if {"UserID", "EnrollmentUserID"} & set(m)]
        polls = [r for r in s.find("/command") if b"UserShortName" in r["body"]]
        same((len(s.checkins("UserAuthenticate")), len(named), len(polls)), (asked, channels, channels), f"D-17: {mode}: {rule}")
        ok(all(r["headers"]["Authorization"] for r in s.find("/checkin") if b"UserAuthenticate" in r["body"]),
           "D-19: the question is the user channel's, with the token")
    s.reset(mode="ADDE", family="Mac", mdm={"ServerCapabilities": ["com.apple.mdm.token", "com.apple.mdm.bootstraptoken"]})
    phone = Phone(world)
    ok(phone.enroll("--family", "Mac") == 0 and phone.poll() == 0, "ADDE: a Mac without per-user-connections", told(phone))
    same([m["MessageType"] for m in s.checkins()], ["Authenticate", "TokenUpdate", "SetBootstrapToken", "GetBootstrapToken", "GetToken"],
         "D-17: has no user channel, and gives its bootstrap token into keeping")
    ok(not any("Authorization" in r["headers"] for r in s.find("/checkin") + s.find("/command")),
       "D-19: so it never sends a token")


def story_answers(world):
    s, phone = world.server, Phone(world)
    s.reset()
    phone.enroll()
    s.queue = [command("ProfileList"), command("SecurityInfo")]
    ok(phone.poll("--not-now") == 0 and {r["Status"] for r in s.results} == {"NotNow"} and len(s.queue) == 2,
       "D-25: NotNow mode", told(phone))
    s.results.clear()
    ok(phone.poll("--count", "1") == 0 and len(s.results) == 1, "--count ends after so many answers", told(phone))
    s.results.clear()
    ok(phone.poll("--duplicate") == 0 and len(s.results) == 2 and s.results[0] == s.results[1], "D-25: duplicate answers")
    s.results.clear()
    s.queue = [command("InstallProfile", Payload=plistlib.dumps({"PayloadIdentifier": "a", "PayloadContent": []}))]
    s.rules["drop"] = 9
    ok(phone.poll() == 1 and phone.status_of()["unconfirmed-answer"], "D-25: an answer without 2xx is kept", told(phone))
    s.rules["drop"], before = 0, s.results[0]
    s.results.clear()
    ok(phone.poll() == 0 and s.results == [before], "D-25: it is sent again, the same, before anything else", told(phone))
    s.queue = [command("RemoveProfile", Identifier="org.example.enroll")]
    ok(phone.poll() == 0 and phone.status_of()["state"] == "unenrolled" and len(s.checkins("CheckOut")) == 1,
       "RemoveProfile of the enrollment profile is acknowledged, then the enrollment ends", told(phone))
    phone = Phone(world)
    s.reset()
    phone.enroll()
    old = s.certificates[0]
    for change, rule in ((dict(ServerURL="https://mdm.example.org/other"), "ServerURL"), (dict(AccessRights=8191), "AccessRights"),
                         (dict(AssignedManagedAppleID="eve@example.org"), "AssignedManagedAppleID"),
                         (dict(ServerCapabilities=["com.apple.mdm.token"]), "per-user-connections"),
                         (dict(CheckInURL=None), "CheckInURL")):
        s.queue = [command("InstallProfile", Payload=s.profile(**change))]
        phone.poll()
        ok(s.results[-1]["Status"] == "Error", f"D-28: a replacement that changes {rule} is rejected", s.results[-1])
    s.queue = [command("InstallProfile", Payload=s.profile()), command("ProfileList")]
    ok(phone.poll() == 0 and s.results[-2]["Status"] == "Acknowledged" and len(s.certificates) == 2 and s.certificates[1] != old,
       "a renewed enrollment profile brings a new identity", told(phone))


SSO = {"X_Apple_MDM_ESSO": f"https://{mock.HOST}/esso"}
SSO_DEVELOPER = {"X_Apple_MDM_ESSO_Developer": f"https://{mock.HOST}/esso/developer"}


def sso_payload(kind, **keys):
    return {"PayloadType": kind, "PayloadVersion": 1, "PayloadUUID": str(uuid.uuid4()), "PayloadIdentifier": kind, **keys}


def sso_document(*more, url=f"https://{mock.HOST}/signin", **keys):
    profile = sso_payload("Configuration", PayloadContent=[sso_payload(
        "com.apple.extensiblesso", ExtensionIdentifier="org.example.sso.x", Type="Redirect", URLs=[url]), *more])
    return (200, json.dumps({"ConfigurationProfile": base64.b64encode(plistlib.dumps(profile)).decode(), **keys}),
            "application/json")


def esso_refusals():
    """(rules, stage, words, rule) of documents that end an enrollment, as refusals() has them."""
    faults = [
        ((404,), "15003", "a status other than 200 is error 15003"),
        (lambda h, r: setattr(h, "close_connection", True), "15026", "a request without an answer is error 15026"),
        ((200, "{}", "text/html"), "15027", "another media type is error 15027"),
        ((200, "{", "application/json"), "15027", "what is no JSON is error 15027"),
        ((200, "[]", "application/json"), "15027", "what is no object is error 15027"),
        (sso_document(), "iTunesStoreID", "a standard document without iTunesStoreID"),
        (sso_document(iTunesStoreID=7, AppIDs=["ABCDE12345.org.x"]), "AppIDs", "a standard document with AppIDs"),
        (sso_document(sso_payload("com.apple.wifi.managed"), iTunesStoreID=7), "com.apple.wifi.managed", "another payload"),
        ((200, '{"iTunesStoreID": 7}', "application/json"), "ConfigurationProfile", "a document without a profile"),
    ]
    cases = [({"headers": SSO, "fault": {"/esso": fault}}, "sso", words, f"D-12: {rule}")
             for fault, words, rule in faults]
    for url in ("http://mdm.example.org/esso", "esso", "https://"):
        cases.append(({"headers": {"X_Apple_MDM_ESSO": url}}, "sso", "15003", f"D-12: the URL {url!r} is error 15003"))
    return cases


def story_esso(world):
    s = world.server
    standard, developer = sso_document(iTunesStoreID=7), sso_document(AppIDs=["ABCDE12345.org.example.sso"])
    for how, family, os_, document, headers, path in (
            ("--esso", "iPhone", "18.2", standard, {**SSO, **SSO_DEVELOPER}, "/esso"),
            ("--esso-developer", "RealityDevice", "2.2", developer, {**SSO, **SSO_DEVELOPER}, "/esso/developer"),
            ("--esso", "iPad", "16.6", standard, SSO, "/esso")):
        s.reset(headers=headers, fault={path: document})
        phone = Phone(world)
        ok(phone.run("sso", "signin", "ann@example.org", "--password-stdin", password="good password") == 0,
           "D-12: the app is given a session", told(phone))
        ok(phone.enroll(how, "--family", family, "--os", os_) == 0, f"D-12: {family} {os_} {how} enrolls", told(phone))
        same([r["path"] for r in s.log if "/esso" in r["path"]], [path], "D-12: each mode asks for its own document, once")
        r, = s.find(path)
        ok(r["method"] == "GET" and "Authorization" not in r["headers"] and
           r["headers"]["User-Agent"] == "DeviceManagementClient/1.0", "D-12: with a plain GET")
        ok(s.paths().index("GET " + path) < s.paths().index("GET /signin"), "D-12: before anybody signs in")
        same(phone.status_of()["managed-apps"], 1, "D-12: the app is managed")
        s.good_tokens.clear()
        n = len(s.find("/signin"))
        ok(phone.poll() == 0 and len(s.find("/signin")) == n + 1 and "Sign in as" not in phone.out,
           "D-20: a renewal is answered by the app, and nobody is asked", told(phone))
        phone.run("sso", "signout")
        s.good_tokens.clear()
        ok(phone.poll() == 1 and "sign in again" in phone.err and phone.status_of()["sign-in-needed"],
           "D-20: without a session the person is asked", told(phone))
        ok(phone.reauth() == 0 and phone.poll() == 0, "D-20: and signs in", told(phone))
    s.reset(headers=SSO, fault={"/esso": (500,)}, family="Mac", mode="ADDE", mdm={"EnrollmentMode": "ADDE", "AccessRights": 8191})
    phone = Phone(world)
    ok(phone.enroll("--family", "Mac") == 0 and not s.find("/esso"), "4.5: a Mac passes over the header", told(phone))
    s.reset(headers=SSO, fault={"/esso": (500,)})
    phone = Phone(world)
    ok(phone.enroll("--os", "15.7") == 0 and not s.find("/esso"), "4.5: an iPhone before iOS 16, too", told(phone))


def refusals(world):
    s, as_web = world.server, "apple-as-web"
    plain = lambda status: {"fault": {"/.well-known/com.apple.remotemanagement": status}}
    doc = lambda text, kind="application/json": plain((200, text, kind))
    cases = [
        (plain((404,)), "discovery", "404", "D-03: a status other than 200"),
        (doc('{"Servers":[]}'), "discovery", "no server", "D-03: no server"),
        (doc('{"Servers":[]}', "text/html"), "discovery", "media type", "D-03: another media type"),
        (plain((403, '{"code":"com.apple.well-known.failed","message":"Not you."}', "application/json")), "discovery",
         "Not you.", "2.5: the message of a 403 is shown"),
        ({"first": 200}, "authentication", "200 instead of 401", "D-07: a first answer other than 401"),
        ({"challenge": 'Bearer realm="x"'}, "authentication", "method", "D-08: an unusable challenge"),
        ({"second": 401}, "profile", "401", "D-07: a second 401"),
        ({"fault": {"/signin": (500, "<h1 role=alert>Broken</h1>", "text/html")}}, "sign-in", "Broken", "D-09: an error page ends it"),
        ({"csp": "form-action 'self'"}, "sign-in", "form-action", "a browser blocks what form-action does not name"),
        ({"method": "apple-oauth2", "state": "other"}, "sign-in", "state", "D-10: another state"),
        ({"fault": {"/token": (400, "{}", "application/json")}, "method": "apple-oauth2"}, "sign-in", "400", "D-10: no token"),
        ({"mdm": {"EnrollmentMode": "ADDE"}}, "enrollment", "EnrollmentMode", "D-14: the wrong EnrollmentMode"),
        ({"mdm": {"EnrollmentMode": None}}, "enrollment", "EnrollmentMode", "D-14: no EnrollmentMode"),
        ({"mdm": {"AssignedManagedAppleID": None}}, "enrollment", "AssignedManagedAppleID", "D-14: no AssignedManagedAppleID"),
        ({"mdm": {"AssignedManagedAppleID": ""}}, "enrollment", "AssignedManagedAppleID", "D-14: an empty AssignedManagedAppleID"),
        ({"mdm": {"AccessRights": 8191}}, "enrollment", "AccessRights", "D-14: AccessRights with BYOD"),
        ({"scep-refuse": True}, "enrollment", "badRequest", "D-16: the CA refuses"),
        ({"pending": 9}, "enrollment", "pending", "D-16: for ever pending"),
        ({"fault": {"/checkin": (500,)}}, "enrollment", "500", "D-17: Authenticate fails"),
        *esso_refusals(),
    ]
    phone = Phone(world)
    for rules, stage, words, rule in cases:
        s.reset(**rules)
        ok(phone.enroll() == 1 and f"postern-device: {stage}" in phone.err and words in phone.err and
           not os.path.exists(os.path.join(phone.state, "volume.key")), f"{rule} ends the enrollment, the stage named, nothing left",
           told(phone))
    s.reset()
    ok(phone.enroll(password="bad") == 1 and "Wrong password" in phone.err, "a wrong password is said in the page's words", phone.err)
    ok(len(s.find("/signin/done")) == 1, "a password is tried once")
    s.reset()
    ok(phone.enroll("--account-signin", "refuse") == 1 and "volume-created" not in phone.err and not s.find("/scep"),
       "D-15: a failed Managed Apple Account sign-in cancels before anything is installed", told(phone))
    s.reset()
    ok(phone.enroll("--maid-verdict", "refuse") == 1 and len(s.checkins("CheckOut")) == 1,
       "D-23: a refusal by Apple unenrolls, with CheckOut", told(phone))
    s.reset(maid=b"junk")
    ok(phone.enroll("--maid-verdict", "check") == 1 and "JWS" in phone.err, "D-23: Apple refuses a bad token", told(phone))
    s.reset(mute=1)
    phone = Phone(world)
    ok(phone.enroll("--maid-verdict", "check") == 0 and len(s.checkins("GetToken")) == 2 and "unfinished" not in told(phone),
       "D-23: a GetToken without answer is sent again", told(phone))
    s.reset(mute=3)
    phone = Phone(world)
    ok(phone.enroll("--maid-verdict", "check") == 0 and phone.status_of()["state"] == "enrolled" and not s.checkins("CheckOut"),
       "D-23: without any answer the device keeps the enrollment that the server counts", told(phone))
    ok(phone.poll() == 0 and len(s.checkins("GetToken")) == 4 and phone.poll() == 0 and len(s.checkins("GetToken")) == 4,
       "D-23: and asks once more at the next poll", told(phone))
    s.reset(mute=3, maid=b"no.token")
    phone = Phone(world)
    phone.enroll("--maid-verdict", "check")
    ok(phone.poll() == 1 and "refused" in phone.err and len(s.checkins("CheckOut")) == 1 and phone.poll() == 1 and
       "not enrolled" in phone.err,
       "D-23: Apple's no may come as late as that", told(phone))
    s.reset(pending=2)
    ok(phone.enroll() == 0, "D-16: PENDING is asked again", told(phone))


def more(world):
    s = world.server
    for caps, by in (("SHA-1\n", "GET"), ("POSTPKIOperation\nSHA-256\nAES\n", "POST")):
        s.reset(caps=caps)
        phone = Phone(world)
        ok(phone.enroll() == 0 and s.find("/scep")[-1]["method"] == by, f"D-16: SCEP by {by}, algorithms as offered", told(phone))
    for os_, family, kind in (("15.7", "iPhone", "application/x-www-form-urlencoded"), ("16.6", "iPad", "application/pkcs7-signature")):
        s.reset()
        phone = Phone(world)
        phone.enroll("--os", os_, "--family", family)
        info = machine_info(world, s.find("/enroll")[0])
        ok(s.find("/enroll")[0]["headers"]["Content-Type"] == kind and "OS_VERSION" not in info,
           f"D-06: {family} {os_}: content type; no OS_VERSION before 17", info)
        ok(not s.checkins("GetToken"), "D-23: no GetToken before iOS 17")
    for os_, asks in (("18.2", 1), ("18.1", 0)):
        seen = []
        s.reset(fault={"/.well-known/com.apple.remotemanagement": lambda h, r: (
            seen.append(r["headers"]["Host"]), h.answer(500) if "fallback" not in r["headers"]["Host"] else h.on_discovery(r))[0]})
        phone = Phone(world)
        status = phone.enroll("--os", os_, "--fallback-url", "https://fallback.example.org")
        same((len([x for x in seen if "fallback" in x]), status), (asks, 1 - asks), f"D-04: iOS {os_} asks the fallback {asks} times")
    s.reset()
    phone = Phone(world)
    ok(phone.enroll("--leak-identifiers") == 0, "a device that leaks enrolls", told(phone))
    s.queue = [command("DeviceInformation", Queries=["OSVersion"])]
    phone.poll()
    sent = [machine_info(world, s.find("/enroll")[0])] + s.checkins() + s.results
    ok(all(any(v in str(m) for v in LEAKED) for m in sent) and all(v in phone.out or True for v in LEAKED),
       "--leak-identifiers leaks everywhere")
    script = os.path.join(world.folder, "signin")
    with open(script, "w") as f:
        f.write("#!/bin/sh\necho visiting \"$1\"\necho 'apple-remotemanagement-user-login://authentication-results?access-token=scripted'\n")
    os.chmod(script, 0o700)
    s.reset()
    s.good_tokens.add("scripted")
    ok(Phone(world).enroll("--signin-command", script) == 0, "--signin-command signs in instead")
    # killed at any moment, the device goes on from what is on disk
    s.reset()
    phone = Phone(world)
    phone.enroll()
    s.queue = [command("InstallApplication", Identifier=f"org.x.a{i}", InstallAsManaged=True) for i in range(30)]
    for _ in range(12):
        p = subprocess.Popen([PROGRAM, "poll", "--state", phone.state, "--quiet"], stderr=subprocess.DEVNULL)
        time.sleep(0.15)
        p.kill()
        p.wait()
    ok(phone.poll() == 0 and not s.queue and phone.status_of()["managed-apps"] == 30,
       "kill -9 loses no command and no answer", told(phone))
    first = {}
    for r in s.results:
        first.setdefault(r["CommandUUID"], r)
    ok(all(r == first[r["CommandUUID"]] for r in s.results), "an answer that comes again is the same")
    ok(phone.run("enroll", "x") == 2, "wrong usage is status 2")
    ok(phone.run("poll", "--json") == 0 and all(json.loads(line) for line in phone.out.splitlines()), "--json is one object a line", phone.out)


def main():
    with tempfile.TemporaryDirectory(prefix="device-") as folder:
        world = World(folder)
        wanted = sys.argv[1:]
        for story in (story_as_web, story_oauth, story_mac, story_mac_users, story_answers, story_esso, refusals, more):
            if not wanted or story.__name__ in wanted:
                say(story.__name__)
                story(world)
    return done()


if __name__ == "__main__":
    sys.exit(main())
