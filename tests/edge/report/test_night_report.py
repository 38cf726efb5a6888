"""What a night came to: every second is heard, a gap or a pause, and crying is counted where it was."""

import pytest

from edge.records import Event
from edge.report.night import Span, columns, cry_seconds, gaps_of, night, pauses_of
from edge.store import Health, Minute, Store

BEGIN = 1.7e9
HOUR_S = 3600.0


def minute(start_utc, duration_s=60.0, mean_dbfs=-60.0, max_dbfs=-50.0):
    return Minute(start_utc, duration_s, 0.0, mean_dbfs, max_dbfs, 300, 0, 0)


@pytest.fixture
def store(tmp_path):
    """An hour of minutes with ten missing from 20 min on, two cries, one of them over the end."""
    with Store(str(tmp_path / "night.db")) as store:
        for number in list(range(20)) + list(range(30, 60)):
            store.add_minute(minute(BEGIN + 60 * number))
        store.add_event(Event(0, 90.0, 0.9), BEGIN + 600)
        store.add_event(Event(0, 120.0, 0.8), BEGIN + 3540)
        yield store


def test_every_second_is_heard_or_a_gap(store):
    a_night = night(store, BEGIN - HOUR_S, BEGIN + HOUR_S)
    assert a_night.span == Span(BEGIN, BEGIN + HOUR_S)  # it begins with the first row
    assert a_night.gaps == [Span(BEGIN + 1200, BEGIN + 1800)]
    assert a_night.heard_s + sum(gap.seconds for gap in a_night.gaps) == a_night.span.seconds


def test_crying_is_counted_within_the_span_only(store):
    a_night = night(store, BEGIN, BEGIN + HOUR_S)
    assert a_night.cry_s == pytest.approx(90 + 60)
    assert cry_seconds(a_night.events, a_night.span, 1800.0, 2) == pytest.approx([90.0, 60.0])


@pytest.mark.parametrize("count", [1, 7, 60, 240])
def test_columns_hold_all_that_was_heard_and_cried(store, count):
    a_night = night(store, BEGIN, BEGIN + HOUR_S)
    marks = columns(a_night, store.minutes(BEGIN), count)
    assert len(marks) == count
    assert sum(mark.heard_s for mark in marks) == pytest.approx(a_night.heard_s)
    assert sum(mark.cry_s for mark in marks) == pytest.approx(a_night.cry_s)
    assert all(mark.mean_dbfs is None or mark.mean_dbfs == pytest.approx(-60.0) for mark in marks)
    if count == 60:
        assert [mark.max_dbfs is None for mark in marks] == [20 <= number < 30 for number in range(60)]


@pytest.mark.parametrize("later_s, gaps", [(80, 0), (300, 1)])
def test_the_minute_that_goes_on_is_no_gap_and_a_dead_monitor_is_one(tmp_path, later_s, gaps):
    with Store(str(tmp_path / "night.db")) as store:
        store.add_minute(minute(BEGIN))
        found = night(store, BEGIN, BEGIN + 60 + later_s).gaps
    assert found == [Span(BEGIN + 60, BEGIN + 60 + later_s)][:gaps]


def test_a_pause_is_no_gap_and_ends_with_the_next_state():
    health = [
        Health(BEGIN, "healthy", ""),
        Health(BEGIN + 60, "paused", "for 30 min"),
        Health(BEGIN + 600, "healthy", ""),
        Health(BEGIN + 900, "paused", ""),
    ]
    pauses = pauses_of(health, Span(BEGIN, BEGIN + 1000))
    assert pauses == [Span(BEGIN + 60, BEGIN + 600), Span(BEGIN + 900, BEGIN + 1000)]
    assert gaps_of([Span(BEGIN + 60, BEGIN + 600)], pauses) == []
    assert gaps_of([Span(BEGIN, BEGIN + 700)], pauses) == [Span(BEGIN, BEGIN + 60), Span(BEGIN + 600, BEGIN + 700)]


def test_a_clock_that_went_back_makes_no_gap(tmp_path):
    with Store(str(tmp_path / "night.db")) as store:
        for start_s in (0, 60, 30, 90):
            store.add_minute(minute(BEGIN + start_s))
        assert night(store, BEGIN, BEGIN + 150).gaps == []


def test_nothing_recorded_is_an_empty_night(tmp_path):
    with Store(str(tmp_path / "night.db")) as store:
        a_night = night(store, BEGIN, BEGIN + HOUR_S)
    assert (a_night.heard_s, a_night.cry_s, a_night.events) == (0.0, 0, [])
