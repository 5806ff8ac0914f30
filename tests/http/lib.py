"""What the flow tests of the HTTP room share: the echo server, raw exchanges."""
import os
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "independent"))
import tap  # noqa: E402, F401
from patience import undisturbed, until  # noqa: E402, F401

BUILD = os.environ.get("POSTERN_BUILD", os.path.join(ROOT, "build"))


class Echo:
    """The echo server as a process; `port` has its doors' ports."""

    def __init__(self, **settings):
        argv = [os.path.join(BUILD, "http_echo_server")]
        argv += ["%s=%s" % item for item in settings.items()]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = {}
        for line in self.process.stdout:
            word = line.split()
            if word == ["ready"]:
                break
            self.port[word[0]] = int(word[1])
        if "plain" not in self.port:
            raise RuntimeError("the echo server did not start")

    def get(self, path):
        """The body of one GET, over a connection of its own."""
        message = "GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" % path
        answers, _ = exchange(self.port["plain"], message.encode(), wait=60)
        return answers[0][1].decode() if answers else ""

    def stats(self):
        return {k: int(v) for k, v in (line.split("=") for line in self.get("/stats").split())}

    def reaches(self, **wanted):
        """Whether the server comes to have those figures; this look at them counts as one in flight."""
        return until(lambda: all(self.stats()[k] == n for k, n in wanted.items()))

    def let_go(self):
        """Requests with ?hold=1 are answered, those that wait and those that come."""
        self.process.send_signal(signal.SIGUSR1)

    def seen(self):
        """Requests since the last time, one line each."""
        return self.get("/seen").splitlines()

    def stop(self):
        """(exit status, requests cut off)"""
        self.process.stdin.close()
        out = self.process.stdout.read()
        status = self.process.wait(timeout=60)
        return status, int(out.split()[-1]) if out.startswith("cut") else -1


def split_answers(data, methods=()):
    """Final answers in `data`: [(status, body, header text)], and what is left over. Answer i to a HEAD
    has no body."""
    out = []
    while b"\r\n\r\n" in data:
        head, rest = data.split(b"\r\n\r\n", 1)
        try:
            status = int(head.split(b" ", 2)[1])
        except (IndexError, ValueError):
            return out, data
        if 100 <= status < 200:
            data = rest
            continue
        length = None
        for line in head.lower().split(b"\r\n")[1:]:
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if status in (204, 304) or (len(out) < len(methods) and methods[len(out)] == "HEAD"):
            length = 0
        if length is None:
            length = len(rest)
        if len(rest) < length:
            return out, data
        out.append((status, rest[:length], head.decode("latin-1")))
        data = rest[length:]
    return out, data


def exchange(port, pieces, wait=60.0, then=None, source=None, methods=(), want=None):
    """Send `pieces` (octets, or a list with pauses in seconds between) and read until the peer closes,
    `want` answers came, or nothing comes for `wait` seconds. `then`: "shut" the sending side or "close"
    without reading. Returns (answers, closed by the peer)."""
    s = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0) if source else None)
    data, closed = b"", False
    try:
        for piece in [pieces] if isinstance(pieces, bytes) else pieces:
            if isinstance(piece, bytes):
                s.sendall(piece)
            else:
                time.sleep(piece)
        if then == "close":
            return [], False
        if then == "shut":
            s.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        s.settimeout(wait)
        while want is None or len(split_answers(data, methods)[0]) < want:
            got = s.recv(65536)
            if not got:
                closed = True
                break
            data += got
    except socket.timeout:
        pass
    except ConnectionResetError:
        closed = True
    finally:
        s.close()
    answers, left = split_answers(data, methods)
    if left:
        answers.append((0, left, "left over"))
    return answers, closed
