#!/usr/bin/python3
"""A small fleet: prepared, let loose in every scenario, with faults, over a killed server; its ledger agrees with
the store, and a ledger or a store that was tampered with is noticed.
    fleet.py     $POSTERN_BUILD names the build folder"""

import json
import os
import subprocess
import sys
import time

from postern import BUILD, PASSWORD, Server, done, end, free_port, ok, same

DEVICES, COMMANDS = 50, 3
FAULTS = "answer-lost=10,duplicate=10,notnow=10,expired-token=10,stalled=1,push-token=10"


class Fleet:
    def __init__(self, server, port):
        self.server, self.port = server, port
        self.state = os.path.join(server.folder, "fleet")
        self.ledger = os.path.join(server.folder, "ledger")
        self.err = ""

    def call(self, *args, stdin=None):
        done = subprocess.run([os.path.join(BUILD, "postern-device"), "fleet", *args], input=stdin, text=True,
                              capture_output=True, timeout=180)
        self.err = done.stderr
        if "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            ok(False, "no sanitizer complains", done.stderr[-3000:])
        return done.returncode, done.stdout

    def prepare(self, *args, state=None, stdin=None):
        return self.call("prepare", "--data", self.server.data, "--state", state or self.state, "--count", str(DEVICES),
                         "--keys", "2", *args, stdin=stdin)

    def command(self, scenario, *args, proxy=True, tls=False):
        proof = ["--proof", "proxy", "--proxy-secret-file", os.path.join(self.server.data, "proxy-secret")]
        door = ["--connect", f"localhost:{self.server.port}", "--cacert", self.server.cacert] if tls else [
            "--connect", f"127.0.0.1:{self.port}"]
        return ["run", "--state", self.state, *door, "--scenario", scenario, "--json", *(proof if proxy else []), *args]

    def run(self, scenario, *args, **how):
        status, out = self.call(*self.command(scenario, *args, **how))
        return json.loads(out) if status == 0 and out.startswith("{") else {"status": status, "err": self.err}

    def verify(self, ledger=None):
        status, out = self.call("verify", "--data", self.server.data, "--state", self.state, "--ledger",
                                ledger or self.ledger, "--ledger", self.ledger + "-enrolled")
        return status, out.strip()


def prepares(fleet):
    status, out = fleet.prepare("--commands", str(COMMANDS), "--expired-tokens", "--password-stdin",
                                stdin=PASSWORD + "\n")
    ok(status == 0 and "rows were written directly" in out, "prepare says that nothing was really enrolled",
       out + fleet.err)
    status, _ = fleet.prepare(state=fleet.state + "-2")
    ok(status == 1 and "--seed" in fleet.err, "the same seed twice in one store is refused", fleet.err)
    status, _ = fleet.prepare("--seed", "other")
    ok(status == 1 and "--state" in fleet.err, "a directory that holds a fleet is not overwritten", fleet.err)
    status, out = fleet.prepare("--seed", "ca", "--sign", "ca", "--key-kind", "p256", "--json", state=fleet.state + "-3")
    ok(status == 0 and json.loads(out)["certificates_signed_by"] == "ca",
       "another seed, certificates by the organization's CA, P-256 keys", out + fleet.err)
    if not fleet.server.store:
        same(fleet.server.rows("PRAGMA integrity_check"), [("ok",)], "the database is sound")
    same(fleet.server.rows("SELECT COUNT(*) FROM enrollment WHERE state = 'enrolled'"), [(2 * DEVICES,)],
         "both fleets are enrolled")


def is_good(result, what):
    return ok(result.get("requests", 0) > 0 and result["errors_total"] == 0 and result["unfinished"] <= 16, what, result)


def scenarios(fleet):
    poll = fleet.run("poll", "--duration", "1", "--count", "20")
    ok(poll.get("errors", {}).get("body", 0) > 0, "a poll that is answered with a command is told as an error", poll)
    cycle = fleet.run("cycle", "--duration", "30", "--connections", "8")
    is_good(cycle, "each device works off its queue")
    same(cycle.get("commands"), DEVICES * COMMANDS, "every command was acknowledged once")
    is_good(fleet.run("poll", "--duration", "1"), "then polls are answered empty")
    is_good(fleet.run("poll", "--duration", "1", proxy=False), "with Mdm-Signatures")
    is_good(fleet.run("poll", "--duration", "1", proxy=False, tls=True), "and through TLS")
    is_good(fleet.run("checkin", "--duration", "1", proxy=False), "Authenticate and TokenUpdate again")
    is_good(fleet.run("floor", "--duration", "1"), "a path that nobody serves is answered")
    shaken = fleet.run("handshake", "--duration", "1", tls=True)
    ok(is_good(shaken, "TLS handshakes alone") and shaken["connects"] >= shaken["requests"], "each on a new connection")
    reauth = fleet.run("reauth", "--duration", "1")
    is_good(reauth, "expired tokens are renewed")
    ok(reauth.get("messages", {}).get("refresh", {}).get("requests", 0) > 0, "at the token endpoint", reauth)
    rate = fleet.run("poll", "--duration", "1", "--rate", "40")
    is_good(rate, "an open loop")
    ok(rate.get("loop") == "open" and 5 <= rate.get("requests", 0) <= 80, "at about its rate", rate)
    herd = fleet.run("herd", "--connections", "10")
    is_good(herd, "a herd over few connections")
    ok(herd.get("sessions") == DEVICES, "is served whole", herd)


def enrolls(fleet):
    """Whole enrollments, by people of the fleet and by one that is named."""
    args = ["run", "--state", fleet.state, "--connect", f"127.0.0.1:{fleet.server.port}", "--cacert",
            fleet.server.cacert, "--scenario", "enroll", "--password-stdin", "--count", "3", "--connections", "2",
            "--duration", "60", "--ledger", fleet.ledger + "-enrolled"]
    status, out = fleet.call(*args, "--json", stdin=PASSWORD + "\n")
    result = json.loads(out) if status == 0 else {}
    ok(result.get("enrollments") == 3 and result.get("errors_total") == 0, "three devices enroll for real",
       out + fleet.err)
    ok(result.get("requests", 0) >= 3 * 9, "each by all the requests that this takes", result)
    status, out = fleet.call(*args[:2], fleet.state + "-none", *args[3:-2], "--user", "nobody@betterbag.com",
                             stdin=PASSWORD + "\n")
    ok(status == 0 and "3 failed at sign-in" in out, "what fails is told with its stage, also without a fleet",
       out + fleet.err)


def more_commands(server):
    for row in server.listing("enrollment", "list", "--state", "live")[-10:]:
        server.admin("command", "send", row["id"], "DeviceInformation", "Queries=OSVersion")


def survives(fleet):
    """Faults of every kind, and the server killed in the middle of it."""
    server = fleet.server
    args = fleet.command("mixed", "--duration", "4", "--connections", "8", "--fault", FAULTS, "--ledger", fleet.ledger,
                         "--password-stdin", "--enroll-connect", f"127.0.0.1:{server.port}", "--cacert", server.cacert)
    run = subprocess.Popen([os.path.join(BUILD, "postern-device"), "fleet", *args], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run.stdin.write(PASSWORD + "\n")
    run.stdin.flush()
    time.sleep(1)
    more_commands(server)
    time.sleep(0.5)
    server.kill()
    server.start("--listen-http", f"127.0.0.1:{fleet.port}")
    out, err = run.communicate(timeout=120)
    result = json.loads(out) if run.returncode == 0 else {"err": err}
    ok(result.get("requests", 0) > 0, "the fleet goes on over a server that was killed and came back", result)
    faults = result.get("faults", {})
    ok(all(faults.get(name, 0) > 0 for name in ("answer-lost", "duplicate", "expired-token", "push-token")),
       "faults were made on purpose", faults)
    explained = "401", "503", "connect", "lost", "no-device", "enroll-interrupted"
    bad = {k: v for k, v in result.get("errors", {}).items() if k not in explained}
    same(bad, {}, "nothing went wrong but what a kill explains")
    ok(result.get("enrollments", 0) > 0, "people enroll among it", result)
    same(server.stop(), 0, "the server ends well")
    with open(fleet.ledger) as f:
        lines = [line.split()[0] for line in f if line.count(" ")]
    joined = lines.count("enrolled")
    ok(joined >= result.get("enrollments", 0) and lines.count("issued") >= joined, "the ledger has them and their certificates",
       (joined, lines.count("issued")))
    status, out = fleet.verify()
    ok(status == 0 and out == f"{DEVICES + 3 + joined} devices, 0 lost, 0 doubled, 0 stuck",
       "what was acknowledged is in the store", out + fleet.err)


def notices(fleet):
    """A verifier that finds nothing proves nothing until it finds what is there."""
    with open(fleet.ledger) as f:
        text = f.read()
    change, tampered = fleet.server.rows, fleet.ledger + "-2"
    uuid, enrollment, row = change("SELECT r.uuid, e.device_id, e.id FROM command r JOIN enrollment e"
                                   " ON e.id = r.enrollment_id WHERE r.answered_at IS NOT NULL ORDER BY r.answered_at DESC LIMIT 1")[0]

    def with_line(line):
        with open(tampered, "w") as f:
            f.write(text + line)
        return fleet.verify(tampered)

    status, out = with_line(f"Acknowledged {enrollment} NEVER-SENT\n")
    ok(status == 1 and ", 1 lost, 0 doubled" in out, "an answer that the store does not have is lost", out + fleet.err)
    status, out = with_line(f"Acknowledged {enrollment} {uuid}\ndelivered {enrollment} {uuid}\n")
    ok(status == 1 and ", 0 lost, 1 doubled" in out, "a command delivered after its answer is doubled", out)
    status, out = with_line(f"Idle {enrollment}\nAcknow")
    ok(status == 0, "a last line that was cut off is no one's promise", out + fleet.err)
    status, out = with_line(f"issued {'0' * 64}\n")
    ok(status == 1 and ", 1 lost," in out, "a certificate that the store does not have is lost", out)
    who = next(line.split()[1] for line in text.splitlines() if line.startswith("enrolled "))
    change("UPDATE channel SET user_id = 'x' WHERE enrollment_id IN (SELECT id FROM enrollment WHERE device_id = ?)", who)
    status, out = fleet.verify()
    ok(status == 1 and ", 1 lost," in out, "an enrollment whose TokenUpdate left nothing is lost", out)
    change("UPDATE channel SET user_id = '' WHERE enrollment_id IN (SELECT id FROM enrollment WHERE device_id = ?)", who)
    status, out = with_line("Idle 00000000-0000-0000-0000-000000000000\n")
    ok(status == 1 and "line" in fleet.err, "a ledger of other devices is refused", out + fleet.err)
    change("UPDATE command SET uuid = 'X' || uuid WHERE enrollment_id = ?", row)
    status, out = fleet.verify()
    ok(status == 1 and " 0 lost" not in out, "results taken out of the store are lost", out)
    change("UPDATE command SET uuid = SUBSTR(uuid, 2) WHERE enrollment_id = ?", row)
    change("UPDATE oauth_grant SET revoked_at = 1 WHERE enrollment_id = ?", row)
    status, out = fleet.verify()
    ok(status == 1 and out.endswith("0 lost, 0 doubled, 1 stuck"), "a device whose sign-in is gone is stuck", out)
    change("UPDATE oauth_grant SET revoked_at = NULL WHERE enrollment_id = ?", row)
    change("UPDATE channel SET push_magic = 'older' WHERE enrollment_id = ?", row)
    status, out = fleet.verify()
    ok(status == 1 and ", 1 lost," in out, "a push token that is not the acknowledged one is lost", out)


def main():
    server, port = Server(), free_port()
    server.set(trusted_proxies="127.0.0.1")
    fleet = Fleet(server, port)
    prepares(fleet)
    server.start("--listen-http", f"127.0.0.1:{port}")
    if not server.store:
        status, _ = fleet.prepare("--seed", "late", state=fleet.state + "-4")
        ok(status == 1 and "posternd" in fleet.err, "while posternd has the store, prepare says to stop it", fleet.err)
    shown = server.listing("enrollment", "list", "--state", "live")
    ok(len(shown) == 2 * DEVICES, "the administrator sees them", shown[:1])
    ok("prepared by" in server.admin("attempt", "show", server.listing("attempt", "list")[0]["id"]),
       "and that they were prepared")
    scenarios(fleet)
    enrolls(fleet)
    survives(fleet)
    notices(fleet)
    end(server)
    return done()


if __name__ == "__main__":
    sys.exit(main())
