"""`cry-monitor mark`: asked of the monitor that runs, written at once where none does, shown by events and report."""

import json

import pytest
from daemon_process import wait_for

from edge.records import Event
from edge.store import Store

EVENING_UTC = 1795291200.0  # 2026-11-21T20:00:00Z


@pytest.fixture
def configured(tmp_path, loud_bundle):
    """(path of a configuration, of a database with two events)."""
    database, config = tmp_path / "night.db", tmp_path / "cry-monitor.toml"
    config.write_text(
        '[audio]\nsource = "-"\n[detector]\nbundle = "{0}"\n[store]\npath = "{1}"\nkeep_days = 3650\n'
        '[socket]\npath = "{2}/s"\n'.format(loud_bundle, database, tmp_path)
    )
    with Store(str(database)) as store:
        for hour in range(2):
            store.add_event(Event(0, 30.0, 0.9), EVENING_UTC + 3600 * hour, "mic")
    return config, database


def marks(run_here, database):
    return [fields["mark"] for fields in run_here("events", "--db", database, "--json").objects()]


def test_a_mark_is_kept_and_shown(run_here, configured, validate, tmp_path):
    config, database = configured
    finished = run_here("mark", "1", "cry", "--config", config)
    assert (finished.status, finished.err) == (0, "")
    assert finished.out == "event 1 of 2026-11-21T20:00:00.000Z is marked: cry\n"
    assert run_here("mark", "last", "other", "--db", database).status == 0
    assert marks(run_here, database) == ["cry", "other"]
    validate(run_here("events", "--db", database, "--json").objects(), "events")
    table = run_here("events", "--db", database).out.splitlines()
    assert table[1].endswith("marked: cry") and table[2].endswith("marked: other")
    page, data = tmp_path / "night.html", tmp_path / "night.json"
    for out in (page, data):
        assert run_here("report", "--since", "2026-11-21T00:00Z", "--db", database, "--out", out).status == 0
    assert "something else" in page.read_text()
    report = json.loads(data.read_text())
    validate([report], "report")
    assert [event["mark"] for event in report["events"]] == ["cry", "other"]
    assert run_here("mark", "1", "none", "--config", config).out.endswith("has no mark any more\n")
    assert marks(run_here, database) == [None, "other"]


@pytest.mark.once
def test_the_monitor_that_runs_writes_it_down(start, run_here, configured):
    config, database = configured
    monitor = start("run", "--config", config)
    wait_for(monitor, "READY")
    assert run_here("mark", "2", "cry", "--config", config).status == 0
    assert marks(run_here, database) == [None, "cry"]
    finished = run_here("mark", "3", "cry", "--config", config)
    assert finished.status == 1 and "the monitor does not mark: there is no event 3" in finished.err


@pytest.mark.parametrize(
    "arguments, status, said",
    [
        (("7", "cry"), 1, "there is no event 7"),
        (("0", "cry"), 1, "event is 0"),
        (("-1", "cry"), 2, "EVENT"),
        (("first", "cry"), 2, "is no event"),
        (("1", "perhaps"), 2, "perhaps"),
        (("1",), 2, "mark"),
        (("1", "cry", "--source", "attic"), 1, "attic is no monitor"),
        (("1", "cry", "--db", "/nowhere/at.db"), 1, "no database at /nowhere/at.db"),
    ],
)
def test_what_cannot_be_is_said(run_here, configured, arguments, status, said):
    finished = run_here("mark", *(arguments + ("--config", configured[0])))
    assert (finished.status, finished.out) == (status, "") and said in finished.err
