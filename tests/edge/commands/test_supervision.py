"""What supervises the daemon, and what it is told while it runs: watchdog, SIGHUP, overload, SIGTERM."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from daemon_process import on_virtual_microphone, stop, wait_for
from loud_bundle import noise_burst
from patience import PATIENCE_S, how_much_slower
from virtual_microphone import REPOSITORY

from edge.store import Store

ENDS_WITHIN_S = 2.0
WATCHDOG_USEC = "400000"

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
def listening(start, loud_bundle, path, tmp_path):
    """listening(*arguments, **changes) -> a daemon that is ready for PCM on standard input."""

    def listening(*arguments, **changes):
        process = start("run", "--source", "-", "--bundle", loud_bundle, "--db", path, *arguments, **changes)
        wait_for(process, "READY")
        return process

    return listening


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


def test_sighup_rereads_the_configuration_or_says_why_not(listening, systemd, watched, path, tmp_path):
    config = tmp_path / "cry-monitor.toml"
    config.write_text("")
    process = listening("--config", str(config), **watched)
    send(process, noise_burst(4, 3, 7))
    wait_for(process, "event:")

    def hang_up(text):
        config.write_text(text)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        send(process, noise_burst(0.2, 0, 0))
        answer = wait_for(process, "configuration")
        wait_until_told(systemd, "RELOADING=1\nMONOTONIC_USEC=")
        wait_until_told(systemd, "READY=1")
        return answer

    assert "configuration read: new" in hang_up("[decision]\nmin_event_s = 10\n")
    assert "configuration read: nothing has changed" in hang_up("[decision]\nmin_event_s = 10.0\n")
    refused = hang_up("[decision]\nmin_evnt_s = 1\n")
    assert "unknown key decision.min_evnt_s; did you mean min_event_s?; the old one stays" in refused
    assert "[store] has changed, and is read at the start only: restart" in hang_up("[store]\nkeep_days = 1\n")
    assert "nested deeper than 64 levels; " in hang_up("a = " + "[" * 3000)
    assert "a whole number of 1329 bits is too large; " in hang_up("[gate]\nmargin_db = 1" + "0" * 400)
    send(process, noise_burst(4, 3, 7))  # shorter than the new min_event_s
    assert ", brief" in wait_for(process, "event:")
    send(process, noise_burst(0, 11, 7))
    assert "cried for 1" in wait_for(process, "event:")
    assert stop(process)[0] == 0
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 3
        states = [row.state for row in store.health()]
    assert (states.count("configuration refused"), states.count("configuration read")) == (4, 2)


@pytest.mark.once
def test_sighup_without_a_configuration_file_is_refused(listening):
    process = listening()
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    send(process, noise_burst(0.2, 0, 0))
    assert "no configuration file was given" in wait_for(process, "configuration refused")


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


@pytest.mark.once
def test_a_machine_that_sleeps_skips_and_says_so(sleeper, path):
    writer = LiveWriter(sleeper)
    writer.play(3.0)
    sleeper.send_signal(signal.SIGUSR1)
    writer.play(12.0)
    assert "100." in wait_for(sleeper, "skipped: ")  # found while it goes on
    status, _, err, _ = stop(sleeper)
    assert status == 0
    heard_s, skipped_s, _ = seconds_of(err, path)
    assert skipped_s > 100.0 and heard_s > 10.0
    with Store(path, read_only=True) as store:
        assert any(row.state == "skipped" and row.detail.startswith("100.") for row in store.health())


@pytest.mark.once
def test_a_monitor_that_was_stopped_skips_what_found_no_room(listening, path):
    """The pipe has room for two seconds."""
    process = listening()
    began = time.monotonic()
    writer = LiveWriter(process)
    writer.play(2.0)
    process.send_signal(signal.SIGSTOP)
    writer.play(6.0)
    process.send_signal(signal.SIGCONT)
    writer.play(2.0)
    status, _, err, _ = stop(process)
    assert status == 0
    _, skipped_s, passed_s = seconds_of(err, path)
    assert passed_s == pytest.approx(time.monotonic() - began, abs=1.0)
    assert skipped_s > 3.0


@pytest.mark.once
def test_whatever_reading_the_configuration_raises_is_refused_in_one_line(sleeper):
    send(sleeper, noise_burst(1, 0, 0))
    wait_for(sleeper, "healthy")
    sleeper.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    send(sleeper, noise_burst(1, 0, 0))
    assert "RecursionError: maximum recursion depth exceeded); the old one stays" in wait_for(sleeper, "refused")
    assert stop(sleeper)[0] == 0


@pytest.mark.once
@pytest.mark.parametrize(
    "text",
    [
        "a=" + "[" * 3000,
        "[gate]\nmargin_db = 1" + "0" * 400,
        "\ufeff[gate]\nmargin_db = 3\x00",
        "[gate]\nmargin_db = nan",
        "[store]\npath = 7",
        "x" * 100000,
    ],
    ids=["nested", "an integer of 400 digits", "a NUL", "nan", "another type", "no TOML"],
)
def test_no_configuration_ends_the_monitor_that_reads_it_again(listening, path, tmp_path, text):
    config = tmp_path / "cry-monitor.toml"
    config.write_text("")
    process = listening("--config", str(config))
    config.write_text(text, encoding="utf-8")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    send(process, noise_burst(4, 3, 7))
    refused = wait_for(process, "configuration refused")
    assert refused.rstrip().endswith("the old one stays") and len(refused) < 1000
    wait_for(process, "event:")
    assert stop(process)[0] == 0


@pytest.mark.parametrize(
    "arguments, status, said",
    [
        ((), 1, "cry-monitor: error: standard input ended after 2.0 s, though nobody had asked for the end"),
        (("--fast",), 0, "stopped: heard 2.0 s"),
    ],
)
def test_a_pipe_that_ends_by_itself_is_an_error_unless_it_is_a_recording(listening, path, arguments, status, said):
    process = listening(*arguments)
    writer = LiveWriter(process)
    writer.play(2.0)
    process.stdin.close()
    process.stdin = None
    err = process.communicate(timeout=60)[1]
    assert process.returncode == status
    assert said in err
    assert "stopped: heard 2.0 s" in err
    assert "Traceback" not in err
    with Store(path, read_only=True) as store:
        assert [row.state for row in store.health()][-1] == "stopped"


def test_a_source_faster_than_real_time_is_said_and_taken_for_a_recording(listening, path):
    process = listening()
    send(process, noise_burst(10, 3, 7))
    assert "standard input sends faster than real time" in wait_for(process, "faster: ")
    process.stdin.close()
    process.stdin = None
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "stopped: heard 20.0 s, 1 events" in err


@pytest.mark.once
def test_standard_input_that_sends_nothing_is_stalled_until_it_sends_again(listening, systemd, watched, path):
    process = listening(**watched)
    wait_until_told(systemd, "STATUS=stalled: standard input sends nothing")  # nothing has come at all
    writer = LiveWriter(process)
    writer.play(2.0)
    wait_for(process, "healthy: hearing standard input")
    assert "standard input sends nothing" in wait_for(process, "stalled: ")
    writer.play(2.0)
    assert ", after " in wait_for(process, "healthy: hearing standard input")
    status, _, err, _ = stop(process)
    assert status == 0
    seconds_of(err, path)
    with Store(path, read_only=True) as store:
        states = [row.state for row in store.health()]
    assert states[:5] == ["started", "stalled", "healthy", "stalled", "healthy"]
