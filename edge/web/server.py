"""The HTTP server of the page: few routes, bounded in clients, sizes and time."""

import json
import re
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs, urlsplit

from edge.errors import UserError
from edge.following.live import Live
from edge.log import log
from edge.sinks.client import Client
from edge.web.access import Access
from edge.web.metrics import metrics_text
from edge.web.nights import report_page
from edge.web.orders import REQUESTS, Refusal
from edge.web.pages import SECURITY, live_page, script, style

MOST_CLIENTS = 32
MOST_STREAMS = 12
REQUEST_S = 10.0  # a request that is not there by then is no request
LONGEST_BODY = 4096
LONGEST_LINE = 4096
PING_S = 15.0
RETRY_MS = 2000
LONGEST_SINCE_DAYS = 400
DAYS = re.compile("[0-9]{1,3}$")
SECRET = re.compile("(?i)pass|token|auth|secret|key")
HTML, CSS, JAVASCRIPT, TEXT, JSON = (
    "text/html; charset=utf-8",
    "text/css; charset=utf-8",
    "text/javascript; charset=utf-8",
    "text/plain; version=0.0.4; charset=utf-8",
    "application/json",
)


class PageServer(ThreadingMixIn, HTTPServer):
    """Serves the page of these monitors. sockets, databases: by the source's name."""

    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address, port, live: Live, sockets, databases, access: Access, tls=None):
        """tls: (certificate file, key file) or None. Raises UserError when it cannot listen there."""
        self.live, self.sockets, self.databases, self.access = live, sockets, databases, access
        self._places = threading.BoundedSemaphore(MOST_CLIENTS)
        self._asking = {}  # {thread: (connection, until when its request has to be there)}
        self.streams = threading.BoundedSemaphore(MOST_STREAMS)
        if ":" in address:
            self.address_family = socket.AF_INET6
        self._tls = context_of(tls) if tls else None
        try:
            HTTPServer.__init__(self, (address, port), Handler)
        except OSError as error:
            raise UserError(
                "serve cannot listen at {} port {} ({}): set serve.address and serve.port".format(
                    address, port, error.strerror or error
                )
            ) from error

    def server_bind(self):
        """Bind; without the look-up of this machine's name that HTTPServer makes, which may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]

    def process_request(self, request, client_address):
        """One client on a thread of its own, while there is room."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        ThreadingMixIn.process_request(self, request, client_address)

    def process_request_thread(self, request, client_address):
        """TLS is agreed on here, not where the next client waits."""
        try:
            request.settimeout(REQUEST_S)
            if self._tls:
                request = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
            self._asking[threading.get_ident()] = (request, time.monotonic() + REQUEST_S)
            if self._tls:
                request.do_handshake()
            ThreadingMixIn.process_request_thread(self, request, client_address)
        except (OSError, ValueError):
            self.shutdown_request(request)
        finally:
            self.has_asked()
            self._places.release()

    def has_asked(self):
        """This thread's request is there."""
        self._asking.pop(threading.get_ident(), None)

    def service_actions(self):
        """Turn away who sends a request byte by byte: each comes in time, and all of it never."""
        now_s = time.monotonic()
        for request, until_s in list(self._asking.values()):
            if now_s > until_s:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """A client that goes away is nobody's trouble; all else is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ValueError)):
            log.error("serve: %s: %s", type(error).__name__, error)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server_version = "cry-monitor"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_S

    def do_GET(self):
        """A page, its parts, or data."""
        self._answer(self._get)

    do_HEAD = do_GET

    def do_POST(self):
        """A pause, its end, a mark."""
        self._answer(self._post)

    def log_message(self, *arguments):
        """Requests are nobody's business."""

    def _answer(self, handle):
        self.server.has_asked()
        try:
            self._check()
            handle(urlsplit(self.path))
        except Refusal as refusal:
            self._refuse(refusal)
        except UserError as error:
            self._refuse(Refusal(503, str(error)))

    def _check(self):
        access, address = self.server.access, self.client_address[0]
        if not access.is_our_name(self.headers.get("Host")):
            raise Refusal(421, "this page does not go by that name: add it to serve.names")
        if access.must_wait(address):
            raise Refusal(429, "too many wrong passwords: wait a minute")
        if not access.is_allowed(self.headers.get("Authorization"), address):
            raise Refusal(401, "a password is needed")
        url = urlsplit(self.path)
        if url.netloc or SECRET.search(url.query):
            raise Refusal(400, "a password does not belong into an address, where others read it: the page asks for it")

    def _get(self, url):
        path = url.path
        if path == "/":
            self._send(HTML, live_page(list(self.server.live.sensors)))
        elif path == "/live.css":
            self._send(CSS, style())
        elif path == "/live.js":
            self._send(JAVASCRIPT, script())
        elif path == "/stream":
            self._stream()
        elif path == "/report":
            self._send(HTML, self._report(parse_qs(url.query)))
        elif path == "/metrics":
            self._send(TEXT, metrics_text(self.server.live))
        elif path == "/favicon.ico":
            self._send("image/x-icon", "")  # a browser asks for one, and calls it an error where there is none
        elif path == "/monitors":
            self._send(JSON, self.server.live.snapshot.decode("utf-8"))
        else:
            raise Refusal(404, "there is no such page")

    def _post(self, url):
        if not self.server.access.is_our_origin(self.headers.get("Origin"), self.headers.get("Host", "")):
            raise Refusal(403, "another page may not do this")
        fields = self._body()
        source = fields.pop("source", None)
        if source not in self.server.sockets:
            raise Refusal(404, "there is no such monitor")
        request = url.path.strip("/")
        if request not in REQUESTS:
            raise Refusal(404, "there is no such request")
        checked = REQUESTS[request](fields)
        try:
            with Client(self.server.sockets[source]) as client:
                client.request(request, **checked)
        except UserError as error:
            self._send(JSON, json.dumps({"ok": False, "said": str(error)}), 409)
            return
        self._send(JSON, json.dumps({"ok": True, "said": "Done."}))

    def _body(self):
        if self.headers.get("Content-Type", "").partition(";")[0].strip() != JSON:
            raise Refusal(415, "a JSON object is expected")  # what a form of another page cannot send unasked
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= LONGEST_BODY:
            raise Refusal(413, "at most {} bytes".format(LONGEST_BODY))
        try:
            fields = json.loads(self.rfile.read(length).decode("utf-8"))
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise Refusal(400, "a JSON object is expected")
        return fields

    def _report(self, query):
        source = query.get("source", [next(iter(self.server.sockets))])[0]
        days = query.get("days", ["1"])[0]
        if source not in self.server.sockets or not DAYS.match(days) or not 1 <= int(days) <= LONGEST_SINCE_DAYS:
            raise Refusal(404, "use /report?source=NAME&days=1 to {}".format(LONGEST_SINCE_DAYS))
        status = self.server.live.statuses.get(source) or {}
        path = status.get("database") or self.server.databases.get(source)
        if path is None and len(self.server.sockets) > 1:  # the default one is another monitor's
            raise UserError("the monitor {} has not said yet where its database is: is it running?".format(source))
        return report_page(path, int(days))

    def _stream(self):
        if not self.server.streams.acquire(blocking=False):
            raise Refusal(503, "too many pages are open")
        try:
            self._head(200, "text/event-stream; charset=utf-8", None)
            self.wfile.write("retry: {}\n\n".format(RETRY_MS).encode("ascii"))
            version, live = -1, self.server.live
            while not live.is_over:
                newest = live.wait(version, PING_S)
                changed, version = newest != version, newest
                self.wfile.write(b"data: " + live.snapshot + b"\n\n" if changed else b":\n\n")
                self.wfile.flush()
        except OSError:
            pass  # whoever looked has gone
        finally:
            self.server.streams.release()
            self.close_connection = True

    def _send(self, kind, text, status=200):
        content = text.encode("utf-8")
        self._head(status, kind, len(content))
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status, kind, length):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in SECURITY.items():
            self.send_header(name, value)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="cry-monitor", charset="UTF-8"')
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.close_connection = True

    def _refuse(self, refusal):
        self._send("text/plain; charset=utf-8", str(refusal) + "\n", refusal.status)


def context_of(tls):
    """The TLS context of (certificate file, key file). Raises UserError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(tls[0], tls[1] or None)
    except (OSError, ValueError) as error:
        raise UserError(
            "serve.certificate_file {}: no certificate and key ({}): give PEM files".format(
                tls[0], getattr(error, "strerror", None) or getattr(error, "reason", None) or error
            )
        ) from error
    return context
