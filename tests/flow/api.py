#!/usr/bin/python3
"""The administration API over TLS: a door of its own, tokens with a role and, maybe, one organization, and the
command line from afar.
    api.py     $POSTERN_BUILD names the build folder"""

import http.client
import json
import os
import socket
import ssl
import sys

from postern import Refused, Server, done, free_port, ok, same, until


class Api:
    """One client of the API: a kept connection, its answers as (status, headers, object)."""

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
        return reply.status, reply.headers, json.loads(text) if "json" in reply.headers.get("Content-Type", "") else text


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


def main():
    server = Server()
    port = free_port()
    server.set(admin_listen=f"127.0.0.1:{port}")
    server.start()
    until(lambda: listens(port), 60, 0.05)
    doors(server, port)
    tokens(server, port)
    from_afar(server, port)
    same(server.stop(), 0, "the server drains")
    return done()


if __name__ == "__main__":
    sys.exit(main())
