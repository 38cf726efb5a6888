"""What the newest cries are like, kept in memory until somebody says that they were the infant's, and then no more."""

import threading
from typing import NamedTuple

import numpy as np

from edge.runtime.passed import since_boot_s

MOST = 50
LONGEST_S = 86400.0


class Cry(NamedTuple):
    """One event's."""

    start_utc: float  # of the event, seconds since 1970
    mean: np.ndarray  # (dimensions,) float64, of the directions of its seconds
    seconds: int
    until_s: float  # since boot


class WaitingCries(object):
    """At most MOST, each for at most LONGEST_S. Added by the listening thread, looked at by the socket's."""

    def __init__(self, clock=since_boot_s):
        self._clock = clock
        self._lock = threading.Lock()
        self._cries = []

    def add(self, start_utc, mean, seconds):
        """One more; the oldest makes room."""
        with self._lock:
            self._cries.append(Cry(start_utc, mean, seconds, self._clock() + LONGEST_S))
            del self._cries[:-MOST]

    def forget_old(self):
        """Those whose time is over are gone."""
        now_s = self._clock()
        with self._lock:
            self._cries = [cry for cry in self._cries if cry.until_s > now_s]

    def all(self):
        """Every one whose time is not over, the oldest first."""
        self.forget_old()
        with self._lock:
            return list(self._cries)

    def forget(self, cries=None):
        """Some are gone, or all."""
        gone = None if cries is None else {cry.start_utc for cry in cries}
        with self._lock:
            self._cries = [] if gone is None else [cry for cry in self._cries if cry.start_utc not in gone]
