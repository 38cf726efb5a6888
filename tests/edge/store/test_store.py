"""The store: what was written is there, whatever happens to the process."""

import os
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from stored import MINUTE, NIGHT_UTC, an_event

from edge.clock import WatchedClock
from edge.errors import UserError
from edge.store import Health, Store
from edge.store.database import PAGE_BYTES, RESERVE_PAGES


def test_an_event_comes_back_as_it_was_written(store):
    posterior = {"hungry": 0.5, "tired": 0.25}
    event = an_event(cause="hungry", cause_probability=0.5, posterior=posterior, out_of_distribution=False)
    event_id = store.add_event(event, NIGHT_UTC, "mic")

    (stored,) = store.events()

    times = (NIGHT_UTC, NIGHT_UTC + 5.0)
    assert stored == (event_id, "mic") + times + (0.75, "hungry", 0.5, posterior, False, "ended", (), None)


def test_a_float32_is_kept_as_a_number(store):
    store.add_event(an_event(cry_probability=np.float32(0.75)), NIGHT_UTC)
    assert store.events()[0].cry_probability == 0.75


def test_nothing_judged_is_null(store):
    store.add_event(an_event(), NIGHT_UTC)
    (stored,) = store.events()
    assert (stored.cause, stored.cause_probability, stored.posterior, stored.out_of_distribution) == (
        None,
        None,
        {},
        None,
    )


def test_minutes_and_health_come_back(store):
    store.add_minute(MINUTE)
    store.add_health(Health(NIGHT_UTC, "hearing", "mic"))
    assert store.minutes() == [MINUTE]
    assert store.health() == [Health(NIGHT_UTC, "hearing", "mic")]


def test_since_keeps_an_event_that_was_still_going_on(store):
    for start_utc in (NIGHT_UTC, NIGHT_UTC + 100, NIGHT_UTC + 200):
        store.add_event(an_event(), start_utc)
    assert [event.start_utc for event in store.events(NIGHT_UTC + 104)] == [NIGHT_UTC + 100, NIGHT_UTC + 200]


def test_a_row_is_seen_by_another_process_at_once(store, path):
    store.add_event(an_event(), NIGHT_UTC)
    with Store(path, read_only=True) as reader:
        assert len(reader.events()) == 1
        store.add_event(an_event(), NIGHT_UTC + 60)
        assert len(reader.events()) == 2


def test_rows_are_ordered_whatever_the_clock_did(path):
    for start_utc in (NIGHT_UTC, NIGHT_UTC - 86400):
        with Store(path) as store:
            store.add_event(an_event(), start_utc)
            store.add_event(an_event(), start_utc + 60)
    rows = sqlite3.connect(path).execute("SELECT session, monotonic_s FROM events ORDER BY id").fetchall()
    assert rows == sorted(rows)
    assert [session for session, _ in rows] == [1, 1, 2, 2]


def test_a_file_that_is_too_large_loses_its_oldest_minutes_and_no_event(store, path):
    store._connection.execute("BEGIN")
    for minute in range(4000):
        row = (1, 0.0) + tuple(MINUTE._replace(start_utc=NIGHT_UTC + 60 * minute))
        store._connection.execute("INSERT INTO minutes VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    store._connection.execute("COMMIT")
    store.add_event(an_event(), NIGHT_UTC)

    purged = store.purge(WatchedClock(), keep_days=90, max_mb=0.1).purged

    assert 0 < purged.minutes < 4000
    assert purged.events == 0
    assert store.size_bytes() <= 0.1e6
    assert len(store.events()) == 1
    assert store.minutes()[-1].start_utc == NIGHT_UTC + 60 * 3999
    store.close()
    assert os.path.getsize(path) <= 0.1e6 + RESERVE_PAGES * PAGE_BYTES


def test_events_stay_even_when_they_alone_are_too_large(store):
    store.add_event(an_event(), NIGHT_UTC)
    assert store.purge(WatchedClock(), keep_days=90, max_mb=0.001).purged == (0, 0, 0, 0, 0, True)
    assert len(store.events()) == 1


WRITER = """
import sys
from edge.records import Event, ExpertReading
from edge.store import Store
store = Store(sys.argv[1])
for number in range(100000):
    store.add_event(Event(0.0, 5.0, 0.75), number)
    print(number, flush=True)
"""


@pytest.mark.parametrize("reported", [1, 20, 77])
def test_killed_while_writing_every_reported_event_is_there_once(path, reported):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
    last = -1
    while last < reported:
        last = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    last = int(([last] + writer.stdout.read().split())[-1])
    writer.stdout.close()
    writer.wait()

    with Store(path) as store:
        starts = [int(event.start_utc) for event in store.events()]
        integrity = store._connection.execute("PRAGMA integrity_check").fetchone()[0]
    assert integrity == "ok"
    assert starts[: last + 1] == list(range(last + 1))
    assert len(starts) <= last + 2


def test_a_row_that_cannot_be_written_is_said(store):
    store._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(UserError, match="cannot write to the database"):
        store.add_minute(MINUTE)


def test_each_process_that_writes_has_a_session_of_its_own(path):
    with Store(path) as first, Store(path) as second, Store(path):
        for store in (first, second, first, second):
            store.add_event(an_event(), NIGHT_UTC)
    rows = sqlite3.connect(path).execute("SELECT session FROM events ORDER BY id").fetchall()
    assert rows == [(1,), (2,), (1,), (2,)]
