"""An HTTP server that sends a WAV at the pace of the clock: 48 kHz, 16 bits, the left channel dead, noise in the right.

At a lower rate ffmpeg would look at seconds of it before it gives the first sample.
"""

import base64
import struct
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

import numpy as np

RATE_HZ = 48000
PIECE_S = 0.05
PIECE = int(RATE_HZ * PIECE_S)
NOISE = np.zeros((20, PIECE, 2), "<i2")
NOISE[:, :, 1] = np.random.RandomState(0).standard_normal((20, PIECE)) * 200
ENDLESS = 0xFFFFFFFF
HEADER = struct.pack(
    "<4sI4s4sIHHIIHH4sI",
    *(b"RIFF", ENDLESS, b"WAVE", b"fmt ", 16, 1, 2, RATE_HZ, 4 * RATE_HZ, 4, 16, b"data", ENDLESS),
)


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A listener that went away is no error."""


class FakeSender:
    """Sends to whoever asks for /cot. `password`: asked for, of the user baby. freeze, thaw, end: of what is sent."""

    def __init__(self, port=0, password=""):
        self.password = password
        self.asked = 0  # times that somebody has asked
        self.played = []  # samples that are sent in place of noise, next
        self._frozen = threading.Event()
        self._ended = 0
        sender = self

        class Handler(BaseHTTPRequestHandler):
            """Answers one listener."""

            def do_GET(self):  # noqa: N802  as the library calls it
                sender._answer(self)

            def log_message(self, *_):
                """Nothing is logged."""

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.address = "http://127.0.0.1:{}/cot".format(self.port)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def freeze(self):
        """Send nothing, and keep every connection."""
        self._frozen.set()

    def thaw(self):
        """Go on."""
        self._frozen.clear()

    def end(self):
        """End every connection there is."""
        self._ended += 1

    def play(self, samples):
        """Send (n,) samples, full scale 1, in place of noise, once."""
        samples = np.concatenate((samples, np.zeros(-len(samples) % PIECE))).reshape(-1, PIECE)
        pieces = np.zeros(samples.shape + (2,), "<i2")
        pieces[:, :, 1] = 32767 * samples
        self.played.extend(pieces)

    def close(self):
        """End, and give the port back."""
        self.end()
        self.thaw()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler):
        self.asked += 1
        wanted = "Basic " + base64.b64encode(b"baby:" + self.password.encode()).decode()
        if self.password and handler.headers.get("Authorization") != wanted:
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="cot"')
            handler.end_headers()
        elif handler.path.partition("?")[0] != "/cot":
            handler.send_error(404)
        else:
            handler.send_response(200)
            handler.send_header("Content-Type", "audio/wav")
            handler.end_headers()
            handler.wfile.write(HEADER)
            with suppress(OSError):
                self._send(handler.wfile)

    def _send(self, file):
        ended, number, next_s = self._ended, 0, time.monotonic()
        while self._ended == ended:
            if not self._frozen.is_set():
                file.write((self.played.pop(0) if self.played else NOISE[number % len(NOISE)]).tobytes())
            number += 1
            next_s += PIECE_S
            time.sleep(max(0.0, next_s - time.monotonic()))
