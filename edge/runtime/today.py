"""How much crying there was since midnight: from the database, so that no restart begins the day anew."""

import time
from typing import Callable

from edge.errors import UserError
from edge.store import Store


class Today(object):
    """Reads again when an event has ended or another day has begun."""

    def __init__(self, path_of: Callable[[], str], wall=time.time):
        """path_of() -> where the database is now. wall: seconds since 1970, for tests to set."""
        self._path_of, self._wall = path_of, wall
        self._known = (0, 0, 0)  # the year, the day and the number of events that the sum is of
        self._cry_s = 0.0

    def cry_s(self, events: int) -> float:
        """Seconds of the events since local midnight. events: how many have ended; a number that differs asks anew."""
        now = time.localtime(self._wall())
        known = (now.tm_year, now.tm_yday, events)
        if known != self._known:
            self._known = known
            midnight_utc = time.mktime((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0, 0, 0, -1))
            self._cry_s = self._since(midnight_utc)
        return self._cry_s

    def _since(self, midnight_utc):
        try:
            with Store(self._path_of(), read_only=True) as store:
                cries = store.cries(midnight_utc)  # without what experts made of them, which takes room
        except UserError:  # the store says so itself, and why
            return self._cry_s
        return sum(max(0.0, cry.end_utc - max(cry.start_utc, midnight_utc)) for cry in cries)
