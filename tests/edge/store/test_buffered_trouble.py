"""A disk that is full or read-only, a database that fails: said once, waited for, and nothing is lost in silence."""

import os
import resource
import time

import pytest
from buffered import READINGS, an_event, health_states, stored
from patience import how_much_slower
from small_disk import small_disk  # noqa: F401
from stored import MINUTE, NIGHT_UTC

from edge.config import default_settings
from edge.store import Health, Store, StoreFails, buffered_store
from edge.store.buffered_store import MINUTES_A_DAY, BufferedStore
from edge.store.waiting import WaitingMinute


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
