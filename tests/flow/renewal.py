#!/usr/bin/python3
"""Identity certificates are renewed before they end: by the enrollment profile with the keys that can never change, a new
one-time challenge, and a certificate that counts from its first use.
    renewal.py"""

import os
import plistlib
import re
import time

import world  # first: it finds the others
import openssl
import scep
from postern import DOMAIN, PASSWORD, Refused, done, ok, same, say, until
from world import Phone, World, shown

FROZEN = ("Topic", "ServerURL", "CheckInURL", "EnrollmentMode", "AssignedManagedAppleID", "AccessRights", "ServerCapabilities",
          "SignMessage", "CheckOutWhenRemoved")
DAY = 86400


def show(w, id):
    told, = w.listing("enrollment", "show", id)
    return told


def in_use(w, id):
    return [c["serial"] for c in show(w, id)["certificates"] if c["in_use"]]


def payloads(profile):
    by_type = {p["PayloadType"]: p for p in profile["PayloadContent"]}
    return by_type["com.apple.mdm"], by_type["com.apple.security.scep"]


def by_hand(w):
    """Every step in sight, by the device that shares no code with the server."""
    say("by hand")
    user = f"hand@{DOMAIN}"
    d = w.independent()
    d.sign_in(d.begin(user, "Mac"), PASSWORD)
    sent, mdm, identity = d.read_profile(d.post_enroll(d.body, d.token))
    d.install(mdm, identity)
    id = w.listing("enrollment", "list", "--user", user)[0]["id"]
    try:
        w.admin("enrollment", "renew", id)
        ok(False, "a pending enrollment is not renewed")
    except Refused as why:
        ok("only one that is enrolled" in str(why), "a pending enrollment is not renewed", why)
    same((d.authenticate().status, d.token_update().status), (200, 200), "a Mac is enrolled")
    first = in_use(w, id)
    w.admin("enrollment", "renew", id)
    w.admin("enrollment", "renew", id)
    queue = w.listing("command", "list", id)
    same([(c["request_type"], c["queued_by"]) for c in queue], [("InstallProfile", "renewal")], "it is ordered once")
    ok(not w.listing("command", "show", queue[0]["uuid"])[0]["command"]["Command"]["Payload"],
       "the queue holds no profile, and no challenge")
    w.stop()
    w.start()
    command = plistlib.loads(d.report().body)
    again = plistlib.loads(openssl.cms_verify(command["Command"]["Payload"], no_chain=True))
    same(again["PayloadIdentifier"], sent["PayloadIdentifier"], "S-40: the same PayloadIdentifier")
    (new_mdm, new_scep), (old_mdm, old_scep) = payloads(again), payloads(sent)
    for key in FROZEN:
        same(new_mdm.get(key), old_mdm.get(key), f"S-40: {key} is as it was sent")
    challenge = new_scep["PayloadContent"]["Challenge"]
    ok(challenge != old_scep["PayloadContent"]["Challenge"], "S-40: the challenge is another")
    ok(challenge.encode() not in w.dump(), "and is not in the store")
    old = d.cert, d.key
    d.cert, d.key = (os.path.join(w.folder, f"renewed.{kind}") for kind in ("pem", "key"))
    inner = new_scep["PayloadContent"]
    openssl.new_rsa_key(d.key, 2048)
    enroll = lambda key: scep.Scep(inner["URL"], w.wire(), inner["Name"]).enroll(key, inner["Subject"], challenge)
    with open(d.cert, "wb") as f:
        f.write(enroll(d.key)[0])
    try:
        enroll(old[1])
        ok(False, "S-40: the challenge is good once")
    except (scep.ScepFailed, openssl.Failed):
        ok(True, "S-40: the challenge is good once")
    same(in_use(w, id), first, "the new certificate is issued and not in use")
    renewed, d.cert, d.key = (d.cert, d.key), *old
    same(d.report("NotNow", {"CommandUUID": command["CommandUUID"]}).status, 200, "the old one is good until then")
    d.cert, d.key = renewed
    same(d.report("Acknowledged", {"CommandUUID": command["CommandUUID"]}).status, 200, "the new one is taken")
    told = show(w, id)
    same([(c["in_use"], c["revoked_at"] is None) for c in told["certificates"]], [(True, True), (False, False)],
         "with its first request it took over, and the old one is revoked")
    ok("certificate-renewed" in w.codes(user), "the timeline says so", w.codes(user))
    d.cert, d.key = old
    same(d.report().status, 403, "the old one is refused")
    d.cert, d.key = renewed
    same((d.report().status, w.states(user)), (200, ["enrolled"]), "the device goes on")
    planned, = w.ask("SELECT renew_at, (SELECT not_after FROM certificate k WHERE k.fingerprint = e.certificate_fp) FROM "
                     "enrollment e WHERE id = ?1", id)
    ok(30 * DAY - 60 <= planned[1] - planned[0] <= 60 * DAY, "and is renewed again one to two months before the end",
       planned)
    return d, id


def failed(w, d, id):
    say("a device that can't")
    w.admin("enrollment", "renew", id)
    command = plistlib.loads(d.report().body)
    error = {"ErrorChain": [{"ErrorCode": 1, "ErrorDomain": "x", "LocalizedDescription": "no", "USEnglishDescription": "no"}]}
    before = in_use(w, id)
    same(d.report("Error", {"CommandUUID": command["CommandUUID"], **error}).status, 200, "it says that it could not")
    same((in_use(w, id), d.report().status), (before, 200), "and keeps the certificate that it has")


def planned(w):
    """Certificates of four seconds, and the planner left alone with them."""
    say("by plan")
    w.stop()
    w.set(identity_life="4s")
    w.start()
    phones = [Phone(w, f"plan@{DOMAIN}"), Phone(w, f"macplan@{DOMAIN}", "--family", "Mac")]
    for phone in phones:
        same(phone.enroll(), 0, f"{phone.user} enrolls")
    ids = [phone.row()["id"] for phone in phones]
    waits = lambda id: any(c.get("queued_by") == "renewal" for c in w.listing("command", "list", id))
    ok(all(until(lambda: waits(id), pause=0.2) for id in ids), "the planner tells both before the half of their time is over")
    w.stop()
    w.set(identity_life=None)
    w.start()
    for phone, id in zip(phones, ids):
        before = in_use(w, id)
        same(phone.poll(), 0, f"{phone.user} polls, with a certificate that has ended by now")
        ok(phone.did("renewed"), "D-28: it takes the profile over the one it has", phone.story())
        ok(in_use(w, id) != before and phone.commands()[-1] == "Acknowledged", "and its new certificate counts", show(w, id))
        same((phone.poll(), phone.row()["state"]), (0, "enrolled"), "the enrollment goes on as it was")
        ok(not waits(id), "and is left alone for a year", phone.commands())


def foreseen(w, d, id):
    """What ends by the calendar is said before it does."""
    say("what ends")
    asked = lambda *within: [(n["what"], n["count"]) for n in w.listing("status", "--next", *within)]
    same([what for what, _ in asked("3d")], [], "nothing ends within three days")
    ok(("identity certificates", 1) in asked("400d"), "identity certificates are counted by day", asked("400d"))
    whats = {what for what, _ in asked("3650d")}
    ok({"TLS certificate", "enrollment CA", "signer of enrollment profiles", "certificate for GetToken"} <= whats,
       "and so are the server's own", whats)
    rows = w.listing("status", "--next", "3650d")
    ok([r["at"] for r in rows] == sorted(r["at"] for r in rows) and all(r["todo"] for r in rows),
       "in order, with what to do", rows)
    try:
        w.listing("status", "--next", "soon")
        ok(False, "a time that is none is refused")
    except Refused as why:
        ok("90d" in str(why), "a time that is none is refused", why)
    say("the server's own certificates")
    before = {kind: w.admin("org", "show", "--certificate", kind) for kind in ("ca", "profile", "maid")}
    for kind, old in before.items():
        w.admin("ca", "renew", kind)
        new = w.admin("org", "show", "--certificate", kind)
        ok(new != old, f"{kind} has another certificate")
        same(openssl.certificate_public_pem(new.encode()), openssl.certificate_public_pem(old.encode()), "for the same key")
    w.admin("enrollment", "renew", id)
    command = plistlib.loads(d.report().body)
    openssl.cms_verify(command["Command"]["Payload"], no_chain=True)
    same(d.report("NotNow", {"CommandUUID": command["CommandUUID"]}).status, 200, "profiles are signed, devices go on")
    other = w.independent()
    other.enroll(f"after@{DOMAIN}", PASSWORD)
    same(w.states(f"after@{DOMAIN}"), ["enrolled"], "and others enroll, with the CA's new certificate")


def main():
    w = World().open()
    w.person("hand", "after", "plan", "macplan")
    d, id = by_hand(w)
    failed(w, d, id)
    foreseen(w, d, id)
    planned(w)
    w.healthy()
    done()


main()
