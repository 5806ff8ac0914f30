"""Real web servers for tests: nginx, Apache and lighttpd as unprivileged processes on the loopback, each with many
virtual hosts, a port for each; and the certificates that they show."""

import atexit
import itertools
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time

from patience import until

NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
APACHE_MODULES = ["mpm_event", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic", "alias", "rewrite", "mime",
                  "headers", "ssl", "socache_shmcb", "proxy", "proxy_http"]


_ports = itertools.count(random.randrange(12000, 30000, 100))


def free_port():
    """Below those that the system gives to connections: so many at once would meet one, or each other."""
    for port in _ports:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Folder:
    """A folder that the servers can read; gone at the end."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="postern-web-")
        os.chmod(self.path, 0o755)
        atexit.register(shutil.rmtree, self.path, True)

    def __call__(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self(name)), exist_ok=True)
        with open(self(name), "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode(errors="surrogateescape"))
        return self(name)


class Authority:
    """A root, an intermediate that signs servers, and what they show: a folder NAME with fullchain.pem and key.pem."""

    def __init__(self, folder):
        self.folder = folder
        self.ca("root", None)
        self.ca("intermediate", "root")
        self.root = folder("root.pem")

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)

    def ca(self, name, issuer):
        self.request(name, "ec", f"/CN=Web {name}")
        self.sign(name, issuer, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n", 3650)

    def request(self, name, key, subject):
        kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else [key]
        self.openssl("req", "-new", "-nodes", "-newkey", *kind, "-keyout", self.folder(name + ".key"), "-out",
                     self.folder(name + ".csr"), "-subj", subject)

    def sign(self, name, issuer, extensions, days, digest="sha256", begin=None):
        """By issuer, or by itself. A certificate whose time is over wants `ca`, which takes dates."""
        f = self.folder
        f.write(name + ".ext", extensions)
        how = ["-CA", f(issuer + ".pem"), "-CAkey", f(issuer + ".key"), "-CAcreateserial"] if issuer else ["-signkey", f(name + ".key")]
        if begin is None:
            self.openssl("x509", "-req", "-in", f(name + ".csr"), "-out", f(name + ".pem"), "-extfile", f(name + ".ext"), "-days",
                         str(days), "-" + digest, *how)
            return
        f.write(name + ".cnf", f"[ca]\ndefault_ca=c\n[c]\ndatabase={f(name)}.db\nnew_certs_dir={f.path}\nserial={f(name)}.srl\n"
                f"default_md={digest}\npolicy=p\n[p]\ncommonName=supplied\n")
        f.write(name + ".db", "")
        f.write(name + ".srl", "2a\n")
        stamp = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + d * 86400)) for d in (begin, begin + days)]
        self.openssl("ca", "-batch", "-config", f(name + ".cnf"), "-in", f(name + ".csr"), "-out", f(name + ".pem"), "-extfile",
                     f(name + ".ext"), "-cert", f(issuer + ".pem"), "-keyfile", f(issuer + ".key"), "-startdate", stamp[0],
                     "-enddate", stamp[1], "-notext")

    def server(self, folder, names, key="ec", whole=True, signed_by="intermediate", more="", **how):
        extensions = "extendedKeyUsage=serverAuth\n" + more
        if names:
            extensions += "subjectAltName=" + ",".join("DNS:" + n for n in names) + "\n"
        self.request(folder, key, "/CN=" + (names or ["betterbag.com"])[0])
        self.sign(folder, signed_by, extensions, how.pop("days", 90), **how)
        chain = open(self.folder(folder + ".pem")).read()
        if whole and signed_by:
            chain += open(self.folder(signed_by + ".pem")).read()
        self.folder.write(folder + "/fullchain.pem", chain)
        shutil.copy(self.folder(folder + ".key"), self.folder(folder, "key.pem"))
        os.chmod(self.folder(folder, "key.pem"), 0o644)
        return self.folder(folder)


class WebServer:
    """One process for a list of (port, lines of its virtual host)."""

    def __init__(self, folder, name):
        self.folder, self.name, self.process = folder, name, None
        os.makedirs(folder(name), exist_ok=True)
        os.chmod(folder(name), 0o777)

    def config(self, hosts):
        return {"nginx": self.nginx, "apache": self.apache, "lighttpd": self.lighttpd}[self.name](hosts)

    def command(self, path):
        return {"nginx": ["nginx", "-c", path, "-e", "stderr"], "apache": ["apache2", "-d", self.folder.path, "-f", path, "-X"],
                "lighttpd": ["lighttpd", "-D", "-f", path]}[self.name]

    def nginx(self, hosts):
        at = self.folder(self.name)
        temporary = "".join(f"{kind}_temp_path {at}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (f"daemon off; master_process off; pid {at}/pid; error_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}" +
                "".join(f"server {{\n{lines}\n}}\n" for _, lines in hosts) + "}\n")

    def apache(self, hosts):
        at = self.folder(self.name)
        return ("".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in APACHE_MODULES) +
                f"PidFile {at}/pid\nErrorLog {at}/log\nServerName betterbag.com\nMutex file:{at}\nDefaultRuntimeDir {at}\nTypesConfig /dev/null\n"
                "ServerLimit 1\nStartServers 1\nThreadsPerChild 8\nMaxRequestWorkers 8\nMinSpareThreads 1\nMaxSpareThreads 8\nSSLSessionCache none\nAddDefaultCharset Off\n" +
                "".join(f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\n{lines}\n</VirtualHost>\n" for port, lines in hosts))

    def lighttpd(self, hosts):
        at = self.folder(self.name)
        first = hosts[0][0]
        return (f'server.modules = ("mod_openssl", "mod_redirect", "mod_setenv")\nserver.document-root = "{self.folder.path}"\n'
                f'server.bind = "127.0.0.1"\nserver.port = {free_port()}\nserver.pid-file = "{at}/pid"\n' +
                "".join(f'$SERVER["socket"] == "127.0.0.1:{port}" {{\n{lines}\n}}\n' for port, lines in hosts)) if first else ""

    def start(self, hosts):
        path = self.folder.write(self.name + "/conf", self.config(hosts))
        self.log = self.folder(self.name, "log")
        with open(self.log, "wb") as log:
            os.chmod(self.log, 0o666)
            self.process = subprocess.Popen(self.command(path), stdout=log, stderr=log, **NOBODY)
        atexit.register(self.stop)
        until(lambda: self.process.poll() is not None or all(listens(port) for port, _ in hosts))
        return self.process.poll() is None

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()[-3000:]

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
