"""ACME as a device speaks it (RFC 8555, device-attest-01), over `openssl`, and an attestation CA of openssl's.

`post` sends whatever it is told to, so that a test can be wrong in one place.
"""

import base64
import hashlib
import json
import os

import der
import openssl

FRESHNESS, SERIAL = "1.2.840.113635.100.8.11.1", "1.2.840.113635.100.8.9.1"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_ec_key(path, curve="P-256"):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(openssl.run(["genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}"]))
    return path


def es256(key, data):
    """Two numbers of 32 octets (RFC 7518 3.4)."""
    numbers = der.read(openssl.sign(key, data)).children()
    return b"".join(n.number().to_bytes(32, "big") for n in numbers)


def csr(key):
    with openssl.Scratch() as s:
        return openssl.run(["req", "-new", "-key", key, "-outform", "DER", "-config",
                            s.file("c", "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=identity\n")])


class Attestation:
    """A root of its own, and leaves for keys."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.key, self.root = new_ec_key(os.path.join(folder, "key"), "P-384"), os.path.join(folder, "ca.pem")
        with open(self.root, "wb") as f:
            f.write(openssl.self_signed(self.key, "Another Attestation Root", "root"))

    def attest(self, key, token, serial=None):
        """The attestation object, CBOR."""
        code = hashlib.sha256(token.encode()).hexdigest()
        more = f"{SERIAL} = DER:{serial.encode().hex()}\n" if serial else ""
        with openssl.Scratch() as s:
            config = s.file("c", "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=attested\n[leaf]\n"
                            f"basicConstraints=critical,CA:FALSE\n{FRESHNESS} = DER:{code}\n{more}")
            request = openssl.run(["req", "-new", "-key", key, "-config", config])
            leaf = openssl.run(["x509", "-req", "-CA", self.root, "-CAkey", self.key, "-days", "2", "-sha256",
                                "-set_serial", "7", "-extfile", config, "-extensions", "leaf"], request)
        x5c = openssl.certificate_to_der(leaf)
        return (b"\xa2\x63fmt\x65apple\x67attStmt\xa1\x63x5c\x81\x59" + len(x5c).to_bytes(2, "big") + x5c)


class Acme:
    def __init__(self, directory, wire, folder):
        self.wire, self.folder = wire, folder
        self.directory = json.loads(wire.request("GET", directory).body)
        self.key, self.kid, self.nonce = new_ec_key(os.path.join(folder, f"account-{id(self)}")), None, None

    def fresh(self):
        return self.wire.request("HEAD", self.directory["newNonce"]).header("Replay-Nonce")

    def jwk(self):
        point = openssl.public_key(self.key)[-64:]
        return {"crv": "P-256", "kty": "EC", "x": b64(point[:32]), "y": b64(point[32:])}

    def post(self, to, payload=None, kind="application/jose+json", damage=False, **header):
        """One signed request; `header` replaces members of the protected header."""
        who = {"kid": self.kid} if self.kid else {"jwk": self.jwk()}
        said = {"alg": "ES256", "nonce": self.nonce or self.fresh(), "url": to, **who, **header}
        protected = b64(json.dumps({k: v for k, v in said.items() if v is not None}).encode())
        content = "" if payload is None else b64(json.dumps(payload).encode())
        signature = es256(self.key, f"{protected}.{content}".encode())
        if damage:
            signature = bytes([signature[0] ^ 1]) + signature[1:]
        body = json.dumps({"protected": protected, "payload": content, "signature": b64(signature)})
        self.used = said["nonce"]
        reply = self.wire.request("POST", to, {"Content-Type": kind}, body.encode())
        self.nonce = reply.header("Replay-Nonce")
        return reply

    def account(self):
        self.kid = None
        reply = self.post(self.directory["newAccount"], {"termsOfServiceAgreed": True})
        self.kid = reply.header("Location")
        return reply

    def order(self, identifier, kind="permanent-identifier", **more):
        reply = self.post(self.directory["newOrder"], {"identifiers": [{"type": kind, "value": identifier}], **more})
        self.order_url = reply.header("Location")
        return reply

    def challenge(self, order):
        authorization = json.loads(self.post(order["authorizations"][0]).body)
        return authorization["challenges"][0]

    def enroll(self, identifier, key, attestation, serial=None):
        """The whole way; the certificate chain, PEM."""
        self.account()
        order = json.loads(self.order(identifier).body)
        challenge = self.challenge(order)
        self.post(challenge["url"], {"attObj": b64(attestation.attest(key, challenge["token"], serial))})
        self.post(order["finalize"], {"csr": b64(csr(key))})
        done = json.loads(self.post(self.order_url).body)
        return self.post(done["certificate"]).body
