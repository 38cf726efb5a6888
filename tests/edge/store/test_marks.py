"""Marks: kept with their events, gone with them, written beside a monitor that writes."""

import sqlite3

import pytest

from edge.config import default_settings
from edge.errors import UserError
from edge.records import Event
from edge.store import SCHEMA_VERSION, Store, Trace
from edge.store import database as layout
from edge.store.buffered_store import BufferedStore
from edge.store.marks import LAST, NONE, checked_mark, mark_requests, marker

NIGHT_UTC = 1.8e9


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for number in range(3):
            store.add_event(Event(0, 5, 0.9), NIGHT_UTC + 100 * number)
    return path


def marks(path):
    with Store(path, read_only=True) as store:
        return [event.mark for event in store.events()]


def test_an_event_is_marked_marked_otherwise_and_not_any_more(path):
    with marker(path) as opened:
        assert opened.mark(2, "cry") == {
            "event": 2,
            "start_utc": "2027-01-15T08:01:40.000Z",
            "end_utc": "2027-01-15T08:01:45.000Z",
            "mark": "cry",
        }
        opened.mark(LAST, "other")
        assert marks(path) == [None, "cry", "other"]
        opened.mark(2, "other")
        opened.mark(3, NONE)
    assert marks(path) == [None, "other", None]


def test_an_event_that_is_not_there_is_said_and_nothing_is_written(path):
    with marker(path) as opened, pytest.raises(UserError, match="no event 4"):
        opened.mark(4, "cry")
    assert marks(path) == [None] * 3


def test_a_mark_goes_with_its_event(path):
    with marker(path) as opened:
        opened.mark(1, "cry")
    with Store(path) as store:
        store.remove(NIGHT_UTC + 50)
    assert sqlite3.connect(path).execute("SELECT COUNT(*) FROM marks").fetchone() == (0,)


def test_a_mark_stays_when_the_event_goes_on(path):
    with Store(path) as store:
        row = store.add_event(Event(0, 5, 0.9), NIGHT_UTC + 500, is_open=True)
        with marker(path) as opened:
            opened.mark(LAST, "cry")
        store.add_event(Event(0, 50, 0.9), NIGHT_UTC + 500, event_id=row)
    assert marks(path)[-1] == "cry"


def test_marks_are_written_beside_a_monitor_that_has_the_file_open(path):
    with BufferedStore(path, default_settings()) as keeper:
        answer = mark_requests(lambda: keeper.path)["mark"]
        for number in range(20):
            keeper.add_event(Event(10.0 * number, 10.0 * number + 5.0, 0.9), NIGHT_UTC + 1000 + 10 * number)
            assert answer({"event": LAST, "mark": "cry"})["marked"]["event"] == 4 + number
        assert keeper.trouble == ""
    assert marks(path) == [None] * 3 + ["cry"] * 20


@pytest.mark.parametrize("event", [0, -1, True, 1.5, "first", None, 10**30, []])
def test_what_is_no_event_is_refused(event):
    with pytest.raises(UserError, match="event is"):
        checked_mark(event, "cry")


@pytest.mark.parametrize("mark", ["", "maybe", None, 1, ["cry"]])
def test_what_is_no_mark_is_refused(mark):
    with pytest.raises(UserError, match="mark is"):
        checked_mark(1, mark)


def test_a_database_that_is_not_there_or_older_is_said(path, tmp_path):
    with pytest.raises(UserError, match="nothing was recorded"), marker(str(tmp_path / "none.db")):
        pass
    assert not (tmp_path / "none.db").exists()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version={}".format(SCHEMA_VERSION - 1))
    with pytest.raises(UserError, match="older"), marker(path):
        pass


def test_traces_come_back_and_the_oldest_go(path, monkeypatch):
    monkeypatch.setattr(layout, "MOST_TRACES", 5)
    with Store(path) as store:
        for number in range(8):
            store.add_trace(Trace(NIGHT_UTC + number, NIGHT_UTC + number + 0.4, bytes([number, 255, 0])))
        traces = store.traces()
        assert [trace.probabilities[0] for trace in traces] == [3, 4, 5, 6, 7]
        assert store.traces(NIGHT_UTC + 6.9) == traces[-1:]


def test_traces_make_room_before_minutes_do(path):
    from edge.store import Minute
    from edge.store.retention import delete_above, size_bytes
    from edge.store.rows import Purged

    with Store(path) as store:
        for _ in range(400):
            store.add_trace(Trace(NIGHT_UTC, NIGHT_UTC, bytes(300)))
            store.add_minute(Minute(NIGHT_UTC, 60.0, 0.0, None, None, 300, 0, 0))
        bound = size_bytes(store._connection) - 20000
        purged = delete_above(store._connection, bound, Purged(0, 0, 0, 0, 0))
    assert purged.traces == 400 and purged.minutes == 0
