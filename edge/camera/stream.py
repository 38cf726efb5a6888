"""One run of ffmpeg: what it sends, as messages of edge.capture, and why it ended."""

import array
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Iterator, Optional, Tuple

from edge.camera import ffmpeg
from edge.camera.address import Address
from edge.camera.words import blames_the_stream, has_no_sound, meaning_of
from edge.capture.messages import ENDED, FAILED, OPENED, SAMPLES, Block, pack_block

BLOCK_S = 0.1  # of audio in each message
READ_BYTES = 1 << 16
MOST_LINES = 20  # of what ffmpeg said, the last
HEADER = struct.Struct(">4s5I")  # Sun's AU: magic, where samples begin, their bytes, encoding, rate, channels
FLOAT = 6
SAMPLE_BYTES = 4
FAILURES = 2  # without a sample, before the stream is asked for in the other way
KILL_S = 1.0
SOON_S = 5.0  # until the first sample, of a camera that is asked for its sound alone: what hangs is asked anew
PATIENCE_S = 10.0  # where ffmpeg wants to look at what comes

_failures = {}  # of each address shown: how many runs in a row gave no sample for how they asked


def asks_for_the_whole(shown: str) -> bool:
    """Whether all of a camera's streams are asked for now: some give no sound alone."""
    return _failures.get(shown, 0) // FAILURES % 2 == 1


class CameraStream:
    """ffmpeg on that address, from now on. Raises UserError when it cannot be started.

    The process is this one's child and ends with it. `hangup`: a socket's descriptor; when it is closed at
    the other end, messages() ends.
    """

    def __init__(self, address: Address, hangup: Optional[int] = None):
        self._address = address
        self._hangup = hangup
        self._waiting = b""  # of ffmpeg's output
        self._lines = deque([""], MOST_LINES)
        self._heard = False
        self._began_s = time.monotonic()
        self._whole = asks_for_the_whole(address.shown)
        self._child = ffmpeg.start(address, self._whole)

    @property
    def pid(self) -> int:
        """ffmpeg's process number."""
        return self._child.pid

    def messages(self) -> Iterator[Tuple[bytes, bytes]]:
        """Yield (kind, payload) until ffmpeg ends, or nobody listens any more."""
        try:
            yield from self._opened()
        finally:
            self._note_outcome()

    def kill(self) -> None:
        """End ffmpeg at once, so that messages() ends."""
        self._child.kill()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(KILL_S)

    def close_pipe(self) -> None:
        """Give the pipes back; when nobody is inside messages() any more."""
        self._child.stdout.close()
        self._child.stderr.close()

    def _opened(self):
        """It is open when its first samples are there."""
        begin = opened = None
        for arrived in self._arriving():
            self._waiting += arrived
            if begin is None and len(self._waiting) >= HEADER.size:
                begin, rate_hz, channels = self._header()
                opened = {"name": self._address.shown, "rate_hz": rate_hz, "channels": channels}
            if begin and len(self._waiting) >= begin:
                self._waiting, begin = self._waiting[begin:], 0
            if begin == 0:
                for message in self._blocks(channels, int(BLOCK_S * rate_hz)):
                    if opened:
                        yield OPENED, json.dumps(opened).encode()
                        opened = None
                    yield message
        if self._heard:
            yield from self._blocks(channels, 1)
        yield (ENDED if self._heard else FAILED), self._why_it_ended().encode("utf-8", "replace")

    def _header(self):
        magic, begin, _, encoding, rate_hz, channels = HEADER.unpack_from(self._waiting)
        if magic != b".snd" or encoding != FLOAT or not channels or not rate_hz:
            raise ValueError("ffmpeg sends something else than it was asked for")
        return begin, rate_hz, channels

    def _blocks(self, channels, frames):
        """Yield whole blocks of so many frames, or all whole frames at the end."""
        frame_bytes = SAMPLE_BYTES * channels
        at_once = len(self._waiting) // (frames * frame_bytes) * frames * frame_bytes
        if not at_once:
            return
        samples = array.array("f")
        samples.frombytes(self._waiting[:at_once])
        if sys.byteorder == "little":
            samples.byteswap()
        self._waiting = self._waiting[at_once:]
        self._heard = True
        _failures[self._address.shown] = FAILURES if self._whole else 0  # asked so again the next time
        yield SAMPLES, pack_block(Block(time.monotonic(), False, samples.tobytes()))

    def _arriving(self):
        """Yield what ffmpeg sends until its end; what it says is kept."""
        out, said = self._child.stdout.fileno(), self._child.stderr.fileno()
        poll = select.poll()
        poll.register(out, select.POLLIN)
        poll.register(said, select.POLLIN)
        if self._hangup is not None:
            poll.register(self._hangup, 0)  # its end alone, not what it sends
        while True:
            ready = poll.poll(None if self._heard else 1000 * self._left_s())
            if not ready and not self._heard:
                return
            for descriptor, _ in ready:
                if descriptor == self._hangup:
                    return
                arrived = os.read(descriptor, READ_BYTES)
                if descriptor == out and arrived:
                    yield arrived
                elif descriptor == said and arrived:
                    self._hear_it_say(arrived)
                elif descriptor == out:
                    self._hear_it_say(_rest_of(said))
                    return
                else:
                    poll.unregister(said)

    def _left_s(self):
        """How long the first sample may still take."""
        is_quick = self._address.is_rtsp and not self._whole and ffmpeg.knows_options()
        return max(0.0, self._began_s + (SOON_S if is_quick else PATIENCE_S) - time.monotonic())

    def _hear_it_say(self, arrived):
        """Keep the last lines; the last of them may not be whole yet."""
        lines = (self._lines.pop() + arrived.decode("utf-8", "replace")).splitlines(True)
        self._lines.extend(line.rstrip("\n") for line in lines)
        if not lines or lines[-1].endswith("\n"):
            self._lines.append("")

    def _why_it_ended(self):
        said = meaning_of([line for line in self._lines if line.strip()], self._address.password)
        if self._heard:
            return "sends no more" + (": it {}".format(said) if said else ": its stream ended")
        if not said and self._child.poll() is None:
            said = "answers, and sends nothing for {:.0f} s: restart it".format(time.monotonic() - self._began_s)
        return "camera {} {}".format(self._address.shown, said or "sends no sound: switch its microphone on")

    def _note_outcome(self):
        """Remember how it was asked, when that may have been the reason that nothing came."""
        if not self._heard and self._whole and has_no_sound(list(self._lines)):
            _failures.pop(self._address.shown, None)  # however it is asked: the quicker way for the day that it has one
        elif not self._heard and blames_the_stream(list(self._lines)):
            _failures[self._address.shown] = _failures.get(self._address.shown, 0) + 1


def _rest_of(descriptor):
    """What is left to be read without waiting."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return os.read(descriptor, READ_BYTES) if poll.poll(100) else b""
