#!/usr/bin/env python3
"""postern check against real web servers, each misconfigured in its own way: it names the right cause for each, and
where it prints something to put into the configuration of nginx or Apache, putting it there mends the host."""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
from tap import done, ok, same  # noqa: E402
from web_hosts import Authority, Folder, WebServer, free_port  # noqa: E402

BUILD = os.environ.get("POSTERN_BUILD", os.path.join(HERE, "..", "..", "build"))
WHO, DOMAIN, MDM = "anna+1@betterbag.com", "betterbag.com", "mdm.betterbag.com"
WELL_KNOWN = "/.well-known/com.apple.remotemanagement"
BASE_URL = f"https://{MDM}/enroll/byod"
AT_MDM = f"https://{MDM}{WELL_KNOWN}"

folder = Folder()
authority = Authority(folder)


def document(version="mdm-byod", base_url=BASE_URL, n=1):
    return json.dumps({"Servers": [{"Version": version, "BaseURL": base_url}] * n})


# ---- certificates: what each folder shows ----

AIA = "authorityInfoAccess=caIssuers;URI:http://ca.example/intermediate.cer\n"
NAMES = [DOMAIN, MDM]
authority.server("good", NAMES)
authority.server("rsa", NAMES, key="rsa:2048")
authority.server("leaf-alone", NAMES, whole=False, more=AIA)
authority.server("expired", NAMES, begin=-100)
authority.server("future", NAMES, begin=10)
authority.server("soon", NAMES, days=5)
authority.server("other-name", ["www.example.com"])
authority.server("no-san", [])
authority.server("self-signed", NAMES, signed_by=None)
authority.server("small-key", NAMES, key="rsa:1024")
authority.server("sha1", NAMES, digest="sha1")
authority.server("long", NAMES, days=900)

# ---- documents: what each folder serves ----

folder.write("www" + WELL_KNOWN, document())
for site in ("www", "front"):
    folder.write(site + "/index.html", "<!DOCTYPE html><title>Better Bag</title>")
folder.write("broken" + WELL_KNOWN, document()[:-1] + ",}")
folder.write("static" + WELL_KNOWN, document(base_url=f"https://{DOMAIN}/enroll/byod"))
folder.write("static/enroll/byod", "profile")
folder.write("users", "")
folder.write("data/keys/push-better-bag.pem", open(folder("expired.pem")).read())
folder.write("empty/robots.txt", "")
AWAY = f"return 307 {AT_MDM}$is_args$args;"


def nginx(*lines, tls="good", root="www", more=""):
    return lambda port: (f"listen 127.0.0.1:{port}{' ssl' if tls else ''};\nroot {folder(root)};\n" +
                         (f"ssl_certificate {folder(tls)}/fullchain.pem;\nssl_certificate_key {folder(tls)}/key.pem;\n" if tls else "") +
                         more + "\n" + "\n".join(lines) + "\n")


def apache(*lines, tls="good", root="www", more=""):
    return lambda port: ((f"SSLEngine on\nSSLCertificateFile {folder(tls)}/fullchain.pem\nSSLCertificateKeyFile {folder(tls)}/key.pem\n"
                          if tls else "") + f"DocumentRoot {folder(root)}\n{more}\n" + "\n".join(lines) + "\n")


def lighttpd(*lines, tls="good", root="www"):
    return lambda port: ('ssl.engine = "enable"\nssl.openssl.ssl-conf-cmd = ("MinProtocol" => "TLSv1.2", "CipherString" => "ALL:@SECLEVEL=0")\n'
                         f'ssl.pemfile = "{folder(tls)}/fullchain.pem"\nssl.privkey = "{folder(tls)}/key.pem"\n'
                         f'server.document-root = "{folder(root)}"\n' + "\n".join(lines) + "\n")


def answers(text, kind="application/json"):
    return f"location = {WELL_KNOWN} {{ default_type {kind}; return 200 '{text}'; }}"


NO_EMS = "ssl_protocols TLSv1.2;\nssl_conf_command Options -ExtendedMasterSecret;"
TYPED = f'<Location "{WELL_KNOWN}">\nForceType application/json\n</Location>'
PASSWORD = f"AuthType Basic\nAuthName x\nAuthUserFile {folder('users')}\nRequire valid-user"

def challenged(challenge, *more, sso=""):
    """BaseURL at a path of the host itself, which answers with this challenge (fields of the header, or no header)."""
    fields = "".join(f"add_header WWW-Authenticate '{c}' always; " for c in ([challenge] if isinstance(challenge, str) else challenge))
    fields += f"add_header X-Apple-MDM-ESSO {sso} always; " if sso else ""
    return nginx(answers(document(base_url=f"https://{DOMAIN}/enroll/byod")), f"location /enroll/ {{ {fields}return 401; }}", *more, root="empty")


def web(url):
    return f'Bearer method="apple-as-web", url="{url}"'


CALLBACK = "apple-remotemanagement-user-login:/oauth2/redirection"
OAUTH2 = (f'Bearer method="apple-oauth2", authorization-url="https://{DOMAIN}/authorize", token-url="https://{DOMAIN}/token", '
          f'redirect-url="{CALLBACK}", client-id="device", scope="mdm"')
PAGE = "location = /authorize { default_type text/html; return 200 'Sign in'; }"


def token(status, error, kind="application/json"):
    return f"""location = /token {{ default_type {kind}; return {status} '{{"error":"{error}"}}'; }}"""


HOSTILE = document("mdm-user", BASE_URL + "'`id`").replace('"', '\\"')

# (server, what is wrong, the causes that are named, the virtual host)
HOSTS = [
    ("nginx", "there is no document", ["not-found"], nginx(root="empty")),
    ("nginx", "names with a dot are denied", ["forbidden"], nginx(r"location ~ /\. { deny all; }")),
    ("nginx", "the document is text/plain", ["media-type-wrong"], nginx("default_type text/plain;")),
    ("nginx", "the document has no type", ["media-type-missing"], nginx('default_type "";')),
    ("nginx", "every path gets the front page", ["document-html"], nginx("location / { default_type text/html; try_files $uri /../www/index.html; }",
                                                                        root="empty", more="error_page 404 =200 /index.html;\nlocation = /index.html { default_type text/html; root " + folder("www") + "; }")),
    ("nginx", "it redirects to http", ["plain-http"], nginx(f"location / {{ return 301 http://{MDM}$request_uri; }}")),
    ("nginx", "the redirect loses the query", ["redirect-lost-query"], nginx(f"location /.well-known/ {{ return 301 {AT_MDM}; }}")),
    ("nginx", "the redirect takes the query apart by $arg_", ["redirect-changed-query"], nginx(
        f"location /.well-known/ {{ return 307 {AT_MDM}?user-identifier=$arg_user-identifier&model-family=$arg_model-family; }}")),
    ("nginx", "the redirect leads to itself", ["redirect-loop"], nginx(f"location /.well-known/ {{ return 302 https://{DOMAIN}$request_uri; }}")),
    ("nginx", "the document begins with a BOM", ["document-bom"], nginx(f"location /.well-known/ {{ default_type application/json; return 200 '\ufeff{document()}'; }}")),
    ("nginx", "there are two servers", ["document-several-servers"], nginx(f"location /.well-known/ {{ default_type application/json; return 200 '{document(n=2)}'; }}")),
    ("nginx", "Version is unknown", ["document-version"], nginx(f"location /.well-known/ {{ default_type application/json; return 200 '{document('mdm-user')}'; }}")),
    ("nginx", "Servers is empty", ["document-no-servers"], nginx(f"location /.well-known/ {{ default_type application/json; return 200 '{document(n=0)}'; }}")),
    ("nginx", "the type is no text at all", ["media-type-wrong"], nginx('default_type "text/\udcff\udcfe\x1b[31m";')),
    ("nginx", "BaseURL has what a shell would run", ["document-version"], nginx(
        f"location /.well-known/ {{ default_type application/json; return 200 \"{HOSTILE}\"; }}")),
    ("nginx", "BaseURL is http", ["base-url-http"], nginx(f"location /.well-known/ {{ default_type application/json; return 200 '{document(base_url=BASE_URL.replace('https', 'http'))}'; }}")),
    ("nginx", "BaseURL's host ends with a dot", ["base-url-trailing-dot"], nginx(
        f"location /.well-known/ {{ default_type application/json; return 200 '{document(base_url=BASE_URL.replace(MDM, MDM + '.'))}'; }}")),
    ("nginx", "BaseURL is a static file", ["first-answer-method"], nginx("default_type application/json;", root="static")),
    ("nginx", "TLS is too old", ["tls-version-old"], nginx("default_type application/json;", more="ssl_protocols TLSv1 TLSv1.1;\nssl_ciphers ALL:@SECLEVEL=0;")),
    ("nginx", "the only suite has no forward secrecy", ["tls-suite-weak"], nginx("default_type application/json;", tls="rsa",
                                                                                more="ssl_protocols TLSv1.2;\nssl_ciphers AES256-GCM-SHA384;")),
    ("nginx", "TLS 1.2 has no Extended Master Secret", ["tls-no-ems"], nginx("default_type application/json;", more=NO_EMS)),
    ("nginx", "it is only missing behind TLS 1.3", ["tls-no-ems-in-1.2"], nginx("default_type application/json;", more=NO_EMS.replace("TLSv1.2", "TLSv1.2 TLSv1.3"))),
    ("nginx", "TLS 1.1 is offered too", ["tls-old-offered"], nginx("default_type application/json;", more="ssl_protocols TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers ALL:@SECLEVEL=0;")),
    ("nginx", "the port speaks http", ["tls-none"], nginx("default_type application/json;", tls="")),
    ("nginx", "the certificate ends soon", ["certificate-expires-soon"], nginx("default_type application/json;", tls="soon")),
    ("nginx", "the first request is answered with a page", ["first-answer-success"], nginx(
        answers(document(base_url=f"https://{DOMAIN}/enroll/byod")), "location /enroll/ { return 200 'hello'; }")),
    ("nginx", "BaseURL redirects", ["first-answer-redirect"], nginx(
        answers(document(base_url=f"https://{DOMAIN}/enroll/byod")), f"location /enroll/ {{ return 308 https://{MDM}$request_uri; }}")),
    ("nginx", "the 401 has no challenge", ["challenge-missing"], challenged([])),
    ("nginx", "the scheme is written bearer", ["challenge-scheme-case"], challenged(web(f"https://{MDM}/sign-in").lower())),
    ("nginx", "the method is unknown", ["challenge-method"], challenged('Bearer method="apple-maid", url="https://x.example/"')),
    ("nginx", "the challenge has no client-id", ["challenge-incomplete"], challenged(OAUTH2.replace("client-id", "client"))),
    ("nginx", "the page to sign in at is http", ["challenge-http"], challenged(web(f"http://{MDM}/sign-in"))),
    ("nginx", "the token endpoint is http", ["challenge-http"], challenged(OAUTH2.replace(f"https://{DOMAIN}/token", f"http://{DOMAIN}/token"))),
    ("nginx", "there are two challenges", ["challenge-several"], challenged([web(f"https://{MDM}/sign-in"), 'Basic realm="x"'])),
    ("nginx", "the page's state is in the query", ["challenge-query-lost"], challenged(web(f"https://{MDM}/sign-in?state=1"))),
    ("nginx", "the page is not there", ["sign-in-page-status"], challenged(web(f"https://{MDM}/nowhere"))),
    ("nginx", "the page leads to http", ["sign-in-page-http"], challenged(web(f"https://{DOMAIN}/page"), f"location /page {{ return 302 http://{MDM}/sign-in; }}")),
    ("nginx", "the page is text", ["sign-in-page-not-html"], challenged(web(f"https://{DOMAIN}/page"), "location /page { default_type text/plain; return 200 'x'; }")),
    ("nginx", "the client is unknown", ["sign-in-page-ends"], challenged(OAUTH2, f"location = /authorize {{ return 308 '{CALLBACK}?error=unauthorized_client'; }}",
                                                                        token(400, "invalid_grant"))),
    ("nginx", "the token endpoint wants a secret", ["token-client-refused"], challenged(OAUTH2, PAGE, token(401, "invalid_client"))),
    ("nginx", "the token endpoint is not there", ["token-status"], challenged(OAUTH2, PAGE)),
    ("nginx", "the token endpoint takes any code", ["token-given-for-nothing"], challenged(OAUTH2, PAGE, """location = /token { default_type application/json; return 200 '{"access_token":"x"}'; }""")),
    ("nginx", "the document of Enrollment SSO is text", ["esso-media-type"], challenged(
        web(f"https://{MDM}/sign-in"), "location = /esso { default_type text/plain; return 200 '{}'; }", sso=f"https://{DOMAIN}/esso")),
    ("nginx", "it is empty", ["esso-document"], challenged(
        web(f"https://{MDM}/sign-in"), "location = /esso { default_type application/json; return 200 '{}'; }", sso=f"https://{DOMAIN}/esso")),
    ("nginx", "it is at http", ["esso-url"], challenged(web(f"https://{MDM}/sign-in"), sso=f"http://{DOMAIN}/esso")),
    ("nginx", "nothing, with apple-oauth2", [], challenged(OAUTH2, PAGE, token(400, "invalid_grant"))),
    ("apache", "the document is text/plain", ["media-type-wrong"], apache(f'<Location "{WELL_KNOWN}">\nForceType text/plain\n</Location>')),
    ("apache", "names with a dot are denied", ["forbidden"], apache(r'<DirectoryMatch "/\.">' + "\nRequire all denied\n</DirectoryMatch>")),
    ("apache", "the site asks for a password", ["needs-login"], apache(f"<Location />\n{PASSWORD}\n</Location>")),
    ("apache", "the redirect loses the query", ["redirect-lost-query"], apache(f"RewriteEngine on\nRewriteRule ^/.well-known/ {AT_MDM} [R=301,QSD,L]")),
    ("apache", "the redirect's host ends with a dot", ["url-trailing-dot"], apache(f"Redirect 307 {WELL_KNOWN} {AT_MDM.replace(MDM, MDM + '.')}")),
    ("apache", "what stands behind it is down", ["server-error"], apache(f"ProxyPass {WELL_KNOWN} http://127.0.0.1:1/")),
    ("apache", "BaseURL asks for a password of its own", ["challenge-not-bearer"], apache(TYPED, f"<Location /enroll>\n{PASSWORD}\n</Location>", root="static")),
    ("apache", "the intermediate is missing", ["certificate-chain-incomplete"], apache(TYPED, tls="leaf-alone")),
    ("apache", "the certificate is expired", ["certificate-expired"], apache(TYPED, tls="expired")),
    ("apache", "the certificate is not valid yet", ["certificate-not-yet-valid"], apache(TYPED, tls="future")),
    ("apache", "the certificate is for another name", ["certificate-wrong-name"], apache(TYPED, tls="other-name")),
    ("apache", "the certificate has no subjectAltName", ["certificate-no-san"], apache(TYPED, tls="no-san")),
    ("apache", "the certificate is made for too long", ["certificate-life-too-long"], apache(TYPED, tls="long")),
    ("apache", "TLS 1.2 has no Extended Master Secret", ["tls-no-ems"], apache(TYPED, more="SSLProtocol -all +TLSv1.2\nSSLOpenSSLConfCmd Options -ExtendedMasterSecret")),
    ("apache", "only CBC suites", ["tls-suite-weak"], apache(TYPED, more="SSLProtocol -all +TLSv1.2\nSSLCipherSuite ECDHE-ECDSA-AES256-SHA384")),
    ("lighttpd", "every path gets the front page", ["document-html"], lighttpd('server.error-handler-404 = "/index.html"', 'mimetype.assign = (".html" => "text/html")', root="front")),
    ("lighttpd", "the document has lighttpd's default type", ["media-type-wrong"], lighttpd()),
    ("lighttpd", "it redirects to http", ["plain-http"], lighttpd(f'url.redirect = ("" => "http://{MDM}${{url.path}}${{qsa}}")')),
    ("lighttpd", "the document is not JSON", ["document-not-json"], lighttpd('mimetype.assign = ("" => "application/json")', root="broken")),
    ("lighttpd", "the certificate is self-signed", ["certificate-self-signed"], lighttpd(tls="self-signed")),
    ("lighttpd", "the key is small", ["certificate-key-weak"], lighttpd('mimetype.assign = ("" => "application/json")', tls="small-key")),
    ("lighttpd", "the certificate is signed with SHA-1", ["certificate-signature-weak"], lighttpd('mimetype.assign = ("" => "application/json")', tls="sha1")),
]


class Host:
    def __init__(self, server, rule, causes, lines):
        self.server, self.rule, self.causes, self.port = server, rule, causes, free_port()
        self.lines = lines(self.port)
        self.found = None


MDM_PORT = free_port()
GOOD = nginx(f"location = {WELL_KNOWN} {{ default_type application/json; return 200 '{document()}'; }}",
             f"""location /enroll/ {{ add_header WWW-Authenticate 'Bearer method="apple-as-web", url="https://{MDM}/sign-in"' always; return 401; }}""",
             "location = /scep { default_type text/plain; return 200 'POSTPKIOperation\nSHA-1\nDES3\n'; }",
             "location /sign-in { default_type text/html; return 200 '<!DOCTYPE html><title>Sign in</title>'; }", root="empty")(MDM_PORT)


ENVIRONMENT = {**os.environ, "SSL_CERT_FILE": os.devnull, "RES_OPTIONS": "timeout:1 attempts:1"}


def command(port, *more, family="iPhone", who=WHO, timeout=120):
    return [os.path.join(BUILD, "postern"), "check", who, "--cacert", authority.root, "--connect-to", f"{DOMAIN}:443:127.0.0.1:{port}",
            "--connect-to", f"{MDM}:443:127.0.0.1:{MDM_PORT}", "--connect-to", f"{MDM}.:443:127.0.0.1:{MDM_PORT}",
            "--timeout", str(timeout), *(["--model-family", family] if family else []), *more]


def check(port, *more, **how):
    """Exit status, and the report."""
    r = subprocess.run(command(port, "--json", *more, **how), capture_output=True, text=True, env=ENVIRONMENT)
    if "Sanitizer" in r.stderr or not r.stdout.startswith("{"):
        raise AssertionError(r.stderr[-3000:])
    return r.returncode, json.loads(r.stdout)


def codes(report):
    return [f["code"] for f in report["findings"]]


def all_at_once(hosts, look):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(zip(hosts, pool.map(look, hosts)))


SEVERITY = {"warning": 1, "critical": 2}


def finds_each_cause(hosts):
    for host, (status, report) in all_at_once(hosts, lambda h: check(h.port)):
        host.found = report["findings"]
        same(codes(report), host.causes, f"{host.server}: {host.rule}: {', '.join(host.causes) or 'nothing is found'}")
        same(status, max([SEVERITY.get(f["severity"], 3) for f in host.found], default=0), "... the exit status says how bad it is")
        stages = [s["state"] for s in report["stages"] if s["state"] != "not asked"]
        if status == 2:
            end = next((i for i, s in enumerate(stages) if s == "not reached"), len(stages))
            ok(set(stages[end:]) <= {"not reached"}, "... what comes after a stage that was not reached was not either", stages)


# ---- what is printed, put into the configuration ----

def upstream(text):
    """The snippets name places of an administrator's own: those of this test."""
    return text.replace(f"/etc/ssl/{DOMAIN}", folder("good")).replace("https://127.0.0.1:8443", f"https://127.0.0.1:{MDM_PORT}") \
        .replace("/var/www/com.apple.remotemanagement", folder("www" + WELL_KNOWN))


def applied(host, snippet):
    """As a person would: a directive or location that the snippet has takes the place of the one that stands there."""
    said = {line.split()[0] for line in snippet.splitlines() if line[:1].isalpha() and line.split()[0].lower().startswith("ssl")}
    places = tuple(line for line in snippet.splitlines() if line.startswith("location "))
    kept = [line for line in host.lines.splitlines() if not line.startswith(places or "location\t") and (line.split() or [""])[0] not in said]
    text = "\n".join(kept)
    if "with: listen 443 ssl" in snippet and " ssl;" not in text: # it says so in a comment; a certificate is needed then
        text = text.replace(f":{host.port};", f":{host.port} ssl;") + \
            f"\nssl_certificate {folder('good')}/fullchain.pem;\nssl_certificate_key {folder('good')}/key.pem;"
    return snippet + "\n" + text if "# before" in snippet else text + "\n" + snippet


def mends_each(hosts, servers):
    broken = [h for h in hosts if h.server in servers and h.found and h.found[0]["snippet"]]
    ok(len(broken) >= 25, "most of what is wrong with nginx and Apache has a snippet", [h.rule for h in hosts if h not in broken])
    for name, server in servers.items():
        server.stop()
        mended = [(h.port, applied(h, upstream(h.found[0]["snippet"]))) for h in broken if h.server == name]
        ok(server.start(([(MDM_PORT, GOOD)] if name == "nginx" else []) + mended), f"{name} takes what was printed", server.said())
    for host, (status, report) in all_at_once(broken, lambda h: check(h.port)):
        ok(status == 0 and codes(report) == [], f"{host.server}: {host.rule}: what is printed for {host.causes[0]} mends it",
           (codes(report), [f["seen"] for f in report["findings"]], host.found[0]["snippet"]))


# ---- what else it looks at ----

def tells_people(host):
    """The text has what the report has: verdict for monitoring first, cause, what the phone says, and the snippet."""
    finding = host.found[0]
    r = subprocess.run(command(host.port), capture_output=True, text=True, env=ENVIRONMENT)
    ok(r.stdout.startswith(f"CRITICAL - {WHO}: {finding['code']}: "), "the first line is what monitoring shows", r.stdout)
    ok(all(line.strip() in r.stdout for line in finding["snippet"].splitlines()), "the snippet stands in the text", r.stdout)
    for word in ("Seen", "Phone", "Cause", "To do", "not reached", "ask Apple next"):
        ok(word in r.stdout, f"the text says: {word}", r.stdout)
    status, report = check(host.port, "--web-server", "cloudfront")
    ok(report["findings"][0]["server"] == "cloudfront" and "function handler" in report["findings"][0]["snippet"],
       "--server picks another web server's", report["findings"])
    for server in ("nginx", "apache", "caddy", "iis", "cloudfront", "cloudflare"):
        shown = check(host.port, "--web-server", server, "--mdm-server", "https://mdm.example")[1]["findings"][0]["snippet"]
        ok(f"https://mdm.example{WELL_KNOWN}" in shown and "@" not in shown, f"{server}: the snippet leads where --mdm-server says", shown)


def falls_back(host):
    """Protocol 2.6: the domain has no document, and Apple's redirect leads to one."""
    status, report = check(host.port, "--apple", f"https://{MDM}/")
    stages = {s["stage"]: s["state"] for s in report["stages"]}
    ok(status == 1 and codes(report) == ["not-found"], "a fallback that works makes the domain's failure a warning", report["findings"])
    ok(stages["apple"] == "ok" and stages["sign-in"] == "ok", "and the rest is looked at", stages)
    status, report = check(host.port, "--apple", f"https://{MDM}/nowhere")
    ok(status == 2 and codes(report)[-1] == "fallback-failed", "one that does not is named", codes(report))


def sees_every_family(host):
    status, report = check(host.port, family=None)
    same(sorted(report["families"]), ["Mac", "RealityDevice", "iPad", "iPhone"], "without --model-family it is every kind that enrolls by account")
    same([f["families"] for f in report["findings"]], [report["families"]], "what they meet together is one finding")


def looks_beyond(host):
    """What stands in the profile alone, and in a server's folder."""
    status, report = check(MDM_PORT, "--scep", f"https://{MDM}/scep", "--data", folder("data"))
    same((status, codes(report)), (2, ["scep-weak", "push-certificate-expired"]), "weak SCEP and a push certificate past its time are found")
    status, report = check(MDM_PORT, "--scep", f"https://{MDM}/nowhere")
    same(codes(report), ["scep-status"], "so is a SCEP server that is not there")


def needs_a_name():
    status, report = check(free_port(), who="anna")
    same(codes(report), ["identifier-malformed"], "what is no identifier ends at once")
    stages = {s["state"] for s in report["stages"][1:] if s["state"] != "not asked"}
    same(stages, {"not reached"}, "... and nothing else is reached")
    status, report = check(free_port())
    same(codes(report), ["connection-refused"], "nobody listens")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        status, report = check(silent.getsockname()[1], timeout=1)
        same((codes(report), report["findings"][0]["seen"]), (["tls-failed"], "no answer in time"), "who says nothing is not waited for without end")
    r = subprocess.run(command(1, "--mdm-server", "mdm.example"), capture_output=True, text=True, env=ENVIRONMENT)
    ok(r.returncode == 3 and "--mdm-server" in r.stderr, "what is no URL is wrong usage", r)
    status, report = check("nosuchport")
    ok(codes(report)[0] in ("name-unknown", "name-lookup-failed"), "what can't be looked up is said to be so", report["findings"])


def main():
    hosts = [Host(*row) for row in HOSTS]
    by_name = {name: [h for h in hosts if h.server == name] for name in ("nginx", "apache", "lighttpd")}
    servers = {name: WebServer(folder, name) for name in by_name}
    for name, server in servers.items():
        ok(server.start([(h.port, h.lines) for h in by_name[name]] + ([(MDM_PORT, GOOD)] if name == "nginx" else [])),
           f"{name} runs with {len(by_name[name])} hosts", server.said())
    finds_each_cause(hosts)
    hostile = next(h for h in hosts if "shell" in h.rule).found[0]
    ok("`" not in hostile["snippet"] and WELL_KNOWN in hostile["snippet"], "what a server says is not pasted into a shell", hostile)
    missing = next(h for h in hosts if h.causes == ["not-found"])
    tells_people(missing)
    falls_back(missing)
    sees_every_family(missing)
    looks_beyond(missing)
    needs_a_name()
    mends_each(hosts, {name: servers[name] for name in ("nginx", "apache")})
    for server in servers.values():
        server.stop()
    return done()


sys.exit(main())
