#!/usr/bin/python3
"""Licences of apps (protocol 11): Apple's Apps and Books, played by postern-apple with its delays, limits and faults.
    licences.py     $POSTERN_BUILD names the build folder"""

import json
import os
import sys
import time

import world  # first: it finds the others
from postern import BUILD, Refused, done, ok, same, say, until
from stand_in import Apple

MAIL, MAPS, RARE = "1", "2", "3"


def want(w, user, adam_id, wanted=1):
    """As the room that knows what people are to have says it."""
    now = int(time.time())
    w.ask("INSERT INTO licence (account_id, adam_id, organization_id, wanted, state, tries, due_at, updated_at)"
          " SELECT id, ?1, organization_id, 1, 'none', 0, ?2, ?2 FROM account WHERE user_identifier = ?3"
          if wanted else
          "UPDATE licence SET wanted = 0, due_at = ?2 WHERE adam_id = ?1 AND account_id IN"
          " (SELECT id FROM account WHERE user_identifier = ?3)", adam_id, now, user)


def states(w, adam_id):
    return {row["user"]: row["state"] for row in w.listing("licence", "list") if row["adam_id"] == adam_id}


def why(w, user, adam_id):
    return " ".join(row["reason"] or "" for row in w.listing("licence", "list", "--user", user) if row["adam_id"] == adam_id)


def soon(w, adam_id, expected, sentence):
    ok(until(lambda: states(w, adam_id) == expected, pause=0.2), sentence, (states(w, adam_id), w.log[-1500:]))


def held(w, a, adam_id):
    """Who holds it by Apple's ledger."""
    names = dict(w.ask("SELECT id, user_identifier FROM account"))
    return {names.get(x["clientUserId"]) for x in a.ask("/ledger/apps-and-books")[1]["assignments"] if x["adamId"] == adam_id}


def app(w, adam_id):
    return [row for row in w.listing("licence", "apps") if row["adam_id"] == adam_id][0]


def token(w, a):
    say("the token")
    bad = os.path.join(w.folder, "bad.token")
    with open(bad, "w") as f:
        f.write("no token")
    try:
        w.admin("licence", "token", "set", "--token-file", bad)
        ok(False, "what is no token is refused")
    except Refused as e:
        ok("no content token" in str(e), "what is no token is refused", e)
    w.admin("licence", "token", "set", "--token-file", a.file("apps-and-books.token"))
    with open(a.file("apps-and-books.token")) as f:
        ok(f.read().encode() not in w.dump(), "S-33: the token is sealed at rest")
    ok(until(lambda: len(w.listing("licence", "apps")) == 60, pause=0.2), "S-33: all pages of what was bought are counted",
       w.listing("licence", "apps"))
    row = app(w, MAIL)
    same((row["total"], row["available"], row["wanted"]), (3, 3, 0), "and how many licences are left")


def given(w, a, people):
    say("licences for people")
    for user in people:
        want(w, user, MAIL)
    ok(until(lambda: list(states(w, MAIL).values()).count("held") == 3, pause=0.2), "S-33: three of four people get a licence",
       (states(w, MAIL), w.log[-1500:]))
    lacking, = [u for u, s in states(w, MAIL).items() if s != "held"]
    ok(until(lambda: states(w, MAIL)[lacking] == "short", pause=0.2), "S-33: and one is told that none is left", states(w, MAIL))
    ok("no licence is left" in why(w, lacking, MAIL), "with the reason", why(w, lacking, MAIL))
    same(held(w, a, MAIL), set(people) - {lacking}, "Apple's ledger agrees")
    users = {u["clientUserId"]: u for u in a.ask("/ledger/apps-and-books")[1]["users"]}
    same({u["managedAppleId"] for u in users.values()}, set(people), "S-33: people are told of by their Managed Apple Account")
    same(a.ask("/ledger/apps-and-books")[1]["requests"]["/v2/users/create"], 1, "in one request")
    ok(any("lacking" in x for x in w.listing("org", "show")[0]["warnings"]), "postern org show warns of it",
       w.listing("org", "show"))
    same(app(w, MAIL)["lacking"], 1, "and postern licence apps")
    return lacking


def freed(w, a, people, lacking):
    say("one is free again")
    giver = next(u for u in people if u != lacking)
    want(w, giver, MAIL, wanted=0)
    soon(w, MAIL, {u: "held" for u in people if u != giver}, "S-33: whoever lacked one has it")
    same(held(w, a, MAIL), set(people) - {giver}, "and Apple's ledger agrees")


def faults(w, a, people):
    say("a service that fails")
    a.faults({"service": "apps-and-books", "subject": "/v2/assets/associate", "times": 1, "status": 503, "retry_after": 1})
    want(w, people[0], MAPS)
    soon(w, MAPS, {people[0]: "held"}, "S-33: 503 is waited for as long as Retry-After says")
    a.faults({"service": "apps-and-books-event", "subject": MAPS, "times": 1,
              "body": {"errorNumber": 9616, "errorMessage": "already assigned"}})
    want(w, people[1], MAPS)
    soon(w, MAPS, {people[0]: "held", people[1]: "held"}, "S-33: 9616, it was assigned already, is as good as held")
    a.faults({"service": "apps-and-books-notification"})
    want(w, people[2], MAPS)
    ok(until(lambda: w.ask("UPDATE licence_event SET ask_at = 1 RETURNING id"), pause=0.1), "a notification is waited for")
    soon(w, MAPS, {u: "held" for u in people[:3]}, "S-33: without a notification the status is asked for")
    a.faults({"service": "apps-and-books", "subject": "/v2/assets/associate", "times": 1, "status": 400,
              "body": {"errorNumber": 9709, "errorMessage": "not enough"}})
    want(w, people[3], MAPS)
    ok(until(lambda: "no licence is left" in why(w, people[3], MAPS) or states(w, MAPS)[people[3]] == "held", pause=0.1),
       "S-33: 9709, though one was left, is a shortage", states(w, MAPS))
    soon(w, MAPS, {u: "held" for u in people}, "until it is counted again")
    want(w, people[0], "404")
    ok(until(lambda: "not among those" in why(w, people[0], "404"), pause=0.2), "an app that was not bought is named",
       w.listing("licence", "list"))
    a.faults({"service": "apps-and-books", "status": 401, "body": {"errorNumber": 9622, "errorMessage": "Invalid token"}})
    want(w, people[0], RARE)
    ok(until(lambda: any("does not accept the token" in x for x in w.listing("org", "show")[0]["warnings"]), pause=0.2),
       "S-33: a token that Apple refuses is a warning", w.listing("org", "show")[0]["warnings"])
    a.faults()
    w.admin("licence", "token", "set", "--token-file", a.file("apps-and-books.token"))
    soon(w, RARE, {people[0]: "held"}, "until another one is put")


def leaving(w, a, phones):
    say("people who leave")
    phones[0].unenroll()
    user = phones[0].user
    ok(until(lambda: not w.listing("licence", "list", "--user", user), pause=0.2),
       "S-33: who has no enrollment gives back all licences", (w.listing("licence", "list"), w.log[-1500:]))
    ok(user not in held(w, a, MAIL) | held(w, a, MAPS) | held(w, a, RARE), "and Apple's ledger agrees")


def strangers(w):
    say("strangers")
    url = f"https://localhost:{w.port}/apple/apps-and-books/" + w.listing("org", "list")[0]["id"]
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        same(w.wire().request("POST", url, headers, b'{"notification": {"eventId": "x"}}').status, 401,
             "a notification that does not come from Apple is refused")
    same(w.ask("SELECT COUNT(*) FROM licence_event")[0][0], 0, "and nothing is asked for it")


def main():
    w = world.World()
    assets = os.path.join(w.folder, "assets.json")
    with open(assets, "w") as f:
        json.dump([{"adamId": MAIL, "totalCount": 3}, {"adamId": MAPS, "totalCount": 10}] +
                  [{"adamId": str(i), "totalCount": 1} for i in range(3, 61)], f)
    a = Apple(os.path.join(w.folder, "apple"), "--assets", assets, "--server-ca", w.cacert, "--event-ms", "100", build=BUILD)
    w.set(apps_and_books_poll="1s", **a.settings())
    w.open()
    people = w.person("anna", "ben", "cleo", "dora")
    phones = [world.Phone(w, user) for user in people]
    for phone in phones:
        same(phone.enroll(), 0, f"{phone.user} enrolls")
    token(w, a)
    lacking = given(w, a, people)
    freed(w, a, people, lacking)
    faults(w, a, people)
    leaving(w, a, phones)
    strangers(w)
    same(a.stop(), (0, ""), "postern-apple ends well")  # first: whom it notifies is still there
    w.healthy()
    return done()


if __name__ == "__main__":
    sys.exit(main())
