"""A receiver of webhooks that works, fails, hangs, dies and comes back, and checks each message's signature."""

import base64
import collections
import contextlib
import hashlib
import hmac
import http.server
import json
import ssl
import sys
import threading

from postern import free_port


class Receiver:
    """Takes messages; `mood` says how: ok, hang, endless, or a status. Remembers what it accepted, in order. By TLS, if it
    has a certificate (files of chain and key)."""

    def __init__(self, name, certificate=None):
        self.name, self.mood, self.accepted, self.tries = name, "ok", [], collections.Counter()
        self.certificate = certificate
        self.secret, self.bad, self.traces, self.elsewhere, self.answered = None, [], [], None, 0
        self.paths, self.peer = set(), None
        self.lock, self.awake = threading.Lock(), threading.Event()
        self.port = free_port()
        self.listen()

    def listen(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.take(self)

            def log_message(self, *args):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            def handle_error(self, request, address):
                if not isinstance(sys.exc_info()[1], OSError):  # who hangs up, or does not trust us
                    super().handle_error(request, address)

        self.server = Listener(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        if self.certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*self.certificate)
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def die(self):
        self.server.shutdown()
        self.server.server_close()

    def mend(self):
        self.mood = "ok"
        self.awake.set()

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        h = request.headers
        signed = f"{h['webhook-id']}.{h['webhook-timestamp']}.{body}".encode()
        want = "v1," + base64.b64encode(hmac.new(self.secret, signed, hashlib.sha256).digest()).decode()
        with self.lock:
            self.tries[h["webhook-id"]] += 1
            self.paths.add(request.path)
            self.peer = request.client_address[1]
            if h["webhook-signature"] != want or h["content-type"] != "application/json":
                self.bad.append(dict(h))
            self.traces.append(h["traceparent"] or "")
        mood = self.mood
        if mood == "hang":
            self.awake.wait()
            request.close_connection = True
            return
        if mood == "ok":
            with self.lock:
                if h["webhook-id"] not in [i for i, _ in self.accepted]:
                    self.accepted.append((h["webhook-id"], json.loads(body)))
        if mood == "endless":
            request.send_response(200)
            request.end_headers()
            request.close_connection = True
            taken = 0
            with contextlib.suppress(OSError):
                while True:
                    taken += request.wfile.write(b"x" * 4096)
            self.answered = max(self.answered, taken)
            return
        request.send_response(200 if mood == "ok" else mood)
        if self.elsewhere:
            request.send_header("Location", self.elsewhere)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def add(self, w, *more, host="127.0.0.1"):
        url = f"http{'s' if self.certificate else ''}://{host}:{self.port}/"
        made = json.loads(w.admin("webhook", "add", url, *more, "--json"))
        self.id, self.secret = made["id"], base64.b64decode(made["secret"][len("whsec_"):])
        return self

    def told(self):
        """Events by attempt, each list in the order of arrival."""
        out = collections.defaultdict(list)
        with self.lock:
            for _, m in self.accepted:
                out[m["data"].get("attempt")].append(m["type"])
        return dict(out)

    def row(self, w):
        row, = [r for r in w.listing("webhook", "list") if r["id"] == self.id]
        return row
