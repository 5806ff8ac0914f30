"""A posternd of one's own: a data folder, a port, the administrator's command. Nothing of it is known but its
command line (the programs come from $POSTERN_BUILD; those that only talk to the daemon from $POSTERN_CLIENTS, if it is
there: a sanitizer costs a short process more than all it does)."""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("POSTERN_BUILD", "build"))
CLIENTS = os.path.abspath(os.environ.get("POSTERN_CLIENTS", BUILD))
DOMAIN = "betterbag.com"


# A test that is told to end goes as by an exception: with what it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


class Refused(Exception):
    """The administrator's command ended with an error."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, org="Better Bag", store=None):
        """`store`: a database's address; otherwise SQLite in the data folder."""
        self.folder = tempfile.mkdtemp(prefix="postern-independent-")
        self.data = os.path.join(self.folder, "data")
        self.port, self.mtls_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}"
        self.cacert = os.path.join(self.data, "tls", "ca.pem")
        self.connect_to = [f"{DOMAIN}:443:127.0.0.1:{self.port}"]
        self.daemon = None
        try:
            self.run("init", "--data", self.data, "--org", org, "--domain", DOMAIN, "--url", self.url, "--lab",
                     *(["--store", store] if store else []))
        except BaseException:
            self.remove()
            raise

    @property
    def log(self):
        with open(os.path.join(self.folder, "log"), "rb") as f:
            return f.read().decode(errors="replace")

    def launch(self, *args, env=None, build=BUILD):
        """Start the daemon without waiting for anything; its output goes to the log."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.daemon = subprocess.Popen([os.path.join(build, "posternd"), "--data", self.data, "--listen",
                                            f"127.0.0.1:{self.port}", *args], stdout=log, stderr=log,
                                           env={**os.environ, **(env or {})})
        atexit.register(self.stop)
        return self.daemon

    def start(self, *args, env=None, build=BUILD):
        """Start it and wait until it listens."""
        self.launch(*args, env=env, build=build)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.daemon.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise Refused(f"posternd does not listen:\n{self.log[-2000:]}")

    def start_with_mtls(self):
        """With a listener that asks for client certificates, and profiles that name it."""
        return self.start("--listen-mtls", f"127.0.0.1:{self.mtls_port}",
                          env={"POSTERN_MTLS_URL": f"https://localhost:{self.mtls_port}"})

    def stop(self):
        """The daemon's exit status after SIGTERM; None if it had to be killed."""
        if self.daemon is None:
            return 0
        daemon, self.daemon = self.daemon, None
        daemon.send_signal(signal.SIGTERM)
        try:
            return daemon.wait(60)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            return None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *args, stdin=""):
        done = subprocess.run([os.path.join(CLIENTS, "postern"), *args], input=stdin, capture_output=True, text=True,
                              timeout=180)
        if done.returncode != 0:
            raise Refused(f"postern {' '.join(args)}: {done.returncode} {done.stderr.strip()}")
        return done.stdout

    def admin(self, *args, stdin=""):
        return self.run("--data", self.data, *args, stdin=stdin)

    def listing(self, *args):
        """A list of rows (dicts); one for `show`."""
        value = json.loads(self.admin("--json", *args))
        if isinstance(value, dict):
            return value.get("items", [value])
        return value

    def add_user(self, user, password, *args):
        self.admin("user", "add", user, *args, "--password-stdin", stdin=password + "\n")

    def enrollment(self, device):
        """What the administrator's command calls a device's enrollment."""
        name = list(device.who().values())[0]
        for row in self.listing("enrollment", "list", "--state", "live"):
            shown, = self.listing("enrollment", "show", row["id"])
            if name in shown.values():
                return row["id"]
        raise Refused(f"no enrollment {name} in the list")

    def files_with(self, needle):
        """The files under the data folder that hold these bytes, and the log."""
        found = []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and "device-" not in path and "built-in" not in path:
                    with open(path, "rb") as f:
                        if needle.lower() in f.read().lower():
                            found.append(os.path.relpath(path, self.folder))
        return found
