"""The nights of a home that thresholds can be judged by."""

import time
from typing import Dict, List, NamedTuple, Tuple

from edge.frames import FRAME_HOP_S
from edge.store import OPEN, StoredEvent, Trace

HOUR_S, DAY_S = 3600.0, 86400.0
LEAST_HEARD_S = 4 * HOUR_S  # of a night that says something of how often
REACH_S = 2.0  # what overlaps with an event within so much belongs to it
MOST_NAMED = 8
STARTED = "started"  # of health: names the bundle


class Night(NamedTuple):
    """From noon to noon."""

    begin_utc: float
    heard_s: float
    events: List[StoredEvent]
    traces: List[Trace]

    @property
    def date(self) -> str:
        """Of its evening, local."""
        return time.strftime("%Y-%m-%d", time.localtime(self.begin_utc))


class Nights(NamedTuple):
    """counted: the nights that can be. left_out: why others cannot, one line each. unmarked: events without a mark."""

    counted: List[Night]
    left_out: List[str]
    unmarked: List[StoredEvent]


def nights_of(store, since_utc: float, bundle_sha256: str) -> Nights:
    """What an open edge.store.Store holds since then that was heard with that bundle."""
    started = [row for row in store.health(0.0) if row.state == STARTED]
    events = [event for event in store.events(since_utc) if event.state != OPEN]
    minutes, its_events, its_traces = (
        by_night(rows) for rows in (store.minutes(since_utc), events, store.traces(since_utc))
    )
    counted, left_out = [], []
    for begin_utc in sorted(minutes):
        heard_s = sum(minute.duration_s for minute in minutes[begin_utc])
        night = Night(begin_utc, heard_s, its_events.get(begin_utc, []), its_traces.get(begin_utc, []))
        trouble = why_not(night, _bundles(started, begin_utc, noon_after(begin_utc)), bundle_sha256)
        if trouble:
            left_out.append("night of {}: {}".format(night.date, trouble))
        else:
            counted.append(night)
    return Nights(counted, left_out, [event for event in events if event.mark is None])


def by_night(rows) -> Dict[float, list]:
    """{noon: the rows that began in the day after it}."""
    found = {}  # type: Dict[float, list]
    for row in rows:
        found.setdefault(noon_before(row.start_utc), []).append(row)
    return found


def why_not(night: Night, bundles: List[str], bundle_sha256: str) -> str:
    """Why a night cannot be counted, in words; empty when it can."""
    if night.heard_s < LEAST_HEARD_S:
        return "heard for {:.1f} h only".format(night.heard_s / HOUR_S)
    if any(bundle_sha256[:12] not in said for said in bundles):
        return "heard with other models"
    unmarked = [str(event.id) for event in night.events if event.mark is None]
    if unmarked:
        more = " and {} more".format(len(unmarked) - MOST_NAMED) if len(unmarked) > MOST_NAMED else ""
        return "without a mark: event{} {}{}".format(
            "" if len(unmarked) == 1 else "s", ", ".join(unmarked[:MOST_NAMED]), more
        )
    if not all(is_traced(event, night.traces) for event in night.events):
        return "what the models said of its frames is not kept any more, or never was"
    return ""


def is_traced(event: StoredEvent, traces: List[Trace]) -> bool:
    """Whether there are frames of an event."""
    return any(trace.start_utc <= event.end_utc + REACH_S and span(trace)[1] >= event.start_utc for trace in traces)


def span(trace: Trace) -> Tuple[float, float]:
    """When its first frame began and its last one ended."""
    return trace.start_utc - FRAME_HOP_S, trace.end_utc


def noon_before(utc: float) -> float:
    """The latest local noon at or before that."""
    noon = _noon(utc, 0)
    return noon if noon <= utc else _noon(utc, -1)


def noon_after(noon_utc: float) -> float:
    """The noon after a noon, 23 to 25 h later."""
    return _noon(noon_utc, 1)


def _noon(utc, days):
    local = time.localtime(utc)
    return time.mktime((local.tm_year, local.tm_mon, local.tm_mday + days, 12, 0, 0, 0, 0, -1))


def _bundles(started, begin_utc, end_utc):
    """What the monitors said of their bundles that heard in this time."""
    before = [row.detail for row in started if row.at_utc <= begin_utc][-1:]
    return (before + [row.detail for row in started if begin_utc < row.at_utc < end_utc]) or ["nobody knows which"]
