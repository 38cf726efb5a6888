"""The commands as a person runs them: a process of its own, its exit status, what it prints."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from loud_bundle import loud_bundle, noise_burst  # noqa: F401
from patience import PATIENCE_S
from supervised import listening, path, sleeper, systemd, watched  # noqa: F401
from virtual_microphone import REPOSITORY, write_wav

from edge.log import log

MODULES = {"cry-monitor": "edge.commands.main", "edge-bench": "edge.bench.command"}


class Finished:
    """A process that has ended."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    def objects(self):
        """The JSON lines of stdout; anything else there is an error."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def environment(tmp_path):
    """The environment of a user with an empty home."""
    environment = dict(os.environ, XDG_STATE_HOME=str(tmp_path / "state"), HOME=str(tmp_path))
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET", "JOURNAL_STREAM"):
        environment.pop(name, None)
    environment.pop("CRY_MONITOR_TRACEBACK", None)
    return environment


def hear_interrupts():
    """Where tests run in the background, SIGINT is ignored, and so it would be in what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def start(environment):
    """start(*arguments, program="cry-monitor", **changes to the environment) -> Popen; killed at the end."""
    processes = []

    def start(*arguments, **changes):
        program = changes.pop("program", "cry-monitor")
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", MODULES[program]] + [str(argument) for argument in arguments],
                cwd=REPOSITORY,
                env=dict(environment, **changes),
                universal_newlines=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                preexec_fn=hear_interrupts,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def run(start):
    """run(*arguments) -> Finished. Nobody ever sees a stack trace."""

    def run(*arguments, **changes):
        process = start(*arguments, **changes)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in err
        return Finished(process.returncode, out, err)

    return run


@pytest.fixture
def run_here(environment, monkeypatch, capsys):
    """run() within this process, which is quicker: for what a process of its own would show nothing more of."""
    for name in set(os.environ) - set(environment):
        monkeypatch.delenv(name)

    def run_here(*arguments, **changes):
        module = importlib.import_module(MODULES[changes.pop("program", "cry-monitor")])
        for name, value in dict(environment, **changes).items():
            monkeypatch.setenv(name, value)
        time.tzset()
        try:
            status = module.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = ended.code
        return Finished(status, *capsys.readouterr())

    on_interrupt, on_end = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    before = (log.handlers, log.level, log.propagate)
    # Limits of a process cannot be taken back: the tests' own keeps its core dumps and its memory.
    monkeypatch.setattr("edge.runtime.private_memory.forbid_core_dumps", lambda: None)
    monkeypatch.setattr("edge.runtime.private_memory.lock_memory", lambda: "")
    yield run_here
    log.handlers, log.level, log.propagate = before  # a command that has a log of its own has taken it over
    signal.signal(signal.SIGTERM, on_end)
    signal.signal(signal.SIGINT, on_interrupt)
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def burst_wav(tmp_path):
    """A recording of 8 s of silence, 6 s of noise, 8 s of silence."""
    pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    recording = tmp_path / "burst.wav"
    write_wav(str(recording), noise_burst(), 16000)
    return str(recording)
