"""Somebody with the whole disk of a simulated device, and none of our code: what can they read? Every window of 32 octets
in every file, plain or decoded from base64 or hexadecimal, is tried as a key on every file; every marker is looked for in
all files and in all that was opened. XChaCha20-Poly1305 is libsodium's, through ctypes; the tag is not asked, so that no
guess about the additional data matters."""

import base64
import binascii
import ctypes
import ctypes.util
import hashlib
import os
import re

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
assert sodium.sodium_init() >= 0
NONCE, TAG, KEY, FIRST = 24, 16, 32, 16
ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{42,}={0,2}")
PLAIN = bytes(range(32, 127)) + b"\n\t\r"


def decrypt(key, sealed, n):
    """The first n octets of what `key` makes of nonce, ciphertext and tag."""
    out = ctypes.create_string_buffer(n)
    sodium.crypto_stream_xchacha20_xor_ic(out, sealed[NONCE:NONCE + n], ctypes.c_ulonglong(n), sealed[:NONCE],
                                          ctypes.c_uint64(1), key)
    return out.raw


def decoded(content):
    """What is written in it as base64 (either alphabet) or as hexadecimal."""
    for found in ENCODED.findall(content):
        text = found.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        try:
            yield base64.b64decode(text + b"=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            pass
        try:
            yield binascii.unhexlify(text)
        except (binascii.Error, ValueError):
            pass


_tried = {}  # what a file's windows open of another: the same files are on many disks


def windows_that_open(content, sealed):
    name = hashlib.sha256(content).digest(), hashlib.sha256(sealed).digest()
    if name in _tried:
        return _tried[name]
    keys, out = set(), ctypes.create_string_buffer(FIRST)
    nonce, first, n, one = sealed[:NONCE], sealed[NONCE:NONCE + FIRST], ctypes.c_ulonglong(FIRST), ctypes.c_uint64(1)
    crypt = sodium.crypto_stream_xchacha20_xor_ic
    for at in range(len(content) - KEY + 1):
        key = content[at:at + KEY]
        crypt(out, first, n, nonce, one, key)
        if out.raw[:1] in b"{[" and not out.raw.translate(None, PLAIN):
            keys.add(key)
    _tried[name] = keys
    return keys


class Disk:
    def __init__(self, folder):
        self.files = {}
        for at, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(at, name)
                with open(path, "rb") as f:
                    self.files[os.path.relpath(path, folder)] = f.read()
        self.sources = list(self.files.values()) + [d for c in self.files.values() for d in decoded(c) if len(d) >= KEY]
        # Text is no ciphertext; anything else may be.
        self.sealed = {n: c for n, c in self.files.items() if len(c) >= NONCE + FIRST + TAG and c[:200].translate(None, PLAIN)}
        self.tried = sum(max(0, len(s) - KEY + 1) for s in self.sources) * len(self.sealed)
        self.opened = {n: decrypt(k, c, len(c) - NONCE - TAG)
                       for n, c in self.sealed.items() for s in self.sources for k in windows_that_open(s, c)}

    def find(self, marker):
        """Where this text can be read; [] is nowhere."""
        raw = marker.encode()
        forms = {raw, raw.hex().encode(), marker.encode("utf-16-le")}
        for shift in range(3):  # base64 of it, wherever it begins
            whole = base64.b64encode(b"\0" * shift + raw)
            forms.add(whole[4 if shift else 0:len(whole) - 4])
        everything = list(self.files.items()) + list(self.opened.items())
        return sorted({n for n, c in everything if any(f in c for f in forms)})
