"""A reader of the local socket, without the client: what tests ask it for."""

import json
import socket
import time

from patience import PATIENCE_S


class Connection:
    """A plain reader of JSON lines, without the client."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.settimeout(PATIENCE_S)
        self._file = self.socket.makefile("rb")

    def message(self, kind=None):
        """The next message, of that kind; None at the end."""
        while True:
            line = self._file.readline()
            message = json.loads(line.decode()) if line else None
            if message is None or kind in (None, message["type"]):
                return message

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self._file.close()
        self.socket.close()


def wait_until(happened):
    """Wait for something, however busy the machine is."""
    until_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until_s, "it never happened"
        time.sleep(0.005)
