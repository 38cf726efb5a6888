"""The schema: an older database is brought up to date whole or left as it was; a newer one is refused."""

import sqlite3

import pytest

from edge.errors import UserError
from edge.records import Event
from edge.store import APPLICATION_ID, SCHEMA_VERSION, Minute, Store
from edge.store import schema as layout

NIGHT_UTC = 1.8e9
N_ROWS = 1500


@pytest.fixture
def version_1(tmp_path):
    """Path of a database as version 1 wrote it, with rows in every table."""
    path = str(tmp_path / "events.db")
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA auto_vacuum=INCREMENTAL")
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("BEGIN")
    for statement in layout.MIGRATIONS[0]:
        raw.execute(statement)
    for number in range(N_ROWS):
        start_utc = NIGHT_UTC + 60 * number
        raw.execute(
            "INSERT INTO events VALUES (NULL, 3, ?, 'mic', ?, ?, 0.9, 'hungry', 0.6, '{\"hungry\": 0.6}', 0)",
            (number, start_utc, start_utc + 5),
        )
        raw.execute("INSERT INTO minutes VALUES (NULL, 3, ?, ?, 60, 4.2, -50, -20, 300, 1, 0)", (number, start_utc))
    raw.execute("INSERT INTO posteriors VALUES (1, 'ios', '{\"hungry\": 0.6}', 1.5, 0.4, 0.7)")
    raw.execute("INSERT INTO health VALUES (NULL, 3, 0, ?, 'hearing', 'mic')", (NIGHT_UTC,))
    raw.execute("PRAGMA application_id={}".format(APPLICATION_ID))
    raw.execute("PRAGMA user_version=1")
    raw.execute("COMMIT")
    raw.close()
    return path


def contents(path):
    """(version, every row of every table, the tables as they were made)."""
    raw = sqlite3.connect(path)
    version = raw.execute("PRAGMA user_version").fetchone()[0]
    tables = raw.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    rows = {name: raw.execute("SELECT * FROM {}".format(name)).fetchall() for name, sql in tables if "TABLE" in sql}
    raw.close()
    return version, rows, tables


def test_a_version_1_database_is_brought_up_to_date_with_all_its_rows(version_1):
    _, before, _ = contents(version_1)
    with Store(version_1) as store:
        events, minutes, health = store.events(), store.minutes(), store.health()
        store.add_event(Event(0, 5, 0.9), NIGHT_UTC)
        store.add_minute(Minute(NIGHT_UTC, 60.0, 0.0, None, None, 300, 0, 0))
    version, after, tables = contents(version_1)
    assert version == SCHEMA_VERSION
    assert (len(events), len(minutes), len(health)) == (N_ROWS, N_ROWS, 1)
    assert {event.state for event in events} == {"ended"}
    assert events[0].readings == (("ios", {"hungry": 0.6}, 1.5, 0.4, 0.7),)
    assert after["minutes"][:-1] == before["minutes"]
    assert [row[:11] for row in after["events"][:-1]] == before["events"]
    assert after["events"][-1][:2] == (N_ROWS + 1, 4)


def test_an_old_and_a_new_file_end_up_alike(version_1, tmp_path):
    new = str(tmp_path / "new.db")
    Store(version_1).close()
    Store(new).close()
    assert [" ".join(sql.replace('"', "").split()) for _, sql in contents(version_1)[2]] == [
        " ".join(sql.replace('"', "").split()) for _, sql in contents(new)[2]
    ]


def test_a_version_1_database_can_be_read_without_being_changed(version_1):
    before = contents(version_1)
    with Store(version_1, read_only=True) as store:
        assert [event.state for event in store.events(NIGHT_UTC + 60 * (N_ROWS - 1))] == ["ended"]
        assert len(store.minutes()) == N_ROWS
    assert contents(version_1) == before


@pytest.mark.parametrize("after_steps", [1, 5, 20, 60])
def test_a_migration_that_is_broken_off_leaves_the_old_database(version_1, monkeypatch, after_steps):
    """Broken off by SQLite itself, within a statement: the progress handler is asked every few hundred steps."""
    before = contents(version_1)
    migrate, steps = layout.migrate, []

    def broken_off(connection):
        connection.set_progress_handler(lambda: steps.append(1) or len(steps) > after_steps, 300)
        migrate(connection)

    monkeypatch.setattr("edge.store.database.migrate", broken_off)
    with pytest.raises(UserError, match="cannot migrate the database .*: interrupted"):
        Store(version_1)
    assert len(steps) > after_steps
    assert contents(version_1) == before
    monkeypatch.undo()
    with Store(version_1) as store:
        assert len(store.events()) == len(store.minutes()) == N_ROWS


def test_a_migration_that_another_process_has_just_done_is_not_done_again(version_1):
    raw = sqlite3.connect(version_1, isolation_level=None)
    Store(version_1).close()
    raw.execute("BEGIN IMMEDIATE")
    layout.migrate(raw)
    raw.execute("COMMIT")
    raw.close()
    assert contents(version_1)[0] == SCHEMA_VERSION
