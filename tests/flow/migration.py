#!/usr/bin/python3
"""`postern migrate`: the stores of NanoMDM (files, PostgreSQL) and MicroMDM (BoltDB, written by bbolt itself:
tests/migration/micromdm.go), the way of each device, and people who are added by waves.
    migration.py     $POSTERN_BUILD names the build folder"""

import base64
import fcntl
import gzip
import hashlib
import json
import os
import plistlib
import shutil
import signal
import subprocess
import tempfile
import urllib.request

import world  # first: it finds the others
from postern import CLIENTS, Refused, done, ok, same
from postgres import Postgres, programs

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "migration")
TOPIC = "com.apple.mgmt.External.7f2ab6a1-2f1d-4d43-9a7e-0d6f2c1e9b10"
SECRETS = ("MAGIC-", "c0ffee00", "PRIVATE KEY", "the unlock token", "the bootstrap token")

# id, serial number, product, OS, has TokenUpdate, is disabled, becomes
NANO = [
    ("66ADE930-5FDF-5EC4-8429-15640684C489", "C02NANO00001", "Mac14,2", "14.5", True, False, "enroll"),
    ("00008110-000B11111111001E", "F17NANO00001", "iPhone14,5", "15.8", True, False, "update-first"),
    ("00008110-000B22222222001E", "F17NANO00002", "iPhone14,5", "18.2", True, True, "gone"),
    ("00008110-000B33333333001E", "F17NANO00003", "iPhone14,5", "18.2", False, False, "gone"),
    ("00008110-000B44444444001E", "F17NANO00004", "iPad14,1", "18.2", True, False, "enroll"),
    ("BYOD-7A11C0DE-1111", None, "iPhone15,2", "15.2", True, False, "enroll-byod"),
]


def message(kind, row, **more):
    name = "EnrollmentID" if row[0].startswith("BYOD") else "UDID"
    return plistlib.dumps({"MessageType": kind, name: row[0], "Topic": TOPIC, **more})


def authenticate(row):
    named = {"SerialNumber": row[1]} if row[1] else {}
    return message("Authenticate", row, ProductName=row[2], OSVersion=row[3], DeviceName="of Eliza", **named)


def token_update(row):
    return message("TokenUpdate", row, PushMagic="MAGIC-1", Token=bytes.fromhex("c0ffee00" * 8))


def certificate(folder):
    """An identity certificate and a push certificate, as PEM."""
    out = []
    for subject in ("/CN=device", f"/UID={TOPIC}/CN=APSP"):
        pem = os.path.join(folder, "made.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        os.path.join(folder, "made.key"), "-out", pem, "-days", "20", "-subj", subject], check=True,
                       capture_output=True)
        with open(pem) as f:
            out.append(f.read())
    return out


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def nano_files(folder, identity, push):
    """A folder as NanoMDM's file storage makes it."""
    for row in NANO:
        at = os.path.join(folder, row[0])
        write(os.path.join(at, "Authenticate.plist"), authenticate(row))
        write(os.path.join(at, "Identity.pem"), identity)
        write(os.path.join(at, "CertAuth.sha256.txt"), hashlib.sha256(row[0].encode()).hexdigest())
        if row[1]:
            write(os.path.join(at, "SerialNumber.txt"), row[1])
        if row[4]:
            write(os.path.join(at, "TokenUpdate.plist"), token_update(row))
        if row[5]:
            write(os.path.join(at, "Disabled"), b"")
    first = NANO[0][0]
    write(os.path.join(folder, first, "UnlockToken.dat"), b"the unlock token")
    write(os.path.join(folder, first, "SubEnrollments", first + ":USER-1"), b"")
    write(os.path.join(folder, first + ":USER-1", "TokenUpdate.plist"), token_update(NANO[0]))
    write(os.path.join(folder, TOPIC + ".pem"), push)
    write(os.path.join(folder, TOPIC + ".key"), "PRIVATE KEY")
    write(os.path.join(folder, "damaged-one", "Authenticate.plist"), b"no property list")


# The tables and columns of NanoMDM's schema for PostgreSQL that hold enrollments, in the types that it gives them.
SCHEMA = """
CREATE TABLE devices (id VARCHAR(255) PRIMARY KEY, identity_cert TEXT, serial_number VARCHAR(127), unlock_token TEXT,
  authenticate TEXT NOT NULL, token_update TEXT, bootstrap_token_b64 TEXT);
CREATE TABLE users (id VARCHAR(255) PRIMARY KEY, device_id VARCHAR(255) NOT NULL REFERENCES devices (id));
CREATE TABLE enrollments (id VARCHAR(255) PRIMARY KEY, device_id VARCHAR(255) NOT NULL REFERENCES devices (id),
  user_id VARCHAR(255) REFERENCES users (id), type VARCHAR(31) NOT NULL, topic VARCHAR(255) NOT NULL,
  push_magic VARCHAR(127) NOT NULL, token_hex VARCHAR(255) NOT NULL, enabled BOOLEAN NOT NULL DEFAULT TRUE,
  last_seen_at TIMESTAMP NOT NULL);
CREATE TABLE push_certs (topic VARCHAR(255) PRIMARY KEY, cert_pem TEXT NOT NULL, key_pem TEXT NOT NULL);
CREATE TABLE cert_auth_associations (id VARCHAR(255) NOT NULL, sha256 CHAR(64) NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (id, sha256));
"""


def nano_rows(identity, push):
    def q(value):
        return "NULL" if value is None else "'" + (value.decode() if isinstance(value, bytes) else value).replace("'", "''") + "'"

    for row in NANO:
        yield (f"INSERT INTO devices VALUES ({q(row[0])}, {q(identity)}, {q(row[1])}, "
               f"{q('the unlock token' if row is NANO[0] else None)}, {q(authenticate(row))}, NULL, NULL);")
        yield (f"INSERT INTO cert_auth_associations VALUES ({q(row[0])}, '{hashlib.sha256(b'old').hexdigest()}', '2020-01-01');"
               f"INSERT INTO cert_auth_associations VALUES ({q(row[0])}, '{hashlib.sha256(row[0].encode()).hexdigest()}');")
        if row[4]:
            yield (f"INSERT INTO enrollments VALUES ({q(row[0])}, {q(row[0])}, NULL, 'Device', '{TOPIC}', 'MAGIC-1', "
                   f"'{'c0ffee00' * 8}', {not row[5]}, '2026-11-01 12:00:00');")
    first = NANO[0][0]
    yield (f"INSERT INTO users VALUES ('{first}:USER-1', '{first}');"
           f"INSERT INTO enrollments VALUES ('{first}:USER-1', '{first}', '{first}:USER-1', 'User', '{TOPIC}', 'MAGIC-2', 'aa', TRUE,"
           f" '2026-11-01 12:00:00');"
           f"INSERT INTO devices VALUES ('damaged-one', NULL, NULL, NULL, 'no property list', NULL, NULL);"
           f"INSERT INTO push_certs VALUES ('{TOPIC}', {q(push)}, 'PRIVATE KEY');")


class Migration:
    def __init__(self):
        self.w = world.World(sqlite=True)
        self.folder = tempfile.mkdtemp(dir=self.w.folder)

    def migrate(self, *words):
        text = self.w.admin("--json", "migrate", *words)
        text += self.w.admin("migrate", *words) if "--apply" not in words else ""
        same([s for s in SECRETS if s in text], [], f"{words[0]}: no token, key or PushMagic is printed")
        return json.JSONDecoder().raw_decode(text)[0]

    def refused(self, *words):
        try:
            return "not refused: " + self.w.admin("migrate", *words)
        except Refused as e:
            return str(e)

    def nano(self, source, what):
        r = self.migrate("nanomdm", source)
        found = {d["id"]: d for d in r["devices"]}
        same({i: d["becomes"] for i, d in found.items()}, {row[0]: row[6] for row in NANO}, f"{what}: what each device becomes")
        same({i: d["serial_number"] for i, d in found.items()}, {row[0]: row[1] for row in NANO},
             f"{what}: serial numbers, and none of a person's own device")
        same({d["certificate"]["sha256"] for d in found.values()}, {hashlib.sha256(row[0].encode()).hexdigest() for row in NANO},
             f"{what}: the sum of the newest identity certificate")
        ok(all(d["certificate"]["not_after"] > 0 for d in found.values()), f"{what}: and until when it is good")
        first = found[NANO[0][0]]
        same((first["user_channels"], first["has_unlock_token"], first["has_bootstrap_token"], first["can_be_pushed"]),
             (1, True, False, True), f"{what}: user channels and which tokens are there")
        same([(p["topic"], p["has_key"], p["devices"]) for p in r["push_certificates"]], [(TOPIC, True, 4)],
             f"{what}: the push certificate and how many enrolled devices have its topic")
        same(r["unreadable"], 1, f"{what}: what can't be read is counted, and the rest is there")

    def micro(self, name, folder):
        path = os.path.join(folder, name + ".db")
        with gzip.open(os.path.join(VECTORS, name + ".db.gz")) as f:
            write(path, f.read())
        return path


def event(kind, raw):
    """As NanoMDM and MicroMDM post it."""
    return json.dumps({"topic": "mdm." + kind, "event_id": "1", "created_at": "2026-11-29T12:00:00Z",
                       ("acknowledge_event" if kind == "Connect" else "checkin_event"):
                       {"udid": "", "url_params": None, "raw_payload": base64.b64encode(raw).decode()}}).encode()


def shadow(folder):
    """What devices tell another server, as this one would take it."""
    mac, byod = NANO[0], NANO[5]
    personal = dict(SerialNumber="F17SECRET001", IMEI="35 123456 789012 3", UDID_OF="x")
    posted = [
        event("Authenticate", authenticate(mac)), event("TokenUpdate", token_update(mac)),
        event("Connect", plistlib.dumps({"UDID": mac[0], "Status": "Idle"})),
        event("Connect", plistlib.dumps({"UDID": mac[0], "Status": "Acknowledged", "CommandUUID": "A"})),
        event("Authenticate", message("Authenticate", byod, ProductName=byod[2], OSVersion=byod[3], **personal)),
        event("GetBootstrapToken", message("GetBootstrapToken", byod)),
        event("Connect", plistlib.dumps({"UDID": mac[0], "Status": "Error"})),
        event("Connect", plistlib.dumps({"Status": "Idle"})),
        event("Surprise", message("Surprise", mac)),
        event("Authenticate", b"no property list"),
        b"{}", b"no JSON",
    ]
    with open(os.path.join(folder, "shadow"), "w+") as out:
        listening = subprocess.Popen([os.path.join(CLIENTS, "postern"), "--json", "migrate", "shadow", "--listen", "127.0.0.1:0"],
                                     stdout=out, stderr=subprocess.PIPE, text=True)
        port = int(listening.stderr.readline().split(" port ")[1].split(";")[0])
        answers = {urllib.request.urlopen(f"http://127.0.0.1:{port}/", body).status for body in posted}
        same(answers, {200}, "shadow: whatever comes, the other server is told that all is well")
        listening.send_signal(signal.SIGINT)
        same(listening.wait(60), 0, "shadow: ends with its report")
        out.seek(0)
        text = out.read()
    r = json.loads(text)
    same({v["code"]: v["events"] for v in r["verdicts"]},
         {"served": 5, "no-event": 2, "no-message": 1, "no-device": 1, "unknown": 1, "not-in-mode": 1, "no-answer": 1},
         "shadow: what would be served, and what not and why")
    devices = {d["id"]: d for d in r["devices"]}
    same({i: (d["mode"], d["os"], d["events"], d["deviations"]) for i, d in devices.items()},
         {mac[0]: ("adde", "macOS 14.5", 6, 2), byod[0]: ("byod", "iOS 15.2", 2, 1)}, "shadow: by device")
    ok(devices[byod[0]]["personal"] >= 2 and "F17SECRET001" not in text and "35 123456" not in text,
       "shadow: a person's own device's identifiers are counted, and kept nowhere")


def main():
    m = Migration()
    shadow(m.folder)
    identity, push = certificate(m.folder)

    files = os.path.join(m.folder, "nano")
    nano_files(files, identity, push)
    m.nano(files, "files")
    ok("no folder with an Authenticate.plist" in m.refused("nanomdm", m.w.data), "a folder that is none of NanoMDM's is refused")

    pg = Postgres()
    sql = os.path.join(pg.folder, "rows.sql")
    write(sql, "CREATE DATABASE nano;\n\\connect nano\n" + SCHEMA + "\n".join(nano_rows(identity, push)))
    os.chmod(sql, 0o644)
    pg.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", pg.folder, "-U", "postgres", "-f", sql)
    dsn = f"postgresql://postgres@/nano?host={pg.folder}"
    m.nano(dsn, "database")
    ok("none of NanoMDM's databases" in m.refused("nanomdm", dsn.replace("/nano", "/postgres")),
       "a database without its tables is refused")

    few = m.micro("few", m.folder)
    r = m.migrate("micromdm", few)
    same({d["serial_number"]: d["becomes"] for d in r["devices"]},
         {"C02MT66KFLHH": "enroll", "F17TESTPHONE": "update-first", "F17TESTPAD01": "assigned", "F17TESTGONE1": "gone",
          "F17TESTTV001": "stays"}, "MicroMDM: what each device becomes")
    mac, = [d for d in r["devices"] if d["serial_number"] == "C02MT66KFLHH"]
    same((mac["certificate"]["sha256"], mac["can_be_pushed"], mac["seen_at"]),
         (hashlib.sha256(b"certificate of " + mac["id"].encode()).hexdigest(), True, 1795000000),
         "MicroMDM: certificate, push and when it was seen, from three buckets")
    same([(p["topic"], p["devices"]) for p in r["push_certificates"]], [(TOPIC, 4)], "MicroMDM: its push certificate")
    many = m.micro("many", m.folder)
    same({d["serial_number"] for d in m.migrate("micromdm", many)["devices"]},
         {f"F17MANY{i:05d}" for i in range(150) if i % 3}, "a file of many pages: all that is there, and nothing that was deleted")
    with open(many, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        ok("stop MicroMDM" in m.refused("micromdm", many), "a file that its server holds is left alone")
    with open(many, "r+b") as f:
        f.truncate(8192)
    ok("damaged" in m.refused("micromdm", many), "a file that was cut is refused with a sentence")

    m.w.open()
    present = "fred@" + world.DOMAIN
    m.w.add_user(present, "correct horse", "--group", "sales")
    people = os.path.join(m.folder, "people.csv")
    rows = [(NANO[0][0], f"Eliza@{world.DOMAIN}", "Eliza"), ("F17NANO00004", f"eliza@{world.DOMAIN}", "Eliza"),
            ("F17NANO00001", present, ""), (NANO[5][0], f"gina@{world.DOMAIN}", ""), ("F17NANO00002", f"hugo@{world.DOMAIN}", ""),
            ("F17NOWHERE00", f"ida@{world.DOMAIN}", "")]
    write(people, "device,user,display_name\n" + "".join(",".join(r) + "\n" for r in rows))
    r = m.migrate("nanomdm", files, "--people", people, "--wave", "2", "--apply")
    same([(x["group"], x["people"], x["devices"]) for x in r["waves"]],
         [("migration-wave-1", 2, 3), ("migration-wave-2", 1, 1)], "people come with all of their devices, in the file's order")
    same(r["applied"], {"added": 2, "present": 1, "failed": 0}, "who has nothing to move is not added")
    groups = {u["user"]: sorted(u["groups"]) for u in m.w.listing("user", "list")}
    same(groups, {f"eliza@{world.DOMAIN}": ["migration-wave-1"], present: ["migration-wave-1", "sales"],
                  f"gina@{world.DOMAIN}": ["migration-wave-2"]}, "and a person who is there already keeps their groups")
    m.w.admin("rule", "add", "--group", "migration-wave-1", "--byod")
    ok("--apply wants --people" in m.refused("nanomdm", files, "--apply"), "nobody is added without a list of people")
    shutil.rmtree(m.folder)
    done()


main()
