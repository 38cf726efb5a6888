"""The log: levels as the journal takes them, JSON that is JSON to the last line, a line a minute at most."""

import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from loud_bundle import loud_bundle  # noqa: F401
from virtual_microphone import REPOSITORY, write_wav

import edge.log
from edge.log import iso_utc, log, log_writer, read_by_machines, start_log, stderr_is_the_journal

QUIET_S = 150


@pytest.fixture
def logged(tmp_path):
    """logged(*arguments of run, as_journal=False) -> (exit status, lines of stderr)."""

    def logged(*arguments, **options):
        path = str(tmp_path / "stderr")
        environment = dict(os.environ, HOME=str(tmp_path), JOURNAL_STREAM="1:2")
        with open(path, "wb") as stderr:
            if options.get("as_journal"):
                there = os.fstat(stderr.fileno())
                environment["JOURNAL_STREAM"] = "{}:{}".format(there.st_dev, there.st_ino)
            status = subprocess.call(
                [sys.executable, "-m", "edge.commands.main", "run", "--db", str(tmp_path / "night.db")]
                + [str(argument) for argument in arguments],
                cwd=REPOSITORY,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        with open(path) as stderr:
            return status, stderr.read().splitlines()

    return logged


@pytest.fixture
def quiet_wav(tmp_path):
    """Two and a half quiet minutes."""
    pytest.importorskip("soundfile")
    path = str(tmp_path / "quiet.wav")
    write_wav(path, 1e-4 * np.random.RandomState(1).standard_normal(16000 * QUIET_S), 16000)
    return path


@pytest.mark.once
def test_normal_running_is_a_line_a_minute_at_most(logged, quiet_wav, loud_bundle):  # noqa: F811
    status, lines = logged("--source", "file:" + quiet_wav, "--fast", "--bundle", loud_bundle, "--log-json")
    assert status == 0
    messages = [json.loads(line)["message"] for line in lines]
    (began,) = [at for at, message in enumerate(messages) if "hearing " in message]
    (ended,) = [at for at, message in enumerate(messages) if message.startswith("stopped")]
    normal = [message for message in messages[began + 1 : ended] if not message.startswith(("alert", "event"))]
    assert 0 < len(normal) <= 1 + QUIET_S // 60  # the last for the half minute


def test_json_is_json_when_it_cannot_start(logged, validate_log):
    status, lines = logged("--config", "/nowhere.toml", "--log-json")
    assert status == 1
    (line,) = [json.loads(line) for line in lines]
    assert line["level"] == "error"
    assert line["message"].startswith("cannot read the configuration /nowhere.toml")
    validate_log(line)


def test_the_journal_takes_the_level_of_an_error(logged):
    status, lines = logged("--config", "/nowhere.toml", as_journal=True)
    assert status == 1
    (line,) = lines
    assert line.startswith("<3>cannot read the configuration /nowhere.toml")


def test_what_is_not_the_journal_gets_text(logged):
    _, lines = logged("--config", "/nowhere.toml")
    assert lines == ["cry-monitor: error: " + lines[0].partition("error: ")[2]]


def test_a_line_break_in_a_message_does_not_break_the_line():
    code = "from edge.log import log, start_log; start_log({}); log.warning('one\\ntwo\\r\\nthree')"
    error = subprocess.run([sys.executable, "-c", code.format(True)], cwd=REPOSITORY, stderr=subprocess.PIPE).stderr
    (line,) = error.decode().splitlines()
    assert json.loads(line)["message"] == "one two three"


@pytest.mark.parametrize(
    "utc, written",
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1795550400.25, "2026-11-24T20:00:00.250Z"),
        (1.9994, "1970-01-01T00:00:01.999Z"),
        (1.9996, "1970-01-01T00:00:02.000Z"),  # rounded, the second with it
    ],
)
def test_a_time_is_written_to_the_millisecond(utc, written):
    assert iso_utc(utc) == written


@pytest.fixture
def started(monkeypatch, tmp_path):
    """started(as_json, monitor, is_journal) begins the log; returns what gives its lines."""
    before = (log.handlers, log.level, log.propagate)
    with open(str(tmp_path / "log"), "w", encoding="ascii") as file:

        def started(as_json=False, monitor="", is_journal=False):
            monkeypatch.setattr(sys, "stderr", file)  # here: pytest sets its own when the test begins
            there = os.fstat(file.fileno())
            journal = "{}:{}".format(there.st_dev, there.st_ino) if is_journal else "1:2"
            monkeypatch.setenv("JOURNAL_STREAM", journal)
            start_log(as_json, monitor)
            return lambda: (tmp_path / "log").read_text(encoding="ascii").splitlines()

        yield started
        monkeypatch.undo()
        log.handlers, log.level, log.propagate = before
        edge.log._named = ""


def say_all():
    for say in (log.debug, log.info, log.warning, log.error, log.critical):
        say("a %s\x1b[2J\nline", "caf\u00e9")


def test_the_journal_takes_every_level_and_no_break_of_a_line(started):
    lines = started(is_journal=True)
    assert stderr_is_the_journal() and read_by_machines()
    say_all()
    assert lines() == ["<{}>a caf\\xe9\\x1b[2J line".format(level) for level in (6, 4, 3, 2)]


def test_json_names_the_level_and_the_monitor(started):
    lines = started(as_json=True, monitor="cot\n2", is_journal=True)
    assert read_by_machines()
    say_all()
    said = [json.loads(line) for line in lines()]
    assert [line["level"] for line in said] == ["info", "warning", "error", "critical"]
    assert {line["message"] for line in said} == {"[cot\\n2] a caf\u00e9\\x1b[2J line"}
    assert {len(line["time_utc"]) for line in said} == {24}


def test_a_person_reads_when_how_bad_and_what(started):
    lines = started()
    assert not read_by_machines() and not stderr_is_the_journal()
    say_all()
    said = lines()
    assert [line[20:28] for line in said] == ["INFO    ", "WARNING ", "ERROR   ", "CRITICAL"]
    for line in said:
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]+ +a caf\\xe9\\x1b\[2J line$", line)


def test_a_log_that_is_begun_anew_names_no_monitor_and_says_each_line_once(started):
    started(monitor="cot")
    lines = started(is_journal=True)
    log.warning("once")
    assert lines() == ["<4>once"]
    assert not log.propagate


@pytest.fixture
def validate_log():
    """validate_log(line): it is as docs/schemas/log.schema.json says."""
    jsonschema = pytest.importorskip("jsonschema")

    def validate_log(line):
        with open(os.path.join(REPOSITORY, "docs", "schemas", "log.schema.json")) as file:
            jsonschema.validate(line, json.load(file))

    return validate_log


@pytest.mark.parametrize("stream", ["closed", "a collector"])
def test_a_stderr_that_is_no_file_gets_the_log_or_nothing_and_ends_nothing(monkeypatch, stream):
    collected = io.StringIO()
    if stream == "closed":
        collected.close()
    monkeypatch.setattr(sys, "stderr", collected)
    before = (log.handlers, log.level, log.propagate)
    try:
        start_log()
        assert log_writer() is None
        if stream != "closed":
            log.info("it is heard")
            assert "it is heard" in collected.getvalue()
    finally:
        log.handlers, log.level, log.propagate = before


def test_the_writer_of_a_stderr_that_is_a_file_is_known(monkeypatch, tmp_path):
    before = (log.handlers, log.level, log.propagate)
    with open(str(tmp_path / "log"), "w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        try:
            start_log()
            assert log_writer() is not None
        finally:
            log.handlers, log.level, log.propagate = before
