#!/usr/bin/python3
"""What must be nowhere at rest: the identifiers of a BYOD device that tells too much, and the secrets of a sign-in.
Searched in every file of the data folder and in the log, while the daemon runs and after it ended."""

import base64
import os
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "independent")]
from device import parse_challenge
from postern import DOMAIN, PASSWORD, done, ok, same, say
from world import Phone, World

SECRET = "Tr0ub4dor&3 stapler-zebra"		# a password that nothing else contains


def base64_forms(data):
    """What of `data` shows in the base64 of something that contains it, at each of the three positions."""
    out = set()
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        whole = whole[(before * 8 + 5) // 6:]
        if (before + len(data)) % 3:
            whole = whole[:-1]
        out.add(whole.encode())
    return out


def forms(value):
    """A value as it could be written: (name, bytes, with regard to case)."""
    text = value.encode()
    yield "text", text, False
    yield "UTF-16LE", value.encode("utf-16-le"), False
    yield "UTF-16BE", value.encode("utf-16-be"), False
    yield "hexadecimal", text.hex().encode(), False
    yield "percent-encoded", urllib.parse.quote(value, safe="").encode(), False
    for form in base64_forms(text):
        yield "base64", form, True
        yield "base64url", form.replace(b"+", b"-").replace(b"/", b"_"), True
    digits = value.replace("-", "")
    if digits != value:
        yield "text without dashes", digits.encode(), False
    if len(digits) % 2 == 0 and all(c in "0123456789abcdefABCDEF" for c in digits):
        yield "octets", bytes.fromhex(digits), True


class Rest:
    """Everything that lies in files."""

    def __init__(self, world):
        paths = [os.path.join(world.folder, "log")]
        for folder, _, names in os.walk(world.data):
            paths += [os.path.join(folder, name) for name in names]
        self.files = {}
        for path in paths:
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    data = f.read()
                self.files[os.path.relpath(path, world.folder)] = (data, data.lower())

        if world.store:
            data = world.dump()
            self.files["database"] = (data, data.lower())

    def where(self, value):
        """Places of a value in any form."""
        return [f"{name} as {form}" for form, needle, exact in forms(value) for name, (data, lower) in self.files.items()
                if (needle in data if exact else needle.lower() in lower)]


def tells_too_much(w, who, *options):
    """A life of a leaking BYOD device; what it leaked."""
    phone = Phone(w, who, "--leak-identifiers", *options)
    if not ok(phone.enroll() == 0, f"S-10: {who} enrolls, although it tells too much", phone.story()):
        return {}
    leak, = phone.did("leak")
    same(phone.about().get("mode"), "BYOD", f"S-10: {who} is the person's own")
    phone.send("DeviceInformation", "Queries=OSVersion,ModelName")
    phone.send("SecurityInfo")
    ok(phone.poll() == 0 and phone.commands() == ["Acknowledged"] * 2, f"S-10: {who} answers commands", phone.story())
    phone.poll("--lose-answer")
    ok("identifiers-dropped" in w.codes(who), f"S-10: the timeline of {who} says that identifiers were dropped", w.codes(who))
    return {"phone": phone, **{key: leak[key] for key in ("SerialNumber", "UDID", "IMEI", "MEID")}}


def sign_in_secrets(w, who):
    """A device whose secrets are known here, renewed once: name to value."""
    d = w.independent()
    challenge = d.begin(who)
    d.sign_in(challenge, SECRET)
    secrets = {"password": SECRET, "code": d.code, "access token": d.token, "refresh token": d.state["tokens"]["refresh"]}
    _, mdm, identity = d.read_profile(d.post_enroll(d.body, d.token))
    secrets["SCEP challenge"] = identity["PayloadContent"]["Challenge"]
    d.install(mdm, identity)
    ok(d.authenticate().status == 200 and d.token_update().status == 200, f"{who} enrolls")
    d.refresh(parse_challenge(d.report(token="x" * 43)))
    same(d.report().status, 200, f"{who} renews its tokens")
    secrets.update({"second access token": d.token, "second refresh token": d.state["tokens"]["refresh"]})
    reply = d.get_token()
    ok(reply.status == 200, f"{who} fetches a token for Apple")
    return secrets


def web_secrets(w, who):
    d = w.independent()
    d.sign_in(d.begin(who), SECRET)
    d.finish()
    return {"apple-as-web token": d.token}


def search(w, when, leaked, secrets):
    rest = Rest(w)
    ok({"data/postern.db", "database"} & set(rest.files) and len(rest.files) > 5, f"{when}: there are files to search", sorted(rest.files))
    ok(rest.where(DOMAIN), f"{when}: and the search finds what is there")
    for who, values in leaked.items():
        for key, value in values.items():
            same(rest.where(value), [], f"S-10: {when}: {key} of {who} is nowhere")
    for name, value in secrets.items():
        same(rest.where(value), [], f"S-16: {when}: the {name} is nowhere in clear")


def main():
    w = World()
    w.open()
    w.person("eliza", "mona")
    for name in ("sam", "wendy"):
        w.add_user(f"{name}@{DOMAIN}", SECRET)
    w.rule(f"mona@{DOMAIN}", "--byod")
    w.rule(f"wendy@{DOMAIN}", "--byod", "--method", "apple-as-web")
    leaked = {"an iPhone": tells_too_much(w, f"eliza@{DOMAIN}"), "a Mac": tells_too_much(w, f"mona@{DOMAIN}", "--family", "Mac")}
    phones = [values.pop("phone") for values in leaked.values() if values]
    secrets = {**sign_in_secrets(w, f"sam@{DOMAIN}"), **web_secrets(w, f"wendy@{DOMAIN}")}
    search(w, "while it runs", leaked, secrets)
    for phone in phones:
        ok(phone.unenroll() == 0 and phone.row()["state"] == "unenrolled", f"S-10: {phone.user} leaves", phone.story())
    w.healthy()
    search(w, "at rest", leaked, secrets)
    return done()


if __name__ == "__main__":
    sys.exit(main())
