"""Those who are told, on loopback: each can be killed and started again at the same place."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import paho.mqtt.client as mqtt

PATIENCE_S = 30.0


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class HttpReceiver:
    """ntfy's server, or a web hook. arrivals: [(seconds since 1970, body)] of what it answered."""

    def __init__(self):
        self.port = free_port()
        self.arrivals: list[tuple[float, bytes]] = []
        self._server: ThreadingHTTPServer | None = None
        self.start()

    def start(self) -> None:
        """Listen, at the port that it always had."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                arrived = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.arrivals.append((arrived, body))

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def kill(self) -> None:
        """Nobody listens there any more."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Hook:
    """A command that writes down when it was called; it fails while it is "down"."""

    def __init__(self, folder: Path):
        self._calls, self._down = folder / "calls", folder / "down"
        script = folder / "hook"
        script.write_text(f'#!/bin/sh\n[ -e {self._down} ] && exit 1\necho "$(date +%s.%N) $1" >> {self._calls}\n')
        script.chmod(0o755)
        self.command = str(script)

    @property
    def arrivals(self) -> list[tuple[float, bytes]]:
        """[(seconds since 1970, kind)] of its calls."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [(float(at), kind.encode()) for at, kind in (line.split() for line in lines)]

    def start(self) -> None:
        """It works again."""
        with suppress(FileNotFoundError):
            self._down.unlink()

    def kill(self) -> None:
        """It fails."""
        self._down.touch()


class Broker:
    """A real mosquitto. back_s: after each start, how long it took until everything stood in its topics again."""

    def __init__(self, folder: Path, base: str):
        path = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if not path:
            raise SystemExit("told_cycles needs mosquitto")
        self.port, self._base = free_port(), base
        conf = folder / "mosquitto.conf"
        conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n")
        self._command = [path, "-c", str(conf)]
        self._process: subprocess.Popen | None = None
        self.back_s: list[float] = []
        self.began = 0
        self._client: mqtt.Client | None = None
        self.start()

    def start(self) -> None:
        """Start it; what the bridge tells it is waited for by wait()."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.01)
        self._started_s, self._topics = time.monotonic(), set()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, f"seen-{len(self.back_s)}")
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", self.port, 20)
        self._client.subscribe("#", qos=1)
        self._client.loop_start()

    def wait(self) -> None:
        """Until it has been told everything; how long that took is kept."""
        wanted = {f"{self._base}/{key}" for key in ("crying", "hearing", "microphone", "today")}
        until_s = time.monotonic() + PATIENCE_S
        while not wanted <= self._topics:
            if time.monotonic() > until_s:
                raise SystemExit("the broker was never told everything again")
            time.sleep(0.02)

    def kill(self) -> None:
        """As a power cut."""
        if self._process and self._client:
            self._process.kill()
            self._process.wait()
            self._client.loop_stop()
            self._client.disconnect()
            self._process = None

    def _message(self, _client, _userdata, message):
        if message.topic == self._base + "/event" and json.loads(message.payload)["event_type"] == "began":
            self.began += 1
        before = len(self._topics)
        self._topics.add(message.topic)
        if message.topic == self._base + "/crying" and len(self._topics) > before:
            self.back_s.append(time.monotonic() - self._started_s)
