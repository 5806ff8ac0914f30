"""A SCEP client: PKCS#10, pkiMessage and CertRep written and read by hand (RFC 8894, protocol 6.1)."""

import base64
import hashlib
import os
import urllib.parse

import der
import openssl

DIGEST = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1"}
RSA = "1.2.840.113549.1.1.1"
RSA_WITH = {"sha1": "1.2.840.113549.1.1.5", "sha256": "1.2.840.113549.1.1.11"}
DATA, SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
CHALLENGE_PASSWORD, EXTENSION_REQUEST = "1.2.840.113549.1.9.7", "1.2.840.113549.1.9.14"
SUBJECT_ALT_NAME = "2.5.29.17"
_SCEP = "2.16.840.1.113733.1.9."
MESSAGE_TYPE, PKI_STATUS, FAIL_INFO = _SCEP + "2", _SCEP + "3", _SCEP + "4"
SENDER_NONCE, RECIPIENT_NONCE, TRANSACTION_ID = _SCEP + "5", _SCEP + "6", _SCEP + "7"
CIPHER_NAMES = {"1.2.840.113549.3.7": "des3", "2.16.840.1.101.3.4.1.2": "aes128", "2.16.840.1.101.3.4.1.42": "aes256"}
CIPHERS = {"des3": "des-ede3-cbc", "aes128": "aes-128-cbc", "aes256": "aes-256-cbc", "des": "des-cbc"}
RDN = {"C": "2.5.4.6", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3"}


class ScepFailed(Exception):
    """The server answered, but not with a certificate."""


# --- PKCS#10

def name(subject):
    """A Name from the payload's Subject: an array of RDNs, each an array of [type, value]."""
    value = lambda kind, text: der.printable(text) if kind == "C" else der.utf8(text)
    return der.sequence(*(
        der.set_of(*(der.sequence(der.oid(RDN.get(kind, kind)), value(kind, text)) for kind, text in rdn))
        for rdn in subject))


def _alt_names(names):
    """SubjectAltName of the payload: rfc822Name, dNSName, uniformResourceIdentifier; text or an array of it."""
    tags = {"rfc822Name": 0x81, "dNSName": 0x82, "uniformResourceIdentifier": 0x86}
    out = []
    for kind, tag in tags.items():
        texts = names.get(kind, [])
        out += [der.tlv(tag, text.encode()) for text in ([texts] if isinstance(texts, str) else texts)]
    return der.sequence(*out)


def request(key, subject, challenge, alt_names=None, digest="sha256"):
    """A certificate signing request, DER; `challenge` may be None."""
    attributes = []
    if challenge is not None:
        attributes.append(der.sequence(der.oid(CHALLENGE_PASSWORD), der.set_of(der.utf8(challenge))))
    if alt_names:
        extension = der.sequence(der.oid(SUBJECT_ALT_NAME), der.octets(_alt_names(alt_names)))
        attributes.append(der.sequence(der.oid(EXTENSION_REQUEST), der.set_of(der.sequence(extension))))
    info = der.sequence(der.integer(0), name(subject), openssl.public_key(key),
                        der.tlv(0xA0, *sorted(attributes)))
    algorithm = der.sequence(der.oid(RSA_WITH[digest]), der.null())
    return der.sequence(info, algorithm, der.bits(openssl.sign(key, info, digest)))


# --- pkiMessage

def _attribute(kind, value):
    return der.sequence(der.oid(kind), der.set_of(value))


def issuer_and_serial(certificate_der):
    fields = der.read(certificate_der).children()[0].children()
    if fields[0].tag == 0xA0:		# version
        fields = fields[1:]
    return der.sequence(fields[2].encoding, fields[0].encoding)


def pki_message(content, cert_der, key, attributes, digest="sha256"):
    """SignedData over `content` (DER of the envelope) with SCEP's signed attributes."""
    algorithm = der.sequence(der.oid(DIGEST[digest]), der.null())
    hashed = hashlib.new(digest, content).digest()
    signed = [_attribute(CONTENT_TYPE, der.oid(DATA)), _attribute(MESSAGE_DIGEST, der.octets(hashed))]
    signed += [_attribute(kind, value) for kind, value in attributes]
    as_set = der.set_of(*signed)		# signed as SET OF, sent as [0] IMPLICIT (RFC 5652 5.4)
    signer = der.sequence(
        der.integer(1), issuer_and_serial(cert_der), algorithm,
        b"\xa0" + as_set[1:],
        der.sequence(der.oid(RSA), der.null()), der.octets(openssl.sign(key, as_set, digest)))
    body = der.sequence(
        der.integer(1), der.set_of(algorithm),
        der.sequence(der.oid(DATA), der.context(0, der.octets(content))),
        der.context(0, cert_der), der.set_of(signer))
    return der.sequence(der.oid(SIGNED_DATA), der.context(0, body))


class PkiMessage:
    """A pkiMessage read: attributes by OID (a Node each), the content, the digest algorithm."""

    def __init__(self, encoded):
        kind, wrapped = der.read(encoded).expect(der.SEQUENCE).children()
        if kind.dotted() != SIGNED_DATA:
            raise ScepFailed("the answer is no SignedData")
        self.encoded = encoded
        fields = wrapped.children()[0].children()
        encapsulated = fields[2].children()
        self.content = encapsulated[1].children()[0].expect(der.OCTET_STRING).content if len(encapsulated) > 1 else b""
        signers = fields[-1].expect(der.SET).children()
        if len(signers) != 1:
            raise ScepFailed(f"{len(signers)} signers")
        parts = signers[0].children()
        self.digest = parts[2].children()[0].dotted()
        self.attributes = {}
        for attribute in parts[3].expect(0xA0).children():
            oid, values = attribute.children()
            self.attributes[oid.dotted()] = values.children()[0]

    def text(self, kind):
        return self.attributes[kind].text() if kind in self.attributes else None

    def octets(self, kind):
        return self.attributes[kind].content if kind in self.attributes else None


def envelope_cipher(enveloped):
    """The content encryption algorithm of an EnvelopedData, by the names of CIPHERS, else its OID."""
    fields = der.read(enveloped).children()[1].children()[0].children()
    oid = fields[-1].children()[1].children()[0].dotted()
    return CIPHER_NAMES.get(oid, oid)


# --- the client

class Scep:
    """One SCEP server. `get(url)` and `post(url, body)` do the transport and return a web.Reply."""

    def __init__(self, url, wire, instance="", cacert=None):
        self.url, self.wire, self.instance, self.cacert = url, wire, instance, cacert

    def _at(self, operation, message=None):
        query = {"operation": operation}
        if message is not None:
            query["message"] = message
        return self.url + ("&" if "?" in self.url else "?") + urllib.parse.urlencode(query)

    def capabilities(self):
        reply = self.wire.request("GET", self._at("GetCACaps", self.instance))
        return reply, [line.strip() for line in reply.body.decode().splitlines() if line.strip()]

    def authorities(self):
        """(reply, [PEM...]): by its media type one certificate, or a degenerate PKCS#7."""
        reply = self.wire.request("GET", self._at("GetCACert", self.instance))
        if reply.media_type == "application/x-x509-ca-cert":
            return reply, [openssl.certificate_to_pem(reply.body)]
        if reply.media_type == "application/x-x509-ca-ra-cert":
            return reply, openssl.cms_certificates(reply.body)
        raise ScepFailed(f"GetCACert: {reply.status} {reply.media_type}")

    def recipient(self, certificates):
        """The certificate to encrypt to: the RA's where there is one, else the CA's."""
        for pem in certificates:
            text = openssl.certificate_text(pem)
            if "CA:TRUE" not in text and "Key Encipherment" in text:
                return pem
        return certificates[0]

    def root(self, certificates):
        for pem in certificates:
            if "CA:TRUE" in openssl.certificate_text(pem):
                return pem
        return certificates[0]

    def build(self, csr, signer_pem, key, to_pem, digest="sha256", cipher="aes256", transaction=None, nonce=None,
              message_type="19"):
        envelope = openssl.cms_encrypt(csr, to_pem, CIPHERS[cipher])
        nonce = nonce if nonce is not None else os.urandom(16)
        transaction = transaction or os.urandom(16).hex().upper()
        message = pki_message(envelope, openssl.certificate_to_der(signer_pem), key, [
            (TRANSACTION_ID, der.printable(transaction)),
            (MESSAGE_TYPE, der.printable(message_type)),
            (SENDER_NONCE, der.octets(nonce))], digest)
        return message, transaction, nonce

    def send(self, message, by_get=False):
        if by_get:
            return self.wire.request("GET", self._at("PKIOperation", base64.b64encode(message).decode()))
        return self.wire.request("POST", self._at("PKIOperation"), {"Content-Type": "application/x-pki-message"},
                                 message)

    def open(self, reply, authorities, signer_pem, key, transaction, nonce):
        """Check a CertRep in every way and return (PkiMessage, envelope, [PEM...]); raises ScepFailed."""
        if reply.status != 200:
            raise ScepFailed(f"PKIOperation: {reply.status}")
        answer = PkiMessage(reply.body)
        with openssl.Scratch() as s:
            ca = s.file("ca.pem", self.root(authorities))
            openssl.cms_verify(reply.body, ca=ca, signer_pem=b"".join(authorities))
        if answer.text(MESSAGE_TYPE) != "3":
            raise ScepFailed(f"messageType {answer.text(MESSAGE_TYPE)}")
        if answer.text(TRANSACTION_ID) != transaction:
            raise ScepFailed("another transactionID")
        if answer.octets(RECIPIENT_NONCE) != nonce:
            raise ScepFailed("recipientNonce is not our senderNonce")
        if answer.text(PKI_STATUS) != "0":
            raise ScepFailed(f"pkiStatus {answer.text(PKI_STATUS)}, failInfo {answer.text(FAIL_INFO)}")
        inner = openssl.cms_decrypt(answer.content, signer_pem, key)
        return answer, answer.content, openssl.cms_certificates(inner)

    def enroll(self, key, subject, challenge, alt_names=None, digest="sha256", cipher="aes256", by_get=False):
        """The issued certificate (PEM) for the key in file `key`, and the certificates of the CA."""
        _, capabilities = self.capabilities()
        _, authorities = self.authorities()
        csr = request(key, subject, challenge, alt_names, digest)
        signer = openssl.self_signed(key, "SCEP", digest=digest, days=2)
        message, transaction, nonce = self.build(csr, signer, key, self.recipient(authorities), digest, cipher)
        reply = self.send(message, by_get or "POSTPKIOperation" not in capabilities)
        _, _, certificates = self.open(reply, authorities, signer, key, transaction, nonce)
        return own_certificate(certificates, key), authorities


def own_certificate(certificates, key):
    """The one of `certificates` that is for our key."""
    own = openssl.run(["pkey", "-in", key, "-pubout"])
    for pem in certificates:
        if openssl.certificate_public_pem(pem) == own:
            return pem
    raise ScepFailed("no certificate for our key in the answer")
