#!/usr/bin/python3
"""People who may no more, by the administrator's hand and by the directory's (SCIM, RFC 7643 and 7644): what their
devices experience at the next request, and what the timeline says.
    people.py     $POSTERN_BUILD names the build folder"""

import json
import os
import urllib.parse

import world  # first: it finds the others
from postern import DOMAIN, PASSWORD, Refused, done, ok, same, say
from web import SignInFailed
from world import Stopped, is_challenge, parse_challenge


def enrolled(w, user, family="iPhone"):
    d = w.independent()
    d.enroll(user, PASSWORD, family, f"https://localhost:{w.port}")
    same(d.report().status, 200, f"{user} has a device, which is let in")
    return d


def refused(d, what):
    reply = d.report()
    ok(reply.status == 401 and is_challenge(reply), f"{what}: the next request gets 401 and the challenge",
       f"{reply.status}")
    return parse_challenge(reply)


def signs_in(d, challenge):
    try:
        d.sign_in(challenge, PASSWORD)
        return True
    except (Stopped, SignInFailed):
        return False


def renews(d, challenge):
    try:
        d.refresh(challenge)
        return True
    except Stopped:
        return False


def csv(w, *lines):
    path = os.path.join(w.folder, "groups.csv")
    with open(path, "w") as f:
        f.write("\n".join(("group,user", *lines)) + "\n")
    return path


def by_hand(w):
    say("by the administrator's hand")
    user, = w.person("revoked")
    d = enrolled(w, user)
    w.admin("token", "revoke", "--user", user)
    challenge = refused(d, "token revoke --user")
    ok(not renews(d, challenge), "and a renewal is refused, too")
    ok("token-revoked" in w.codes(user), "the timeline has it")
    ok(signs_in(d, challenge), "the person signs in again")
    same(d.report().status, 200, "and the device is let in")

    w.admin("user", "disable", user)
    challenge = refused(d, "user disable")
    ok(not renews(d, challenge) and not signs_in(d, challenge), "a disabled person neither renews nor signs in")
    w.admin("user", "enable", user)
    same(d.report().status, 200, "user enable: the next request is let in")
    same([c for c in w.codes(user) if c.startswith("person-")], ["person-disabled", "person-enabled"],
         "the timeline has who and when")


def by_groups(w):
    say("groups from a file")
    staff, other = w.person("staff", "other")
    w.admin("rule", "add", "--user", f"staff@{DOMAIN}", "--refuse", "Staff only")
    w.admin("rule", "add", "--group", "Staff", "--byod")
    try:
        enrolled(w, staff)
        ok(False, "outside of the group nobody enrolls")
    except Stopped:
        ok(True, "outside of the group nobody enrolls")
    w.admin("group", "import", csv(w, f"Staff,{staff}", f"Staff,{other.upper()}", "Empty,"))
    same([(g["group"], g["people"]) for g in w.listing("group", "list")], [("Staff", 2)], "group list counts people")
    d = enrolled(w, staff)
    w.admin("group", "import", csv(w, f"Staff,{staff}", f"Staff,{other}"))
    same(d.report().status, 200, "the same file again changes nothing")
    w.admin("group", "import", csv(w, f"Staff,{other}"))
    challenge = refused(d, "removed from the group that lets the device in")
    ok("Staff" not in w.listing("user", "show", staff)[0]["groups"], "the person is out of the group")
    ok(not signs_in(d, challenge), "nor does signing in help")
    same(w.told(staff, "policy-refuses").get("outcome"), "refused", "the timeline says why")
    w.admin("group", "import", csv(w, f"Staff,{staff}", f"Staff,{other}"))
    ok(signs_in(d, challenge), "back in the group, the person signs in")
    same(d.report().status, 200, "and the device is let in")
    try:
        w.admin("group", "import", csv(w, f"Staff,nobody@{DOMAIN}"))
        ok(False, "a user there is not is told")
    except Refused as e:
        ok(f"nobody@{DOMAIN}" in str(e), "a user there is not is told", str(e))
    for wrong in ("Staff", '"Staff', ",x"):
        try:
            w.admin("group", "import", csv(w, wrong))
            ok(False, f"a file with the line {wrong!r} changes nothing")
        except Refused as e:
            ok("line 2" in str(e), f"a file with the line {wrong!r} changes nothing, and names it", str(e))


def by_policy(w):
    say("what holds for a group")
    strict, usual = w.person("strict", "usual")
    w.admin("user", "groups", strict, "--group", "Contractors", "--group", "Interns")
    w.admin("group", "policy", "Contractors", "--access-token-life", "10m", "--web-token-life", "7d", "--longest", "30d")
    w.admin("group", "policy", "Interns", "--access-token-life", "5m", "--spread", "40")
    listed = {g["group"]: g for g in w.listing("group", "list")}
    same([listed[g]["access_token_life_s"] for g in ("Contractors", "Interns")], [600, 300], "group list says it")
    shown, = w.listing("user", "show", strict)
    same([(p["limit"], p.get("seconds", p.get("percent")), p["by"]) for p in shown["policy"]],
         [("access-token-life", 300, "group Interns"), ("web-token-life", 7 * 86400, "group Contractors"),
          ("refresh-idle", 90 * 86400, "organization"), ("longest", 30 * 86400, "group Contractors"),
          ("spread", 40, "group Interns")], "user show says what holds, and why")
    ok("group Interns" in w.admin("user", "show", strict), "to people as well")
    for wrong in (("--access-token-life", "soon"), ("--spread", "100"), ("--longest", "1s")):
        try:
            w.admin("group", "policy", "Interns", *wrong)
            ok(False, f"{wrong} is refused")
        except Refused as e:
            ok(wrong[0][2:] in str(e), f"{wrong} is refused by name", str(e))

    def life(user):
        (seconds,), = w.ask("SELECT MAX(t.expires_at - t.issued_at) FROM oauth_token t JOIN oauth_grant g ON "
                            "g.id = t.grant_id JOIN account a ON a.id = g.account_id WHERE t.kind = 'access' AND "
                            "a.user_identifier = ?1", user)
        return seconds

    d, e = enrolled(w, strict), enrolled(w, usual)
    same((life(strict), life(usual)), (300, 3600), "a token issued to a member has the group's life, another's has not")
    w.ask("UPDATE oauth_grant SET created_at = created_at - ?1 WHERE account_id IN (SELECT id FROM account WHERE "
          "user_identifier = ?2 OR user_identifier = ?3)", 31 * 86400, strict, usual)
    w.time_passes(strict, usual)
    challenge = refused(d, "after the group's longest time")
    ok(not renews(d, challenge), "and nothing is renewed")
    ok("group Contractors" in w.told(strict, "refresh-invalid").get("details", ""), "the timeline names the group",
       str(w.told(strict, "refresh-invalid")))
    ok(renews(e, refused(e, "a month later")), "who is in no such group renews")
    ok(signs_in(d, challenge) and d.report().status == 200, "with a full sign-in the device goes on")
    w.admin("group", "policy", "Interns", "--access-token-life", "none", "--spread", "none")
    ok("Interns" in [g["group"] for g in w.listing("group", "list")], "a group without a policy still has its people")
    same(w.listing("group", "policy", "Contractors")[0]["people"], 1, "group policy shows what is set, and for how many")


class Directory:
    """Requests as Entra ID and Okta document theirs."""

    def __init__(self, w):
        made, = w.listing("service", "add", "Entra", "--for", "scim")
        self.id, self.token, self.wire, self.base = made["id"], made["secret"], w.wire(), f"{w.url}/scim/v2"

    def ask(self, method, path, body=None, token=None):
        reply = self.wire.request(method, self.base + path, {"Authorization": f"Bearer {token or self.token}",
                                                             "Content-Type": "application/scim+json"},
                                  json.dumps(body).encode() if body is not None else b"")
        return reply.status, json.loads(reply.body) if reply.body else {}

    def patch(self, path, *operations):
        return self.ask("PATCH", path, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                                        "Operations": list(operations)})

    def find(self, kind, text):
        status, found = self.ask("GET", f"/{kind}?filter={urllib.parse.quote(text)}")
        return found.get("Resources", status)


def by_directory(w):
    say("by the directory: SCIM")
    d = Directory(w)
    for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/Group",
                 "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"):
        same(d.ask("GET", path)[0], 200, f"RFC 7644 4: {path}")
    status, told = d.ask("GET", "/Users", token="guess")
    ok(status == 401 and told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"],
       "RFC 7644 2: without the token nothing is told", str(told))
    user = f"ada@{DOMAIN}"
    same(d.find("Users", f'userName eq "{user}"'), [], "Entra ID looks before it makes somebody: an empty list, no 404")
    status, ada = d.ask("POST", "/Users", {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "0a21f0f2", "userName": user, "active": True, "name": {"givenName": "Ada", "familyName": "L"},
        "emails": [{"primary": True, "type": "work", "value": user}], "meta": {"resourceType": "User"}})
    same((status, ada.get("userName"), ada.get("displayName"), ada.get("active")), (201, user, "Ada L", True),
         "RFC 7644 3.3: made")
    id = ada["id"]
    ok(ada["meta"]["location"].endswith(f"/scim/v2/Users/{id}"), "with its location")
    status, told = d.ask("POST", "/Users", {"userName": user.upper()})
    same((status, told["scimType"]), (409, "uniqueness"), "RFC 7644 3.3: twice is a conflict")
    status, told = d.ask("POST", "/Users", {"userName": "eve@example.net"})
    same((status, told["scimType"]), (400, "invalidValue"), "nobody of another domain is made")
    for text in (f'userName eq "{user.upper()}"', 'externalId eq "0a21f0f2"', f'id eq "{id}"',
                 f'userName eq "{user}" and externalId eq "0a21f0f2"'):
        same([u["id"] for u in d.find("Users", text)], [id], f"RFC 7644 3.4.2.2: {text}")
    for text in ('userName sw "a"', 'userName eq "', "userName eq", 'password eq "x"', 'userName eq "a" or id eq "b"',
                 "(" * 500, " and ".join(['id eq "x"'] * 9)):
        status, told = d.ask("GET", f"/Users?filter={urllib.parse.quote(text)}")
        same((status, told.get("scimType")), (400, "invalidFilter"), f"refused: {text[:40]}")
    status, page = d.ask("GET", "/Users?startIndex=2&count=1")
    same((page["startIndex"], page["itemsPerPage"]), (2, 1), "RFC 7644 3.4.2.4: a page")
    ok(page["totalResults"] >= 4, "of everybody", str(page))

    w.admin("user", "passwd", user, "--password-stdin", stdin=PASSWORD + "\n")
    device = enrolled(w, user)
    off, on = ({"op": "Replace", "path": "active", "value": v} for v in ("False", "True"))
    same((d.patch(f"/Users/{id}", off)[1]["active"]), False, "Entra ID: Replace, and False as a text")
    refused(device, "disabled by the directory")
    same(w.told(user, "person-disabled").get("details"), "by SCIM (Entra)", "the timeline says by whom")
    d.patch(f"/Users/{id}", on)
    same(device.report().status, 200, "enabled again, the device is let in")
    d.patch(f"/Users/{id}", {"op": "replace", "value": {"active": False}})
    refused(device, "Okta: disabled by a value without a path")
    status, put = d.ask("PUT", f"/Users/{id}", {"userName": user, "active": True, "displayName": "Ada Lovelace"})
    same((status, put["active"], put["displayName"]), (200, True, "Ada Lovelace"), "RFC 7644 3.5.1: PUT")
    same(device.report().status, 200, "and let in")
    status, told = d.patch(f"/Users/{id}", {"op": "Add", "path": 'emails[type eq "work"].value', "value": "x"})
    same(status, 200, "what is not kept here is no error")
    for operation, kind in (({"op": "swap", "path": "active"}, "invalidSyntax"), ({"op": "remove"}, "noTarget"),
                            ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
                            ({"op": "replace", "path": "a[b", "value": 1}, "invalidPath"),
                            ({"op": "remove", "path": "userName"}, "mutability"),
                            ({"op": "replace", "path": "userName", "value": "b@example.net"}, "invalidValue")):
        status, told = d.patch(f"/Users/{id}", operation)
        same((status, told.get("scimType")), (400, kind), f"RFC 7644 3.12: {kind}")

    taken, = w.person("taken")
    status, told = d.patch(f"/Users/{id}", {"op": "Replace", "path": "userName", "value": taken})
    same((status, told.get("scimType")), (409, "uniqueness"), "a userName that somebody has is not given twice")
    married = f"ada.king@{DOMAIN}"
    status, told = d.patch(f"/Users/{id}", {"op": "Replace", "path": "userName", "value": married.upper()})
    same((status, told.get("userName")), (200, married), "Entra ID: userName changes")
    same(device.report().status, 200, "the device stays enrolled")
    shown, = w.listing("user", "show", married)
    same((shown["id"], shown["managed_apple_account"]), (id, user),
         "S-30: the same person, with the Managed Apple Account of the device's profile")
    w.admin("token", "revoke", "--user", married)
    ok(signs_in(device, refused(device, "revoked")) and device.report().status == 200, "who signs in again as before")
    status, told = d.ask("PUT", f"/Users/{id}", {"userName": user, "active": True, "displayName": "Ada"})
    same((status, told.get("userName")), (200, user), "Okta: and back, by PUT")
    status, told = d.patch(f"/Users/{id}", {"op": "remove", "path": "displayName"}, {"op": "remove", "path": "externalId"})
    same((status, "displayName" in told, "externalId" in told), (200, False, False), "RFC 7644 3.5.2.2: attributes are removed")

    say("groups of the directory")
    status, group = d.ask("POST", "/Groups", {"displayName": "Engineers", "externalId": "g1", "members": [{"value": id}]})
    same((status, [m["value"] for m in group["members"]]), (201, [id]), "made, with a member")
    where = f"/Groups/{group['id']}"
    same(w.listing("user", "show", user)[0]["groups"], ["Engineers"], "who is in it")
    same([g.get("members") for g in d.ask("GET", "/Groups?excludedAttributes=members&filter="
                                          + urllib.parse.quote('displayName eq "Engineers"'))[1]["Resources"]], [None],
         "Entra ID asks for a group without its members")
    for text, found in ((f'members.value eq "{id}"', 1), (f'id eq "{group["id"]}" and members eq "{id}"', 1),
                        ('members eq "nobody"', 0)):
        same(len(d.find("Groups", text)), found, f"Entra ID asks who is in: {text[:20]}")
    w.admin("rule", "add", "--user", user, "--refuse", "Engineers only")
    w.admin("rule", "add", "--group", "Engineers", "--byod")
    status, told = d.patch(where, {"op": "Remove", "path": f'members[value eq "{id}"]'})
    same(told["members"], [], "one member is removed by a path in brackets")
    challenge = refused(device, "out of the group that lets the device in")
    ok(not signs_in(device, challenge), "and signing in does not help")
    d.patch(where, {"op": "Add", "path": "members", "value": [{"value": id}]})
    ok(signs_in(device, challenge), "back in the group it does")
    w.admin("group", "policy", "Engineers", "--longest", "30d")
    status, told = d.patch(where, {"op": "replace", "value": {"displayName": "Engineering", "id": group["id"]}})
    same((told["displayName"], w.listing("user", "show", user)[0]["groups"]), ("Engineering", ["Engineering"]),
         "Okta renames a group by a value without a path; its members go along")
    same([(g["group"], g["longest_s"]) for g in w.listing("group", "list") if g["group"].startswith("Eng")],
         [("Engineering", 30 * 86400)], "and what holds for them")
    status, told = d.patch(where, {"op": "Add", "path": "members", "value": [{"value": "nobody"}]})
    same((status, told.get("scimType")), (400, "invalidValue"), "a member there is not is refused")
    same(d.ask("DELETE", where)[0], 204, "RFC 7644 3.6: DELETE")
    same((d.ask("GET", where)[0], w.listing("user", "show", user)[0]["groups"]), (404, []), "it is gone, with its members")

    everybody(w, d)

    same(d.ask("DELETE", f"/Users/{id}")[0], 204, "a user is deleted")
    same(d.ask("GET", f"/Users/{id}")[0], 404, "and is gone")
    same(device.report().status, 403, "the device is told to leave")
    rows = w.listing("audit", "list", "--object", f"user {id}", "--limit", "1000")
    scim = [row for row in rows if row["way"] == "scim"]
    ok({row["actor"] for row in scim} == {"scim Entra"} and
       {("POST /scim/v2/Users", "done"), ("PATCH /scim/v2/Users", "done"), ("PATCH /scim/v2/Users", "conflict"),
        ("PUT /scim/v2/Users", "done"), ("DELETE /scim/v2/Users", "begun"), ("DELETE /scim/v2/Users", "done")}
       <= {(row["action"], row["outcome"]) for row in scim}, "what the directory did is in the audit", scim)
    ok({"before": {"userName": user}, "after": {"userName": married}}.items() <=
       {k: {"userName": v.get("userName")} for row in scim for k, v in (row["detail"] or {}).items()
        if row["outcome"] == "done" and row["detail"].get("after", {}).get("userName") == married and
        row["detail"].get("before", {}).get("userName") == user}.items(), "with what was before and after", scim)
    w.admin("service", "remove", d.id)
    same(d.ask("GET", "/Users")[0], 401, "a directory whose token was removed is refused")
    ok(d.token not in w.log, "its token is not in the log")


def everybody(w, d):
    """A group of more people than one answer shows, or a request's memory would hold."""
    many = 5200
    w.ask(f"""INSERT INTO account (id, organization_id, user_identifier, managed_apple_account, source, created_at, updated_at)
        WITH RECURSIVE n(i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < {9999 + many})
        SELECT 'many-' || i, (SELECT MIN(id) FROM organization), 'many-' || i || '@{DOMAIN}', 'many-' || i || '@appleid.{DOMAIN}',
        'local', 1, 1 FROM n""")
    w.ask("INSERT INTO account_group (account_id, name, organization_id) SELECT id, 'Everybody', organization_id FROM account WHERE id LIKE 'many-%'")
    count = lambda name: w.ask(f"SELECT COUNT(*) FROM account_group WHERE name = '{name}'")[0][0]  # noqa: E731
    group = d.ask("POST", "/Groups", {"displayName": "Everybody"})[1]
    where = f"/Groups/{group['id']}"
    _, other = d.ask("POST", "/Groups", {"displayName": "Few"})
    same(count("Everybody"), 0, "a group that is made has the members that are named, and no others of its name")
    w.ask("INSERT INTO account_group (account_id, name, organization_id) SELECT id, 'Everybody', organization_id FROM account WHERE id LIKE 'many-%'")
    told = d.patch(where, {"op": "replace", "path": "displayName", "value": "All"})
    same((told[0], count("Everybody"), count("All"), len(told[1].get("members", []))), (200, 0, many, 5000),
         "every member of a large group follows its name; an answer shows the first 5,000")
    page = d.ask("GET", "/Groups?count=10")[1]
    rest = d.ask("GET", f"/Groups?count=10&startIndex={1 + page['itemsPerPage']}")[1]
    same([g["displayName"] for p in (page, rest) for g in p["Resources"]], ["All", "Few"],
         "RFC 7644 3.4.2.4: a page ends early where its members are many, and the next one goes on")
    same((d.ask("DELETE", where)[0], count("All")), (204, 0), "deleted, with every member")
    d.ask("DELETE", f"/Groups/{other['id']}")
    w.ask("DELETE FROM account WHERE id LIKE 'many-%'")


def main():
    w = world.World().open()
    by_hand(w)
    by_groups(w)
    by_policy(w)
    by_directory(w)
    w.healthy()
    done()


if __name__ == "__main__":
    main()
