#!/usr/bin/python3
"""Declarative management and apps on the simulated device's side, against a server that shares nothing with posternd
(tests/device/server.py).
    device_declarations.py [STORY...]     $POSTERN_BUILD names the build folder"""

import json
import os
import plistlib
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "device"), os.path.join(HERE, "..", "independent")]
import server as mock
from simulator import Phone, World, command, told
from tap import done, ok, same

PROFILE_URL = f"https://{mock.HOST}/profile"
ITEMS = "configuration.management.status-subscriptions"


def turn_on(s, phone, *more, **keys):
    s.queue = [command("DeclarativeManagement", **keys)]
    return phone.poll(*more)


def endpoints(s):
    return [m["Endpoint"] for m in s.checkins("DeclarativeManagement")]


def asked(s, phone, *more):
    """Exit status of a poll, and the endpoints that it asked for."""
    n = len(endpoints(s))
    status = phone.poll(*more)
    return status, endpoints(s)[n:]


def activate(s, *names, channel="device"):
    s.declare("activation.simple", "act", {"StandardConfigurations": list(names)}, channel)


def declarations(report):
    lists = report["StatusItems"]["management"]["declarations"]
    return {i["identifier"]: i for kind in ("activations", "assets", "configurations", "management") for i in lists[kind]}


def codes(item):
    return [r["code"] for r in item.get("reasons", [])]


def profile(identifier="org.example.web", kind="com.apple.webClip.managed"):
    payload = {"PayloadType": kind, "PayloadVersion": 1, "PayloadIdentifier": identifier + ".1", "PayloadUUID": "P1"}
    return plistlib.dumps({"PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": identifier,
                           "PayloadUUID": "P", "PayloadDisplayName": "Web", "PayloadContent": [payload]})


def story_sync(world):
    s, phone = world.server, Phone(world)
    s.reset()
    ok(phone.enroll() == 0, "a device enrolls", told(phone))
    same(asked(s, phone), (0, []), "D-26: declarative management is off until a command turns it on")
    s.declare("configuration.passcode.settings", "code", {"MinimumLength": 6})
    s.declare("management.organization-info", "org", {"Name": "Better Bag"})
    activate(s, "code")
    ok(turn_on(s, phone) == 0, "D-26: the command turns it on", told(phone))
    same(s.results[-1]["Status"], "Acknowledged", "D-26: it is acknowledged")
    same(endpoints(s), ["tokens", "declaration-items", "declaration/management/org", "declaration/configuration/code",
                        "declaration/activation/act", "status"], "D-26: tokens, items, each declaration, a report")
    ok(all("Authorization" in r["headers"] and "Mdm-Signature" in r["headers"] for r in s.find("/checkin")),
       "D-19: each message is signed and carries the bearer")
    report, = s.reports
    items = declarations(report)
    same({n: (i["active"], i["valid"]) for n, i in items.items()}, dict.fromkeys(("code", "org", "act"), (True, "valid")),
         "D-26: what is in force is reported so")
    same(items["code"]["server-token"], s.declared["device"]["code"]["ServerToken"], "D-26: with the token that is here")
    able = report["StatusItems"]["management"]["client-capabilities"]["supported-payloads"]
    ok("com.apple.configuration.app.managed" in able["declarations"]["configurations"] and
       "com.apple.configuration.softwareupdate.settings" not in able["declarations"]["configurations"] and
       "device.model.family" in able["status-items"] and "device.identifier.udid" not in able["status-items"],
       "D-26: the capabilities are those of a User Enrollment", able)
    same(asked(s, phone), (0, []), "D-26: nothing new, nothing is asked or reported")
    n = len(endpoints(s))
    turn_on(s, phone, Data=json.dumps(s.sync_tokens()).encode())
    same(endpoints(s)[n:], [], "D-26: a command with the token that is known fetches nothing")
    s.declare("configuration.passcode.settings", "code", {"MinimumLength": 8})
    turn_on(s, phone, Data=json.dumps(s.sync_tokens()).encode())
    same(endpoints(s)[n:], ["declaration-items", "declaration/configuration/code", "status"],
         "D-26: of what there is only the changed one is fetched: three requests")
    same(s.reports[-1]["StatusItems"].keys(), {"management"}, "D-26: only changes are reported")
    ok("client-capabilities" not in s.reports[-1]["StatusItems"]["management"] and "FullReport" not in s.reports[-1],
       "D-26: what the server knows is not told again", s.reports[-1])
    del s.declared["device"]["org"]
    s.rules["phantoms"] = [{"Type": "com.apple.asset.data", "Identifier": "ghost", "ServerToken": "1"}]
    turn_on(s, phone)
    same(set(declarations(s.reports[-1])), {"code", "act"}, "D-26: what is not listed any more, or answered 404, is dropped")


def main():
    world = World(tempfile.mkdtemp(prefix="postern-ddm-"))
    for name, story in list(globals().items()):
        if name.startswith("story_") and (len(sys.argv) == 1 or name[6:] in sys.argv[1:]):
            story(world)
    done()


main()
