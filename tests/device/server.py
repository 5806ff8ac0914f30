"""A server for the simulated device alone: written from the protocol, shares nothing with posternd, and misbehaves on
request. Every request is kept in `log`; `rules` changes what is answered."""

import base64
import hashlib
import json
import os
import plistlib
import ssl
import sys
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "independent"))
import der  # noqa: E402
import openssl  # noqa: E402
import scep  # noqa: E402

HOST = "mdm.example.org"
TOPIC = "com.apple.mgmt.External.6a1f0f7e-1111-4222-8333-444455556666"
PAGE = """<!doctype html><html><head><title>Sign in</title></head><body>{alert}
<form method="post" action="{action}"><input type="hidden" name="csrf" value="c&quot;1"><input name="user" type="email">
{password}<button>Go on</button></form></body></html>"""


class Server:
    def __init__(self, folder):
        self.folder, self.lock = folder, threading.Lock()
        at = lambda name: os.path.join(folder, name)
        self.ca, self.ca_key = at("ca.pem"), at("ca.key")
        openssl.new_rsa_key(self.ca_key)
        self._put(self.ca, openssl.self_signed(self.ca_key, "Enrollment CA", "root"))
        tls_key, tls = at("tls.key"), at("tls.pem")
        openssl.new_rsa_key(tls_key)
        config = at("tls.cnf")
        self._put(config, b"[req]\ndistinguished_name=d\nprompt=no\n[d]\nCN=postern\n[v]\n"
                  b"subjectAltName=DNS:mdm.example.org,DNS:example.org,DNS:fallback.example.org\n")
        self._put(tls, openssl.run(["req", "-x509", "-new", "-key", tls_key, "-sha256", "-days", "30", "-config", config,
                                    "-extensions", "v"]))
        self.cacert = tls
        self.reset()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls, tls_key)
        context.load_verify_locations(self.ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        server = self

        class Handler(Requests):
            owner = server

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.socket = context.wrap_socket(self.httpd.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.httpd.server_address[1]
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    @staticmethod
    def _put(path, content):
        with open(path, "wb") as f:
            f.write(content)

    def reset(self, **rules):
        self.log, self.queue, self.results, self.certificates = [], [], [], []
        self.good_tokens, self.refresh, self.rules = set(), set(), {"method": "apple-as-web", "mode": "BYOD", **rules}
        self.challenge_password = uuid.uuid4().hex
        self.declared, self.reports = {"device": {}, "user": {}}, []

    def declare(self, kind, identifier, payload, channel="device"):
        """Declare something, or change it; `kind` is the end of its Type ("configuration.legacy")."""
        document = {"Type": f"com.apple.{kind}", "Identifier": identifier, "Payload": payload}
        document["ServerToken"] = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:40]
        self.declared[channel][identifier] = document
        return document

    def sync_tokens(self, channel="device"):
        parts = sorted(d["Identifier"] + d["ServerToken"] for d in self.declared[channel].values())
        return {"SyncTokens": {"DeclarationsToken": hashlib.sha256("".join(parts).encode()).hexdigest(),
                               "Timestamp": "2026-11-29T10:00:00Z"}}

    def connect_to(self):
        return f"::127.0.0.1:{self.port}"

    def rule(self, name, otherwise=None):
        return self.rules.get(name, otherwise)

    def paths(self):
        return [f"{r['method']} {r['path']}" for r in self.log]

    def find(self, path):
        return [r for r in self.log if r["path"] == path]

    def checkins(self, kind=None):
        found = [plistlib.loads(r["body"]) for r in self.find("/checkin")]
        return [m for m in found if kind is None or m.get("MessageType") == kind]

    def token(self):
        value = uuid.uuid4().hex
        self.good_tokens.add(value)
        return value

    def profile(self, **changes):
        mode = self.rule("mode")
        mdm = {"PayloadType": "com.apple.mdm", "PayloadVersion": 1, "PayloadIdentifier": "p.mdm",
               "PayloadUUID": str(uuid.uuid4()), "EnrollmentMode": mode, "AssignedManagedAppleID": "ann@example.org",
               "IdentityCertificateUUID": "11111111-2222-4333-8444-555555555555", "Topic": TOPIC,
               "ServerURL": f"https://{HOST}/command", "CheckInURL": f"https://{HOST}/checkin", "SignMessage": True,
               "CheckOutWhenRemoved": True,
               "ServerCapabilities": ["com.apple.mdm.token", "com.apple.mdm.per-user-connections"]}
        if mode == "ADDE":
            mdm["AccessRights"] = 8191
        mdm.update(self.rule("mdm", {}))
        mdm.update(changes)
        mdm = {k: v for k, v in mdm.items() if v is not None}
        identity = {"PayloadType": "com.apple.security.scep", "PayloadVersion": 1, "PayloadIdentifier": "p.scep",
                    "PayloadUUID": "11111111-2222-4333-8444-555555555555",
                    "PayloadContent": {"URL": f"https://{HOST}/scep", "Name": "ca", "Challenge": self.challenge_password,
                                       "Subject": [[["O", "Example"]], [["CN", "identity"]]], "Keysize": 2048,
                                       "Key Type": "RSA", "Key Usage": 5, "RetryDelay": 1}}
        if self.rule("acme"):
            identity = {"PayloadType": "com.apple.security.acme", "PayloadVersion": 1, "PayloadIdentifier": "p.acme",
                        "PayloadUUID": identity["PayloadUUID"], "DirectoryURL": f"https://{HOST}/acme", "ClientIdentifier": "c",
                        "KeyType": "ECSECPrimeRandom", "KeySize": 256, "HardwareBound": False, "Subject": [[["CN", "identity"]]]}
        top = {"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": "org.example.enroll",
               "PayloadUUID": str(uuid.uuid4()), "PayloadOrganization": "Example", "PayloadContent": [identity, mdm]}
        top.update(self.rule("top", {}))
        text = plistlib.dumps(top)
        return openssl.cms_sign(text, self.ca, self.ca_key) if self.rule("signed") else text

    def certrep(self, body):
        request = scep.PkiMessage(body)
        csr = openssl.cms_decrypt(request.content, open(self.ca, "rb").read(), self.ca_key)
        text = openssl.run(["req", "-inform", "DER", "-noout", "-verify", "-text"], csr).decode()
        signer = openssl.cms_certificates(body)[0]
        transaction, nonce = request.text(scep.TRANSACTION_ID), request.octets(scep.SENDER_NONCE)
        attributes = [(scep.MESSAGE_TYPE, der.printable("3")), (scep.TRANSACTION_ID, der.printable(transaction)),
                      (scep.RECIPIENT_NONCE, der.octets(nonce)), (scep.SENDER_NONCE, der.octets(os.urandom(16)))]
        envelope = b""
        pending = self.rule("pending", 0)
        if pending:
            self.rules["pending"] = pending - 1
            attributes.append((scep.PKI_STATUS, der.printable("3")))
        elif self.challenge_password not in text or self.rule("scep-refuse"):
            attributes += [(scep.PKI_STATUS, der.printable("2")), (scep.FAIL_INFO, der.printable("2"))]
        else:
            with openssl.Scratch() as s:
                pem = openssl.run(["x509", "-req", "-inform", "DER", "-CA", self.ca, "-CAkey", self.ca_key, "-days", "30",
                                   "-sha256", "-set_serial", str(int.from_bytes(os.urandom(8), "big") >> 1)], csr)
                self.certificates.append(pem)
                bag = openssl.run(["crl2pkcs7", "-nocrl", "-certfile", s.file("c.pem", pem), "-outform", "DER"])
            envelope = openssl.cms_encrypt(bag, signer, scep.CIPHERS[scep.envelope_cipher(request.content)])
            attributes.append((scep.PKI_STATUS, der.printable("0")))
        ca_der = openssl.certificate_to_der(open(self.ca, "rb").read())
        digest = [k for k, v in scep.DIGEST.items() if v == request.digest][0]
        return scep.pki_message(envelope, ca_der, self.ca_key, attributes, digest)


class Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind=None, **headers):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        request = {"method": self.command, "path": url.path, "raw": self.path, "headers": self.headers, "body": body,
                   "query": self.query, "peer": self.connection.getpeercert()}
        o = self.owner
        with o.lock:
            o.log.append(request)
            fault = o.rule("fault", {}).get(url.path)
            if fault:
                self.answer(*fault) if not callable(fault) else fault(self, request)
                return
            name = "on_" + url.path.strip("/").replace(".well-known/com.apple.remotemanagement", "discovery").replace("/", "_")
            handler = getattr(self, name, None)
            handler(request) if handler else self.answer(404)

    do_GET = do_POST = do_PUT = serve

    def challenge(self, **more):
        o = self.owner
        parts = {"apple-as-web": f'Bearer method="apple-as-web", url="https://{HOST}/signin?lost=1"',
                 "apple-oauth2": f'Bearer method="apple-oauth2", authorization-url="https://{HOST}/signin?t=1", '
                 f'token-url="https://{HOST}/token", redirect-url="apple-remotemanagement-user-login:/oauth2/redirection", '
                 'client-id="cid", scope="mdm"'}
        self.answer(401, WWW_Authenticate=o.rule("challenge", parts[o.rule("method")]), **o.rule("headers", {}))

    def on_discovery(self, r):
        o = self.owner
        hops = o.rule("hops", 0)
        if hops:
            o.rules["hops"] = hops - 1
            self.answer(302, Location=f"https://{HOST}/.well-known/com.apple.remotemanagement?moved=1")
            return
        document = {"Servers": [{"Version": "mdm-" + o.rule("mode").lower(), "BaseURL": f"https://{HOST}/enroll?t=1"}]}
        self.answer(200, json.dumps(document), "application/json; charset=utf-8")

    def bearer(self):
        value = self.headers.get("Authorization", "")
        return value[7:] if value.startswith("Bearer ") else None

    def on_enroll(self, r):
        o = self.owner
        if self.bearer() is None:
            self.answer(o.rule("first")) if o.rule("first") else self.challenge()
        elif self.bearer() not in o.good_tokens or o.rule("second") == 401:
            self.challenge()
        else:
            self.answer(200, o.profile(), "application/x-apple-aspen-config")

    def on_signin(self, r):
        o = self.owner
        o.signin_query = self.query
        if o.rule("steps"):
            self.answer(200, PAGE.format(alert="", action="signin/next", password=""), "text/html", Set_Cookie="s=1; Path=/")
        else:
            self.form("")

    def form(self, alert):
        headers = {"Content_Security_Policy": self.owner.rule("csp")} if self.owner.rule("csp") else {}
        self.answer(200, PAGE.format(alert=alert, action="/signin/done?a=1&amp;b=2",
                                     password='<input type="password" name="pw">'), "text/html; charset=utf-8",
                    Set_Cookie="session=x; Path=/; HttpOnly", **headers)

    def on_signin_next(self, r):
        self.form("")

    def on_signin_done(self, r):
        o = self.owner
        items = dict(urllib.parse.parse_qsl(r["body"].decode()))
        if "session=x" not in self.headers.get("Cookie", "") or items.get("csrf") != 'c"1':
            self.answer(400, "<div role=alert>no cookie or csrf</div>", "text/html")
        elif items.get("pw") != "good password":
            self.form("<p role=alert>Wrong <b>password</b></p>")
        elif o.rule("method") == "apple-oauth2":
            o.code = uuid.uuid4().hex
            state = o.rule("state", o.signin_query.get("state"))
            self.answer(308, Location=f"apple-remotemanagement-user-login:/oauth2/redirection?code={o.code}&state={state}")
        else:
            self.answer(o.rule("callback", 308), Location="apple-remotemanagement-user-login://authentication-results"
                        f"?access-token={o.token()}&access-token=second")

    def on_token(self, r):
        o, items = self.owner, dict(urllib.parse.parse_qsl(r["body"].decode()))
        code = items.get("grant_type") == "authorization_code" and items.get("code") == o.code
        again = items.get("grant_type") == "refresh_token" and items.get("refresh_token") in o.refresh
        if not (code or again) or items.get("client_id") != "cid" or (again and o.rule("no-refresh")):
            self.answer(400, '{"error":"invalid_grant"}', "application/json")
            return
        o.code = None
        answer = {"token_type": "bearer", "access_token": o.token(), "expires_in": o.rule("expires", 3600)}
        if not (again and o.rule("forget-refresh")):
            answer["refresh_token"] = uuid.uuid4().hex
            o.refresh = {answer["refresh_token"]}
        self.answer(200, json.dumps(answer), "application/json")

    def on_scep(self, r):
        o, operation = self.owner, self.query.get("operation")
        if operation == "GetCACaps":
            self.answer(200, o.rule("caps", "POSTPKIOperation\r\nSHA-256\r\nAES\r\n"), "text/plain")
        elif operation == "GetCACert":
            self.answer(200, openssl.certificate_to_der(open(o.ca, "rb").read()), "application/x-x509-ca-cert")
        else:
            body = r["body"] or base64.b64decode(self.query["message"])
            self.answer(200, o.certrep(body), "application/x-pki-message")

    def gate(self, r):
        """The proofs that a message must carry; False: answered already."""
        o, m = self.owner, plistlib.loads(r["body"])
        if self.headers.get("Mdm-Signature"):
            openssl.cms_verify(base64.b64decode(self.headers["Mdm-Signature"]), ca=o.ca, content=r["body"])
        elif not r["peer"]:
            self.answer(403)
            return None
        bare = o.rule("family") == "Mac" and not ({"EnrollmentUserID", "UserID"} & set(m))
        if m.get("MessageType") != "CheckOut" and not bare and self.bearer() not in o.good_tokens:
            self.challenge()
            return None
        return m

    def on_checkin(self, r):
        m = self.gate(r)
        if m is None:
            return
        o = self.owner
        if m["MessageType"] == "GetToken" and o.rule("mute", 0):
            o.rules["mute"] -= 1
            self.close_connection = True    # the server went away before it answered
        elif m["MessageType"] == "GetToken":
            part = lambda o: base64.urlsafe_b64encode(json.dumps(o).encode()).rstrip(b"=")
            claims = {"iss": "u", "iat": 1, "jti": "j", "service_type": "com.apple.maid"}
            token = part({"alg": "RS256"}) + b"." + part(claims) + b".c2ln"
            self.answer(200, plistlib.dumps({"TokenData": self.owner.rule("maid", token)}), "application/xml")
        elif m["MessageType"] == "UserAuthenticate":
            self.answer(*o.rule("user", (410,)))
        elif m["MessageType"] == "SetBootstrapToken":
            o.escrow = m["BootstrapToken"]
            self.answer(200)
        elif m["MessageType"] == "GetBootstrapToken":
            self.answer(200, plistlib.dumps({"BootstrapToken": o.escrow}), "application/xml")
        elif m["MessageType"] == "DeclarativeManagement":
            self.declarative(m)
        else:
            self.answer(200)

    def declarative(self, m):
        o, channel, endpoint = self.owner, "user" if {"EnrollmentUserID", "UserID"} & set(m) else "device", m["Endpoint"]
        fault = o.rule("ddm", {}).get(endpoint)
        part, _, rest = endpoint.partition("/")
        kind, _, identifier = rest.partition("/")
        found = o.declared[channel].get(identifier)
        if fault:
            self.answer(*fault)
        elif endpoint == "tokens":
            self.answer(200, json.dumps(o.sync_tokens(channel)), "application/json")
        elif endpoint == "declaration-items":
            lists = {"Activations": [], "Assets": [], "Configurations": [], "Management": []}
            for d in list(o.declared[channel].values()) + o.rule("phantoms", []):
                name = d["Type"].split(".")[2].capitalize()
                lists[name if name == "Management" else name + "s"].append({k: d[k] for k in ("Identifier", "ServerToken")})
            self.answer(200, json.dumps({"Declarations": lists, **o.sync_tokens(channel)["SyncTokens"]}), "application/json")
        elif part == "declaration":
            good = found and found["Type"].split(".")[2] == kind
            self.answer(200, json.dumps(found), "application/json") if good else self.answer(404)
        elif endpoint == "status":
            o.reports.append({"channel": channel, **json.loads(m["Data"])})
            self.answer(200)
        else:
            self.answer(400)

    def on_command(self, r):
        o, m = self.owner, self.gate(r)
        if m is None:
            return
        if o.rule("evict"):
            self.answer(403, '{"code":"com.apple.unrecognized.device"}', "application/json")
            return
        if m["Status"] != "Idle":
            o.results.append(m)
            if o.rule("drop", 0):
                o.rules["drop"] -= 1
                self.answer(503)
                return
            if m["Status"] != "NotNow":
                o.queue = [c for c in o.queue if c["CommandUUID"] != m["CommandUUID"]]
        live = [c for c in o.queue if m["Status"] != "NotNow" or c["CommandUUID"] != m.get("CommandUUID")]
        self.answer(200, plistlib.dumps(live[0]), "application/xml") if live else self.answer(200)
