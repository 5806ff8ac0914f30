#!/usr/bin/python3
"""What each version of each system does, on both sides of every boundary in the table of `postern-device features`, and
each model of `postern-device models` wherever a device tells what it is. The server is tests/device/server.py."""

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "device")]
from server import openssl
import simulator
from quirks import UPDATE
from simulator import Phone, World, command, machine_info, told
from tap import done, ok, same, say

# Many short lives: under a sanitizer simulator.py and quirks.py have seen the same code.
PROGRAM = simulator.PROGRAM = os.path.join(os.environ.get("POSTERN_CLIENTS") or os.environ.get("POSTERN_BUILD", "build"),
                                           "postern-device")

FAMILIES = {"iPhone": "iOS", "Mac": "macOS", "RealityDevice": "visionOS"}
BEFORE = {"16.0": "15.8", "17.0": "16.7", "17.2": "17.1", "17.5": "17.4", "18.2": "18.1", "18.4": "18.3", "26.0": "18.6", "27.0": "26.4",
          ("Mac", "26.0"): "15.6", ("Mac", "14.5"): "14.4", ("Mac", "15.2"): "15.1", ("RealityDevice", "2.0"): "1.3",
          ("RealityDevice", "1.2"): "1.1", ("RealityDevice", "2.2"): "2.1", ("RealityDevice", "2.4"): "2.3",
          ("RealityDevice", "26.0"): "2.6"}


def table(*args):
    out = subprocess.run([PROGRAM, *args, "--json"], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


class Trial(Phone):
    """A device of one version that enrolls with the server's rules as they are now."""

    def __init__(self, world, family, version, *more):
        super().__init__(world)
        world.server.rules["family"] = family
        self.worked = self.enroll("--family", family, "--os", version, "--identity-key", world.key, *more) == 0


def discovery_403(world, family, version):
    world.server.reset(fault={"/.well-known/com.apple.remotemanagement": (
        403, '{"code":"com.apple.well-known.failed","message":"Ask the help desk"}', "application/json")})
    return "Ask the help desk" in Trial(world, family, version).err


def fallback(world, family, version):
    hosts = []
    world.server.reset(fault={"/.well-known/com.apple.remotemanagement": lambda h, r: (
        hosts.append(r["headers"]["Host"]), h.answer(500))[0]})
    Trial(world, family, version, "--fallback-url", "https://fallback.example.org")
    return "fallback.example.org" in hosts


def update_required(world, family, version):
    world.server.reset(fault={"/enroll": UPDATE})
    return "OS 18.3 before this device enrolls" in Trial(world, family, version).err


def acme(world, family, version):
    world.server.reset(acme=True)
    Trial(world, family, version)
    return bool(world.server.find("/acme"))


def enrollment(**rules):
    """Whether an enrollment under these rules of the server gets through."""
    def probe(world, family, version):
        world.server.reset(**rules)
        return Trial(world, family, version).worked
    return probe


def esso(world, family, version):
    world.server.reset(headers={"X_Apple_MDM_ESSO": "https://mdm.example.org/esso.json"}, fault={"/esso.json": (404,)})
    Trial(world, family, version)
    return bool(world.server.find("/esso.json"))


lives = {}      # each is looked at from more than one side


MDM_ITEMS = ["mdm.enrollment-type", "mdm.push-token", "mdm.push-magic", "mdm.is-awaiting-configuration"]


def mdm_items(s, mode, family):
    """The items of 27 as they were reported, right and whole; False: each was refused."""
    told = [r["StatusItems"]["mdm"] for r in s.reports if "mdm" in r["StatusItems"]]
    refused = {e["StatusItem"] for r in s.reports for e in r.get("Errors", [])}
    update = s.checkins("TokenUpdate")[0]
    wanted = {"enrollment-type": "user" if mode == "BYOD" else "supervised" if family == "Mac" else "device",
              "push-token": base64.b64encode(update["Token"]).decode(), "push-magic": update["PushMagic"],
              "is-awaiting-configuration": False}
    return True if told[:1] == [wanted] else False if not told and set(MDM_ITEMS) <= refused else (told, refused)


def life(mode, what):
    """What one device of this version showed from its enrollment to its eviction."""
    def probe(world, family, version):
        key = mode, family, version
        if key not in lives:
            lives[key] = live(world, *key)
        return lives[key][what]
    return probe


def live(world, mode, family, version):
    s = world.server
    s.reset(mode=mode, mdm={"ServerCapabilities": ["com.apple.mdm.token", "com.apple.mdm.bootstraptoken"]})
    s.declare("configuration.app.managed", "app", {"AppStoreID": "361309726"})
    s.declare("configuration.management.status-subscriptions", "items", {"StatusItems": [{"Name": n} for n in MDM_ITEMS]})
    s.declare("activation.simple", "on", {"StandardConfigurations": ["app", "items"]})
    s.queue = [command("DeclarativeManagement")]
    phone = Trial(world, family, version)
    seen = {"worked": phone.worked, "token": bool(s.checkins("GetToken")), "bootstrap": bool(s.checkins("SetBootstrapToken"))}
    if not phone.worked:
        return seen
    first = s.find("/enroll")[0]
    phone.poll()
    listed = [r["StatusItems"]["management"].get("declarations", {}) for r in s.reports if "management" in r["StatusItems"]]
    if mode == "BYOD":
        s.rules["evict"] = True
        phone.poll()
    return {**seen, "type": first["headers"]["Content-Type"] == "application/pkcs7-signature",
            "os": machine_info(world, first).get("OS_VERSION") == version,
            "app": any(c["identifier"] == "app" and c["valid"] == "valid" for d in listed for c in d.get("configurations", [])),
            "items": mdm_items(s, mode, family),
            "evicted": "all managed data was destroyed" in phone.err}


# feature: what shows it. Those without stand before every enrollment, or have a test of their own, or are proved by
# src/device/feature_test.c against Apple's tables.
PROBES = {
    "device-enrollment": life("ADDE", "worked"),
    "oauth2": enrollment(method="apple-oauth2"),
    "pkcs7-content-type": life("BYOD", "type"),
    "discovery-refusal": discovery_403,
    "discovery-fallback": fallback,
    "update-required": update_required,
    "acme": acme,
    "os-version": life("BYOD", "os"),
    "unrecognized-device": life("BYOD", "evicted"),
    "get-token": life("BYOD", "token"),
    "enrollment-sso": esso,
    "declared-apps": life("BYOD", "app"),
    "bootstrap-token": life("ADDE", "bootstrap"),
    "mdm-status-items": life("ADDE", "items"),
}
ELSEWHERE = {
    "user-enrollment": "beginnings, below",
    "enrollment-sso-declarations": "tests/flow/device_declarations.py",
    "acme-hardware-bound": "tests/flow/acme.py",
    "declarative-management": "src/device/feature_test.c",
    "strict-tls": "transport, below",
}


# What Apple's pages say, read once more for this test: iOS, macOS, visionOS.
SINCE = {
    "user-enrollment": "15.0 14.0 1.1", "device-enrollment": "16.0 14.0 1.1", "oauth2": "16.0 14.0 1.1",
    "pkcs7-content-type": "16.0 14.0 1.1", "discovery-refusal": "17.5 14.5 1.2", "discovery-fallback": "18.2 15.2 2.2",
    "os-version": "17.0 14.0 1.1", "update-required": "17.0 14.0 26.0", "unrecognized-device": "17.0 14.0 1.1",
    "get-token": "17.0 14.0 1.1", "enrollment-sso": "16.0 never 2.0", "enrollment-sso-declarations": "18.4 never 2.4",
    "acme": "16.0 13.1 1.0", "acme-hardware-bound": "16.0 14.0 1.0", "declarative-management": "15.0 13.0 1.1",
    "declared-apps": "17.2 26.0 2.4", "bootstrap-token": "26.0 10.15 26.0", "mdm-status-items": "27.0 27.0 27.0",
    "strict-tls": "27.0 27.0 27.0",
}


def versions(world):
    for i, (family, system) in enumerate(FAMILIES.items()):
        rows = table("features", "--family", family)
        same({r["feature"]: r["since"] for r in rows}, {name: since.split()[i] for name, since in SINCE.items()},
             f"15: the table has {system} as Apple's pages do")
        same({r["feature"] for r in rows}, set(PROBES) | set(ELSEWHERE), f"15: each feature of {system} has its test")
        first = next(r["since"] for r in rows if r["feature"] == "user-enrollment")
        number = lambda v: tuple(int(n) for n in v.split("."))
        for r in rows:
            probe, since = PROBES.get(r["feature"]), r["since"]
            if probe is None:
                continue
            if since == "never":
                ok(not probe(world, family, "27.0"), f"{r['section']}: {system} never has {r['feature']}")
                continue
            since = max(since, first, key=number)
            same(probe(world, family, since), True, f"{r['section']}: {r['feature']} on {system} {since}")
            if number(since) > number(first):
                before = BEFORE.get((family, since)) or BEFORE[since]
                same(probe(world, family, before), False, f"{r['section']}: no {r['feature']} on {system} {before}")


def beginnings(world):
    ends = {"iPhone": ("15.0", "14.8", "27.0"), "iPad": ("15.0", "14.8", "26.1"), "Mac": ("14.0", "13.6", "27.0"),
            "RealityDevice": ("1.1", "1.0", "27.0")}
    for family, (since, before, last) in ends.items():
        works = life("BYOD", "worked")
        ok(works(world, family, since) and works(world, family, last), f"15: {family} enrolls with {since} as with {last}")
        old = Trial(world, family, before)
        ok(not old.worked and "no account-driven enrollment" in old.err, f"1: {family} with {before} does not", told(old))


# ---- transport ----

SUITES = "ECDHE-RSA-AES128-GCM-SHA256"


class Host:
    """A TLS host that is one thing less than OS 27 wants, and counts what it is asked."""

    def __init__(self, world, name, suites=SUITES, names="DNS:example.org", bits="2048", digest="-sha256", ems=True, modern=False):
        at = lambda end: os.path.join(world.folder, f"{name}.{end}")
        self.asked, self.shaken, self.cacert = 0, 0, at("pem")
        with open(at("cnf"), "w") as f:
            f.write("[req]\ndistinguished_name=d\nprompt=no\n[d]\nCN=example.org\n[v]\n" +
                    (f"subjectAltName={names}\n" if names else "basicConstraints=CA:TRUE\n"))
        openssl.run(["req", "-x509", "-newkey", f"rsa:{bits}", "-noenc", "-keyout", at("key"), "-out", at("pem"), digest, "-days",
                     "30", "-config", at("cnf"), "-extensions", "v"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(suites + ":@SECLEVEL=0")
        context.load_cert_chain(at("pem"), at("key"))
        context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED if modern else ssl.TLSVersion.TLSv1_2
        if not ems:
            context.options |= 1        # SSL_OP_NO_EXTENDED_MASTER_SECRET
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, args=(context,), daemon=True).start()

    def serve(self, context):
        while True:
            plain, _ = self.listener.accept()
            plain.settimeout(60)
            try:
                with context.wrap_socket(plain, server_side=True) as s:
                    self.shaken += 1
                    if s.recv(4096):
                        self.asked += 1
                        s.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                plain.close()

    def asks(self, world, version, family="iPhone"):
        self.asked = 0
        phone = Phone(world)
        phone.run("enroll", "ann@example.org", "--cacert", self.cacert, "--connect-to", f"::127.0.0.1:{self.port}", "--device-ca",
                  world.device_ca, "--device-key", "p256", "--password-stdin", "--family", family, "--os", version, password="x")
        return self.asked, phone


def transport(world):
    words = "Your Apple Account does not support the expected services"
    faults = {"without ECDHE": {"suites": "AES128-GCM-SHA256"}, "without GCM": {"suites": "ECDHE-RSA-AES128-SHA256"},
              "without Extended Master Secret": {"ems": False}, "without a subjectAltName": {"names": None}}
    for what, how in faults.items():
        host = Host(world, what.replace(" ", "-"), **how)
        asked, phone = host.asks(world, "26.4")
        same(asked, 1, f"15: iOS 26.4 asks a host {what}")
        asked, phone = host.asks(world, "27.0")
        ok(asked == 0 and words in phone.err, f"15: iOS 27 asks it nothing, and the person reads why", told(phone))
    for what, how in {"with an RSA key of 1024 bits": {"bits": "1024"}, "signed with SHA-1": {"digest": "-sha1"}}.items():
        asked, phone = Host(world, what.replace(" ", "-"), **how).asks(world, "27.0")
        ok(asked == 0 and words in phone.err, f"15: nor a host whose certificate is one {what}", told(phone))
    for what, how in {"with TLS 1.2": {}, "with TLS 1.3": {"modern": True}}.items():
        host = Host(world, what.replace(" ", "-"), **how)
        for family in ("iPhone", "Mac", "RealityDevice"):
            asked, phone = host.asks(world, "27.0", family)
            ok(asked == 1 and words not in phone.err, f"15: {family} with 27 asks a host {what}", told(phone))


def managed_by(world, host, version):
    """How often an enrolled device of that version asks its MDM server, were that this host."""
    world.server.reset()
    phone = Trial(world, "iPhone", version)
    path = os.path.join(phone.state, "device.json")
    with open(path) as f:
        device = json.load(f)
    device.update(ca_file=host.cacert, connect_to=[f"::127.0.0.1:{host.port}"])
    with open(path, "w") as f:
        json.dump(device, f)
    host.asked = 0
    return phone.worked, phone.poll(), host.asked > 0


def managed(world):
    host = Host(world, "mdm", names="DNS:mdm.example.org", ems=False)
    same(managed_by(world, host, "26.4"), (True, 1, True), "15: iOS 26.4 asks an MDM server without Extended Master Secret")
    same(managed_by(world, host, "27.0"), (True, 1, False), "15: iOS 27 does not, once enrolled")


# ---- hardware ----

def hardware(world):
    s = world.server
    for m in table("models"):
        s.reset()
        s.declare("configuration.management.status-subscriptions", "items", {"StatusItems": [
            {"Name": "device.model.identifier"}, {"Name": "device.model.family"}, {"Name": "device.model.marketing-name"}]})
        s.declare("activation.simple", "on", {"StandardConfigurations": ["items"]})
        s.queue = [command("DeviceInformation", Queries=["ProductName", "ModelName", "CellularTechnology", "BatteryLevel",
                                                         "DeviceCapacity"]), command("DeclarativeManagement")]
        first = {"iPhone": "15.0", "iPad": "15.0", "Mac": "14.0", "RealityDevice": "1.1"}[m["family"]]
        phone = Trial(world, m["family"], max(m["since"], first, key=float), "--model", m["product"])
        phone.poll()
        name = f"{m['product']} ({m['name']})"
        same((machine_info(world, s.find("/enroll")[0])["PRODUCT"], s.checkins("Authenticate")[0]["ProductName"]),
             (m["product"], m["product"]), f"3.1, D-17: {name} in MachineInfo and Authenticate")
        answers = next(r["QueryResponses"] for r in s.results if "QueryResponses" in r)
        same((answers["ProductName"], int(answers["DeviceCapacity"])), (m["product"], m["capacity"]),
             f"D-24: {name} in DeviceInformation")
        ok(answers.get("BatteryLevel", -1) >= 0 if m["battery"] else answers.get("BatteryLevel", -1) == -1,
           f"D-24: {name}: a battery level where there is a battery", answers)
        same(answers.get("CellularTechnology", 0), 3 if m["cellular"] else 0, f"D-24: {name}: a network where there is a radio")
        model = next(r["StatusItems"]["device"]["model"] for r in s.reports if "device" in r["StatusItems"])
        same((model["identifier"], model["family"], model["marketing-name"]), (m["product"], m["family"], m["name"]),
             f"D-26: {name} in the status report")
    for family, model, radio in (("iPhone", "iPhone17,3", True), ("iPad", "iPad16,4", True), ("iPad", "iPad16,3", False)):
        s.reset(mode="ADDE")
        s.queue = [command("DeviceInformation", Queries=["IMEI"])]
        Trial(world, family, "18.2", "--model", model).poll()
        told_of = {machine_info(world, s.find("/enroll")[0]).get("IMEI"), s.checkins("Authenticate")[0].get("IMEI"),
                   s.results[0]["QueryResponses"].get("IMEI")}
        (imei,) = told_of if len(told_of) == 1 else (told_of,)
        digits = [int(d) for d in imei] if radio else []
        luhn = sum(d if i % 2 == 0 else 2 * d - 9 * (d > 4) for i, d in enumerate(digits))
        ok(imei is None if not radio else len(digits) == 15 and luhn % 10 == 0,
           f"3.1: {model} in a Device Enrollment tells {'one IMEI everywhere' if radio else 'no IMEI'}", told_of)
    phone = Phone(world)
    ok(phone.enroll("--model", "iPhone18,3", "--os", "18.2") == 2 and "no iPhone iPhone18,3 runs iOS 18.2" in phone.err,
       "3.1: no hardware runs a system older than itself", told(phone))


def main():
    with tempfile.TemporaryDirectory(prefix="versions-") as folder:
        world = World(folder)
        world.key = os.path.join(folder, "identity.key")
        openssl.new_rsa_key(world.key)
        for story in (beginnings, versions, transport, managed, hardware):
            if not sys.argv[1:] or story.__name__ in sys.argv[1:]:
                say(story.__name__)
                story(world)
    return done()


if __name__ == "__main__":
    sys.exit(main())
