#!/usr/bin/python3
"""Declarative management and apps on the simulated device's side, against a server that shares nothing with posternd
(tests/device/server.py).
    device_declarations.py [STORY...]     $POSTERN_BUILD names the build folder"""

import base64
import json
import os
import plistlib
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "device"), os.path.join(HERE, "..", "independent")]
import server as mock
from simulator import PROGRAM, Phone, World, command, told
from tap import done, ok, same, say

PROFILE_URL = f"https://{mock.HOST}/profile"
ITEMS = "configuration.management.status-subscriptions"


def turn_on(s, phone, *more, **keys):
    s.queue = [command("DeclarativeManagement", **keys)]
    return phone.poll(*more)


def endpoints(s):
    return [m["Endpoint"] for m in s.checkins("DeclarativeManagement")]


def asked(s, phone, *more):
    """Exit status of a poll, and the endpoints that it asked for."""
    n = len(endpoints(s))
    status = phone.poll(*more)
    return status, endpoints(s)[n:]


def activate(s, *names, channel="device"):
    s.declare("activation.simple", "act", {"StandardConfigurations": list(names)}, channel)


def declarations(report):
    lists = report["StatusItems"]["management"]["declarations"]
    return {i["identifier"]: i for kind in ("activations", "assets", "configurations", "management") for i in lists[kind]}


def codes(item):
    return [r["code"] for r in item.get("reasons", [])]


def profile(identifier="org.example.web", kind="com.apple.webClip.managed"):
    payload = {"PayloadType": kind, "PayloadVersion": 1, "PayloadIdentifier": identifier + ".1", "PayloadUUID": "P1"}
    return plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": identifier,
                           "PayloadUUID": "P", "PayloadDisplayName": "Web", "PayloadContent": [payload]})


def story_sync(world):
    s, phone = world.server, Phone(world)
    s.reset()
    ok(phone.enroll() == 0, "a device enrolls", told(phone))
    same(asked(s, phone), (0, []), "D-26: declarative management is off until a command turns it on")
    s.declare("configuration.passcode.settings", "code", {"MinimumLength": 6})
    s.declare("management.organization-info", "org", {"Name": "Better Bag"})
    activate(s, "code")
    ok(turn_on(s, phone) == 0, "D-26: the command turns it on", told(phone))
    same(s.results[-1]["Status"], "Acknowledged", "D-26: it is acknowledged")
    same(endpoints(s), ["tokens", "declaration-items", "declaration/management/org", "declaration/configuration/code",
                        "declaration/activation/act", "status"], "D-26: tokens, items, each declaration, a report")
    ok(all("Authorization" in r["headers"] and "Mdm-Signature" in r["headers"] for r in s.find("/checkin")),
       "D-19: each message is signed and carries the bearer")
    report, = s.reports
    items = declarations(report)
    same({n: (i["active"], i["valid"]) for n, i in items.items()}, dict.fromkeys(("code", "org", "act"), (True, "valid")),
         "D-26: what is in force is reported so")
    same(items["code"]["server-token"], s.declared["device"]["code"]["ServerToken"], "D-26: with the token that is here")
    able = report["StatusItems"]["management"]["client-capabilities"]["supported-payloads"]
    ok("com.apple.configuration.app.managed" in able["declarations"]["configurations"] and
       "com.apple.configuration.softwareupdate.settings" not in able["declarations"]["configurations"] and
       "device.model.family" in able["status-items"] and "device.identifier.udid" not in able["status-items"],
       "D-26: the capabilities are those of a User Enrollment", able)
    same(asked(s, phone), (0, []), "D-26: nothing new, nothing is asked or reported")
    n = len(endpoints(s))
    turn_on(s, phone, Data=json.dumps(s.sync_tokens()).encode())
    same(endpoints(s)[n:], [], "D-26: a command with the token that is known fetches nothing")
    s.declare("configuration.passcode.settings", "code", {"MinimumLength": 8})
    turn_on(s, phone, Data=json.dumps(s.sync_tokens()).encode())
    same(endpoints(s)[n:], ["declaration-items", "declaration/configuration/code", "status"],
         "D-26: of what there is only the changed one is fetched: three requests")
    same(s.reports[-1]["StatusItems"].keys(), {"management"}, "D-26: only changes are reported")
    ok("client-capabilities" not in s.reports[-1]["StatusItems"]["management"] and "FullReport" not in s.reports[-1],
       "D-26: what the server knows is not told again", s.reports[-1])
    s.good_tokens.clear()
    ok(turn_on(s, phone) == 1 and "sign in again" in phone.err, "D-20: without a good token nothing is fetched", told(phone))
    ok(phone.reauth() == 0, "D-20: the person signs in again", told(phone))
    del s.declared["device"]["org"]
    s.rules["phantoms"] = [{"Type": "com.apple.asset.data", "Identifier": "ghost", "ServerToken": "1"}]
    turn_on(s, phone)
    same(set(declarations(s.reports[-1])), {"code", "act"}, "D-26: what is not listed any more, or answered 404, is dropped")
    for fault, words in (((200, "{}", "application/json"), "DeclarationsToken"), ((200, "{", "application/json"), "JSON"),
                         ((200, "{}", "text/plain"), "media type"), ((500,), "500")):
        s.rules["ddm"] = {"declaration-items": fault}
        s.declare("configuration.passcode.settings", "code", {"MinimumLength": len(words)})
        ok(turn_on(s, phone) == 1 and words in phone.err, f"D-26: a list that is none is an error: {words}", told(phone))
    s.rules["ddm"], s.rules["phantoms"] = {}, []
    same(asked(s, phone)[1], ["tokens", "declaration-items", "declaration/configuration/code", "status"],
         "D-26: the sync stays due until it succeeds")
    s.rules["ddm"] = {"tokens": (403, '{"code":"com.apple.unrecognized.device"}', "application/json")}
    turn_on(s, phone)
    same(phone.status_of()["state"], "unenrolled", "D-21: an eviction may come as an answer to any of this")


def story_judgement(world):
    s, phone = world.server, Phone(world)
    s.reset()
    phone.enroll()
    s.declare("configuration.softwareupdate.settings", "update", {})
    s.declare("configuration.of.the.future", "future", {})
    s.declare("configuration.legacy", "empty", {})
    s.declare("configuration.account.mail", "mail", {"VisibleName": 7})
    s.declare("configuration.account.google", "lonely", {"UserIdentityAssetReference": "nobody"})
    s.declare("configuration.management.test", "failing", {"Echo": "x", "ReturnStatus": "Failed"})
    s.declare("configuration.management.test", "wordy", {"Echo": "x", "Echoes": 2})
    s.declare("configuration.passcode.settings", "idle", {"RequirePasscode": True})
    s.declare("configuration.passcode.settings", "code", {"RequirePasscode": True, "MaximumInactivityInMinutes": 5})
    s.declare("asset.useridentity", "ann", {"FullName": "Ann"})
    activate(s, "update", "future", "empty", "mail", "lonely", "failing", "wordy", "code")
    s.declare("activation.simple", "riddle", {"StandardConfigurations": ["idle"], "Predicate": "@status(x) == 1"})
    s.declare("activation.simple", "never", {"StandardConfigurations": ["idle"], "Predicate": "FALSEPREDICATE"})
    s.declare("activation.simple", "torn", {"StandardConfigurations": ["code", "gone"]})
    turn_on(s, phone)
    got = declarations(s.reports[-1])
    for name, want in {
            "update": (False, "invalid", ["Error.ConfigurationNotSupported"]),
            "future": (False, "invalid", ["Error.UnknownDeclarationType"]),
            "empty": (False, "invalid", ["Error.ConfigurationCannotBeDeserialized"]),
            "lonely": (False, "invalid", ["Error.MissingAssets"]),
            "failing": (False, "invalid", ["Error.ConfigurationCannotBeApplied"]),
            "wordy": (False, "invalid", ["Error.UnknownPayloadKeys"]),
            "idle": (False, "unknown", ["Error.ActivationFailed"]),
            "riddle": (False, "unknown", ["Error.UnableToEvaluatePredicate"]),
            "never": (False, "valid", ["Info.Predicate"]),
            "torn": (False, "invalid", ["Error.MissingConfigurations"]),
            "ann": (False, "unknown", ["Info.NotReferencedByConfiguration"]),
            "code": (True, "valid", []),
            "act": (True, "valid", [])}.items():
        same((got[name]["active"], got[name]["valid"], codes(got[name])), want, f"D-26: {name} is {want[1]}: {want[2]}")
    ok(set(codes(got["mail"])) == {"Error.ConfigurationCannotBeDeserialized"}, "D-26: a key of another type", got["mail"])
    for name in list(s.declared["device"]):
        if name != "code":
            del s.declared["device"][name]
    turn_on(s, phone)
    same(codes(declarations(s.reports[-1])["code"]), ["Info.NotReferencedByActivation"],
         "D-26: a configuration takes effect only when an activation refers to it")


def story_reports(world):
    s, phone = world.server, Phone(world)
    s.reset()
    phone.enroll()
    names = ["device.model.family", "device.operating-system.version", "device.identifier.udid", "no.such.item",
             "security.certificate.list", "account.list.google", "mdm.app"]
    s.declare(ITEMS, "items", {"StatusItems": [{"Name": n} for n in names]})
    s.declare("asset.useridentity", "ann", {"FullName": "Ann"})
    s.declare("configuration.account.google", "google", {"UserIdentityAssetReference": "ann"})
    activate(s, "items", "google")
    s.rules["ddm"] = {"status": (500,)}
    ok(turn_on(s, phone) == 1 and not s.reports, "D-26: a report that is not taken is an error", told(phone))
    s.rules["ddm"] = {}
    same(asked(s, phone), (0, ["status"]), "D-26: it is sent again until a 2xx, and nothing is fetched twice")
    first = s.reports[-1]
    same(first["StatusItems"]["device"], {"model": {"family": "iPhone"}, "operating-system": {"version": "18.2"}},
         "D-26: subscribed items are reported, as nested dictionaries")
    same({e["StatusItem"] for e in first["Errors"]}, {"device.identifier.udid", "no.such.item"},
         "D-26: what a User Enrollment does not report is an error, not a value")
    same([i["identifier"] for i in first["StatusItems"]["account"]["list"]["google"]], ["google"], "D-26: an account by declaration")
    ok(phone.status_of()["udid"] not in json.dumps(first), "D-24: the UDID is in no report")
    activate(s, "items")
    s.queue = [command("InstallApplication", iTunesStoreID=7, Options={"PurchaseMethod": 1})]
    turn_on(s, phone, Data=json.dumps(s.sync_tokens()).encode())
    same(s.reports[-1]["StatusItems"]["account"]["list"]["google"], [{"identifier": "google", "_removed": True}],
         "D-26: an item of an array that went is _removed")
    s.queue = [command("InstallApplication", iTunesStoreID=7, Options={"PurchaseMethod": 1})]
    phone.poll()
    same(s.reports[-1], {"channel": "device", "StatusItems": {"mdm": {"app": [
        {"identifier": "app.7", "name": "app.7", "state": "managed"}]}}, "Errors": first["Errors"]},
        "D-26: a change on the device is reported without a sync, and nothing else with it")
    same(asked(s, phone, "--clock-ahead", "86000"), (0, []), "D-26: not yet a day later nothing is reported")
    same(asked(s, phone, "--clock-ahead", "86500"), (0, ["status"]), "D-26: after a day all is reported")
    ok(s.reports[-1]["FullReport"] is True and {"device", "management", "mdm", "account"} <= set(s.reports[-1]["StatusItems"]),
       "D-26: in a full report", s.reports[-1])
    same(asked(s, phone, "--clock-ahead", "86600"), (0, []), "D-26: once a day")
    names = [f"code{i}" for i in range(12)]
    for name in names:
        s.declare("configuration.passcode.settings", name, {"MinimumLength": 6})
    activate(s, *names)
    s.queue = [command("DeclarativeManagement")]
    for i in range(6):
        p = subprocess.Popen([PROGRAM, "poll", "--state", phone.state, "--quiet"], stderr=subprocess.DEVNULL)
        time.sleep(0.02 * (i + 1))
        p.kill()
        p.wait()
    phone.poll()
    got = [declarations(r) for r in s.reports if "declarations" in r["StatusItems"].get("management", {})][-1]
    ok(all(got[n]["active"] for n in names) and asked(s, phone) == (0, []), "D-26: kill -9 at any moment, and it goes on", got)


def story_effects(world):
    s, phone = world.server, Phone(world)
    s.reset(mdm={"SignMessage": False})
    phone.enroll()
    s.rules["fault"] = {"/profile": (200, profile(), "application/x-apple-aspen-config"),
                        "/data": (200, b"data", "text/plain"), "/other": (503,), "/elsewhere": (404,)}
    good = {"DataURL": f"https://{mock.HOST}/data", "ContentType": "text/plain", "Size": 4,
            "Hash-SHA-256": "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"}
    s.declare("asset.credential.certificate", "data", {"Reference": good})
    s.declare("asset.credential.certificate", "forged", {"Reference": {**good, "Size": 5}})
    s.declare("configuration.security.certificate", "uses", {"CredentialAssetReference": "data"})
    s.declare("configuration.security.certificate", "trusts", {"CredentialAssetReference": "forged"})
    s.declare("configuration.legacy", "web", {"ProfileURL": PROFILE_URL})
    s.declare("configuration.legacy.interactive", "late", {"ProfileURL": f"https://{mock.HOST}/other", "VisibleName": "Late"})
    s.declare("configuration.legacy", "plain", {"ProfileURL": "http://mdm.example.org/profile"})
    s.declare("configuration.legacy", "far", {"ProfileURL": "https://fallback.example.org/elsewhere"})
    activate(s, "web", "late", "plain", "uses", "trusts", "far")
    s.queue = [command("DeclarativeManagement")]
    phone.poll()
    got = declarations(s.reports[-1])
    ok(got["web"]["active"] and got["uses"]["active"] and got["data"]["active"], "D-26: a profile and an asset are in place", got)
    same([codes(got[n]) for n in ("late", "plain")], [["Error.ConfigurationCannotBeApplied"]] * 2,
         "D-26: a profile that can't be fetched, and one that is not at https")
    same((codes(got["forged"]), codes(got["trusts"])), (["Error.AssetCannotBeVerified"], ["Error.MissingAssets"]),
         "D-26: an asset that is not what its Reference says, and what names it")
    r, = s.find("/profile")
    ok(r["method"] == "GET" and r["peer"] and r["headers"]["Authorization"].startswith("Bearer "),
       "14: a profile is fetched with the identity as client certificate, and the bearer")
    ok(all(r["headers"]["User-Agent"] == "MDM/1.0" for r in s.find("/data")), "14: an asset, too")
    r, = s.find("/elsewhere")
    ok(r["peer"] and "Authorization" not in r["headers"], "8: the bearer is for the server's own address only")
    s.queue = [command("ProfileList"), command("RemoveProfile", Identifier="org.example.web"),
               command("InstallProfile", Payload=profile())]
    s.rules["fault"]["/other"] = (200, profile("org.example.late"), "application/x-apple-aspen-config")
    phone.poll()
    listed, removed, installed = s.results[-3:]
    same([(p["PayloadIdentifier"], p["IsManaged"]) for p in listed["ProfileList"]][1:], [("org.example.web", True)],
         "D-26: a profile by declaration is in ProfileList, managed")
    same((removed["Status"], installed["Status"]), ("Error", "Error"), "D-26: commands do not touch it")
    ok(declarations(s.reports[-1])["late"]["active"], "D-26: what could not be applied is tried again")
    same(len(s.find("/profile")), 1, "D-26: what is in place is not fetched again")
    s.declare("configuration.legacy", "web", {"ProfileURL": f"https://{mock.HOST}/new"})
    s.rules["fault"]["/new"] = (503,)
    turn_on(s, phone)
    in_place = {p["identifier"]: p["by"] for p in phone.status_of()["profile-list"]}
    same(in_place, {"org.example.web": "declaration", "org.example.late": "declaration"},
         "D-26: what was there stays until the new one is in its place")
    s.rules["fault"]["/new"] = (200, profile("org.example.new"), "application/x-apple-aspen-config")
    phone.poll()
    ok({p["identifier"] for p in phone.status_of()["profile-list"]} == {"org.example.new", "org.example.late"},
       "D-26: and then goes", phone.out)
    s.rules["fault"]["/new"] = (200, profile("org.example.new", "com.apple.vpn.managed"), "application/x-apple-aspen-config")
    s.declare("configuration.legacy", "web", {"ProfileURL": f"https://{mock.HOST}/new?2"})
    turn_on(s, phone)
    same(codes(declarations(s.reports[-1])["web"]), ["Error.ConfigurationIsInvalid"],
         "D-24: a payload that this mode forbids does not come by declaration either")
    wifi = plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "w", "PayloadContent": [
        {"PayloadType": "com.apple.wifi.managed", "PayloadVersion": 1, "PayloadIdentifier": "w.1", "PayloadUUID": "W",
         "SSID_STR": "x", "ProxyType": "Auto"}]})
    s.queue = [command("InstallProfile", Payload=wifi), command("InstallProfile", Payload=wifi.replace(b"ProxyType", b"Other"))]
    phone.poll()
    same([r["Status"] for r in s.results[-2:]], ["Error", "Acknowledged"], "D-24: a key that this mode forbids ends a profile")
    s.queue = [command("RemoveProfile", Identifier="w")]
    phone.poll()
    phone.run("status")
    ok("late com.apple.configuration.legacy.interactive device active valid" in phone.out, "status shows declarations", phone.out)
    s.declared["device"].clear()
    turn_on(s, phone)
    same((phone.status_of()["profiles"], phone.status_of()["declarations"]), (0, 0), "D-26: what the server empties is empty")
    phone.run("unenroll")
    ok(phone.poll() == 1 and "profile-list" not in phone.status_of(), "D-22: all of it ends with the enrollment", told(phone))


STORE = [{"adamId": "361309726", "bundleId": "com.apple.Pages", "name": "Pages", "version": "14.2"},
         {"adamId": 7, "bundleId": "org.example.seven"}, {"adamId": "8", "bundleId": "org.example.required"}]


def install(number, **keys):
    return command("InstallApplication", iTunesStoreID=number, Options={"PurchaseMethod": 1}, **keys)


def results(s, phone, *commands, more=()):
    s.queue, n = list(commands), len(s.results)
    phone.poll(*more)
    return s.results[n:]


def story_apps(world):
    s, phone = world.server, Phone(world)
    store = os.path.join(world.folder, "store.json")
    with open(store, "w") as f:
        json.dump(STORE, f)
    s.reset(mdm={"RequiredAppIDForMDM": 8})
    phone.enroll("--store", store, "--personal-app", "com.apple.Pages=361309726", "--personal-app", "org.own")
    got = results(s, phone, install(361309726), command("ManagedApplicationList"), command("ManagedApplicationList"))
    same((got[0]["State"], got[1]["ManagedApplicationList"]["com.apple.Pages"]["Status"], got[2]["ManagedApplicationList"]),
         ("UserInstalledApp", "UserInstalledApp", {}), "11: over the person's own app there is a state, told once, and no app")
    got = results(s, phone, install(7), command("ManagedApplicationList"), command("ManagedApplicationList"),
                  more=("--refuse-app", "org.example.seven"))
    same((got[1]["ManagedApplicationList"]["org.example.seven"]["Status"], got[2]["ManagedApplicationList"]),
         ("UserRejected", {}), "11: a refusal is told once")
    ok("is asked about the app org.example.seven: no" in phone.out, "11: the person is asked", phone.out)
    got = results(s, phone, install(8), install(7), more=("--refuse-app", "org.example.required"))
    ok([r["Status"] for r in got] == ["Acknowledged"] * 2 and "asked about the app org.example.required" not in phone.out,
       "11: not about the app of RequiredAppIDForMDM", phone.out)
    got = results(s, phone, install(9), command("InstallApplication", iTunesStoreID=7),
                  command("InstallApplication", iTunesStoreID=7, Options={"PurchaseMethod": 0}),
                  install(7, ChangeManagementState="Managed"))
    same([r["Status"] for r in got], ["Error"] * 4, "D-24, 11: no such app, another PurchaseMethod, ChangeManagementState")
    results(s, phone, command("RemoveApplication", Identifier="org.example.seven"))
    got = results(s, phone, install(7), more=("--unlicensed-app", "org.example.seven"))
    same(got[0]["ErrorChain"][0]["ErrorCode"], 12064, "11: an app without a licence")
    told_app = command("Settings", Settings=[
        {"Item": "ApplicationConfiguration", "Identifier": n, "Configuration": {"to": "all"}}
        for n in ("org.example.required", "com.apple.Pages")])
    got = results(s, phone, install(8, Configuration={"to": "one"}), command("ManagedApplicationConfiguration", Identifiers=["org.example.required"]),
                  told_app, command("ManagedApplicationConfiguration", Identifiers=["org.example.required"]))
    same([r["ApplicationConfigurations"] for r in (got[1], got[3])],
         [[{"Identifier": "org.example.required", "Configuration": {"to": n}}] for n in ("one", "all")],
         "11: a managed app is told its configuration")
    same([i["Status"] for i in got[2]["Settings"]], ["Acknowledged", "Error"], "D-24: an app of the person's own is not")
    got = results(s, phone, command("ManagedApplicationList"), more=("--remove-app", "org.example.required"))
    same(got[0]["ManagedApplicationList"]["org.example.required"]["Status"], "ManagedButUninstalled",
         "11: the person may remove a managed app")
    results(s, phone, more=("--install-app", "org.example.required"))
    got = results(s, phone, command("InstalledApplicationList"), command("RemoveApplication", Identifier="com.apple.Pages"))
    same(([a["Identifier"] for a in got[0]["InstalledApplicationList"]], got[1]["Status"]), (["org.example.required"], "Error"),
         "D-24: the person's own apps are not seen, and not removed")

    def app(name, required=True, **which):
        s.declare("configuration.app.managed", name, {**which, "InstallBehavior": {"Install": "Required"} if required else {}})

    def apps():
        return {a["identifier"]: a for r in s.reports for a in r["StatusItems"].get("app", {}).get("managed", {}).get("list", [])}
    results(s, phone, install(361309726))   # its state is not asked for, and is no app that could be taken over
    s.declare(ITEMS, "items", {"StatusItems": [{"Name": "app.managed.list"}, {"Name": "mdm.app"}]})
    app("pages", AppStoreID="361309726")
    app("seven", AppStoreID="7")
    app("again", AppStoreID="7")
    app("eight", BundleID="org.example.required")
    app("nine", AppStoreID="9")
    app("free", required=False, BundleID="org.example.free")
    activate(s, "items", "pages", "seven", "again", "eight", "nine", "free")
    s.queue = [command("DeclarativeManagement")]
    phone.poll("--unlicensed-app", "org.example.seven")
    same({n: (a["state"], codes(a)) for n, a in apps().items()},
         {"com.apple.Pages": ("failed", ["Error.UnmanagedAppAlreadyInstalled"]), "org.example.free": ("optional", []),
          "org.example.seven": ("failed", ["Error.LicenseNotFound"]), "org.example.required": ("managed", [])},
         "11: app.managed.list says how each declared app fares")
    got = declarations(s.reports[-1])
    same((codes(got["again"]), codes(got["nine"])), (["Error.DuplicateConfiguredApp"], ["Error.InvalidAppID"]),
         "11: one declaration an app, and the app must exist")
    same(s.reports[-1]["StatusItems"]["mdm"]["app"], [], "11: an app that a declaration took over is no command's any more")
    phone.poll()
    same(apps()["org.example.seven"]["state"], "managed", "11: a licence that comes later is noticed")
    phone.poll("--install-app", "org.example.free", "--remove-app", "org.example.seven")
    same([apps()[n]["state"] for n in ("org.example.free", "org.example.seven")], ["managed", "managed-but-uninstalled"],
         "11: the person installs what is on offer, and removes what is required")
    phone.poll("--remove-app", "org.example.free", "--install-app", "org.example.seven")
    same([apps()[n]["state"] for n in ("org.example.free", "org.example.seven")], ["optional", "managed"],
         "11: and the other way round")
    got = results(s, phone, install(7), command("RemoveApplication", Identifier="org.example.seven"),
                  command("ManagedApplicationList"), command("InstalledApplicationList"))
    same([r["Status"] for r in got] + [got[2]["ManagedApplicationList"], got[3]["InstalledApplicationList"]],
         ["Error", "Error", "Acknowledged", "Acknowledged", {}, []], "11: commands do not act on declared apps")
    del s.declared["device"]["seven"]
    activate(s, "items", "pages", "again", "eight", "nine", "free")
    turn_on(s, phone)
    ok(apps()["org.example.seven"]["declaration-identifier"] == "again", "11: another declaration takes over", apps())
    own = json.load(open(os.path.join(phone.state, "device.json")))["personal_apps"]
    sent = json.dumps([plistlib.loads(r["body"]) for r in s.find("/command") + s.find("/checkin")], default=repr)
    ok("org.own" not in sent, "D-24: of an app of the person's own nothing is ever said")
    phone.run("restore")
    same((json.load(open(os.path.join(phone.state, "device.json")))["personal_apps"], phone.status_of()["state"]),
         (own, "unenrolled"), "D-27: a restored device has the person's own apps, and no managed ones")
    s.reset(mode="ADDE", mdm={"EnrollmentMode": "ADDE", "AccessRights": 8191})
    phone.enroll()
    got = results(s, phone, command("InstalledApplicationList"), command("InstalledApplicationList", ManagedAppsOnly=True))
    same([[a["Identifier"] for a in r["InstalledApplicationList"]] for r in got], [["com.apple.Pages", "org.own"], []],
         "D-24: a device enrollment sees all apps, or managed ones only")


def story_mac(world):
    s, phone = world.server, Phone(world)
    s.reset(family="Mac", mode="BYOD")
    phone.enroll("--family", "Mac")
    s.declare("asset.useridentity", "ann", {"FullName": "Ann"}, "user")
    for channel in ("device", "user"):
        s.declare("configuration.account.google", "google", {"UserIdentityAssetReference": "ann"}, channel)
        activate(s, "google", channel=channel)
    s.queue = [command("DeclarativeManagement")]
    phone.poll("--device-channel")
    s.queue = [command("DeclarativeManagement")]
    phone.poll("--user-channel")
    same([r["channel"] for r in s.reports], ["device", "user"], "D-26: each channel of a Mac has its own declarations")
    same([codes(declarations(r)["google"]) for r in s.reports], [["Error.ConfigurationNotSupported"], []],
         "D-26: and its own rules: an account is the person's")
    for r in s.find("/checkin"):
        m = plistlib.loads(r["body"])
        if ("Authorization" in r["headers"]) != ("EnrollmentUserID" in m):
            ok(False, "D-19: the bearer is the user channel's", m)


def story_esso(world):
    s = world.server
    sso = plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "org.example.sso",
                          "PayloadUUID": "S", "PayloadContent": [
                              {"PayloadType": "com.apple.extensiblesso", "PayloadVersion": 1, "PayloadIdentifier": "x",
                               "PayloadUUID": "X", "ExtensionIdentifier": "org.example.sso.x", "Type": "Redirect",
                               "URLs": [f"https://{mock.HOST}/signin"]}]})
    s.reset(headers={"X_Apple_MDM_ESSO": f"https://{mock.HOST}/esso"})
    parts = [s.declare("configuration.app.managed", "app", {"AppStoreID": "7"}),
             s.declare("configuration.legacy", "sso", {"ProfileURL": PROFILE_URL}),
             s.declare("activation.simple", "act", {"StandardConfigurations": ["app", "sso"]})]
    document = {"iTunesStoreID": 7, "Declarations": [base64.b64encode(json.dumps(d).encode()).decode() for d in parts]}
    s.rules["fault"] = {"/esso": (200, json.dumps(document), "application/json"),
                        "/profile": (200, sso, "application/x-apple-aspen-config")}
    phone = Phone(world)
    phone.run("sso", "signin", "ann@example.org", "--password-stdin", password="good password")
    ok(phone.enroll("--esso", "--os", "18.4") == 0, "D-12: Enrollment SSO by declarations", told(phone))
    paths = s.paths()
    ok(paths.index("GET /profile") < paths.index("GET /signin"), "D-12: they are applied before anybody signs in")
    ok("Authorization" not in s.find("/profile")[0]["headers"], "D-12: the profile is fetched without a token")
    same(endpoints(s), ["tokens", "declaration-items", "status"],
         "4.5: declarative management is on after the enrollment, at once, and what is here is not fetched again")
    same({a["identifier"]: (a["state"], a["by"]) for a in phone.status_of()["app-list"]}, {"app.7": ("managed", "declaration")},
         "4.5: the app is managed, and stays")
    s.good_tokens.clear()
    ok(phone.poll() == 0 and "Sign in as" not in phone.out, "D-20: the app renews the sign-in", told(phone))
    s.declared["device"].clear()
    turn_on(s, phone)
    ok("enrollment-sso" not in phone.status_of() and phone.status_of()["managed-apps"] == 0,
       "4.5: what the server does not list goes, and Enrollment SSO with it", phone.out)
    for why, change, words in (
            ("another payload in the profile", {"/profile": (200, profile(), "application/x-apple-aspen-config")}, "com.apple.webClip"),
            ("a profile that does not come", {"/profile": (404,)}, "404")):
        s.reset(headers={"X_Apple_MDM_ESSO": f"https://{mock.HOST}/esso"},
                fault={"/esso": (200, json.dumps(document), "application/json"), **change})
        phone = Phone(world)
        ok(phone.enroll("--esso", "--os", "18.4") == 1 and "sso" in phone.err and words in phone.err and
           not os.path.exists(os.path.join(phone.state, "volume.key")), f"D-12: {why} ends the enrollment", told(phone))


def main():
    with tempfile.TemporaryDirectory(prefix="device-") as folder:
        world = World(folder)
        for name, story in list(globals().items()):
            if name.startswith("story_") and (len(sys.argv) == 1 or name[6:] in sys.argv[1:]):
                say(name)
                story(world)
    return done()


if __name__ == "__main__":
    sys.exit(main())
