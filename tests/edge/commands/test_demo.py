"""`cry-monitor demo`: a whole night, what was heard beside what was true."""

import os

import pytest

from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.commands.demo import match, night_table, program
from edge.records import Event
from edge.store import Store
from edge.synthesis import Segment


def a_segment(kind, start_s, end_s):
    return Segment(start_s, end_s, kind, 12.0, -30.0)


def test_a_cry_is_matched_with_the_event_that_overlaps_it_longest():
    cry, lullaby = a_segment("cry", 10, 30), a_segment("lullaby", 50, 70)
    short, long, false = Event(5, 11, 0.9), Event(12, 30, 0.9), Event(55, 60, 0.7)
    matched = match([cry, lullaby], [short, long, false])
    assert matched.found == [(cry, long)]
    assert matched.false == [false]


@pytest.mark.parametrize("events", [[], [Event(30, 40, 0.9)]])
def test_a_cry_without_an_event_is_missed(events):
    cry = a_segment("cry", 10, 30)
    assert match([cry], events) == ([(cry, None)], events)


def test_the_table_says_found_missed_and_false():
    truth = [a_segment("cry", 10, 30), a_segment("fan", 20, 600), a_segment("cry", 3700, 3710)]
    lines = night_table(truth, [Event(9.5, 31, 0.9), Event(100, 110, 0.7)]).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].endswith("00:09.5 - 00:31.0     found, start -0.50 s")
    assert lines[2].startswith("fan")
    assert lines[3].endswith("01:40.0 - 01:50.0     FALSE ALARM")
    assert lines[4].startswith("cry     1:01:40.0 1:01:50.0") and lines[4].endswith("MISSED")
    assert lines[5] == "1 of 2 cries found, 1 missed, 1 false alarms"


@pytest.mark.parametrize(
    "called, shown",
    [
        (".venv-demo/bin/cry-monitor", ".venv-demo/bin/cry-monitor"),
        ("edge/commands/main.py", "cry-monitor"),
    ],
)
def test_the_next_command_is_shown_as_this_one_was_called(monkeypatch, called, shown):
    monkeypatch.setattr("sys.argv", [called, "demo"])
    assert program() == shown


def test_the_demo_prints_the_night_and_leaves_a_database(run, loud_bundle, tmp_path):
    path = tmp_path / "demo.db"
    finished = run("demo", "--minutes", "1", "--seed", "3", "--bundle", loud_bundle, "--db", path)
    assert (finished.status, finished.err) == (0, "")
    assert max(map(len, finished.out.replace(str(path), "FILE").splitlines())) <= 80
    for said in (
        "listening with",
        "cried until",
        "TRUE",
        "SNR",
        "detector",
        "p99/96",
        "missed deadlines: ",
        "times faster than real time",
        str(path),
    ):
        assert said in finished.out
    with Store(str(path), read_only=True) as store:
        assert len(store.events()) == finished.out.count("cried until")
        assert sum(minute.frames for minute in store.minutes()) == 60 * 5 - 4


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--minutes", "0"), "--minutes is 0: use 1 to 60"),
        (("--minutes", "nan"), "--minutes is nan: use 1 to 60"),
        (("--seed", "-1"), "--seed is -1: use 0 or more"),
    ],
)
def test_a_night_that_cannot_be_is_refused(run_here, arguments, said):
    finished = run_here("demo", *arguments)
    assert (finished.status, finished.err) == (1, "cry-monitor: error: {}\n".format(said))


@pytest.mark.once
@pytest.mark.skipif(not os.path.isdir(DEFAULT_BUNDLE_DIR), reason="this checkout has no default bundle yet")
def test_the_bundle_that_ships_hears_the_demo_night(run, tmp_path):
    finished = run("demo", "--db", tmp_path / "demo.db")
    assert finished.status == 0
    assert "MISSED" not in finished.out
    assert "FALSE ALARM" not in finished.out


def test_the_demo_listens_as_the_configuration_says(run, loud_bundle, tmp_path):
    config = tmp_path / "deaf.toml"
    config.write_text('[gate]\nfloor_dbfs = 0.0\n[detector]\nbundle = "{}"\n'.format(loud_bundle))
    finished = run("demo", "--minutes", "1", "--config", config)
    assert (finished.status, finished.err) == (0, "")
    assert "0 of " in finished.out and "bundle loud" in finished.out
