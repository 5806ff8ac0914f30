#!/usr/bin/python3
"""Data separation: the managed account and the person's side by side on devices of every family, what passes between
them, how it ends, and what somebody who has the disk then can read."""

import json
import os
import plistlib
import shutil
import ssl
import subprocess
import sys
import urllib.request
import uuid

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "separation")]
import world  # first: it finds the others
from disk import Disk, decrypt
from postern import CLIENTS, DOMAIN, done, ok, same, say, until
from stand_in import Apple
from world import Phone, World, in_batches

WORK, OWN, BEFORE = "com.example.work", "org.example.own", "org.example.before"
STORE = [{"adamId": "7", "bundleId": WORK}, {"adamId": "9", "bundleId": BEFORE}]
STAGES = ["discovery", "authentication", "sign-in", "profile", "enrollment", "account"]
KINDS = ("calendar", "contacts", "drive", "mail", "notes", "reminders")
NOT_APART = {"old": "iOS 16.6: Reminders app", "older": "iPadOS 16.0: Calendar app, Reminders app"}
# name: (family, version, rule, kinds of the managed account that this system does not keep apart)
DEVICES = {
    "byod": ("iPhone", "18.2", "--byod", {"contacts"}),
    "adde": ("iPhone", "18.2", "--adde", {"contacts"}),
    "old": ("iPhone", "16.6", "--byod", {"contacts", "reminders"}),
    "older": ("iPad", "16.0", "--byod", {"calendar", "contacts", "reminders"}),
    "mac": ("Mac", "15.2", "--byod", {"contacts"}),
    "vision": ("RealityDevice", "2.2", "--byod", {"contacts"}),
}


def store(w):
    path = os.path.join(w.folder, "store.json")
    if not os.path.exists(path):
        with open(path, "w") as f:
            json.dump(STORE, f)
    return path


class Device(Phone):
    def __init__(self, w, name):
        self.family, self.version, self.rule, self.mixed = DEVICES[name]
        super().__init__(w, f"{name}@{DOMAIN}", "--family", self.family, "--os", self.version, "--personal-app", OWN,
                         "--personal-app", BEFORE + "=9", "--store", store(w))
        self.name_, self.markers = name, {"managed": [], "personal": []}

    def do(self, *args, text=""):
        """A command of the person: status, and what was told."""
        self.begin(*args)
        self.process.stdin.write(text)
        self.process.stdin.close()
        self.process.stdin = None
        self.out = self.process.stdout.read()
        self.err = self.process.stderr.read()
        self.steps = [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]
        ok("Sanitizer" not in self.err, "no sanitizer complains", self.err) if "Sanitizer" in self.err else None
        return self.process.wait()

    def put(self, place, account):
        """A text that is nowhere else, kept there; whether it was said to be apart."""
        marker = f"{account} {uuid.uuid4()}"
        if self.do("data", "put", place, "n", "--json", text=marker) != 0:
            return None
        self.markers[account].append(marker)
        return self.steps[-1]["apart"] == "yes"

    def get(self, place, name="n"):
        return self.out if self.do("data", "get", place, name) == 0 else None

    def share(self, way, source, to=None, name="d"):
        """None where it passes, else what the device says."""
        status = self.do("data", "share", name, "--from", source, "--by", way, *(["--to", to] if to else []), text="from the web")
        return None if status == 0 else self.err

    def command(self, request_type, **keys):
        """Sent and answered: its status."""
        path = os.path.join(self.server.folder, self.name_ + ".plist")
        with open(path, "wb") as f:
            plistlib.dump({"RequestType": request_type, **keys}, f)
        try:
            self.send("--plist", path)
        except world.Refused as e:
            return str(e)
        self.poll()
        return self.commands()[-1]

    def identity(self):
        about = self.about()
        return about.get("enrollment-id")


def profile(name, *payloads):
    head = lambda n: {"PayloadVersion": 1, "PayloadIdentifier": f"work.{n}", "PayloadUUID": str(uuid.uuid4()).upper()}
    return plistlib.dumps({**head(name), "PayloadType": "Configuration", "PayloadDisplayName": name, "PayloadContent": [
        {**head(f"{name}.{i}"), **p} for i, p in enumerate(payloads)]})


def restrictions(name, **keys):
    return profile(name, {"PayloadType": "com.apple.applicationaccess", **keys})


def enroll(d):
    d.server.rule(d.user, d.rule)
    d.worked = d.enroll() == 0
    d.mixed_told = [s.get("not apart") for s in d.did("volume-created")]
    d.stages = list(dict.fromkeys(s["stage"] for s in d.steps))
    d.app = d.command("InstallApplication", iTunesStoreID=7, ManagementFlags=4, Options={"PurchaseMethod": 1}) \
        if d.worked and d.family != "Mac" else None
    return d


def fill(d):
    """Both accounts of everything, with what each said of it."""
    apps = [] if d.family == "Mac" else [WORK, "keychain:" + WORK]
    d.said = {p: d.put(p, "managed") for p in apps + [f"{k}@managed" for k in KINDS if (d.family, k) != ("Mac", "drive")]}
    d.own = {p: d.put(p, "personal") for p in [OWN, "keychain:" + OWN] + [k + "@personal" for k in KINDS]}
    d.disk = Disk(d.state)
    return d


def side_by_side(devices):
    for d in devices:
        say(f"{d.name_}: {d.family} {d.version}")
        ok(d.worked, "enrolls", d.story())
        same(d.app, None if d.family == "Mac" else "Acknowledged", "and has a managed app")
        same(d.stages, STAGES, "DS-01: by service discovery, authentication, enrollment and ongoing authentication")
        same(d.mixed_told, [NOT_APART.get(d.name_)], "DS-09, DS-13: what the system does not keep apart is said at the enrollment")
        want = {p: p.split("@")[0] not in d.mixed for p in d.said}
        same(d.said, want, f"DS-08, DS-09, DS-10, DS-11, DS-12, DS-13: on {d.family} {d.version} each kind is apart, or said not to be")
        ok(set(d.own.values()) == {False}, "DS-17: the person has their own of each, in a volume of their own")
        rows = {r["place"]: r["account"] for r in d_list(d)}
        same({a for p, a in rows.items() if p in d.said} | {"managed"}, {"managed"}, "DS-17: each is of the account that it was put in")
        readable = [m for ms in d.markers.values() for m in ms if not d.disk.find(m)]
        same(readable, [], "with both keys the disk can be read: whoever looks there does see")
        plain = [m for ms in d.markers.values() for m in ms if [n for n in d.disk.find(m) if n not in d.disk.opened]]
        same(plain, [], "DS-05: but nothing is there in plain text")


def d_list(d):
    d.do("data", "list", "--json")
    return json.loads(d.out)


def apps(d):
    say("apps")
    d.app_before = d.command("InstallApplication", iTunesStoreID=9, ManagementFlags=1, Options={"PurchaseMethod": 1})
    about = d.about()
    same({a["identifier"]: a["state"] for a in about["app-list"]}, {WORK: "Managed", BEFORE: "UserInstalledApp"},
         "DS-04: an app that was there before can't become managed")
    same({c["kind"] for c in about["content-list"] if c["state"] != "apart"}, {"Contacts app"}, "DS-17: status says what is apart")
    ok("personal" in (d.put(BEFORE, "personal"), d.get(BEFORE) or "")[1], "DS-04: what it keeps stays the person's")
    ok("no app org.example.none" in (d.share("open-in", WORK, "org.example.none") or ""), "what is not there gets nothing")


def removed(d):
    """An app that goes takes its documents along."""
    d.command("RemoveApplication", Identifier=WORK)
    ok(d.get(WORK) is None and "no app" in d.err, "DS-08: a managed app that is removed has no documents any more", d.err)
    same([r["place"] for r in d_list(d) if WORK in r["place"]], [], "DS-08: nor keychain items")
    d.command("InstallApplication", iTunesStoreID=7, ManagementFlags=4, Options={"PurchaseMethod": 1})
    ok(d.get(WORK) is None and "there is no n" in d.err, "DS-08: installed again, it begins without", d.err)
    for place in (WORK, "keychain:" + WORK):
        d.put(place, "managed")


def flows(d):
    say("what passes")
    share = d.share
    for place in (WORK, "mail@managed", "contacts@managed", OWN):
        d.do("data", "put", place, "o" if place == OWN else "d", text="a document that may go anywhere")
    same([share("open-in", WORK, OWN), share("open-in", OWN, WORK, "o"), share("paste", WORK, OWN), share("airdrop", WORK)],
         [None] * 4, "DS-18: without restrictions documents pass both ways, by paste and by AirDrop")
    same(d.command("InstallProfile", Payload=restrictions("open-in", allowOpenFromManagedToUnmanaged=False)), "Acknowledged",
         "a restriction is installed")
    rule = "allowOpenFromManagedToUnmanaged is false"
    ok(rule in share("open-in", WORK, OWN) and rule in share("open-in", "mail@managed", "notes@personal"),
       "DS-18: a managed document does not go to an app or account of the person", d.err)
    same([share("open-in", WORK, "notes@managed"), share("open-in", OWN, WORK, "o"), share("paste", WORK, OWN),
          share("airdrop", WORK)], [None] * 4, "DS-18: among managed ones it does, and the other ways are not touched")
    ok("allowUnmanagedToReadManagedContacts is false" in share("open-in", "contacts@managed", OWN),
       "DS-21: nor do managed contacts go to the person's apps", d.err)
    same(d.command("InstallProfile", Payload=restrictions(
        "more", requireManagedPasteboard=True, forceAirDropUnmanaged=True, allowOpenFromUnmanagedToManaged=False,
        allowUnmanagedToReadManagedContacts=True, allowOpenFromManagedToUnmanaged=True)), "Acknowledged", "more are")
    ok(rule in share("open-in", WORK, OWN), "DS-18: of two profiles the stricter one counts", d.err)
    ok("allowOpenFromUnmanagedToManaged is false" in share("open-in", OWN, WORK, "o"),
       "DS-18: the person's document does not go to a managed app", d.err)
    ok(rule in share("paste", WORK, OWN), "DS-19: a managed pasteboard is not pasted into the person's app", d.err)
    same(share("paste", WORK, "mail@managed"), None, "DS-19: into a managed account it is")
    ok(rule in share("airdrop", WORK), "DS-20: AirDrop counts as unmanaged", d.err)
    same(share("airdrop", OWN, name="o"), None, "DS-20: the person's own goes by AirDrop")
    same(share("open-in", "contacts@managed", OWN), None, "DS-21: allowUnmanagedToReadManagedContacts lets contacts pass")
    synced = lambda: {r["place"]: r["syncs"] for r in d_list(d) if r["place"] in (WORK, OWN, "notes@managed")}
    same(synced(), {WORK: d.user, OWN: "personal", "notes@managed": d.user},
         "DS-08, DS-12: what is managed syncs with the enrollment's Managed Apple Account, the rest with the person's")
    d.command("InstallProfile", Payload=restrictions("sync", allowManagedAppsCloudSync=False))
    same(synced(), {WORK: None, OWN: "personal", "notes@managed": d.user}, "DS-08: managed apps with nobody's where a restriction says so")
    refused = d.command("InstallProfile", Payload=restrictions("contacts", allowManagedToWriteUnmanagedContacts=True))
    ok(refused != "Acknowledged", "DS-21: under User Enrollment allowManagedToWriteUnmanagedContacts can't be installed", refused)
    same(d.command("RemoveProfile", Identifier="work.open-in"), "Acknowledged", "a profile is removed")
    same(share("open-in", WORK, OWN), None, "DS-18: with its profile the rule is gone")


def drive(byod, adde, mac):
    say("iCloud Drive")
    site = "https://intranet.example.com/a.pdf"
    for d in (byod, adde):
        d.do("data", "put", WORK, "d", "--text", "d")
        d.do("data", "put", OWN, "o", text="o")
        same(d.share("open-in", WORK, "drive@managed"), None, "DS-14: a managed app reaches the organization's iCloud Drive")
        ok("is managed only" in d.share("open-in", "drive@managed", OWN) and
           "is managed only" in d.share("open-in", OWN, "drive@managed", "o"),
           "DS-14: an app of the person does not, in either direction", d.err)
        ok("is managed only" in d.share("open-in", site, "drive@managed", "a.pdf"), "DS-14: nor does a document of any site", d.err)
    domains = profile("domains", {"PayloadType": "com.apple.domains", "WebDomains": ["*.example.com"]})
    ok(byod.command("InstallProfile", Payload=domains) != "Acknowledged",
       "DS-14: under User Enrollment iOS takes no managed domains", byod.told())
    same(adde.command("InstallProfile", Payload=domains), "Acknowledged", "DS-14: in a device enrollment it does")
    same(adde.share("open-in", site, "drive@managed", "a.pdf"), None, "DS-14: then a managed web document is kept there")
    ok("is managed only" in adde.share("open-in", "https://example.org/a.pdf", "drive@managed", "b.pdf"),
       "DS-14: one of another site is not", adde.err)
    same((adde.get("drive@managed", "a.pdf"), adde.get("drive@personal", "a.pdf")), ("from the web", None),
         "DS-14: and the person's iCloud Drive has nothing of it")
    ok("no iCloud Drive of the organization" in (mac.do("data", "put", "drive@managed", "n", text="x"), mac.err)[1],
       "DS-14: Files on a Mac shows none", mac.err)


def accounts(d):
    say("accounts")
    def who(app, *how):
        return d.steps[-1]["account"] if d.do("siwa", app, "--json", *how) == 0 else "refused"
    same((who(WORK), who(OWN)), ("managed", "personal"), "DS-15: Sign in with Apple goes by the kind of app")
    same((who(WORK, "--choose", "personal"), who(OWN, "--choose", "managed"), who(OWN, "--web", "--choose", "managed")),
         ("refused",) * 3, "DS-15: which nobody chooses")
    same((who(WORK, "--web"), who(WORK, "--web", "--choose", "managed")), ("personal", "managed"),
         "DS-15: on a web page inside a managed app the person may choose the managed account")


def invitations(d, other, apple):
    say("federation and invitations")
    saw = [r["outcome"] for r in apple.ask("/ledger/sign-in")[1]["rows"] if r["subject"] == d.user]
    ok(len(saw) == 2 and set(saw) == {"accepted"}, "DS-16: a federated account enrolls: Apple takes it before, and with the token", saw)
    same(d.about()["managed-apple-account"], d.user, "DS-16: and it is the Managed Apple Account of the device")
    code = invited(apple, "somebody")
    for account, why in ((f"own@{DOMAIN}", "personal Apple Account"), ("ann@icloud.example", "no such Managed Apple Account")):
        ok(d.do("invitation", code, "--as", account) == 1 and "can't accept an invitation" in d.err and why in d.err,
           f"DS-07: {account} can't accept an invitation to the organization's apps", d.err)
    same((d.do("invitation", code), d.do("invitation", code)), (0, 1), "DS-07: the managed one can, once")
    user = [u for u in apple.ask("/ledger/apps-and-books")[1]["users"] if u["clientUserId"] == "somebody"]
    same([(u["status"], u["managedAppleId"]) for u in user], [("Associated", d.user)], "DS-07: and is associated with the person")
    ok(other.do("invitation", "any", "--as", "ann@icloud.example") == 1 and "personal Apple Account" in other.err,
       "DS-07: nor does a personal account where nobody stands in for Apple", other.err)


def invited(apple, who):
    """The inviteCode of somebody whom a server told Apps and Books of without a Managed Apple Account."""
    with open(apple.file("apps-and-books.token")) as f:
        token = f.read()
    trust = ssl.create_default_context(cafile=apple.file("ca.pem"))

    def ask(path, body=None):
        r = urllib.request.Request(apple.url["books"] + path, data=body and json.dumps(body).encode(), headers={"Authorization": "Bearer " + token})
        with urllib.request.urlopen(r, context=trust) as answer:
            return json.loads(answer.read())
    ask("/v2/users/create", {"users": [{"clientUserId": who}]})
    return until(lambda: [u["inviteCode"] for u in ask("/v2/users")["users"] if u["clientUserId"] == who], pause=0.05)[0]


def portal(w):
    """Apple, who knows the person of the first device as a federated account."""
    apple = Apple(os.path.join(w.folder, "apple"), "--event-ms", "50")
    for words in (("domain", "add", DOMAIN), ("account", "add", f"byod@{DOMAIN}", "--kind", "federated"),
                  ("account", "add", f"own@{DOMAIN}", "--kind", "personal")):
        subprocess.run([os.path.join(CLIENTS, "postern-apple"), *words, "--state", apple.folder], check=True, capture_output=True)
    return apple


def keychain_file(mac):
    mac_app = mac.command("InstallApplication", ManifestURL="https://apps.example.org/tool.plist")
    app = next((a["identifier"] for a in mac.about().get("app-list", [])), None)
    if not ok(app is not None, "a Mac has a managed app", f"{mac_app}\n{mac.told()}"):
        return
    same((mac.put("keychain:" + app, "managed"), mac.put("file-keychain:" + app, "managed"), mac.put(app, "managed")),
         (True, False, True), "DS-10: on a Mac items of the data protection keychain are apart, those in a keychain file are not")


def remember(d):
    """What the enrollment itself must not leave behind: every longer text of its record, read as its owner can."""
    def texts(value):
        if isinstance(value, str):
            yield value
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            yield from texts(part)
    disk = Disk(d.state)
    record = json.loads(decrypt(disk.files["volume.key"], disk.files["volume.sealed"], len(disk.files["volume.sealed"]) - 40))
    d.markers["managed"] += sorted({t for t in texts(record) if len(t) >= 20} | {d.user, WORK, record["access_token"]})


def nothing_managed(d, when, folder=None):
    """The proof."""
    disk = Disk(folder or d.state)
    same([(m, disk.find(m)) for m in d.markers["managed"] if disk.find(m)], [],
         f"DS-22: {d.name_}, {when}: nothing managed is recovered ({disk.tried} keys tried)")
    lost = [m for m in d.markers["personal"] if not disk.find(m)]
    same(lost, [], f"DS-22: {d.name_}, {when}: everything personal is")
    left = [n for n in disk.files if n.startswith("volume.")]
    ok(left and "volume.key" not in left and not [n for n in left if n in disk.opened],
       f"DS-05: the ciphertext is there ({len(left)} files), and opens with nothing", str(left))


def backup(d):
    say("backup")
    before, file = d.identity(), os.path.join(d.server.folder, "backup.json")
    same(d.do("backup", file), 0, "a backup is made")
    with open(file) as f:
        text = f.read()
    ok(not [m for m in d.markers["managed"] if m in text] and all(m in text for m in d.markers["personal"]),
       "DS-06: the backup has all that is the person's, and nothing managed")
    same(d.do("restore", "--from", file), 0, "the device is erased and restored")
    about = d.about()
    ok(about["state"] == "unenrolled" and about["managed-volume"] == "none" and "app-list" not in about,
       "D-27, DS-06: the enrollment does not come back", about)
    same((d.get(OWN) in d.markers["personal"], d.get(WORK)), (True, None), "DS-06: the person's data does, managed apps don't")
    nothing_managed(d, "restored")
    ok(d.enroll() == 0 and d.identity() not in (None, before), "DS-06: it enrolls again under another EnrollmentID", d.story())
    same([r["place"] for r in d_list(d) if r["account"] == "managed"], [], "DS-06: with an empty managed account")
    ok(d.do("restore", "--from", os.path.join(d.state, "device.json")) == 1 and d.about()["state"] == "enrolled",
       "what is no backup changes nothing", d.err)


def ends(devices):
    say("ends")
    for d in devices:
        remember(d)
        if d.name_ == "older":
            d.server.admin("enrollment", "evict", d.row()["id"])
            d.poll()
            when = "evicted by the server"
        elif d.name_ == "adde":
            d.command("EraseDevice")
            when = "erased by the server"
            d.markers["managed"] += d.markers["personal"]
            d.markers["personal"] = []
        else:
            d.unenroll()
            when = "removed by the person"
        about = d.about()
        same([about.get(k) for k in ("state", "managed-volume", "profile-list", "app-list", "declaration-list", "managed-apple-account")],
             ["unenrolled", "none", None, None, None, None],
             f"DS-02: {d.name_}, {when}: all configurations and settings are gone")
        d.do("data", "rules", "--json")
        rules = json.loads(d.out)
        same((rules["rules"]["allowOpenFromManagedToUnmanaged"], rules["rules"]["requireManagedPasteboard"],
              rules["managed-web-domains"]), (True, False, []), "DS-02: no restriction is left")
        ok(d.do("data", "list", "--json") == 0 and d.get(WORK) is None and "no app" in d.err,
           "DS-03: the managed app is gone, although its flags don't say so", d.err)
        same([r for r in json.loads(d.out or "[]") if r["account"] == "managed"] if d.out else [], [], "and all that it kept")
        nothing_managed(d, when)


CALLS = ("fsync", "unlinkat", "renameat")


def crash(d, folder, call, n):
    """A power cut at the n-th of these calls while the person unenrolls, on a copy of the disk. Whether there was one."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(d.state, folder)
    # LeakSanitizer can't work beside strace.
    subprocess.run(["strace", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}",
                    os.path.join(CLIENTS, "postern-device"), "unenroll", "--quiet", "--state", folder],
                   env={**os.environ, "SSL_CERT_FILE": os.devnull, "ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True)
    with open(os.path.join(folder, "device.json")) as f:
        return json.load(f)["phase"] != "unenrolled" or ".device.json.new" in os.listdir(folder)


def crashes(d):
    """A device whose reminders are not apart."""
    say("power cuts")
    folder, state = d.state + "-cut", d.state
    cut, went = [], 0
    for call in CALLS:
        n = 1
        while n < 100 and crash(d, folder, call, n):
            disk = Disk(folder)
            keyed = any(disk.files.get("volume.key", b"").strip(b"\0"))
            found = [m for m in d.apart if disk.find(m)]
            if not keyed:
                went += 1
                if found:
                    cut.append((call, n, "recovered", found))
            d.state = folder
            if not keyed and (d.about().get("state") != "unenrolled" or not in_person(d)):
                cut.append((call, n, "state", d.told()))
            after = Disk(folder)
            if not keyed and [m for m in d.markers["managed"] if after.find(m)]:
                cut.append((call, n, "after"))
            if [m for m in d.markers["personal"] if not after.find(m)]:
                cut.append((call, n, "personal"))
            d.state = state
            n += 1
    same(cut, [], f"DS-22: cut at any call to the disk after the key went ({went} cuts), nothing managed is recovered, and the next start ends it")
    ok(went >= 5, "such cuts were made", str(went))


def in_person(d):
    return d.get(OWN) in d.markers["personal"]


def main():
    w = World(sqlite=True).open()
    w.person(*DEVICES)
    apple = portal(w)
    devices = [Device(w, name) for name in DEVICES]
    devices[0].options += ("--apple", apple.url["devices"], "--apple-ca", apple.file("ca.pem"))
    in_batches(enroll, devices)
    by = {d.name_: d for d in devices}
    in_batches(fill, devices)
    side_by_side(devices)
    apps(by["byod"])
    accounts(by["byod"])
    invitations(by["byod"], by["old"], apple)
    removed(by["byod"])
    flows(by["byod"])
    drive(by["byod"], by["adde"], by["mac"])
    keychain_file(by["mac"])
    by["old"].apart = [m for m, p in zip(by["old"].markers["managed"], by["old"].said) if by["old"].said[p]]
    crashes(by["old"])
    backup(by["byod"])
    ends([by[n] for n in ("old", "older", "adde", "mac", "vision")])
    w.healthy()
    done()


main()
