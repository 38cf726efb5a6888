"""What thresholds can be tried on again: the probability of every frame, wherever it was not next to nothing.

A quiet night leaves nothing, a restless one some kilobytes.
"""

from typing import Callable

from edge.frames import FRAME_HOP_S
from edge.store import Trace
from edge.store.rows import MOST_TRACE_FRAMES

KEEP_FROM = 0.05  # smoothed probability: what is below would open no episode at any sensitivity
TAIL_FRAMES = 10  # 2 s below it end a trace
SCALE = 255.0
ROUNDING = 1e-6  # of sums of floats


class TraceSum(object):
    """Gathers frames; hands a Trace to keep() when one is whole."""

    def __init__(self, keep: Callable[[Trace], None]):
        self._keep = keep
        self._start_utc = self._t_s = 0.0
        self._frames = bytearray()
        self._quiet_frames = 0  # at the end of them

    def add(self, probability: float, t_s: float, at_utc: float) -> None:
        """The frame that ended at second t_s of the audio as it came, at at_utc; probability: smoothed."""
        is_quiet = probability < KEEP_FROM
        if self._frames and t_s - self._t_s > 1.5 * FRAME_HOP_S:
            self.finish()
        if is_quiet and not self._frames:
            return
        if not self._frames:
            self._start_utc = at_utc
        self._t_s = t_s
        # Rounded down: no threshold is reached that was not.
        self._frames.append(int(SCALE * min(1.0, probability) + ROUNDING))
        self._quiet_frames = self._quiet_frames + 1 if is_quiet else 0
        if self._quiet_frames >= TAIL_FRAMES or len(self._frames) >= MOST_TRACE_FRAMES:
            self.finish()

    def finish(self) -> None:
        """Nothing follows."""
        if self._quiet_frames:
            del self._frames[-self._quiet_frames :]
        if self._frames:
            end_utc = self._start_utc + (len(self._frames) - 1) * FRAME_HOP_S
            self._keep(Trace(self._start_utc, end_utc, bytes(self._frames)))
        self._frames, self._quiet_frames = bytearray(), 0
