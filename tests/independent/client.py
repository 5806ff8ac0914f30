#!/usr/bin/python3
"""A second implementation of an account-driven enrolling device, written from the protocol alone.

  client.py enroll   --user U@D --password-stdin --state DIR [--family iPhone] [--server URL]
  client.py begin    --user U@D --state DIR           print what the web view opens, and wait for the callback URL
                                                      on standard input: a person's own browser signs in
  client.py poll     --state DIR        answer the commands that wait; renew the token when asked to
  client.py refresh  --state DIR        ask for new tokens with the refresh token
  client.py reauth   --state DIR --password-stdin
  client.py token    --state DIR        fetch a com.apple.maid token
  client.py checkout --state DIR
"""

import argparse
import plistlib
import sys

from device import FAMILIES, Device, Stopped, parse_challenge
from openssl import BuiltIn, Failed
from scep import ScepFailed
from web import SignInFailed


def _print_enrolled(device):
    mdm = device.state["mdm"]
    print(f"enrolled {device.state['mode']} {list(device.who().values())[0]} as {mdm['AssignedManagedAppleID']}", flush=True)


def _challenge(device):
    """A fresh challenge: the server gives one to a request with a bad token."""
    reply = device.report(token="none")
    if reply.status != 401:
        raise Stopped("renewal", f"a bad token got {reply.status}", reply)
    return parse_challenge(reply)


def enroll(device, args, password):
    device.enroll(args.user, password, args.family, args.server)
    _print_enrolled(device)


def begin(device, args, password):
    challenge = device.begin(args.user, args.family, args.server)
    print(device.sign_in_url(challenge), flush=True)
    back = sys.stdin.readline().strip()
    if not back:
        raise Stopped("sign-in", "cancelled")
    device.take_callback(challenge, back)
    device.finish()
    _print_enrolled(device)


def poll(device, args, password):
    for command in device.poll(password):
        print(command["CommandUUID"], command["Command"]["RequestType"])


def refresh(device, args, password):
    device.refresh(_challenge(device))
    print("refreshed")


def reauth(device, args, password):
    device.sign_in(_challenge(device), password)
    print("signed in")


def token(device, args, password):
    reply = device.get_token()
    if reply.status != 200:
        raise Stopped("GetToken", str(reply.status), reply)
    print(plistlib.loads(reply.body)["TokenData"].decode())


def checkout(device, args, password):
    reply = device.check_out()
    if reply.status != 200:
        raise Stopped("check-in", f"CheckOut got {reply.status}", reply)
    print("checked out")


COMMANDS = {f.__name__: f for f in (enroll, begin, poll, refresh, reauth, token, checkout)}


def main():
    parser = argparse.ArgumentParser(description="account-driven enrollment from the device's side")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--state", required=True, metavar="DIR", help="the device: keys, tokens, identity")
    parser.add_argument("--user", metavar="USER@DOMAIN")
    parser.add_argument("--password-stdin", action="store_true")
    parser.add_argument("--family", choices=FAMILIES, default="iPhone")
    parser.add_argument("--server", metavar="URL", help="ask this server instead of the identifier's domain")
    parser.add_argument("--cacert", metavar="FILE")
    parser.add_argument("--connect-to", action="append", default=[], metavar="HOST1:PORT1:HOST2:PORT2")
    parser.add_argument("--device-ca", metavar="DIR", help="the folder of the device's built-in identity")
    args = parser.parse_args()
    if args.command == "begin" and not args.user:
        parser.error("begin needs --user")
    if args.command == "enroll" and not (args.user and args.password_stdin):
        parser.error("enroll needs --user and --password-stdin")
    password = sys.stdin.readline().rstrip("\n") if args.password_stdin else None
    device = Device(args.state, args.cacert, args.connect_to, BuiltIn(args.device_ca) if args.device_ca else None)
    try:
        COMMANDS[args.command](device, args, password)
    except (Stopped, SignInFailed, ScepFailed, Failed, OSError) as e:
        print(f"client.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
