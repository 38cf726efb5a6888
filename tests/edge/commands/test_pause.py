"""`cry-monitor pause`: shown as paused, counted as not heard, over by itself."""

import json
import threading
from contextlib import suppress

import numpy as np
import pytest
from daemon_process import wait_for
from loud_bundle import noise_burst

from edge.commands.pause import seconds_of
from edge.errors import UserError
from edge.runtime.pause import LONGEST_S, Pause
from edge.store import Store


def pcm(samples):
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


@pytest.fixture
def monitor(start, loud_bundle, tmp_path):
    """(its process, its configuration)."""
    config = tmp_path / "cry-monitor.toml"
    config.write_text(
        '[audio]\nsource = "-"\n[detector]\nbundle = "{0}"\n[store]\npath = "{1}/night.db"\n'
        '[socket]\npath = "{1}/s"\n'.format(loud_bundle, tmp_path)
    )
    process = start("run", "--json", "--config", config)
    wait_for(process, "READY")
    return process, config


class Feeder:
    """Writes sound to a monitor at the pace of the clock: silence, where it is given nothing else."""

    def __init__(self, process):
        self._process, self._sound, self._ended = process, b"", threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def hear(self, samples):
        self._sound += pcm(samples)

    def close(self):
        self._ended.set()
        self._thread.join()

    def _run(self):
        with suppress(OSError, ValueError):
            while not self._ended.wait(0.1):
                block, self._sound = self._sound[:3200], self._sound[3200:]
                self._process.stdin.buffer.write(block.ljust(3200, b"\0"))
                self._process.stdin.flush()


def test_nothing_is_heard_in_a_pause_and_all_of_it_is_said(run, monitor, tmp_path):
    process, config = monitor
    feeder = Feeder(process)
    wait_for(process, "healthy")
    finished = run("pause", "1h", "--config", config)
    assert finished.status == 0 and finished.out.startswith("nursery: paused until ")
    feeder.hear(noise_burst(1, 2, 0))
    wait_for(process, "paused until")
    assert "PAUSED: until" in run("live", "--once", "--config", config).out
    assert run("resume", "--config", config).status == 0
    wait_for(process, "the pause is over")
    feeder.hear(noise_burst(1, 3, 0))
    wait_for(process, "alert")
    feeder.close()
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert [json.loads(line)["type"] for line in out.splitlines()].count("alert") == 1  # of the second burst alone
    with Store(str(tmp_path / "night.db"), read_only=True) as store:
        states = [row.state for row in store.health()]
        assert "paused" in states and states[states.index("paused") + 1] == "healthy"
        assert sum(minute.dropped_samples for minute in store.minutes()) >= 2 * 16000


def test_a_pause_ends_by_itself():
    now = [0.0]
    pause = Pause(lambda: now[0], lambda: 1.7e9)
    assert not pause.is_on
    pause.ask({"seconds": 60})
    now[0] = 59.9
    assert pause.is_on
    now[0] = 60.0
    assert not pause.is_on


@pytest.mark.parametrize("seconds", [None, "60", True, 0, -1, LONGEST_S + 1, float("nan"), float("inf"), 10**400])
def test_a_pause_that_cannot_be_is_refused(seconds):
    with pytest.raises(UserError, match="seconds"):
        Pause().ask({"seconds": seconds})


def test_lengths_are_read():
    assert [seconds_of(text) for text in ("90s", "30m", "1h")] == [90.0, 1800.0, 3600.0]


@pytest.mark.parametrize("arguments", [("pause", "30"), ("pause",), ("pause", "3h"), ("resume",)])
def test_what_cannot_be_is_one_line(run_here, tmp_path, arguments):
    config = tmp_path / "c.toml"
    config.write_text('[socket]\npath = "{}/s"\n'.format(tmp_path))
    finished = run_here(*arguments + ("--config", config))
    assert finished.status in (1, 2) and finished.out == "" and "Traceback" not in finished.err
