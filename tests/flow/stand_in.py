"""postern-apple as a process: where it listens, what it is to get wrong, and what it saw."""

import atexit
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

from server import CLIENTS


class Apple:
    def __init__(self, folder, *options, build=CLIENTS, init=True):
        """In a folder made anew, or the one of an earlier process."""
        self.folder = folder
        program = os.path.join(build, "postern-apple")
        if init:
            said = subprocess.run([program, "init", "--state", folder], check=True, capture_output=True, text=True).stdout
            self.topic = said.split("Topic: ")[1].split()[0]
        self.log = os.path.join(folder, "log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([program, "run", "--state", folder, "--listen-apns", "127.0.0.1:0", "--listen-http",
                                             "127.0.0.1:0", "--listen-books", "127.0.0.1:0", *options], stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = {}
        for line in self.process.stdout:
            if line == "ready\n":
                break
            name, self.url[name] = line.split()
        atexit.register(self.stop)

    def file(self, name):
        return os.path.join(self.folder, name)

    def settings(self):
        """What the server's postern.conf is to say."""
        return {"push_url": self.url["apns"], "push_ca": self.file("ca.pem"),
                "apps_and_books_url": self.url["books"], "apps_and_books_ca": self.file("ca.pem"),
                "assignment_url": self.url["assignment"], "assignment_ca": self.file("ca.pem")}

    def certificate(self):
        """Options of `org set`."""
        return ["--push-certificate", self.file("push.pem"), "--push-key", self.file("push.key")]

    def ask(self, path, method="GET", body=None):
        """Status and JSON (None: there is none) of its own port."""
        request = urllib.request.Request(self.url["http"] + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def faults(self, *rules):
        status, said = self.ask("/faults", "PUT", list(rules))
        assert status == 204, said

    def ledger(self):
        return self.ask("/ledger")[1]

    def tokens(self):
        """Each token that was pushed to or waited for."""
        found, more = [], True
        while more:
            more = self.ask(f"/ledger/apns?from={len(found)}&limit=10000")[1]
            found += more
        return {t["token"]: t for t in found}

    def stop(self):
        """Its status, and what it complained of."""
        atexit.unregister(self.stop)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait()
        self.process.stdout.close()
        with open(self.log) as log:
            return status, log.read()
