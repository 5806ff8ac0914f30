#!/usr/bin/env python3
"""The tables are law: for every command, payload, restriction, declaration, query, status item and check-in message in
data/*.csv, the server's verdict and the simulated device's are what the tables and their overrides say. Three readings
that share nothing but the files: script/tables (the server), src/device/schema.c, and script/modes-table (here)."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postern import BUILD, CLIENTS, done, ok, say  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FAMILIES = {"iOS": "iPhone", "macOS": "Mac", "visionOS": "RealityDevice"}
# The tables' own time, before and after: what came since is judged too.
VERSIONS = {"iOS": ["15.0", "18.2", "27.0"], "macOS": ["14.0", "15.2", "27.0"], "visionOS": ["1.1", "2.4", "27.0"]}
NO = ("forbidden", "absent")


def load():
    path = os.path.join(ROOT, "script", "modes-table")
    loader = importlib.machinery.SourceFileLoader("modes_table", path)
    sys.dont_write_bytecode = True
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("modes_table", loader))
    loader.exec_module(module)
    return module


def spelled(tables):
    """Apple's path of a key -> the server's: items of arrays and keys of any name have invented names in the schema."""
    kinds, below, ours = {}, {}, {}
    for table in ("command-keys-all", "enrollment-payload-keys", "profile-keys", "declaration-keys", "checkin-keys"):
        for r in tables.rows(table, False):
            name = r.get("command") or r.get("payload") or r.get("payload_type") or r.get("declaration_type") or r.get("message")
            kinds[name, r.get("side", "request"), r["key_path"]] = r["type"]
    for name, side, path in kinds:
        if "." in path:
            below.setdefault((name, side, path.rsplit(".", 1)[0]), set()).add(path)

    def path_of(name, side, path):
        if "." not in path:
            return path
        parent, last = path.rsplit(".", 1)
        if kinds.get((name, side, parent)) == "array":
            last = "[]" if len(below[name, side, parent]) == 1 else "[%s]" % last
        elif last == "ANY" or last.startswith("ANY "):
            last = "*"
        return path_of(name, side, parent) + "." + last
    for thing in tables.things:
        kind, name, side, key = thing
        ours[thing] = (kind, name, side, path_of(name, side, key) if key else "")
    return ours


def server(mode, system, version, channel):
    out = subprocess.run([os.path.join(BUILD, "postern"), "--json", "modes", "--keys", "--mode", mode.lower(),
                          "--os", "%s %s" % (system, version), "--channel", channel], check=True, capture_output=True)
    return {(i["kind"], i["name"], i.get("side", ""), i.get("key", "")): (i["verdict"], i.get("rule"))
            for i in json.loads(out.stdout)["items"]}


def device(things, mode, system, version, channel):
    lines = "".join("%s\n" % "\t".join(t).rstrip("\t") for t in things)
    out = subprocess.run([os.path.join(CLIENTS, "postern-device"), "judge", "--mode", mode.lower(), "--family",
                          FAMILIES[system], "--os", version] + (["--user-channel"] if channel == "user" else []),
                         input=lines.encode(), check=True, capture_output=True)
    return dict(zip(things, out.stdout.decode().split()))


def compare(tables, ours, mode, system, version, channel):
    at = tuple(int(n) for n in version.split("."))
    want = {t: tables.verdict(t, mode, system, at, channel) for t in tables.things}
    got, its = server(mode, system, version, channel), device(list(want), mode, system, version, channel)
    wrong, other, unexplained = [], [], []
    for thing, verdict in want.items():
        word, rule = got.get(ours[thing], ("not listed", None))
        if word != verdict:
            wrong.append("%s: tables %s, server %s (%s)" % (" ".join(thing), verdict, word, rule))
        if word == "forbidden" and not rule:
            unexplained.append(thing)
        if ("forbidden" if its[thing] in NO else its[thing]) != verdict:
            other.append("%s: tables %s, device %s" % (" ".join(thing), verdict, its[thing]))
    where = "%s, %s %s, %s channel" % (mode, system, version, channel)
    extra = set(got) - set(ours.values())
    for line in (wrong + other + [str(e) for e in extra])[:12]:
        say(line)
    ok(not wrong and not extra, "S-32: the server's %d verdicts are the tables' (%s)" % (len(want), where))
    ok(not unexplained, "S-32: what it forbids it explains (%s)" % where)
    ok(not other, "D-24: the simulated device's verdicts are the tables' (%s)" % where)


def main():
    module = load()
    tables = module.Tables(os.path.join(ROOT, "data"))
    ours = spelled(tables)
    counts = {}
    for kind, name, side, key in tables.things:
        counts[kind] = counts.get(kind, 0) + 1
    say(", ".join("%d %ss and keys" % (n, kind) for kind, n in sorted(counts.items())))
    ok(counts["command"] > 800 and counts["payload"] > 400 and counts["declaration"] > 300,
       "S-32: every row of Apple's tables is asked about")
    for mode in module.MODES:
        for system in module.SYSTEMS:
            for version in VERSIONS[system]:
                for channel in ("device", "user") if system == "macOS" else ("device",):
                    compare(tables, ours, mode, system, version, channel)
    done()


main()
