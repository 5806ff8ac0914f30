#!/usr/bin/python3
"""The four stages, told by the simulated device against a posternd of its own: every kind of device and way of
signing in, being managed, tokens that end, and every end of an enrollment.
    stages.py [STORY...]     $POSTERN_BUILD names the build folder"""

import json
import os
import subprocess
import sys
import time

import world
import openssl
from postern import CLIENTS, DOMAIN, PASSWORD, Refused, done, ok, same, say

PROGRAM = os.path.join(CLIENTS, "postern-device")
LEAKED = (b"LEAKC7Q2XK91", b"00008140-001E4C8A0C0BEAF1", b"359990011223344", b"A1000099EAC0DE")


class World(world.World):
    def __init__(self):
        super().__init__()
        self.persons = 0
        self.set(mtls_url=f"https://localhost:{self.mtls_port}")
        self.open("--listen-mtls", f"127.0.0.1:{self.mtls_port}")

    def person(self):
        self.persons += 1
        name = f"person{self.persons}@{DOMAIN}"
        self.add_user(name, PASSWORD)
        return name

    def told(self, who):
        try:
            return self.admin("attempt", "show", "--last", who)
        except Refused as e:
            return str(e)


class Phone:
    def __init__(self, world, who=None):
        self.world, self.who = world, who or world.person()
        self.state = os.path.join(world.folder, f"device-{self.who.split('@')[0]}-{time.monotonic_ns()}")
        self.id = None

    def run(self, *args, password=None):
        end = subprocess.run([PROGRAM, *args, "--state", self.state], input=(password or "") + "\n", capture_output=True,
                             text=True, timeout=180, env={**os.environ, "SSL_CERT_FILE": os.devnull})
        self.out, self.err = end.stdout, end.stderr
        if "Sanitizer" in self.err or "runtime error" in self.err:
            ok(False, "no sanitizer complains", self.err)
        return end.returncode

    def enroll(self, *more, password=PASSWORD):
        w = self.world
        options = {"--cacert": w.cacert, "--connect-to": w.connect_to[0], "--device-ca": w.device_ca, "--maid-delay": "0",
                   "--maid-verdict": "check"}
        if key := openssl.made_rsa_key():
            options["--identity-key"] = key
        usual = [word for name, value in options.items() if name not in more for word in (name, value)]
        status = self.run("enroll", self.who, "--password-stdin", *usual, *more, password=password)
        if status == 0:
            self.id = [r["id"] for r in w.listing("enrollment", "list") if self.who in json.dumps(r)][0]
        return status

    def poll(self, *more):
        return self.run("poll", *more)

    def reauth(self, password=PASSWORD):
        return self.run("reauth", "--password-stdin", password=password)

    def status(self):
        self.run("status", "--json")
        return json.loads(self.out)

    def send(self, *command):
        return self.world.admin("command", "send", self.id, *command)

    def commands(self):
        return [r for r in self.world.listing("command", "list", self.id)]

    def row(self):
        return [r for r in self.world.listing("enrollment", "list") if r["id"] == self.id][0]

    @property
    def said(self):
        return self.out + self.err


def kinds(w):
    """Every family, both modes, both methods, both proofs."""
    web = w.person()
    w.admin("rule", "add", "--user", web, "--byod", "--method", "apple-as-web")
    adde = w.person()
    w.admin("rule", "add", "--user", adde, "--adde")
    for title, who, options, method in (
            ("an iPhone with iOS 18.2", None, [], "apple-oauth2"),
            ("an iPad with iPadOS 16.6", None, ["--family", "iPad", "--os", "16.6"], "apple-oauth2"),
            ("an iPhone with iOS 15.7", None, ["--os", "15.7"], "apple-as-web"),
            ("an iPhone with iOS 26.0", None, ["--os", "26.0"], "apple-oauth2"),
            ("a Vision Pro", None, ["--family", "RealityDevice"], "apple-oauth2"),
            ("a Mac", None, ["--family", "Mac"], "apple-oauth2"),
            ("a person whose rule says apple-as-web", web, [], "apple-as-web"),
            ("an iPhone that the organization owns", adde, [], "apple-oauth2")):
        phone = Phone(w, who)
        if not ok(phone.enroll(*options) == 0, f"{title} enrolls through all stages", phone.said + w.told(phone.who)):
            continue
        same(phone.status()["method"], method, f"{title} signs in with {method}")
        phone.send("DeviceInformation")
        ok(phone.poll() == 0 and [c["status"] for c in phone.commands()] == ["Acknowledged"],
           f"{title} answers a command", phone.said)
        if "Mac" in options:
            ok("Ask for commands on the person's channel" in phone.out, "a Mac has a user channel", phone.out)
        ok(phone.run("unenroll") == 0 and phone.row()["state"] == "unenrolled", f"{title} leaves, and the server knows",
           phone.said)
    w.admin("org", "set", "--identity-proof", "mtls")
    phone = Phone(w)
    ok(phone.enroll() == 0 and "TLS client certificate, bearer" in phone.out, "an iPhone proves itself by TLS certificate",
       phone.said + w.told(phone.who))
    w.admin("org", "set", "--identity-proof", "signature")
    ok(phone.poll() == 0, "its proof stays as it was enrolled", phone.said)


def managed(w):
    phone = Phone(w)
    phone.enroll()
    for command in (["SecurityInfo"], ["ProfileList"], ["CertificateList"], ["DeviceLock"], ["ManagedApplicationList"],
                    ["InstallApplication", "iTunesStoreID=361309726", "ManagementFlags=1", "Options.PurchaseMethod=1"]):
        phone.send(*command)
    ok(phone.poll("--not-now") == 0 and {c["status"] for c in phone.commands()} & {"NotNow", "queued"},
       "NotNow keeps commands in the queue", phone.said)
    before = len([c for c in phone.commands() if c["status"] == "Acknowledged"])
    same(before, 0, "S-25: nothing was answered yet")
    ok(phone.poll("--lose-answer", "--count", "2") == 0, "S-25: a reply that gets lost", phone.said)
    ok(phone.poll("--duplicate") == 0, "S-25: answers that come twice", phone.said)
    states = [c["status"] for c in phone.commands()]
    same(states, ["Acknowledged"] * 6, "S-25: every command was answered once")
    same(phone.status()["managed-apps"], 1, "the app is on the device")
    try:
        phone.send("EraseDevice")
        ok(False, "S-32: a forbidden command is refused before it is queued")
    except Refused as e:
        ok("User Enrollment" in str(e), "S-32: a forbidden command is refused before it is queued", e)
    for i in range(12):
        phone.send("InstallApplication", f"iTunesStoreID={i + 1}", "Options.PurchaseMethod=1")
    for _ in range(8):
        p = subprocess.Popen([PROGRAM, "poll", "--state", phone.state, "--quiet"], stderr=subprocess.DEVNULL)
        time.sleep(0.4)
        p.kill()
        p.wait()
    ok(phone.poll() == 0 and phone.status()["managed-apps"] == 13 and
       {c["status"] for c in phone.commands()} == {"Acknowledged"}, "a device that is killed loses no command", phone.said)


def tokens(w):
    phone, mac = Phone(w), Phone(w)
    phone.enroll()
    mac.enroll("--family", "Mac")
    phone.send("DeviceInformation")
    w.time_passes(phone.who, mac.who)
    ok(phone.poll() == 0 and "refresh" in phone.out and phone.commands()[0]["status"] == "Acknowledged",
       "S-28: an expired token is refreshed silently; the queue was kept", phone.said)
    ok(mac.poll() == 0 and mac.out.count("refresh it silently") == 1 and mac.out.index("person's channel") <
       mac.out.index("refresh it silently"), "S-27: a Mac is asked on its user channel only", mac.said)
    w.admin("token", "revoke", "--user", phone.who)
    phone.send("ProfileList")
    ok(phone.poll() == 1 and "sign in again" in phone.err, "S-28: a revoked sign-in asks for the person", phone.said)
    ok(phone.row()["state"] in ("enrolled", "reauth") and phone.status()["state"] == "enrolled", "S-28: the enrollment is kept")
    ok(phone.reauth(password="wrong") == 1, "a wrong password does not help", phone.said)
    ok(phone.reauth() == 0 and {c["status"] for c in phone.commands()} == {"Acknowledged"},
       "S-28: after signing in again the waiting command is delivered", phone.said)
    w.admin("token", "revoke", "--user", phone.who)
    ok(phone.run("unenroll") == 0 and phone.row()["state"] == "unenrolled" and "not heard" not in phone.out,
       "S-29: CheckOut is accepted without a good token", phone.said)


def ends(w):
    for title, options in (("iOS 18.2", []), ("iOS 16.6", ["--os", "16.6"])):
        phone = Phone(w)
        phone.enroll(*options)
        w.admin("enrollment", "evict", phone.id)
        phone.poll()
        ok(phone.status()["state"] == "unenrolled" and phone.row()["state"] == "evicted",
           f"S-26: an evicted device with {title} leaves", phone.said)
    phone = Phone(w)
    ok(phone.enroll("--maid-verdict", "refuse") == 1 and "account: Apple refused" in phone.err and
       "CheckOut" in w.told(phone.who), "S-37: enrolled and gone within seconds", phone.said + w.told(phone.who))
    ok(phone.enroll() == 0, "S-37: and nothing of it is in the way of the next time", phone.said + w.told(phone.who))
    phone.run("restore")
    ok(phone.enroll() == 0, "D-27: a restored device enrolls as a new one", phone.said + w.told(phone.who))
    w.admin("user", "disable", phone.who)
    ok(phone.poll() == 1, "a disabled person's device gets nothing", phone.said)
    w.admin("user", "enable", phone.who)
    ok(phone.poll() == 0 or phone.reauth() == 0, "and is back when the person is", phone.said)
    w.admin("user", "remove", phone.who)
    phone.poll()
    same(phone.status()["state"], "unenrolled", "removing a person evicts their device")


def refusals(w):
    phone = Phone(w)
    ok(phone.enroll(password="wrong") == 1 and "sign-in:" in phone.err, "a wrong password ends at the sign-in", phone.said)
    ok("password" in w.told(phone.who).lower(), "and the timeline says so", w.told(phone.who))
    blocked = w.person()
    w.admin("rule", "add", "--user", blocked, "--refuse", "Ask the help desk.")
    phone = Phone(w, blocked)
    ok(phone.enroll() == 1 and "Ask the help desk." in phone.err, "S-05: a rule refuses in its own words", phone.said)
    phone = Phone(w)
    foreign = os.path.join(w.folder, "foreign-ca")
    subprocess.run([PROGRAM, "ca", "--out", foreign], capture_output=True)
    ok(phone.enroll("--device-ca", foreign) == 1, "S-09: a device of another maker is refused", phone.said)
    phone = Phone(w)
    w.admin("user", "disable", phone.who)
    ok(phone.enroll() == 1, "a disabled person does not enroll", phone.said)


def private(w):
    phone = Phone(w)
    ok(phone.enroll("--leak-identifiers") == 0, "a device that tells too much may enroll", phone.said + w.told(phone.who))
    phone.send("DeviceInformation")
    phone.send("SecurityInfo")
    phone.poll()
    same({v: w.files_with(v) for v in LEAKED}, {v: [] for v in LEAKED}, "S-10: what it told too much is nowhere at rest")
    phone.run("unenroll")
    secret = PASSWORD.encode()
    same(w.files_with(secret), [], "no password is at rest")


def main():
    w = World()
    wanted = sys.argv[1:]
    for story in (kinds, managed, tokens, ends, refusals, private):
        if not wanted or story.__name__ in wanted:
            say(story.__name__)
            story(w)
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
