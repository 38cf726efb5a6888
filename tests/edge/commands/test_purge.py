"""`cry-monitor purge`: what it removes is gone, what it leaves is whole, and it says how much."""

import os
import pty
import subprocess
import sys

import pytest
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY

from edge.records import Event
from edge.store import Health, Minute, Store, Trace

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
            store.add_trace(Trace(at_utc, at_utc + 0.2, b"ab"))
    return path


def rows(path):
    with Store(path, read_only=True) as store:
        return len(store.events()), len(store.minutes()), len(store.health())


def test_what_ended_before_is_removed(run_here, path):
    finished = run_here("purge", "--before", "2026-11-21T21:30Z", "--yes", "--db", path)
    assert finished.status == 0
    assert finished.out.splitlines() == [
        "to be removed from {}, for good: 2 of 4 events, 2 of 4 minutes, 2 of 4 health rows and 2 of 4 traces".format(
            path
        ),
        "removed 2 events, 2 minutes, 2 health rows and 2 traces from {}".format(path),
    ]
    assert rows(path) == (2, 2, 2)


def test_everything_is_removed_and_overwritten(run, path, validate):
    (fields,) = run("purge", "--all", "--yes", "--db", path, "--json").objects()
    validate([fields], "purge")
    assert fields == {"type": "purge", "database": path, "events": 4, "minutes": 4, "health": 4, "traces": 4}
    assert rows(path) == (0, 0, 0)
    for name in os.listdir(os.path.dirname(path)):
        if name.startswith("events.db"):
            with open(os.path.join(os.path.dirname(path), name), "rb") as file:
                assert SOURCE.encode() not in file.read()


def test_nothing_to_remove_is_no_error(run_here, path):
    finished = run_here("purge", "--before", "3650d", "--yes", "--db", path)
    assert (finished.status, rows(path)) == (0, (4, 4, 4))
    assert "\nremoved 0 events, 0 minutes, 0 health rows and 0 traces" in finished.out


def test_a_monitor_that_is_writing_goes_on(run, path):
    with Store(path) as writer:
        row = writer.add_event(Event(0, 10.0, 0.9), EVENING_UTC + 86400, SOURCE, is_open=True)
        assert run("purge", "--all", "--yes", "--db", path).status == 0
        writer.add_event(Event(0, 20.0, 0.9), EVENING_UTC + 86400, SOURCE, row)
        (event,) = writer.events()
    assert event.end_utc - event.start_utc == 20.0


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_without_a_terminal_nothing_is_removed_unless_it_is_said(run, path, form):
    finished = run("purge", "--all", "--db", path, *form)
    assert (finished.status, rows(path)) == (1, (4, 4, 4))
    assert "there is no terminal to ask on: nothing was removed; give --yes" in finished.err
    assert "to be removed from {}, for good: 4 of 4 events".format(path) in (finished.err if form else finished.out)


@pytest.mark.parametrize(
    "answer, status, left", [("n\n", 1, 4), ("\n", 1, 4), ("\x04", 1, 4), ("yes\n", 0, 0), ("Y\n", 0, 0)]
)
def test_a_person_is_asked(path, environment, answer, status, left):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "edge.commands.main", "purge", "--all", "--db", path]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.write(ours, answer.encode())
    out, err = process.communicate(timeout=PATIENCE_S)
    os.close(ours)
    os.close(theirs)
    assert err.decode() == "Go on? [y/N] "
    assert out.decode().splitlines()[0].startswith("to be removed from {}".format(path))
    assert (process.returncode, rows(path)) == (status, (left, left, left))


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_no_wish_for_the_default(run_here, path, environment, name):
    environment["XDG_STATE_HOME"] = os.path.dirname(path)
    assert run_here("purge", "--all", "--yes", "--db", name).status == 2
    assert rows(path) == (4, 4, 4)


def test_no_database_is_said_and_none_is_made(run_here, tmp_path):
    finished = run_here("purge", "--all", "--yes", "--db", tmp_path / "none.db")
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith("cry-monitor: error: no database at")
    assert not (tmp_path / "none.db").exists()
