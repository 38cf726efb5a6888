"""The camera's sound from the service that has its network: messages of edge.capture through a socket, one way."""

import os
import socket
from contextlib import suppress
from typing import Iterator, Tuple

from edge.capture.messages import read_messages
from edge.errors import UserError

# Where systemd, or that service itself, listens; set for the process that hears, and for a service without systemd.
VARIABLE = "CRY_MONITOR_CAMERA"


class UnitStream:
    """Connects; systemd starts the service for it. Nothing is ever sent to it. Raises UserError."""

    def __init__(self, path: str):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._socket.close()
            raise UserError(
                "the camera's service cannot be asked at {} ({}): systemctl status 'cry-monitor-camera@*'".format(
                    path, error.strerror or error
                )
            ) from error
        self._pipe = self._socket.makefile("rb")

    def messages(self) -> Iterator[Tuple[bytes, bytes]]:
        """Yield (kind, payload) until the service ends it."""
        try:
            yield from read_messages(self._pipe)
        except OSError:  # the service was killed
            return

    def kill(self) -> None:
        """Hang up, so that messages() ends; the service ends ffmpeg."""
        with suppress(OSError):  # it has hung up before
            self._socket.shutdown(socket.SHUT_RDWR)

    def close_pipe(self) -> None:
        """Give the socket back; when nobody is inside messages() any more."""
        self._pipe.close()
        self._socket.close()


def unit_path() -> str:
    """Where the service is asked; "" for a monitor that was started by hand."""
    return os.environ.get(VARIABLE, "")
