"""`cry-monitor tune`: a table, a picture, a file that run reads; nothing where there is too little."""

import os
import sys

import pytest
from daemon_process import wait_for

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tuning"))
from homes import make_home  # noqa: E402

from edge.bundle import read_manifest  # noqa: E402
from edge.tuning.override import path_beside  # noqa: E402


@pytest.fixture
def home(tmp_path, loud_bundle):
    """(configuration, database, what every tune here is given)."""
    database, config = str(tmp_path / "night.db"), tmp_path / "cry-monitor.toml"
    config.write_text(
        '[audio]\nsource = "-"\n[detector]\nbundle = "{0}"\n[store]\npath = "{1}"\nkeep_days = 3650\n'
        '[socket]\npath = "{2}/s"\n'.format(loud_bundle, database, tmp_path)
    )
    sha = read_manifest(loud_bundle).sha256
    return config, database, lambda **changes: make_home(database, sha=sha, **changes)


TUNE = ("tune", "--since", "2026-01-01")


@pytest.mark.once
def test_the_trade_is_shown_drawn_and_taken_by_the_next_run(run_here, start, home, tmp_path, validate):
    config, database, make = home
    make()
    picture = tmp_path / "trade.svg"
    finished = run_here(*TUNE + ("--config", config, "--svg", picture, "--false-alarms", "2"))
    assert (finished.status, finished.err) == (0, "")
    assert "4 nights, 12 cries" in finished.out and "best" in finished.out and "now" in finished.out
    assert picture.read_text().startswith("<svg") and not os.path.exists(path_beside(database))
    (fields,) = run_here(*TUNE + ("--config", config, "--json", "--false-alarms", "2", "--write")).objects()
    validate([fields], "tune")
    assert fields["written"] == path_beside(database) and fields["chosen"]["cries_found"] >= 8
    doctor = run_here("doctor", "--config", config, "--source", "file:/dev/null")
    assert "thresholds are this home's" in doctor.out
    monitor = start("run", "--config", config)
    assert "this home's" in wait_for(monitor, "this home's")
    assert "tuned to this home" in wait_for(monitor, "READY")
    assert run_here("tune", "--reset", "--config", config).status == 0
    assert not os.path.exists(path_beside(database))


@pytest.mark.once
def test_a_file_for_another_bundle_is_said_and_the_monitor_hears_on(start, run_here, home):
    config, database, make = home
    make()
    assert run_here(*TUNE + ("--config", config, "--write", "--false-alarms", "9")).status == 0
    with open(path_beside(database)) as file:
        text = file.read()
    sha = text.split('bundle_sha256 = "')[1][:64]
    with open(path_beside(database), "w") as file:
        file.write(text.replace(sha, "0" * 64))
    monitor = start("run", "--config", config)
    assert "another bundle" in wait_for(monitor, "tuning refused")
    wait_for(monitor, "READY")


def test_too_little_decides_nothing(run_here, home):
    config, database, make = home
    make(nights=1)
    finished = run_here(*TUNE + ("--config", config))
    assert finished.status == 0 and "too little to decide: 1 of 3 nights" in finished.out
    finished = run_here(*TUNE + ("--config", config, "--write"))
    assert finished.status == 1 and "nothing was written: too little" in finished.err
    assert not os.path.exists(path_beside(database))


def test_no_thresholds_that_keep_to_it_are_said(run_here, home):
    config, database, make = home
    make(
        sounds=[(600.0 * n, [0.999] * 40, "other") for n in range(1, 3)] + [(9000.0, [0.999] * 40, "cry")] * 1,
        nights=10,
    )
    finished = run_here(*TUNE + ("--config", config, "--write", "--false-alarms", "0.5"))
    assert finished.status == 1 and "none of these thresholds had at most 0.5" in finished.err
    assert not os.path.exists(path_beside(database))


@pytest.mark.parametrize(
    "arguments, status, said",
    [
        (("--false-alarms", "-1"), 2, "no number of false alarms"),
        (("--false-alarms", "nan"), 2, "no number of false alarms"),
        (("--write", "--reset"), 2, "not allowed"),
        (("--svg", "/nowhere/a.svg"), 1, "cannot be written"),
        (("--db", "/nowhere/at.db"), 1, "no database"),
    ],
)
def test_what_cannot_be_is_said(run_here, home, arguments, status, said):
    config, _, make = home
    make(nights=1)
    finished = run_here(*TUNE + ("--config", config) + arguments)
    assert finished.status == status and said in finished.err and "Traceback" not in finished.err
