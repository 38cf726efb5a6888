"""Lines to a descriptor that somebody else reads, or does not: writing never waits for them, and never raises."""

import os
import select
import socket
import stat
import threading
import time
from contextlib import suppress

MOST_WAITING = 262144  # bytes of lines in memory for a reader that is slow
AT_ONCE = 4096  # PIPE_BUF: a pipe that can be written to takes so much without waiting
NOBODY_READS = "nobody reads it"


class LineWriter:
    """Whole lines to the open descriptor `number`.

    What the other end has no room for waits in memory, then lines are dropped and counted. So are those that a full
    disk, a reader that is gone or a broken terminal does not take; the next line is tried again.

    dropped: lines that went nowhere. trouble: why the last one did; empty when it was written or waits.
    """

    def __init__(self, number: int):
        self.dropped = 0
        self.trouble = ""
        self._waiting = bytearray()
        self._at_line_start = True  # of what the other end has got
        self._lock = threading.Lock()
        self._write = _unwaiting_write(number)

    def write(self, line: bytes) -> None:
        """Write a line that ends with a line break, after those that wait."""
        with self._lock:
            self._send()
            if len(self._waiting) + len(line) > MOST_WAITING:
                self.dropped += 1
                self.trouble = NOBODY_READS
                return
            if not (self._waiting or self._at_line_start):
                self._waiting += b"\n"  # the rest of the last line was dropped
            self._waiting += line
            self._send()

    def flush(self) -> None:
        """Write what waits, as far as it is taken now."""
        if self._waiting:
            with self._lock:
                self._send()

    def drain(self, patience_s: float) -> None:
        """Write what waits, for so long at most."""
        until_s = time.monotonic() + patience_s
        self.flush()
        while self._waiting and time.monotonic() < until_s:
            time.sleep(0.01)
            self.flush()

    def _send(self):
        while self._waiting:
            try:
                written = self._write(bytes(self._waiting[:AT_ONCE]))
            except BlockingIOError:
                return
            except OSError as error:
                self.dropped += self._waiting.count(b"\n")
                self.trouble = error.strerror or str(error)
                del self._waiting[:]
                return
            if not written:
                return
            self._at_line_start = self._waiting[written - 1 : written] == b"\n"
            del self._waiting[:written]
        self.trouble = ""


def _unwaiting_write(number):
    """A function of bytes that returns how many were taken, 0 or BlockingIOError when none are now."""
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        return lambda data: os.write(number, data)  # it is closed, and says so
    if stat.S_ISSOCK(mode):
        connected = socket.fromfd(number, socket.AF_UNIX, socket.SOCK_STREAM)  # whatever family: only send is called
        return lambda data: connected.send(data, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(mode) or os.isatty(number):
        return _pipe_write(number)
    return lambda data: os.write(number, data)  # a file: there is nobody to wait for


def _pipe_write(number):
    """Through an opening of our own, which may be non-blocking: a flag of the given one is everybody's who has it."""
    with suppress(OSError):  # somebody else's terminal, /proc that is not there, a reader that is gone
        own = os.open("/proc/self/fd/{}".format(number), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        return lambda data: os.write(own, data)
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return lambda data: os.write(number, data) if poll.poll(0) else 0
