"""Between the thread that reads the microphone and the one that analyses: whole hops, never too many."""

import threading
import time
from collections import deque
from typing import NamedTuple, Optional

import numpy as np

from edge.frames import FRAME_HOP, FRAME_HOPS, SAMPLE_RATE

# What a slow memory card or another program holds up is caught up with. Who is slow for good gets the newest
# audio in unbroken stretches: a detector that sees only every other hop hears nothing that is real.
MOST_WAITING = 20  # hops, 4 s: older ones are skipped when there are more
KEPT = FRAME_HOPS  # of the newest then


class Hop(NamedTuple):
    """One hop of audio."""

    samples: np.ndarray  # (FRAME_HOP,) float32 at 16 kHz
    captured_s: float  # time.monotonic() at its end
    skipped: int  # hops that were skipped right before it


class HopQueue:
    """Cuts audio into hops and keeps the newest of them until they are taken.

    Every whole hop is counted: arrived = taken + skipped + waiting, always.
    """

    def __init__(self, most_waiting: int = MOST_WAITING, kept: int = KEPT):
        self.arrived = 0
        self.taken = 0
        self.skipped = 0
        self._most_waiting = most_waiting
        self._kept = kept
        self._hops = deque()
        self._skipped_before_next = 0
        self._rest = np.zeros(0, np.float32)  # less than a hop
        self._ended = False
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """Hops that have arrived and were neither taken nor skipped."""
        return len(self._hops)

    def push(self, samples: np.ndarray, captured_s: float) -> None:
        """Add 1-D float32 samples, the last of which was captured at `captured_s`; never waits."""
        samples = np.concatenate((self._rest, samples))
        hops = len(samples) // FRAME_HOP
        self._rest = samples[hops * FRAME_HOP :]
        with self._changed:
            for number in range(hops):
                after = len(samples) - (number + 1) * FRAME_HOP
                self._hops.append(
                    (samples[number * FRAME_HOP : (number + 1) * FRAME_HOP], captured_s - after / SAMPLE_RATE)
                )
            self.arrived += hops
            if len(self._hops) > self._most_waiting:
                self._skip(len(self._hops) - self._kept)
            self._changed.notify()

    def take(self, timeout_s: float) -> Optional[Hop]:
        """The oldest hop, waited for; None when none came in time or none will come any more."""
        give_up_s = time.monotonic() + timeout_s
        with self._changed:
            while not self._hops and not self._ended:
                left_s = give_up_s - time.monotonic()
                if left_s <= 0:
                    return None
                self._changed.wait(left_s)
            if not self._hops:
                return None
            samples, captured_s = self._hops.popleft()
            self.taken += 1
            skipped, self._skipped_before_next = self._skipped_before_next, 0
            return Hop(samples, captured_s, skipped)

    def end(self) -> None:
        """No more will be pushed: take() waits no longer."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def give_up(self) -> None:
        """Count what is still waiting as skipped."""
        with self._changed:
            self._skip(len(self._hops))

    def _skip(self, hops):
        for _ in range(hops):
            self._hops.popleft()
        self.skipped += hops
        self._skipped_before_next += hops
