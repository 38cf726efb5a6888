"""The listener: audio in, rows in the store, each dated rightly, whatever the store does."""

import math
import time

import numpy as np
import pytest
from loud_bundle import loud_bundle, noise_burst  # noqa: F401

from edge.audio import Source
from edge.bundle import load_bundle
from edge.config import default_settings
from edge.listener import Listener
from edge.records import Alert, Event
from edge.store import Store

ORIGIN_UTC = 1.8e9
BLOCK = 3000


@pytest.fixture
def store(tmp_path):
    with Store(str(tmp_path / "events.db")) as opened:
        yield opened


@pytest.fixture
def emitted():
    return []


@pytest.fixture
def listener(loud_bundle, store, emitted):  # noqa: F811
    def emit(record, start_utc):
        emitted.append((record, start_utc))

    return Listener(load_bundle(loud_bundle), default_settings(), store, Source(), emit, ORIGIN_UTC)


def feed(listener, samples):
    for begin in range(0, len(samples), BLOCK):
        listener.push(samples[begin:begin + BLOCK])


def test_records_are_told_as_they_come_and_dated_from_the_origin(listener, emitted, store):
    feed(listener, noise_burst(8, 6, 20))
    (alert, alert_utc), (event, start_utc) = emitted
    assert isinstance(alert, Alert) and isinstance(event, Event)
    assert alert_utc == ORIGIN_UTC + alert.t_s
    assert start_utc == ORIGIN_UTC + event.start_s == store.events()[0].start_utc


def test_an_open_episode_is_an_event_at_the_end(listener, store):
    feed(listener, noise_burst(8, 6, 0))
    assert store.events() == []
    listener.finish()
    assert len(store.events()) == listener.events == 1


def test_live_audio_is_dated_by_the_clock(loud_bundle, store):  # noqa: F811
    listener = Listener(load_bundle(loud_bundle), default_settings(), store, Source(), lambda *_: None)
    feed(listener, np.zeros(16000 * 3, np.float32))
    assert listener.utc(1.0) == pytest.approx(time.time() - 2.0, abs=0.2)


def test_a_microphone_that_falls_silent_dates_nothing_later(loud_bundle, store):  # noqa: F811
    listener = Listener(load_bundle(loud_bundle), default_settings(), store, Source(), lambda *_: None)
    feed(listener, noise_burst(1, 2, 0))
    heard_utc = time.time()
    time.sleep(0.8)  # a stall takes 2 s to be noticed
    listener.finish()
    (event,) = store.events()
    assert event.start_utc == pytest.approx(heard_utc - 2.0, abs=0.5)


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


def test_a_store_that_fails_loses_no_event_once_it_can_be_written_again(listener, store, emitted):
    store._connection.execute("PRAGMA query_only=ON")
    feed(listener, noise_burst(8, 6, 20))
    assert [type(record) for record, _ in emitted] == [Alert, Event]
    assert store.events() == []
    store._connection.execute("PRAGMA query_only=OFF")
    feed(listener, noise_burst(30, 0, 0))
    (event,) = store.events()
    assert event.start_utc == emitted[1][1]


def test_an_event_that_could_never_be_written_is_not_silent(listener, store, caplog):
    store._connection.execute("PRAGMA query_only=ON")
    feed(listener, noise_burst(8, 6, 20))
    listener.finish()
    assert caplog.text.count("still listening, events are kept in memory") == 1
    assert "lost, as the database could not be written: an event of" in caplog.text
