"""A monitor on standard input, and systemd's side of it: fixtures, and what tests do with them."""

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from daemon_process import wait_for
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY

from edge.store import Store

ENDS_WITHIN_S = 2.0
WATCHDOG_USEC = "400000"


def send(process, samples):
    process.stdin.buffer.write(np.round(32767 * samples).astype("<i2").tobytes())
    process.stdin.flush()


def told(systemd, during_s):
    """The messages of so many seconds."""
    messages = []
    until_s = time.monotonic() + during_s
    while time.monotonic() < until_s:
        systemd.settimeout(max(0.01, until_s - time.monotonic()))
        try:
            messages.append(systemd.recv(4096).decode())
        except socket.timeout:
            break
    return messages


def wait_until_told(systemd, text):
    systemd.settimeout(PATIENCE_S)
    message = ""
    while text not in message:
        message = systemd.recv(4096).decode()
    return message


# A daemon that reads standard input; SIGUSR1 lets its machine sleep for a hundred seconds.
SLEEPER = """
import signal, sys
import edge.runtime.daemon, edge.runtime.microphone_state, edge.runtime.source
from edge.bundle import load_bundle
from edge.config import default_settings
from edge.log import start_log
from edge.runtime.passed import since_boot_s
from edge.sinks.fan_out import Sinks
from edge.status import Status
from edge.store.buffered_store import BufferedStore

asleep_s = [0.0]
def fall_asleep(*_):
    asleep_s[0] += 100.0
for module in (edge.runtime.daemon, edge.runtime.microphone_state, edge.runtime.source):
    module.since_boot_s = lambda: since_boot_s() + asleep_s[0]
start_log()
settings = default_settings()
settings = settings._replace(audio=settings.audio._replace(source="-"))
def reread():
    raise RecursionError("maximum recursion depth exceeded")
status = Status()
with BufferedStore(sys.argv[2], settings, status.database) as keeper:
    daemon = edge.runtime.daemon.Daemon(load_bundle(sys.argv[1]), settings, keeper, status, Sinks([], status), reread)
    signal.signal(signal.SIGUSR1, fall_asleep)
    daemon.run()
"""


class LiveWriter:
    """Writes quiet as a microphone's program does: at the pace of the clock, and what finds no room is lost."""

    def __init__(self, process):
        self._pipe = process.stdin.fileno()
        os.set_blocking(self._pipe, False)

    def play(self, seconds):
        for _ in range(int(seconds / 0.1)):
            time.sleep(0.1)
            with suppress(BlockingIOError):
                os.write(self._pipe, bytes(3200))


def seconds_of(err, path):
    """(heard, skipped, passed) of the last line; the minutes and the rows of health say the same."""
    heard_s, passed_s, skipped_s = map(
        float, re.search(r"stopped: heard ([\d.]+) s, .* passed ([\d.]+) s, skipped ([\d.]+) s", err).groups()
    )
    with Store(path, read_only=True) as store:
        minutes = store.minutes()
        stopped = [row.detail for row in store.health() if row.state == "stopped"]
    assert sum(minute.duration_s for minute in minutes) == pytest.approx(heard_s, abs=0.1)
    assert sum(minute.dropped_samples for minute in minutes) / 16000 == pytest.approx(skipped_s, abs=0.1)
    assert "passed {:.1f} s, skipped {:.1f} s".format(passed_s, skipped_s) in stopped[0]
    assert heard_s + skipped_s == pytest.approx(passed_s, abs=1.0)
    return heard_s, skipped_s, passed_s


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "night.db")


@pytest.fixture
def systemd(tmp_path):
    """The socket on which systemd is told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        yield listening


@pytest.fixture
def watched(systemd):
    """Changes to the environment: a service with a watchdog."""
    return {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": WATCHDOG_USEC}


@pytest.fixture
def listening(start, loud_bundle, path):
    """listening(*arguments, **changes) -> a daemon that is ready for PCM on standard input."""

    def listening(*arguments, **changes):
        process = start("run", "--source", "-", "--bundle", loud_bundle, "--db", path, *arguments, **changes)
        wait_for(process, "READY")
        return process

    return listening


@pytest.fixture
def sleeper(loud_bundle, path):
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, loud_bundle, path],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    wait_for(process, "READY")
    yield process
    process.kill()
    process.wait()
