#!/usr/bin/python3
"""The client against openssl: what it writes openssl reads, and it refuses what it should. No server needed."""

import base64
import os
import sys
import tempfile

import der
import device
import openssl
import scep
import web
from tap import done, ok, same


def test_der():
    same(der.integer(0).hex(), "020100", "DER: INTEGER 0 has one octet")
    same(der.integer(128).hex(), "02020080", "DER: a positive INTEGER does not look negative")
    same(der.integer(-129).hex(), "0202ff7f", "DER: a negative INTEGER is shortest")
    same(der.oid("2.16.840.1.113733.1.9.2").hex(), "060a6086480186f845010902", "DER: SCEP's OIDs need two-octet arcs")
    same(der.read(der.oid("1.2.840.113549.1.7.2")).dotted(), "1.2.840.113549.1.7.2", "DER: an OID is read as written")
    same(der.read(der.octets(b"x" * 300)).content, b"x" * 300, "DER: lengths over 255 take two octets")
    same(der.set_of(b"\x04\x01b", b"\x02\x01a"), b"\x31\x06\x02\x01a\x04\x01b", "DER: SET OF is ordered")
    for bad, why in ((b"\x30\x05\x02\x01", "truncated content"), (b"\x30\x80\x00\x00", "indefinite length"),
                     (b"\x02\x01\x00\x00", "octets behind the end")):
        try:
            der.read(bad).children()
            ok(False, f"DER: {why} is refused")
        except der.BadDer:
            ok(True, f"DER: {why} is refused")


def test_request(folder, digest):
    key = os.path.join(folder, "csr.key")
    openssl.new_rsa_key(key)
    csr = scep.request(key, [[["O", "Better Bag"]], [["CN", "Eliza Ä"]]], "s3cret-challenge",
                       {"rfc822Name": "eliza@betterbag.com"}, digest)
    text = openssl.run(["req", "-inform", "DER", "-noout", "-verify", "-text", "-nameopt", "utf8"], csr).decode()
    ok("O=Better Bag, CN=Eliza Ä" in text.replace(" = ", "="), f"PKCS#10 {digest}: openssl reads the subject", text)
    ok("s3cret-challenge" in text, f"PKCS#10 {digest}: openssl reads the challengePassword", text)
    ok("email:eliza@betterbag.com" in text, f"PKCS#10 {digest}: openssl reads the subjectAltName", text)


def certrep(ca, ca_key, issued, requester, transaction, nonce, digest, cipher, status="0", fail=None):
    """A CertRep as a SCEP server would make it."""
    with openssl.Scratch() as s:
        bag = openssl.run(["crl2pkcs7", "-nocrl", "-certfile", s.file("c.pem", issued), "-outform", "DER"])
    envelope = openssl.cms_encrypt(bag, requester, scep.CIPHERS[cipher]) if status == "0" else b""
    attributes = [(scep.MESSAGE_TYPE, der.printable("3")), (scep.TRANSACTION_ID, der.printable(transaction)),
                  (scep.PKI_STATUS, der.printable(status)), (scep.RECIPIENT_NONCE, der.octets(nonce)),
                  (scep.SENDER_NONCE, der.octets(os.urandom(16)))]
    if fail is not None:
        attributes.append((scep.FAIL_INFO, der.printable(fail)))
    return scep.pki_message(envelope, openssl.certificate_to_der(ca), ca_key, attributes, digest)


def test_scep(folder, digest, cipher):
    label = f"SCEP {digest} {cipher}"
    at = lambda name: os.path.join(folder, name)
    openssl.new_rsa_key(at("ca.key"))
    openssl.new_rsa_key(at("device.key"))
    with open(at("ca.pem"), "wb") as f:
        f.write(openssl.self_signed(at("ca.key"), "Test CA", "root"))
    ca = open(at("ca.pem"), "rb").read()
    client = scep.Scep("https://localhost/scep", None)
    signer = openssl.self_signed(at("device.key"), "SCEP", digest=digest)
    csr = scep.request(at("device.key"), [[["CN", "device"]]], "challenge", digest=digest)
    message, transaction, nonce = client.build(csr, signer, at("device.key"), ca, digest, cipher)

    content = openssl.cms_verify(message, no_chain=True)
    ok(True, f"{label}: openssl verifies the signature of PKCSReq")
    same(openssl.cms_decrypt(content, ca, at("ca.key")), csr, f"{label}: the CA opens the envelope and finds the CSR")
    same(scep.envelope_cipher(content), cipher, f"{label}: the content encryption is the one asked for")
    read = scep.PkiMessage(message)
    same((read.text(scep.MESSAGE_TYPE), read.text(scep.TRANSACTION_ID), read.octets(scep.SENDER_NONCE), read.digest),
         ("19", transaction, nonce, scep.DIGEST[digest]), f"{label}: the SCEP attributes read as written")

    issued = openssl.issued(at("device.key"), "device", at("ca.pem"), at("ca.key"))
    make = lambda **change: certrep(**{**dict(ca=ca, ca_key=at("ca.key"), issued=issued, requester=signer,
                                              transaction=transaction, nonce=nonce, digest=digest, cipher=cipher),
                                       **change})
    reply = lambda body: web.Reply(200, [("Content-Type", "application/x-pki-message")], body)
    opened = client.open(reply(make()), [ca], signer, at("device.key"), transaction, nonce)
    same(scep.own_certificate(opened[2], at("device.key")), issued, f"{label}: CertRep gives the issued certificate")
    forged = bytearray(make())
    forged[-1] ^= 1
    for change, why in ((make(nonce=b"other"), "another nonce"), (make(transaction="other"), "another transaction"),
                        (make(status="2", fail="2"), "pkiStatus FAILURE"), (bytes(forged), "a forged signature")):
        try:
            client.open(reply(change), [ca], signer, at("device.key"), transaction, nonce)
            ok(False, f"{label}: {why} is refused")
        except (scep.ScepFailed, openssl.Failed):
            ok(True, f"{label}: {why} is refused")


def test_device(folder):
    built_in = openssl.BuiltIn(os.path.join(folder, "built-in"))
    d = device.Device(os.path.join(folder, "phone"), built_in=built_in)
    d.state.update(family="iPhone", mode="BYOD", base_url="https://localhost/")
    signed = d.signed_machine_info()
    same(openssl.cms_verify(signed, ca=built_in.root), d.machine_info(), "MachineInfo: openssl verifies body and chain")
    ok(not any(word in signed for word in (b"UDID", b"SERIAL", b"IMEI", b"MEID")),
       "D-05: MachineInfo of a BYOD device names no device")
    body = b"<plist/>"
    openssl.cms_verify(base64.b64decode(d.signature(body, built_in.cert, built_in.key)), no_chain=True,
                       content=body)
    ok("\n" not in d.signature(body, built_in.cert, built_in.key), "Mdm-Signature: one line, and openssl verifies it")

    reply = lambda value: web.Reply(401, [("WWW-Authenticate", value)] if value else [], b"")
    same(device.parse_challenge(reply('Bearer method="apple-as-web" url=https://x/y')),
         {"method": "apple-as-web", "url": "https://x/y"}, "D-08: a challenge without commas and quotes is read")
    for value, why in ((None, "no challenge"), ('bearer method="apple-as-web", url="u"', "another capitalisation of Bearer"),
                       ('Bearer method="apple-oauth2", token-url="t"', "a parameter missing"),
                       ('Bearer method="other", url="u"', "an unknown method")):
        try:
            device.parse_challenge(reply(value))
            ok(False, f"D-08: {why} is refused")
        except device.Stopped:
            ok(True, f"D-08: {why} is refused")
    same(device.split_identifier("a@b@betterbag.com"), ("a@b", "betterbag.com"), "D-01: the last @ splits")
    for bad in ("@betterbag.com", "eliza@", "eliza", "eliza@localhost", "eliza@127.0.0.1", "eliza@-x.com"):
        try:
            device.split_identifier(bad)
            ok(False, f"D-01: {bad} is refused")
        except device.Stopped:
            ok(True, f"D-01: {bad} is refused")


def test_web():
    same(web.with_query("https://x/a?lost=1", [("user-identifier", "e+b@x.com")]),
         "https://x/a?user-identifier=e+b@x.com", "D-09: the query is replaced; @ and + stay")
    same(web.with_query("https://x/a?kept=1", [("state", "s t")], keep=True), "https://x/a?kept=1&state=s%20t",
         "D-10: an authorization URL keeps its query")
    page = web._Page('<form method=post action="/in"><label>Password<input type=password name=p></label>'
                     '<input type=hidden name=csrf value="a&amp;b"><p role="alert">Wrong <b>password</b>.</p>'
                     '<button name=go value=1>Sign in</button></form>')
    same([(f["type"], f["name"], f["value"]) for f in page.forms[0]["fields"]],
         [("password", "p", ""), ("hidden", "csrf", "a&b"), ("submit", "go", "1")], "a form's fields are read in order")
    same(" ".join(page.alerts), "Wrong password .", "role=alert is read")


def run():
    with tempfile.TemporaryDirectory() as folder:
        test_der()
        test_web()
        test_device(folder)
        for digest in ("sha1", "sha256"):
            test_request(folder, digest)
        for digest, cipher in (("sha1", "des3"), ("sha256", "aes128"), ("sha256", "aes256")):
            test_scep(folder, digest, cipher)


if __name__ == "__main__":
    run()
    sys.exit(done())
