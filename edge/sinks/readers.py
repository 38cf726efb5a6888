"""One reader of the local socket: what waits for it, what it asks, within bounds."""

import itertools
import json
import socket
import time
from typing import Iterator, Optional

MOST_WAITING = 65536  # bytes in memory for a reader that is slow, beside as much in the kernel
MOST_ASKED = 4096  # bytes of a request
REQUESTS_A_SECOND = 5.0  # and reader; more have to wait
REQUESTS_AT_ONCE = 10
RECEIVED_AT_ONCE = 4096
NUMBERS = itertools.count(1)
TOO_LONG = '{{"type": "refused", "reason": "a request has at most {} bytes"}}\n'.format(MOST_ASKED).encode()


class Gone(Exception):
    """The reader is to be forgotten; the text is the reason, empty when it left by itself."""


class Allowance:
    """So many at once, then so many a second."""

    def __init__(self, per_second: float, at_once: int):
        self._per_second = per_second
        self._at_once = at_once
        self._left = float(at_once)
        self._asked_s = time.monotonic()

    def __bool__(self) -> bool:
        """Whether there is one left."""
        now_s = time.monotonic()
        self._left = min(self._at_once, self._left + (now_s - self._asked_s) * self._per_second)
        self._asked_s = now_s
        return self._left >= 1.0

    def take(self) -> None:
        """Use one."""
        self._left -= 1.0


class Reader:
    """A connection that is told everything and may ask. Nothing here waits; every method may raise Gone."""

    def __init__(self, connection: socket.socket, pid: int):
        self.pid = pid
        self.number = next(NUMBERS)  # of this connection, and no other's
        self.may_ask = Allowance(REQUESTS_A_SECOND, REQUESTS_AT_ONCE)
        self._connection = connection
        self._connection.setblocking(False)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_WAITING)
        self._waiting = bytearray()
        self._asked = bytearray()

    def fileno(self) -> int:
        """Its descriptor, for a selector."""
        return self._connection.fileno()

    @property
    def is_behind(self) -> bool:
        """Whether something waits for it to read."""
        return bool(self._waiting)

    def tell(self, line: bytes) -> None:
        """Send a line, or keep it until there is room."""
        if len(self._waiting) + len(line) > MOST_WAITING:
            raise Gone("process {} does not read and was dropped".format(self.pid))
        self._waiting += line
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as there is room."""
        try:
            while self._waiting:
                del self._waiting[: self._connection.send(self._waiting)]
        except BlockingIOError:
            return
        except OSError:
            raise Gone from None

    def receive(self) -> None:
        """Take what has come, for requests()."""
        try:
            received = self._connection.recv(RECEIVED_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            raise Gone from None
        if not received:
            raise Gone
        self._asked += received

    def requests(self) -> Iterator[Optional[dict]]:
        """Yield each whole request that may be answered now; None for one that is no JSON object."""
        while self.may_ask:
            line, found, rest = self._asked.partition(b"\n")
            if not found:
                break
            self.may_ask.take()
            self._asked = rest
            yield _parsed(line)
        if len(self._asked) > MOST_ASKED and not self.is_waiting_to_ask:
            self.tell(TOO_LONG)
            raise Gone("process {} sent a request of more than {} bytes and was dropped".format(self.pid, MOST_ASKED))

    @property
    def is_waiting_to_ask(self) -> bool:
        """Whether it has asked more than may be answered now: it is not listened to until it may."""
        return b"\n" in self._asked

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def _parsed(line) -> Optional[dict]:
    if len(line) > MOST_ASKED:
        return None
    try:
        request = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return request if isinstance(request, dict) else None
