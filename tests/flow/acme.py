#!/usr/bin/python3
"""Identity by ACME: every family in the modes where it may, what falls back to SCEP, each way in which an attestation or
a request is wrong, and what a stranger can do at the door (RFC 8555, device-attest-01, protocol 6.2)."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
import acme_client as acme
import scep
from postern import CLIENTS, DOMAIN, Refused, done, ok, same, say
from world import PASSWORD, Phone, World, in_batches

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
SERIAL = "NEVERKEPT1"
OLD = (("iPhone", "15.7"), ("iPad", "15.8"))


def user(*words):
    return "-".join(words).lower().replace(".", "-") + "@" + DOMAIN


def enrolls(w, attestation):
    def life(kind):
        phone = Phone(w, user(*kind), "--family", kind[1], "--attestation-ca", attestation)
        told = [("S-22, D-16: enrolls by ACME", phone.enroll() == 0 and bool(phone.did("acme")), phone.story())]
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


def other_device(w, attestation):
    phone = Phone(w, user("adde-other"), "--attestation-ca", attestation)
    ok(phone.enroll("--acme-fault", "other-device") == 1 and "acme-other-device" in w.codes(phone.user),
       "S-22: under ADDE, a key that is attested for another device enrolls none", phone.story())
    ok(phone.enroll() == 0, "S-22: and its own does", phone.story())
    leaky = Phone(w, user("byod-leaky"), "--attestation-ca", attestation, "--leak-identifiers")
    ok(leaky.enroll() == 0, "S-22: a phone that attests its serial number under BYOD enrolls", leaky.story())
    ok(b"LEAKC7Q2XK91" not in w.dump() and b"001E4C8A0C0BEAF1" not in w.dump(), "S-10: and no serial number or UDID is kept")


def renewed(w, attestation):
    phone = Phone(w, user("adde-renewed"), "--attestation-ca", attestation)
    ok(phone.enroll() == 0, "(one more)", phone.story())
    w.admin("enrollment", "renew", phone.row()["id"])
    ok(phone.poll() == 0 and phone.did("acme") and phone.did("renewed"), "S-22, S-40: an identity is renewed by ACME",
       phone.story())
    ok(phone.poll() == 0 and "certificate-renewed" in w.codes(phone.user), "S-40: and used", phone.story())
    path = os.path.join(phone.state, "device.json")
    with open(path) as f:
        device = json.load(f)
    with open(path, "w") as f:
        json.dump({**device, "serial": SERIAL}, f)
    w.admin("enrollment", "renew", phone.row()["id"])
    phone.poll()
    ok(not phone.did("renewed") and "acme-other-device" in w.codes(phone.user),
       "S-22: under ADDE, no other device renews what this one has", phone.story())


def by_tls(w, attestation):
    w.admin("org", "set", "--identity-proof", "mtls")
    phone = Phone(w, user("proof"), "--attestation-ca", attestation)
    ok(phone.enroll() == 0, "S-23: identity-proof mtls: a device with an attested key enrolls", phone.story())
    phone.send("DeviceInformation")
    ok(phone.poll() == 0 and phone.commands() == ["Acknowledged"] and
       all("certificate" in s["proof"] for s in phone.steps if "proof" in s),
       "S-23: and its TLS client certificate on P-384 is its proof", phone.story())
    w.admin("org", "set", "--identity-proof", "signature")


def profile_of(w, who):
    """The identity payload that somebody gets."""
    device = w.independent()
    device.sign_in(device.begin(who), PASSWORD)
    return device.read_profile(device.post_enroll(device.body, device.token))[2]


def problem(reply):
    """(status, last word of the problem's type)"""
    try:
        return reply.status, json.loads(reply.body)["type"].split(":")[-1]
    except (ValueError, KeyError):
        return reply.status, None


def stranger(w, identity):
    """What a request must be to be listened to (RFC 8555 6)."""
    wire = w.wire()
    a, b = (acme.Acme(identity["DirectoryURL"], wire, w.folder) for _ in range(2))
    nonce = wire.request("GET", a.directory["newNonce"])
    same((nonce.status, nonce.header("Cache-Control")), (204, "no-store"), "RFC 8555 7.2: newNonce by GET: 204, not stored")
    new = a.directory["newAccount"]
    same(a.post(new, {}, kind="application/json").status, 415, "RFC 8555 6.2: another Content-Type: 415")
    same(problem(a.post(new, {}, damage=True)), (403, "unauthorized"), "RFC 8555 6.2: a wrong signature is refused")
    same(problem(a.post(new, {}, url=a.directory["newOrder"])), (403, "unauthorized"),
         "RFC 8555 6.4: what was signed for another URL is refused")
    refused = a.post(new, {}, alg="none")
    ok(problem(refused) == (400, "badSignatureAlgorithm") and "ES256" in json.loads(refused.body)["algorithms"],
       "RFC 8555 6.2: alg none is refused, with what would be accepted", refused.body)
    same(problem(a.post(new, {}, jwk={"kty": "oct", "k": "AAAA"})), (400, "badPublicKey"), "RFC 8555 6.2: no key is a bad key")
    same(problem(a.post(new, {}, nonce="A" * 64)), (400, "badNonce"), "RFC 8555 6.5: a nonce that is none of ours is refused")
    same(a.account().status, 201, "RFC 8555 7.3: a key is an account")
    same(problem(b.post(new, {}, nonce=a.used)), (400, "badNonce"), "RFC 8555 6.5: a used nonce is refused, whoever sends it")
    same(problem(a.post(a.directory["newOrder"], {}, kid=a.kid[:-4] + "AAAA")), (400, "accountDoesNotExist"),
         "RFC 8555 6.2: an unknown account is refused")
    for name, body in (("no JSON", b"nonsense"), ("JSON of another kind", b"[1]"), ("nothing", b"")):
        same(problem(wire.request("POST", new, {"Content-Type": "application/jose+json"}, body)), (400, "malformed"),
             f"RFC 8555 6.2: {name} is refused")
    same(problem(a.order("betterbag.com", "dns")), (400, "unsupportedIdentifier"), "no certificates for names of hosts")
    same(problem(a.order("A" * 43)), (403, "rejectedIdentifier"), "S-22: an unknown ClientIdentifier is refused")
    same(problem(a.order(identity["ClientIdentifier"], notAfter="2099-01-01T00:00:00Z")), (400, "malformed"),
         "RFC 8555 7.4: times that can't be had are refused")
    same(wire.request("GET", w.url + "/acme/nobody/directory").status, 404, "an unknown organization has no directory")
    return a, b


def orders(w, attestation):
    """Whose an order is, when it ends, and what is issued once (S-22)."""
    who = f"stranger@{DOMAIN}"
    mine = acme.Attestation(os.path.join(w.folder, "attestation-i"))
    w.admin("org", "set", "--attestation-ca", mine.root)
    identity, plain = profile_of(w, who), profile_of(w, f"plain@{DOMAIN}")
    a, b = stranger(w, identity)
    same(problem(a.order(plain["PayloadContent"]["Challenge"])), (403, "rejectedIdentifier"),
         "S-22: a challenge password of SCEP is no ClientIdentifier")
    password = os.path.join(w.folder, "scep-key")
    acme.openssl.new_rsa_key(password)
    try:
        client = scep.Scep(plain["PayloadContent"]["URL"], w.wire(), plain["PayloadContent"]["Name"])
        client.enroll(password, [], identity["ClientIdentifier"])
        ok(False, "S-22: nor is a ClientIdentifier a challenge password: attestation can't be passed by")
    except (scep.ScepFailed, acme.openssl.Failed) as e:
        ok(True, "S-22: nor is a ClientIdentifier a challenge password: attestation can't be passed by", str(e))

    order = json.loads(a.order(identity["ClientIdentifier"]).body)
    b.account()
    same(problem(b.post(a.order_url)), (404, "malformed"), "RFC 8555 7.4: an order is its account's alone")
    key = acme.new_ec_key(os.path.join(w.folder, "attested"), "P-384")
    request = {"csr": acme.b64(acme.csr(key))}
    same(problem(a.post(order["finalize"], request)), (403, "orderNotReady"),
         "RFC 8555 7.4: nothing is issued before the challenge is answered")
    challenge = a.challenge(order)
    w.ask("UPDATE acme_order SET expires_at = 1")
    answer = {"attObj": acme.b64(mine.attest(key, challenge["token"]))}
    same(problem(a.post(challenge["url"], answer)), (403, "orderNotReady"), "S-22: an order that expired is over")
    ok("acme-order-expired" in w.codes(who), "S-22: with a reason of its own", w.codes(who))
    same(json.loads(a.post(a.order_url).body)["status"], "invalid", "RFC 8555 7.1.6: it is invalid")

    chain = a.enroll(identity["ClientIdentifier"], key, mine, SERIAL)
    ok(chain.count(b"BEGIN CERTIFICATE") == 2 and b"acme-attested" in json.dumps(w.codes(who)).encode(),
       "S-22: another client and another attestation CA: a certificate and its issuer", chain)
    ok(SERIAL.encode() not in w.dump(), "S-10: a serial number in a BYOD attestation is not kept")
    same(b.enroll(identity["ClientIdentifier"], key, mine), chain, "S-22: the same key again gets the same certificate")
    other = acme.new_ec_key(os.path.join(w.folder, "other"), "P-384")
    order = json.loads(b.order(identity["ClientIdentifier"]).body)
    challenge = b.challenge(order)
    b.post(challenge["url"], {"attObj": acme.b64(mine.attest(other, challenge["token"]))})
    same(problem(b.post(order["finalize"], {"csr": acme.b64(acme.csr(other))})), (403, "rejectedIdentifier"),
         "S-22: another key gets none, attested or not")
    ok("acme-identifier-spent" in w.codes(who), "S-22: with a reason of its own", w.codes(who))
    for _ in range(8):
        last = b.order(identity["ClientIdentifier"])
    same((problem(last), last.header("Retry-After")), ((429, "rateLimited"), "600"),
         "nobody opens orders without end with one ClientIdentifier")


def without_a_root(w, attestation):
    w.admin("org", "set", "--attestation-ca-clear")
    shown = w.listing("org", "show")[0]
    ok(shown["attestation_cas"] == 0 and any("--attestation-ca" in line for line in shown["warnings"]),
       "an empty pool that a rule needs is warned of", shown["warnings"])
    phone = Phone(w, user("proof"), "--attestation-ca", attestation)
    ok(phone.enroll() == 1 and "acme-attestation-chain" in w.codes(phone.user), "S-22: and lets nobody in", phone.story())


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
             *(user("old", f).split("@")[0] for f, _ in OLD), "proof", "stranger", "plain", "adde-other", "adde-renewed", "byod-leaky")
    for mode in ("byod", "adde"):
        w.rule(f"{mode}-*@{DOMAIN}", f"--{mode}", "--identity", "acme")
    for who in ("fault", "old", "proof", "stranger"):
        w.rule(f"{who}*@{DOMAIN}", "--byod", "--identity", "acme")
    for part in (enrolls, faults, other_device, renewed, by_tls, orders, without_a_root):
        say(part.__name__)
        part(w, attestation)
    say("falls_back")
    falls_back(w)
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
