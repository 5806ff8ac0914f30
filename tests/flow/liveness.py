#!/usr/bin/python3
"""Stage 4 with an identity provider: what devices experience, request by request, once it does not stand by a sign-in
any more, and while it does not answer."""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
from idp import Forger, Providers, Visit
from postern import DOMAIN, done, ok, same, until
from world import Phone, World, in_batches


def told(w, user, code, n=1):
    """Once the server has asked the provider."""
    until(lambda: w.codes(user).count(code) >= n, 20)
    return w.codes(user).count(code)


def asked_again(w, user):
    """The time for the next question comes."""
    w.ask("UPDATE provider_session SET due_at = 0, renewed_at = renewed_at - 100 WHERE account_id IN (SELECT id FROM "
          "account WHERE user_identifier = ?1)", user)


def enrolled(w, providers, method, **people):
    """People at the provider and their iPhones, enrolled; by name."""
    phones = {}
    for name, more in people.items():
        user = providers.person(name, **more)
        w.rule(user, "--byod", "--method", method)
        phones[name] = Phone(w, user)
    for name, status in zip(phones, in_batches(Phone.enroll, list(phones.values()))):
        ok(status == 0, f"{name} enrolls through the provider", phones[name].story())
    return phones


def lives_on(w, phone, code, rule):
    """The device is asked for its person, stays enrolled, and goes on once they signed in again."""
    same(told(w, phone.user, code), 1, f"{rule}: the timeline says {code}")
    phone.send("DeviceInformation", "Queries=OSVersion")
    ok(phone.poll() == 1 and phone.commands()[-1] == "queued",
       f"S-28: {rule}: the next request is refused, and the command waits", phone.story())
    same(w.states(phone.user), ["reauth"], f"{rule}: the enrollment stays")


def ends(w, providers):
    """The provider says no: at a device's renewal, and without one."""
    id = providers.add("generic", "--groups-claim", "groups", "--group-needed", "staff", "--again", "session")
    p = enrolled(w, providers, "apple-oauth2", leaves={"groups": ["staff"]}, moves={"groups": ["staff", "choir"]},
                 stays={"groups": ["staff"]}, ruled={"groups": ["staff"]})
    web = enrolled(w, providers, "apple-as-web", webleaves={"groups": ["staff"]})
    shown, = w.listing("user", "show", p["moves"].user)
    same(sorted(shown["groups"]), ["choir", "staff"], "groups are those of the claim")
    outsider = Phone(w, providers.person("outsider", groups=["choir"]))
    ok(outsider.enroll() == 1 and "provider-group" in w.codes(outsider.user),
       "who is not in the needed group does not get in", outsider.story())

    providers.person("leaves", groups=["staff"], disabled=True)
    providers.person("moves", groups=["choir"])
    providers.person("webleaves", groups=["staff"], disabled=True)
    providers.person("ruled", groups=["staff", "guests"])
    w.admin("rule", "add", "--group", "guests", "--refuse", "Not for guests.")
    w.time_passes(*(phone.user for phone in p.values()))
    # Nobody asks the provider until all have renewed: one that is quick would end what the next request shows.
    w.ask("UPDATE provider_session SET renewed_at = renewed_at - 100, busy_until = ?1", int(time.time()) + 3600)
    for phone in p.values():
        ok(phone.poll() == 0, "S-28: a device renews; it does not wait for the provider", phone.story())
    w.ask("UPDATE provider_session SET busy_until = 0")
    asked_again(w, web["webleaves"].user)
    lives_on(w, p["leaves"], "provider-ended", "disabled at the provider")
    lives_on(w, p["moves"], "provider-group", "removed from the group")
    lives_on(w, p["ruled"], "policy-refuses", "in a group that a rule refuses")
    lives_on(w, web["webleaves"], "provider-ended", "disabled at the provider, with a web token of 30 days")
    ok(p["stays"].poll() == 0, "who is still welcome goes on", p["stays"].story())
    providers.person("leaves", groups=["staff"])
    ok(p["leaves"].reauth() == 0 and p["leaves"].poll() == 0 and p["leaves"].commands()[-1] == "Acknowledged",
       "S-28: back at the provider, the person signs in again, and the command is delivered", p["leaves"].story())
    ok(p["leaves"].status == 0 and w.states(p["leaves"].user) == ["enrolled"], "in the same enrollment")
    return id, p["stays"]


def silence(w, providers, phone):
    """An outage of the provider ends nothing, for as long as its grace lasts, and unenrolls nobody after it."""
    providers.say("broken")
    asked_again(w, phone.user)
    same(told(w, phone.user, "provider-silent"), 1, "an outage is told")
    asked_again(w, phone.user)
    w.time_passes(phone.user)
    ok(phone.poll() == 0, "S-28: within the grace the device renews as ever", phone.story())
    until(lambda: w.ask("SELECT COUNT(*) FROM provider_session WHERE due_at = 0 AND busy_until = 0") == [(0,)], 20)
    same(w.codes(phone.user).count("provider-silent"), 1, "it is told once")
    providers.say("well")
    failing = lambda: w.ask("SELECT COUNT(*) FROM provider_session WHERE failing_since IS NOT NULL") != [(0,)]
    for _ in range(10):  # a provider that failed three times in a row is left alone for 20 s
        asked_again(w, phone.user)
        if until(lambda: not failing(), 6):
            break
    ok(not failing(), "and forgotten once the provider answers")
    providers.say("broken")
    asked_again(w, phone.user)
    until(lambda: w.ask("SELECT COUNT(*) FROM provider_session WHERE failing_since IS NOT NULL") == [(1,)], 20)
    w.ask("UPDATE provider_session SET failing_since = failing_since - 90000 WHERE failing_since IS NOT NULL")
    asked_again(w, phone.user)
    lives_on(w, phone, "provider-silent-too-long", "an outage over the grace")
    providers.say("well")


def overage(w, providers):
    """Entra ID names no groups of who is in more than 200: its directory is asked, at the address that was set."""
    providers.add("entra", "--group-needed", "staff", "--again", "session")
    many = [f"group-{n}" for n in range(250)]
    p = enrolled(w, providers, "apple-oauth2", many={"groups": [*many, "staff"]}, few={"groups": ["staff", "choir"]})
    groups = lambda phone: sorted(w.listing("user", "show", phone.user)[0]["groups"])  # noqa: E731
    same((groups(p["many"]), groups(p["few"])), (["staff"], ["choir", "staff"]),
         "of very many groups those are kept that something here asks for")
    outsider = Phone(w, providers.person("many-others", groups=many))
    ok(outsider.enroll() == 1 and "provider-group" in w.codes(outsider.user), "who is not in the needed one stays out",
       outsider.story())
    for state, why in (("huge", "over 524288"), ("500", "answered 500"), ("403", "answered 403")):
        providers.say("directory", state)
        late = Phone(w, providers.person(f"late-{state}", groups=[*many, "staff"]))
        ok(late.enroll() == 1, f"the directory answers {state}: whose group is needed and not known stays out", late.story())
        ok(why in w.told(late.user, "provider-directory").get("details", ""), f"with a reason of its own ({why})",
           str(w.told(late.user, "provider-directory")))
    asked_again(w, p["many"].user)
    same(told(w, p["many"].user, "provider-silent"), 1, "who is in already stays in for the grace")
    w.time_passes(p["many"].user)
    ok(p["many"].poll() == 0, "and renews", p["many"].story())
    providers.say("directory", "200")
    providers.person("many", groups=many)
    asked_again(w, p["many"].user)
    lives_on(w, p["many"], "provider-group", "removed from the needed one of 251 groups")
    providers.add("entra")
    providers.say("directory", "500")
    free = Phone(w, providers.person("free", groups=many))
    ok(free.enroll() == 0, "where no group is needed, the directory's silence keeps nobody out", free.story())
    ok("provider-groups-kept" in w.codes(free.user), "and is told")
    providers.say("directory", "200")
    ok("groups" in w.admin("idp", "show", w.listing("idp", "list")[0]["id"]), "idp show says what is noticed")


def longest(w, providers):
    providers.add("generic", "--longest", "90d", "--groups-claim", "groups")
    w.admin("group", "policy", "temps", "--longest", "30d")
    p = enrolled(w, providers, "apple-oauth2", longest={}, temp={"groups": ["temps"]})
    phone = p["longest"]
    w.ask("UPDATE provider_session SET signed_in_at = signed_in_at - 2700000")
    asked_again(w, phone.user)
    asked_again(w, p["temp"].user)
    lives_on(w, p["temp"], "provider-longest", "after the longest time of a group")
    ok(phone.poll() == 0, "which others go on after", phone.story())
    w.ask("UPDATE provider_session SET signed_in_at = signed_in_at - 8000000")
    asked_again(w, phone.user)
    lives_on(w, phone, "provider-longest", "after the longest time without a full sign-in")


def clocks(w, providers):
    """Three minutes between the provider's clock and this server's are nobody's fault."""
    providers.add("generic")
    for seconds in (175, -175):
        w.stop()
        w.start_earlier(seconds)
        phone = Phone(w, providers.person(f"clock{seconds}".replace("-", "-ahead-")))
        ok(phone.enroll() == 0, f"Core 3.1.3.7: with a clock that is {seconds} s late somebody signs in", phone.story())
    w.stop()
    w.start()


def logged_out(w):
    """Back-channel logout, by a provider that can also lie."""
    forger = Forger(w)
    Visit.iss = forger.issuer
    for row in w.listing("idp", "list"):
        w.admin("idp", "remove", row["id"])
    w.admin("idp", "add", "google", "--tenant", DOMAIN, "--client-id", "postern", "--client-auth", "none", "--issuer",
            forger.issuer, "--cacert", w.cacert)
    try:
        phone = Phone(w, f"good@{DOMAIN}")
        ok(phone.enroll() == 0, "somebody enrolls", phone.story())
        wire = w.wire()

        def post(how, sub=f"sub-good@{DOMAIN}"):
            token = forger.logout_token(how, sub)
            return wire.request("POST", f"{w.url}/signin/provider/logout",
                                {"Content-Type": "application/x-www-form-urlencoded"}, f"logout_token={token}".encode())

        for how in ("alg-none", "alg-hs256", "key-wrong", "issuer", "audience", "nonce", "old", "no-event", "no-subject",
                    "jwk"):
            reply = post(how)
            same((reply.status, w.codes(phone.user).count("provider-logged-out")), (400, 0),
                 f"Back-Channel Logout 2.6: a logout token forged by {how} is refused")
        same(post("good", "sub-somebody-else").status, 200, "one for somebody else")
        ok(phone.poll() == 0, "ends nothing here", phone.story())
        same(post("good").status, 200, "one for this person")
        lives_on(w, phone, "provider-logged-out", "signed out at the provider")
    finally:
        forger.end()


def main():
    w = World().open()
    providers = Providers(w)
    try:
        _, phone = ends(w, providers)
        silence(w, providers, phone)
        overage(w, providers)
        longest(w, providers)
        clocks(w, providers)
    finally:
        providers.end()
    logged_out(w)
    ok("eyJ" not in w.log, "no token is in the log")
    w.healthy()
    done()


main()
