"""What a night came to, from the rows of the store: how much was heard, when it was deaf, when there was crying."""

import math
from typing import List, NamedTuple, Optional

from edge.store import Cry

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
SHORTEST_GAP_S = 2.0  # two minutes follow each other within the clock's own steps
UNWRITTEN_S = 90.0  # a minute is written when it is over: what is newer may be there and not be written yet


class Span(NamedTuple):
    """A stretch of time, seconds since 1970."""

    begin_utc: float
    end_utc: float

    @property
    def seconds(self):
        """Its length."""
        return self.end_utc - self.begin_utc


class Column(NamedTuple):
    """A stretch of the timeline, one mark wide."""

    span: Span
    heard_s: float
    cry_s: float
    mean_dbfs: Optional[float]  # of the power; None where nothing was heard
    max_dbfs: Optional[float]


class Night(NamedTuple):
    """A stretch of listening and what was heard in it."""

    span: Span
    heard_s: float  # seconds that were listened to
    events: List[Cry]  # cut to the span
    gaps: List[Span]  # in which it could not hear, or was not running
    pauses: List[Span]  # in which it was asked not to listen

    @property
    def cry_s(self):
        """Seconds of crying."""
        return sum(event.end_utc - event.start_utc for event in self.events)


def night(store, begin_utc, end_utc) -> Night:
    """The Night from begin_utc to end_utc of an open edge.store.Store; it begins no sooner than the first row."""
    events = [cut(event, begin_utc, end_utc) for event in store.cries(begin_utc) if event.start_utc < end_utc]
    first_utc, last_utc, heard_s = store.heard(begin_utc, end_utc) or (end_utc, begin_utc, 0.0)
    first_utc = min([first_utc] + [event.start_utc for event in events])
    span = Span(max(begin_utc, min(first_utc, end_utc - 1.0)), end_utc)
    pauses = pauses_of(store.health(begin_utc), span)
    unheard = [Span(*stretch) for stretch in store.unheard(begin_utc, end_utc, SHORTEST_GAP_S)]
    if end_utc - last_utc > UNWRITTEN_S:
        unheard.append(Span(max(last_utc, span.begin_utc), end_utc))
    return Night(span, heard_s, events, gaps_of(unheard, pauses), pauses)


def cut(event, begin_utc, end_utc):
    """The part of an event that lies between two moments."""
    return event._replace(start_utc=max(event.start_utc, begin_utc), end_utc=min(event.end_utc, end_utc))


def gaps_of(unheard, pauses) -> List[Span]:
    """What was not heard and was not paused, longer than SHORTEST_GAP_S."""
    gaps = []
    for stretch in unheard:
        begin_utc = stretch.begin_utc
        for pause in pauses:
            if pause.begin_utc < stretch.end_utc and pause.end_utc > begin_utc:
                gaps.append(Span(begin_utc, pause.begin_utc))
                begin_utc = pause.end_utc
        gaps.append(Span(begin_utc, stretch.end_utc))
    return [gap for gap in gaps if gap.seconds > SHORTEST_GAP_S]


def pauses_of(health, span) -> List[Span]:
    """Stretches between a health row "paused" and the next of another state."""
    pauses, since = [], None
    for row in health:
        if row.state == "paused":
            since = row.at_utc if since is None else since
        elif since is not None:
            pauses.append(Span(since, row.at_utc))
            since = None
    if since is not None:
        pauses.append(Span(since, span.end_utc))
    return pauses


def columns(a_night, minutes, count) -> List[Column]:
    """The timeline in `count` columns of one length; minutes: of the night, edge.store.Minute."""
    span = a_night.span
    width_s = span.seconds / count
    powers, heard_s, max_dbfs = [0.0] * count, [0.0] * count, [None] * count
    for minute in minutes:
        for number, seconds in overlaps(minute.start_utc, minute.start_utc + minute.duration_s, span, width_s, count):
            heard_s[number] += seconds
            if minute.mean_dbfs is not None:
                powers[number] += seconds * 10.0 ** (minute.mean_dbfs / 10.0)
                max_dbfs[number] = max(minute.max_dbfs, max_dbfs[number] or -math.inf)
    cry_s = cry_seconds(a_night.events, span, width_s, count)
    return [
        Column(
            Span(span.begin_utc + number * width_s, span.begin_utc + (number + 1) * width_s),
            heard_s[number],
            cry_s[number],
            10.0 * math.log10(powers[number] / heard_s[number]) if powers[number] > 0.0 else None,
            max_dbfs[number],
        )
        for number in range(count)
    ]


def unheard_shares(a_night, width_s, count) -> List[float]:
    """Which share of each of `count` stretches of width_s lies in a gap or a pause, 0 to 1."""
    seconds = [0.0] * count
    for stretch in a_night.gaps + a_night.pauses:
        for number, part_s in overlaps(stretch.begin_utc, stretch.end_utc, a_night.span, width_s, count):
            seconds[number] += part_s
    return [min(1.0, each / width_s) for each in seconds]


def cry_seconds(events, span, width_s, count) -> List[float]:
    """Seconds of crying in each of `count` stretches of width_s from the span's beginning."""
    seconds = [0.0] * count
    for event in events:
        for number, part_s in overlaps(event.start_utc, event.end_utc, span, width_s, count):
            seconds[number] += part_s
    return seconds


def overlaps(begin_utc, end_utc, span, width_s, count):
    """Yield (number of a stretch, seconds of it) that lie between two moments."""
    first = max(0, int((begin_utc - span.begin_utc) // width_s))
    last = min(count - 1, int((end_utc - span.begin_utc) // width_s))
    for number in range(first, last + 1):
        start = span.begin_utc + number * width_s
        seconds = min(end_utc, start + width_s) - max(begin_utc, start)
        if seconds > 0.0:
            yield number, seconds
