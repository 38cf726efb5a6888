"""Minutes and events tell the same seconds of crying, however an event came to reach back."""

import random

import pytest

from edge.records import Event
from edge.runtime.cry_time import CryTime


class Kept:
    """Minutes as a keeper has them: their seconds of crying."""

    def __init__(self):
        self.cry_s = []

    def add(self, cry_s):
        self.cry_s.append(cry_s)
        return len(self.cry_s) - 1

    def amend_minute(self, kept, cry_s):
        self.cry_s[kept] = cry_s


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def cry_time(kept):
    return CryTime(kept)


def minute(cry_time, kept, begin_s, end_s, open_event=None):
    cry_s = cry_time.cry_s(begin_s, end_s, open_event)
    cry_time.add_minute(begin_s, end_s, kept.add(cry_s), cry_s, open_event)


def test_an_event_within_a_minute(cry_time, kept):
    cry_time.add_event(Event(10, 17.5, 0.9))
    minute(cry_time, kept, 0, 60)
    assert kept.cry_s == [7.5]


def test_an_event_that_goes_on_counts_so_far(cry_time, kept):
    minute(cry_time, kept, 0, 60, Event(50, 59, 0.9))
    assert kept.cry_s == [9.0]
    cry_time.add_event(Event(50, 70, 0.9))
    minute(cry_time, kept, 60, 120)
    assert kept.cry_s == [10.0, 10.0]


def test_one_that_began_before_it_was_told_puts_the_last_minute_right(cry_time, kept):
    minute(cry_time, kept, 0, 60)
    cry_time.add_event(Event(52, 66, 0.9))
    assert kept.cry_s == [8.0]
    minute(cry_time, kept, 60, 66)
    assert kept.cry_s == [8.0, 6.0]


def test_a_pause_is_crying_once_the_cry_goes_on(cry_time, kept):
    open_event = Event(30, 55, 0.9)
    for begin_s in (0, 60, 120):
        minute(cry_time, kept, begin_s, begin_s + 60, open_event)
    assert kept.cry_s == [25.0, 0.0, 0.0]
    minute(cry_time, kept, 180, 240, Event(30, 200, 0.9))
    assert kept.cry_s == [30.0, 60.0, 60.0, 20.0]


def test_whatever_was_heard_the_sums_agree(cry_time, kept):
    rng = random.Random(3)
    at_s, total_s = 0.0, 0.0
    begin_s, events = 0.0, []
    for _ in range(200):
        start_s = at_s + rng.uniform(0.1, 90)
        at_s = start_s + rng.choice((0.4, 5.0, 80.0, 300.0)) * rng.random()
        events.append(Event(start_s, at_s, 0.9))
        total_s += at_s - start_s
    for event in events:  # each is told some seconds after it was over, as a merge gap has it
        while begin_s + 60 < event.end_s + 5:
            so_far = event._replace(end_s=min(event.end_s, begin_s + 60))
            minute(cry_time, kept, begin_s, begin_s + 60, so_far if event.start_s < begin_s + 55 else None)
            begin_s += 60
        cry_time.add_event(event)
    minute(cry_time, kept, begin_s, at_s + 60)
    assert sum(kept.cry_s) == pytest.approx(total_s, abs=0.01)
