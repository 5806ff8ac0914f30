#!/usr/bin/python3
"""Identity by ACME: every family in the modes where it may, what falls back to SCEP, each way in which an attestation or
a request is wrong, and what a stranger can do at the door (RFC 8555, device-attest-01, protocol 6.2)."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
from postern import CLIENTS, DOMAIN, Refused, done, ok, same, say
from world import Phone, World, in_batches

FAMILIES = ("iPhone", "iPad", "RealityDevice", "Mac")
KINDS = [(mode, family) for mode in ("byod", "adde") for family in FAMILIES]
# fault: code of the timeline, problem of the answer
FAULTS = {
    "nonce-replay": ("acme-nonce-used", "badNonce"),
    "freshness": ("acme-attestation-stale", "badAttestationStatement"),
    "other-key": ("acme-other-key", "badCSR"),
    "chain": ("acme-attestation-chain", "badAttestationStatement"),
    "none": ("acme-attestation-missing", "badAttestationStatement"),
}
OLD = (("iPhone", "15.7"), ("iPad", "15.8"))


def user(*words):
    return "-".join(words).lower().replace(".", "-") + "@" + DOMAIN


def enrolls(w, attestation):
    def life(kind):
        phone = Phone(w, user(*kind), "--family", kind[1], "--attestation-ca", attestation)
        told = [("S-22: enrolls by ACME", phone.enroll() == 0 and bool(phone.did("acme")), phone.story())]
        about = phone.about()
        told.append(("in the mode of its rule", about.get("mode") == kind[0].upper(), about))
        phone.send("DeviceInformation", "Queries=OSVersion,ModelName")
        told.append(("S-23: its key on P-384 signs what it says", phone.poll() == 0 and
                     phone.commands() == ["Acknowledged"], phone.story()))
        codes = w.codes(user(*kind))
        told.append(("the timeline tells it", [c for c in codes if c.startswith(("acme", "cert"))] ==
                     ["acme-attested", "certificate-issued"], codes))
        return phone, told

    for kind, (phone, told) in zip(KINDS, in_batches(life, KINDS)):
        for rule, good, seen in told:
            ok(good, f"{kind[1]}, {kind[0]}: {rule}", seen)


def faults(w, attestation):
    def life(fault):
        phone = Phone(w, user("fault", fault), "--attestation-ca", attestation)
        return phone, phone.enroll("--acme-fault", fault)

    for fault, (phone, status) in zip(FAULTS, in_batches(life, FAULTS)):
        code, problem = FAULTS[fault]
        codes = w.codes(phone.user)
        same(status, 1, f"S-22: {fault}: the device is refused")
        ok(code in codes and "certificate-issued" not in codes, f"S-22: {fault}: with a reason of its own, {code}", codes)
        ok(problem in phone.err, f"RFC 8555 6.7: {fault}: the device is told {problem}", phone.err)
        ok(phone.enroll() == 0 and "enrolled" in w.codes(phone.user), f"{fault}: and may try again", phone.story())


def falls_back(w):
    for family, version in OLD:
        phone = Phone(w, user("old", family), "--family", family, "--os", version)
        ok(phone.enroll() == 0 and phone.did("scep"), f"5.3: {family} {version} gets its identity by SCEP", phone.story())
        ok(w.told(phone.user, "identity-scep").get("details"), f"5.3: {family} {version}: the timeline says why",
           w.codes(phone.user))


def main():
    w = World()
    w.set(mtls_url=f"https://localhost:{w.mtls_port}")
    w.open("--listen-mtls", f"127.0.0.1:{w.mtls_port}")
    attestation = os.path.join(w.folder, "attestation-ca")
    subprocess.run([os.path.join(CLIENTS, "postern-device"), "attestation-ca", "--out", attestation], check=True,
                   capture_output=True)
    try:
        w.rule(f"byod-*@{DOMAIN}", "--byod", "--identity", "acme")
        ok(False, "a rule that wants attested keys needs a root")
    except Refused as e:
        ok("--attestation-ca" in str(e), "a rule that wants attested keys needs a root, and says so", str(e))
    w.admin("org", "set", "--attestation-ca", os.path.join(attestation, "ca.pem"))
    w.person(*(user(*kind).split("@")[0] for kind in KINDS), *(f"fault-{f}" for f in FAULTS),
             *(user("old", f).split("@")[0] for f, _ in OLD), "proof", "stranger")
    for mode in ("byod", "adde"):
        w.rule(f"{mode}-*@{DOMAIN}", f"--{mode}", "--identity", "acme")
    for who in ("fault", "old", "proof", "stranger"):
        w.rule(f"{who}*@{DOMAIN}", "--byod", "--identity", "acme")
    for part, more in ((enrolls, [attestation]), (faults, [attestation]), (falls_back, [])):
        say(part.__name__)
        part(w, *more)
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
