#!/usr/bin/python3
"""The server seen from outside: Prometheus's promtool reads its numbers and rules; receivers of webhooks fail, hang and
die, and the server is killed meanwhile: nothing is lost, the order of each enrollment is kept, nobody else waits.
    outside.py     $POSTERN_BUILD names the build folder"""

import collections
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import world  # first: it finds the others
from postern import PASSWORD, Refused, done, free_port, ok, same, say, until  # noqa: F401
from receiver import Receiver

MONITORING = os.path.join(world.HERE, "..", "..", "packaging", "monitoring")


def fetch(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def promtool(*args, text=None):
    r = subprocess.run(["promtool", *args], input=text, text=True, capture_output=True)
    return r.returncode, r.stdout + r.stderr


def http_lines(port):
    return set(re.findall(r"^postern_http_[^ ]+", fetch(port, "/metrics")[1], re.M))


def numbers(w, port, phone):
    say("numbers")
    same(fetch(port, "/healthz"), (200, "alive\n"), "/healthz: alive")
    same(fetch(port, "/readyz"), (200, "ready\n"), "/readyz: the store answers")
    same(fetch(port, "/.well-known/com.apple.remotemanagement")[0], 404, "devices are served nothing there")
    status, page = fetch(port, "/metrics")
    same(status, 200, "/metrics is served")
    same(promtool("check", "metrics", text=page), (0, ""), "promtool accepts it, and has nothing to say")
    ok(re.search(r'^postern_http_requests_total\{method="PUT",route="/mdm/\{[a-z]*\}/checkin",code="200"\} [1-9]', page,
                 re.M), "requests by route and result", page)
    ok('postern_enrollments{state="enrolled",mode="byod"} 1' in page, "enrollments by state and mode", page)
    ok(re.search(r'^postern_expiry_timestamp_seconds\{kind="tls"\} \d+$', page, re.M), "what ends, and when", page)
    ok(re.search(r'^postern_store_commits_total\{result="done"\} [1-9]', page, re.M), "commits", page)
    row = phone.row()
    attempt = w.listing("attempt", "list")[0]["id"]
    ok(phone.user not in page and row["id"] not in page and attempt not in page,
       "and nobody: no person, enrollment or attempt is in it", page)
    known = set(re.findall(r"^# TYPE (\S+)", page, re.M))
    with open(os.path.join(MONITORING, "..", "..", "docs", "metrics.md")) as f:
        documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in
                      re.findall(r"^\| `(postern_\w+)` \| \w+ \|([^|]*)\|", f.read(), re.M)}
    same(set(documented), known, "docs/metrics.md has every number, and no other")
    labelled = collections.defaultdict(set)
    for name, labels in re.findall(r"^(postern_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? ", page, re.M):
        labelled[name] |= set(re.findall(r'(\w+)="', labels)) - {"le"}
    wrong = {n: (have, documented[n]) for n, have in labelled.items() if have - documented[n]}
    ok(len(labelled) > 20 and not wrong, "and their labels", wrong)
    before, wire = http_lines(port), w.wire()
    for i in range(30):
        wire.request("GET", f"{w.url}/no/{i}?such=page")
    same(http_lines(port), before,
         "no line more for what strangers ask")
    used = set()
    for name in ("alerts.yml", "dashboard.json"):
        with open(os.path.join(MONITORING, name)) as f:
            used |= set(re.findall(r"\bpostern_[a-z0-9_]+", f.read()))
    used = {re.sub(r"_(bucket|sum|count)$", "", u) for u in used}
    ok(used and used <= known, "rules and dashboard name numbers that there are", used - known)
    panels = os.path.join(w.folder, "panels.yml")
    with open(os.path.join(MONITORING, "dashboard.json")) as f, open(panels, "w") as out:
        asked = [t["expr"].replace("$__rate_interval", "5m") for p in json.load(f)["panels"] for t in p.get("targets", [])]
        json.dump({"groups": [{"name": "panels", "rules": [{"record": f"panel:{i}", "expr": e} for i, e in enumerate(asked)]}]}, out)
    status, said = promtool("check", "rules", panels)
    ok(len(asked) > 20 and status == 0, "promtool accepts what the dashboard asks", said)
    with open(os.path.join(MONITORING, "alerts.yml")) as f:
        asked.append(f.read())
    wrong = [(name, label) for name, matchers in re.findall(r"\b(postern_\w+)\{([^}]*)\}", "\n".join(asked))
             for label in re.findall(r"(\w+)[=!]~?", matchers)
             if label not in documented[re.sub(r"_(bucket|sum|count)$", "", name)] | {"job", "instance"}]
    ok(not wrong, "by labels that the numbers have", wrong)
    status, said = promtool("check", "rules", os.path.join(MONITORING, "alerts.yml"))
    ok(status == 0 and "SUCCESS" in said, "promtool accepts the alert rules", said)
    status, said = promtool("test", "rules", os.path.join(MONITORING, "alerts_test.yml"))
    ok(status == 0 and "SUCCESS" in said, "and its tests of them pass", said)


def addresses(w, r):
    say("addresses that a receiver may have")
    try:
        w.admin("webhook", "test", r.id)
        ok(False, "a receiver on this machine is not connected to")
    except Refused as e:
        ok("not a public one" in str(e), "a receiver on this machine is not connected to, unless webhook_private says so", e)
    ok(not r.tries, "nothing reached it", r.tries)


def settled(w, receivers):
    """Everything was told."""
    return until(lambda: all(row["waiting"] == 0 for row in w.listing("webhook", "list")), pause=0.2)


def failing(w, port, users):
    say("receivers that fail, hang and die")
    good, bad, hung, dead, few = receivers = [Receiver(n).add(w) for n in ("good", "bad", "hung", "dead")] + [
        Receiver("few").add(w, "--event", "enrollment.enrolled")]
    bad.mood, hung.mood = 500, "hang"
    dead.die()
    phones = [world.Phone(w, u) for u in users]
    for p in phones:
        same(p.enroll(), 0, f"{p.user} enrolls while three of five receivers are broken")
        p.send("ProfileList")
        same(p.poll(), 0, "and is managed")
    attempts = [w.listing("attempt", "list", "--user", u)[0]["id"] for u in users]
    wanted = {a: ["certificate.issued", "enrollment.enrolled", "command.answered"] for a in attempts}
    ok(until(lambda: good.told() == wanted), "the one that works was told at once, each enrollment in order", good.told())
    ok(until(lambda: bad.tries and hung.tries), "the others were tried", (bad.tries, hung.tries))
    ok(all(r.row(w)["waiting"] > 0 for r in (bad, hung, dead)), "and what they did not accept waits")
    ok(until(lambda: all(r.row(w)["trouble"] for r in (bad, hung, dead)), pause=0.2), "webhook list says why",
       [r.row(w)["trouble"] for r in receivers])
    same(fetch(port, "/readyz")[0], 200, "the server is well")
    w.kill()
    w.start()
    say("after kill -9")
    phones[0].send("CertificateList")
    same(phones[0].poll(), 0, "it goes on")
    wanted[attempts[0]].append("command.answered")
    bad.mend()
    hung.mend()
    dead.listen()
    ok(settled(w, receivers), "in the end everybody was told", w.listing("webhook", "list"))
    for r in (good, bad, hung, dead):
        same(r.told(), wanted, f"{r.name}: everything, and each enrollment in order")
    same(sorted(few.told().items()), sorted((a, ["enrollment.enrolled"]) for a in attempts),
         "who asked for one kind of event got that alone")
    same([r.bad for r in receivers], [[]] * 5, "every message was signed as Standard Webhooks have it, at each try")
    traces = [t.split("-")[1] for t in good.traces if re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", t)]
    ok(len(traces) == len(good.traces) and any(f"trace={t}" in w.log for t in traces),
       "with the trace of the request that it happened in, which the log names (W3C Trace Context)", traces)
    message = dict(good.accepted)[next(i for i, m in good.accepted if m["type"] == "enrollment.enrolled")]["data"]
    same((message["user"], message["mode"], message["model_family"]), (users[0], "byod", "iPhone"),
         "a message says whose device it is, and how it is enrolled")
    with open(os.path.join(phones[0].state, "device.json")) as f:
        device = json.load(f)
    secrets = [v for k, v in device.items() if isinstance(v, str) and len(v) > 5 and
               any(x in k.lower() for x in ("serial", "udid", "imei", "meid", "enrollment_id", "enrollmentid"))]
    ok(secrets and not any(s in json.dumps(good.accepted) for s in secrets), "and no identifier of the device", secrets)
    return good, bad, phones


def letters(w, good, bad, phone):
    say("dead letters")
    bad.mood = 400
    before = len(bad.accepted)
    phone.send("ProfileList")
    same(phone.poll(), 0, "something happens")
    ok(until(lambda: bad.row(w)["trouble"]), "a receiver refuses the message", bad.row(w))
    w.ask("UPDATE webhook_delivery SET created_at = created_at - 4 * 86400, due_at = 0")
    ok(until(lambda: bad.row(w)["dead"] == 1), "after webhook_days it is given up", bad.row(w))
    bad.mend()
    same(phone.unenroll(), 0, "something else happens")
    ok(until(lambda: bad.told() and bad.accepted[-1][1]["type"] == "enrollment.unenrolled"),
       "and is told, for the dead letter holds up nothing", bad.accepted[-1])
    letter, = w.listing("webhook", "dead-letters", bad.id)
    same((letter["type"], "answered 400" in letter["trouble"]), ("command.answered", True), "dead letters are listed")
    w.admin("webhook", "replay", bad.id, "--message", letter["id"])
    ok(until(lambda: letter["id"] in dict(bad.accepted)), "and replayed", w.listing("webhook", "dead-letters", bad.id))
    same(sorted((m["type"], m["data"].get("code")) for _, m in bad.accepted[before:]),
         [("attempt.failed", "account-refused"), ("command.answered", None), ("enrollment.unenrolled", "unenrolled")],
         "each once")
    same(json.loads(letter["body"]), dict(bad.accepted)[letter["id"]], "as it was")
    w.admin("webhook", "test", good.id)
    same(good.accepted[-1][1]["type"], "webhook.test", "webhook test sends one at once")
    w.admin("webhook", "remove", bad.id)
    ok(bad.id not in [r["id"] for r in w.listing("webhook", "list")], "a receiver is removed")


def traced(w, good, user):
    say("a trace that somebody else began")
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    d = w.independent()
    d.discover(user)
    d.wire.request("POST", d.state["base_url"], {"Content-Type": "application/pkcs7-signature",
                                                 "traceparent": f"00-{trace}-{parent}-01"}, b"no signature")
    ok(until(lambda: [t for t in good.traces if t.startswith(f"00-{trace}-") and t.endswith("-01") and parent not in t]),
       "goes on to a receiver, with a span of this server's own", good.traces[-1])
    ok(f"trace={trace}" in w.log, "and stands in the log")


def wrong(w):
    say("what is not taken")
    for args, word in (([" http://127.0.0.1/"], "URL"), (["https://a@b.example/"], "URL"), (["ftp://b.example/"], "URL"),
                       (["https://b.example/", "--event", "nothing"], "docs/events.md")):
        try:
            w.admin("webhook", "add", *args)
            ok(False, f"{args} is refused")
        except Refused as e:
            ok(word in str(e), f"{args} is refused", e)


def main():
    w = world.World()
    port = free_port()
    w.set(metrics_listen=f"127.0.0.1:{port}")
    w.open()
    users = w.person("anna", "ben", "carla")
    phone = world.Phone(w, users[2])
    same(phone.enroll(), 0, "a person enrolls before anybody is told")
    numbers(w, port, phone)
    first = Receiver("first").add(w)
    addresses(w, first)
    wrong(w)
    w.admin("webhook", "remove", first.id)
    w.stop()
    w.set(webhook_private="yes")
    w.start()
    good, bad, phones = failing(w, port, users[:2])
    letters(w, good, bad, phones[1])
    traced(w, good, users[1])
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
