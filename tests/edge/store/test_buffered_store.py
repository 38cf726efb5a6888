"""The keeper: whatever the disk does, hearing goes on, no event is lost unsaid, and what waited is written."""

import os
import resource
import sqlite3
import time

import pytest
from patience import how_much_slower
from small_disk import small_disk  # noqa: F401

from edge.clock import WatchedClock
from edge.config import default_settings
from edge.records import Event, ExpertReading
from edge.store import Health, Minute, Store, StoreFails, Trace, buffered_store
from edge.store.buffered_store import MINUTES_A_DAY, BufferedStore
from edge.store.waiting import WaitingMinute

NIGHT_UTC = 1.8e9
MINUTE = Minute(NIGHT_UTC, 60.0, 4.2, -50.0, -20.0, 300, 1, 0)
READINGS = (
    ExpertReading("ios", {"hungry": 0.7, "tired": 0.3}, 1.5, 0.61, 0.8),
    ExpertReading("android", {"hungry": 0.4, "tired": 0.6}, 1.7, 0.67, 0.2),
)


def an_event(start_s, length_s=5.0, **changes):
    return Event(start_s, start_s + length_s, 0.75)._replace(**changes)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "state" / "events.db")


@pytest.fixture
def keeper(path):
    with BufferedStore(path, default_settings()) as opened:
        yield opened


def stored(keeper):
    """(state, length in seconds) of every event in the database."""
    with Store(keeper.path, read_only=True) as store:
        return [(event.state, event.end_utc - event.start_utc) for event in store.events()]


def health_states(path):
    with Store(path, read_only=True) as store:
        return [row.state for row in store.health()]


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


def test_a_full_disk_is_said_once_and_every_event_is_written_when_there_is_room(small_disk, caplog):  # noqa: F811
    caplog.set_level("INFO")
    path = os.path.join(small_disk.path, "events.db")
    with BufferedStore(path, default_settings()) as keeper:
        small_disk.fill()
        for number in range(300):
            keeper.checkpoint(an_event(60 * number, 5.0, readings=READINGS), NIGHT_UTC + 60 * number)
            keeper.add_event(an_event(60 * number, 10.0, readings=READINGS), NIGHT_UTC + 60 * number)
            keeper.add_minute(MINUTE)
        assert "full" in keeper.trouble
        assert 0 < keeper.waiting_events <= 300
        small_disk.empty()
        keeper.retry()
        assert (keeper.trouble, keeper.waiting_events, keeper.lost_events) == ("", 0, 0)
        assert stored(keeper) == [("ended", 10.0)] * 300
    assert caplog.text.count("still listening, events wait in memory") == 1
    assert caplog.text.count("the database can be written again; 0 events and 0 minutes were lost") == 1
    assert health_states(path) == ["not_writing", "writing"]


def test_on_a_full_disk_the_oldest_minutes_make_room_for_events(small_disk):  # noqa: F811
    path = os.path.join(small_disk.path, "events.db")
    with BufferedStore(path, default_settings()) as keeper:
        for number in range(3 * MINUTES_A_DAY):
            keeper._minutes.append(WaitingMinute(MINUTE._replace(start_utc=NIGHT_UTC + 60 * number)))
        keeper.add_minute(MINUTE._replace(start_utc=NIGHT_UTC + 1e6))
        small_disk.fill()
        for number in range(600):
            keeper.add_event(an_event(60 * number, readings=READINGS), NIGHT_UTC + 60 * number)
        assert keeper.trouble == ""
        assert len(stored(keeper)) == 600
        with Store(path, read_only=True) as store:
            minutes = store.minutes()
    assert 0 < len(minutes) <= 2 * MINUTES_A_DAY + 1
    assert minutes[-1].start_utc == NIGHT_UTC + 1e6  # the newest stay


@pytest.mark.parametrize("existing", [False, True])
def test_a_disk_that_is_read_only_at_the_start_is_written_once_it_can_be(small_disk, existing, caplog):  # noqa: F811
    caplog.set_level("INFO")
    path = os.path.join(small_disk.path, "state", "events.db")
    if existing:
        Store(path).close()
    small_disk.remount("ro")
    with BufferedStore(path, default_settings()) as keeper:
        assert keeper.trouble
        keeper.checkpoint(an_event(3, 5.0), NIGHT_UTC)
        keeper.add_event(an_event(3, 8.0), NIGHT_UTC)
        keeper.add_minute(MINUTE)
        assert keeper.waiting_events == 1
        small_disk.remount("rw")
        keeper.retry()
        assert stored(keeper) == [("ended", 8.0)]
    assert caplog.text.count("still listening, events wait in memory") == 1


@pytest.mark.parametrize("is_closed", [True, False])
def test_on_a_read_only_disk_the_night_can_be_read(small_disk, is_closed):  # noqa: F811
    path = os.path.join(small_disk.path, "events.db")
    keeper = BufferedStore(path, default_settings())
    keeper.add_event(an_event(3), NIGHT_UTC)
    if not is_closed:  # as after a kill: the newest rows are in the log beside the file
        for name in ("events.db", "events.db-wal", "events.db-shm"):
            with open(os.path.join(small_disk.path, name), "rb") as file:
                content = file.read()
            with open(os.path.join(small_disk.path, name.replace("events", "killed")), "wb") as file:
                file.write(content)
        path = path.replace("events.db", "killed.db")
    keeper.close()
    small_disk.remount("ro")
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 1


@pytest.fixture
def no_bigger_files():
    """A function that lets no file of this process grow any more, as a disk does that is full; undone at the end."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def stop_at(size_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, limits[1]))

    yield stop_at
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_that_must_not_grow_stops_nothing(keeper, no_bigger_files):
    """Without the right to mount a disk, a full one is the size that a file may have."""
    no_bigger_files(os.path.getsize(keeper.path + "-wal") + 4096)
    for number in range(100):
        keeper.add_event(an_event(60 * number), NIGHT_UTC + 60 * number)
    waiting, trouble = keeper.waiting_events, keeper.trouble
    no_bigger_files(resource.RLIM_INFINITY)
    keeper.retry()
    assert trouble
    assert 0 < waiting <= 100
    assert stored(keeper) == [("ended", 5.0)] * 100


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


def test_another_process_that_holds_the_database_delays_the_end_by_less_than_two_seconds(path):
    started = time.monotonic()
    with Store(path) as other:
        with BufferedStore(path, default_settings()) as keeper:
            other._connection.execute("BEGIN IMMEDIATE")
            keeper.add_event(an_event(3), NIGHT_UTC)
            keeper.add_minute(MINUTE)
            keeper.add_health(Health(NIGHT_UTC, "stopped", ""))
            assert "locked" in keeper.trouble
            keeper.close()
            waited_s = time.monotonic() - started
            other._connection.execute("ROLLBACK")
        assert stored(keeper) == [("ended", 5.0)]  # it was closed once more, and written
    assert waited_s < 2.0 * how_much_slower()


def test_memory_is_bounded_and_what_finds_no_room_there_is_counted_and_said(keeper, monkeypatch, caplog):
    monkeypatch.setattr(buffered_store, "WAITING_EVENTS", 5)
    monkeypatch.setattr(buffered_store, "WAITING_MINUTES", 3)
    keeper._store.close()  # every write fails, as does opening it again:
    monkeypatch.setattr("edge.store.place.Store", failing_store)
    for number in range(7):
        keeper.add_event(an_event(number), NIGHT_UTC + number)
        keeper.add_minute(MINUTE)
    for _ in range(1000):
        keeper.add_health(Health(NIGHT_UTC, "lost", ""))
    assert (keeper.waiting_events, keeper.lost_events, keeper.lost_minutes) == (5, 2, 4)
    assert len(keeper._health) == buffered_store.WAITING_HEALTH
    assert caplog.text.count("memory holds 5 events: an event of 5.0 s at 2027-01-15T08:00:0") == 2


def failing_store(path):
    raise StoreFails("cannot open the database {}: disk I/O error".format(path))


def test_an_event_that_could_never_be_written_is_named_at_the_end(path, monkeypatch, caplog):
    monkeypatch.setattr("edge.store.place.Store", failing_store)
    with BufferedStore(path, default_settings()) as keeper:
        keeper.checkpoint(an_event(3, 5.0), NIGHT_UTC)
        keeper.add_minute(MINUTE)
    assert caplog.text.count("still listening, events wait in memory") == 1
    assert "lost, as the database could not be written: an event of 5.0 s at 2027-01-15T08:00:00.000Z" in caplog.text
    assert "lost, as the database could not be written: 1 minutes" in caplog.text


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


def test_a_database_that_fails_is_not_asked_again_within_a_second(keeper, monkeypatch):
    keeper._store.close()
    tries = []

    def failing(path):
        tries.append(path)
        raise StoreFails("cannot open")

    monkeypatch.setattr("edge.store.place.Store", failing)
    now_s = [1000.0]
    monkeypatch.setattr("edge.store.buffered_store.time.monotonic", lambda: now_s[0])
    keeper.add_minute(MINUTE)  # it is found closed
    keeper.add_minute(MINUTE)
    assert tries == []
    for later_s, n_tries in ((0.9, 0), (0.1, 1), (0.5, 1), (0.5, 2)):
        now_s[0] += later_s
        keeper.add_minute(MINUTE)
        assert len(tries) == n_tries
    keeper.retry()  # who asks is not made to wait
    assert len(tries) == 3


def test_trouble_and_its_end_are_reported_once_each(path, monkeypatch):
    reports = []
    with BufferedStore(path, default_settings(), lambda trouble, text: reports.append((trouble, text))) as keeper:
        keeper.retry()
        keeper._close_store()
        with monkeypatch.context() as patch:
            patch.setattr("edge.store.place.Store", failing_store)
            for _ in range(3):
                keeper.add_event(an_event(3), NIGHT_UTC)
                keeper.retry()
        keeper.retry()
        trouble = "cannot open the database {}: disk I/O error".format(path)
        over = "the database can be written again; 0 events and 0 minutes were lost"
        assert reports == [(trouble, trouble), ("", over)]
        assert len(stored(keeper)) == 3


def test_traces_wait_for_whatever_is_written_next_and_the_oldest_go(keeper):
    for number in range(70):
        keeper.add_trace(Trace(NIGHT_UTC + number, NIGHT_UTC + number, b"x"))
    with Store(keeper.path, read_only=True) as store:
        assert store.traces() == []
    keeper.add_minute(MINUTE)
    with Store(keeper.path, read_only=True) as store:
        assert [trace.start_utc for trace in store.traces()] == [NIGHT_UTC + number for number in range(10, 70)]
