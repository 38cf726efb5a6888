"""Standard input: raw samples from another program, for example

arecord -q -f S16_LE -r 16000 -c 1 -t raw | cry-monitor run --source -
sox NIGHT.mp3 -t raw -e signed -b 16 -r 16000 -c 1 - | cry-monitor run --source -
"""

import sys
from typing import Iterator

import numpy as np

from edge.audio.source import Source
from edge.errors import UserError
from edge.frames import SAMPLE_RATE

FORMAT = "raw signed 16-bit little-endian samples, {} Hz, mono".format(SAMPLE_RATE)
SAMPLE_BYTES = 2
READ_BYTES = SAMPLE_RATE * SAMPLE_BYTES  # at most a second; what a slow writer has sent is taken as it comes
CONTAINERS = {b"RIFF": "a WAV file", b"fLaC": "a FLAC file", b"OggS": "an OGG file"}


class StdinSource(Source):
    """Raw s16le, 16 kHz, mono from a pipe, until it is closed. A last odd byte is half a sample: ignored.

    Raises UserError when standard input is a terminal, ends without a sample, or begins like a file.
    """

    name = "standard input"

    def __init__(self):
        if sys.stdin is None or sys.stdin.isatty():
            raise UserError("standard input is not connected to any audio: pipe {} into it".format(FORMAT))
        self._input = sys.stdin.buffer

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield 1-D float32 blocks as they arrive. Raises UserError for no samples, or a file's header."""
        waiting = self._first_bytes()
        while True:
            whole = len(waiting) - len(waiting) % SAMPLE_BYTES
            if whole:
                yield np.frombuffer(waiting[:whole], "<i2").astype(np.float32) / 32768
            arrived = self._input.read1(READ_BYTES)
            if not arrived:
                return
            waiting = waiting[whole:] + arrived

    def _first_bytes(self) -> bytes:
        first = self._input.read(4)
        if first in CONTAINERS:
            raise UserError(
                "standard input begins like {}: pipe {} into it, or use file:PATH".format(CONTAINERS[first], FORMAT)
            )
        if len(first) < SAMPLE_BYTES:
            raise UserError("standard input ended before any audio came: pipe {} into it".format(FORMAT))
        return first
