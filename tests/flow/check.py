#!/usr/bin/env python3
"""postern check against real web servers, each misconfigured in its own way: it names the right cause for each, and
where it prints something to put into the configuration of nginx or Apache, putting it there mends the host."""

import concurrent.futures
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
from tap import done, ok, same  # noqa: E402
from web_hosts import Authority, Folder, WebServer, free_port, listens  # noqa: E402

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
             "location /sign-in { default_type text/html; return 200 '<!DOCTYPE html><title>Sign in</title>'; }", root="empty")(MDM_PORT)


def check(port, *more, family="iPhone"):
    """Exit status, and the report."""
    r = subprocess.run([os.path.join(BUILD, "postern"), "--json", "check", WHO, "--cacert", authority.root, "--connect-to",
                        f"{DOMAIN}:443:127.0.0.1:{port}", "--connect-to", f"{MDM}:443:127.0.0.1:{MDM_PORT}", "--connect-to", f"{MDM}.:443:127.0.0.1:{MDM_PORT}",
                        *(["--model-family", family] if family else []), *more],
                       capture_output=True, text=True, env={**{k: v for k, v in os.environ.items() if k != "POSTERN_DATA"}, "SSL_CERT_FILE": os.devnull})
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
        same(codes(report), host.causes, f"{host.server}: {host.rule}: {host.causes[0]}")
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
    """As a person would: a directive that the snippet has takes the place of the one that stands there."""
    said = {line.split()[0] for line in snippet.splitlines() if line[:1].isalpha() and line.split()[0].lower().startswith("ssl")}
    kept = [line for line in host.lines.splitlines() if not line.split() or line.split()[0] not in said]
    text = "\n".join(kept)
    if "listen 443 ssl" in snippet and " ssl;" not in text: # it says so in a comment; a certificate is needed then
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


def main():
    hosts = [Host(*row) for row in HOSTS]
    by_name = {name: [h for h in hosts if h.server == name] for name in ("nginx", "apache", "lighttpd")}
    servers = {name: WebServer(folder, name) for name in by_name}
    for name, server in servers.items():
        ok(server.start([(h.port, h.lines) for h in by_name[name]] + ([(MDM_PORT, GOOD)] if name == "nginx" else [])),
           f"{name} runs with {len(by_name[name])} hosts", server.said())
    finds_each_cause(hosts)
    mends_each(hosts, {name: servers[name] for name in ("nginx", "apache")})
    for server in servers.values():
        server.stop()
    return done()


sys.exit(main())
