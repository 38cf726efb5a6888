"""Real receivers on loopback: an HTTP server that keeps what it gets, an MQTT broker."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from patience import PATIENCE_S


class Receiver:
    """An HTTP server. requests: [(method, path, headers, body)]; `status`, `location` and `delay_s` may be set.

    certificate: path of what it shows, without its ending; None for no TLS.
    """

    def __init__(self, certificate=None):
        self.requests = []
        self.status, self.location, self.delay_s = 200, None, 0.0
        self.ended = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.requests.append((self.command, self.path, dict(self.headers), body))
                receiver.ended.wait(receiver.delay_s)
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = handle_one

            def log_message(self, *arguments):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate + ".crt", certificate + ".key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = scheme + "://127.0.0.1:{}".format(self.server.server_port)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        """End, at once even if it hangs."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    """A Receiver."""
    receiver = Receiver()
    yield receiver
    receiver.close()


def make_certificates(folder):
    """In the folder, which is returned: ca.crt, server for 127.0.0.1 and elsewhere for another name, both signed by it,
    and another.crt that signed nothing."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")

    def openssl(*arguments):
        subprocess.check_call(("openssl",) + arguments, cwd=str(folder), stderr=subprocess.DEVNULL)

    for name in ("ca", "another"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",  # which Python asks for from 3.13 on
                "-keyout", name + ".key", "-out", name + ".crt")  # fmt: skip
    for name, alternative in (("server", "IP:127.0.0.1"), ("elsewhere", "DNS:elsewhere.example")):
        openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", "s.csr"
        )
        (folder / "names").write_text("subjectAltName={}\nauthorityKeyIdentifier=keyid\n".format(alternative))
        openssl("x509", "-req", "-in", "s.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "names", "-out", name + ".crt")  # fmt: skip
    return folder


def free_port():
    """A port of loopback that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(condition, patience_s=PATIENCE_S):
    """Wait for a condition; returns what it gave."""
    deadline_s = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline_s, "waited for {:g} s".format(patience_s)
        time.sleep(0.02)


class Mosquitto:
    """A broker that can be killed and started again."""

    def __init__(self, folder, extra="", port=None):
        self.port = port or free_port()
        self._conf = os.path.join(str(folder), "mosquitto.conf")
        with open(self._conf, "w") as file:
            file.write(extra or "listener {} 127.0.0.1\nallow_anonymous true\n".format(self.port))
            file.write("persistence false\nuser root\n")
        self._process = None
        self.start()

    def start(self):
        """Start, and wait until it listens."""
        self._process = subprocess.Popen(
            [mosquitto_path(), "-c", self._conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: listens(self.port))

    def kill(self):
        """As a power cut."""
        self._process.kill()
        self._process.wait()


def mosquitto_path():
    """Where it is; skips the test where it is not."""
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if not path:
        pytest.skip("no mosquitto here")
    return path


def listens(port):
    """Whether somebody listens at a port of loopback."""
    with socket.socket() as one:
        one.settimeout(0.5)
        return one.connect_ex(("127.0.0.1", port)) == 0


class Subscriber:
    """Everything that a broker tells. topics: newest payload by topic; all: [(topic, payload, retained)]."""

    def __init__(self, port):
        mqtt = pytest.importorskip("paho.mqtt.client")
        if hasattr(mqtt, "CallbackAPIVersion"):
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "test-subscriber")
        else:
            self.client = mqtt.Client("test-subscriber")
        self.topics, self.all = {}, []
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_message = self._message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port, 20)
        self.client.loop_start()

    def _message(self, _client, _userdata, message):
        payload = message.payload.decode("utf-8")
        self.topics[message.topic] = payload
        self.all.append((message.topic, payload, bool(message.retain)))

    def close(self):
        """End."""
        self.client.disconnect()
        self.client.loop_stop()
