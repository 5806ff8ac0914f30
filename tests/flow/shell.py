#!/usr/bin/python3
"""`postern-device shell` and `visible`, with input from a pipe. The server is tests/device/server.py."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "device")]
from simulator import ENVIRONMENT, PROGRAM, World, command
from tap import done, ok, same


def shell(state, text):
    ran = subprocess.run([PROGRAM, "shell", "--state", state], input=text, capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    ok("Sanitizer" not in ran.stderr, "no sanitizer complains", ran.stderr)
    return ran


def main():
    with tempfile.TemporaryDirectory(prefix="shell-") as folder:
        world, state = World(folder), os.path.join(folder, "a phone")
        s = world.server
        s.reset()
        s.queue = [command("DeviceInformation", Queries=["OSVersion"])]
        enroll = (f"enroll ann@example.org --cacert '{s.cacert}' --connect-to {s.connect_to()} --device-ca \"{world.device_ca}\" "
                  "--device-key p256 --maid-delay 0 --quiet --password-stdin\ngood password\n")
        ran = shell(state, f"# a comment\n\n{enroll}poll --json\nstatus --json\nvisible --json\nunenroll\n")
        lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
        status = next(line for line in lines if "managed-volume" in line)
        same((ran.returncode, status["state"], status["mode"]), (0, "enrolled", "BYOD"),
             "one device, line by line; a password is the line behind its command", )
        ok(not s.queue and s.results[-1]["Status"] == "Acknowledged", "D-25: what is waiting is answered", s.results)
        same(len(s.checkins("CheckOut")), 1, "D-22: and left in the same shell")
        ok("good password" not in ran.stdout + ran.stderr, "no secret is printed")

        seen = lines[-1]
        values = {q["name"]: q["value"] for q in seen["sees"]}
        same((values["OSVersion"], values["ProductName"], seen["apps"]), ("18.2", "iPhone17,2", "managed"),
             "D-24: what the organization can ask for, with what it would get")
        ok({"UDID", "SerialNumber", "IMEI", "MEID", "PhoneNumber"} <= set(seen["sees-not"]) and
           not set(seen["sees-not"]) & set(values), "D-24: what it can't ask for", seen)
        same((len(values), len(seen["sees-not"])), (26, 44), "D-24: as many of each as User Enrollment has on iOS (10)")
        same((len(seen["does"]), len(seen["does-not"])), (24, 25), "D-24: and of commands (10)")
        ok("EraseDevice" in seen["does-not"] and "InstallProfile" in seen["does"], "D-24: it can't erase the device", seen)

        ran = shell(state, "visible\n")
        ok(ran.returncode == 1 and "not enrolled any more" in ran.stderr, "of a device that is not managed nothing is seen", ran.stderr)
        ran = shell(state, "help\nstatus --quite\nstatus 'open\nshell\nexit\nnonsense\n")
        ok(ran.returncode == 2 and "enroll" in ran.stdout and ran.stderr.count("\n") == 3 and "nonsense" not in ran.stderr,
           "help lists commands; what is wrong is said and the shell goes on until exit", ran.stdout + ran.stderr)
        same(shell(state, "x" * 9000 + "\nstatus --json\n").returncode, 0, "a line that is too long is left out")
    return done()


if __name__ == "__main__":
    sys.exit(main())
