"""The listener: audio in, rows in the store, each dated rightly, whatever the store does."""

import math
import time

import numpy as np
import pytest
from loud_bundle import loud_bundle, noise_burst  # noqa: F401

from edge.audio import Source
from edge.bundle import load_bundle
from edge.config import default_settings
from edge.records import Alert, Event
from edge.runtime.listener import CHECKPOINT_S, Listener
from edge.sinks import Sink
from edge.store import Store
from edge.store.buffered_store import BufferedStore

ORIGIN_UTC = 1.8e9
BLOCK = 3000


@pytest.fixture
def keeper(tmp_path):
    with BufferedStore(str(tmp_path / "events.db"), default_settings()) as opened:
        yield opened


@pytest.fixture
def store(keeper):
    with Store(keeper.path, read_only=True) as opened:
        yield opened


@pytest.fixture
def emitted():
    return []


class Collector(Sink):
    """Remembers alerts and events as (record, when it was)."""

    def __init__(self, emitted):
        self._emitted = emitted

    def alert(self, alert, at_utc):
        self._emitted.append((alert, at_utc))

    def event(self, event, start_utc):
        self._emitted.append((event, start_utc))


@pytest.fixture
def listener(loud_bundle, keeper, emitted):  # noqa: F811
    return Listener(load_bundle(loud_bundle), default_settings(), keeper, Source(), Collector(emitted), ORIGIN_UTC)


def feed(listener, samples):
    for begin in range(0, len(samples), BLOCK):
        listener.push(samples[begin : begin + BLOCK])


def test_records_are_told_as_they_come_and_dated_from_the_origin(listener, emitted, store):
    feed(listener, noise_burst(8, 6, 20))
    (alert, alert_utc), (event, start_utc) = emitted
    assert isinstance(alert, Alert) and isinstance(event, Event)
    assert alert_utc == ORIGIN_UTC + alert.t_s
    assert start_utc == ORIGIN_UTC + event.start_s == store.events()[0].start_utc


def test_an_open_episode_is_an_event_at_the_end(listener, store):
    feed(listener, noise_burst(8, 6, 0))
    assert [event.state for event in store.events()] == ["open"]
    listener.finish()
    assert [event.state for event in store.events()] == ["ended"]
    assert listener.events == 1


def test_a_long_cry_is_written_while_it_lasts(listener, store):
    """Nobody loses more than the last CHECKPOINT_S, and what the detector needs to see a second of it."""
    samples = noise_burst(3, 60, 0)
    for begin in range(0, len(samples), BLOCK):
        listener.push(samples[begin : begin + BLOCK])
        cried_s = begin / 16000.0 - 3
        if cried_s > CHECKPOINT_S:
            (event,) = store.events()
            assert event.state == "open"
            assert event.start_utc == pytest.approx(ORIGIN_UTC + 3, abs=0.5)
            assert event.end_utc - event.start_utc >= cried_s - CHECKPOINT_S - 1


def test_an_event_is_in_the_database_when_it_is_told(loud_bundle, keeper, store):  # noqa: F811
    found = []

    class Looks(Sink):
        def event(self, event, start_utc):
            found.append((start_utc, [(row.start_utc, row.state) for row in store.events()]))

    feed(
        Listener(load_bundle(loud_bundle), default_settings(), keeper, Source(), Looks(), ORIGIN_UTC),
        np.concatenate([noise_burst(8, 6, 20), noise_burst(0, 3, 20)]),
    )
    assert len(found) == 2
    for start_utc, rows in found:
        assert rows[-1] == (start_utc, "ended")


class Clock(object):
    """Replaces the clocks, which a test must not set; both go with the audio until one is set."""

    def __init__(self, monkeypatch):
        self.utc = ORIGIN_UTC
        self.monotonic_s = 1000.0
        monkeypatch.setattr("edge.runtime.listener.time.time", lambda: self.utc)
        monkeypatch.setattr("edge.runtime.listener.time.monotonic", lambda: self.monotonic_s)

    def feed(self, listener, samples):
        for begin in range(0, len(samples), BLOCK):
            self.utc += len(samples[begin : begin + BLOCK]) / 16000.0
            self.monotonic_s += len(samples[begin : begin + BLOCK]) / 16000.0
            listener.push(samples[begin : begin + BLOCK])


@pytest.fixture
def live(loud_bundle, keeper, monkeypatch):  # noqa: F811
    """(Listener to live audio, the Clock it is dated by)."""
    clock = Clock(monkeypatch)
    return Listener(load_bundle(loud_bundle), default_settings(), keeper, Source(), Sink()), clock


@pytest.mark.parametrize("set_by_s", [-3600.0, 86400.0])
def test_a_clock_that_is_set_tears_no_event_and_mixes_up_none(live, store, set_by_s):
    listener, clock = live
    clock.feed(listener, noise_burst(8, 6, 10))
    clock.feed(listener, noise_burst(0, 20, 0))
    clock.utc += set_by_s  # in the middle of an episode of 40 s
    clock.feed(listener, noise_burst(0, 20, 10))
    clock.feed(listener, noise_burst(8, 12, 10))
    listener.finish()

    rows = store.events()

    assert [row.state for row in rows] == ["ended"] * 3
    assert [row.end_utc - row.start_utc for row in rows] == pytest.approx([6, 40, 12], abs=1)
    start_utc = [ORIGIN_UTC + 8, ORIGIN_UTC + 24 + set_by_s, ORIGIN_UTC + 82 + set_by_s]
    assert [row.start_utc for row in rows] == pytest.approx(start_utc, abs=1)
    assert [row.detail for row in store.health() if row.state == "clock_set"] == ["by {:+.0f} s".format(set_by_s)]
    assert sum(minute.duration_s for minute in store.minutes()) == pytest.approx(104)


def test_live_audio_is_dated_by_the_clock(loud_bundle, keeper, store):  # noqa: F811
    listener = Listener(load_bundle(loud_bundle), default_settings(), keeper, Source(), Sink())
    before = time.time()
    feed(listener, np.zeros(16000 * 3, np.float32))
    assert before - 2.2 <= listener.utc(1.0) <= time.time() - 1.8


def test_a_microphone_that_falls_silent_dates_nothing_later(loud_bundle, keeper, store):  # noqa: F811
    listener = Listener(load_bundle(loud_bundle), default_settings(), keeper, Source(), Sink())
    before = time.time()
    feed(listener, noise_burst(1, 2, 0))
    after = time.time()
    time.sleep(0.8)  # a stall takes 2 s to be noticed
    listener.finish()
    (event,) = store.events()
    assert before - 2.5 <= event.start_utc <= after - 1.5


def test_minutes_hold_what_was_heard(listener, store):
    source = listener._source
    feed(listener, noise_burst(8, 6, 47))
    source.dropped_samples = 1600
    feed(listener, noise_burst(0, 0, 89))
    listener.finish()

    first, second, third = store.minutes()

    assert (first.start_utc, second.start_utc) == pytest.approx((ORIGIN_UTC, ORIGIN_UTC + 60), abs=0.2)
    assert first.duration_s + second.duration_s + third.duration_s == pytest.approx(150)
    assert first.frames + second.frames + third.frames == 5 * 150 - 4
    assert first.cry_s == pytest.approx(6, abs=1.5)
    assert second.cry_s == third.cry_s == 0
    assert first.max_dbfs == pytest.approx(-20, abs=0.5)
    assert first.mean_dbfs == pytest.approx(-20 + 10 * math.log10(6 / 60.0), abs=0.5)
    assert (first.dropped_samples, second.dropped_samples, third.dropped_samples) == (0, 1600, 0)


def test_what_was_skipped_is_on_the_clock(listener, emitted, store):
    source = listener._source
    feed(listener, noise_burst(8, 6, 0)[: 12 * 16000])
    source.dropped_samples = 3 * 16000  # three seconds in the middle of a cry that nobody had time for
    feed(listener, noise_burst(0, 6, 20, seed=1))
    (alert, _), (event, _) = emitted
    assert event.start_s == pytest.approx(8.0, abs=0.6)
    assert event.end_s - event.start_s == pytest.approx(4 + 3 + 6, abs=0.7)
    (stored,) = store.events()
    assert stored.end_utc - stored.start_utc == pytest.approx(event.end_s - event.start_s)
    feed(listener, noise_burst(2, 6, 20, seed=2))
    assert emitted[2][0].t_s > 12 + 3 + 26 + 2  # later records have the three seconds too


def test_audio_that_had_to_wait_is_dated_by_when_it_came(live, emitted):
    listener, clock = live
    listener._source.waited_s = 2.0
    clock.feed(listener, np.zeros(16000 * 3, np.float32))
    assert listener.utc(3.0) == pytest.approx(clock.utc - 2.0, abs=0.25)


def test_minutes_and_events_tell_the_same_crying(listener, store):
    """Events across minutes, one that begins before the minute and is told in it, pauses within one."""
    quiet, sound = 3, 4
    feed(listener, np.concatenate([noise_burst(quiet, sound, 0, seed) for seed in range(30)]))
    feed(listener, noise_burst(15, 0.8, 30))
    listener.finish()
    events, minutes = store.events(), store.minutes()
    told_s = sum(event.end_utc - event.start_utc for event in events)
    assert len(minutes) == 5 and told_s > 60
    assert sum(minute.cry_s for minute in minutes) == pytest.approx(told_s, abs=0.05)
    assert all(minute.cry_s <= minute.duration_s + 0.01 for minute in minutes)


def test_an_alert_leaves_a_row_at_once_however_short_the_cry(loud_bundle, keeper, store, emitted):  # noqa: F811
    settings = default_settings()
    settings = settings._replace(decision=settings.decision._replace(min_event_s=30.0))
    listener = Listener(load_bundle(loud_bundle), settings, keeper, Source(), Collector(emitted), ORIGIN_UTC)
    samples = noise_burst(8, 2, 20)
    for begin in range(0, len(samples), BLOCK):
        listener.push(samples[begin : begin + BLOCK])
        assert len(store.events()) == (1 if emitted else 0)
    assert [type(record) for record, _ in emitted] == [Alert, Event]
    (row,) = store.events()
    assert row.state == "brief" and row.end_utc - row.start_utc < 30


def test_the_probabilities_of_a_cry_are_kept_and_date_it(listener, store):
    feed(listener, noise_burst(10, 6, 10))
    listener.finish()
    (trace,) = store.traces()
    (event,) = store.events()
    assert max(trace.probabilities) > 200
    assert abs(trace.start_utc - event.start_utc) < 1.0 and abs(trace.end_utc - event.end_utc) < 2.5
