#!/usr/bin/python3
"""Secrets that devices of the organization give into keeping: the bootstrap token of a Mac, the UnlockToken of an iPhone.
They go back to the device that gave them and to nobody else; under User Enrollment there are none."""

import os
import plistlib

import world  # first: it finds the others
from leak import forms
from postern import DOMAIN, PASSWORD, Refused, done, ok, same, say
from world import Phone, World, shown

TOKEN = b"bootstrap-" + b"8f3c" * 8
UNLOCK = b"unlock-" + b"71d0" * 8


def independent(w, name, family):
    d = w.independent()
    d.enroll(f"{name}@{DOMAIN}", PASSWORD, family)
    d.id = w.listing("enrollment", "list", "--user", f"{name}@{DOMAIN}")[0]["id"]
    return d


def about(w, d):
    told, = w.listing("enrollment", "show", d.id)
    return told


def held(w, d):
    told = about(w, d)
    return told["unlock_token_held"], told["bootstrap_token_held"]


def get(d, **how):
    reply = d.check_in("GetBootstrapToken", **how)
    return plistlib.loads(reply.body).get("BootstrapToken") if reply.status == 200 else reply.status


def bootstrap(w):
    say("a Mac's bootstrap token")
    d = independent(w, "mac", "Mac")
    ok("com.apple.mdm.bootstraptoken" in d.state["mdm"]["capabilities"], "S-20: the profile of a Mac in ADDE asks for it")
    same((get(d), held(w, d)), (None, (False, False)), "none is held: 200 without the key")
    for token in (b"an earlier one", TOKEN):
        same(d.check_in("SetBootstrapToken", {"BootstrapToken": token}).status, 200, "SetBootstrapToken")
        same(get(d), token, "GetBootstrapToken gives it back")
    same(held(w, d), (False, True), "the administrator reads that it is held")
    ok(TOKEN not in w.dump() and b"bootstrap-token-kept" in w.dump(), "and the store has it sealed, the timeline that it came")
    same(d.check_in("SetBootstrapToken", {"BootstrapToken": b"x" * 20000}).status, 400, "one that is too long is refused")
    same(get(d), TOKEN, "and changes nothing")
    w.admin("user", "disable", f"mac@{DOMAIN}")
    same(get(d), 403, "while the person is disabled it is not handed out")
    w.admin("user", "enable", f"mac@{DOMAIN}")
    same((d.check_in("SetBootstrapToken", {"BootstrapToken": b""}).status, get(d), held(w, d)), (200, None, (False, False)),
         "an empty one takes it away")
    d.check_in("SetBootstrapToken", {"BootstrapToken": TOKEN})
    same((d.check_in("SetBootstrapToken").status, get(d)), (200, None), "and so does a message without one")
    d.check_in("SetBootstrapToken", {"BootstrapToken": TOKEN})
    other = independent(w, "other", "Mac")
    same(get(other), None, "another Mac gets none")
    same(d.check_in("UserAuthenticate", user_channel=True, token=None).status, 410,
         "7.5: who else logs in to the Mac is not managed: 410, without a token")
    same(w.states(f"mac@{DOMAIN}")[-1], "enrolled", "and nobody is asked to sign in for it")
    return d


def unlock(w):
    say("an iPhone's UnlockToken")
    d = independent(w, "phone", "iPhone")
    same(d.state["mode"], "ADDE", "an iPhone in Device Enrollment")
    ok("com.apple.mdm.bootstraptoken" not in d.state["mdm"]["capabilities"], "S-20: of an iPhone it is not asked")
    try:
        w.admin("command", "send", d.id, "ClearPasscode")
        ok(False, "ClearPasscode without a token")
    except Refused as why:
        ok("has not given" in str(why), "ClearPasscode is not queued while none is held", why)
    topic = {"Topic": d.state["mdm"]["Topic"], "Token": bytes.fromhex(d.state["push"]), "PushMagic": d.state["magic"]}
    same(d.check_in("TokenUpdate", {**topic, "UnlockToken": UNLOCK}).status, 200, "TokenUpdate brings one")
    same((d.token_update().status, held(w, d)), (200, (True, False)), "S-24: a TokenUpdate without one erases nothing")
    try:
        w.admin("command", "send", d.id, "ClearPasscode", "UnlockToken=AAAA")
        ok(False, "ClearPasscode with a token of the administrator's")
    except Refused as why:
        ok("filled in by the server" in str(why), "the administrator brings none", why)
    w.admin("command", "send", d.id, "ClearPasscode")
    uuid = w.listing("command", "list", d.id)[0]["uuid"]
    queued, = w.listing("command", "show", uuid)
    ok(not queued["command"]["Command"]["UnlockToken"], "the queue is shown without it", queued)
    command = plistlib.loads(d.report().body)
    same((command["CommandUUID"], command["Command"].get("UnlockToken")), (uuid, UNLOCK), "the device gets it")
    same(plistlib.loads(d.report().body), command, "and again, if the answer was lost")
    ok(UNLOCK not in w.dump(), "the store has it sealed")
    same(d.report("Acknowledged", {"CommandUUID": uuid}).status, 200, "the device obeys")
    return d


def byod(w):
    say("User Enrollment")
    d = independent(w, "own", "iPhone")
    topic = {"Topic": d.state["mdm"]["Topic"], "Token": bytes.fromhex(d.state["push"]), "PushMagic": d.state["magic"]}
    same(d.check_in("TokenUpdate", {**topic, "UnlockToken": UNLOCK}).status, 200, "S-24: a token that should not come")
    same((d.check_in("SetBootstrapToken", {"BootstrapToken": TOKEN}).status, d.check_in("GetBootstrapToken").status,
          held(w, d)), (400, 400, (False, False)), "is not kept, and bootstrap tokens are refused")
    try:
        w.admin("command", "send", d.id, "ClearPasscode")
        ok(False, "ClearPasscode is forbidden")
    except Refused as why:
        ok("User Enrollment" in str(why), "S-32: ClearPasscode is refused with the table's sentence", why)


def simulated(w):
    say("postern-device")
    mac = Phone(w, f"simmac@{DOMAIN}", "--family", "Mac", "--network-user")
    same(mac.enroll(), 0, "a simulated Mac enrolls")
    ok(mac.did("UserAuthenticate") and any("410" in s.get("user", "") for s in mac.steps),
       "S-24: and learns that its directory's user is not managed", mac.story())
    ok(mac.did("SetBootstrapToken") and w.listing("enrollment", "show", mac.row()["id"])[0]["bootstrap_token_held"],
       "gives its bootstrap token and gets it back", mac.story())
    phone = Phone(w, f"simphone@{DOMAIN}")
    same(phone.enroll(), 0, "a simulated iPhone enrolls")
    phone.send("ClearPasscode")
    same((phone.poll(), phone.commands()), (0, ["Acknowledged"]), "and takes ClearPasscode with the token that it gave")


def main():
    w = World().open()
    w.person("mac", "other", "phone", "own", "simmac", "simphone")
    for name in ("phone", "simphone"):
        w.rule(f"{name}@{DOMAIN}", "--adde")
    devices = [bootstrap(w), unlock(w)]
    byod(w)
    simulated(w)
    for d in devices:
        same(d.check_out().status, 200, "the device leaves")
        same(held(w, d), (False, False), "its tokens go with the enrollment")
    w.healthy()
    looked = {os.path.join(f, n) for f, _, names in os.walk(w.data) for n in names} | {os.path.join(w.folder, "log")}
    found = []
    for path in filter(os.path.isfile, looked):  # not the socket
        with open(path, "rb") as f:
            content = f.read()
        found += [(path, what) for token in (TOKEN, UNLOCK) for what, form, _ in forms(token.decode()) if form in content]
    same(found, [], "no file has one of them in any form")
    done()


if __name__ == "__main__":
    main()
