"""The store: what was written is there, whatever happens to the process; what is not ours is refused."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys

import numpy as np
import pytest

from edge.clock import WatchedClock
from edge.errors import UserError
from edge.records import Event, ExpertReading
from edge.store import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    Health,
    Minute,
    NotOurs,
    Store,
    StoreFails,
    Trace,
    Unusable,
    default_path,
)
from edge.store.database import PAGE_BYTES, RESERVE_PAGES
from edge.store.failures import refusal
from edge.store.marks import LAST, marker

NIGHT_UTC = 1.8e9
MINUTE = Minute(NIGHT_UTC, 60.0, 4.2, -50.0, -20.0, 300, 1, 0)


def an_event(start_s=10.0, **changes):
    return Event(start_s, start_s + 5.0, 0.75)._replace(**changes)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "state" / "events.db")


@pytest.fixture
def store(path):
    with Store(path) as opened:
        yield opened


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


def test_the_file_says_it_is_ours_and_private_to_the_user(store, path):
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    assert raw.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0


@pytest.mark.parametrize("mask", [0o022, 0o000, 0o277])
def test_only_the_user_may_read_what_is_kept_whatever_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        with Store(str(tmp_path / "events.db")) as store:
            store.add_event(an_event(), NIGHT_UTC)
            for name in os.listdir(str(tmp_path)):
                assert stat.S_IMODE(os.stat(str(tmp_path / name)).st_mode) == 0o600, name
    finally:
        os.umask(before)


def test_what_others_may_read_is_tightened(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    folder = tmp_path / "cry-monitor"
    path = folder / "events.db"
    Store(str(path)).close()
    os.chmod(str(folder), 0o755)
    os.chmod(str(path), 0o644)
    Store(str(path), read_only=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644  # who only reads changes nothing
    Store(str(path)).close()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, folder)] == [0o600, 0o700]


@pytest.mark.parametrize("folder_mode, mode", [(0o700, 0o600), (0o750, 0o640)])
def test_in_the_service_the_group_may_read_where_it_may_read_the_folder(tmp_path, monkeypatch, folder_mode, mode):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path = tmp_path / "events.db"
    for other in (0o750, 0o700, folder_mode):  # the page is enabled, disabled: the file follows
        os.chmod(str(tmp_path), other)
        Store().close()
    assert stat.S_IMODE(path.stat().st_mode) == mode
    with Store() as store:
        store.add_event(an_event(), NIGHT_UTC)
        beside = [stat.S_IMODE(os.stat(str(path) + suffix).st_mode) for suffix in ("-wal", "-shm")]
    assert beside == [mode, mode]


def test_a_folder_that_this_user_may_not_write_is_no_hindrance_to_reading(tmp_path):
    """A backup, another account: as another user, which takes root to become."""
    if os.geteuid():
        pytest.skip("only root becomes another user")
    path = tmp_path / "events.db"
    with Store(str(path)) as store:
        store.add_event(an_event(), NIGHT_UTC)
    path.chmod(0o644)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with Store(str(path), read_only=True) as store:
            assert len(store.events()) == 1
    finally:
        os.seteuid(0)


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


def test_a_path_that_cannot_be_opened_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFails, match="cannot open the database {}".format(tmp_path / "file" / "events.db")):
        Store(str(tmp_path / "file" / "events.db"))
    for no_file in (tmp_path, "/dev/null"):
        with pytest.raises(NotOurs, match="{} is no file, and is left alone".format(no_file)):
            Store(str(no_file))


def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database, a letter to the baby " * 100)
    before = path.read_bytes()
    with pytest.raises(UserError, match="file is (not a database|encrypted)"):
        Store(str(path))
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_untouched(tmp_path):
    path = str(tmp_path / "other.db")
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (name TEXT)")
    other.commit()
    with pytest.raises(UserError, match="another program's database"):
        Store(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_newer_schema_is_not_written_and_both_versions_are_said(path):
    Store(path).close()
    raw = sqlite3.connect(path)
    newer = SCHEMA_VERSION + 6
    raw.execute("PRAGMA user_version={}".format(newer))
    raw.close()
    with pytest.raises(Unusable, match="has schema {}, .* up to {}".format(newer, SCHEMA_VERSION)):
        Store(path)


def test_a_newer_schema_is_read_as_far_as_it_is_known(path):
    with Store(path) as store:
        store.add_event(an_event(), NIGHT_UTC)
    raw = sqlite3.connect(path)
    raw.execute("ALTER TABLE events ADD COLUMN mood TEXT")
    raw.execute("PRAGMA user_version={}".format(SCHEMA_VERSION + 1))
    raw.close()
    with Store(path, read_only=True) as store:
        assert [event.cry_probability for event in store.events()] == [0.75]


def test_reading_makes_no_file(path):
    with pytest.raises(UserError, match="no database at"):
        Store(path, read_only=True)
    assert not os.path.exists(path)


def test_a_row_that_cannot_be_written_is_said(store):
    store._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(UserError, match="cannot write to the database"):
        store.add_minute(MINUTE)


def test_odd_characters_in_the_path(tmp_path):
    path = str(tmp_path / "a?b#c%20d é.db")
    with Store(path) as store:
        store.add_event(an_event(), NIGHT_UTC)
    with Store(path, read_only=True) as reader:
        assert len(reader.events()) == 1


def test_the_default_path_is_the_services_or_the_users(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert default_path() == "/xdg/cry-monitor/events.db"
    monkeypatch.setenv("HOME", "/home/parent")
    for not_whole in ("", "state"):
        monkeypatch.setenv("XDG_STATE_HOME", not_whole)
        assert default_path() == "/home/parent/.local/state/cry-monitor/events.db"
    assert default_path() == "/home/parent/.local/state/cry-monitor/events.db"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/cry-monitor:/var/lib/other")
    assert default_path() == "/var/lib/cry-monitor/events.db"


def test_a_path_of_which_nothing_can_be_made_is_said_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="~no-such-user/e.db: no home directory is known"):
        Store("~no-such-user/e.db")
    with pytest.raises(UserError, match="holds a NUL"):
        Store("a\0b")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(str(gone))
    gone.rmdir()
    with pytest.raises(UserError, match="the folder in which this was started is gone"):
        Store("e.db")


def test_whatever_sqlite_quotes_is_one_line():
    quoted = sqlite3.DatabaseError(
        'malformed database schema (minutes) - unrecognized token: "`TABLE\n' + "  id\n" * 500
    )
    text = str(refusal("open", "night.db", quoted))
    assert "\n" not in text and len(text) < 400 and text.endswith("it is damaged")


BAD_VALUES = [
    ("events", "start_utc", "soon"),
    ("events", "end_utc", 1e300),
    ("events", "cry_probability", b"\xff"),
    ("events", "cause", b"\x00\xff"),
    ("events", "cause_probability", "much"),
    ("events", "posterior", "{"),
    ("events", "posterior", "[" * 3000),
    ("events", "posterior", '{"hungry": NaN}'),
    ("events", "posterior", '{"hungry": 1' + "0" * 400 + "}"),
    ("events", "posterior", '{"hungry": "much"}'),
    ("events", "out_of_distribution", 0.5),
    ("posteriors", "temperature", "warm"),
    ("posteriors", "posterior", "null"),
    ("minutes", "start_utc", "x"),
    ("minutes", "frames", "many"),
    ("minutes", "mean_dbfs", b"quiet"),
    ("health", "detail", b"\xff\xfe"),
    ("health", "at_utc", "z"),
    ("marks", "mark", "perhaps"),
    ("traces", "probabilities", b""),
    ("traces", "probabilities", b"x" * 10000),
    ("traces", "start_utc", "then"),
]


@pytest.mark.parametrize("table, column, value", BAD_VALUES)
def test_a_row_that_cannot_be_is_left_out_and_named(path, table, column, value):
    reading = ExpertReading("ios", {"hungry": 1.0}, 1.5, 0.0, 1.0)
    with Store(path) as store:
        for number in range(3):
            store.add_event(an_event(cause="hungry", readings=(reading,)), NIGHT_UTC + number)
            store.add_minute(MINUTE)
            store.add_health(Health(NIGHT_UTC, "hearing", "mic"))
            store.add_trace(Trace(NIGHT_UTC, NIGHT_UTC + 0.2, b"ab"))
            with marker(path) as opened:
                opened.mark(LAST, "cry")
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE {} SET {} = ? WHERE rowid = 2".format(table, column), (value,))
    with Store(path, read_only=True) as store:
        events, minutes, health, traces = store.events(), store.minutes(), store.health(), store.traces()
        (said,) = store.damaged
    assert said.startswith("a damaged row of {} was left out: ".format(table))
    assert column in said and len(said) < 200
    counts = {"events": 3, "minutes": 3, "health": 3, "traces": 3}
    if table in counts:
        counts[table] = 2
    assert counts == {table: len(rows) for table, rows in zip(counts, (events, minutes, health, traces))}
    with Store(path) as store:  # and it is written on
        store.add_event(an_event(), NIGHT_UTC)


def test_a_damaged_page_hides_only_its_own_rows(path):
    with Store(path) as store:
        for number in range(2000):
            store.add_event(an_event(), NIGHT_UTC + number)
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // PAGE_BYTES // 2 * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)
    with Store(path, read_only=True) as store:
        starts = [event.start_utc for event in store.events()]
        assert any("a page of events is damaged" in line for line in store.damaged)
    assert starts == sorted(set(starts))
    assert 1800 < len(starts) < 2000


def test_each_process_that_writes_has_a_session_of_its_own(path):
    with Store(path) as first, Store(path) as second, Store(path):
        for store in (first, second, first, second):
            store.add_event(an_event(), NIGHT_UTC)
    rows = sqlite3.connect(path).execute("SELECT session FROM events ORDER BY id").fetchall()
    assert rows == [(1,), (2,), (1,), (2,)]
