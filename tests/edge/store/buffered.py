"""A store behind which events wait, as tests write and read it."""

from edge.records import Event, ExpertReading
from edge.store import Store

READINGS = (
    ExpertReading("ios", {"hungry": 0.7, "tired": 0.3}, 1.5, 0.61, 0.8),
    ExpertReading("android", {"hungry": 0.4, "tired": 0.6}, 1.7, 0.67, 0.2),
)


def an_event(start_s, length_s=5.0, **changes):
    return Event(start_s, start_s + length_s, 0.75)._replace(**changes)


def stored(keeper):
    """(state, length in seconds) of every event in the database."""
    with Store(keeper.path, read_only=True) as store:
        return [(event.state, event.end_utc - event.start_utc) for event in store.events()]


def health_states(path):
    with Store(path, read_only=True) as store:
        return [row.state for row in store.health()]
