"""Everything with keys, by the `openssl` command: no third-party module, no second implementation of RSA.

Keys and certificates are PEM files; what goes over the wire is DER bytes.
"""

import functools
import glob
import os
import ssl
import subprocess
import tempfile


class Failed(Exception):
    """openssl ended with an error; its message says why."""


def run(args, data=b""):
    done = subprocess.run(["openssl", *args], input=data, capture_output=True)
    if done.returncode != 0:
        raise Failed(f"openssl {args[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


class Scratch:
    """A private folder for the files openssl wants; gone at the end of the `with`."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="enroll-")
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def path(self, name):
        return os.path.join(self._folder.name, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()


# --- keys and certificates

# Making an RSA key costs more than all else that a device does to enroll. Where POSTERN_TEST_KEYS is a folder of keys, they
# are taken from it, each once by a process, so that no server ever sees one twice.
_made = iter(sorted(glob.glob(os.path.join(os.environ.get("POSTERN_TEST_KEYS", "/nowhere"), "*.pem"))))


def made_rsa_key():
    """A file with a key of 2048 bits that this process has not had; None: there is no further one."""
    return next(_made, None)


def new_rsa_key(path, size=2048):
    made = made_rsa_key() if size == 2048 else None
    if made is not None:
        with open(made, "rb") as f:
            pem = f.read()
    else:
        pem = run(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{size}"])
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(pem)


def public_key(key):
    """SubjectPublicKeyInfo, DER."""
    return run(["pkey", "-in", key, "-pubout", "-outform", "DER"])


def sign(key, data, digest="sha256"):
    """PKCS#1 v1.5 signature."""
    return run(["dgst", f"-{digest}", "-sign", key], data)


def signature_is_good(public_pem, signature, data, digest="sha256"):
    with Scratch() as s:
        try:
            run(["dgst", f"-{digest}", "-verify", s.file("pub.pem", public_pem),
                 "-signature", s.file("sig", signature)], data)
        except Failed:
            return False
    return True


@functools.lru_cache
def certificate_text(pem):
    return run(["x509", "-noout", "-text"], pem).decode()


@functools.lru_cache
def certificate_public_pem(pem):
    return run(["x509", "-noout", "-pubkey"], pem)


def certificate_to_pem(der):
    return ssl.DER_cert_to_PEM_cert(der).encode()


def certificate_to_der(pem):
    """The first certificate of a PEM file."""
    text = pem.decode()
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERT"):text.index(end) + len(end)])


_CONFIG = """[req]
distinguished_name = dn
prompt = no
[dn]
CN = {cn}
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[plain]
keyUsage = critical,digitalSignature,keyEncipherment
"""


def self_signed(key, cn, section="plain", days=3650, digest="sha256"):
    """A self-signed certificate, PEM."""
    with Scratch() as s:
        return run(["req", "-x509", "-new", "-key", key, f"-{digest}", "-days", str(days),
                    "-config", s.file("c", _CONFIG.format(cn=cn)), "-extensions", section])


def issued(key, cn, ca_cert, ca_key, section="leaf", days=3650, serial=None):
    """A certificate for `key` by the CA in the two files, PEM."""
    with Scratch() as s:
        config = s.file("c", _CONFIG.format(cn=cn))
        request = run(["req", "-new", "-key", key, "-config", config])
        return run(["x509", "-req", "-CA", ca_cert, "-CAkey", ca_key, "-days", str(days), "-sha256",
                    "-set_serial", str(serial or int.from_bytes(os.urandom(8), "big") >> 1),
                    "-extfile", config, "-extensions", section], request)


# --- CMS

def cms_sign(data, cert, key, chain=None, attached=True, digest="sha256"):
    """SignedData over `data`, DER; `cert`, `key` and `chain` are files."""
    args = ["cms", "-sign", "-binary", "-outform", "DER", "-md", digest, "-signer", cert, "-inkey", key]
    if attached:
        args.append("-nodetach")
    if chain:
        args += ["-certfile", chain]
    return run(args, data)


def cms_verify(der, ca=None, signer_pem=None, content=None, no_chain=False):
    """The signed content. With `ca` (a file) the chain is built; with `signer_pem` the signer is looked for there too."""
    with Scratch() as s:
        args = ["cms", "-verify", "-binary", "-inform", "DER", "-in", s.file("cms", der), "-purpose", "any",
                "-out", s.path("out")]
        args += ["-noverify"] if no_chain else ["-CAfile", ca]
        if signer_pem:
            args += ["-certfile", s.file("signer.pem", signer_pem)]
        if content is not None:
            args += ["-content", s.file("content", content)]
        run(args)
        return s.read("out")


def cms_certificates(der):
    """The certificates in a SignedData (degenerate or not), a list of PEM."""
    pem = run(["pkcs7", "-inform", "DER", "-print_certs"], der).decode()
    end = "-----END CERTIFICATE-----"
    return [(part[part.index("-----BEGIN"):] + end + "\n").encode() for part in pem.split(end) if "-----BEGIN" in part]


def cms_encrypt(data, recipient_pem, cipher="aes-256-cbc"):
    """EnvelopedData with RSA key transport, DER. Single DES needs openssl's legacy provider."""
    providers = ["-provider", "legacy", "-provider", "default"] if cipher == "des-cbc" else []
    with Scratch() as s:
        return run(["cms", "-encrypt", "-binary", "-outform", "DER", f"-{cipher}", *providers,
                    s.file("to.pem", recipient_pem)], data)


def cms_decrypt(der, cert_pem, key):
    with Scratch() as s:
        run(["cms", "-decrypt", "-binary", "-inform", "DER", "-in", s.file("env", der),
             "-recip", s.file("me.pem", cert_pem), "-inkey", key, "-out", s.path("out")])
        return s.read("out")


# --- the identity a device is born with

class BuiltIn:
    """A test device CA in a folder (root, intermediate) and a device certificate by it, made at first use."""

    def __init__(self, folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        at = lambda name: os.path.join(folder, name)
        self.root, self.chain, self.cert, self.key = (at(n) for n in ("root.pem", "chain.pem", "leaf.pem", "leaf.key"))
        if os.path.exists(self.cert):
            return
        put = lambda path, pem: open(path, "wb").write(pem)
        for key in ("root.key", "intermediate.key", "leaf.key"):
            new_rsa_key(at(key))
        put(self.root, self_signed(at("root.key"), "Test Device Root CA", "root"))
        put(self.chain, issued(at("intermediate.key"), "Test Device CA", self.root, at("root.key"), "root"))
        put(self.cert, issued(self.key, "8C2E5D0A-0000-4000-8000-000000000001", self.chain, at("intermediate.key")))
