#!/usr/bin/python3
"""Simulated devices sleep until a push wakes them (protocol 13): a command is queued, postern-apple hands the push on.
    woken.py     $POSTERN_BUILD names the build folder"""

import os
import sys

import world  # first: it finds the others
from postern import BUILD, done, ok, same, say, until
from stand_in import Apple


def sleeps(apple, phone, seconds=120):
    """It waits at the stand-in, which knows its token by then."""
    before = len(apple.tokens())
    phone.begin("poll", "--json", "--wait-push", apple.url["http"], "--wait-seconds", str(seconds))
    return until(lambda: len(apple.tokens()) > before, pause=0.1)


def main():
    w = world.World()
    apple = Apple(os.path.join(w.folder, "apple"), build=BUILD)
    w.set(**apple.settings())
    w.open()
    w.admin("org", "set", *apple.certificate())
    people = w.person("ivy", "max")
    phone, mac = world.Phone(w, people[0]), world.Phone(w, people[1], "--family", "Mac")
    for device in (phone, mac):
        same(device.enroll(), 0, f"{device.user} enrolls")
    say("asleep")
    ok(sleeps(apple, phone), "the device sleeps")
    phone.send("ProfileList")
    same(phone.finish(120), 0, "S-34: a queued command wakes it")
    ok(phone.did("woken"), "by a push", phone.steps)
    same(len(phone.commands()), 1, "and it answers the command")
    say("pushes that come while a device is off")
    for _ in range(3):
        w.admin("push", phone.row()["id"])
        until(lambda: w.listing("enrollment", "show", phone.row()["id"])[0]["channels"][0]["waits_for_wake"] is False, pause=0.1)
    same(phone.poll("--wait-push", apple.url["http"], "--wait-seconds", "60"), 0, "S-34: it is told of when it comes back")
    same(phone.poll("--wait-push", apple.url["http"], "--wait-seconds", "1"), 1, "S-34: of the last one only")
    say("a Mac, by either channel")
    mac.begin("poll", "--json", "--wait-push", apple.url["http"], "--wait-seconds", "120")
    mac.send("ProfileList")
    same(mac.finish(120), 0, "S-34: a Mac is woken by the token of its device channel")
    ok(mac.did("woken"), "by a push", mac.steps)
    same([t for t in apple.tokens().values() if t["waits"]], [], "no push is left over")
    w.healthy()
    same(apple.stop(), (0, ""), "postern-apple ends well")
    return done()


if __name__ == "__main__":
    sys.exit(main())
