"""HTTP as a device speaks it, and a person's browser as far as a sign-in page needs one.

Wire sends one request on one connection, so that nothing hides in a reused one, and keeps a transcript. Redirects
are the caller's business: discovery follows them, the MDM client follows them, a sign-in ends at one.
"""

import html.parser
import http.client
import socket
import ssl
import urllib.parse

CALLBACK_SCHEME = "apple-remotemanagement-user-login"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def media_type(self):
        """The MIME type without parameters, lower case; parameters do not count (protocol 2.3)."""
        return (self.header("Content-Type") or "").split(";")[0].strip().lower()

    def __repr__(self):
        return f"<{self.status} {self.media_type or 'no type'}, {len(self.body)} octets>"


class Wire:
    def __init__(self, cacert=None, connect_to=(), certificate=None, user_agent="DeviceManagementClient/1.0", timeout=45):
        """`connect_to`: curl's HOST1:PORT1:HOST2:PORT2, empty fields match anything; `certificate`: (cert, key) files."""
        self.cacert, self.certificate, self.user_agent, self.timeout = cacert, certificate, user_agent, timeout
        self.connect_to = [self._connect_rule(rule) for rule in connect_to]
        self.transcript = []		# (method, url, request headers, request body, Reply)

    @staticmethod
    def _connect_rule(rule):
        fields = rule.split(":")
        if len(fields) != 4:
            raise ValueError(f"--connect-to {rule}: HOST1:PORT1:HOST2:PORT2 is wanted")
        return fields

    def _address(self, host, port):
        for host1, port1, host2, port2 in self.connect_to:
            if host1 in ("", host) and port1 in ("", str(port)):
                return host2 or host, int(port2 or port)
        return host, port

    def connect(self, url, tls_versions=None):
        """A TLS socket to the server of `url`."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https":
            raise ValueError(f"{url}: only https is spoken here")
        context = ssl.create_default_context(cafile=self.cacert)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls_versions:
            context.minimum_version, context.maximum_version = tls_versions
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        plain = socket.create_connection(self._address(parts.hostname, parts.port or 443), self.timeout)
        try:
            return context.wrap_socket(plain, server_hostname=parts.hostname)
        except BaseException:
            plain.close()
            raise

    def request(self, method, url, headers=None, body=None):
        parts = urllib.parse.urlsplit(url)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        send = {"User-Agent": self.user_agent, "Accept": "*/*", "Accept-Language": "en-US,en;q=0.9"}
        send.update(headers or {})
        # The context isn't used, but without one it would read the system's certificates: 50 ms for each request.
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self.timeout,
                                                 context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        connection.sock = self.connect(url)
        try:
            try:
                connection.request(method, target, body=body, headers=send)
            except (BrokenPipeError, ConnectionResetError):
                pass			# refused before the body was sent: the answer may be there already
            got = connection.getresponse()
            reply = Reply(got.status, got.getheaders(), got.read())
        finally:
            connection.close()
        self.transcript.append((method, url, send, body, reply))
        return reply

    def raw(self, url, data):
        """Send bytes as they are and return what came back until the server closed."""
        out = b""
        with self.connect(url) as s:
            try:
                s.sendall(data)
                while chunk := s.recv(65536):
                    out += chunk
            except (ConnectionError, ssl.SSLError, TimeoutError):
                pass
        return out


def with_query(url, items, keep=False):
    """The URL with its query replaced by `items`, or with `keep` followed by them, encoded as the client's URL
    library does it: `@` and `+` stay as they are."""
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.urlencode(items, quote_via=urllib.parse.quote, safe="@+:/?")
    if keep and parts.query:
        query = parts.query + "&" + query
    return urllib.parse.urlunsplit(parts._replace(query=query, fragment=""))


# --- a browser

class _Page(html.parser.HTMLParser):
    """The forms of a page: action, method, and fields in order; and its visible text."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.words, self._mute, self._alert = [], [], 0, 0
        self.alerts = []
        self._button = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag in ("style", "script", "title"):
            self._mute += 1
        if tag == "form":
            self.forms.append({"action": a.get("action") or "", "method": (a.get("method") or "get").upper(),
                               "fields": []})
        elif tag in ("input", "button") and self.forms:
            kind = (a.get("type") or ("submit" if tag == "button" else "text")).lower()
            self.forms[-1]["fields"].append({"type": kind, "name": a.get("name"), "value": a.get("value") or "",
                                             "checked": "checked" in a, "fixed": "readonly" in a or "disabled" in a})
        if a.get("role") == "alert":
            self._alert = 1
        elif self._alert and tag not in ("br", "img", "input"):
            self._alert += 1

    def handle_endtag(self, tag):
        if tag in ("style", "script", "title"):
            self._mute -= 1
        if self._alert:
            self._alert -= 1

    def handle_data(self, data):
        if self._mute == 0 and data.strip():
            self.words.append(data.strip())
            if self._alert:
                self.alerts.append(data.strip())


class SignInFailed(Exception):
    """The sign-in did not come to its callback. `reply` is the last answer."""

    def __init__(self, text, reply=None):
        super().__init__(text)
        self.reply = reply


class Browser:
    """Fills in what asks for a user and a password, as a person would, until the callback scheme is reached."""

    AGENT = ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "Version/18.2 Mobile/15E148 Safari/604.1")

    def __init__(self, wire):
        self.wire = Wire(wire.cacert, (), None, self.AGENT)
        self.wire.connect_to = wire.connect_to
        self.cookies = []		# [host, path, name, value]
        self.last = None
        self.trail = []			# (method, url, Reply)

    def _cookie_header(self, parts):
        path = parts.path or "/"
        return "; ".join(f"{name}={value}" for host, prefix, name, value in self.cookies
                         if host == parts.hostname and (path == prefix or path.startswith(prefix.rstrip("/") + "/")))

    def _keep_cookies(self, parts, reply):
        for line in reply.all("Set-Cookie"):
            pair, *attributes = [piece.strip() for piece in line.split(";")]
            name, _, value = pair.partition("=")
            named = {k.lower(): v for k, _, v in (a.partition("=") for a in attributes)}
            path = named.get("path") or parts.path.rsplit("/", 1)[0] or "/"
            self.cookies = [c for c in self.cookies if (c[0], c[1], c[2]) != (parts.hostname, path, name)]
            if named.get("max-age") != "0" and value != "":
                self.cookies.append([parts.hostname, path, name, value])

    def open(self, method, url, body=None, referrer=None):
        """One navigation with its redirects: (final URL, Reply). A callback URL ends it."""
        for _ in range(10):
            parts = urllib.parse.urlsplit(url)
            headers = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode": "navigate",
                       "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin" if referrer else "none"}
            if cookies := self._cookie_header(parts):
                headers["Cookie"] = cookies
            if method == "POST":
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                headers["Origin"] = self._origin(referrer)
            reply = self.wire.request(method, url, headers, body)
            self.trail.append((method, url, reply))
            self._keep_cookies(parts, reply)
            location = reply.header("Location")
            if reply.status not in (301, 302, 303, 307, 308) or not location:
                self.last = reply
                return url, reply
            url = urllib.parse.urljoin(url, location)
            if url.startswith(CALLBACK_SCHEME + ":"):
                self.last = reply
                return url, reply
            if reply.status in (301, 302, 303):
                method, body = "GET", None
        raise SignInFailed("too many redirects", reply)

    def _origin(self, page):
        """Under `Referrer-Policy: no-referrer` a browser sends the null origin with a form (Fetch, "append a request
        `Origin` header")."""
        if page is None or (page[1].header("Referrer-Policy") or "").strip().lower() == "no-referrer":
            return "null"
        parts = urllib.parse.urlsplit(page[0])
        return f"{parts.scheme}://{parts.netloc}"

    def submit(self, page, answers):
        """Submit the page's form that asks for a password, else the first one with a field to fill in."""
        url, reply = page
        forms = _Page(reply.body.decode("utf-8", "replace")).forms
        ranked = [f for f in forms if any(x["type"] == "password" for x in f["fields"])]
        ranked += [f for f in forms if any(x["type"] in ("text", "email") for x in f["fields"])]
        if not ranked:
            raise SignInFailed("the page has no form to sign in with", reply)
        form, pairs, pressed = ranked[0], [], False
        for field in form["fields"]:
            kind, value = field["type"], field["value"]
            if kind == "password":
                value = answers["password"]
            elif kind in ("text", "email") and not field["fixed"]:
                value = answers["user"]	# whatever was filled in for them
            elif kind in ("submit", "image"):
                if pressed or field["name"] is None:
                    pressed = True
                    continue
                pressed = True
            elif kind in ("checkbox", "radio") and not field["checked"] or kind in ("button", "reset"):
                continue
            if field["name"] is not None:
                pairs.append((field["name"], value))
        action = urllib.parse.urljoin(url, form["action"])
        encoded = urllib.parse.urlencode(pairs)
        if form["method"] == "GET":
            return self.open("GET", urllib.parse.urlsplit(action)._replace(query=encoded).geturl(), referrer=page)
        return self.open("POST", action, encoded.encode(), referrer=page)

    def sign_in(self, url, user, password):
        """Go through the pages to the callback URL. A page that shows an alert after a password was sent is a refusal."""
        page, sent = self.open("GET", url), False
        for _ in range(6):
            if page[0].startswith(CALLBACK_SCHEME + ":"):
                return page[0]
            if page[1].status >= 400:
                raise SignInFailed(f"the sign-in page answered {page[1].status}", page[1])
            shown = _Page(page[1].body.decode("utf-8", "replace"))
            asks = any(x["type"] == "password" for f in shown.forms for x in f["fields"])
            if sent and asks:
                raise SignInFailed("refused: " + " ".join(shown.alerts or shown.words)[:200], page[1])
            sent = sent or asks
            page = self.submit(page, {"user": user, "password": password})
        raise SignInFailed("the sign-in did not end", page[1])
