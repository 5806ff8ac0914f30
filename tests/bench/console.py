"""What the console's screens cost: each request that a screen sends, asked again and again of a server whose organization
has many enrollments of all ages and states. bench.py runs it; the rows that `postern-device fleet prepare` wrote, which
are all alike and of one second, are spread first."""

import http.client
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import time
import urllib.parse

# Rows as an organization has them after more than a year: a hundredth waits for a sign-in, a twentieth has ended, a fiftieth
# was not seen for long; a fifth of as many attempts again failed, in the last two weeks; everybody is in two groups.
SPREAD = """
CREATE TEMPORARY TABLE spread AS SELECT id, attempt_id, account_id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM enrollment;
CREATE UNIQUE INDEX spread_id ON spread (id);
CREATE UNIQUE INDEX spread_attempt ON spread (attempt_id);
UPDATE enrollment SET created_at = {now} - s.n * {step}, enrolled_at = {now} - s.n * {step},
  last_seen_at = {now} - CASE WHEN s.n % 50 = 7 THEN 86400 * 100 ELSE s.n % 86400 END,
  family = CASE WHEN s.n % 4 = 0 THEN 'Mac' WHEN s.n % 4 = 1 THEN 'iPad' ELSE 'iPhone' END,
  os_version = CASE WHEN s.n % 7 < 5 THEN '18.' ELSE '26.' END || (s.n % 5),
  state = CASE s.n % 100 WHEN 1 THEN 'reauth' WHEN 2 THEN 'unenrolled' WHEN 3 THEN 'unenrolled' WHEN 4 THEN 'evicted'
    WHEN 5 THEN 'replaced' WHEN 6 THEN 'replaced' ELSE 'enrolled' END,
  ended_at = CASE WHEN s.n % 100 BETWEEN 2 AND 6 THEN {now} - s.n ELSE NULL END
  FROM spread s WHERE s.id = enrollment.id;
UPDATE enrollment SET state = 'evicting' WHERE id IN (SELECT id FROM spread WHERE n % 10000 = 9);
UPDATE channel SET last_seen_at = (SELECT last_seen_at FROM enrollment WHERE id = channel.enrollment_id);
UPDATE attempt SET started_at = {now} - s.n * {step}, updated_at = {now} - s.n * {step} + 60,
  state = CASE WHEN s.n % 100 BETWEEN 2 AND 6 THEN 'ended' ELSE 'enrolled' END FROM spread s WHERE s.attempt_id = attempt.id;
INSERT INTO attempt (id, organization_id, kind, user_identifier, account_id, model_family, product, os_version, mode, method,
    state, stage, code, events, started_at, updated_at)
  SELECT 'zz' || a.id, a.organization_id, 'enroll', a.user_identifier, NULL, 'iPhone', a.product, a.os_version, a.mode, a.method,
    CASE WHEN s.n % 10 < 5 THEN 'open' ELSE 'failed' END, CASE WHEN s.n % 2 = 0 THEN 'signin' ELSE 'profile' END,
    CASE s.n % 4 WHEN 0 THEN 'signin-wrong-password' WHEN 2 THEN 'signin-wrong-password' WHEN 1 THEN 'request-device-ca' ELSE
      'profile-no-topic' END, 1, {now} - s.n * 12, {now} - s.n * 12
  FROM attempt a JOIN spread s ON s.attempt_id = a.id WHERE s.n % 5 = 0;
INSERT INTO event (attempt_id, seq, at, stage, code, outcome)
  SELECT id, 1, started_at, stage, code, 'refused' FROM attempt WHERE id LIKE 'zz%';
INSERT INTO account_group (account_id, name, organization_id) SELECT s.account_id, 'team-' || (n % 40), e.organization_id
  FROM spread s JOIN enrollment e ON e.id = s.id;
INSERT INTO account_group (account_id, name, organization_id) SELECT account_id, 'everybody', organization_id FROM
  account_group;
UPDATE account SET display_name = 'Eliza ' || s.n, words = words || ' eliza ' || s.n
  FROM spread s WHERE s.account_id = account.id AND s.n % 100 = 0;
"""

# The screens, and what each asks (src/console/web/screens): once as it is opened, and with each filter that it has.
# {person}, {enrollment} and {attempt} are some that exist.
SCREENS = {
    "overview": ["/overview", "/status/next?within=90d"],
    "attempts": ["/attempts?limit=50"],
    "attempts, of one person": ["/attempts?limit=50&user={person}"],
    "attempts, failed": ["/attempts?limit=50&state=failed"],
    "attempts, signed in (none)": ["/attempts?limit=50&state=signed-in"],
    "attempts, ended": ["/attempts?limit=50&state=ended"],
    "attempts, of one cause": ["/attempts?limit=50&code=signin-wrong-password"],
    "attempts, of a cause that nobody had": ["/attempts?limit=50&code=signin-throttled"],
    "attempts, a page far down": ["/attempts?limit=50&before={before}"],
    "attempt": ["/attempts/{attempt}"],
    "people": ["/users?limit=50"],
    "people, by two words": ["/users?limit=50&search=99%20Eliza"],
    "people, by a word that all have": ["/users?limit=50&search=bench"],
    "people, by a word that few have": ["/users?limit=50&search=77700"],
    "people, a search that finds nobody": ["/users?limit=50&search=nobody"],
    "person": ["/users/{person}"],
    "enrollments": ["/enrollments?limit=50"],
    "enrollments, of one person": ["/enrollments?limit=50&user={person}"],
    "enrollments, live": ["/enrollments?limit=50&state=live"],
    "enrollments, inactive": ["/enrollments?limit=50&state=inactive"],
    "enrollments, to sign in again": ["/enrollments?limit=50&state=reauth"],
    "enrollments, being evicted": ["/enrollments?limit=50&state=evicting"],
    "enrollments, pending (none)": ["/enrollments?limit=50&state=pending"],
    "enrollments, replaced": ["/enrollments?limit=50&state=replaced"],
    "enrollments, a page far down": ["/enrollments?limit=50&before={before}"],
    "enrollment": ["/enrollments/{enrollment}", "/enrollments/{enrollment}/available-commands"],
    "rules": ["/rules"],
    "rules, explained": ["/rules/explain?user={person}&model-family=iPhone"],
    "groups": ["/device-groups", "/groups"],
    "group": ["/device-groups/phones"],
    "profiles and apps": ["/items/profile", "/items/app", "/items/declaration", "/organizations/_/licence-apps"],
    "audit": ["/audit?limit=50", "/audit/verification"],
    "audit, of one person": ["/audit?limit=50&user={person}"],
    "settings": ["/organizations/_", "/identity-providers", "/api-tokens", "/administrators", "/organizations/_/apple"],
}


class OverSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def spread(at, dsn=None):
    """SQLite's file, or PostgreSQL's database."""
    now = int(time.time())
    sql = SPREAD.format(now=now, step=400)
    if dsn:
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn], input=sql + "VACUUM ANALYZE;", text=True, check=True)
        return
    db = sqlite3.connect(os.path.join(at.data, "postern.db"))
    db.executescript("BEGIN;" + sql + "COMMIT;")
    db.close()


class Pages:
    def __init__(self, at):
        self.connection = OverSocket(os.path.join(at.data, "admin.sock"))
        newest = self.ask("/attempts?limit=1")["items"][0]
        enrollment = self.ask("/enrollments?limit=1&state=enrolled")["items"][0]
        self.names = {"attempt": newest["id"], "enrollment": enrollment["id"],
                      "person": urllib.parse.quote(enrollment["user"]), "before": str(int(time.time()) - 30_000_000)}

    def ask(self, path):
        self.connection.request("GET", "/api/v1" + path)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 404):     # 404: no token of Apple's
            raise SystemExit(f"{path}: {answer.status} {body[:200].decode()}")
        return json.loads(body)

    def measure(self, times, cpu_us):
        """Of each screen the processor time and the time of its requests together: the 95th percentiles and the middle."""
        got = {}
        for name, paths in SCREENS.items():
            used, took = [], []
            for _ in range(times):
                before, began = cpu_us(), time.monotonic()
                for path in paths:
                    self.ask(path.format(**self.names))
                took.append(1000 * (time.monotonic() - began))
                used.append(cpu_us() - before)
            got[name] = {"us": most(used), "p50_ms": statistics.median(took), "p95_ms": most(took)}
        return got


def most(values):
    return statistics.quantiles(values, n=20)[-1]
