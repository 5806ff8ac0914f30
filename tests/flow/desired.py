#!/usr/bin/env python3
"""What an organization wants on its devices, and what is there: device groups, profiles, apps and declarations over
50 devices of four families in both modes, until the wanted state is reached; then things change, and it is reached
again. The simulated devices know nothing of this server but the wire. Also by hand: desired.py [sqlite]."""

import json
import os
import plistlib
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Phone, Refused, World, in_batches  # noqa: E402
from postern import BUILD, done, ok, same, say, until  # noqa: E402
from stand_in import Apple  # noqa: E402

KINDS = [("iPhone", "18.2"), ("iPad", "17.5"), ("Mac", "15.2"), ("RealityDevice", "2.2"), ("iPhone", "16.6")]
DEVICES = 50
PERSONAL, REFUSED = (3, 13), (6,)      # devices whose person has the app already, or says no
LEAVING = (20, 21, 30)                 # who leaves in the end, each another way


def profile(w, name, payload, **keys):
    path = os.path.join(w.folder, name + ".mobileconfig")
    common = {"PayloadVersion": 1, "PayloadIdentifier": f"com.betterbag.{name}.1", "PayloadUUID": str(uuid.uuid4()).upper()}
    with open(path, "wb") as f:
        plistlib.dump({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": f"com.betterbag.{name}",
                       "PayloadUUID": str(uuid.uuid4()).upper(), "PayloadDisplayName": name,
                       "PayloadContent": [{**common, **payload}], **keys}, f)
    return path


def declaration(w, name, kind, **payload):
    path = os.path.join(w.folder, name + ".json")
    with open(path, "w") as f:
        json.dump({"Type": "com.apple." + kind, "Identifier": name, "Payload": payload}, f)
    return path


def desired(w, phone):
    """{(kind, name): (state, why)} as the administrator reads it."""
    shown, = w.listing("enrollment", "show", phone.row()["id"])
    return {(i["kind"], i["name"]): (i["state"], i["reason"]) for i in shown["desired"]}


def has(phone):
    """Names of what is in place, as the device says."""
    about = phone.about()
    return ({p["identifier"] for p in about.get("profile-list", [])},
            {a["identifier"] for a in about.get("app-list", [])})


def settle(w, phones):
    """Devices ask as they do when they are woken, until the server has nothing more to tell them."""
    for _ in range(12):
        w.settled()
        waiting = {row[0] for row in w.ask("SELECT DISTINCT enrollment_id FROM command WHERE answered_at IS NULL")}
        due = [p for p in phones if p.id in waiting]
        if not due:
            return
        in_batches(lambda p: p.poll(*p.how), due)


def make_wishes(w):
    admin = w.admin
    admin("device-group", "add", "everybody")
    admin("device-group", "add", "own-phones", "--mode", "byod", "--model-family", "iPhone")
    admin("device-group", "add", "pilot", "--by-name")
    web = {"PayloadType": "com.apple.webClip.managed", "URL": "https://betterbag.com/", "Label": "Bag"}
    for i in range(1, 9):
        admin("profile", "add", profile(w, f"web{i}", web))
        admin("give", "profile", f"com.betterbag.web{i}", ["everybody", "own-phones", "pilot"][i % 3])
    admin("profile", "add", profile(w, "vpn", {"PayloadType": "com.apple.vpn.managed", "VPNType": "IKEv2",
                                                "UserDefinedName": "VPN"}))
    admin("profile", "add", profile(w, "user", web, PayloadScope="User"))
    admin("give", "profile", "com.betterbag.vpn", "everybody")
    admin("give", "profile", "com.betterbag.user", "everybody")
    for i in range(1, 19):
        admin("declaration", "add", declaration(w, f"test{i}", "configuration.management.test", Echo=f"one {i}"))
        admin("give", "declaration", f"test{i}", ["everybody", "own-phones", "pilot"][i % 3])
    admin("declaration", "add", declaration(w, "code", "configuration.passcode.settings", MinimumLength=6))
    admin("declaration", "add", declaration(w, "org", "management.organization-info", Name="Better Bag"))
    for name in ("code", "org"):
        admin("give", "declaration", name, "everybody")
    for i in (1, 2, 3):
        admin("app", "add", f"app{i}", "--app-store-id", f"100{i}", "--bundle-id", f"com.example.app{i}")
    with open(os.path.join(w.folder, "config.plist"), "wb") as f:
        plistlib.dump({"server": "mail.betterbag.com"}, f)
    admin("app", "add", "mail", "--app-store-id", "1004", "--bundle-id", "com.example.mail", "--configuration", f.name)
    admin("app", "add", "inhouse", "--manifest-url", "https://apps.betterbag.com/bag.plist", "--bundle-id",
          "com.betterbag.bag")
    for name, group, *how in (("app1", "everybody"), ("app2", "own-phones"), ("app3", "everybody", "--optional"),
                              ("mail", "own-phones"), ("inhouse", "pilot")):
        admin("give", "app", name, group, *how)


def refusals(w):
    def refused(why, *command):
        try:
            w.admin(*command)
            ok(False, why)
        except Refused as e:
            ok("postern: " in str(e), why, e)
    refused("a group of that name is there", "device-group", "add", "pilot")
    refused("a group has members by name or by conditions", "device-group", "add", "odd", "--by-name", "--mode", "byod")
    refused("who is in a group by conditions is not said by name", "device-group", "join", "everybody",
            w.listing("enrollment", "list")[0]["id"])
    refused("no such item can be given", "give", "app", "nothing", "everybody")
    w.admin("declaration", "add", declaration(w, "update", "configuration.softwareupdate.settings"))
    refused("S-32: what no device of a group may have is not given to it", "give", "declaration", "update", "own-phones")
    w.admin("declaration", "remove", "update")
    path = os.path.join(w.folder, "nonsense.json")
    for text in ("", "{", "[]", '{"Type": "com.apple.configuration.of"}', '{"Type": "x", "Identifier": "y", "Payload": {}}',
                 '{"Type": "com.apple.management.test", "Identifier": "%s", "Payload": {}}' % ("x" * 65)):
        with open(path, "w") as f:
            f.write(text)
        refused(f"{text[:40]!r} is no declaration", "declaration", "add", path)
        refused(f"{text[:40]!r} is no profile", "profile", "add", path)


def expected(i, mode, family, os_version, pilot):
    """{(kind, name): state} by the words of protocol 10, 11 and 14, apart from the server's tables."""
    groups = ["everybody"] + (["own-phones"] if mode == "byod" and family == "iPhone" else []) + (["pilot"] if pilot else [])
    want, web = {}, "in place" if family != "RealityDevice" else "not allowed"
    byod_mac = family == "Mac" and mode == "byod"
    for k in range(1, 9):
        if ["everybody", "own-phones", "pilot"][k % 3] in groups:
            want["profile", f"com.betterbag.web{k}"] = web
    want["profile", "com.betterbag.user"] = web
    want["profile", "com.betterbag.vpn"] = "in place" if mode == "adde" else "not allowed"
    for k in range(1, 19):
        if ["everybody", "own-phones", "pilot"][k % 3] in groups:
            want["declaration", f"test{k}"] = "in place"
    want["declaration", "code"] = "not allowed" if byod_mac else "in place"
    want["declaration", "org"] = "in place"
    declares = os_version != "16.6" and family in ("iPhone", "iPad")
    want["app", "app1"] = "in place"
    want["app", "app3"] = "in place" if declares else "not allowed"
    if i in PERSONAL or i in REFUSED:
        want["app", "app1"] = "refused" if declares else "waiting"
    if "own-phones" in groups:
        want["app", "app2"] = want["app", "mail"] = "in place"
    if pilot:
        want["app", "inhouse"] = "in place"
    return want


def compare(w, phones, plan, pilots, what):
    wrong, unexplained, there = [], [], 0
    for i, (phone, got) in enumerate(zip(phones, in_batches(lambda p: desired(w, p), phones))):
        want = expected(i, *plan[i], i in pilots)
        wrong += [f"{i} {' '.join(plan[i])}: {' '.join(key)} wanted {want.get(key)}, got {got.get(key)}"
                  for key in sorted(want.keys() | got.keys())
                  if want.get(key) != got.get(key, (None,))[0]]
        unexplained += [(i, key) for key, (state, why) in got.items() if state != "in place" and not why]
        there += sum(state == "in place" for state, _ in got.values())
    ok(not wrong, f"{what}: each of {len(phones)} devices has what it should have", "\n".join(wrong[:40]))
    ok(there > 12 * len(phones), f"{what}: most of it is in place", there)
    same(unexplained[:6], [], f"{what}: each thing that is not in place has its reason")


def story(w):
    names = [f"person{i}" for i in range(DEVICES)]
    users = w.person(*names)
    plan = [("adde" if i % 2 else "byod", *KINDS[i // 2 % len(KINDS)]) for i in range(DEVICES)]
    for user, (mode, family, _) in zip(users, plan):
        w.rule(user, "--" + mode)
    more = {i: ["--personal-app", "app.1001=1001", "--personal-app", "com.example.app1=1001"] for i in PERSONAL}
    more.update({i: ["--personal-app", "org.own.app"] for i in LEAVING})
    store = os.path.join(w.folder, "store.json")
    with open(store, "w") as f:
        json.dump([{"adamId": 1000 + i, "bundleId": f"com.example.app{i}"} for i in (1, 2, 3)] +
                  [{"adamId": 1004, "bundleId": "com.example.mail"}, {"adamId": 2001, "bundleId": "com.example.draw"}], f)
    phones = [Phone(w, user, "--family", family, "--os", version, "--store", store, *more.get(i, []))
              for i, (user, (_, family, version)) in enumerate(zip(users, plan))]
    make_wishes(w)
    same(set(in_batches(Phone.enroll, phones)), {0}, f"{DEVICES} devices of four families enroll in both modes")
    for i, phone in enumerate(phones):
        phone.id, phone.how = phone.row()["id"], ["--refuse-app", "com.example.app1"] if i in REFUSED else []
    refusals(w)
    pilots = set(range(0, DEVICES, 5))
    for i in pilots:
        w.admin("device-group", "join", "pilot", phones[i].row()["id"])
    settle(w, phones)
    compare(w, phones, plan, pilots, "S-35")
    profiles, apps = has(phones[0])
    ok("com.betterbag.web3" in profiles and "com.example.app1" in apps, "and the device says the same", (profiles, apps))
    return phones, plan, pilots


def changes(w, phones, plan, pilots):
    say("things change")
    w.admin("device-group", "leave", "pilot", phones[0].row()["id"])
    w.admin("device-group", "join", "pilot", phones[1].row()["id"])
    pilots ^= {0, 1}
    requests = w.log.count("\n")
    settle(w, phones)
    compare(w, phones, plan, pilots, "a group changed")
    profiles, _ = has(phones[0])
    ok("com.betterbag.web2" not in profiles, "what the group gave is gone from the device that left", profiles)
    one = phones[8]
    w.admin("declaration", "add", declaration(w, "test3", "configuration.management.test", Echo="again"))
    w.settled()
    one.poll()
    same([s["text"] for s in one.steps if s["event"] == "ddm-fetched"], ["Fetched test3"],
         "S-35: of what is declared a device fetches what changed and nothing else")
    w.admin("user", "remove", phones[9].user)
    phones[9].poll()
    about = phones[9].about()
    ok(about["state"] != "enrolled" and "profile-list" not in about, "a person leaves: nothing is managed any more", about)
    rows = w.ask("SELECT COUNT(*) FROM desired_state s JOIN enrollment e ON e.id = s.enrollment_id WHERE e.ended_at IS NOT NULL")
    same(int(rows[0][0]), 0, "S-24: what was wanted and reported ends with an enrollment")


def links(w, phones):
    """A ProfileURL opens for an enrollment that should have the profile, and no longer."""
    phone = phones[2]
    w.admin("profile", "add", profile(w, "web3", {"PayloadType": "com.apple.webClip.managed", "URL": "https://b.com/",
                                                  "Label": "New"}))
    w.settled()
    phone.poll()
    link = [s["GET"] for s in phone.steps if "/profile/" in s.get("GET", "")][-1]
    wire = w.wire()
    same(wire.request("GET", link).status, 200, "a ProfileURL answers with the profile")
    same(wire.request("GET", link[:-2] + "AA").status, 404, "another one, with 404")
    w.admin("user", "disable", phone.user)
    same(wire.request("GET", link).status, 404, "while the person is disabled, 404")
    w.admin("user", "enable", phone.user)
    w.admin("take", "profile", "com.betterbag.web3", "everybody")
    same(wire.request("GET", link).status, 404, "once the profile is taken away, 404")
    w.admin("give", "profile", "com.betterbag.web3", "everybody")
    phone.unenroll()
    same(wire.request("GET", link).status, 404, "S-24: after the enrollment, 404")


def licences(w, a, phones):
    """3 licences for 4 people, until one of them is free again."""
    say("licences")
    four = [phones[i] for i in (0, 1, 10, 11)]
    w.admin("licence", "token", "set", "--token-file", a.file("apps-and-books.token"))
    w.admin("device-group", "add", "designers", "--by-name")
    w.admin("app", "add", "draw", "--app-store-id", "2001", "--bundle-id", "com.example.draw")
    w.admin("give", "app", "draw", "designers")
    for phone in four:
        w.admin("device-group", "join", "designers", phone.id)

    def drawing():
        settle(w, four)
        return {p.user: desired(w, p)["app", "draw"] for p in four if p.enrolled()}

    def there():
        return sorted(state for state, _ in drawing().values())
    ok(until(lambda: there() == ["in place"] * 3 + ["waiting"], pause=0.3), "S-33: three of four people get the app", drawing())
    ok(until(lambda: "no licence is left" in " ".join(why or "" for _, why in drawing().values()), pause=0.3),
       "and the fourth knows why not", drawing())
    lacking = [p for p in four if drawing()[p.user][0] == "waiting"]
    same(len([p for p in four if "com.example.draw" in has(p)[1]]), 3, "so say the devices")
    leaving = [p for p in four if p not in lacking][0]
    leaving.unenroll()
    ok(until(lambda: there() == ["in place"] * 3, pause=0.3), "S-33: a licence is freed: the fourth gets the app", drawing())
    names = dict(w.ask("SELECT id, user_identifier FROM account"))
    holders = {names.get(x["clientUserId"]) for x in a.ask("/ledger/apps-and-books")[1]["assignments"] if x["adamId"] == "2001"}
    same(holders, {p.user for p in four if p is not leaving}, "Apple's ledger has the same holders")


def ways_out(w, a, phones):
    """However an enrollment ends: the licence is free, the managed volume's key is gone, the person's own app is there."""
    say("ways out")
    ids = {user: id for id, user in w.ask("SELECT id, user_identifier FROM account")}

    def holders():
        return {x["clientUserId"] for x in a.ask("/ledger/apps-and-books")[1]["assignments"] if x["adamId"] == "1001"}

    def leaves(phone, *command):
        w.admin(*command)
        phone.poll()
    ok(until(lambda: all(ids[phones[i].user] in holders() for i in LEAVING), pause=0.3), "S-33: all of them hold a licence")
    ends = [("CheckOut", Phone.unenroll),
            ("eviction", lambda p: leaves(p, "enrollment", "evict", p.id)),
            ("the person's removal", lambda p: leaves(p, "user", "remove", p.user))]
    for i, (name, end) in zip(LEAVING, ends):
        phone = phones[i]
        key = os.path.join(phone.state, "volume.key")
        ok(os.path.exists(key) and "com.example.app1" in has(phone)[1], f"{name}: before, there is a volume with the app")
        end(phone)
        ok(not os.path.exists(key), f"S-24: after {name} the volume's key is gone")
        with open(os.path.join(phone.state, "device.json")) as f:
            same(json.load(f)["personal_apps"], ["org.own.app"], f"12: after {name} the person's own app is untouched")
        ok(until(lambda: ids[phone.user] not in holders(), pause=0.3), f"S-33: after {name} the licence is free")


def pushes(w, a):
    live = {bytes(t).hex() for t, in w.ask("SELECT push_token FROM channel WHERE user_id = ''")}
    ok(until(lambda: live <= set(a.tokens()), pause=0.3), "S-34: every device was woken when it had something to fetch",
       (len(live), len(a.tokens())))


class Wishing(World):
    def settled(self):
        """Until every enrollment was looked at since the last change."""
        for _ in range(200):
            left = self.ask("SELECT COUNT(*) FROM organization o LEFT JOIN desired_round d ON d.organization_id = o.id"
                            " WHERE o.desired_version > COALESCE(d.version, 0)")
            due = self.ask("SELECT COUNT(*) FROM desired_state WHERE due_at <= ?1", int(time.time()))
            if int(left[0][0]) + int(due[0][0]) == 0:
                return
            time.sleep(0.1)


def main():
    w = Wishing()
    assets = os.path.join(w.folder, "assets.json")
    with open(assets, "w") as f:
        json.dump([{"adamId": "2001", "totalCount": 3}] + [{"adamId": str(i), "totalCount": 100} for i in range(1001, 1005)], f)
    a = Apple(os.path.join(w.folder, "apple"), "--assets", assets, "--server-ca", w.cacert, build=BUILD)
    w.set(apps_and_books_poll="1s", **a.settings())
    w.open()
    w.admin("org", "set", *a.certificate())
    phones, plan, pilots = story(w)
    changes(w, phones, plan, pilots)
    pushes(w, a)
    licences(w, a, phones)
    ways_out(w, a, phones)
    links(w, phones)
    same(a.stop(), (0, ""), "postern-apple ends well")  # first: whom it notifies is still there
    w.healthy()
    done()


main()
