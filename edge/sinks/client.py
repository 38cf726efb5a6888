"""The other end of the local socket, for programs that stand beside the monitor: bridge, page, terminal view.

with Client(find_socket(settings.socket.path, settings.store.path)) as client:
    for message in client.messages():
        ...

docs/schemas/socket.schema.json describes the messages. Connecting again is the caller's.
"""

import json
import os
import socket
import time
from typing import Any, Dict, Iterator, Optional

from edge.errors import UserError
from edge.sinks.place import likely_paths

SILENT_S = 5.0  # a monitor that runs says something every second
ANSWER_S = 5.0
LONGEST_LINE = 1048576  # bytes: what is longer is no monitor


class Client:
    """A connection to a running monitor. Raises UserError when there is none, when it refuses or has ended."""

    def __init__(self, path: str, silent_s: float = SILENT_S):
        """path: of the socket. silent_s: a monitor that says nothing for so long is taken for gone."""
        self.path = path
        self._silent_s = silent_s
        self._received = bytearray()
        self._last_id = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(silent_s)
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise UserError(
                "no monitor answers at {} ({}): start it, or give the right socket.path".format(
                    path, error.strerror or error
                )
            ) from error

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def messages(self) -> Iterator[Dict[str, Any]]:
        """Yield every message, answers among them. Raises UserError when the monitor ends, hangs or refuses."""
        while True:
            yield self._message(time.monotonic() + self._silent_s)

    def request(self, request: str, timeout_s: float = ANSWER_S, **fields: Any) -> Dict[str, Any]:
        """Ask, and return the answer; messages that come before it are passed over.

        Raises UserError with the monitor's own words when it does not do it, or when none comes in time.
        """
        self._last_id += 1
        asked = dict(fields, request=request, id="{}-{}".format(os.getpid(), self._last_id))
        self._send((json.dumps(asked) + "\n").encode("ascii"))
        until_s = time.monotonic() + timeout_s
        while True:
            answer = self._message(until_s)
            if answer["type"] == "answer" and answer.get("id") == asked["id"]:
                if not answer["ok"]:
                    raise UserError("the monitor does not {}: {}".format(request, answer["error"]))
                return answer

    def _send(self, line):
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise self._ended(error.strerror or str(error)) from error

    def _message(self, until_s):
        while b"\n" not in self._received:
            self._socket.settimeout(max(0.001, until_s - time.monotonic()))
            try:
                received = self._socket.recv(65536)
            except socket.timeout:
                raise self._ended("it says nothing") from None
            except OSError as error:
                raise self._ended(error.strerror or str(error)) from error
            if not received:
                raise self._ended("it has closed the socket")
            self._received += received
            if len(self._received) > LONGEST_LINE and b"\n" not in self._received:
                raise self._ended("it does not speak as a monitor does")
        line, _, self._received = self._received.partition(b"\n")
        message = _parsed(line)
        if message is None:
            raise self._ended("it does not speak as a monitor does")
        if message["type"] == "refused":
            raise UserError("the monitor at {} refuses: {}".format(self.path, message["reason"]))
        return message

    def _ended(self, reason):
        return UserError("the monitor at {} is gone ({}): is it running?".format(self.path, reason))


def find_socket(path: str, database: str) -> str:
    """The socket of the monitor that runs: `path` when configured, else where monitors put theirs.

    Raises UserError, with where it was looked.
    """
    likely = likely_paths(path, database)
    for place in likely:
        if os.path.exists(place):
            return place
    raise UserError("no monitor runs here, there is no socket at {}: start it".format(" or ".join(likely)))


def _parsed(line) -> Optional[Dict[str, Any]]:
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None
