"""`cry-monitor live` beside a real monitor, as text and on a terminal."""

import os
import pty
import select
import subprocess
import sys

import numpy as np
import pytest
from daemon_process import wait_for
from virtual_microphone import REPOSITORY

SECOND = np.random.RandomState(0).randn(16000) * 0.01


@pytest.fixture
def monitor(start, loud_bundle, tmp_path):
    """(its process, its configuration): it hears faint noise."""
    config = tmp_path / "cry-monitor.toml"
    config.write_text(
        '[audio]\nsource = "-"\n[detector]\nbundle = "{0}"\n[store]\npath = "{1}/night.db"\n'
        '[socket]\npath = "{1}/s"\n'.format(loud_bundle, tmp_path)
    )
    process = start("run", "--config", config)
    wait_for(process, "READY")
    process.stdin.buffer.write((SECOND * 32767).astype("<i2").tobytes())
    process.stdin.flush()
    wait_for(process, "healthy")
    return process, config


def test_once_is_text_and_a_status(run, monitor):
    process, config = monitor
    finished = run("live", "--once", "--config", config)
    assert "nursery" in finished.out and "level" in finished.out and finished.err == ""
    process.kill()
    process.wait()
    finished = run("live", "--once", "--config", config)
    assert finished.status == 1 and "DOES NOT HEAR (gone)" in finished.out


def test_on_a_terminal_it_draws_until_q(monitor, environment):
    _, config = monitor
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.commands.main", "live", "--config", str(config)],
        cwd=REPOSITORY,
        env=dict(environment, TERM="xterm", LINES="24", COLUMNS="80"),
        stdin=its,
        stdout=its,
        stderr=subprocess.PIPE,
    )
    os.close(its)
    shown = b""
    while b"q: end" not in shown or b"nursery" not in shown:
        assert select.select([ours], [], [], 60.0)[0], shown
        shown += os.read(ours, 4096)
    os.write(ours, b"q")
    while process.poll() is None:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                os.read(ours, 4096)
            except OSError:
                break
    assert process.wait(30) == 0 and process.stderr.read() == b""
    os.close(ours)
