"""An Apple device that enrolls by account, as protocol.md describes its wire: discovery to check-out.

Device holds what survives a restart (a JSON file, a key, a certificate); every method is one thing a device does and
returns the reply it got, so that a test can look at it. Nothing here knows the server it talks to.
"""

import base64
import json
import os
import plistlib
import re
import urllib.parse
import uuid

import openssl
import scep
import web

MODES = {"mdm-byod": "BYOD", "mdm-adde": "ADDE"}
FAMILIES = {	# model family: product, build, OS version
    "iPhone": ("iPhone17,2", "22C152", "18.2"),
    "iPad": ("iPad14,5", "22C152", "18.2"),
    "Mac": ("Mac15,3", "24C101", "15.2"),
    "RealityDevice": ("RealityDevice14,1", "22N842", "2.2"),
}
CHECKIN_TYPE = "application/x-apple-aspen-mdm-checkin"
COMMAND_TYPE = "application/x-apple-aspen-mdm; charset=UTF-8"


class Stopped(Exception):
    """The enrollment cannot go on. `stage` names where, `reply` is the answer that ended it."""

    def __init__(self, stage, text, reply=None):
        super().__init__(f"{stage}: {text}")
        self.stage, self.reply = stage, reply


def parse_challenge(reply):
    """The parameters of the account-driven challenge (protocol 4.1); Stopped when it cannot be used."""
    header = reply.header("WWW-Authenticate")
    if header is None:
        raise Stopped("authentication", "401 without WWW-Authenticate", reply)
    scheme, _, rest = header.partition(" ")
    if scheme != "Bearer":
        raise Stopped("authentication", f"the challenge begins with {scheme!r}", reply)
    found = re.findall(r'([A-Za-z0-9_-]+)=(?:"([^"]*)"|([^\s,"]+))', rest)
    values = {}
    for key, quoted, bare in found:
        values.setdefault(key, quoted or bare)
    needs = {"apple-as-web": ["url"],
             "apple-oauth2": ["authorization-url", "token-url", "redirect-url", "client-id"]}
    method = values.get("method")
    if method not in needs:
        raise Stopped("authentication", f"unknown method {method!r}", reply)
    missing = [key for key in needs[method] if not values.get(key)]
    if missing:
        raise Stopped("authentication", f"the challenge lacks {', '.join(missing)}", reply)
    return values


def is_challenge(reply):
    """401 with one Bearer challenge that has all its parameters, and no body (protocol 8.1)."""
    if reply.status != 401 or len(reply.all("WWW-Authenticate")) != 1 or reply.body:
        return False
    try:
        parse_challenge(reply)
    except Stopped:
        return False
    return True


def split_identifier(user):
    """At the last @; both parts non-empty, the domain fully qualified (protocol 2.1)."""
    left, _, domain = user.rpartition("@")
    label = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
    labels = domain[:-1].split(".") if domain.endswith(".") else domain.split(".")
    if not left or len(domain) > 253 or len(labels) < 2 or not all(label.match(x) for x in labels):
        raise Stopped("discovery", f"{user!r} is not USER@DOMAIN")
    if all(x.isdigit() for x in labels):
        raise Stopped("discovery", "an address is not a domain")
    return left, domain


class Device:
    def __init__(self, folder, cacert=None, connect_to=(), built_in=None):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.folder, self.cacert = folder, cacert
        self.wire = web.Wire(cacert, connect_to)
        self._connect_to = connect_to
        self.built_in = built_in or openssl.BuiltIn(os.path.join(folder, "built-in"))
        self.key, self.cert = os.path.join(folder, "identity.key"), os.path.join(folder, "identity.pem")
        self.state = {}
        if os.path.exists(self._file):
            with open(self._file) as f:
                self.state = json.load(f)

    @property
    def _file(self):
        return os.path.join(self.folder, "state.json")

    def save(self):
        with open(os.open(self._file + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            json.dump(self.state, f, indent=1)
        os.replace(self._file + ".new", self._file)

    # --- stage 1: discovery

    def discover(self, user, family="iPhone", server=None):
        """(Version, BaseURL) of the first server; `server` replaces the domain's own host."""
        _, domain = split_identifier(user)
        base = (server or f"https://{domain}").rstrip("/") + "/.well-known/com.apple.remotemanagement"
        url = web.with_query(base, [("user-identifier", user), ("model-family", family)])
        for _ in range(10):
            reply = self.wire.request("GET", url)
            if reply.status not in (301, 302, 303, 307, 308):
                break
            url = urllib.parse.urljoin(url, reply.header("Location") or "")	# the query is not attached again
        if reply.status == 403:
            raise Stopped("discovery", f"refused: {reply.body.decode(errors='replace')[:300]}", reply)
        if reply.status != 200 or reply.media_type != "application/json":
            raise Stopped("discovery", f"{reply.status} {reply.media_type}", reply)
        try:
            first = json.loads(reply.body)["Servers"][0]
            version, base_url = first["Version"], first["BaseURL"]
        except (ValueError, LookupError, TypeError):
            raise Stopped("discovery", "the document is malformed", reply) from None
        if version not in MODES:
            raise Stopped("discovery", f"unknown Version {version!r}", reply)
        self.state.update(user=user, family=family, mode=MODES[version], base_url=base_url)
        return version, base_url

    # --- stage 2: proof of a device, sign-in

    def machine_info(self, extra=None):
        product, build, version = FAMILIES[self.state["family"]]
        info = {"PRODUCT": product, "VERSION": build, "LANGUAGE": "en-US", "OS_VERSION": version}
        if self.state["mode"] == "ADDE":
            info.update(UDID=self.state.setdefault("udid", str(uuid.uuid4()).upper()),
                        SERIAL=self.state.setdefault("serial", "X" + os.urandom(4).hex().upper()))
        info.update(extra or {})
        return plistlib.dumps(info)

    def signed_machine_info(self, extra=None, digest="sha256"):
        return openssl.cms_sign(self.machine_info(extra), self.built_in.cert, self.built_in.key, self.built_in.chain,
                                digest=digest)

    def post_enroll(self, body, token=None, content_type="application/pkcs7-signature"):
        headers = {"Content-Type": content_type}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.wire.request("POST", self.state["base_url"], headers, body)

    def sign_in_url(self, challenge, identifier=True):
        """What the web view opens. At reauthentication the identifier may be left out."""
        user = self.state["user"]
        if challenge["method"] == "apple-as-web":	# the query is replaced, whatever it was (protocol 4.2)
            return web.with_query(challenge["url"], [("user-identifier", user)]) if identifier else challenge["url"]
        self.state["oauth_state"] = str(uuid.uuid4()).upper()
        items = [("response_type", "code"), ("client_id", challenge["client-id"]),
                 ("redirect_uri", challenge["redirect-url"])]
        if challenge.get("scope"):
            items.append(("scope", challenge["scope"]))
        items.append(("state", self.state["oauth_state"]))
        if identifier:
            items.append(("login_hint", user))
        return web.with_query(challenge["authorization-url"], items, keep=True)

    def take_callback(self, challenge, back):
        """Tokens out of the URL the web view ended at, by either method, kept in the state."""
        pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query)
        if challenge["method"] == "apple-as-web":
            tokens = [value for key, value in pairs if key == "access-token"]
            if not back.startswith(web.CALLBACK_SCHEME + ":") or not tokens:
                raise Stopped("sign-in", f"no access-token in {back.split('?')[0]}")
            self._keep_tokens(challenge, {"access_token": tokens[0]})
            return
        answer = dict(pairs)
        if answer.get("state") != self.state["oauth_state"] or not answer.get("code"):
            raise Stopped("sign-in", "code or state missing, or another state")
        self.code = answer["code"]
        reply = self.token_request(challenge, [
            ("grant_type", "authorization_code"), ("code", self.code), ("redirect_uri", challenge["redirect-url"]),
            ("client_id", challenge["client-id"])])
        self._keep_tokens(challenge, self._token_answer(reply))

    def sign_in(self, challenge, password, identifier=True):
        """The web view from its first page to the callback, whose URL is returned, and the tokens."""
        self.browser = web.Browser(self.wire)
        back = self.browser.sign_in(self.sign_in_url(challenge, identifier), self.state["user"], password)
        self.take_callback(challenge, back)
        return back

    def token_request(self, challenge, items):
        return self.wire.request("POST", challenge["token-url"],
                                 {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                                 urllib.parse.urlencode(items, quote_via=urllib.parse.quote, safe="+").encode())

    def _token_answer(self, reply):
        try:
            answer = json.loads(reply.body)
            good = reply.status == 200 and answer["token_type"].lower() == "bearer" and answer["access_token"]
        except (ValueError, LookupError, TypeError, AttributeError):
            good = False
        if not good:
            raise Stopped("token", f"{reply.status}", reply)
        return answer

    def _keep_tokens(self, challenge, answer):
        """The whole set is replaced: an answer without refresh_token makes the device forget its own (protocol 4.3)."""
        self.state["tokens"] = {"access": answer["access_token"], "refresh": answer.get("refresh_token"),
                                "method": challenge["method"]}
        self.save()

    @property
    def token(self):
        return self.state["tokens"]["access"]

    # --- stage 3: profile and identity

    def read_profile(self, reply):
        """(profile, com.apple.mdm payload, identity payload), checked as protocol 5.2 says."""
        if reply.status != 200 or reply.media_type != "application/x-apple-aspen-config" or not reply.body:
            raise Stopped("profile", f"{reply.status} {reply.media_type}, {len(reply.body)} octets", reply)
        body = reply.body
        if not body.lstrip().startswith((b"<?xml", b"<!DOCTYPE", b"<plist")):
            body = openssl.cms_verify(body, no_chain=True)
        profile = plistlib.loads(body)
        payloads = profile["PayloadContent"]
        mdm = [p for p in payloads if p["PayloadType"] == "com.apple.mdm"]
        if len(mdm) != 1:
            raise Stopped("profile", f"{len(mdm)} com.apple.mdm payloads", reply)
        mdm = mdm[0]
        if mdm.get("EnrollmentMode") != self.state["mode"]:
            raise Stopped("profile", f"EnrollmentMode {mdm.get('EnrollmentMode')!r}", reply)
        if not mdm.get("AssignedManagedAppleID"):
            raise Stopped("profile", "no AssignedManagedAppleID", reply)
        if self.state["mode"] == "BYOD" and "AccessRights" in mdm:
            raise Stopped("profile", "AccessRights in a BYOD profile", reply)
        for key in ("Topic", "ServerURL", "IdentityCertificateUUID"):
            if not mdm.get(key):
                raise Stopped("profile", f"no {key}", reply)
        identity = [p for p in payloads if p.get("PayloadUUID") == mdm["IdentityCertificateUUID"]]
        if len(identity) != 1:
            raise Stopped("profile", "IdentityCertificateUUID names no payload", reply)
        return profile, mdm, identity[0]

    def install(self, mdm, identity, **how):
        """Get the identity certificate and keep what the mdm payload says."""
        if identity["PayloadType"] != "com.apple.security.scep":
            raise Stopped("identity", f"{identity['PayloadType']} is not spoken here")
        inner = identity["PayloadContent"]
        openssl.new_rsa_key(self.key, max(inner.get("Keysize", 1024), 2048))
        client = scep.Scep(inner["URL"], web.Wire(self.cacert, self._connect_to), inner.get("Name", ""))
        certificate, authorities = client.enroll(self.key, inner.get("Subject", []), inner.get("Challenge"),
                                                 inner.get("SubjectAltName"), **how)
        with open(self.cert, "wb") as f:
            f.write(certificate)
        self.authorities = authorities
        self.state["mdm"] = {key: mdm[key] for key in ("Topic", "ServerURL", "CheckInURL", "SignMessage",
                                                       "AssignedManagedAppleID", "CheckOutWhenRemoved") if key in mdm}
        self.state["mdm"]["capabilities"] = mdm.get("ServerCapabilities", [])
        if self.state["mode"] == "BYOD":
            self.state["enrollment_id"] = str(uuid.uuid4()).upper()
        else:
            self.state.setdefault("udid", str(uuid.uuid4()).upper())
        self.state["magic"], self.state["push"] = str(uuid.uuid4()).upper(), os.urandom(32).hex()
        self.save()
        return certificate

    def begin(self, user, family="iPhone", server=None):
        """From the identifier to the challenge, which is returned."""
        self.discover(user, family, server)
        self.body = self.signed_machine_info()
        first = self.post_enroll(self.body)
        if first.status != 401:
            raise Stopped("enrollment", f"the first POST got {first.status}", first)
        return parse_challenge(first)

    def finish(self):
        """From the token to the first TokenUpdate."""
        second = self.post_enroll(self.body, self.token)
        _, mdm, identity = self.read_profile(second)
        self.install(mdm, identity)
        for step in (self.authenticate, self.token_update):
            reply = step()
            if reply.status != 200:
                raise Stopped("check-in", f"{step.__name__} got {reply.status}", reply)
        self.state["enrolled"] = True
        self.save()

    def enroll(self, user, password, family="iPhone", server=None):
        """All of it, from the identifier to the first TokenUpdate."""
        challenge = self.begin(user, family, server)
        self.sign_in(challenge, password)
        self.finish()

    # --- stage 4: check-in, commands, tokens

    @property
    def check_in_url(self):
        return self.state["mdm"].get("CheckInURL") or self.state["mdm"]["ServerURL"]

    def who(self, user_channel=False):
        """The keys that name the enrollment (protocol 7.2)."""
        if self.state["mode"] == "BYOD":
            keys = {"EnrollmentID": self.state["enrollment_id"]}
        else:
            keys = {"UDID": self.state["udid"]}
        if user_channel:
            short = self.state["user"].split("@")[0]
            keys.update(UserShortName=short, UserLongName=short.capitalize(), NotOnConsole=False,
                        UserID=self.state.setdefault("user_id", str(uuid.uuid4()).upper()))
            if self.state["mode"] == "BYOD":
                keys["EnrollmentUserID"] = self.state.setdefault("enrollment_user_id", str(uuid.uuid4()).upper())
        return keys

    def signature(self, body, cert=None, key=None, digest="sha256"):
        """Mdm-Signature: detached CMS over the exact bytes, base64 on one line (protocol 7.1)."""
        return base64.b64encode(openssl.cms_sign(body, cert or self.cert, key or self.key, attached=False,
                                                 digest=digest)).decode()

    def put(self, url, content_type, body, token=None, signature=True):
        """One MDM request. `token` None sends no bearer; `signature` may be False, or a header value."""
        headers = {"Content-Type": content_type, "User-Agent": "MDM/1.0", "Cache-Control": "no-cache"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        wire = self.wire
        if signature is True and self.state["mdm"].get("SignMessage"):
            headers["Mdm-Signature"] = self.signature(body)
        elif signature is True:
            wire = web.Wire(self.cacert, self._connect_to, (self.cert, self.key))
        elif signature:
            headers["Mdm-Signature"] = signature
        for _ in range(5):
            reply = wire.request("PUT", url, headers, body)
            if reply.status not in (301, 302, 303, 307, 308):
                break
            url = urllib.parse.urljoin(url, reply.header("Location") or "")
        return reply

    def bearer(self, user_channel=False):
        """macOS sends the token on its user channel only (protocol 8)."""
        return None if self.state["family"] == "Mac" and not user_channel else self.token

    def check_in(self, kind, keys=None, user_channel=False, **how):
        message = {"MessageType": kind, **self.who(user_channel), **(keys or {})}
        how.setdefault("token", self.bearer(user_channel))
        return self.put(self.check_in_url, CHECKIN_TYPE, plistlib.dumps(message), **how)

    def authenticate(self, extra=None, **how):
        product, build, version = FAMILIES[self.state["family"]]
        keys = {"Topic": self.state["mdm"]["Topic"], "OSVersion": version, "BuildVersion": build, "ProductName": product}
        if self.state["family"] == "Mac":
            keys.update(DeviceName="Mac", Model=product, ModelName="MacBook Pro")
        if self.state["mode"] == "ADDE":
            keys["SerialNumber"] = self.state.get("serial", "X0000000")
        keys.update(extra or {})
        return self.check_in("Authenticate", keys, **how)

    def token_update(self, user_channel=False, **how):
        push, magic = self.state["push"], self.state["magic"]
        if user_channel:
            push = self.state.setdefault("user_push", os.urandom(32).hex())
            magic = self.state.setdefault("user_magic", str(uuid.uuid4()).upper())
            self.save()
        keys = {"Topic": self.state["mdm"]["Topic"], "Token": bytes.fromhex(push), "PushMagic": magic}
        if not user_channel:
            keys["AwaitingConfiguration"] = False
        return self.check_in("TokenUpdate", keys, user_channel, **how)

    def check_out(self, **how):
        reply = self.check_in("CheckOut", {"Topic": self.state["mdm"]["Topic"]}, **how)
        if reply.status == 200:
            self.state["enrolled"] = False
            self.save()
        return reply

    def get_token(self, service="com.apple.maid", parameters=None, **how):
        keys = {"TokenServiceType": service}
        if parameters is not None:
            keys["TokenParameters"] = parameters
        return self.check_in("GetToken", keys, **how)

    def report(self, status="Idle", keys=None, user_channel=False, **how):
        """One request of the command loop."""
        message = {"Status": status, **self.who(user_channel), **(keys or {})}
        how.setdefault("token", self.bearer(user_channel))
        return self.put(self.state["mdm"]["ServerURL"], COMMAND_TYPE, plistlib.dumps(message), **how)

    def answer(self, command):
        """(status, keys) with which this device answers a command."""
        kind = command["Command"]["RequestType"]
        if kind == "DeviceInformation":
            return "Acknowledged", {"QueryResponses": self._device_information(command["Command"].get("Queries", []))}
        if kind == "SecurityInfo":
            return "Acknowledged", {"SecurityInfo": {"HardwareEncryptionCaps": 3, "PasscodeCompliant": True,
                                                     "ManagementStatus": {"IsUserEnrollment": self.state["mode"] == "BYOD"}}}
        if kind in ("ProfileList", "CertificateList", "InstalledApplicationList"):
            return "Acknowledged", {kind: []}
        if kind in ("DeclarativeManagement", "InstallProfile", "RemoveProfile", "DeviceLock", "InstallApplication"):
            return "Acknowledged", {}
        return "Error", {"ErrorChain": [{"ErrorCode": 12021, "ErrorDomain": "MCMDMErrorDomain",
                                         "LocalizedDescription": "The request type is invalid.",
                                         "USEnglishDescription": "The request type is invalid."}]}

    def _device_information(self, queries):
        """A forbidden query is left out (protocol 10)."""
        product, build, version = FAMILIES[self.state["family"]]
        known = {"DeviceName": "iPhone", "OSVersion": version, "BuildVersion": build, "ProductName": product,
                 "ModelName": self.state["family"], "Model": "MU773LL", "DeviceCapacity": 238.2,
                 "AvailableDeviceCapacity": 190.5, "BatteryLevel": 0.87, "IsSupervised": False, "IsMultiUser": False,
                 "TimeZone": "Europe/Berlin", "IsNetworkTethered": False}
        if self.state["mode"] == "ADDE":
            known.update(UDID=self.state["udid"], SerialNumber=self.state.get("serial", "X0000000"))
        return {q: known[q] for q in queries if q in known}

    def poll(self, password=None, limit=50, user_channel=False):
        """Idle, then answer what comes until nothing comes; renews the token when asked to. Returns the commands."""
        done, status, keys = [], "Idle", {}
        for _ in range(limit):
            reply = self.report(status, keys, user_channel)
            if reply.status == 401:
                self.renew(reply, password)
                reply = self.report(status, keys, user_channel)
            if reply.status != 200:
                raise Stopped("commands", f"{reply.status}", reply)
            if not reply.body:
                return done
            command = plistlib.loads(reply.body)
            done.append(command)
            status, keys = self.answer(command)
            keys = {"CommandUUID": command["CommandUUID"], **keys}
        raise Stopped("commands", f"{limit} commands and no end", reply)

    def refresh(self, challenge):
        """Silent renewal with the parameters of this challenge (protocol 8.1)."""
        reply = self.token_request(challenge, [("grant_type", "refresh_token"),
                                               ("refresh_token", self.state["tokens"]["refresh"]),
                                               ("client_id", challenge["client-id"])])
        self._keep_tokens(challenge, self._token_answer(reply))
        return reply

    def renew(self, reply, password=None):
        """What a device does on a 401: refresh, else the person signs in again. Returns the way it took."""
        challenge = parse_challenge(reply)
        if challenge["method"] == "apple-oauth2" and self.state["tokens"].get("refresh"):
            try:
                self.refresh(challenge)
                return "refresh"
            except Stopped:
                if password is None:
                    raise
        if password is None:
            raise Stopped("renewal", "the person has to sign in again", reply)
        self.sign_in(challenge, password)
        return "sign-in"


def verify_jwt(token, certificate_pem):
    """(header, claims) of a compact RS256 JWT; Stopped when the signature is not by the certificate's key."""
    unpad = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    head, claims, signature = token.split(".")
    if not openssl.signature_is_good(openssl.certificate_public_pem(certificate_pem), unpad(signature),
                                     f"{head}.{claims}".encode()):
        raise Stopped("token", "the JWT's signature is not good")
    return json.loads(unpad(head)), json.loads(unpad(claims))
