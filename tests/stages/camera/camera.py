"""Starting, freezing and ending the fake camera; whether there can be one here."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import numpy as np

PYTHON = "/usr/bin/python3"  # Debian's, which has GStreamer's bindings
PROGRAM = Path(__file__).with_name("fake_camera.py")
IMPORTS = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0'); "
    "from gi.repository import Gst, GstRtspServer; Gst.init(None); "
    "[Gst.ElementFactory.find(name).get_name() for name in ('alawenc', 'rtpjpegpay', 'jpegenc', 'voaacenc', 'opusenc')]"
)


def what_is_not_installed() -> str:
    """Why there can be no fake camera here, or an empty string."""
    if shutil.which("ffmpeg") is None:
        return "ffmpeg is not installed"
    if subprocess.call([PYTHON, "-c", IMPORTS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        return "GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0 python3-gi and its plugins)"
    return ""


class FakeCamera:
    """rtsp://127.0.0.1:PORT/cot. Keyword arguments as fake_camera.py has options: password="secret", no_sound=True."""

    def __init__(self, **options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"rtsp://127.0.0.1:{self.port}/cot"
        self._folder = tempfile.TemporaryDirectory()
        self._process = None
        self.start(**options)

    def start(self, **options):
        """Switch it on; again after kill()."""
        self._process = subprocess.Popen(
            [PYTHON, PROGRAM, str(self.port), *_arguments(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout.readline().strip() == self.address

    def play(self, samples):
        """Let it hear (n,) samples at 16 kHz, full scale 1, from now on; returns at once."""
        path = os.path.join(self._folder.name, "sound")
        (np.clip(samples, -1, 1) * 32767).astype("<i2").tofile(path)
        self._process.stdin.write(path + "\n")
        self._process.stdin.flush()

    def freeze(self):
        """Let it hang."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        """Cut its power."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def close(self):
        """End it and remove its files."""
        self.kill()
        self._folder.cleanup()


def _arguments(options):
    for name, value in options.items():
        if value:
            yield "--" + name.replace("_", "-")
            if value is not True:
                yield value
