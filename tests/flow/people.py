#!/usr/bin/python3
"""People who may no more, by the administrator's hand and by the directory's (SCIM, RFC 7643 and 7644): what their
devices experience at the next request, and what the timeline says.
    people.py     $POSTERN_BUILD names the build folder"""

import os

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


def main():
    w = world.World().open()
    by_hand(w)
    by_groups(w)
    w.healthy()
    done()


if __name__ == "__main__":
    main()
