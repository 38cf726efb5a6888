"""`cry-monitor purge`: what it removes is gone, what it leaves is whole, and it says how much."""

import os

import pytest

from edge.records import Event
from edge.store import Health, Minute, Store

EVENING_UTC = 1795291200.0  # 2026-11-21T20:00:00Z
SOURCE = "microphone of the smallest room"


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for hour in range(4):
            at_utc = EVENING_UTC + 3600 * hour
            store.add_event(Event(0, 30.0, 0.9), at_utc, SOURCE)
            store.add_minute(Minute(at_utc, 60.0, 30.0, -40.0, -20.0, 300, 0, 0))
            store.add_health(Health(at_utc, "hearing", SOURCE))
    return path


def rows(path):
    with Store(path, read_only=True) as store:
        return len(store.events()), len(store.minutes()), len(store.health())


def test_what_ended_before_is_removed(run_here, path):
    finished = run_here("purge", "--before", "2026-11-21T21:30Z", "--db", path)
    assert finished.status == 0
    assert finished.out == "removed 2 events, 2 minutes and 2 health rows from {}\n".format(path)
    assert rows(path) == (2, 2, 2)


def test_everything_is_removed_and_overwritten(run, path, validate):
    (fields,) = run("purge", "--all", "--db", path, "--json").objects()
    validate([fields], "purge")
    assert fields == {"type": "purge", "database": path, "events": 4, "minutes": 4, "health": 4}
    assert rows(path) == (0, 0, 0)
    for name in os.listdir(os.path.dirname(path)):
        if name.startswith("events.db"):
            with open(os.path.join(os.path.dirname(path), name), "rb") as file:
                assert SOURCE.encode() not in file.read()


def test_nothing_to_remove_is_no_error(run_here, path):
    finished = run_here("purge", "--before", "3650d", "--db", path)
    assert (finished.status, rows(path)) == (0, (4, 4, 4))
    assert finished.out.startswith("removed 0 events, 0 minutes and 0 health rows")


def test_a_monitor_that_is_writing_goes_on(run, path):
    with Store(path) as writer:
        row = writer.add_event(Event(0, 10.0, 0.9), EVENING_UTC + 86400, SOURCE, is_open=True)
        assert run("purge", "--all", "--db", path).status == 0
        writer.add_event(Event(0, 20.0, 0.9), EVENING_UTC + 86400, SOURCE, row)
        (event,) = writer.events()
    assert event.end_utc - event.start_utc == 20.0


def test_no_database_is_said_and_none_is_made(run_here, tmp_path):
    finished = run_here("purge", "--all", "--db", tmp_path / "none.db")
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith("cry-monitor: error: no database at")
    assert not (tmp_path / "none.db").exists()
