#!/usr/bin/python3
"""The whole story with the discovery fallback only (protocol 2.6, 9): a domain whose web server has no well-known
document, postern-apple in Apple's place, both modes, and each of the organization's settings for Managed Apple Accounts.
    fallback.py     $POSTERN_BUILD names the build folder"""

import glob
import http.server
import os
import ssl
import subprocess
import sys
import tempfile
import threading

import world
import openssl
from postern import CLIENTS, DOMAIN, done, ok, same, say
from stand_in import Apple
from world import SERVER_UUID, Phone, World

WELL_KNOWN = "/.well-known/com.apple.remotemanagement"


class Nothing(http.server.BaseHTTPRequestHandler):
    """The web server of a domain that nobody told of device management."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *args):
        pass


def web_server(w):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(os.path.join(w.data, "tls", "server.pem"), os.path.join(w.data, "tls", "server.key"))
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Organization:
    """A posternd, the portal with its MDM server, and phones whose domain answers 404."""

    def __init__(self):
        self.w = World().open()
        self.apple = Apple(os.path.join(self.w.folder, "apple"))
        self.web = web_server(self.w)
        self.portal("domain", "add", DOMAIN)
        self.w.connect_to = [f"{DOMAIN}:443:127.0.0.1:{self.web.server_address[1]}"]
        self.uuid = self.server("postern", *glob.glob(os.path.join(self.w.data, "keys", "maid-*.pem")))

    def portal(self, *words):
        out = subprocess.run([os.path.join(CLIENTS, "postern-apple"), *words, "--state", self.apple.folder], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return out.stdout

    def server(self, name, certificate):
        said = self.portal("server", "add", name, "--certificate", certificate, "--token-out", self.apple.file(name + ".p7m"))
        return said.split("server_uuid: ")[1].strip()

    def person(self, name, kind="federated"):
        user, = self.w.person(name)
        self.portal("account", "add", user, "--kind", kind)
        return user

    def phone(self, user, *how):
        return Phone(self.w, user, "--apple", self.apple.url["devices"], "--apple-ca", self.apple.file("ca.pem"), *how)

    def saw(self, service, subject):
        """Outcomes of that service for one person, oldest first."""
        rows = self.apple.ask("/ledger/" + service)[1]["rows"]
        return [r["outcome"] for r in reversed(rows) if r["subject"] == subject]


def main():
    o = Organization()
    user = o.person("ann")
    p = o.phone(user, "--os", "18.1")
    print(p.enroll(), p.err)
    p = o.phone(user, "--os", "18.2")
    print(p.enroll(), p.err)
    print(o.saw("discovery", user))
    o.w.healthy()
    o.apple.stop()
    return done()


if __name__ == "__main__":
    sys.exit(main())
