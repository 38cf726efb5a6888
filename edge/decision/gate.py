"""The level gate: in a quiet room the detector is not asked.

Levels are those in the band of cries: an offset, hum or rumble is no reason to listen, and hides no cry. The floor is
the room's own level, not a fixed one, so that a quiet microphone is not deaf.
"""

from bisect import bisect_left, insort
from collections import deque
from itertools import islice

HISTORY_S = 30.0  # the room is what was heard in this time
FIRST_HISTORY_S = 6.0  # before that much is known, everything is listened to
FLOOR_SHARE = 0.1  # a long cry has pauses: its quietest tenth is the room


class LevelGate(object):
    """Opens when the newest second holds a hop louder than the room by margin_db."""

    def __init__(self, margin_db, lowest_dbfs, hop_s, frame_hops):
        """lowest_dbfs: nothing below this level is ever listened to. frame_hops: hops per analysed frame."""
        self.margin_db = margin_db
        self.lowest_dbfs = lowest_dbfs
        self._levels_dbfs = deque()
        self._ascending_dbfs = []  # the same levels, kept in order: sorting them at every hop costs ten times as much
        self._hops = int(round(HISTORY_S / hop_s))
        self._first_hops = int(round(FIRST_HISTORY_S / hop_s))
        self._frame_hops = frame_hops

    def floor_dbfs(self):
        """The room's level in dBFS, or None while too little has been heard."""
        if len(self._levels_dbfs) < self._first_hops:
            return None
        return self._ascending_dbfs[int(len(self._ascending_dbfs) * FLOOR_SHARE)]

    def update(self, level_dbfs):
        """Take the newest hop's level; return True when the frame that ends with it is worth the detector."""
        if len(self._levels_dbfs) == self._hops:
            del self._ascending_dbfs[bisect_left(self._ascending_dbfs, self._levels_dbfs.popleft())]
        self._levels_dbfs.append(level_dbfs)
        insort(self._ascending_dbfs, level_dbfs)
        loudest_dbfs = max(islice(reversed(self._levels_dbfs), self._frame_hops))
        if loudest_dbfs < self.lowest_dbfs:
            return False
        floor_dbfs = self.floor_dbfs()
        return floor_dbfs is None or loudest_dbfs > floor_dbfs + self.margin_db
