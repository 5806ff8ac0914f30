"""What the stories of people and their devices share: a posternd with people, the two kinds of simulated device
(postern-device, and the one of tests/independent that shares no code with the server), and the timeline as the
administrator's command tells it."""

import concurrent.futures
import glob
import os
import sys
import time

sys.dont_write_bytecode = True
os.environ.setdefault("POSTERN_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build"))

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
import postern  # noqa: E402
from postern import DOMAIN, PASSWORD, Refused, ok, same  # noqa: E402, F401

import openssl  # noqa: E402
import web  # noqa: E402
from device import Device as Independent, Stopped, is_challenge, parse_challenge  # noqa: E402, F401

SERVER_UUID = "5D1C9A0E-7F5A-4B0E-8A51-0B9F2A0C9F11"
UNRECOGNIZED = "com.apple.unrecognized.device"


class World(postern.Server):
    """Made by `init --lab`, with the device CA of postern-device as its pool, in mode require. Not started."""

    def __init__(self, sqlite=False):
        super().__init__(sqlite)
        self.made = 0
        self.born = None

    def open(self, *listeners):
        self.start(*listeners)
        self.admin("org", "set", "--device-ca", os.path.join(self.device_ca, "ca.pem"), "--device-ca-mode", "require",
                   "--server-uuid", SERVER_UUID)
        return self

    def person(self, *names):
        """People with PASSWORD, in one import; their identifiers."""
        users = [f"{name}@{DOMAIN}" for name in names]
        path = os.path.join(self.folder, "people.csv")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write("user,password\n" + "".join(f"{u},{PASSWORD}\n" for u in users))
        self.admin("user", "import", path)
        os.unlink(path)
        return users

    def independent(self):
        """A device that shares no code with the server; its maker is in the pool, too."""
        if self.born is None:
            self.born = openssl.BuiltIn(os.path.join(self.folder, "built-in"))
            self.admin("org", "set", "--device-ca", self.born.root)
        self.made += 1
        return Independent(os.path.join(self.folder, f"device-i{self.made}"), self.cacert, self.connect_to, self.born)

    def wire(self, **how):
        return web.Wire(self.cacert, self.connect_to, **how)

    def events(self, user):
        """Every event of this person's attempts, oldest attempt first."""
        out = []
        for row in reversed(self.listing("attempt", "list", "--user", user)):
            shown, = self.listing("attempt", "show", row["id"])
            out += shown["timeline"]
        return out

    def codes(self, user):
        return [e["code"] for e in self.events(user)]

    def told(self, user, code):
        """That event as the administrator reads it: {} when there is none."""
        return ([e for e in self.events(user) if e["code"] == code] or [{}])[-1]

    def states(self, user):
        """States of the person's enrollments, oldest first."""
        return [row["state"] for row in reversed(self.listing("enrollment", "list", "--user", user))]

    def rule(self, user, *outcome):
        self.admin("rule", "add", "--user", user, *outcome)

    def time_passes(self, *users):
        """The access tokens of these people are past their life, without waiting for it."""
        for user in users:
            past = int(time.time()) - 1
            self.ask("UPDATE oauth_token SET expires_at = ?1 WHERE kind = 'access' AND grant_id IN (SELECT g.id FROM "
                     "oauth_grant g JOIN account a ON a.id = g.account_id WHERE a.user_identifier = ?2)",
                     past, user)
            self.ask("UPDATE enrollment SET pass_until = ?1 WHERE account_id IN (SELECT id FROM account "
                     "WHERE user_identifier = ?2)", past, user)

    def healthy(self):
        """The end of a story: the daemon drains, and no sanitizer has anything to say."""
        ok(self.daemon is not None and self.daemon.poll() is None, "the server runs to the end", self.log[-2000:])
        same(self.stop(), 0, "SIGTERM ends it with status 0")
        ok("Sanitizer" not in self.log and "runtime error" not in self.log, "no sanitizer had anything to say",
           self.log[-3000:])


class Phone(postern.Device):
    """postern-device in a folder of its own. `options` count at the first enroll, `more` at each."""

    def __init__(self, world, user, *options, password=PASSWORD):
        super().__init__(world, user, *options)
        self.password = password

    def go(self):
        if self.process.stdin:
            try:
                self.process.stdin.write(self.password + "\n")
                self.process.stdin.close()
            except BrokenPipeError:
                pass
            self.process.stdin = None
        return self

    def run(self, *args):
        self.begin(*args)
        status = self.finish(300)
        if "Sanitizer" in self.err or "runtime error" in self.err:
            ok(False, "no sanitizer complains of postern-device", self.err[-3000:])
        return status

    def enroll(self, *more):
        known = os.path.exists(os.path.join(self.state, "device.json"))
        first = [] if known else [*self.server.for_devices(), *self.options]
        pace = [] if "--maid-delay" in more else ["--maid-delay", "0"]
        return self.run("enroll", self.user, "--json", "--password-stdin", *pace, *first, *more)

    def poll(self, *how):
        return self.run("poll", "--json", *how)

    def reauth(self):
        return self.run("reauth", "--json", "--password-stdin")

    def unenroll(self):
        return self.run("unenroll", "--json")

    def did(self, event):
        return [s for s in self.steps if s["event"] == event]

    def row(self):
        return self.server.listing("enrollment", "list", "--user", self.user)[0]

    def send(self, *command):
        return self.server.admin("command", "send", self.row()["id"], *command)

    def commands(self):
        """Statuses of the commands, oldest first."""
        return [c["status"] for c in reversed(self.server.listing("command", "list", self.row()["id"]))]

    def story(self):
        """For a failure: what the device did last, and the server's timeline."""
        try:
            timeline = self.server.admin("attempt", "show", "--last", self.user)
        except Refused as e:
            timeline = str(e)
        return self.err + timeline + "\n".join(str(s) for s in self.steps[-3:])


def shown(reply):
    return f"{reply.status} {reply.headers}\n{reply.body[:300]!r}"


def in_batches(work, items, n=4):
    """work(item) for all items, n at a time; the results in order. Assertions belong after it."""
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(work, items))


def maid_certificate(world):
    name, = glob.glob(os.path.join(world.data, "keys", "maid-*.pem"))
    with open(name, "rb") as f:
        return f.read()
