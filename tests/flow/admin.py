#!/usr/bin/python3
"""Every command of postern against a real posternd: well used, badly used, with the server down. What init
makes, and what it leaves alone. The second half enrolls a simulated device and watches it through the
administrator's eyes."""
import json
import os
import pty
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("POSTERN_BUILD", "build"))
POSTERN, POSTERND, DEVICE = (os.path.join(BUILD, n) for n in ("postern", "posternd", "postern-device"))
WORK = tempfile.mkdtemp(prefix="postern-admin-")
DATA = os.path.join(WORK, "data")
URL = "https://mdm.betterbag.com"
SECRET = "correct horse battery staple"
number = 0
failed = 0
server = None


def ok(good, sentence, more=""):
    global number, failed
    number += 1
    print("%sok %d - %s" % ("" if good else "not ", number, sentence.replace("#", "\\#")), flush=True)
    if not good:
        failed += 1
        for line in str(more).splitlines():
            print("# " + line, flush=True)


class Done:
    def __init__(self, p):
        self.status, self.out, self.err = p.returncode, p.stdout, p.stderr

    def __str__(self):
        return "status %d\n%s%s" % (self.status, self.out, self.err)


def run(*args, stdin="", program=POSTERN, env=None):
    return Done(subprocess.run([program, *args], input=stdin, capture_output=True, text=True, timeout=120,
                               env={**os.environ, "SSL_CERT_FILE": os.devnull, **(env or {})}))


def postern(*args, stdin="", data=DATA):
    return run("--data", data, *args, stdin=stdin)


def answer(*args):
    r = postern("--json", *args)
    return json.loads(r.out) if r.status == 0 else {"items": [], "failed": str(r)}


def good(sentence, *args, stdin="", says=None):
    r = postern(*args, stdin=stdin)
    ok(r.status == 0 and (says is None or says in r.out + r.err), sentence, r)
    return r


def bad(sentence, *args, stdin="", status=1, says=None):
    """Refused: the status, one sentence on stderr, nothing on stdout."""
    r = postern(*args, stdin=stdin)
    ok(r.status == status and r.out == "" and r.err.startswith("postern: ") and
       (status == 2 or r.err.count("\n") == 1) and (says is None or says in r.err), sentence, r)
    return r


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


PORT = free_port()
CONNECT = ["--cacert", os.path.join(DATA, "tls", "ca.pem"), "--connect-to", "::127.0.0.1:%d" % PORT]


def start():
    global server
    log = open(os.path.join(WORK, "log"), "ab")
    server = subprocess.Popen([POSTERND, "--data", DATA, "--listen", "127.0.0.1:%d" % PORT], stdout=log, stderr=log)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("Bail out! posternd does not listen")


def stop():
    server.send_signal(signal.SIGTERM)
    return server.wait(60)


def tree(path):
    """Every file with its mode, time and contents: two of them are equal when nothing was touched."""
    found = {}
    for folder, _, names in os.walk(path):
        for name in names + ["."]:
            p = os.path.join(folder, name)
            s = os.lstat(p)
            text = open(p, "rb").read() if stat.S_ISREG(s.st_mode) else b""
            found[os.path.relpath(p, path)] = (s.st_mode, s.st_mtime_ns, text)
    return found


# ---- init ----

INIT = ["--org", "Better Bag", "--domain", "betterbag.com", "--domain", "bb.example.org", "--url", URL, "--lab"]


def test_init():
    r = postern("init", *INIT)
    ok(r.status == 0, "init makes an installation without a server", r)
    for name in ("postern.conf", "postern.db", "keys/seal.secret", "keys/ca-better-bag.key", "tls/ca.pem",
                 "tls/server.pem", "tls/server.key", "proxy-secret", "proxy/nginx.conf", "proxy/haproxy.cfg"):
        ok(os.path.isfile(os.path.join(DATA, name)), "init makes " + name)
    modes = {p: m for p, (m, _, _) in tree(DATA).items()}
    ok(all(stat.S_IMODE(m) == (0o700 if stat.S_ISDIR(m) else 0o600) for m in modes.values()),
       "files are 0600 and folders 0700", modes)
    ok("device CA pool" in r.out and "warn" in r.out and "made up" in r.out,
       "init says what is missing: the device CA pool, and that the topic is made up", r)
    secret = open(os.path.join(DATA, "proxy-secret")).read().strip()
    ok(all(secret in open(os.path.join(DATA, "proxy", f)).read() for f in ("nginx.conf", "haproxy.cfg")),
       "the examples for proxies hold the proxy secret")
    ok(secret not in r.out + r.err, "and init does not print it")
    before = tree(DATA)
    r = postern("init", *INIT)
    ok(r.status == 1 and "already" in r.err and before == tree(DATA), "a second init refuses and touches nothing", r)
    if os.getuid() == 0:
        given = os.path.join(WORK, "given")
        os.mkdir(given)
        os.chown(given, 65534, 65534)
        postern("init", *INIT, data=given)
        owners = {p: os.lstat(os.path.join(given, p)).st_uid for p in tree(given)}
        ok(owners and set(owners.values()) == {65534}, "what root makes in another user's folder is that user's", owners)


def openssl(*args):
    return run(*args, program=shutil.which("openssl") or "/usr/bin/openssl")


def test_init_tls():
    tls = os.path.join(DATA, "tls")
    for host in ("mdm.betterbag.com", "betterbag.com", "bb.example.org", "localhost"):
        r = openssl("verify", "-CAfile", tls + "/ca.pem", "-verify_hostname", host, tls + "/server.pem")
        ok(r.status == 0, "the TLS certificate is good for " + host, r)
    for ip in ("127.0.0.1", "::1"):
        r = openssl("verify", "-CAfile", tls + "/ca.pem", "-verify_ip", ip, tls + "/server.pem")
        ok(r.status == 0, "the TLS certificate is good for " + ip, r)
    r = openssl("x509", "-in", tls + "/server.pem", "-noout", "-text")
    ok("P-256" in r.out, "the TLS key is P-256", r)
    r = openssl("x509", "-in", tls + "/server.pem", "-noout", "-checkend", str(825 * 86400))
    ok(r.status == 1, "it ends within the 825 days that Apple's systems allow", r)


def test_init_refusals():
    other = os.path.join(WORK, "other")
    cases = [
        ("init without --org is wrong usage", 2, ["--domain", "a.example", "--url", URL]),
        ("init without --domain is wrong usage", 2, ["--org", "A", "--url", URL]),
        ("init without --url is wrong usage", 2, ["--org", "A", "--domain", "a.example"]),
        ("init refuses http", 2, ["--org", "A", "--domain", "a.example", "--url", "http://a.example"]),
        ("init refuses a URL with a path", 2, ["--org", "A", "--domain", "a.example", "--url", URL + "/x"]),
        ("init refuses what is no domain", 2, ["--org", "A", "--domain", "nope", "--url", URL]),
        ("init refuses an unknown store", 1,
         ["--org", "A", "--domain", "a.example", "--url", URL, "--store", "mysql:x"]),
        ("init refuses a domain given twice", 1,
         ["--org", "A", "--domain", "a.example", "--domain", "A.example", "--url", URL]),
    ]
    for sentence, status, args in cases:
        r = postern("init", *args, data=other)
        ok(r.status == status and r.err != "" and not os.path.exists(other), sentence + ", and leaves no folder", r)
    os.mkdir(other)
    open(os.path.join(other, "mine"), "w").close()
    r = postern("init", *INIT, data=other)
    ok(r.status == 1 and os.listdir(other) == ["mine"], "init leaves a folder alone that is not empty", r)
    os.unlink(os.path.join(other, "mine"))
    os.mkdir(os.path.join(other, ".making"))
    os.mkdir(os.path.join(other, "keys"))
    r = postern("init", *INIT, data=other)
    ok(r.status == 0 and ".making" not in os.listdir(other), "what a killed init left does not block the next", r)
    shutil.rmtree(other)
    os.mkdir(other, 0o755)
    elsewhere = os.path.join(WORK, "else", "here.db")
    os.mkdir(os.path.dirname(elsewhere))
    r = postern("init", *[a for a in INIT if a != "--lab"], "--store", "sqlite:" + elsewhere, data=other)
    ok(r.status == 0 and os.path.exists(elsewhere) and os.stat(other).st_mode & 0o777 == 0o700,
       "init takes an empty folder, and a database elsewhere", r)
    ok("push certificate" in r.out, "without --lab it says that the push certificate is missing", r)
    third = os.path.join(WORK, "third")
    before = open(elsewhere, "rb").read()
    r = postern("init", *INIT, "--store", "sqlite:" + elsewhere, data=third)
    ok(r.status == 1 and not os.path.exists(third) and open(elsewhere, "rb").read() == before,
       "a database that belongs to another installation is left alone", r)


# ---- usage, and no server ----

def test_usage():
    r = run("--help")
    ok(r.status == 0 and "enrollment evict" in r.out, "--help lists the commands", r)
    commands = [m.group(1) for m in re.finditer(r"^  ((?:[a-z]+ ?)+?)(?:  +|\n)", r.out.split("Commands:")[1], re.M)]
    commands = [c for c in commands if c]
    silent = [c for c in commands if run(*c.split(), "--help").status != 0]
    device = run("enroll", "--help", program=DEVICE)
    words = " ".join(device.out.split())
    ok("(may repeat)" in words and "(may repeat) (may repeat)" not in words, "the help says once what may repeat", device)
    ok(len(commands) > 35 and not silent, "each of the %d commands has --help" % len(commands), silent)
    ok(run("--version").out.startswith("postern "), "--version prints the version")
    done = run("--completion", "bash")
    script = os.path.join(WORK, "completion")
    open(script, "w").write(done.out)
    ok(done.status == 0 and run("-n", script, program="/bin/bash").status == 0, "--completion prints bash")
    bad("an unknown command is wrong usage", "conquer", status=2)
    bad("half a command is wrong usage", "rule", status=2)
    bad("an unknown option is wrong usage", "status", "--fast", status=2)
    bad("a missing argument is wrong usage", "user", "show", status=2)
    bad("one argument too many is wrong usage", "user", "show", "a@b.example", "c", status=2)


def test_server_down():
    r = bad("without a server there is one clear sentence", "status", says="posternd is not running for " + DATA)
    ok("start it with posternd --data " + DATA in r.err, "which says how to start it", r)
    r = postern("status", data=os.path.join(WORK, "nowhere"))
    ok(r.status == 1 and "postern init" in r.err, "without an installation it says how to make one", r)
    r = run("status", env={"POSTERN_DATA": DATA})
    ok(r.status == 1 and DATA in r.err, "$POSTERN_DATA stands in for --data", r)


# ---- organizations and domains ----

def make_push(name, subject):
    key, pem = (os.path.join(WORK, name + e) for e in (".key", ".pem"))
    r = openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-days", "90",
                "-subj", subject)
    if r.status != 0:
        raise SystemExit("Bail out! openssl: %s" % r)
    return ["--push-certificate", pem, "--push-key", key]


def test_org():
    ok([o["id"] for o in answer("org", "list")["items"]] == ["better-bag"], "org list names the one from init")
    good("org show needs no name where there is one", "org", "show", says="Better Bag")
    bad("org show refuses an unknown one", "org", "show", "nope", says="nope")
    for kind in ("maid", "ca", "profile"):
        r = postern("org", "show", "--certificate", kind)
        ok(r.status == 0 and openssl("x509", "-noout", "-subject", "-in", "/dev/stdin").status is not None and
           r.out.startswith("-----BEGIN CERTIFICATE-----"), "org show --certificate %s prints PEM" % kind, r)
    bad("an unknown certificate is wrong usage", "org", "show", "--certificate", "tls", status=2)
    bad("org set without a setting is wrong usage", "org", "set", status=2)
    good("lives are given with units", "org", "set", "--access-token-life", "15m", "--refresh-idle", "30d")
    o = answer("org", "show")
    ok(o["access_token_life_s"] == 900 and o["refresh_idle_s"] == 30 * 86400, "and kept in seconds", o)
    bad("a life without sense is refused", "org", "set", "--access-token-life", "soon", says="access-token-life")
    bad("of several settings all are set or none", "org", "set", "--name", "Changed", "--access-token-life", "9x")
    ok(answer("org", "show")["name"] == "Better Bag", "none was")
    good("what a setting lacks is said when it is set", "org", "set", "--identity-proof", "mtls",
         says="warning: identity-proof is mtls, but mtls_url is not set")
    ok("mtls_url" in " ".join(answer("status")["organizations"][0]["warnings"]), "and by status, as long as it is so")
    r = good("with what it needs it isn't", "org", "set", "--identity-proof", "signature")
    ok("mtls_url" not in str(r), "nothing is lacking then", r)
    good("the server UUID is set", "org", "set", "--server-uuid", "3F1C9D20-7C1D-4B0E-9A77-6B6D1B1B5F10")
    for option, value in (("device-ca-mode", "sometimes"), ("identity-proof", "trust"),
                          ("device-ca-ignore-times", "perhaps")):
        bad("--%s %s is wrong usage" % (option, value), "org", "set", "--" + option, value, status=2)


def test_device_cas():
    tls = os.path.join(DATA, "tls")
    good("the device CA pool takes CA certificates", "org", "set", "--device-ca", tls + "/ca.pem")
    good("the same again changes nothing", "org", "set", "--device-ca", tls + "/ca.pem", says="pool has 1 now")
    bad("it refuses what is no CA", "org", "set", "--device-ca", tls + "/server.pem", says="no CA certificate")
    bad("it refuses what is no PEM", "org", "set", "--device-ca", "/etc/hostname")
    bad("a file that is not there is named", "org", "set", "--device-ca", WORK + "/none", says=WORK + "/none")
    ok(answer("org", "show")["device_cas"] == 1, "the pool has one certificate")
    good("--device-ca-clear empties it", "org", "set", "--device-ca-clear")
    good("mode require is set", "org", "set", "--device-ca-mode", "require")
    ok("no device is let in" in " ".join(answer("status")["organizations"][0]["warnings"]),
       "status warns of an empty pool in mode require")
    good("mode warn is set", "org", "set", "--device-ca-mode", "warn")
    ok("without proof" in " ".join(answer("status")["organizations"][0]["warnings"]),
       "status warns of an empty pool in mode warn")


def test_second_org():
    first = make_push("push", "/UID=com.apple.mgmt.External.11111111-2222/CN=APSP")
    other = make_push("other", "/UID=com.apple.mgmt.External.99999999-8888/CN=APSP")
    good("org add makes an organization with keys", "org", "add", "Second Hand", "--domain", "second.example")
    bad("a second of the same name is refused", "org", "add", "Second Hand", "--domain", "third.example",
        says="already")
    bad("a domain that is taken is refused", "org", "add", "Third", "--domain", "second.example", says="taken")
    ok(not any("third" in f for f in os.listdir(DATA + "/keys")), "and leaves no keys behind", os.listdir(DATA + "/keys"))
    bad("org add without a domain is wrong usage", "org", "add", "Third", status=2)
    bad("with two organizations one must be named", "rule", "list", says="--org")
    good("--org names it", "--org", "second-hand", "rule", "list")
    warned = " ".join(answer("org", "show", "second-hand")["warnings"])
    ok("no topic" in warned and "no push certificate" in warned, "without push certificate it is warned of", warned)
    bad("a certificate that is no push certificate is refused", "--org", "second-hand", "org", "set",
        "--push-certificate", DATA + "/tls/ca.pem", "--push-key", DATA + "/tls/ca.key", says="no MDM push certificate")
    bad("a key of another certificate is refused", "--org", "second-hand", "org", "set", *first[:2], *other[2:],
        says="does not belong")
    bad("--push-certificate alone is wrong usage", "org", "set", *first[:2], status=2)
    good("a push certificate sets the topic", "--org", "second-hand", "org", "set", *first, says="External.11111111-2222")
    bad("another topic is refused: enrolled devices keep the old one", "--org", "second-hand", "org", "set", *other,
        says="another topic")
    good("domain add", "--org", "second-hand", "domain", "add", "shop.example")
    bad("the same domain again is refused", "--org", "better-bag", "domain", "add", "shop.example", says="taken")
    bad("what is no domain is refused", "--org", "second-hand", "domain", "add", "shop")
    ok("shop.example" in [d["domain"] for d in answer("domain", "list")["items"]], "domain list has it")
    good("domain remove", "--org", "second-hand", "domain", "remove", "shop.example")
    bad("removing it twice is refused", "--org", "second-hand", "domain", "remove", "shop.example")
    good("org remove", "org", "remove", "second-hand")
    ok(not any("second" in f for f in os.listdir(DATA + "/keys")), "removes its keys too", os.listdir(DATA + "/keys"))
    bad("removing it twice is refused", "org", "remove", "second-hand")


# ---- people ----

def test_users():
    good("user add with a password from standard input", "user", "add", "Anna@betterbag.com", "--name", "Anna B",
         "--group", "sales", "--password-stdin", stdin=SECRET + "\n")
    bad("the same person in other letters is refused", "user", "add", "anna@BETTERBAG.com", says="already")
    bad("a person of nobody's domain is refused", "user", "add", "a@unknown.example", says="unknown.example")
    bad("what is no identifier is refused", "user", "add", "anna")
    bad("an empty password is refused", "user", "add", "b@betterbag.com", "--password-stdin", stdin="")
    bad("a password that is too long is refused", "user", "add", "b@betterbag.com", "--password-stdin", stdin="x" * 2000)
    good("a person without password", "user", "add", "bob@betterbag.com", "--managed-apple-account", "b@maid.example")
    people = {u["user"]: u for u in answer("user", "list")["items"]}
    ok(sorted(people) == ["anna@betterbag.com", "bob@betterbag.com"] and people["anna@betterbag.com"]["has_password"] and
       not people["bob@betterbag.com"]["has_password"], "user list has both", people)
    found = [[u["user"] for u in answer("user", "list", *how)["items"]] for how in
             (("--search", "ann"), ("--search", "Anna b"), ("--search", "nna"), ("--limit", "1"))]
    ok(found == [["anna@betterbag.com"], ["anna@betterbag.com"], [], ["anna@betterbag.com"]],
       "user list --search finds by the beginnings of words", found)
    good("user show finds the person in any letters", "user", "show", "ANNA@betterbag.com", says="Anna B")
    bad("user show refuses an unknown one", "user", "show", "x@betterbag.com", says="x@betterbag.com")
    bad("user passwd wants --password-stdin", "user", "passwd", "bob@betterbag.com", status=2)
    good("user passwd", "user", "passwd", "bob@betterbag.com", "--password-stdin", stdin="pw\n")
    good("user groups replaces the groups", "user", "groups", "bob@betterbag.com", "--group", "b", "--group", "a")
    ok(answer("user", "show", "bob@betterbag.com")["groups"] == ["a", "b"], "as said")
    good("and without one removes all", "user", "groups", "bob@betterbag.com")
    ok(answer("user", "show", "bob@betterbag.com")["groups"] == [], "as said")
    good("user disable", "user", "disable", "bob@betterbag.com")
    ok(answer("user", "show", "bob@betterbag.com")["disabled"], "the person is disabled")
    good("user enable", "user", "enable", "bob@betterbag.com")
    good("user remove", "user", "remove", "bob@betterbag.com")
    bad("removing a person twice is refused", "user", "remove", "bob@betterbag.com")


def test_import():
    rows = ["user,managed_apple_account,groups,display_name,password",
            'c1@betterbag.com,,sales;eu,"C, ""One""",pw one', "c2@betterbag.com,c2@maid.example,,,", "",
            "c1@betterbag.com,,,,", "bad,,,,", "c3@nowhere.example,,,,x", "c4@betterbag.com", '"unfinished,,,,']
    path = os.path.join(WORK, "people.csv")
    open(path, "w").write("\ufeff" + "\r\n".join(rows))
    r = postern("user", "import", path)
    ok(r.status == 1 and r.out == "2 added, 1 already there, 4 failed\n", "user import counts", r)
    ok(re.findall(r"line (\d+):", r.err) == ["5", "6", "7", "8", "9"], "and names the lines that failed", r)
    ok("pw one" not in r.out + r.err, "passwords are not printed")
    one = answer("user", "show", "c1@betterbag.com")
    ok(one["display_name"] == 'C, "One"' and one["groups"] == ["eu", "sales"] and one["has_password"],
       "quotes, groups and password arrived", one)
    ok(answer("user", "show", "c2@betterbag.com")["managed_apple_account"] == "c2@maid.example", "so did the account")
    ok(json.loads(postern("--json", "user", "import", path).out) == {"added": 0, "present": 3, "failed": 4},
       "importing again adds nobody; --json counts too")
    for sentence, text in (("an unknown column", "user,shoe_size\n"), ("no column user", "password\nx\n"),
                           ("a column twice", "user,user\n"), ("an empty file", ""), ("NUL", "user\na\0b\n")):
        bad("a file with %s is refused" % sentence, "user", "import", "-", stdin=text)
    bad("a file that is not there is refused", "user", "import", WORK + "/none")


# ---- rules ----

def rules():
    return [(r["outcome"], r["model_family"] or r["user"] or r["group"]) for r in answer("rule", "list")["items"]]


def test_rules():
    first = rules()
    ok(len(first) == 7 and first[-1] == ("byod", None), "init wrote visible last rules", first)
    good("rule add, first by default", "rule", "add", "--group", "sales", "--adde", "--method", "apple-as-web")
    ok(rules() == [("adde", "sales")] + first, "it is the first")
    good("rule add --at", "rule", "add", "--user", "*@bb.example.org", "--refuse", "Not here.", "--at", "2")
    ok(rules()[1] == ("refuse", "*@bb.example.org"), "it is the second")
    good("rule move", "rule", "move", "2", "1")
    ok(rules()[0] == ("refuse", "*@bb.example.org"), "it is the first now")
    for sentence, args in (("two outcomes", ["--byod", "--adde"]), ("no outcome", []),
                           ("over a hundred percent", ["--byod", "--percent", "101"]),
                           ("a family that does not exist", ["--byod", "--model-family", "Toaster"]),
                           ("an unknown method", ["--byod", "--method", "magic"])):
        bad("a rule with %s is wrong usage" % sentence, "rule", "add", *args, status=2)
    bad("a redirect to http is refused", "rule", "add", "--redirect", "http://x.example")
    bad("moving a rule that is not there is refused", "rule", "move", "77", "1", says="77")
    bad("a position that is no number is refused", "rule", "move", "1", "top")
    before = answer("rule", "list")
    r = good("rule explain tells what decides", "rule", "explain", "anna@betterbag.com", "--model-family", "iPhone",
             says="this one decides")
    ok("Result: adde by apple-as-web" in r.out, "and the result", r)
    e = answer("rule", "explain", "anna@betterbag.com", "--model-family", "iPhone", "--os", "15.8")
    ok(e["result"]["method"] == "apple-as-web", "with the method")
    e = answer("rule", "explain", "x@betterbag.com", "--model-family", "iPhone", "--os", "15.8")
    ok(e["result"]["outcome"] == "byod" and e["result"]["method"] == "apple-as-web",
       "iOS 15 gets apple-as-web, whatever the rule", e["result"])
    why = {i["position"]: i["why_not"] for i in e["items"]}
    ok(all(i["matches"] or i["why_not"] for i in e["items"]), "each other rule says why not", why)
    ok(before == answer("rule", "list"), "explaining changes nothing")
    ok(answer("attempt", "list")["items"] == [], "and begins no attempt")
    bad("a person of nobody's domain is explained too", "rule", "explain", "a@nowhere.example", says="nowhere.example")
    good("rule remove by number", "rule", "remove", "1")
    good("rule remove by id", "rule", "remove", answer("rule", "list")["items"][0]["id"])
    ok(rules() == first, "the first rules are left")
    bad("removing one that is not there is refused", "rule", "remove", "0")


# ---- from outside ----

def check(*args):
    r = postern("--json", "check", *args)
    found = json.loads(r.out)
    return r.status, {f["code"]: f for f in found["findings"]}, {s["stage"]: s["state"] for s in found["stages"]}


def test_check():
    """More of it is in check.py; here it looks at a server of ours. It begins attempts, as devices do, so by a person of
    its own."""
    status, found, stages = check("seen@betterbag.com", *CONNECT)
    ok(status == 1 and list(found) == ["push-certificate-missing"], "check finds nothing wrong but that there is no push certificate",
       found)
    ok(set(stages.values()) == {"ok", "warning", "not asked"}, "each stage was reached", stages)
    r = postern("check", "seen@betterbag.com", *CONNECT)
    ok(r.status == 1 and r.out.startswith("WARNING - ") and r.out.count("\n") >= 12, "the first line is for monitoring, and each stage is one", r)
    r = postern("check", "seen@betterbag.com", *CONNECT[2:])
    ok(r.status == 2 and "certificate-untrusted" in r.out and "--cacert" in r.out, "an untrusted certificate fails, with what to do", r)
    good("a rule that refuses", "rule", "add", "--user", "seen@betterbag.com", "--refuse", "Not this week.")
    status, found, stages = check("seen@betterbag.com", *CONNECT)
    ok(status == 1 and "Not this week." in found["refused-by-organization"]["seen"], "a refusal shows what the person would see", found)
    good("the rule is gone", "rule", "remove", "1")
    status, found, stages = check("seen", *CONNECT)
    ok(status == 2 and "identifier-malformed" in found and stages["dns"] == "not reached", "what is no identifier fails", found)
    ok(postern("check", "seen@betterbag.com", "--cacert", os.devnull + "/x", *CONNECT[2:]).status == 3, "a file that is not there is status 3")
    ok(postern("check").status == 3 and postern("check", "a@b.example", "--nonsense").status == 3, "so is wrong usage, which is no outage")


def device(*args, stdin=""):
    return run(*args, "--state", os.path.join(WORK, "phone"), stdin=stdin, program=DEVICE)


def enroll(password):
    return device("enroll", "anna@betterbag.com", *CONNECT, "--password-stdin", "--quiet", stdin=password + "\n")


def test_timeline():
    bad("a person without attempt: where to look instead", "attempt", "show", "--last", "anna@betterbag.com",
        says="postern check")
    bad("attempt show wants one of two", "attempt", "show", status=2)
    bad("an unknown attempt is refused", "attempt", "show", "zzz")
    enroll("wrong")
    r = good("attempt show --last", "attempt", "show", "--last", "anna@betterbag.com")
    for part in ("anna@betterbag.com, who has not signed in", "iPhone", "the person's own device", "apple-oauth2",
                 "the device asked where to enroll", "Seen       \"That user name and password don't match.\"",
                 "[signin-wrong-password]", "To do      postern user show"):
        ok(part in r.out, "the story of a wrong password has: " + part, r)
    time.sleep(1)   # attempts are ordered by the second in which they began
    r = enroll(SECRET)
    ok(r.status == 0, "a simulated iPhone enrolls", r)
    r = good("its attempt leads to the enrollment", "attempt", "show", "--last", "anna@betterbag.com",
             says="postern enrollment show")
    ok(SECRET not in r.out, "no password is told")
    last = answer("attempt", "show", "--last", "anna@betterbag.com")
    ok(answer("attempt", "show", last["help_code"].lower())["id"] == last["id"],
       "the code that a person reads aloud finds it", last["help_code"])
    listed = answer("attempt", "list", "--user", "anna@betterbag.com")["items"]
    ok([a["state"] for a in listed] == ["enrolled", "open"], "attempt list has both, newest first", listed)
    ok(len(answer("attempt", "list", "--state", "enrolled")["items"]) == 1, "attempt list --state")
    ok(len(answer("attempt", "list", "--user", "ANNA@betterbag.com")["items"]) == 2, "attempt list --user")
    for kind, key in (("attempt", "id"), ("enrollment", "id"), ("token", "grant")):
        one, whole = (answer(kind, "list", *limit)["items"] for limit in (["--limit", "1"], []))
        ok([i[key] for i in one] == [i[key] for i in whole[:1]] != [], kind + " list --limit gives the newest", one)


def enrollment():
    return answer("enrollment", "list", "--state", "live")["items"][0]["id"]


def test_enrollment():
    e = enrollment()
    shown = answer("enrollment", "show", e[:6].lower())
    ok(shown["id"] == e and shown["user"] == "anna@betterbag.com", "an enrollment is found by a beginning of its id")
    ok(shown["frozen"]["Topic"].startswith("com.apple.mgmt.External.") and len(shown["channels"]) == 1 and
       len(shown["certificates"]) == 1 and shown["certificates"][0]["in_use"], "it shows what is frozen, channel, certificate")
    ok(shown["serial_number"] is None, "S-10: a personal device has no serial number here")
    r = good("the same for people", "enrollment", "show", e)
    ok(all(w in r.out for w in ("Frozen in the profile", "Channels", "Identity certificates")), "in sections", r)
    bad("an unknown one is refused", "enrollment", "show", "zz")
    bad("an unknown state is wrong usage", "enrollment", "list", "--state", "happy", status=2)
    bad("an unknown person is refused", "enrollment", "list", "--user", "x@betterbag.com")
    ok(len(answer("enrollment", "list", "--user", "anna@betterbag.com")["items"]) == 1, "enrollment list --user")
    bad("a live one can't be removed: evict first", "enrollment", "remove", e, says="evict")
    bad("its organization can't be removed", "org", "remove", "better-bag", says="evict")
    good("user show has the device", "user", "show", "anna@betterbag.com", says=e)
    ok(answer("status")["enrollments"] == {"enrolled": 1}, "status counts it")
    ok(answer("status")["discovery"].get("discovery-refused-by-rule", 0) >= 0, "status counts answers of discovery")


def test_commands():
    e = enrollment()
    names = [c["request_type"] for c in answer("command", "list", "--available", e)["items"]]
    ok("DeviceInformation" in names and "EraseDevice" not in names, "--available knows what may be sent", names)
    r = good("a bare DeviceInformation asks for everything that may be asked", "command", "send", e, "DeviceInformation")
    ok(re.fullmatch(r"[0-9A-F-]{36}\n", r.out) and "note:" in r.err, "its UUID is the result, the note a message", r)
    information = r.out.strip()
    r = good("key=value pairs become keys", "command", "send", e, "InstalledApplicationList", "Identifiers=com.a,com.b")
    ok(answer("command", "show", r.out.strip())["command"]["Command"]["Identifiers"] == ["com.a", "com.b"], "of their type")
    bad("S-32: what User Enrollment forbids is refused before it is queued", "command", "send", e, "EraseDevice",
        says="User Enrollment")
    bad("an unknown command is refused", "command", "send", e, "Explode")
    bad("an unknown key is refused", "command", "send", e, "DeviceInformation", "Colour=red")
    bad("a pair without = is refused", "command", "send", e, "DeviceInformation", "Queries")
    bad("no command at all is wrong usage", "command", "send", e, status=2)
    bad("an unknown user channel is refused", "command", "send", e, "DeviceInformation", "--user-channel", "nobody")
    path = os.path.join(WORK, "command.plist")
    open(path, "w").write('<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>RequestType</key>'
                          "<string>SecurityInfo</string></dict></plist>")
    good("a command from a property list", "command", "send", e, "--plist", path)
    bad("pairs and a property list are wrong usage", "command", "send", e, "SecurityInfo", "a=b", "--plist", path, status=2)
    bad("another RequestType than the file's is refused", "command", "send", e, "ProfileList", "--plist", path)
    bad("a file that is no property list is refused", "command", "send", e, "--plist", "/etc/hostname")
    r = postern("command", "send", e, "ProfileList")
    good("command cancel", "command", "cancel", r.out.strip())
    bad("cancelling twice is refused", "command", "cancel", r.out.strip())
    bad("an unknown command can't be shown", "command", "show", "zz")
    ok(len([c for c in answer("command", "list", e)["items"] if c["status"] == "queued"]) == 3, "three are queued")
    r = device("poll", "--until-empty", "--quiet")
    ok(r.status == 0, "the device polls", r)
    shown = answer("command", "show", information)
    ok(shown["status"] == "Acknowledged" and shown["answer"]["QueryResponses"]["OSVersion"] == "18.2",
       "command show prints the answer", shown)
    good("the same for people", "command", "show", information, says='"OSVersion": "18.2"')


def test_tokens():
    e = enrollment()
    grants = answer("token", "list", "--enrollment", e)["items"]
    ok(len(grants) == 1 and grants[0]["state"] == "live", "token list has the sign-in", grants)
    bad("token revoke without a target is wrong usage", "token", "revoke", status=2)
    bad("with two targets as well", "token", "revoke", "--user", "anna@betterbag.com", "--enrollment", e, status=2)
    bad("an unknown grant is refused", "token", "revoke", "zz")
    bad("an unknown person is refused", "token", "revoke", "--user", "x@betterbag.com")
    good("token revoke --enrollment", "token", "revoke", "--enrollment", e, says="1 sign-in(s)")
    good("revoking again revokes nothing", "token", "revoke", "--enrollment", e, says="0 sign-in(s)")
    first = answer("enrollment", "show", e)["attempt"]
    good("the timeline says who revoked it", "attempt", "show", first, says="the administrator revoked the sign-in (by uid")
    r = device("poll", "--quiet")
    ok(r.status != 0 and "sign in again" in r.err, "the device is asked to sign in again", r)
    r = device("reauth", "--password-stdin", "--quiet", stdin=SECRET + "\n")
    ok(r.status == 0, "the person signs in again", r)
    r = good("the first attempt tells it", "attempt", "show", first, says="Later")
    ok(("Since then" in r.out or "command was answered" in r.out.splitlines()[-4]) and "Cause" not in r.out,
       "and that all is well since", r)
    good("the newest attempt is the one to sign in again", "attempt", "show", "--last", "anna@betterbag.com",
         says="to sign in again")
    good("disabling a person", "user", "disable", "anna@betterbag.com", says="1 live enrollment")
    good("shows in the timeline", "attempt", "show", first, says="nothing is delivered (by uid")
    good("enabling the person", "user", "enable", "anna@betterbag.com")


def test_ca():
    e = enrollment()
    good("ca show", "ca", "show", says="Enrollment CA")
    issued = answer("ca", "show", "--enrollment", e)["items"]
    ok(len(issued) == 1 and issued[0]["state"] == "valid", "ca show --enrollment lists what was issued", issued)
    bad("what is no fingerprint is refused", "ca", "revoke", "abc", says="fingerprint")
    bad("an unknown fingerprint is refused", "ca", "revoke", "0" * 64)
    good("ca revoke", "ca", "revoke", issued[0]["fingerprint"])
    ok(answer("ca", "show", "--enrollment", e)["items"][0]["state"] == "revoked", "it is revoked")


def test_end():
    e = enrollment()
    good("enrollment evict says which way", "enrollment", "evict", e, says="403 com.apple.unrecognized.device")
    first = answer("enrollment", "show", e)["attempt"]
    good("the timeline says who ordered it", "attempt", "show", first, says="ordered the eviction (by uid")
    good("evicting again says the same", "enrollment", "evict", e, says="403")
    shutil.rmtree(os.path.join(WORK, "phone"))
    r = enroll(SECRET)
    ok(r.status == 0, "another device enrolls", r)
    listed = answer("enrollment", "list", "--state", "enrolled")["items"]
    r = good("removing a person evicts first", "user", "remove", "anna@betterbag.com", says="enrollment(s) are evicted")
    r = device("poll", "--quiet")
    ok("ended the enrollment" in r.err, "the device is told to leave", r)
    ended = listed[0]["id"]
    bad("an ended one can't be evicted", "enrollment", "evict", ended, says="already ended")
    good("it can be removed", "enrollment", "remove", ended)
    bad("and is gone then", "enrollment", "show", ended)


# ---- the door ----

def http(method, path, body=None):
    args = ["-s", "--unix-socket", DATA + "/admin.sock", "-X", method, "-w", "\n%{http_code}", "http://x/api/v1" + path]
    r = run(*args, *(["-d", body] if body is not None else []), program="/usr/bin/curl")
    text, _, status = r.out.rpartition("\n")
    return int(status), text


def test_api():
    ok(stat.S_IMODE(os.stat(DATA + "/admin.sock").st_mode) == 0o660, "the admin socket is 0660")
    for sentence, method, path, body, status in (
            ("a body that is not JSON", "POST", "/users", "{", 400),
            ("a body that is no object", "POST", "/users", "[]", 400),
            ("an unknown field", "POST", "/users", '{"user": "d@betterbag.com", "admin": true}', 400),
            ("a field of another type", "POST", "/users", '{"user": 7}', 400),
            ("a missing field", "POST", "/users", "{}", 400),
            ("a key twice", "POST", "/users", '{"user": "d@betterbag.com", "user": "e@betterbag.com"}', 400),
            ("a path that is not there", "GET", "/secrets", None, 404),
            ("a method that is not there", "DELETE", "/status", None, 405),
            ("a number that is none", "GET", "/attempts?before=yesterday", None, 400)):
        got = http(method, path, body)
        ok(got[0] == status, "%s is %d" % (sentence, status), got)
    status, text = http("POST", "/users", '{"user": "nope"}')
    ok(set(json.loads(text)) == {"type", "title", "status", "detail", "code"},
       "a refusal is a problem document (RFC 9457)", text)
    r = run("-sk", "-o", "/dev/null", "-w", "%{http_code}", "https://127.0.0.1:%d/api/v1/status" % PORT,
            program="/usr/bin/curl")
    ok(r.out == "404", "the API is not there on the TLS listener", r)
    log = open(os.path.join(WORK, "log")).read()
    ok("by=\"uid %d\"" % os.getuid() in log, "who changed something is in the log")
    ok(SECRET not in log, "no password is")


def on_terminal(*args, env=None):
    """What a command writes when standard output is a terminal of 60 columns."""
    master, slave = pty.openpty()
    subprocess.run(["stty", "cols", "60"], stdin=slave, check=True)
    p = subprocess.Popen([POSTERN, "--data", DATA, *args], stdout=slave, stderr=subprocess.DEVNULL,
                         env={**os.environ, "TERM": "xterm", **(env or {})})
    os.close(slave)
    text = b""
    while True:
        try:
            got = os.read(master, 65536)
        except OSError:
            break
        if not got:
            break
        text += got
    p.wait()
    os.close(master)
    return text.decode()


def test_terminal():
    text = on_terminal("rule", "list")
    plain = re.sub(r"\033\[[0-9;]*m", "", text)
    ok("\033[1m" in text and max(len(line.rstrip("\r")) for line in plain.split("\n")) <= 60,
       "a table fits the terminal and has colour", text)
    ok("\033" not in on_terminal("rule", "list", env={"NO_COLOR": "1"}), "NO_COLOR is honoured")
    ok("\033" not in postern("rule", "list").out, "without a terminal there is no colour")
    postern("user", "add", "esc@betterbag.com", "--name", "a\033[2Jb\u009bc")
    ok("\033[2J" not in postern("user", "list").out + on_terminal("user", "list", env={"NO_COLOR": "1"}),
       "control characters in names don't reach the terminal")


def main():
    for test in (test_init, test_init_tls, test_init_refusals, test_usage, test_server_down):
        test()
    start()
    try:
        for test in (test_org, test_device_cas, test_second_org, test_users, test_import, test_rules, test_check,
                     test_timeline, test_enrollment, test_commands, test_tokens, test_ca, test_end, test_api,
                     test_terminal):
            test()
    finally:
        status = stop()
    ok(status == 0, "posternd ends well", open(os.path.join(WORK, "log")).read()[-3000:])
    print("1..%d" % number)
    if failed == 0:
        shutil.rmtree(WORK)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
