"""What tests of the store write."""

from edge.records import Event
from edge.store import Minute

NIGHT_UTC = 1.8e9
MINUTE = Minute(NIGHT_UTC, 60.0, 4.2, -50.0, -20.0, 300, 1, 0)


def an_event(start_s=10.0, **changes):
    return Event(start_s, start_s + 5.0, 0.75)._replace(**changes)
