#!/usr/bin/env python3
"""postern-device conform: nothing to say of posternd; of a proxy that breaks one rule in posternd's answers, that rule
and no other; of a static document of nginx, how far it goes. What postern check can see of the same it names, too."""

import collections
import json
import os
import re
import ssl
import subprocess
import sys
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from mutator import WELL_KNOWN, Mutator, table  # noqa: E402
from tap import done, ok, same  # noqa: E402
from web_hosts import Authority, Folder, WebServer, free_port  # noqa: E402

CLIENTS = world.postern.CLIENTS
ENVIRONMENT = {**os.environ, "SSL_CERT_FILE": os.devnull}
HANDS = 4

w = world.World()
w.set(attempts_per_address=100000)
w.open()
PEOPLE = ELIZA, ANNA, BEN = w.person("eliza", "anna", "ben")
w.rule(ANNA, "--byod", "--method", "apple-as-web")
w.rule(BEN, "--adde")
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(os.path.join(w.data, "tls", "server.pem"), os.path.join(w.data, "tls", "server.key"))
# Making one costs a device more than everything else.
KEY = os.path.join(w.folder, "identity.pem")
world.openssl.new_rsa_key(KEY)


def through(port):
    """Both names of the server lead to this port."""
    return ["--connect-to", f"{world.DOMAIN}:443:127.0.0.1:{port}", "--connect-to", f"localhost:{w.port}:127.0.0.1:{port}"]


def run(*args, people=PEOPLE, port=None, cacert=w.cacert):
    r = subprocess.run([os.path.join(CLIENTS, "postern-device"), "conform", *people, "--password-stdin", "--cacert", cacert, "--device-ca",
                        w.device_ca, "--identity-key", KEY, *through(port or w.port), "--quiet", *args],
                       input=world.PASSWORD + "\n", text=True, capture_output=True, env=ENVIRONMENT, timeout=300)
    if "Sanitizer" in r.stderr or "runtime error" in r.stderr:
        raise AssertionError(r.stderr[-3000:])
    return r


def found(report):
    """The checks with something to say, in order."""
    return [c["check"] for c in report["checks"] if c["verdict"] in ("deviation", "advice")]


def verdicts(report):
    return collections.Counter(v["verdict"] for p in report["played"] for v in p["results"].values())


# ---- our own server, through a proxy that changes nothing and hears every secret ----

class Listener:
    def __init__(self):
        self.secrets = {world.PASSWORD, "correct+horse", "correct%20horse"}

    def where(self, ask, answer):
        heard = [(ask.token or "").removeprefix("Bearer ")]
        heard += re.findall(r"(?:code|access-token)=([^&]+)", answer.get("Location") or "")
        heard += re.findall(r'_token": ?"([^"]+)', answer.body.decode("latin-1"))
        heard += re.findall(r"<key>Challenge</key>\s*<string>([^<]+)", answer.body.decode("latin-1"))
        self.secrets.update(h for h in heard if h)


listener = Listener()
proxy = Mutator(tls, w.port, listener)
files = {kind: os.path.join(w.folder, "conform." + kind) for kind in ("xml", "html", "har")}
r = run("--plan", "full", "--json", "--patience", "90", "--junit", files["xml"], "--html", files["html"], "--record", files["har"],
        port=proxy.port)
proxy.close()
if not ok(r.stdout.startswith("{"), "conform runs", r.stderr):
    sys.exit(done())
report = json.loads(r.stdout)
same((r.returncode, report["deviations"], found(report)), (0, 0, []), "conform has nothing to say of posternd, in the full plan")
same([report["coverage"][k] for k in ("families", "modes", "methods", "missing")],
     ["iPhone, iPad, RealityDevice, Mac", "BYOD, ADDE", "apple-as-web, apple-oauth2", ""],
     "the report says itself that all families, both modes and both methods were played")
ok(len(report["played"]) == 12 and all(p["complete"] for p in report["played"]), "each of the twelve came to the end",
   [(p["family"], p["identifier"], p["stopped"]) for p in report["played"]])

cases = xml.parse(files["xml"]).getroot().iter("testcase")
ok(len([c for c in cases if c.find("failure") is None]) >= 100, "the JUnit file can be read and has its cases")
with open(files["html"]) as f:
    page = f.read()
ok(page.lower().startswith("<!doctype html>") and "The well-known document" in page and "<script" not in page, "the page is one, and has no script")
with open(files["har"]) as f:
    text = f.read()
har = json.loads(text)["log"]
ok(har["version"] == "1.2" and len(har["entries"]) > 300, "the recording is HAR 1.2 of every exchange", len(har["entries"]))
ok(len(listener.secrets) > 50 and not [x for x in listener.secrets if x in text], "no password, code, token or challenge is in it",
   [x for x in listener.secrets if x in text])
told = [line for line in run("--tap", "--family", "iPhone", "--until", "challenge").stdout.splitlines() if line]
ok(told[0].startswith("TAP version") or told[0].startswith("1..") or told[-1].startswith("1.."), "TAP has its plan", told[:3])
ok(any(line.startswith("ok ") for line in told) and not any(line.startswith("not ok") for line in told), "and nothing that is not ok")

# ---- one rule broken at a time ----

def mutated(m):
    """What conform says, and how often something was changed."""
    proxy = Mutator(tls, w.port, m)
    narrowed = ["--only", m.checks[0]] if m.plan != "quick" else ["--until", m.stage]
    try:
        r = run("--json", "--plan", m.plan, "--family", m.family, "--patience", str(m.patience), *narrowed, port=proxy.port,
                people=[f"{who}@{world.DOMAIN}" for who in m.who.split()])
    finally:
        proxy.close()
    try:
        return r.returncode, json.loads(r.stdout), proxy.memory, r.stderr
    except ValueError:
        return r.returncode, None, proxy.memory, r.stderr


wanted = sys.argv[1] if len(sys.argv) > 1 else ""
mutations = [m for m in table() if wanted in f"{m.stage}: {m.name}"]
for m, (status, report, memory, err) in zip(mutations, world.in_batches(mutated, mutations, HANDS)):
    title = f"{m.rule} {m.stage}: {m.name}"
    if not ok(report is not None and memory.get("hits"), title + ": was changed", f"{status} {err} {memory}"):
        continue
    seen = {c["check"]: c for c in report["checks"]}
    ok(sorted(found(report)) == sorted(m.checks), title + ": found, and nothing else",
       f"{found(report)} {report['played'][0]['stopped']} {memory.get('errors')}")
    one = seen[m.checks[0]]
    same((one["rule"], status), (m.rule, 1 if report["deviations"] or report["played"][0]["stopped"] else 0), title + ": its rule, and the status")

# ---- what postern check says of the same ----

SEVERITY = {"warning": 1, "critical": 2}


def checked(m):
    proxy = Mutator(tls, w.port, m)
    try:
        r = subprocess.run([os.path.join(CLIENTS, "postern"), "check", f"{m.who}@{world.DOMAIN}", "--model-family", m.family, "--json",
                            "--device-ca", w.device_ca, "--cacert", w.cacert, "--timeout", "90", *through(proxy.port)],
                           text=True, capture_output=True, env=ENVIRONMENT, timeout=300)
    finally:
        proxy.close()
    return r.returncode, json.loads(r.stdout)["findings"]


seen_by_check = [m for m in mutations if m.cause]
for m, (status, findings) in zip(seen_by_check, world.in_batches(checked, seen_by_check, HANDS)):
    title = f"postern check, {m.stage}: {m.name}"
    codes = [f["code"] for f in findings]
    ok(m.cause in codes, f"{title}: {m.cause}", codes)
    same(status, max([SEVERITY.get(f["severity"], 3) for f in findings], default=0), f"{title}: the exit status says how bad it is")

# ---- a server that is none: nginx with a document and a challenge that lead to a page ----

folder = Folder()
authority = Authority(folder)
shown = authority.server("good", [world.DOMAIN])
port = free_port()
nginx = WebServer(folder, "nginx")
document = json.dumps({"Servers": [{"Version": "mdm-byod", "BaseURL": f"https://{world.DOMAIN}/enroll"}]})
ok(nginx.start([(port, f"""listen 127.0.0.1:{port} ssl; root {folder.path}/nowhere; default_type application/json;
ssl_certificate {shown}/fullchain.pem; ssl_certificate_key {shown}/key.pem;
location = {WELL_KNOWN} {{ return 200 '{document}'; }}
location = /page {{ default_type text/html; return 200 '<!DOCTYPE html><title>Sign in</title>'; }}
location = /enroll {{ add_header Cache-Control no-store always;
add_header WWW-Authenticate 'Bearer method="apple-as-web", url="https://{world.DOMAIN}/page"' always; return 401; }}""")]),
   "nginx takes the configuration", nginx.said())
r = run("--json", "--patience", "90", "--family", "iPhone", port=port, cacert=authority.root, people=[ELIZA])
report = json.loads(r.stdout)
same((r.returncode, report["played"][0]["complete"], report["played"][0]["stopped_in"]), (1, False, "sign-in"),
     "a device goes as far as the sign-in page of nginx, and the status says so")
later = [c for c in report["checks"] if c["stage"] not in ("discovery", "challenge", "sign-in")]
same({c["verdict"] for c in later} - {"not applicable"}, {"not reached"}, "nothing after it is called passed")
ok(len(later) > 40, "and it is most of the table", len(later))
same([c["check"] for c in report["checks"] if c["stage"] == "discovery" and c["verdict"] == "passed"][:3],
     ["discovery_status", "discovery_type", "discovery_document"], "what it came through is judged as with any server")
nginx.stop()
w.healthy()
sys.exit(done())
