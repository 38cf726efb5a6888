"""What sound comes from live through a process of its own, which can be killed whatever it waits for."""

import json
import threading
import time
from typing import Iterator, List

import numpy as np

from edge.audio.hops import HopQueue
from edge.audio.intake import Intake, Remark
from edge.audio.source import Source
from edge.capture.messages import ENDED, FAILED, OPENED, SAMPLES, unpack_block
from edge.errors import UserError
from edge.frames import FRAME_HOP

STOPPED_S = 0.5  # waiting took this much longer than it should: it was this process that stood still
JOIN_S = 1.0


class MicrophoneLost(UserError):
    """The microphone stopped delivering: unplugged, moved, or its sound server is gone. Open it again."""


class MicrophoneStalled(MicrophoneLost):
    """Nothing more came, and nobody said why: suspended, or its sound server hangs. Open it again."""


class CapturedSource(Source):
    """What a capture sends, at its own rate and channels; the channel that hears, resampled to 16 kHz.

    Blocks are hops of 0.2 s; when they are not taken in time, whole hops are skipped and counted, the oldest first:
    arrived_frames = those yielded + skipped_frames, once the source is closed.

    A capture has messages() (edge.capture.messages), kill(), which ends them, and close_pipe(). Raises UserError when
    it does not open. Whoever inherits says how long is waited, and for what.
    """

    OPEN_S = 0.0  # until it is open
    FIRST_HOP_S = 0.0  # after opening
    STALL_S = 0.0  # it is never silent for so long: silence, too, comes in blocks
    KIND = ""  # what a person calls it
    CHECK = ""  # what to do when nothing comes
    HANGS = ""  # why it may not open in time

    def __init__(self, capture, name: str):
        self._hops = HopQueue()
        self._captured_s = time.monotonic()
        self._opened = threading.Event()
        self._failure = None  # why it did not open
        self._ending = None  # why no more blocks come
        self._closed = False
        self._stopped = False
        self._reader = None
        self._intake = None  # until it is open
        self._capture = capture
        try:
            self._reader = threading.Thread(target=self._read, name=self.KIND, daemon=True)
            self._reader.start()
            self._wait_until_open(name)
        except BaseException:
            self.close()
            raise

    @property
    def arrived_frames(self) -> int:
        return self._hops.arrived

    @property
    def skipped_frames(self) -> int:
        return self._hops.skipped

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self._captured_s

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield hops, 1-D float32 at 16 kHz, until close().

        Raises MicrophoneLost when the stream ends by itself, MicrophoneStalled when nothing came for STALL_S.
        """
        patience_s = self.FIRST_HOP_S
        while not self._stopped:
            asked_s = time.monotonic()
            hop = self._hops.take(patience_s)
            if hop is not None:
                self._captured_s = hop.captured_s
                self.dropped_samples += hop.skipped * FRAME_HOP
                patience_s = self.STALL_S
                yield hop.samples
            elif self._ending and not self._stopped:
                raise MicrophoneLost("{} {!r} {}".format(self.KIND, self.name, self._ending))
            elif not self._stopped and time.monotonic() - asked_s < patience_s + STOPPED_S:
                raise MicrophoneStalled(
                    "{} {!r} sends nothing, for {:.1f} s now: {}".format(
                        self.KIND, self.name, time.monotonic() - self._captured_s, self.CHECK
                    )
                )

    def remarks(self) -> List[Remark]:
        return self._intake.remarks() if self._intake else []

    def stop(self) -> bool:
        self._stopped = True
        self._hops.end()
        return True

    def close(self) -> None:
        """End the process at once; a blocks() that waits in another thread ends. Never hangs."""
        if self._closed:
            return
        self._closed = True
        self.stop()
        self._capture.kill()
        if self._reader is not None and self._reader.ident:
            self._reader.join(JOIN_S)
            if self._reader.is_alive():
                return  # the process cannot be killed, and its pipe is still being read
        self._capture.close_pipe()
        self._hops.give_up()

    def _wait_until_open(self, name):
        if not self._opened.wait(self.OPEN_S):
            raise UserError("{} {!r} does not open within {:g} s: {}".format(self.KIND, name, self.OPEN_S, self.HANGS))
        if not self.name:
            raise UserError(self._failure)

    def _read(self):
        """The thread: takes messages until the process ends."""
        try:
            for kind, payload in self._capture.messages():
                if kind == OPENED:
                    self._note_opened(json.loads(payload.decode()))
                elif kind == SAMPLES:
                    self._note_block(unpack_block(payload))
                elif kind == ENDED:
                    self._ending = payload.decode("utf-8", "replace")
                elif kind == FAILED:
                    self._failure = payload.decode("utf-8", "replace")
        except Exception as error:  # a rate that cannot be resampled; this thread has nobody else to tell
            self._failure = self._ending = str(error)
        finally:
            self._failure = self._failure or "the process that reads it ended without a word"
            self._ending = self._ending or "is not read any more: the process that read it ended without a word"
            self._opened.set()
            self._hops.end()

    def _note_opened(self, device):
        self.native_rate_hz = device["rate_hz"]
        self.channels = device["channels"]
        self._intake = Intake(self.native_rate_hz, self.channels)
        self.name = device["name"]  # last: what has a name is open
        self._captured_s = time.monotonic()
        self._opened.set()

    def _note_block(self, block):
        self.overflows += block.overflowed
        samples = np.frombuffer(block.samples, np.float32).reshape(-1, self.channels)
        if len(samples):
            self._hops.push(self._intake.push(samples), block.captured_s)
