#!/usr/bin/python3
"""What administrators did and whose data they read: the rows, that a changed one is found, and that a person can be
erased although nothing may be taken out.
    audit.py     $POSTERN_BUILD names the build folder"""

import hashlib
import json
import os

import world  # first: it finds the others
from postern import PASSWORD, Refused, done, ok, same, say


def netstring(value):
    text = None if value is None else str(value).encode()
    return b"~" if text is None else b"%d:%s," % (len(text), text)


def broken_at(rows):
    """The chain as docs/operations.md describes it, computed anew from an export; None: it holds."""
    previous = bytes(32)
    for row in rows:
        fields = [row["seq"], row["at"], row["actor_id"], row["way"], row["organization"], row["action"], row["object"],
                  row["person_id"], row["outcome"], row["begun"] or 0, row["again"], row["detail_digest"]]
        previous = hashlib.sha256(previous + b"".join(netstring(f) for f in fields)).digest()
        if previous.hex() != row["hash"]:
            return row["seq"]
    return None


def exported(w, *options):
    return [json.loads(line) for line in w.admin("audit", "export", *options).splitlines()]


def refusal(w, *command):
    try:
        w.admin(*command)
        return ""
    except Refused as e:
        return str(e)


def changes(w, user, device):
    say("changes")
    w.admin("user", "disable", user)
    begun, end = sorted(w.listing("audit", "list", "--user", user, "--limit", "2"), key=lambda row: row["seq"])
    same((begun["outcome"], end["outcome"], end["begun"]), ("begun", "done", begun["seq"]),
         "a change has a row before it and one with what came of it")
    same((end["actor"], end["way"], end["action"]), (f"uid {os.getuid()}", "socket", "PATCH /users/{user}"),
         "who, by which way, and what")
    same(end["detail"], {"before": {"disabled": False}, "after": {"disabled": True}}, "what differs, before and after")
    w.admin("user", "enable", user)
    w.admin("user", "passwd", user, "--password-stdin", stdin=PASSWORD + "\n")
    enrollment = w.enrollment(device)
    ok(refusal(w, "enrollment", "remove", enrollment), "a live enrollment can't be removed")
    row = w.listing("audit", "list", "--user", user, "--limit", "1")[0]
    same((row["action"], row["outcome"], row["object"]),
         ("DELETE /enrollments/{enrollment}", "conflict", f"enrollment {enrollment}"), "a refusal is a row, as such")
    w.admin("command", "send", enrollment, "DeviceInformation")
    device.poll()
    rows = exported(w)
    said = json.dumps(rows)
    ok(PASSWORD not in said and "argon2" not in said, "no row has a password, or what is made of one")
    ok(list(device.who().values())[0] not in said, "nor which device of a person it is")
    same([row["seq"] for row in rows], list(range(1, len(rows) + 1)), "the rows have no gap")
    same(broken_at(rows), None, "and hang together, computed by somebody else's program")


def readings(w, user):
    say("readings")
    for _ in range(3):
        w.admin("user", "show", user)
    w.admin("enrollment", "list", "--user", user, "--state", "live")
    rows = [row for row in exported(w) if row["person"] == user and row["action"].startswith("GET /")]
    same(len([row for row in rows if row["action"] == "GET /users/{user}"]), 1,
         "the same reading within a minute is one row")
    same([row["detail"] for row in rows if row["action"] == "GET /enrollments"], [{"filter": {"state": "live"}}],
         "a listing is one, with its filter")
    n = len(exported(w))
    w.admin("rule", "list")
    same(len(exported(w)), n, "what is nobody's data makes none")


def by_hand(w):
    say("a row that was changed by hand")
    head = w.admin("audit", "verify").split("Head: ")[1].split()[0]
    row = w.listing("audit", "list", "--limit", "1000")[-3]
    w.ask(f"UPDATE audit SET outcome = 'conflict' WHERE seq = {row['seq']}")
    sentence = refusal(w, "audit", "verify")
    ok(f"row {row['seq']} " in sentence, "verify names it, and ends 1", sentence)
    w.ask(f"UPDATE audit SET outcome = '{row['outcome']}' WHERE seq = {row['seq']}")
    w.admin("audit", "verify", "--head", head)
    ok(True, "as it was again, the chain holds, and goes through the head that was noted")
    other = head[:-1] + ("0" if head[-1] != "0" else "1")
    ok("noted" in refusal(w, "audit", "verify", "--head", other), "a head that never was is missed")


def rows_of_a_page(w):
    rows = exported(w)
    same([row["seq"] for row in exported(w, "--after", str(rows[3]["seq"]))][:2], [rows[4]["seq"], rows[5]["seq"]],
         "export goes on behind a row")
    same(w.listing("audit", "list", "--since", "1d", "--until", "1h"), [], "list takes times")
    same({row["object"] for row in w.listing("audit", "list", "--object", rows[0]["object"])}, {rows[0]["object"]},
         "and objects")


def a_person(w, user, other, device):
    say("everything that is kept of a person, and nothing")
    known = json.loads(w.admin("user", "export", user))
    for section in ("account", "attempts", "events", "enrollments", "commands", "sign_ins", "tokens", "certificates", "audit"):
        ok(known[section], f"the export has their {section}")
    said = json.dumps(known)
    ok("argon2" not in said and '"hash": "$' not in said and "unlock_token" not in said, "and no secret")
    ok("--yes" in refusal(w, "user", "erase", user), "erasing is said twice")
    ok("still enrolled" in refusal(w, "user", "erase", user, "--yes"), "a device that is enrolled is named first")
    w.admin("user", "erase", user, "--yes", "--evict")
    reply = device.report()
    print("#", reply.status, reply.body[:300]); ok(reply.status in (401, 403), "the device is not let in any more", f"{reply.status}")
    ok(refusal(w, "user", "show", user), "nobody has that name")
    w.admin("audit", "verify")
    rows = exported(w)
    same(broken_at(rows), None, "the chain holds")
    ok(any(row["person_id"] and row["person"] is None for row in rows), "its rows have a pseudonym")
    ok(any(row["person"] == other for row in rows), "others keep their names")
    w.admin("store", "vacuum")
    w.stop()
    name = user.split("@")[0].encode()
    ok(name not in w.dump().lower(), "no row of any table has the name")
    same([f for f in w.files_with(name) if f != "log"], [], "nor has any file of the data folder")


def main():
    w = world.World().open()
    first = w.listing("audit", "list", "--limit", "1000")[-1]
    same((first["seq"], first["way"], first["action"], first["object"].split()[0], first["outcome"]),
         (1, "init", "init", "organization", "done"), "the first row says who made the server")
    user, other = w.person("wilhelmina", "bob")
    w.admin("rule", "add", "--user", user, "--byod")
    device = w.independent()
    device.enroll(user, PASSWORD, "iPhone", f"https://localhost:{w.port}")
    same(device.report().status, 200, "a device is enrolled")
    changes(w, user, device)
    readings(w, user)
    by_hand(w)
    rows_of_a_page(w)
    a_person(w, user, other, device)
    done()


main()
