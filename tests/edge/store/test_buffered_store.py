"""Rows wait in memory when they cannot be written, each is written once, and what a dead monitor left is ended."""

import sqlite3

from buffered import READINGS, an_event, health_states, stored
from stored import MINUTE, NIGHT_UTC

from edge.clock import WatchedClock
from edge.config import default_settings
from edge.store import Health, Store, Trace
from edge.store.buffered_store import MINUTES_A_DAY, BufferedStore


def test_an_event_is_one_row_from_its_first_checkpoint_to_its_end(keeper):
    seen = []
    for length_s in (5.0, 10.0, 15.0):
        keeper.checkpoint(an_event(3, length_s), NIGHT_UTC)
        seen += stored(keeper)
    keeper.add_event(an_event(3, 17.0), NIGHT_UTC)
    keeper.add_event(an_event(40, 2.0), NIGHT_UTC + 37)
    assert seen == [("open", 5.0), ("open", 10.0), ("open", 15.0)]
    assert stored(keeper) == [("ended", 17.0), ("ended", 2.0)]


def test_an_event_whose_end_was_never_told_is_ended_as_far_as_it_had_come(keeper):
    keeper.checkpoint(an_event(3, 5.0), NIGHT_UTC)
    keeper.checkpoint(an_event(90, 6.0), NIGHT_UTC + 87)
    assert stored(keeper) == [("ended", 5.0), ("open", 6.0)]
    keeper.close()
    assert stored(keeper) == [("ended", 5.0), ("ended", 6.0)]


def test_what_the_experts_said_is_kept_with_the_event(keeper):
    keeper.checkpoint(an_event(3, 5.0), NIGHT_UTC)
    keeper.add_event(an_event(3, 9.0, readings=READINGS), NIGHT_UTC)
    with Store(keeper.path, read_only=True) as store:
        (event,) = store.events()
        assert event.readings == READINGS


def test_what_a_dead_monitor_left_open_is_ended_at_the_next_start_and_said(path, caplog):
    dead = BufferedStore(path, default_settings())
    dead.checkpoint(an_event(3, 12.5), NIGHT_UTC)
    dead._store.close()  # a kill writes nothing more, and lets go of the lock
    dead._place.release()
    caplog.set_level("INFO")
    with BufferedStore(path, default_settings()) as keeper:
        assert stored(keeper) == [("cut_off", 12.5)]
        assert "the monitor died during an event: 12.5 s from 2027-01-15T08:00:00.000Z are kept" in caplog.text
        keeper.add_event(an_event(3, 2.0), NIGHT_UTC)
    assert [state for state, _ in stored(keeper)] == ["cut_off", "ended"]


def test_another_process_that_opens_the_database_ends_nothing(keeper):
    keeper.checkpoint(an_event(3, 5.0), NIGHT_UTC)
    with Store(keeper.path):
        pass
    assert stored(keeper) == [("open", 5.0)]


def test_once_a_day_old_rows_are_removed_and_that_is_said(path, caplog):
    """Old by the time that the monitor has lived: nothing says what time it is."""
    caplog.set_level("INFO")
    lived_s = [1000.0]
    clock = WatchedClock(monotonic_s=lambda: lived_s[0], synchronised=lambda: False)
    with BufferedStore(path, default_settings(), clock=clock) as keeper:
        keeper.add_event(an_event(3), NIGHT_UTC)
        keeper.add_minute(MINUTE)
        lived_s[0] += 91 * 86400
        for _ in range(MINUTES_A_DAY):
            keeper.add_minute(MINUTE)
        assert stored(keeper) == []
    assert "removed 1 events, 1 minutes" in caplog.text


def test_what_would_go_by_the_clock_and_waits_is_said_once_a_start(path, caplog):
    clock = WatchedClock(now_utc=lambda: NIGHT_UTC + 100 * 86400, synchronised=lambda: True)
    with Store(path) as store:
        for number in range(4):
            store.add_event(an_event(60 * number), NIGHT_UTC)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE events SET session = 10 * id")
    with BufferedStore(path, default_settings(), clock=clock) as keeper:
        keeper.add_minute(MINUTE)
        assert len(stored(keeper)) == 4
    assert caplog.text.count("1 of 4 events and 0 of 0 minutes are over store.keep_days = 90") == 1
    assert health_states(path) == ["ageing_waits"]


def written_bytes():
    """What this process has handed to write() so far."""
    with open("/proc/self/io") as file:
        return int(next(line for line in file if line.startswith("wchar")).split()[1])


def test_an_hour_writes_half_a_megabyte_when_quiet_and_five_when_it_cries_throughout(keeper):
    """A card wears out by writing: README states measured figures, these are the bounds."""
    keeper.add_minute(MINUTE)
    before = written_bytes()
    for _ in range(60):
        keeper.add_minute(MINUTE)
    quiet = written_bytes() - before
    for number in range(720):  # a checkpoint every CHECKPOINT_S
        keeper.checkpoint(an_event(3, 5.0 * number), NIGHT_UTC + 0.001 * number)
    crying = written_bytes() - before
    assert 0 < quiet < 0.5e6
    assert quiet < crying < 5e6


def test_an_event_that_has_not_changed_is_not_written_again(keeper):
    keeper.checkpoint(an_event(3, 5.0), NIGHT_UTC)
    before = written_bytes()
    for number in range(100):
        keeper.checkpoint(an_event(3, 5.0), NIGHT_UTC + 0.001 * number)
    assert written_bytes() == before


def test_what_is_too_old_goes_at_the_start_already(path):
    """Who is switched on each night hears no whole day."""
    now_s = [1000.0]
    clock = WatchedClock(monotonic_s=lambda: now_s[0], synchronised=lambda: False)
    with BufferedStore(path, default_settings(), clock=clock) as keeper:
        keeper.add_event(an_event(3), NIGHT_UTC)
    now_s[0] += 91 * 86400
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE sessions SET lasted_s = ?", (91 * 86400.0,))
    with BufferedStore(path, default_settings(), clock=clock) as keeper:
        assert stored(keeper) == []


def test_a_minute_is_amended_whether_it_is_written_or_waits(keeper, monkeypatch):
    written = keeper.add_minute(MINUTE)
    keeper.amend_minute(written, 30.0)
    monkeypatch.setattr(keeper, "_next_attempt_s", float("inf"))
    waiting = keeper.add_minute(MINUTE)
    keeper.amend_minute(waiting, 20.0)
    keeper.amend_minute(written, 40.0)
    monkeypatch.setattr(keeper, "_next_attempt_s", 0.0)
    keeper.add_health(Health(NIGHT_UTC, "healthy", ""))
    with Store(keeper.path, read_only=True) as store:
        assert [minute.cry_s for minute in store.minutes()] == [40.0, 20.0]


def test_traces_wait_for_whatever_is_written_next_and_the_oldest_go(keeper):
    for number in range(70):
        keeper.add_trace(Trace(NIGHT_UTC + number, NIGHT_UTC + number, b"x"))
    with Store(keeper.path, read_only=True) as store:
        assert store.traces() == []
    keeper.add_minute(MINUTE)
    with Store(keeper.path, read_only=True) as store:
        assert [trace.start_utc for trace in store.traces()] == [NIGHT_UTC + number for number in range(10, 70)]
