#!/usr/bin/python3
"""The administration API over TLS: a door of its own, tokens with a role and, maybe, one organization, and the
command line from afar.
    api.py     $POSTERN_BUILD names the build folder"""

import http.client
import json
import os
import random
import re
import socket
import ssl
import sys
import threading
from urllib.parse import quote

from postern import Device, Refused, Server, done, free_port, ok, same, together, until


class Document:
    """The OpenAPI document, and what answers don't fit it."""

    def __init__(self, document):
        self.document, self.faults, self.seen = document, [], set()
        self.paths = [(re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(p)) + "$"), p) for p in document["paths"]]
        self.paths.sort(key=lambda row: row[1].count("{"))

    def operation(self, method, path):
        for pattern, name in self.paths:
            if pattern.match(path) and method.lower() in self.document["paths"][name]:
                return self.document["paths"][name][method.lower()]
        return None

    def check(self, method, path, status, type_, answer):
        operation = self.operation(method, path.split("?")[0])
        if operation is None:
            return
        response = operation["responses"].get(str(status), operation["responses"]["default"])
        if status < 400:
            self.seen.add(operation["operationId"])
        if type_ not in response["content"] or (status < 400) == (response is operation["responses"]["default"]):
            self.faults.append(f"{method} {path}: {status} {type_}")
        else:
            self.faults += [f"{method} {path}: {fault}"
                            for fault in self.unlike(answer, response["content"][type_]["schema"], "")]

    def unlike(self, value, schema, at):
        """What of it is not as the schema says (the part of JSON Schema that the document uses)."""
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].split("/")[-1]]
        if "anyOf" in schema:
            tried = [list(self.unlike(value, s, at)) for s in schema["anyOf"]]
            yield from min(tried, key=len)
            return
        types = schema.get("type", [])
        types = [types] if isinstance(types, str) else types
        is_ = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}[type(value)]
        if types and is_ not in types:
            yield f"{at or 'answer'} is {is_}, not {' or '.join(types)}"
        elif is_ == "array":
            for item in value:
                yield from self.unlike(item, schema.get("items", {}), at + "[]")
        elif is_ == "object":
            for name in schema.get("required", []):
                if name not in value:
                    yield f"{at}.{name} is missing"
            for name, member in value.items():
                if name in schema.get("properties", {}):
                    yield from self.unlike(member, schema["properties"][name], f"{at}.{name}")
                elif schema.get("additionalProperties") is False:
                    yield f"{at}.{name} is not in the document"


class Api:
    """One client of the API: a kept connection, its answers as (status, headers, object). Each is held against the
    document, once there is one."""

    document = None

    def __init__(self, server, port, token=None):
        self.to = http.client.HTTPSConnection("localhost", port, timeout=60,
                                              context=ssl.create_default_context(cafile=server.cacert))
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method, path, body=None, **headers):
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        self.to.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None,
                        {**self.headers, **({"Content-Type": "application/json"} if body is not None else {}), **more})
        reply = self.to.getresponse()
        text = reply.read()
        type_ = reply.headers.get("Content-Type", "")
        answer = json.loads(text) if "json" in type_ else text
        if Api.document:
            Api.document.check(method, path, reply.status, type_, answer)
        return reply.status, reply.headers, answer


def listens(port):
    try:
        socket.create_connection(("localhost", port), 5).close()
    except OSError:
        return False
    return True


def token(server, name, *options):
    return json.loads(server.admin("--json", "api-token", "add", name, *options))["secret"]


def doors(server, port):
    nobody = Api(server, port)
    status, headers, answer = nobody("GET", "/status")
    ok(status == 401 and headers["WWW-Authenticate"] == "Bearer" and answer["code"] == "unauthenticated",
       "without a token nothing is answered, and it says so (RFC 9110 11.6.1)", (status, str(headers), answer))
    same(Api(server, server.port)("GET", "/status")[0], 404, "a listener of devices has no such path")
    nobody.to.request("GET", "/.well-known/com.apple.remotemanagement")
    reply = nobody.to.getresponse()
    reply.read()
    same(reply.status, 404, "nor has the listener of administrators those of devices")
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/status", 405), ("PUT", "/status", 405)):
        got, headers, answer = nobody(method, path)
        ok(got == status == answer["status"] and headers["Content-Type"] == "application/problem+json"
           and answer["title"] and answer["detail"] and (status != 405 or headers["Allow"] == "GET, HEAD"),
           f"{method} {path} is refused with a problem document (RFC 9457 3)", (got, str(headers), answer))
    got, headers, answer = Api(server, port)("POST", "/users", {"user": "x" * 100000})
    ok(got == answer["status"] == 413 and answer["code"] == "too large", "so is a body that is too large", answer)
    status, headers, _ = Api(server, port, "postern_" + 43 * "A")("GET", "/status")
    ok(status == 401 and "invalid_token" in headers["WWW-Authenticate"], "an unknown token is refused (RFC 6750 3.1)",
       str(headers))


def tokens(server, port):
    secret = token(server, "ci", "--role", "admin")
    api = Api(server, port, secret)
    status, _, answer = api("GET", "/status")
    ok(status == 200 and answer["version"], "with a token of an administrator everything is answered", answer)
    ok(secret.encode() not in server.dump(), "the database does not hold the secret")
    ok(secret not in server.log, "nor does the log")
    listed, = server.listing("api-token", "list")
    ok(listed["name"] == "ci" and listed["state"] == "live" and "secret" not in listed and listed["used_at"],
       "a token is listed without its secret, and with its last use", listed)
    server.admin("api-token", "revoke", "ci")
    same(api("GET", "/status")[0], 401, "a revoked one is refused at its next request")
    old = Api(server, port, token(server, "old", "--role", "read", "--life", "1h"))
    same(old("GET", "/status")[0], 200, "a token lives for as long as it was told")
    server.ask("UPDATE api_token SET expires_at = 1 WHERE name = 'old'")
    status, _, answer = old("GET", "/status")
    ok(status == 401 and "expired" in str(answer), "and no longer", answer)


def from_afar(server, port):
    path = os.path.join(server.folder, "token")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(token(server, "laptop", "--role", "help-desk") + "\n")
    far = ["--server", f"https://localhost:{port}", "--token-file", path, "--cacert", server.cacert, "--data", "/nowhere"]
    ok("anna" not in server.run(*far, "user", "list"), "the command line asks from afar")
    for command, rule in (["token", "list"], "the help desk sees no tokens"), (
            ["user", "add", "x@betterbag.com"], "and adds nobody"):
        try:
            said = server.run(*far, *command)
        except Refused as e:
            said = str(e)
        ok("token laptop has the role help-desk" in said, rule, said)
    os.chmod(path, 0o644)
    try:
        said = server.run(*far, "status")
    except Refused as e:
        said = str(e)
    ok("everybody may read" in said, "a token that everybody may read is not used", said)


def copies(server, table, n, having, **columns):
    """n rows more like one that is there; `columns`: SQL of what is different in the i-th."""
    names = server.columns(table)
    server.ask(f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) INSERT INTO {table}"
               f" ({', '.join(names)}) SELECT {', '.join(columns.get(name, 't.' + name) for name in names)}"
               f" FROM n, (SELECT * FROM {table} WHERE {having} LIMIT 1) AS t")


RESTLESS = ("used_at", "state", "reason", "since")
MANY = 520  # rows, of what grows by itself: more than a page


def fill(server, api, enrollment):
    """Some rows of every listing; the values of the paths' names."""
    nothing = "postern-nothing.invalid"
    made = [api("POST", path, body) for path, body in (
        ("/organizations", {"name": "Other", "domains": ["other.example"], "lab": True}),
        ("/organizations/better-bag/domains", {"domain": "more.example"}),
        *[("/device-groups", {"organization": "better-bag", "name": n, "by_name": True}) for n in ("phones", "tablets")],
        *[("/services", {"organization": "better-bag", "name": n, "purpose": "scim"}) for n in ("one", "two", "two")],
        *[("/webhooks", {"url": f"https://{nothing}/{n}", "events": ["enrollment.evicted"]}) for n in (1, 2)],
        *[("/administrators", {"name": f"{n}@betterbag.com", "role": "read", "password": "correct horse"}) for n in "abc"],
        *[("/identity-providers", {"organization": "better-bag", "kind": "google", "client_id": n, "client_secret": "s",
                                   "domain": n, "tenant": n, "name": n}) for n in ("betterbag.com", "more.example")],
        *[(f"/enrollments/{enrollment}/commands", {"request_type": t}) for t in ("DeviceInformation", "ProfileList",
                                                                                 "CertificateList")])]
    made += [api("PUT", "/items/app", {"organization": "better-bag", "name": n, "title": n, "app_store_id": "361309726"})
             for n in ("notes", "pages", "talk")]
    for n in ("a", "b", "c"):
        made.append(api("POST", "/users", {"user": f"{n}@betterbag.com", "groups": [f"group-{n}"]}))
        server.ask(f"INSERT INTO licence_asset (organization_id, adam_id, pricing_param, total, assigned, available)"
                   f" VALUES ('better-bag', 'adam-{n}', 'STDQ', 1, 1, 0)")
    refused = [answer for status, _, answer in made if status not in (200, 201)]
    ok(not refused, "there is something to list", refused)
    letters = api("GET", "/webhooks")[2]["items"][0]["id"]
    server.ask("INSERT INTO webhook_delivery (id, webhook_id, subject, seq, type, body, created_at, due_at, tries, dead_at)"
               f" VALUES ('letter', '{letters}', 's', 0, 't', '{{}}', 1, 1, 1, 5)")
    copies(server, "webhook_delivery", MANY, "id = 'letter'", id="'letter-' || CAST(i AS TEXT)", seq="i", dead_at="5 + i / 100")
    command = f"enrollment_id = '{enrollment}'"
    copies(server, "command", MANY, command, uuid="'answer-' || CAST(i AS TEXT)", answered_at="t.queued_at + i / 100",
           status="'Acknowledged'", payload="NULL", position="-i", dropped="0")
    fingerprint = "decode(md5(CAST(i AS TEXT)) || md5('x'), 'hex')" if server.store else "randomblob(32)"
    copies(server, "certificate", 3, command, fingerprint=fingerprint, serial="'0' || CAST(i AS TEXT)")
    copies(server, "attempt", 3, "1 = 1", id="'AAA' || CAST(i AS TEXT)")
    copies(server, "oauth_grant", 6, "1 = 1", id="'grant-' || CAST(i AS TEXT)",
           enrollment_id="CASE WHEN i % 2 = 0 THEN t.enrollment_id END")
    return {"organization": "better-bag", "enrollment": enrollment, "kind": "app", "webhook": letters}


def walked(api, url, limit):
    """Rows of a listing, page after page, without what is different at each look; no page is larger than was asked for, and
    none but the last is smaller."""
    rows, cursor, pages = [], "", 0
    while cursor is not None and pages < 3000:
        status, _, page = api("GET", f"{url}limit={limit}{cursor and '&cursor=' + quote(cursor, safe='')}")
        if status != 200 or len(page["items"]) > limit or len(page["items"]) < limit and "next" in page:
            return f"{status}: {str(page)[:200]}"
        rows += [json.dumps({k: v for k, v in row.items() if k not in RESTLESS}) for row in page["items"]]
        cursor, pages = page.get("next"), pages + 1
    return rows


def one_by_one(server, api, listings):
    """Every listing of the document, a row a page: the same rows as in large pages, each once, in the same order."""
    enrollment = next(e["id"] for e in server.listing("enrollment", "list") if e["state"] == "enrolled")
    values = fill(server, api, enrollment)
    for path, row in listings:
        named = [p["name"] for p in row["parameters"] if p["in"] == "query" and p["name"] in ("organization", "enrollment")]
        asked = {name: values[name] for name in named if path not in ("/webhooks", "/api-tokens")}
        if path == "/status/next":
            asked = {"within": "3650d"}
        if path == "/audit":  # which grows while it is read
            asked = {"before": api("GET", "/audit?limit=1")[2]["head"]}
        url = re.sub(r"\{([^}]*)\}", lambda m: values[m[1]], path) + "?" + "".join(f"{k}={v}&" for k, v in asked.items())
        whole, alone = walked(api, url, 500), walked(api, url, 1)
        least = MANY if path.split("/")[-1] in ("dead-letters", "commands") else 2
        ok(isinstance(whole, list) and len(whole) >= least and whole == alone and len(set(whole)) == len(whole),
           f"GET {path}: one a page, all {len(whole)} rows, each once and in order",
           (len(whole), len(alone), whole[:2], alone[:3]))
    for path in ("/organizations/other", *(f"/identity-providers/{p['id']}" for p in api(
            "GET", "/identity-providers?organization=better-bag")[2]["items"])):
        same(api("DELETE", path)[0], 200, f"DELETE {path}")


def pages(server, api):
    """Listings come in pages, whatever they list, and tell everything once."""
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 620)"
    server.ask("INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, topic, server_url, check_in_url,"
               " assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier, created_at) "
               f"{rows} SELECT 'of-one-time-' || CAST(i AS TEXT), 'better-bag', 'byod', 'x', 'x', 'unenrolled', 't', 's', 's', 'a',"
               " 0, 'signature', 'p', 1000 FROM n")
    server.ask(f"INSERT INTO account (id, organization_id, user_identifier, managed_apple_account, source, created_at,"
               f" updated_at, words) {rows} SELECT 'p' || CAST(i AS TEXT), 'better-bag', 'p' || CAST(i AS TEXT) || '@betterbag.com', 'x',"
               " 'local', 1, 1, ' p' || CAST(i AS TEXT) || ' betterbag com' FROM n")
    server.ask(f"INSERT INTO licence (account_id, adam_id, organization_id, wanted, state, tries, updated_at) {rows}"
               " SELECT 'p' || CAST(i AS TEXT), '361309726', 'better-bag', 1, 'held', 0, 1 FROM n")
    server.ask(f"INSERT INTO rule (id, organization_id, position, user_glob, outcome, message, created_at) {rows}"
               " SELECT 'r' || CAST(i AS TEXT), 'better-bag', i + 100, 'x', 'refuse', 'no', 1 FROM n")
    for path, key, n in (("/enrollments", "id", 621), ("/users", "user", 621), ("/rules", "id", None),
                         ("/organizations/_/licences", "user", 620)):
        whole = len(server.listing("rule", "list")) if n is None else n
        seen, asked, cursor = [], 0, ""
        while cursor is not None and asked < 20:
            status, _, page = api("GET", f"{path}?limit=97{cursor and '&cursor=' + quote(cursor, safe='')}")
            seen += [item[key] for item in page["items"]]
            asked, cursor = asked + 1, page.get("next")
        ok(status == 200 and len(seen) == len(set(seen)) == whole and asked == -(-whole // 97),
           f"{path} tells each of {whole} once, 97 a page", (len(seen), len(set(seen)), asked))
        same((api("GET", f"{path}?cursor=x")[0] == 400) or path == "/users", True, "what is no cursor is refused")
        same(api("GET", f"{path}?limit=0")[0], 400, "and no limit")
    seen, asked, cursor = [], 0, ""
    while cursor is not None and asked < 20:
        status, _, page = api("GET", f"/users?search=better%20P6&limit=10{cursor and '&cursor=' + quote(cursor, safe='')}")
        seen += [item["user"] for item in page["items"]]
        asked, cursor = asked + 1, page.get("next")
    same((seen, asked), (sorted(f"p{i}@betterbag.com" for i in range(1, 621) if str(i).startswith("6")), 4),
         "what a search for two words finds comes in pages, too")
    same(api("GET", "/users?search=" + "x%20" * 21)[2]["detail"], "a search has 20 words at most", "too many words are refused")
    listings = [(path, row["get"]) for path, row in Api.document.document["paths"].items() if "get" in row and "items" in str(
        row["get"]["responses"]["200"]["content"]["application/json"]["schema"].get("properties"))]
    ok(len(listings) > 20 and all({"cursor", "limit"} <= {p["name"] for p in row["parameters"]} for _, row in listings),
       "the document says so of every listing", [path for path, _ in listings])
    one_by_one(server, api, listings)
    for table, column in (("enrollment", "id"), ("account", "id"), ("licence", "account_id"), ("rule", "id")):
        server.ask(f"DELETE FROM {table} WHERE {column} LIKE " + {"enrollment": "'of-one-time-%'", "rule": "'r%' AND position > 100"}
                   .get(table, "'p%' AND length(" + column + ") < 6"))


def walk(server, api, user):
    """What the document says, at every row that reads, and at many that change, with a device that is enrolled. Whatever
    takes If-Match is changed as it is there: its reader runs in the unit of work, too."""
    def api(method, path, body=None, ask=api):
        takes = [p["name"] for p in (Api.document.operation(method, path.split("?")[0]) or {}).get("parameters", [])]
        return ask(method, path, body, **({"If_Match": "*"} if "If-Match" in takes else {}))

    enrollment = api("GET", f"/enrollments?user={user}")[2]["items"][0]["id"]
    sent = api("POST", f"/enrollments/{enrollment}/commands", {"request_type": "DeviceInformation"})[2]
    api("POST", "/users", {"user": "anna@betterbag.com", "groups": ["staff"]})
    api("PATCH", "/groups/staff", {"access_token_life": "15m"})
    api("POST", "/device-groups", {"name": "phones", "by_name": True})
    api("PUT", f"/device-groups/phones/members/{enrollment}")
    api("PUT", "/items/app", {"name": "notes", "title": "Notes", "app_store_id": "1110145109"})
    api("PUT", "/device-groups/phones/items/app/notes")
    rule = api("POST", "/rules", {"outcome": "refuse", "user": "x@betterbag.com", "message": "no"})[2]
    api("PATCH", f"/rules/{rule['id']}", {"position": 1})
    service = api("POST", "/services", {"name": "directory", "purpose": "scim"})[2]
    made = api("POST", "/api-tokens", {"name": "walk", "role": "read"})[2]
    api("POST", "/identity-providers", {"kind": "google", "client_id": "c", "client_secret": "s", "domain": "betterbag.com"})
    certificate = api("GET", f"/certificates?enrollment={enrollment}")[2]["items"][0]["fingerprint"]
    provider = (api("GET", "/identity-providers")[2]["items"] or [{"id": "none"}])[0]["id"]
    values = {"organization": "_", "user": user, "enrollment": enrollment, "attempt": "latest", "command": sent["uuid"],
              "kind": "app", "item": "notes", "device_group": "phones", "group": "staff", "purpose": "ca",
              "document": "standard", "rule": rule["id"], "provider": provider, "service": service["id"],
              "api_token": made["id"], "certificate": certificate, "domain": "betterbag.com"}
    gets = [p for p, row in Api.document.document["paths"].items() if "get" in row]
    for path in gets:
        status, _, answer = api("GET", re.sub(r"\{([^}]*)\}", lambda m: values.get(m[1], "x"), path) +
                                (f"?user={user}" if path == "/attempts/latest" else
                                 f"?enrollment={enrollment}" if path == "/certificates" else ""))
        if status >= 500 and path not in ("/organizations/{organization}/apple/discovery",):
            ok(False, f"GET {path}", answer)
    attempt = api("GET", f"/attempts/latest?user={user}")[2]["id"]
    api("GET", f"/attempts/{attempt}")
    api("GET", f"/rules/explain?user={user}&model-family=iPhone")
    api("POST", f"/enrollments/{enrollment}/renew")
    api("POST", f"/certificates/{certificate}/revoke")
    api("PATCH", "/users/anna@betterbag.com", {"disabled": True})
    api("DELETE", "/device-groups/phones/items/app/notes")
    api("DELETE", f"/device-groups/phones/members/{enrollment}")
    api("DELETE", "/items/app/notes")
    api("DELETE", "/device-groups/phones")
    api("DELETE", f"/rules/{rule['id']}")
    api("DELETE", f"/services/{service['id']}")
    api("DELETE", f"/api-tokens/{made['id']}")
    api("POST", "/tokens/revoke", {"enrollment": enrollment})
    api("POST", f"/enrollments/{enrollment}/evict")
    api("DELETE", "/users/anna@betterbag.com")
    api("PUT", f"/users/{user}/password", {"password": "correct horse battery"})
    api("POST", "/organizations", {"name": "Other", "domains": ["other.example"], "lab": True})
    api("DELETE", "/organizations/other")
    api("POST", "/organizations/_/domains", {"domain": "bags.example"})
    api("DELETE", "/organizations/_/domains/bags.example")
    api("POST", "/organizations/_/certificates/profile/renew")
    api("PATCH", f"/identity-providers/{provider}", {"scope": "openid email"})
    api("DELETE", f"/identity-providers/{provider}")
    api("POST", "/store/shrink")
    api("PATCH", "/organizations/_", {"settings": {"colour": "#0a5"}})
    ok(len(gets) > 25 and not Api.document.faults, "every answer is as the OpenAPI document says",
       "\n".join(Api.document.faults[:20]))
    ok(len(Api.document.seen) > 60, "of more than sixty requests", sorted(Api.document.seen))


def edits(server, api):
    """What two people edit at once: the second one learns of it (RFC 9110 13.1.1)."""
    _, headers, _ = api("GET", "/organizations/_")
    tag = headers["ETag"]
    same(api("GET", "/organizations/_")[1]["ETag"], tag, "what nobody edits keeps its ETag")
    same(api("PATCH", "/organizations/_", {"settings": {"colour": "#123"}}, If_Match=tag)[0], 200, "the first edit counts")
    status, _, answer = api("PATCH", "/organizations/_", {"settings": {"colour": "#456"}}, If_Match=tag)
    ok(status == 412 and answer["code"] == "changed" and "read it again" in answer["detail"],
       "the second one, made of what was there before, gets 412 and a sentence", answer)
    same(api("GET", "/organizations/_")[2]["colour"], "#123", "and changes nothing")
    same(api("PUT", "/organizations/_/logo", {"content": "x"}, If_Match=tag)[0], 412, "a part is compared with its whole")
    tag = api("GET", "/rules")[1]["ETag"]
    rule = api("POST", "/rules", {"outcome": "refuse", "user": "x@betterbag.com", "message": "no"})[2]["id"]
    same(api("DELETE", f"/rules/{rule}", If_Match=tag)[0], 412, "a rule with the list, whose order counts")
    same(api("DELETE", f"/rules/{rule}", If_Match=api("GET", "/rules")[1]["ETag"])[0], 200, "read again, it goes")
    same(api("DELETE", "/users/nobody@betterbag.com", If_Match="*")[0], 412, "what is not there matches nothing")


EDITORS = 16


def races(server, api):
    """Many who saw the same thing change it in the same instant: one of them does, and the others learn of it."""
    secret = token(server, "editors", "--role", "admin")
    editors = [Api(server, api.to.port, secret) for _ in range(EDITORS)]
    made = {name: api("POST", path, body)[2]["id"] for name, path, body in (
        ("rule", "/rules", {"outcome": "refuse", "user": "x@betterbag.com", "message": "no"}),
        ("webhook", "/webhooks", {"url": "https://postern-nothing.invalid/", "events": ["enrollment.evicted"]}),
        ("provider", "/identity-providers", {"kind": "google", "client_id": "c", "client_secret": "s",
                                             "domain": "betterbag.com", "tenant": "betterbag.com"}),
        ("administrator", "/administrators", {"name": "kay@betterbag.com", "role": "read", "password": "correct horse"}))}
    api("POST", "/users", {"user": "kim@betterbag.com"})
    api("PATCH", "/groups/staff", {"access_token_life": "1h"})
    api("PUT", "/items/app", {"name": "notes", "title": "0", "app_store_id": "1110145109"})
    for what, seen, method, path, body in (
            ("an organization", "/organizations/_", "PATCH", None, lambda i: {"settings": {"colour": f"#0000{i:02x}"}}),
            ("a provider", f"/identity-providers/{made['provider']}", "PATCH", None, lambda i: {"scope": f"openid s{i}"}),
            ("a person", "/users/kim@betterbag.com", "PATCH", None, lambda i: {"groups": [f"g{i}"]}),
            ("a group", "/groups/staff", "PATCH", None, lambda i: {"access_token_life": f"{i + 10}m"}),
            ("an app", "/items/app", "PUT", None, lambda i: {"name": "notes", "title": f"t{i}", "app_store_id": "1110145109"}),
            ("an administrator", f"/administrators/{made['administrator']}", "PATCH", None, lambda i: {"disabled": i < 99}),
            ("the order of rules", "/rules", "DELETE", f"/rules/{made['rule']}", None),
            ("a webhook", "/webhooks", "DELETE", f"/webhooks/{made['webhook']}", None),
            ("a provider again", f"/identity-providers/{made['provider']}", "DELETE", None, None)):
        start, outcomes = threading.Barrier(EDITORS), []
        for turn in range(5 if method != "DELETE" and what != "an administrator" else 1):
            tag = api("GET", seen)[1]["ETag"]

            def edit(i, path=path or seen, method=method, body=body, turn=turn, tag=tag, start=start):
                start.wait()
                return editors[i](method, path, body(turn * EDITORS + i) if body else None, If_Match=tag)

            outcomes.append(together(edit, list(range(EDITORS))))
        losers = [(status, headers["Content-Type"], answer["code"]) for turn in outcomes for status, headers, answer in turn
                  if status != 200]
        ok(all([status for status, _, _ in turn].count(200) == 1 for turn in outcomes)
           and set(losers) == {(412, "application/problem+json", "changed")},
           f"{EDITORS} editors of {what} at once, {len(outcomes)} times: one wins, the others get 412",
           ([[status for status, _, _ in turn] for turn in outcomes], set(losers)))
    for path in ("/users/kim@betterbag.com", f"/administrators/{made['administrator']}", "/items/app/notes"):
        api("DELETE", path)


def once(server, api):
    """A request that creates, sent again because its answer was lost, is done once."""
    body, key = {"name": "once", "role": "read"}, {"Idempotency_Key": "8f1c"}
    first = api("POST", "/api-tokens", body, **key)
    again = api("POST", "/api-tokens", body, **key)
    ok(first[0] == again[0] == 201 and first[2] == again[2] and again[1]["Idempotency-Replayed"] == "true",
       "a request with the same key is answered as the first time", (first[2], again[2]))
    same(len([t for t in server.listing("api-token", "list") if t["name"] == "once"]), 1, "and done once")
    ok(first[2]["secret"].encode() not in server.dump(), "the answer that is kept holds a secret, and is sealed")
    status, _, answer = api("POST", "/api-tokens", {**body, "role": "admin"}, **key)
    ok(status == 422 and answer["code"] == "key used", "the key with another request is 422", answer)
    other = Api(server, api.to.port, token(server, "other", "--role", "admin"))
    same(other("POST", "/api-tokens", {**body, "name": "mine"}, **key)[0], 201, "keys are an actor's own")
    same(api("POST", "/api-tokens", body, Idempotency_Key="9a")[0], 409, "without the key it would have been done again")
    same(api("POST", "/api-tokens", body, Idempotency_Key="9a")[0], 409, "a refusal is kept, too")
    same(api("POST", "/api-tokens", body, Idempotency_Key="x" * 300)[0], 400, "a key has its bounds")
    server.ask("UPDATE idempotency SET created_at = 1")
    server.admin("api-token", "revoke", "once")
    status, headers, _ = api("POST", "/api-tokens", body, **key)
    ok(status == 201 and headers["Idempotency-Replayed"] is None, "a day later the key is new", status)


ODD = ["", " ", "x" * 5000, "\u0000", "%", "../..", "'; DROP TABLE account; --", "\U0001f600", "-1", None, True, False,
       0, -1, 2**63 - 1, -2**63, 1e308, [], {}, [[]], [None], {"x": {}}, ["a"] * 300]


def mutated(rng, operations, document):
    """One request that nobody meant."""
    path, method, operation = rng.choice(operations)
    url = re.sub(r"\{[^}]*\}", lambda m: quote(str(rng.choice([*ODD[:9], "_", "betterbag", "phones", "1"])) or "x", safe=""),
                 path)
    for p in operation["parameters"]:
        if p["in"] == "query" and rng.random() < 0.5:
            url += ("&" if "?" in url else "?") + p["name"] + "=" + quote(str(rng.choice(ODD)), safe="")
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    body = {name: rng.choice([*ODD, "x", "betterbag", "refuse", 1, ["a@betterbag.com"]]) for name in schema.get("properties", {})
            if rng.random() < 0.7}
    text = json.dumps(rng.choice(ODD) if rng.random() < 0.05 else body)
    if rng.random() < 0.2:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(["", "}", '"', "\x00", "\ud800", "[" * 300]) + text[at + rng.randrange(3):]
    return method.upper(), url, text.encode("utf-8", "surrogatepass") if method != "get" else None


def mutations(server, api):
    """A thousand requests that nobody meant: each is refused, or means something after all."""
    rng = random.Random(8)
    document = Api.document.document
    operations = [(path, method, operation) for path, row in document["paths"].items() for method, operation in row.items()
                  if "/apple" not in path and "/check" not in path]
    worst = []
    for _ in range(1000):
        method, url, text = mutated(rng, operations, document)
        api.to.request(method, "/api/v1" + url, text, {**api.headers, "Content-Type": "application/json"})
        reply = api.to.getresponse()
        reply.read()
        if reply.status >= 500:
            worst.append((reply.status, method, url[:200], (text or b"")[:300]))
    ok(not worst, "a thousand mutated requests are answered without one 5xx", worst[:5])


def main():
    server = Server()
    port = free_port()
    server.set(admin_listen=f"127.0.0.1:{port}")
    server.start()
    until(lambda: listens(port), 60, 0.05)
    user, = server.people(1)
    device = Device(server, user).begin_enroll()
    doors(server, port)
    same(device.finish(), 0, "a device enrolls")
    tokens(server, port)
    from_afar(server, port)
    Api.document = Document(json.loads(server.admin("openapi")))
    api = Api(server, port, token(server, "walker", "--role", "admin"))
    pages(server, api)
    edits(server, api)
    races(server, api)
    once(server, api)
    walk(server, api, user)
    mutations(server, api)
    same(server.stop(), 0, "the server drains")
    return done()


if __name__ == "__main__":
    sys.exit(main())
