#!/usr/bin/python3
"""Peers that are slow, large or many, against one server: they are cut off at the limits, and requests of
others are answered as fast as before."""
import os
import random
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "http"))
from lib import Echo, Tap, exchange, split_answers  # noqa: E402

MANY = 2000
MB = 1024 * 1024
GET = b"GET /echo/q HTTP/1.1\r\nHost: a\r\n\r\n"
tap = Tap()


def connect(port, source=None):
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0) if source else None)


def put(path, n, *fields):
    return b"\r\n".join((b"PUT %s HTTP/1.1" % path, b"Host: a", b"Content-Length: %d" % n) + fields) + b"\r\n\r\n"


def percentile(port, seconds, rank=0.99):
    """Milliseconds that `rank` of the requests stay under, a hundred a second on kept connections."""
    conns, times = [connect(port) for _ in range(4)], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        s = random.choice(conns)
        began = time.monotonic()
        s.sendall(GET)
        data = b""
        while not split_answers(data)[0]:
            got = s.recv(65536)
            if not got:
                return float("inf")
            data += got
        times.append((time.monotonic() - began) * 1000)
        time.sleep(0.01)
    for s in conns:
        s.close()
    return sorted(times)[int(len(times) * rank)]


def drip(port, how_many, seconds):
    """In a process of its own: connections that send an octet a second, and come again when cut off."""
    pid = os.fork()
    if pid:
        return pid
    message, poll, open_, begun = b"GET /echo/slow HTTP/1.1\r\nHost: " + b"a" * 200, select.epoll(), {}, 0
    end = time.monotonic() + seconds
    tick = 0
    while time.monotonic() < end:
        while len(open_) < how_many:
            s = socket.socket()
            s.bind(("127.%d.%d.%d" % (1 + begun % 200, begun // 200 % 250, 1 + begun % 250), 0))
            begun += 1
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))
            open_[s.fileno()] = [s, 0]
            poll.register(s, select.EPOLLIN | select.EPOLLHUP)
        began = time.monotonic()
        for fd in [fd for fd in open_ if fd % 10 == tick % 10]:  # a tenth every tenth of a second
            s, at = open_[fd]
            try:
                s.send(message[at:at + 1])
                open_[fd][1] += 1
            except OSError:
                pass
        tick += 1
        for fd, _ in poll.poll(0, 4096):
            try:
                gone = not open_[fd][0].recv(4096)
            except OSError:
                gone = True
            if gone:
                poll.unregister(fd)
                open_.pop(fd)[0].close()
        time.sleep(max(0, 0.1 - (time.monotonic() - began)))
    os._exit(0)


def many_slow_headers():
    echo = Echo()
    port = echo.port["plain"]
    percentile(port, 0.5)
    before = percentile(port, 3)
    pid = drip(port, MANY, 15)
    time.sleep(2)
    there = echo.stats()["connections"]
    during = percentile(port, 10)  # long enough for the deadline of all to pass once
    refused = echo.stats()["refused"]
    os.waitpid(pid, 0)
    tap.ok(there > MANY * 0.9, "%d connections that send an octet a second" % there)
    tap.ok(during <= max(2 * before, before + 10),
           "99 of 100 requests stay under max(2x, +10 ms) beside them: %.1f ms before, %.1f ms during" % (before, during))
    tap.ok(refused >= MANY * 0.9, "they are cut off 10 s after they came, however they drip", refused)
    for _ in range(50):  # a machine that is busy with other things sees them leave later
        left = echo.stats()["connections"]
        if left < 10:
            break
        time.sleep(0.1)
    tap.ok(left < 10, "nothing of them is left", left)
    echo.stop()


def large_bodies(port, echo):
    for method, path in (("PUT", "/echo/x"), ("POST", "/echo/x"), ("GET", "/echo/x"), ("GET", "/none"),
                         ("PUT", "/large"), ("POST", "/heavy")):
        message = "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (method, path, 10 * MB)
        answers, _ = exchange(port, message.encode(), want=1)
        tap.ok([a[0] for a in answers] == [413], "10 MB to %s %s are refused at the header" % (method, path), answers)
        message = message.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n")
        with connect(port) as s:
            s.sendall(message.encode())
            first = s.recv(4096)
        tap.ok(first.startswith(b"HTTP/1.1 413 "), "%s %s: and not asked for by 100 Continue" % (method, path), first)
    s, sent = connect(port), 0
    s.sendall(b"PUT /echo/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    s.settimeout(0.02)
    data = b""
    for _ in range(1000):
        try:
            s.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            sent += 4096
            data = s.recv(4096)
            break
        except socket.timeout:
            continue
    s.close()
    tap.ok(data.startswith(b"HTTP/1.1 413 ") and sent <= 128 * 1024,
           "a chunked body is cut at the limit of its route (64 kB, after %d kB)" % (sent // 1024), data)
    tap.ok(echo.stats()["body_bytes"] == 0, "its memory is free again")


def slow_bodies():
    budget = 16 * MB
    echo = Echo(budget=budget, body_ms=4000)
    port = echo.port["plain"]
    conns, most = [], 0
    for i in range(40):
        s = connect(port, "127.9.0.%d" % (1 + i))
        s.sendall(put(b"/large", 4 * MB))
        try:
            s.sendall(b"x" * MB)
        except OSError:
            pass
        conns.append(s)
        most = max(most, echo.stats()["body_bytes"])
    tap.ok(8 * MB < most <= budget, "40 bodies of 4 MB hold %d MB of a budget of 16" % (most // MB), most)
    small, _ = exchange(port, put(b"/echo/small", 1000) + b"y" * 1000, want=1)
    tap.ok([a[0] for a in small] == [200], "a small body finds room beside them", small)
    with connect(port) as s:
        s.sendall(put(b"/large", 4 * MB, b"Expect: 100-continue"))
        data = s.recv(4096)
    tap.ok(data.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in data,
           "a header that would pass the budget gets 503 and Retry-After before 100 Continue", data)
    statuses = []
    for s in conns:
        s.settimeout(8)
        try:
            data = s.recv(4096)
        except OSError:
            data = b""
        statuses.append(data[9:12].decode())
        s.close()
    tap.ok("503" in statuses and "408" in statuses, "some are refused, those that rest are cut off", statuses)
    tap.ok(echo.stats()["body_bytes"] == 0, "the budget is whole again")
    began = time.monotonic()
    s = connect(port)
    s.sendall(put(b"/large", MB))
    data = b""
    s.settimeout(0.1)
    while not data and time.monotonic() - began < 8:
        try:
            s.sendall(b"x" * 20)
            data = s.recv(4096)
        except socket.timeout:
            pass
    took = time.monotonic() - began
    tap.ok(data.startswith(b"HTTP/1.1 408 ") and 3.5 < took < 6.5,
           "a body under 1 kB/s is cut off at its deadline (%.1f s of 4 + size)" % took, data)
    s.close()
    fast = connect(port)
    fast.sendall(put(b"/large", 256 * 1024))
    for _ in range(64):  # 40 kB/s for longer than the allowance
        fast.sendall(b"x" * 4096)
        time.sleep(0.1)
    data = fast.recv(100)
    tap.ok(data.startswith(b"HTTP/1.1 200 "), "a body over 1 kB/s may take longer than the allowance", data)
    fast.close()
    echo.stop()


def cpu(echo):
    """Seconds of processor that the server has used."""
    with open("/proc/%d/stat" % echo.process.pid) as f:
        field = f.read().rsplit(")", 1)[1].split()
    return (int(field[11]) + int(field[12])) / os.sysconf("SC_CLK_TCK")


def deadlines():
    folder = tempfile.mkdtemp(prefix="postern-http-")
    cert, key = folder + "/c.pem", folder + "/k.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
    echo = Echo(cert=cert, key=key, header_ms=1000, idle_ms=1500, body_ms=1500, per_address=16, drain_ms=3000)

    def ends(port, *pieces):
        """Seconds until the server closes, and what it said."""
        s, data, began = connect(port), b"", time.monotonic()
        s.settimeout(8)
        for piece in pieces:
            s.sendall(piece)
        try:
            while True:
                got = s.recv(65536)
                if not got:
                    break
                data += got
        except OSError:
            pass
        s.close()
        return time.monotonic() - began, data

    for name, port, octets, least, status in (
            ("a connection that says nothing", "plain", b"", 0.9, b""),
            ("half a header", "plain", GET[:20], 0.9, b"HTTP/1.1 408 "),
            ("a kept connection", "plain", GET, 1.4, b"HTTP/1.1 200 "),
            ("a TLS handshake that does not begin", "tls", b"", 0.9, b""),
            ("half a TLS hello", "tls", b"\x16\x03\x01\x02\x00\x01\x00", 0.9, b""),
            ("HTTP in clear at the TLS port", "tls", GET, 0, b"")):
        took, data = ends(echo.port[port], octets)
        tap.ok(least <= took < least + 1.5 and data.startswith(status) and (status or not data),
               "%s is closed in time (%.1f s)" % (name, took), data)

    s = socket.socket()  # pipelines and never reads
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", echo.port["plain"]))
    s.settimeout(0.5)
    message, sent = (put(b"/echo/q", 4096) + b"x" * 4096) * 50, 0
    try:
        while sent < 64 * MB:
            sent += s.send(message)
    except OSError:
        pass
    done, last = echo.stats()["requests"], -1
    for _ in range(20):  # until the answers fill the kernel's buffers
        if done - last <= 1:
            break
        time.sleep(0.1)
        done, last = echo.stats()["requests"], done
    before = cpu(echo)
    time.sleep(0.4)
    used = cpu(echo) - before
    tap.ok(sent < 32 * MB and echo.stats()["in_flight"] <= 2,
           "a peer that reads no answers is not read from (%d kB in kernel buffers)" % (sent // 1024))
    tap.ok(used < 0.1, "and costs no time while it waits", used)
    s.close()

    held = [connect(echo.port["plain"]) for _ in range(16)]
    s = connect(echo.port["plain"])
    s.settimeout(1)
    try:
        data = s.recv(1)
    except ConnectionResetError:
        data = b""
    except socket.timeout:
        data = b"open"
    tap.ok(data == b"", "a seventeenth connection of an address with sixteen is closed at once", data)
    other, _ = exchange(echo.port["plain"], GET, source="127.0.0.9", want=1)
    tap.ok(len(other) == 1, "another address is served")
    for s in held + [s]:
        s.close()

    s, t = connect(echo.port["plain"]), connect(echo.port["plain"])
    s.sendall(GET.replace(b"/q", b"/q?sleep_ms=800"))
    time.sleep(0.2)
    echo.process.stdin.close()
    time.sleep(0.3)
    try:
        connect(echo.port["plain"]).close()
        refused = False
    except ConnectionRefusedError:
        refused = True
    tap.ok(refused, "draining refuses new connections")
    t.settimeout(0.3)
    idle = t.recv(10)
    data = s.recv(4096)
    tap.ok(idle == b"", "draining closes idle connections at once")
    tap.ok(data.startswith(b"HTTP/1.1 200 ") and b"\r\nConnection: close\r\n" in data,
           "draining lets a request finish and says Connection: close", data)
    out = echo.process.stdout.read()
    tap.ok(echo.process.wait() == 0 and out == "cut 0\n", "nothing was cut off", out)

    echo = Echo(drain_ms=500)
    s = connect(echo.port["plain"])
    s.sendall(GET.replace(b"/q", b"/q?sleep_ms=1500"))
    time.sleep(0.2)
    tap.ok(echo.stop() == (0, 1), "what is not finished after the drain is cut off and counted")
    s.close()
    shutil.rmtree(folder)


def classes():
    echo = Echo(workers=2, queue=4)
    port = echo.port["plain"]
    slow = [connect(port) for _ in range(12)]
    for s in slow:
        s.sendall(b"POST /heavy?sleep_ms=1200 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    time.sleep(0.2)
    worst = percentile(port, 0.6, 0.95)
    statuses, retry = [], True
    for s in slow:
        s.settimeout(8)
        data = s.recv(4096)
        statuses.append(data[9:12].decode())
        retry = retry and (b" 503 " not in data or b"\r\nRetry-After: " in data)
        s.close()
    tap.ok(worst < 100, "quick requests don't wait behind heavy ones (%.1f ms)" % worst)
    tap.ok(statuses.count("200") == 6 and statuses.count("503") == 6 and retry,
           "two run, four wait, the others get 503 with Retry-After", statuses)
    echo.stop()


resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
signal.alarm(120)
many_slow_headers()
one = Echo()
large_bodies(one.port["plain"], one)
one.stop()
slow_bodies()
deadlines()
classes()
tap.done()
