#!/usr/bin/python3
"""Both modes, both ways of signing in and every family of device, from discovery to unenrollment; systems before
iOS 16; and the three ways in which an enrolled device proves itself, the last through a real nginx."""

import http.client
import os
import plistlib
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
import web
from postern import DOMAIN, done, free_port, ok, same, say
from world import Phone, World, in_batches

FAMILIES = ("iPhone", "iPad", "RealityDevice", "Mac")
KINDS = [(mode, method, family) for mode in ("byod", "adde") for method in ("apple-oauth2", "apple-as-web")
         for family in FAMILIES]


def user(kind):
    return "-".join(kind).lower() + "@" + DOMAIN


class Life:
    """What one device lived through; asserted once all of them are done."""

    def __init__(self, world, kind):
        self.kind, self.phone = kind, Phone(world, user(kind), "--family", kind[2])
        self.told = []

    def step(self, good, rule):
        self.told.append((bool(good), f"{', '.join(self.kind)}: {rule}", None if good else self.phone.story()))
        return good

    def begin(self):
        p, (mode, method, family) = self.phone, self.kind
        if not self.step(p.enroll() == 0, "S-17, S-24: enrolls through all stages"):
            return self
        about = p.about()
        self.step(about.get("method") == method, "S-08: signs in by the method of its rule")
        self.step(about.get("mode") == mode.upper(), "S-18: in the mode of its rule")
        p.send("DeviceInformation", "Queries=OSVersion,ModelName")
        self.step(p.poll() == 0 and p.commands() == ["Acknowledged"], "S-25: DeviceInformation is answered")
        return self

    def renew(self):
        p, (mode, method, family) = self.phone, self.kind
        p.send("ProfileList")
        if method == "apple-oauth2":
            self.step(p.poll() == 0 and any(s.get("POST", "").endswith("/oauth2/token") for s in p.steps),
                      "S-28: an expired token is refreshed without a word to the person")
        elif family == "Mac":		# its device channel carries no token
            self.step(p.poll("--device-channel") == 0 and p.commands()[-1] == "Acknowledged",
                      "S-27: the device channel of a Mac goes on without a token")
            self.step(p.poll("--user-channel") == 1, "S-28: its user channel asks for the person")
            self.step(p.reauth() == 0, "S-28: who signs in again")
        else:
            self.step(p.poll() == 1 and p.commands()[-1] == "queued",
                      "S-28: a token that can't be refreshed asks for the person; the queue is kept")
            self.step(p.reauth() == 0, "S-28: who signs in again")
        self.step(p.poll() == 0 and p.commands() == ["Acknowledged"] * 2, "S-28: and the command that waited is answered")
        return self

    def end(self):
        p = self.phone
        self.step(p.unenroll() == 0 and p.row()["state"] == "unenrolled", "S-29: leaves, and the server knows")
        self.step(p.about().get("managed-volume") != "exists", "D-22: the managed volume is gone")
        return self


def families(w):
    lives = in_batches(lambda kind: Life(w, kind).begin(), KINDS)
    w.time_passes(*(user(kind) for kind in KINDS))
    in_batches(Life.renew, lives)
    in_batches(Life.end, lives)
    for life in lives:
        for good, rule, seen in life.told:
            ok(good, rule, seen)
    for kind in KINDS:
        codes = w.codes(user(kind))
        wanted = ["discovered", "challenged", "signin-ok", "profile-sent", "certificate-issued", "authenticated",
                  "enrolled", "bearer-expired", "token-refreshed" if kind[1] == "apple-oauth2" else "signed-in-again",
                  "unenrolled"]
        ok(all(code in codes for code in wanted), f"{', '.join(kind)}: the timeline tells all of it", codes)


def before_16(w):
    for family, version in (("iPhone", "15.7"), ("iPad", "15.8")):
        who = f"old-{family.lower()}@{DOMAIN}"
        phone = Phone(w, who, "--family", family, "--os", version)
        ok(phone.enroll() == 0, f"4.3: {family} with {version} enrolls", phone.story())
        same(phone.about().get("method"), "apple-as-web", f"4.3: {family} with {version} is asked to sign in by apple-as-web")
        ok("method-forced" in w.codes(who), "4.3: whatever the rule says, and the timeline tells it", w.codes(who))


def strictly(w):
    """What Apple's documents leave open, all of it on the side that asks more of a server; and the TLS of 27."""
    kinds = [(mode, method, family) for mode, method in (("byod", "apple-oauth2"), ("adde", "apple-as-web"))
             for family in ("iPhone", "Mac")]
    lives = [Life(w, kind) for kind in kinds]
    for life in lives:
        life.phone.options += ("--strict", "all", "--os", "27.0")
    lives[0].phone.enroll()
    ok("machine-info-untrusted" in w.codes(user(kinds[0])), "S-09: a device certificate that expired is not good",
       lives[0].phone.story())
    w.admin("org", "set", "--device-ca-ignore-times", "yes")
    in_batches(lambda life: life.begin().end(), lives)
    for life in lives:
        for good, rule, seen in life.told:
            ok(good, rule + " (27.0, --strict all)", seen)
    w.admin("org", "set", "--device-ca-ignore-times", "no")


def proofs(w):
    for proof, port in (("signature", w.port), ("mtls", w.mtls_port)):
        w.admin("org", "set", "--identity-proof", proof)
        phone = Phone(w, f"proof-{proof}@{DOMAIN}")
        ok(phone.enroll() == 0, f"S-23: identity-proof {proof}: a device enrolls", phone.story())
        phone.send("DeviceInformation")
        ok(phone.poll() == 0 and phone.commands() == ["Acknowledged"], f"S-23: {proof}: and answers", phone.story())
        ok(f":{port}/" in phone.about().get("server-url", ""), f"S-23: {proof}: at the listener that fits", phone.about())
        if proof == "mtls":
            ok(all("certificate" in s["proof"] for s in phone.steps if "proof" in s),
               "S-23: mtls: the TLS client certificate is its proof", phone.steps)
        w.admin("org", "set", "--identity-proof", "signature" if proof == "mtls" else "mtls")
        ok(phone.poll() == 0, f"S-23: {proof}: what was enrolled keeps its proof", phone.story())
        w.admin("org", "set", "--identity-proof", "signature")


def nginx(w, http_port):
    """A real nginx on the port of the server's URL, with the example that init made, on these ports."""
    folder = os.path.join(w.folder, "nginx")
    os.mkdir(folder)
    with open(os.path.join(w.data, "proxy", "nginx.conf")) as f:
        example = f.read()
    example, n = re.subn(r"listen 443 ", f"listen 127.0.0.1:{w.port} ", example)
    example, m = re.subn(r"127\.0\.0\.1:8080;", f"127.0.0.1:{http_port};", example)
    assert n == 1 and m == 1
    path = os.path.join(folder, "nginx.conf")
    temps = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(path, "w") as f:
        f.write(f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
                f"events {{ }}\nhttp {{ access_log off; {temps}\n{example}\n}}\n")
    process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", path, "-e", f"{folder}/error.log"],
                               stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            web.Wire(w.cacert, w.connect_to).request("GET", w.url + "/")
            return process
        except OSError:
            time.sleep(0.1)
    with open(f"{folder}/error.log") as f:
        say(f.read())
    process.kill()
    process.wait()
    return None


def proxied():
    w = World()
    public, http_port, own = w.port, free_port(), free_port()
    w.set(trusted_proxies="127.0.0.1", lab="no")		# a lab believes its own machine without the secret
    w.port = own
    w.open("--listen-http", f"127.0.0.1:{http_port}")
    w.port = public
    w.person("eliza", "anna")
    w.admin("org", "set", "--identity-proof", "proxy")
    proxy = nginx(w, http_port)
    try:
        if not ok(proxy is not None, "S-23: nginx runs with the example that init made"):
            return
        phone, other = Phone(w, f"eliza@{DOMAIN}"), Phone(w, f"anna@{DOMAIN}")
        ok(phone.enroll() == 0, "S-23: identity-proof proxy: a device enrolls through nginx", phone.story())
        phone.send("DeviceInformation")
        ok(phone.poll() == 0 and phone.commands() == ["Acknowledged"], "S-23: proxy: and answers a command", phone.story())
        ok(all("certificate" in s["proof"] for s in phone.steps if "proof" in s),
           "S-23: proxy: by its TLS client certificate", phone.steps)
        ok(other.enroll() == 0, "S-23: proxy: a second one", other.story())
        unproven(w, http_port, own)
    finally:
        if proxy:
            proxy.terminate()
            proxy.wait()
    w.healthy()


def unproven(w, http_port, own):
    """Client-Cert counts from the proxy alone: not past it, and not by whoever writes it himself."""
    w.stop()
    (device_id,), = w.rows("SELECT device_id FROM enrollment WHERE state = 'enrolled' LIMIT 1")
    w.port, public = own, w.port
    w.start("--listen-http", f"127.0.0.1:{http_port}")
    w.port = public
    body = plistlib.dumps({"Status": "Idle", "EnrollmentID": device_id})
    kind = {"Content-Type": "application/x-apple-aspen-mdm; charset=UTF-8"}
    # any certificate will do: it must not be looked at
    with open(os.path.join(w.data, "tls", "server.pem")) as f:
        der = "".join(f.read().split("-----")[2].split())
    forged = {**kind, "Client-Cert": f":{der}:"}
    path = "/mdm/better-bag/command"
    for name, headers in (("no certificate", kind), ("a header of its own", forged),
                          ("a wrong proxy secret", {**forged, "Postern-Proxy-Secret": "x" * 43})):
        plain = http.client.HTTPConnection("127.0.0.1", http_port, timeout=60)
        plain.request("PUT", path, body, headers)
        direct = plain.getresponse()
        same((direct.status, b"identity-missing" in direct.read()), (403, True),
             f"S-23: past the proxy, {name} proves nothing")
        plain.close()
        reply = web.Wire(w.cacert, w.connect_to).request("PUT", w.url + path, headers, body)
        same((reply.status, b"identity-missing" in reply.body), (403, True), f"S-23: through the proxy, {name} proves nothing")


def main():
    w = World()
    w.set(mtls_url=f"https://localhost:{w.mtls_port}")
    w.open("--listen-mtls", f"127.0.0.1:{w.mtls_port}")
    w.person(*(user(kind).split("@")[0] for kind in KINDS), "old-iphone", "old-ipad", "proof-signature", "proof-mtls")
    for mode in ("byod", "adde"):
        for method in ("apple-oauth2", "apple-as-web"):
            w.rule(f"{mode}-{method}-*@{DOMAIN}", f"--{mode}", "--method", method)
    w.rule(f"old-*@{DOMAIN}", "--byod", "--method", "apple-oauth2")
    for part in (families, strictly, before_16, proofs):
        say(part.__name__)
        part(w)
    w.healthy()
    say("proxied")
    proxied()
    return done()


if __name__ == "__main__":
    sys.exit(main())
