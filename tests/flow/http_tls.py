#!/usr/bin/python3
"""What the TLS listeners speak: versions, suites, Extended Master Secret, resumption per listener, client
certificates of any chain, new certificates without a restart."""
import base64
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http"))
from lib import Echo, split_answers, tap  # noqa: E402

NO_EXTENDED_MASTER_SECRET = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET, which Python has no name for
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
folder = tempfile.mkdtemp(prefix="postern-tls-")


def make_cert(name, key="ec"):
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", "rsa:2048"]
    paths = ["%s/%s.%s" % (folder, name, what) for what in ("pem", "key")]
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=" + name, "-keyout", paths[1], "-out", paths[0]]
                   + kind, check=True, capture_output=True)
    return paths


def context(version=None, ciphers=None, alpn=None, cert=None, options=0):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.minimum_version = ssl.TLSVersion.TLSv1
    if version:
        c.minimum_version = c.maximum_version = version
    c.set_ciphers((ciphers or "ALL") + ":@SECLEVEL=0")
    if alpn:
        c.set_alpn_protocols(alpn)
    if cert:
        c.load_cert_chain(*cert)
    c.options |= options
    return c


def ask(port, c, session=None, fields=""):
    """One request; (the answer's text, the TLS socket after it), or (None, the error)."""
    s = socket.create_connection(("127.0.0.1", port), timeout=60)
    try:
        t = c.wrap_socket(s, server_hostname="localhost", session=session)
        t.sendall(("GET /echo/q HTTP/1.1\r\nHost: a\r\n%s\r\n" % fields).encode())
        data = b""
        while not split_answers(data)[0]:
            got = t.recv(65536)
            if not got:
                return None, "closed"
            data += got
        return split_answers(data)[0][0][1].decode(), t
    except (OSError, ssl.SSLError) as e:
        s.close()
        return None, str(e)


def field(text, name):
    return next((line[len(name) + 1:] for line in (text or "").splitlines() if line.startswith(name + "=")), None)


cert, key = make_cert("one")
other_cert, other_key = make_cert("two", "rsa")
client = make_cert("device")
echo = Echo(cert=cert, key=key, trusted="127.0.0.1", secret="s3cret")
tls, mtls = echo.port["tls"], echo.port["mtls"]

for name, version in (("TLS 1.0", ssl.TLSVersion.TLSv1), ("TLS 1.1", ssl.TLSVersion.TLSv1_1)):
    text, detail = ask(tls, context(version))
    tap.ok(text is None, "S-02: %s is refused" % name, detail)
for name, version in (("TLS 1.2", V12), ("TLS 1.3", V13)):
    text, t = ask(tls, context(version))
    tap.ok(field(text, "secure") == "1" and "GCM" in t.cipher()[0], "S-02: %s with AES-GCM" % name, t)
for suite in ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"):
    text, detail = ask(tls, context(V12, suite))
    tap.ok(text is None, "S-02: %s is refused" % suite, detail)
text, detail = ask(tls, context(V12, options=NO_EXTENDED_MASTER_SECRET))
tap.ok(text is None, "S-02: TLS 1.2 without Extended Master Secret is refused (RFC 7627)", detail)
text, t = ask(tls, context(alpn=["h2", "http/1.1"]))
tap.ok(text and t.selected_alpn_protocol() == "http/1.1", "http/1.1 is chosen by ALPN", t)
text, detail = ask(tls, context(alpn=["h2"]))
tap.ok(text is None, "a client that speaks h2 only is refused (RFC 7301 3.2)", detail)

for name, version in (("1.2", V12), ("1.3", V13)):
    c = context(version)
    _, t = ask(tls, c)
    again, u = ask(tls, c, t.session)
    tap.ok(again and u.session_reused, "TLS %s: a session is resumed" % name, u)
    elsewhere, u = ask(mtls, c, t.session)
    tap.ok(elsewhere and not u.session_reused, "TLS %s: but not at another listener" % name, u)
run = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % tls, "-tls1_3", "-msg", "-ign_eof"],
                     input="GET /echo/q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", capture_output=True,
                     text=True, timeout=60)
tap.ok(run.stdout.count("NewSessionTicket") == 1 and "Max Early Data: 0" in run.stdout,
       "one TLS 1.3 ticket and no early data", run.stdout.count("NewSessionTicket"))
run = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % tls, "-tls1_2"], input="R\n",
                     capture_output=True, text=True, timeout=60)
tap.ok("no renegotiation" in run.stderr.lower() or "no_renegotiation" in run.stderr.lower(),
       "renegotiation is refused", run.stderr[-300:])

der = base64.b64encode(ssl.PEM_cert_to_DER_cert(open(client[0]).read())).decode()
for name, version in (("1.2", V12), ("1.3", V13)):
    c = context(version, cert=client)
    text, t = ask(mtls, c)
    tap.ok(field(text, "certificate") == der and field(text, "proxied") == "0",
           "mTLS %s: a certificate of any chain arrives as DER" % name, text or t)
    again, u = ask(mtls, c, t.session)
    tap.ok(field(again, "certificate") == der and u.session_reused, "mTLS %s: and again when resumed" % name, again or u)
    text, t = ask(mtls, context(version))
    tap.ok(text and field(text, "certificate") == "", "mTLS %s: a client without one is served" % name, text or t)
    text, t = ask(tls, c)
    tap.ok(text and field(text, "certificate") == "", "TLS %s: the other listener asks for none" % name, text or t)
for name, port in (("TLS", tls), ("mTLS", mtls)):
    text, t = ask(port, context(), fields="Client-Cert: :AAAA:\r\nPostern-Proxy-Secret: s3cret\r\n")
    tap.ok(text and field(text, "certificate") == "" and "lient-" not in text and "s3cret" not in text,
           "%s: Client-Cert from a trusted address is removed all the same" % name, text or t)


def served():
    c = context()
    s = socket.create_connection(("127.0.0.1", tls), timeout=60)
    with c.wrap_socket(s, server_hostname="localhost") as t:
        return t.getpeercert(binary_form=True)


def reload():
    echo.process.stdin.write("r")
    echo.process.stdin.flush()
    return echo.process.stdout.readline().strip()


c = context()
_, kept = ask(tls, c)
before = served()
shutil.copy(other_cert, cert)
said = reload()
tap.ok(said != "reloaded" and "key" in said and served() == before,
       "a certificate without its key is not taken; the old one stays", said)
shutil.copy(other_key, key)
said = reload()
tap.ok(said == "reloaded" and served() == ssl.PEM_cert_to_DER_cert(open(other_cert).read()),
       "a new certificate is served after a reload", said)
kept.sendall(b"GET /echo/q HTTP/1.1\r\nHost: a\r\n\r\n")
tap.ok(kept.recv(4096).startswith(b"HTTP/1.1 200 "), "connections of before go on")
text, u = ask(tls, c, kept.session)
tap.ok(text and u.session_reused, "sessions of before are resumed: ticket keys outlive a reload", u)
kept.close()
large = 0
for version in (V12, V13):
    _, t = ask(tls, context(version))
    t.sendall(b"PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2000000)
    large += b"length=2000000" in t.recv(8192)
tap.ok(large == 2, "a body of 2 MB arrives over TLS")
status, cut = echo.stop()
tap.ok(status == 0 and cut == 0, "the server stops cleanly", (status, cut))
shutil.rmtree(folder)
sys.exit(tap.done())
