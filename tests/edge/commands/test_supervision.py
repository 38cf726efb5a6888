"""What supervises the daemon: the watchdog, deadlines that are missed, SIGTERM."""

import os
import re
import resource
import signal
import subprocess
import sys
import time

import pytest
from daemon_process import on_virtual_microphone, stop, wait_for
from loud_bundle import noise_burst
from patience import PATIENCE_S, how_much_slower
from supervised import ENDS_WITHIN_S, send, told, wait_until_told
from virtual_microphone import REPOSITORY

from edge.store import Store

# A detector that takes five times as long as there is, beside a microphone that does not wait.
SLOW = """
import sys, time
from edge.audio import captured, hops, microphone
from edge.bundle import load_bundle
from edge.config import default_settings
from edge.runtime.daemon import Daemon
from edge.sinks.fan_out import Sinks
from edge.status import Status
from edge.store.buffered_store import BufferedStore
from edge.log import start_log

start_log()
captured.HopQueue = lambda: hops.HopQueue(most_waiting=5, kept=2)
bundle = load_bundle(sys.argv[1])
logit = bundle.detector.logit
bundle.detector.logit = lambda frame: (time.sleep(1.0), logit(frame))[1]
settings = default_settings()
settings = settings._replace(gate=settings.gate._replace(enabled=False))
status = Status()
with BufferedStore(sys.argv[2], settings, status.database) as keeper:
    Daemon(bundle, settings, keeper, status, Sinks([], status), lambda: settings).run()
"""


def test_the_watchdog_is_fed_by_frames_and_by_nothing_else(listening, systemd, watched):
    process = listening(**watched)
    told(systemd, 0.5)
    assert "WATCHDOG=1" not in told(systemd, 1.0)  # it waits for audio: nobody knows whether it still could hear
    send(process, noise_burst(2, 0, 0))
    wait_until_told(systemd, "WATCHDOG=1")
    told(systemd, 1.0)
    assert "WATCHDOG=1" not in told(systemd, 1.0)
    send(process, noise_burst(2, 0, 0))
    wait_until_told(systemd, "WATCHDOG=1")


def test_attempts_to_find_a_microphone_feed_the_watchdog(start, loud_bundle, path, tmp_path, systemd, watched):
    no_sound = tmp_path / "asound.conf"
    no_sound.write_text("pcm.!default { type null_device_that_is_not_there }\n")
    start("run", "--bundle", loud_bundle, "--db", path, ALSA_CONFIG_PATH=str(no_sound), **watched)
    wait_until_told(systemd, "STATUS=lost: no microphone found")
    for _ in range(2):
        wait_until_told(systemd, "WATCHDOG=1")


@pytest.mark.once
def test_the_lost_microphone_and_the_full_disk_are_both_said_then_the_one_that_remains(
    start, loud_bundle, path, tmp_path, systemd, watched
):
    """A disk is full for the monitor when no file of it may be written any more."""
    no_sound = tmp_path / "asound.conf"
    no_sound.write_text("pcm.!default { type null_device_that_is_not_there }\n")
    process = start("run", "--bundle", loud_bundle, "--db", path, ALSA_CONFIG_PATH=str(no_sound), **watched)
    wait_for(process, "READY")

    def line_with(text, is_said):
        """The next status line that says it, or does not; something has to be written meanwhile."""
        systemd.settimeout(1)
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            process.send_signal(signal.SIGHUP)
            for line in told(systemd, 1.0):
                if line.startswith("STATUS=lost") and (text in line) == is_said:
                    return line
        raise AssertionError("a line {} {!r} never came".format("with" if is_said else "without", text))

    assert "no microphone found" in line_with("not_writing", False)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    assert "no microphone found" in line_with("but not_writing: cannot write to the database", True)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert "no microphone found" in line_with("not_writing", False)
    assert stop(process)[0] == 0
    with Store(path, read_only=True) as store:
        states = [row.state for row in store.health()]
    assert [state for state in states if "writing" in state] == ["not_writing", "writing"]


@pytest.mark.once
def test_another_process_s_watchdog_is_left_alone(listening, systemd, watched):
    process = listening(WATCHDOG_PID="1", **watched)
    send(process, noise_burst(2, 0, 0))
    wait_until_told(systemd, "STATUS=healthy")
    assert "WATCHDOG=1" not in told(systemd, 1.0)


@pytest.mark.once
def test_frames_come_in_and_are_processed_or_counted_as_skipped(virtual_microphone, loud_bundle, path):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, loud_bundle, path],
        cwd=REPOSITORY,
        env=virtual_microphone.environment,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    wait_for(process, "healthy")
    time.sleep(4.0)
    status, _, err, took_s = stop(process)
    assert status == 0
    assert took_s < 1.0 + ENDS_WITHIN_S * how_much_slower()  # the frame that is being processed is finished first
    counts = re.search(r"(\d+) missed deadlines, .* (\d+) in, (\d+) processed, (\d+) skipped", err).groups()
    missed, arrived, processed, skipped = map(int, counts)
    assert arrived == processed + skipped
    assert skipped >= 5
    assert missed == processed - 4  # each is late; the first second is one frame
    with Store(path, read_only=True) as store:
        (minute,) = store.minutes()
    assert minute.missed_deadlines == missed
    passed_s = float(re.search(r"passed ([\d.]+) s", err).group(1))
    assert minute.duration_s + minute.dropped_samples / 16000 == pytest.approx(passed_s, abs=0.1)


def test_sigterm_in_the_middle_of_an_episode_ends_it_and_the_process_that_reads(
    start, virtual_microphone, loud_bundle, path
):
    process = start("run", "--bundle", loud_bundle, "--db", path, **on_virtual_microphone(virtual_microphone))
    wait_for(process, "healthy")
    with open("/proc/{0}/task/{0}/children".format(process.pid)) as file:
        (child,) = file.read().split()
    virtual_microphone.play(noise_burst(0.5, 2.5, 0))
    wait_for(process, "alert")
    status, _, err, took_s = stop(process)
    assert status == 0
    assert took_s < ENDS_WITHIN_S * how_much_slower()
    assert "event: cried for" in err
    assert "1 events" in err
    assert not os.path.exists("/proc/" + child)


@pytest.mark.once
def test_sigterm_while_a_microphone_is_being_opened(start, virtual_microphone, loud_bundle, path):
    virtual_microphone.freeze()
    process = start("run", "--bundle", loud_bundle, "--db", path, **on_virtual_microphone(virtual_microphone))
    wait_for(process, "READY")
    time.sleep(1.0)
    status, _, err, took_s = stop(process)
    assert status == 0
    assert took_s < ENDS_WITHIN_S * how_much_slower()
    assert "stopped: heard 0.0 s" in err
