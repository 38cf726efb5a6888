"""What is damaged in the store, or newer than this version, is named; everything else is read."""

import os
import sqlite3

import pytest
from stored import MINUTE, NIGHT_UTC, an_event

from edge.records import ExpertReading
from edge.store import SCHEMA_VERSION, Health, Store, Trace, Unusable
from edge.store.database import PAGE_BYTES
from edge.store.failures import refusal
from edge.store.marks import LAST, marker


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
        store.add_event(an_event(), NIGHT_UTC)
    columns = "session, monotonic_s, source, {} cry_probability, posterior"
    with sqlite3.connect(path) as raw:
        raw.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1999) "
            "INSERT INTO events ({}) SELECT {} FROM events, numbers".format(
                columns.format("start_utc, end_utc,"), columns.format("start_utc + n, end_utc + n,")
            )
        )
    raw.close()
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // PAGE_BYTES // 2 * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)
    with Store(path, read_only=True) as store:
        starts = [event.start_utc for event in store.events()]
        assert any("a page of events is damaged" in line for line in store.damaged)
    assert starts == sorted(set(starts))
    assert 1800 < len(starts) < 2000
