"""Standard input: raw samples from another program, for example

arecord -q -f S16_LE -r 16000 -c 1 -t raw | cry-monitor run --source -
sox NIGHT.mp3 -t raw -e signed -b 16 -r 16000 -c 1 - | cry-monitor run --source -
"""

import io
import os
import select
import sys
import time
from typing import Iterator

import numpy as np

from edge.audio.magic import is_enough, kind_of_file
from edge.audio.source import Source
from edge.errors import UserError
from edge.frames import SAMPLE_RATE

FORMAT = "raw signed 16-bit little-endian samples, {} Hz, mono".format(SAMPLE_RATE)
SAMPLE_BYTES = 2
READ_BYTES = SAMPLE_RATE * SAMPLE_BYTES  # at most a second; what a slow writer has sent is taken as it comes
STALL_S = 1.5  # a live source is never silent for so long: silence, too, comes in samples


class StdinSource(Source):
    """Raw s16le, 16 kHz, mono from a pipe, until it is closed. A last odd byte is half a sample: ignored.

    Nothing yet is not the end, whoever has made the pipe non-blocking: it is waited for.
    Raises UserError when standard input is a terminal, ends without a sample, or begins like a file.
    """

    name = "standard input"

    def __init__(self):
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("standard input is not connected to any audio: pipe {} into it".format(FORMAT))
        try:
            self._descriptor = sys.stdin.fileno()
            os.fstat(self._descriptor)
        except (OSError, ValueError, io.UnsupportedOperation) as error:
            raise UserError("standard input cannot be read ({}): pipe {} into it".format(error, FORMAT)) from error
        self._arrived_s = time.monotonic()

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self._arrived_s

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield 1-D float32 blocks as they arrive, and an empty one each time that nothing came for STALL_S.

        Raises UserError for no samples, or a file's header.
        """
        waiting, is_begun = b"", False
        for arrived in self._arriving():
            waiting += arrived
            if not is_begun and arrived and not is_enough(waiting):
                continue
            if not is_begun and waiting:
                _refuse_container(waiting)
                is_begun = True
            whole = len(waiting) - len(waiting) % SAMPLE_BYTES
            if whole or not arrived:
                yield _samples(waiting[:whole])
            waiting = waiting[whole:]
        if not is_begun:
            _refuse_container(waiting)
            if len(waiting) < SAMPLE_BYTES:
                raise UserError("standard input ended before any audio came: pipe {} into it".format(FORMAT))
            yield _samples(waiting[: len(waiting) - len(waiting) % SAMPLE_BYTES])

    def _arriving(self):
        """Yield bytes as they come, none at all when nothing came for STALL_S, until the end."""
        while True:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            if not poll.poll(1000.0 * STALL_S):
                yield b""
                continue
            try:
                arrived = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise UserError(
                    "standard input cannot be read ({}): pipe {} into it".format(error.strerror, FORMAT)
                ) from error
            if not arrived:
                return
            self._arrived_s = time.monotonic()
            yield arrived


def _samples(content):
    return np.array(np.frombuffer(content, "<i2") if content else [], np.float32) / np.float32(32768)


def _refuse_container(begun):
    """Raise UserError for the first bytes of a file: compressed or not, they are no samples."""
    kind = kind_of_file(begun)
    if kind:
        raise UserError("standard input begins like {}: pipe {} into it, or use file:PATH".format(kind, FORMAT))
