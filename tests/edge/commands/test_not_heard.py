"""Time that was not heard is counted: a machine that sleeps, a pipe that ends, stalls or is faster than real time."""

import signal
import time

import pytest
from daemon_process import stop, wait_for
from loud_bundle import noise_burst
from supervised import LiveWriter, seconds_of, send, wait_until_told

from edge.store import Store


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
    writer.play(1.0)
    process.send_signal(signal.SIGSTOP)
    writer.play(4.5)
    process.send_signal(signal.SIGCONT)
    writer.play(1.0)
    status, _, err, _ = stop(process)
    assert status == 0
    _, skipped_s, passed_s = seconds_of(err, path)
    assert passed_s == pytest.approx(time.monotonic() - began, abs=1.0)
    assert skipped_s > 1.5


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
