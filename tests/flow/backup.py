#!/usr/bin/python3
"""A backup made while everybody works, restored into another folder: the devices go on where they were, what was
decided since is gone, and nobody is unenrolled by it. A file that was cut, changed or made by a newer program, and
another passphrase, leave nothing.
    backup.py     $POSTERN_BUILD names the build folder"""

import json
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading

from loss import HALVES
from postern import BUILD, Device, Refused, Server, done, ok, same, say, together, until

PASSPHRASE = "a long passphrase for the safe"
OLD_ROWS = 60000


class Restored:
    """The server of another one's backup, at its address."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder

    def __enter__(self):
        s = self.server
        self.before = s.data, s.database
        s.data, s.database = self.folder, os.path.join(self.folder, "postern.db")
        return s

    def __exit__(self, *_):
        self.server.stop()
        self.server.data, self.server.database = self.before


def secret_file(server, text=PASSPHRASE, name="passphrase"):
    path = os.path.join(server.folder, name)
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text + "\n")
    return path


def change(server, sql, *args):
    """Change the database itself. Only while no daemon has it."""
    assert server.daemon is None
    with sqlite3.connect(server.database) as db:
        n = db.execute(sql, args).rowcount
    db.close()
    return n


def expire(server, enrollment):
    """The access tokens of an enrollment are over: its device has to renew them."""
    change(server, "UPDATE enrollment SET pass_hash = NULL WHERE id = ?", enrollment)
    return change(server, """UPDATE oauth_token SET expires_at = issued_at WHERE kind = 'access' AND grant_id IN
        (SELECT grant_id FROM enrollment WHERE id = ?)""", enrollment)


def long_history(server):
    """A store that takes a moment to read."""
    change(server, """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO command (uuid, enrollment_id, user_id, position, put_off, request_type, status, answer, dropped,
        queued_at, answered_at) SELECT 'OLD-' || i, 'nobody-' || i, '', 0, 0, 'DeviceInformation', 'Acknowledged', randomblob(300), 0, 1,
        4000000000 FROM n""", OLD_ROWS)


def enrollment_of(server, user):
    return next(r["id"] for r in server.listing("enrollment", "list", "--user", user, "--state", "live"))


def under_load(server, devices, work):
    """work() while devices poll, commands are queued and answered, and somebody enrolls."""
    over, faults = threading.Event(), []

    def poll(d):
        while not over.is_set():
            if d.poll() != 0:
                faults.append(d.told())

    def send(ids):
        while not over.is_set():
            for i in ids:
                server.admin("command", "send", i, "DeviceInformation", "Queries=OSVersion")

    ids = [enrollment_of(server, d.user) for d in devices]
    threads = [threading.Thread(target=poll, args=(d,)) for d in devices] + [threading.Thread(target=send, args=(ids,))]
    for t in threads:
        t.start()
    try:
        result = work()
    finally:
        over.set()
        for t in threads:
            t.join()
    ok(not faults, "no device is refused while a backup is made", faults[:1])
    return result


def check_halves(server, name):
    for rule, sql in HALVES:
        found = server.rows(sql)
        ok(not found, f"{name}: {rule}", found[:3])


def check_modes(folder):
    wrong = []
    for where, folders, files in os.walk(folder):
        for names, mode in ((folders, 0o700), (files, 0o600)):
            wrong += [n for n in names if stat.S_IMODE(os.stat(os.path.join(where, n)).st_mode) != mode]
    ok(stat.S_IMODE(os.stat(folder).st_mode) == 0o700 and not wrong, "files are 0600 and folders 0700 again", wrong)


def check_sealed(server, path):
    """Nothing of it can be read without the passphrase."""
    assert server.daemon is None
    with open(path, "rb") as f:
        octets = f.read()
    same(stat.S_IMODE(os.stat(path).st_mode), 0o600, "a backup is for its owner alone")
    needles = [b"PRIVATE KEY", b"CERTIFICATE", b"SQLite format", b"betterbag", b"oauth_token", b"DeviceInformation",
               b"argon2id", PASSPHRASE.encode()]
    needles += [h for (h,) in server.rows("SELECT hash FROM oauth_token")]
    needles += [u.encode() for (u,) in server.rows("SELECT user_identifier FROM account")]
    needles += [h.encode() for (h,) in server.rows("SELECT password_hash FROM account WHERE password_hash IS NOT NULL")]
    with open(os.path.join(server.data, "keys", "seal.secret"), "rb") as f:
        needles.append(f.read())
    found = [n for n in needles if n in octets]
    ok(not found, f"no key, name, hash or word of the store can be read in it ({len(needles)} searched for)", found)


def refusal(server, *args, stdin=""):
    """The sentence of a command that has to fail, and its status."""
    end = subprocess.run([os.path.join(BUILD, "postern"), *args], input=stdin, capture_output=True, text=True, timeout=120)
    return end.returncode, end.stderr.strip()


def check_refusals(server, path, passphrase):
    with open(path, "rb") as f:
        octets = f.read()
    bad, empty = os.path.join(server.folder, "bad"), os.path.join(server.folder, "empty")

    def refused(rule, content, word, how=("--passphrase-file", passphrase), stdin="", data=empty):
        with open(bad, "wb") as f:
            f.write(content)
        status, text = refusal(server, "--data", data, "restore", bad, *how, stdin=stdin)
        ok(status == 1 and word in text and text.count("\n") == 0, f"{rule} is refused in one sentence", text)
        ok(data != empty or not os.path.exists(empty), f"{rule} leaves no folder")

    refused("another passphrase", octets, "passphrase", ("--passphrase-stdin",), "some other passphrase\n")
    for part in (10, 300, len(octets) // 2, len(octets) - 1):
        refused(f"a file cut at {part * 100 // len(octets)} %", octets[:part], "")
    for at in (20, 5000, len(octets) // 2, len(octets) - 5):
        refused(f"a file changed at {at * 100 // len(octets)} %", octets[:at] + bytes([octets[at] ^ 4]) + octets[at + 1:],
                "another copy")
    refused("something behind the end", octets + b"x", "")
    refused("another kind of file", b"PK" + octets[2:], "not made by postern")
    before = sorted(os.listdir(server.data))
    refused("a folder with an installation", octets, "left as it is", data=server.data)
    same(sorted(os.listdir(server.data)), before, "and is as it was")
    os.mkdir(empty)
    with open(os.path.join(empty, "letter"), "w") as f:
        f.write("dear")
    status, text = refusal(server, "--data", empty, "restore", path, "--passphrase-file", passphrase)
    ok(status == 1 and os.listdir(empty) == ["letter"], "a folder with something in it is refused and left as it is", text)
    status, text = refusal(server, "--data", os.path.join(server.folder, "else"), "restore", path, "--passphrase-file",
                           passphrase, "--store", f"sqlite:{server.database}")
    ok(status == 1 and "left as it is" in text, "a database that is there is refused", text)
    os.chmod(passphrase, 0o644)
    status, text = refusal(server, "--data", server.data, "backup", bad + "2", "--passphrase-file", passphrase)
    ok(status == 1 and "chmod" in text, "a passphrase that everybody can read is refused", text)
    os.chmod(passphrase, 0o600)
    status, text = refusal(server, "--data", server.data, "node", "export", bad + "2", "--passphrase-file", passphrase)
    ok(status == 1 and "SQLite" in text and "PostgreSQL" in text, "a node of a store that one process owns is refused", text)


def full_disk():
    """In a child: no file may grow past 200 kB, which an unwilling disk says in the same way."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def check_trouble(server, path, passphrase):
    """A disk that is full, and a restore that is killed."""
    how = ["--passphrase-file", passphrase]
    bad, folder = os.path.join(server.folder, "no-room"), os.path.join(server.folder, "killed")
    for rule, args in (("a backup", ["--data", server.data, "backup", bad]), ("a restore", ["--data", bad, "restore", path])):
        end = subprocess.run([os.path.join(BUILD, "postern"), *args, *how], capture_output=True, text=True,
                             preexec_fn=full_disk, restore_signals=False, timeout=120)
        left = [n for n in os.listdir(server.folder) if n.startswith("no-room")]
        ok(end.returncode == 1 and end.stderr.count("\n") == 1 and not left, f"{rule} on a full disk says so and leaves nothing",
           (end.returncode, end.stderr, left))
    restore = subprocess.Popen([os.path.join(BUILD, "postern"), "--data", folder, "restore", path, *how])
    until(lambda: os.path.exists(os.path.join(folder, ".making", "postern.conf")))
    restore.kill()
    restore.wait()
    ok("postern.conf" not in os.listdir(folder), "a restore that was killed left no installation", os.listdir(folder))
    server.run("--data", folder, "restore", path, *how)
    ok(sorted(os.listdir(folder))[0] != ".making" and os.path.exists(os.path.join(folder, "postern.conf")),
       "and the next one clears away what it left", os.listdir(folder))


def newer(server, path, passphrase):
    """A backup of a program that knows one more migration."""
    change(server, "INSERT INTO schema_migration SELECT max(version) + 1, 'future', 1 FROM schema_migration")
    server.admin("backup", path + "-newer", "--passphrase-file", passphrase)
    change(server, "DELETE FROM schema_migration WHERE name = 'future'")
    folder = os.path.join(server.folder, "newer")
    status, text = refusal(server, "--data", folder, "restore", path + "-newer", "--passphrase-file", passphrase)
    ok(status == 1 and "newer" in text and not os.path.exists(folder), "a backup of a newer program is refused", text)


def first_poll(d):
    """Status of the answer to its first poll, and how it said who it is."""
    d.poll()
    said = next((s for s in d.steps if s["event"] == "Idle"), {})
    return said.get("answer", "")[:3], said.get("proof")


def after_restore(s, kept, renewed, late, revoked, banned):
    """The devices against the restored server."""
    s.start()
    same(first_poll(kept), ("200", "Mdm-Signature, bearer"), "a device polls the restored server with the token and the "
         "certificate that it enrolled for")
    ok(not kept.answered("refresh"), "without a renewal", kept.told())
    same(first_poll(revoked)[0], "401", "one whose sign-in was revoked before the backup stays refused")
    same(first_poll(banned)[0], "403", "and so does one whose certificate was")
    s.stop()
    expire(s, enrollment_of_row(s, kept.user))
    s.start()
    ok(kept.poll() == 0 and kept.answered("refresh"), "a device whose token is over renews it there", kept.told())
    s.admin("command", "send", enrollment_of(s, kept.user), "DeviceInformation", "Queries=OSVersion,Model")
    ok(kept.poll() == 0 and "DeviceInformation" in json.dumps(kept.steps), "a command is delivered to it", kept.told())
    renewed.poll()
    say(renewed.told())
    ok(renewed.enrolled(), "a device that renewed its token since the backup stays enrolled", renewed.about())
    ok(renewed.reauth() == 0 and renewed.poll() == 0 and renewed.enrolled(),
       "its person signs in again, and it goes on", renewed.told())
    late.poll()
    say(late.told())
    ok(late.enrolled(), "a device that enrolled since then is turned away but not told to leave", late.about())


def enrollment_of_row(server, user):
    return server.rows("""SELECT e.id FROM enrollment e JOIN account a ON a.id = e.account_id WHERE a.user_identifier = ?
        AND e.state = 'enrolled'""", user)[0][0]


def main():
    server = Server(sqlite=True)
    passphrase, path = secret_file(server), os.path.join(server.folder, "backup")
    users = server.people(8)
    long_history(server)
    say("60,000 old answers")
    server.start()
    devices = [Device(server, u) for u in users]
    together(lambda d: d.enroll(), devices[:3])
    ok(all(d.enrolled() for d in devices[:3]), "devices enroll", devices[0].told())
    kept, renewed, third = devices[:3]
    revoked, banned = devices[6:]
    together(lambda d: d.enroll(), [revoked, banned])
    ok(revoked.poll() == 0 and banned.poll() == 0, "and poll", revoked.told() + banned.told())
    server.admin("token", "revoke", "--user", revoked.user)
    server.admin("ca", "revoke", server.listing("ca", "show", "--enrollment", enrollment_of(server, banned.user))[0]["fingerprint"])
    refused = first_poll(revoked)[0], first_poll(banned)[0]
    same(refused, ("401", "403"), "two are refused from before the backup on")

    made = []
    def work():
        busy = threading.Thread(target=devices[3].enroll)
        busy.start()
        for i in range(3):
            made.append(f"{path}-{i}")
            server.admin("backup", made[-1], "--passphrase-file", passphrase)
        busy.join()
    under_load(server, [kept, renewed, third], work)
    facts = server.listing("backup", path, "--passphrase-file", passphrase)[0]
    ok(facts["rows"] > OLD_ROWS and facts["size"] == os.path.getsize(path), "a backup says what is in it", facts)

    # What happens after it, and is forgotten: a token renewed, a person disabled, a device enrolled.
    server.stop()
    expire(server, enrollment_of_row(server, renewed.user))
    server.start()
    ok(renewed.poll() == 0, "a device renews its token after the backup", renewed.told())
    server.admin("user", "disable", users[5])
    late = devices[4]
    ok(late.enroll() == 0, "another device enrolls after the backup", late.told())
    server.stop()

    check_sealed(server, path)
    check_refusals(server, path, passphrase)
    check_trouble(server, path, passphrase)
    newer(server, path, passphrase)
    for i, p in enumerate(made):
        folder = os.path.join(server.folder, f"restored-{i}")
        server.run("--data", folder, "restore", p, "--passphrase-file", passphrase)
        with Restored(server, folder) as s:
            check_halves(s, f"backup {i} made under load")
    folder = os.path.join(server.folder, "restored")
    server.run("--data", folder, "restore", path, "--passphrase-stdin", stdin=PASSPHRASE + "\n")
    check_modes(folder)
    with Restored(server, folder) as s:
        same(s.rows("PRAGMA integrity_check"), [("ok",)], "the restored database is sound")
        same(s.rows("SELECT count(*) FROM account WHERE disabled_at IS NOT NULL"), [(0,)],
             "a person who was disabled since is not, as restore says")
        after_restore(s, kept, renewed, late, revoked, banned)
        s.stop()
        check_halves(s, "after going on")
    return done()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as e:
        ok(False, "no command of the administrator fails", e)
        sys.exit(done())
