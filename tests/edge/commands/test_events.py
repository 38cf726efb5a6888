"""`cry-monitor events`: the night as a table, JSON or CSV."""

import argparse
import csv
import io
import sqlite3
import time

import pytest

from edge.commands.events import since_utc
from edge.records import Event, ExpertReading
from edge.store import Store

EVENING_UTC = 1795291200.0  # 2026-11-21T20:00:00Z


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        store.add_event(Event(0, 38.25, 0.93), EVENING_UTC, "mic")
        reading = ExpertReading("ios", {"hungry": 0.6, "tired": 0.4}, 1.5, 0.673, 1.0)
        hungry = Event(0, 5, 0.5, "hungry", 0.6, {"hungry": 0.6, "tired": 0.4}, False, (reading,))
        store.add_event(hungry, EVENING_UTC + 3600, "mic")
    return path


def test_a_table_in_local_time(run, path):
    finished = run("events", "--db", path, TZ="Europe/Berlin")
    assert finished.status == 0
    assert finished.out.splitlines() == [
        " EVENT  BEGAN                ENDED         LASTED  P(CRY)",
        "     1  2026-11-21 21:00:00  21:00:38      38.2 s    0.93",
        "     2  2026-11-21 22:00:00  22:00:05       5.0 s    0.50  hungry 60 %",
    ]


def test_json_lines_in_utc(run_here, path, validate):
    objects = run_here("events", "--json", "--db", path).objects()
    validate(objects, "events")
    assert [fields["start_utc"] for fields in objects] == ["2026-11-21T20:00:00.000Z", "2026-11-21T21:00:00.000Z"]
    assert objects[0]["end_utc"] == "2026-11-21T20:00:38.250Z"
    assert objects[1]["posterior"] == {"hungry": 0.6, "tired": 0.4}
    assert [fields["state"] for fields in objects] == ["ended", "ended"]
    assert objects[0]["readings"] == []
    assert objects[1]["readings"] == [
        {
            "expert": "ios",
            "posterior": {"hungry": 0.6, "tired": 0.4},
            "temperature": 1.5,
            "entropy_nats": 0.673,
            "gate_weight": 1.0,
        }
    ]


def test_what_goes_on_and_what_was_cut_off_is_said(run_here, tmp_path, validate):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        store.add_event(Event(0, 38.25, 0.93), EVENING_UTC, "mic", is_open=True)
        store.end_left_open()
        store.add_event(Event(0, 5, 0.5), EVENING_UTC + 3600, "mic", is_open=True)
    remarks = [line.split("  ")[-1] for line in run_here("events", "--db", path).out.splitlines()[1:]]
    assert remarks == ["cut off: the monitor died", "going on"]
    objects = run_here("events", "--json", "--db", path).objects()
    validate(objects, "events")
    assert [fields["state"] for fields in objects] == ["cut_off", "open"]


def test_events_come_in_the_order_they_began_whatever_the_clock_did(run_here, tmp_path):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for start_utc in (EVENING_UTC, EVENING_UTC - 3600, EVENING_UTC + 86400):
            store.add_event(Event(0, 5, 0.5), start_utc, "mic")
    assert [fields["id"] for fields in run_here("events", "--json", "--db", path).objects()] == [1, 2, 3]


def test_csv(run_here, path):
    rows = list(csv.DictReader(io.StringIO(run_here("events", "--csv", "--db", path).out)))
    assert [row["cause"] for row in rows] == ["", "hungry"]
    assert rows[0]["start_utc"] == "2026-11-21T20:00:00.000Z"
    assert float(rows[0]["cry_probability"]) == 0.93


@pytest.mark.parametrize(
    "since, count",
    [
        ("2026-11-21T20:00Z", 2),
        ("2026-11-21T20:01Z", 1),
        ("2026-11-22", 0),
        ("2026-11-21T21:30:00", 1),
        ("2026-11-21T21:00:00.250Z", 1),  # as our JSON has it
        ("2026-11-21 21:00:00 UTC", 1),  # as doctor does
        ("2026-11-21 22:00:00,250", 1),  # as the log does
        ("2026-11-21T22:00:00+01:00", 1),
        ("2026-11-21T17:00:39-0300", 1),
    ],
)
def test_since_a_moment(run_here, path, since, count):
    assert len(run_here("events", "--json", "--db", path, "--since", since, TZ="CET-1").objects()) == count


@pytest.mark.parametrize("text, ago_s", [("30m", 1800), ("12h", 43200), ("7d", 604800)])
def test_since_so_long_ago(text, ago_s):
    assert since_utc(text) == pytest.approx(time.time() - ago_s, abs=5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "12",
        "-3h",
        "2026-13-01",
        "12h30m",
        "0000-01-01T00:00",
        "2026-02-31",
        "2026-11-21T20:00:00.Z",
        "12h\n",
    ],
)
def test_no_time_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="use 2026-11-21T20:00"):
        since_utc(text)


def test_no_events(run_here, tmp_path):
    Store(str(tmp_path / "events.db")).close()
    assert run_here("events", "--db", tmp_path / "events.db").out == "no events\n"
    assert run_here("events", "--json", "--db", tmp_path / "events.db").out == ""


def test_no_database_is_said_and_none_is_made(run, environment, tmp_path):
    finished = run("events")
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith("cry-monitor: error: no database at {}".format(environment["XDG_STATE_HOME"]))
    assert not (tmp_path / "state").exists()


def test_a_damaged_row_is_named_and_the_others_are_listed(run_here, path):
    raw = sqlite3.connect(path)
    raw.execute("UPDATE events SET start_utc = ? WHERE id = 1", ("soon\x1b[2J",))
    raw.commit()
    raw.close()
    for form, lines in (((), 2), (("--json",), 1), (("--csv",), 2)):
        finished = run_here("events", "--db", path, *form)
        assert (finished.status, len(finished.out.splitlines())) == (1, lines)
        said = "cry-monitor: error: a damaged row of events was left out: start_utc is 'soon\\x1b[2J'\n"
        assert finished.err == said


def test_labels_send_nothing_to_the_terminal(run_here, tmp_path):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        store.add_event(
            Event(0, 5, 0.5, "\x1b[2Jhungry", 0.6, {"\x1b[2Jhungry": 0.6}, False), EVENING_UTC, "mic\x1b[0m"
        )
    for form in ((), ("--json",), ("--csv",)):
        assert "\x1b" not in run_here("events", "--db", path, *form).out
