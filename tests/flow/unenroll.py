#!/usr/bin/python3
"""Every way that an enrollment ends: with its old certificate and tokens no door opens and nothing changes, no device's
identity is left of it, and the person may enroll again at once.
    unenroll.py [WAY...]"""

import json
import os
import plistlib
import sys
import time

import world  # first: it finds the others
import openssl
import scep
from device import is_challenge, parse_challenge
from postern import DOMAIN, PASSWORD, done, ok, same, say
from world import UNRECOGNIZED, Phone, World, in_batches, shown

OLD = "16.7"  # knows no 403 com.apple.unrecognized.device


class Enrolled:
    """An enrolled device with all that an enrollment can have: an answer, a queue, a sign-in that waits to be repeated."""

    def __init__(self, w, name, family="iPhone", version=None):
        self.w, self.user, self.family, self.version = w, f"{name}@{DOMAIN}", family, version
        self.d = w.independent()
        self.d.state["serial"] = f"SN{name.upper()}0047"

    def enroll(self):
        d = self.d
        self.challenge = d.begin(self.user, self.family)
        d.sign_in(self.challenge, PASSWORD)
        self.used = d.post_enroll(d.body, d.token)
        _, mdm, self.identity = d.read_profile(self.used)
        d.install(mdm, self.identity)
        extra = {"OSVersion": self.version} if self.version else {}
        self.statuses = d.authenticate(extra).status, d.token_update().status
        self.id = self.w.listing("enrollment", "list", "--user", self.user)[0]["id"]
        return self

    def busy(self):
        """A command that was answered, and one that waits. Then the token expires, and the device hears of it."""
        d = self.d
        self.w.admin("command", "send", self.id, "DeviceInformation",
                     "Queries=UDID,SerialNumber,OSVersion,DeviceName" if d.state["mode"] == "ADDE" else
                     "Queries=OSVersion,DeviceName")
        d.poll()
        self.w.admin("command", "send", self.id, "ProfileList")
        self.old = dict(d.state), dict(d.state["tokens"])
        return self

    def rows(self):
        """All that the store has of it, but for when it was seen."""
        w, out = self.w, {}
        for table in ("channel", "command", "certificate", "scep_challenge", "oauth_grant"):
            out[table] = sorted(map(repr, w.ask(f"SELECT * FROM {table} WHERE enrollment_id = ?1", self.id)))
        columns = ", ".join(c for c in w.columns("enrollment") if c != "last_seen_at")
        out["enrollment"] = w.ask(f"SELECT {columns} FROM enrollment WHERE id = ?1", self.id)
        out["token"] = w.ask("SELECT COUNT(*) FROM oauth_token WHERE grant_id IN (SELECT id FROM oauth_grant WHERE "
                             "enrollment_id = ?1)", self.id)
        return out


def leaves_with_expired_token(w, e):
    w.time_passes(e.user)
    return e.d.check_out().status


def evict(w, e):
    w.admin("enrollment", "evict", e.id)


def told_by_status(w, e):
    evict(w, e)
    return e.d.report().status


def told_by_profile(w, e):
    before = plistlib.loads(e.d.report().body)["CommandUUID"]
    evict(w, e)
    reply = e.d.report("Acknowledged", {"CommandUUID": before, "ProfileList": []})
    command = plistlib.loads(reply.body)
    same(command["Command"]["RequestType"], "RemoveProfile", "S-26: an older system gets RemoveProfile")
    same(w.states(e.user)[-1], "evicting", "S-26: an answer from before the eviction is not its end")
    reply = e.d.report("NotNow", {"CommandUUID": command["CommandUUID"]})
    same((reply.status, reply.body), (200, b""), "S-25: NotNow to it ends the session")
    again = plistlib.loads(e.d.report(token=None).body)
    same(again, command, "S-26: and it comes again, alone, whatever the token")
    return e.d.report("Acknowledged", {"CommandUUID": command["CommandUUID"]}, token=None).status


def disabled_then_removed(w, e):
    w.admin("user", "disable", e.user)
    reply = e.d.report()
    ok(is_challenge(reply), "S-28: a disabled person's device is asked to sign in", shown(reply))
    e.asked = parse_challenge(reply)
    w.admin("user", "remove", e.user)
    return e.d.report().status


def profile_gone(w, e):
    """The device forgot all about it, and enrolls again."""
    again = w.independent()
    again.state["udid"], again.state["serial"] = e.d.state["udid"], e.d.state["serial"]
    again.enroll(e.user, PASSWORD, e.family)
    e.new = again
    return 200


# name: (family, version, what ends it, the status that the device gets, the state that the enrollment is in then)
WAYS = {
    "expired": ("iPad", None, leaves_with_expired_token, 200, "unenrolled"),
    "mac": ("Mac", None, leaves_with_expired_token, 200, "unenrolled"),
    "status": ("RealityDevice", None, told_by_status, 403, "evicted"),
    "profile": ("iPhone", OLD, told_by_profile, 200, "evicted"),
    "disabled": ("iPhone", None, disabled_then_removed, 403, "evicted"),
    "unseen": ("Mac", None, profile_gone, 200, "replaced"),
}


def declared(w, e):
    """A profile that it has by declaration: its address needs no token."""
    path = os.path.join(w.folder, "wifi.mobileconfig")
    head = {"PayloadVersion": 1, "PayloadUUID": "4E3F9A3C-51D7-4AF0-9F4B-5B7A77F9C001"}
    wifi = {**head, "PayloadType": "com.apple.wifi.managed", "PayloadIdentifier": "work.wifi.1", "SSID_STR": "Work",
            "EncryptionType": "WPA2", "Password": "for people at work"}
    with open(path, "wb") as f:
        plistlib.dump({**head, "PayloadType": "Configuration", "PayloadIdentifier": "work.wifi", "PayloadContent": [wifi]}, f)
    w.admin("profile", "add", path)
    w.admin("device-group", "add", "named", "--by-name")
    w.admin("give", "profile", "work.wifi", "named")
    w.admin("device-group", "join", "named", e.id)
    ask = lambda endpoint: json.loads(e.d.check_in("DeclarativeManagement", {"Endpoint": endpoint}).body)
    for item in ask("declaration-items")["Declarations"]["Configurations"]:
        e.profile_url = ask(f"declaration/configuration/{item['Identifier']}")["Payload"].get("ProfileURL")
        if e.profile_url:
            break
    reply = e.d.wire.request("GET", e.profile_url)
    ok(reply.status == 200 and b"for people at work" in reply.body, "a profile that it has by declaration is there",
       shown(reply))


def refused(reply):
    try:
        return reply.status, json.loads(reply.body).get("code")
    except ValueError:
        return reply.status, reply.body[:80]


def certified(w, key, identity):
    """Whether the challenge of an identity payload still gets a certificate for that key."""
    inner = identity["PayloadContent"]
    try:
        return scep.Scep(inner["URL"], w.wire(), inner["Name"]).enroll(key, inner["Subject"], inner["Challenge"])
    except (scep.ScepFailed, openssl.Failed):
        return None


def doors(w, e):
    """With all that it had, at every door."""
    d, (state, tokens) = e.d, e.old
    d.state = dict(state)
    gone = (403, UNRECOGNIZED)
    for name, reply in (
            ("Authenticate", d.authenticate()), ("TokenUpdate", d.token_update()), ("an Idle", d.report()),
            ("GetToken", d.get_token()), ("an answer", d.report("Acknowledged", {"CommandUUID": "00"})),
            ("DeclarativeManagement", d.check_in("DeclarativeManagement", {"Endpoint": "tokens"}))):
        same(refused(reply), gone, f"S-26: {name} is turned away")
    same(d.check_out().status, 200, "S-29: CheckOut again is taken, as one that lost its answer")
    reply = d.token_request(e.challenge, [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh"]),
                                          ("client_id", e.challenge["client-id"])])
    same((reply.status, json.loads(reply.body).get("error")), (400, "invalid_grant"), "the refresh token is good no more")
    reply = d.token_request(e.challenge, [("grant_type", "authorization_code"), ("code", d.code),
                                          ("client_id", e.challenge["client-id"]),
                                          ("redirect_uri", e.challenge["redirect-url"])])
    same((reply.status, json.loads(reply.body).get("error")), (400, "invalid_grant"), "nor is the code")
    reply = d.post_enroll(d.body, tokens["access"])
    ok(is_challenge(reply), "S-17: the old token gets a challenge and no profile", shown(reply))
    if hasattr(e, "profile_url"):
        same(d.wire.request("GET", e.profile_url).status, 404, "nor are profiles that it had by declaration")
    if hasattr(e, "asked"):
        reply = d.wire.request("GET", d.sign_in_url(e.asked))
        ok(400 <= reply.status < 500 and b"password" not in reply.body, "nobody signs in again for it", shown(reply))
    ok(not certified(w, d.key, e.identity), "the SCEP challenge is good no more")


def identities(e):
    state = e.old[0]
    yield state["enrollment_id" if state["mode"] == "BYOD" else "udid"]
    yield state["push"]
    if state["mode"] == "ADDE":
        yield state["serial"]


def one(w, name, e):
    family, version, end, status, state = WAYS[name]
    say(f"{name}: {family}")
    same(e.statuses, (200, 200), f"{e.user} is enrolled")
    if name == "expired":
        declared(w, e)
    same(end(w, e), status, "the end is told and heard")
    row = [r for r in w.listing("enrollment", "list") if r["id"] == e.id][0]
    same(row["state"], state, "and written")
    before = e.rows()
    doors(w, e)
    same(e.rows(), before, "none of it changes anything")
    same((before["channel"], before["scep_challenge"]), ([], []), "S-34: there is no token to push to, and no challenge")
    told, = w.listing("enrollment", "show", e.id)
    same([told[k] for k in ("device_id", "device_name", "serial_number", "channels", "queued")], [None, None, None, [], 0],
         "the history says whose it was and of what kind, not which device")
    ok(told["certificates"] and all(c["revoked_at"] for c in told["certificates"]), "its certificates are revoked",
       told["certificates"])
    answers = [w.listing("command", "show", c["uuid"])[0] for c in w.listing("command", "list", e.id)]
    ok(len(answers) >= 2 and all(a.get("answer") is None and a.get("command") is None for a in answers),
       "commands stay in the history, what the device answered does not", answers)
    if end is disabled_then_removed:
        w.person(name)


def again(e):
    """The person enrolls again at once, with the same device."""
    if not hasattr(e, "new"):
        e.d.enroll(e.user, PASSWORD, e.family)
    else:
        e.new.poll()


def at_once(w):
    """S-37: enrolled and gone within seconds; and a profile that no device came back with."""
    say("gone within seconds")
    e = Enrolled(w, "hasty").enroll()
    same(e.d.check_out().status, 200, "S-37: an enrollment is followed by CheckOut at once")
    e.old = dict(e.d.state), dict(e.d.state["tokens"])
    doors(w, e)
    e = Enrolled(w, "never")
    e.challenge = e.d.begin(e.user)
    e.d.sign_in(e.challenge, PASSWORD)
    reply = e.d.post_enroll(e.d.body, e.d.token)
    _, _, e.identity = e.d.read_profile(reply)
    same(reply.status, 200, "a profile is sent")
    w.admin("enrollment", "evict", w.listing("enrollment", "list", "--user", e.user)[0]["id"])
    ok(is_challenge(e.d.post_enroll(e.d.body, e.d.token)), "its sign-in ends with it, although no device has bound it")
    openssl.new_rsa_key(e.d.key, 2048)
    ok(not certified(w, e.d.key, e.identity), "and its SCEP challenge")


def volume(w):
    """D-21, D-22: the device's side."""
    say("the device's side")
    for name, ask in (("walker", lambda p: p.unenroll()), ("walked", lambda p: (evict(w, Told(p)), p.poll()))):
        phone = Phone(w, f"{name}@{DOMAIN}")
        same(phone.enroll(), 0, f"{name} enrolls")
        there = os.path.exists(os.path.join(phone.state, "volume.key"))
        ask(phone)
        ok(there and not os.path.exists(os.path.join(phone.state, "volume.key")),
           "D-21, D-22: the managed volume's key is gone", phone.story())
        same(phone.enroll(), 0, "and it enrolls again")


class Told:
    def __init__(self, phone):
        self.id = phone.row()["id"]


def inactive(w):
    say("not seen for long")
    e = Enrolled(w, "drawer").enroll()
    names = lambda: [r["user"] for r in w.listing("enrollment", "list", "--state", "inactive")]
    same((names(), w.listing("status")[0]["inactive"]), ([], 0), "who was seen is active")
    w.stop()
    past = int(time.time()) - 31 * 86400
    w.ask("UPDATE enrollment SET last_seen_at = ?1, enrolled_at = ?1 WHERE id = ?2", past, e.id)
    w.ask("UPDATE channel SET last_seen_at = ?1 WHERE enrollment_id = ?2", past, e.id)
    w.start()
    same((names(), w.listing("status")[0]["inactive"]), ([e.user], 1), "after inactive_days the list and status say so")
    told, = w.listing("enrollment", "show", e.id)
    ok(told["state"] == "enrolled" and told["inactive"] and "31 days" in told["inactive_sentence"],
       "with a sentence, and the enrollment goes on", told)
    ok(any("--state inactive" in line for line in w.listing("status")[0]["warnings"]), "status says what to do")
    same(e.d.report().status, 200, "when it comes back it is served")
    w.stop()
    w.start()
    same(names(), [], "and is active")


def searched(w, ended):
    """Nothing of an ended enrollment's device is anywhere at rest, but for those that are enrolled again."""
    say("searched")
    w.healthy()
    enrolled = {i for e in ended for d in (e.d, getattr(e, "new", e.d))
                for i in (d.state.get("udid"), d.state.get("serial"))}
    looked = {"store": w.dump()}
    for folder, _, names in os.walk(w.data):
        for path in filter(os.path.isfile, (os.path.join(folder, name) for name in names)):  # not the socket
            with open(path, "rb") as f:
                looked[path] = f.read()
    found = [(e.user, what, where) for e in ended for what in identities(e) if what not in enrolled
             for where, content in looked.items()
             if what.encode() in content or (len(what) == 64 and bytes.fromhex(what) in content)]
    same(found, [], f"no identity of {len(ended)} ended devices is left in {len(looked)} places")


def main():
    ways = [n for n in sys.argv[1:] if n in WAYS] or list(WAYS)
    w = World().open()
    w.person(*WAYS, "hasty", "never", "walker", "walked", "drawer")
    ended = [Enrolled(w, name, *WAYS[name][:2]) for name in ways]
    w.independent()  # its maker is made known before others come at once
    in_batches(lambda e: e.enroll().busy(), ended)
    for name, e in zip(ways, ended):
        one(w, name, e)
    in_batches(again, ended)
    for e in ended:
        same(w.states(e.user)[-1], "enrolled", f"{e.user} is enrolled again")
    at_once(w)
    volume(w)
    inactive(w)
    searched(w, ended)
    done()


main()
