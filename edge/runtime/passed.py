"""The time that passes while the monitor hears: every second of it was heard, or is counted as skipped.

A machine that sleeps, a process that is stopped, sound that is lost on its way through a sound server or a pipe: none
of them says so. The clock does: less came than time went by.
"""

import math
import time
from typing import Optional

CLOCK_BOOTTIME = 7  # time.CLOCK_BOOTTIME of Python 3.7: it goes on while the machine sleeps
WINDOW_S = 5.0  # what comes late comes within two of these, or does not come
LOST_S = 0.25  # being behind by less is how unevenly blocks come
DRIFT = 1e-3  # being behind by more and more, but no quicker, is a crystal: no two agree
DRIFT_S = 60.0  # looked at over so long
FASTER_S = 3.0  # that much more than there was time for, and half as much again: no microphone


def since_boot_s() -> float:
    """Seconds since the machine started, asleep or not."""
    return time.clock_gettime(CLOCK_BOOTTIME)


class StreamClock:
    """Compares what a live source has sent with the time that has passed since its first sample.

    How far it is behind varies with every block; the least over a while counts: what is only late is caught up with,
    what is lost is not. Times are since_boot_s(); `arrived_s` counts what is known to be skipped, too.
    """

    def __init__(self, opened_s: float, began_s: float):
        """opened_s: when the source was opened. began_s: when its first sample was captured."""
        self.lost_s = 0.0
        self._opened_s = opened_s
        self._began_s = began_s
        self._usual_s: Optional[float] = None  # how far behind it usually is: latency
        self._usual_since_s = began_s
        self._least_before_s = math.inf  # of how far behind it was, in the window before this one
        self._least_s = math.inf  # in this window
        self._window_began_s = began_s

    def push(self, arrived_s: float, at_s: float) -> float:
        """Seconds that are found to be lost now, when the last of `arrived_s` was captured at `at_s`."""
        behind_s = self._behind_s(arrived_s, at_s)
        self._usual_s = behind_s if self._usual_s is None else min(behind_s, self._usual_s)
        self._least_s = min(behind_s, self._least_s)
        if at_s - self._window_began_s < WINDOW_S:
            return 0.0
        least_s = min(self._least_before_s, self._least_s)
        lost_s = least_s - self._usual_s
        if lost_s < LOST_S:
            watched_s = at_s - self._usual_since_s
            if watched_s >= DRIFT_S and lost_s <= DRIFT * watched_s:
                self._usual_s, self._usual_since_s = least_s, at_s
            lost_s = 0.0
        self.lost_s += lost_s
        self._least_before_s, self._least_s = self._least_s - lost_s, math.inf
        self._window_began_s = at_s
        return lost_s

    def finish(self, arrived_s: float, now_s: float) -> float:
        """Seconds that are lost besides, when no more comes: whatever has not arrived was not heard."""
        lost_s = max(0.0, self._behind_s(arrived_s, now_s))
        self.lost_s += lost_s
        return lost_s

    def is_faster(self, arrived_s: float, now_s: float) -> bool:
        """Whether more has come than a microphone can have heard: a recording, or an error."""
        passed_s = now_s - self._opened_s
        return arrived_s > passed_s + FASTER_S and arrived_s > 1.5 * passed_s

    def _behind_s(self, arrived_s, at_s):
        return at_s - self._began_s - arrived_s - self.lost_s
