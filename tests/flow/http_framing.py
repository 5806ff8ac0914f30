#!/usr/bin/python3
"""Messages that two readers could understand differently, sent to the server directly and through Debian's
nginx and HAProxy with upstream keep-alive. Directly each gets exactly the right answers. Through a proxy
no request may be seen that the proxy did not send, none with a certificate that the proxy did not vouch
for, and no answer may reach another client."""
import collections
import concurrent.futures
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http"))
from lib import Echo, exchange, tap, undisturbed, until  # noqa: E402

EVIL = b"PUT /echo/@-smuggled HTTP/1.1\r\nHost: a\r\nClient-Cert: :AAAA:\r\nContent-Length: 1\r\n\r\nx"
OVER = b"0\r\n\r\n"


def head(method, *fields, path=b"/echo/@", version=b"HTTP/1.1"):
    return b"\r\n".join((method + b" " + path + b" " + version,) + fields) + b"\r\n\r\n"


def put(body, *fields):
    return head(b"PUT", b"Host: a", *fields) + body


GET = head(b"GET", b"Host: a")
LAST = head(b"GET", b"Host: a", b"Connection: close", path=b"/echo/@-last")
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: %d" % len(EVIL)

# name, message, answers to expect, requests to be seen (method and what follows @; None: as answers say)
CASES = [
    # what is right
    ("a plain request", LAST, [200], ["GET -last"]),
    ("two pipelined requests", GET + LAST, [200, 200], ["GET ", "GET -last"]),
    ("three in small pieces", [GET[:7], 0.05, GET[7:] + GET[:30], 0.05, GET[30:] + LAST], [200, 200, 200],
     ["GET ", "GET ", "GET -last"]),
    ("a body with a length", put(b"abc", b"Content-Length: 3") + LAST, [200, 200], ["PUT ", "GET -last"]),
    ("a chunked body with extensions and a trailer",
     put(b"3;a=b\r\nabc\r\n1;\"x\"\r\nd\r\n0\r\nX: y\r\n\r\n", CHUNKED) + LAST, [200, 200], ["PUT ", "GET -last"]),
    ("a body that looks like a request", put(EVIL, LENGTH) + LAST, [200, 200], ["PUT ", "GET -last"]),
    ("HEAD with a body", head(b"HEAD", b"Host: a", LENGTH) + EVIL + LAST, [200, 200], ["HEAD ", "GET -last"]),
    ("GET with a body", head(b"GET", b"Host: a", LENGTH) + EVIL + LAST, [200, 200], ["GET ", "GET -last"]),
    ("HEAD with a chunked body",
     head(b"HEAD", b"Host: a", CHUNKED) + b"%x\r\n" % len(EVIL) + EVIL + b"\r\n" + OVER + LAST, [200, 200],
     ["HEAD ", "GET -last"]),
    ("Expect: 100-continue", put(b"", b"Content-Length: 0", b"Expect: 100-continue") + LAST, [200, 200],
     ["PUT ", "GET -last"]),
    ("Expect with a body after a pause", [put(b"", b"Content-Length: 3", b"Expect: 100-continue"), 0.1, b"abc" + LAST],
     [200, 200], ["PUT ", "GET -last"]),
    ("HTTP/1.0", head(b"GET", b"Host: a", version=b"HTTP/1.0") + EVIL, [200], ["GET "]),
    ("HTTP/1.0 without Host", head(b"GET", version=b"HTTP/1.0"), [200], ["GET "]),
    ("an absolute target", head(b"GET", b"Host: a", b"Connection: close", path=b"http://b.example/echo/@"), [200],
     ["GET "]),
    ("one empty line between requests", GET + b"\r\n" + LAST, [200, 200], ["GET ", "GET -last"]),
    ("octets after the last request", LAST + EVIL, [200], ["GET -last"]),
    ("`close` in a list", head(b"GET", b"Host: a", b"Connection: x, CLOSE") + EVIL, [200], ["GET "]),
    ("UTF-8 in a value", head(b"GET", b"Host: a", b"X: \xc3\xbc", b"Connection: close"), [200], ["GET "]),
    # lengths
    ("both lengths", put(OVER + EVIL, b"Content-Length: 5", CHUNKED), [400], []),
    ("both lengths, the other way round", put(OVER + EVIL, CHUNKED, b"Content-Length: 5"), [400], []),
    ("two equal lengths", put(b"abc" + EVIL, b"Content-Length: 3", b"Content-Length: 3"), [400], []),
    ("two different lengths", put(b"abc" + EVIL, b"Content-Length: 3", b"Content-Length: 0"), [400], []),
    ("a list of lengths", put(b"abc" + EVIL, b"Content-Length: 3, 3"), [400], []),
    ("length +5", put(b"abcde" + EVIL, b"Content-Length: +5"), [400], []),
    ("length -1", put(EVIL, b"Content-Length: -1"), [400], []),
    ("length 0x5", put(b"abcde" + EVIL, b"Content-Length: 0x5"), [400], []),
    ("length 5a", put(b"abcde" + EVIL, b"Content-Length: 5a"), [400], []),
    ("an empty length", put(EVIL, b"Content-Length:"), [400], []),
    ("a huge length", put(EVIL, b"Content-Length: 99999999999"), [413], []),
    ("a length over 64 bits", put(EVIL, b"Content-Length: 18446744073709551617"), [413], []),
    ("a length over the route's limit", put(EVIL, b"Content-Length: 65537"), [413], []),
    ("a body where the route takes none", head(b"GET", b"Host: a", LENGTH, path=b"/none") + EVIL, [413], []),
    # codings
    ("an unknown coding", put(OVER + EVIL, b"Transfer-Encoding: gzip"), [400], []),
    ("gzip, chunked", put(OVER + EVIL, b"Transfer-Encoding: gzip, chunked"), [400], []),
    ("identity", put(EVIL, b"Transfer-Encoding: identity"), [400], []),
    ("chunked twice", put(OVER + EVIL, CHUNKED, CHUNKED), [400], []),
    ("chunked, chunked", put(OVER + EVIL, b"Transfer-Encoding: chunked, chunked"), [400], []),
    ("xchunked beside a length", put(OVER + EVIL, b"Transfer-Encoding: xchunked", b"Content-Length: 5"), [400], []),
    ("a coding in quotes", put(OVER + EVIL, b'Transfer-Encoding: "chunked"'), [400], []),
    ("a coding after a vertical tab", put(OVER + EVIL, b"Transfer-Encoding: \x0bchunked"), [400], []),
    ("a coding with a space before the colon", put(OVER + EVIL, b"Transfer-Encoding : chunked", b"Content-Length: 5"),
     [400], []),
    ("a coding on a folded line", put(OVER + EVIL, b"Transfer-Encoding:\r\n chunked"), [400], []),
    ("a coding in HTTP/1.0", head(b"PUT", b"Host: a", CHUNKED, version=b"HTTP/1.0") + OVER + EVIL, [400], []),
    # chunks
    ("chunk size 0x5", put(b"0x5\r\nabcde\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("chunk size with a sign", put(b"+5\r\nabcde\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("chunk size with a space", put(b"5 \r\nabcde\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("no chunk size", put(b"\r\nabcde\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("bare LF after a chunk size", put(b"5\nabcde\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("bare LF in a chunk extension", put(b"5;\nabcde\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("bare LF after the last chunk", put(b"0\n\n" + EVIL, CHUNKED), [400], []),
    ("a chunk longer than it says", put(b"3\r\nabcde\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("a chunk size that wraps", put(b"10000000000000003\r\nabc\r\n" + OVER + EVIL, CHUNKED), [400], []),
    ("a chunk over the limit", put(b"10001\r\n" + EVIL, CHUNKED), [413], []),
    ("a bad trailer", put(b"0\r\nX y\r\n\r\n" + EVIL, CHUNKED), [400], []),
    ("a length in the trailer", put(b"0\r\nContent-Length: 9\r\n\r\n", CHUNKED) + LAST, [200, 200],
     ["PUT ", "GET -last"]),
    # lines and fields
    ("bare LF", GET.replace(b"\r\n", b"\n") + EVIL, [400], []),
    ("bare LF in the second request", GET + GET.replace(b"\r\n", b"\n") + EVIL, [200, 400], ["GET "]),
    ("bare CR in a value", head(b"GET", b"Host: a", b"X: a\rClient-Cert: :AAAA:"), [400], []),
    ("a space before the colon", head(b"GET", b"Host: a", b"X : y"), [400], []),
    ("a folded line", head(b"GET", b"Host: a", b"X: y\r\n z"), [400], []),
    ("NUL in a value", head(b"GET", b"Host: a", b"X: y\0z"), [400], []),
    ("NUL in a name", head(b"GET", b"Host: a", b"X\0Y: z"), [400], []),
    ("a control octet in a value", head(b"GET", b"Host: a", b"X: \x07"), [400], []),
    ("obs-text that is no UTF-8", head(b"GET", b"Host: a", b"X: \xff"), [400], []),
    ("obs-text in a name", head(b"GET", b"Host: a", b"X\xc3\xbc: y"), [400], []),
    ("an empty name", head(b"GET", b"Host: a", b": y"), [400], []),
    ("a line without a colon", head(b"GET", b"Host: a", b"nothing"), [400], []),
    ("no Host", head(b"GET"), [400], []),
    ("two Hosts", head(b"GET", b"Host: a", b"Host: b"), [400], []),
    ("a Host that is none", head(b"GET", b"Host: a b"), [400], []),
    ("two Authorizations", head(b"GET", b"Host: a", b"Authorization: Bearer x", b"Authorization: Bearer y"), [400], []),
    ("two Client-Certs", head(b"GET", b"Host: a", b"Client-Cert: :AAAA:", b"Client-Cert: :BBBB:"), [400], []),
    ("two Mdm-Signatures", head(b"GET", b"Host: a", b"Mdm-Signature: a", b"Mdm-Signature: b"), [400], []),
    ("a header of 100 kB", head(b"GET", b"Host: a", b"X: " + b"y" * 100000), [431], []),
    ("a target of 100 kB", head(b"GET", b"Host: a", path=b"/" + b"y" * 100000), [414], []),
    ("101 fields", head(b"GET", b"Host: a", *([b"X: y"] * 100)), [431], []),
    # request lines
    ("a lower-case method", head(b"get", b"Host: a") + EVIL, [501], []),
    ("an unknown method", head(b"BREW", b"Host: a") + EVIL, [501], []),
    ("a method with a bad octet", head(b"GE(T", b"Host: a") + EVIL, [400], []),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + EVIL, [505], []),
    ("HTTP/1.2", head(b"GET", b"Host: a", version=b"HTTP/1.2"), [505], []),
    ("HTTP/0.9", b"GET /echo/@\r\n" + EVIL, [400], []),
    ("two spaces", b"GET  /echo/@ HTTP/1.1\r\nHost: a\r\n\r\n", [400], []),
    ("a space in the target", head(b"GET", b"Host: a", path=b"/echo/@ x"), [400], []),
    ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [400], []),
    # targets
    ("// in the path", head(b"GET", b"Host: a", path=b"//echo/@"), [400], []),
    ("%2F in the path", head(b"GET", b"Host: a", path=b"/echo%2F@"), [400], []),
    ("%00 in the path", head(b"GET", b"Host: a", path=b"/echo/%00@"), [400], []),
    ("dot segments", head(b"GET", b"Host: a", path=b"/x/../echo/@"), [400], []),
    ("encoded dot segments", head(b"GET", b"Host: a", path=b"/x/%2e%2E/echo/@"), [400], []),
    ("a fragment", head(b"GET", b"Host: a", path=b"/echo/@#x"), [400], []),
    ("an octet over 0x7e in the path", head(b"GET", b"Host: a", path=b"/echo/@\xff"), [400], []),
    ("`*` as target", head(b"OPTIONS", b"Host: a", path=b"*"), [400], []),
    # routes
    ("a path that is not there", head(b"GET", b"Host: a", path=b"/nowhere") + LAST, [404, 200], ["GET -last"]),
    ("a path that is not there, with a body", head(b"PUT", b"Host: a", LENGTH, path=b"/nowhere") + EVIL, [404], []),
    ("a method that is not allowed", head(b"DELETE", b"Host: a") + LAST, [405, 200], ["GET -last"]),
    ("such a method with a body", head(b"DELETE", b"Host: a", LENGTH) + EVIL, [405], []),
    ("an unknown expectation", put(EVIL, LENGTH, b"Expect: magic"), [417], []),
    ("Expect with a length over the limit", put(b"", b"Content-Length: 65537", b"Expect: 100-continue"), [413], []),
]

# the peer leaves, or closes its side, in every state
EARLY = [
    ("before the first octet", b"", []),
    ("in the request line", GET[:5], []),
    ("in a field", GET[:-6], []),
    ("before the last line end", GET[:-1], []),
    ("in a body", put(b"ab", b"Content-Length: 3"), []),
    ("in a chunk size", put(b"3", CHUNKED), []),
    ("in a chunk", put(b"3\r\nab", CHUNKED), []),
    ("before the last chunk", put(b"3\r\nabc\r\n", CHUNKED), []),
    ("in the trailer", put(b"3\r\nabc\r\n0\r\nX: y\r\n", CHUNKED), []),
    ("after a whole request", GET, ["GET "]),
    ("after a request and a half", GET + GET[:9], ["GET "]),
]


def numbered(message, tag):
    if isinstance(message, list):
        return [numbered(m, tag) if isinstance(m, bytes) else m for m in message]
    fresh = message.replace(b"@", tag)
    if b"/echo/@-smuggled" in message:  # its length is part of some messages: keep it
        old, new = b"%d" % len(EVIL), b"%d" % len(EVIL.replace(b"@", tag))
        fresh = fresh.replace(b"Content-Length: " + old + b"\r", b"Content-Length: " + new + b"\r")
        fresh = fresh.replace(b"%x\r\nPUT" % len(EVIL), b"%x\r\nPUT" % len(EVIL.replace(b"@", tag)))
    return fresh


def methods_of(message):
    data = b"".join(m for m in message if isinstance(m, bytes)) if isinstance(message, list) else message
    return ("HEAD",) if data.startswith(b"HEAD") else ()


def direct():
    echo = Echo(header_ms=3000, body_ms=3000, trusted="192.0.2.1", secret="s3cret")

    def one(i):
        message = CASES[i][1]
        return exchange(echo.port["plain"], numbered(message, b"c%d" % i), methods=methods_of(message))

    def all_of_them():
        echo.seen()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            return list(pool.map(one, range(len(CASES))))

    results = undisturbed(all_of_them)
    seen = collections.defaultdict(list)
    for line in echo.seen():
        method, path = line.split(" ", 1)
        tag, _, rest = path[len("/echo/"):].partition("-")
        seen[tag].append(method + " " + ("-" + rest if rest else ""))
    for i, (name, message, want, requests) in enumerate(CASES):
        answers, closed = results[i]
        got = [a[0] for a in answers]
        tap.ok(got == want and seen["c%d" % i] == requests and closed, "directly: %s: %s" % (name, want),
               "answers %s, seen %s, closed %s" % (got, seen["c%d" % i], closed))
        if want and want[-1] >= 400 and got == want:
            fields = answers[-1][2].lower()
            good = "connection: close" in fields and "server:" not in fields and "content-length:" in fields
            if want[-1] == 405:
                good = good and "allow: get, head, put, post" in fields
            if not good:
                tap.ok(False, "directly: %s: the refusal's header" % name, fields)
    for then in ("shut", "close"):
        for i, (name, message, want) in enumerate(EARLY):
            tag = "%s%d" % (then, i)
            exchange(echo.port["plain"], numbered(message, tag.encode()), then=then)
            echo.reaches(connections=1, in_flight=1)  # only this question
            lines = [line for line in echo.seen() if tag in line]
            tap.ok(lines == [w.replace(" ", " /echo/" + tag) for w in want],
                   "directly: the peer %ss %s: no half request runs" % (then, name), lines)
    tap.ok(echo.reaches(in_flight=1, body_bytes=0), "nothing is left behind", echo.stats())
    text = echo.get("/greedy")
    tap.ok("too large" in text, "a call over its memory ceiling is answered 413", text)
    status, cut = echo.stop()
    tap.ok(status == 0 and cut == 0, "the server stops with nothing to cut off", (status, cut))


NGINX = """daemon off; master_process off; pid %(dir)s/pid; error_log %(dir)s/error.log;
events { worker_connections 512; }
http {
    log_format seen '$request_method $uri $upstream_addr';
    access_log %(dir)s/access.log seen;
    client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p; fastcgi_temp_path %(dir)s/f;
    uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
    client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s; ignore_invalid_headers off;
    upstream back { server 127.0.0.1:%(back)d; keepalive 4; }
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Client-Cert "";
            proxy_set_header Postern-Proxy-Secret s3cret;
            proxy_set_header X-Forwarded-For $remote_addr;
        }
        location /stream/ { # bodies go on as they come
            proxy_request_buffering off;
            rewrite ^/stream(/.*)$ $1 break;
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Client-Cert "";
            proxy_set_header Postern-Proxy-Secret s3cret;
        }
    }
}
"""

HAPROXY = """global
    log stdout format raw local0
    maxconn 500
defaults
    mode http
    log global
    log-format "%%HM %%HP %%s"
    timeout connect 2s
    timeout client 3s
    timeout server 5s
    timeout http-request 3s
    http-reuse always
frontend f
    bind 127.0.0.1:%(port)d
    default_backend b
backend b
    http-request del-header Client-Cert
    http-request set-header Postern-Proxy-Secret s3cret
    option forwardfor
    server s 127.0.0.1:%(back)d
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proxy:
    def __init__(self, name, config, argv, back):
        self.name, self.dir, self.port = name, tempfile.mkdtemp(prefix="postern-http-"), free_port()
        path = os.path.join(self.dir, "config")
        with open(path, "w") as f:
            f.write(config % {"dir": self.dir, "port": self.port, "back": back})
        self.lines = []
        self.process = subprocess.Popen([a.replace("CONFIG", path).replace("DIR", self.dir) for a in argv],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self.reader.start()
        until(self.listens)

    def listens(self):
        try:
            exchange(self.port, b"", then="close")
            return True
        except OSError:
            return False

    def sent(self):
        """What the proxy says it passed on, after it has ended."""
        self.process.terminate()
        self.process.wait(timeout=20)
        self.reader.join()
        lines = self.lines
        if self.name == "nginx":
            with open(os.path.join(self.dir, "access.log"), errors="replace") as f:
                lines = f.read().splitlines()
        shutil.rmtree(self.dir)
        out = collections.Counter()
        for line in lines:
            word = line.split()
            if len(word) == 3 and word[2] not in ("-", "<NOSRV>"):
                out[" ".join(word[:2])] += 1
        return out


def through(name, config, argv):
    if shutil.which(argv[0]) is None:
        tap.skip("%s is not installed" % name)
        return
    echo = Echo(trusted="127.0.0.1", secret="s3cret")
    proxy = Proxy(name, config, argv, echo.port["plain"])
    prefixes = [b"", b"/stream"] if name == "nginx" else [b""]
    jobs = [(i, p) for p in prefixes for i in range(len(CASES))]

    def one(job):
        i, prefix = job
        tag = b"%s%d%s" % (name[:1].encode(), i, b"s" if prefix else b"")
        message = numbered(CASES[i][1], tag)
        if prefix:
            message = [m.replace(b" /echo/" + tag, b" /stream/echo/" + tag) if isinstance(m, bytes) else m
                       for m in (message if isinstance(message, list) else [message])]
        exchange(proxy.port, message, wait=0.7, methods=methods_of(CASES[i][1]))
        probe = b"/echo/probe-" + tag
        answers, _ = exchange(proxy.port, b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % probe, want=1)
        return len(answers) == 1 and answers[0][0] == 200 and b"\npath=" + probe + b"\n" in answers[0][1], answers

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        probes = list(pool.map(one, jobs))
    for (i, prefix), (good, detail) in zip(jobs, probes):
        tap.ok(good, "%s%s: %s: the next client gets its own answer" % (name, " streaming" if prefix else "",
                                                                        CASES[i][0]), detail)
    seen = collections.Counter(echo.seen())
    sent = proxy.sent()
    strangers = {r: n for r, n in seen.items() if n > sent[r]}
    tap.ok(not strangers, "%s: no request was seen that it did not send" % name, strangers)
    tap.ok(len(seen) > len(jobs), "%s: %d different requests came through" % (name, len(seen)))
    tap.ok(not [r for r in seen if "certificate" in r], "%s: no certificate counted that it did not vouch for" % name)
    status, cut = echo.stop()
    tap.ok(status == 0 and cut == 0, "%s: the server stops cleanly behind it" % name, (status, cut))


direct()
through("nginx", NGINX, ["nginx", "-p", "DIR", "-e", "DIR/error.log", "-c", "CONFIG"])
through("haproxy", HAPROXY, ["haproxy", "-db", "-f", "CONFIG"])
sys.exit(tap.done())
