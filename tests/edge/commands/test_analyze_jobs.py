"""`cry-monitor analyze --jobs`: the same answers in the same order, from several processes that never stay behind."""

import os
import pty
import signal
import struct
import subprocess
import sys
import time

import pytest
from loud_bundle import noise_burst
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY, write_wav

from edge.commands.analysis_pool import most_jobs

pytest.importorskip("soundfile")
pytest.importorskip("soxr")


@pytest.fixture
def recordings(tmp_path):
    """A long one, a bad one, and short ones: what is done first is not what came first."""
    paths = []
    for number, silence_s in enumerate((20, 0, 2, 3, 4, 5)):
        paths.append(str(tmp_path / "{}.wav".format(number)))
        write_wav(paths[-1], noise_burst(silence_s, 6, 8), 16000)
    with open(paths[1], "wb") as file:
        file.write(b"once upon a time")
    return paths


def without_speed(objects):
    """The JSON lines but for how quick it was."""
    return [{key: value for key, value in fields.items() if "realtime" not in key and key != "speedup"}
            for fields in objects]  # fmt: skip


@pytest.mark.once
def test_two_jobs_print_what_one_does(run, loud_bundle, recordings, validate):
    one = run("analyze", "--bundle", loud_bundle, "--json", "--frames", *recordings)
    two = run("analyze", "--bundle", loud_bundle, "--json", "--frames", "--jobs", "2", *recordings)
    validate(two.objects(), "analyze")
    assert without_speed(two.objects()) == without_speed(one.objects())
    assert (two.status, two.err) == (one.status, one.err) == (1, one.err)
    assert two.err.startswith("cry-monitor: error: {}".format(recordings[1]))


@pytest.mark.parametrize("jobs", ["0", "-1", "9999"])
def test_a_number_of_jobs_that_cannot_be(run_here, burst_wav, jobs):
    finished = run_here("analyze", "--jobs", jobs, burst_wav)
    assert (finished.status, finished.out) == (1, "")
    assert finished.err == (
        "cry-monitor: error: --jobs is {}: use 1 to {}, twice the number of this machine's cores\n".format(
            jobs, most_jobs()
        )
    )


def test_a_bundle_that_cannot_be_used_is_said_once(run, recordings):
    finished = run("analyze", "--bundle", "/nowhere", "--jobs", "2", *recordings)
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.count("\n") == 1 and "/nowhere" in finished.err


def children_of(pid):
    """Process numbers of the children of a process."""
    with open("/proc/{0}/task/{0}/children".format(pid)) as file:
        return [int(number) for number in file.read().split()]


def until(condition, patience_s=PATIENCE_S):
    """Wait for a condition."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited for {:g} s".format(patience_s)
        time.sleep(0.01)


@pytest.fixture
def endless(tmp_path):
    """Two recordings that come through named pipes and never end."""
    paths, writers = [str(tmp_path / "endless{}.wav".format(number)) for number in range(2)], []
    write_wav(str(tmp_path / "begin.wav"), noise_burst(0, 1, 0), 16000)
    content = bytearray((tmp_path / "begin.wav").read_bytes())
    for at in (4, 40):  # where its header says how long it is
        struct.pack_into("<I", content, at, 0xFFFFFFFF)
    for path in paths:
        os.mkfifo(path)
        writers.append(os.open(path, os.O_RDWR))
        os.write(writers[-1], content)
    yield paths
    for writer in writers:
        os.close(writer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(start, loud_bundle, endless, number):
    process = start("analyze", "--bundle", loud_bundle, "--frames", "--jobs", "2", *endless)
    until(lambda: len(children_of(process.pid)) == 2)
    children = children_of(process.pid)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    if number == signal.SIGINT:
        assert (process.returncode, err) == (130, "")
    until(lambda: not any(os.path.exists("/proc/{}".format(child)) for child in children))


def test_a_process_that_is_killed_is_named_and_the_rest_analysed(start, loud_bundle, endless, burst_wav):
    process = start("analyze", "--bundle", loud_bundle, "--json", "--jobs", "2", *(endless[:1] + [burst_wav]))
    until(lambda: len(children_of(process.pid)) == 2)
    for child in children_of(process.pid)[:1]:  # the first one has the first recording
        os.kill(child, signal.SIGKILL)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert err.startswith("cry-monitor: error: {}: the process that analysed it ended by signal 9".format(
        endless[0]))  # fmt: skip
    assert burst_wav in out and endless[0] not in out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_terminal_is_told_how_far_it_is(loud_bundle, burst_wav, environment, jobs):
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "edge.commands.main", "analyze", "--bundle", loud_bundle, "--jobs", jobs]
    process = subprocess.Popen(
        command + [burst_wav, burst_wav], cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=its
    )
    os.close(its)
    out, _ = process.communicate(timeout=PATIENCE_S)
    said = b""
    while True:
        try:
            said += os.read(ours, 4096)
        except OSError:  # all of it is read
            break
    os.close(ours)
    assert process.returncode == 0
    assert b"recording 1 of 2, 00:" in said and said.endswith(b"\x1b[K")
    assert b"recording" not in out
