"""A real PortAudio on a virtual microphone: what is played arrives, and a loss is noticed."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY

LISTEN = """
import sys
import numpy
from edge.audio import open_source
with open_source(sys.argv[1]) as source:
    taken = []
    for block in source.blocks():
        assert block.dtype == numpy.float32 and block.ndim == 1 and len(block)
        if not taken:
            print("listening", source.native_rate_hz, source.channels, flush=True)
        taken.append(block)
        if sum(map(len, taken)) >= float(sys.argv[2]) * 16000:
            break
    numpy.save(sys.argv[3], numpy.concatenate(taken))
    print(source.dropped_samples, source.overflows)
"""

LOSE = """
import sys, time
from edge.audio import MicrophoneLost, open_source
from edge.errors import UserError
source = open_source("mic")
try:
    for block in source.blocks():
        print("listening", flush=True)
        heard_s = time.time()
except MicrophoneLost as error:
    print(time.time() - heard_s, isinstance(error, UserError), error, flush=True)
source.close()
print("closed", flush=True)
"""

REOPEN = """
import sys
from edge.audio import MicrophoneLost, open_source
for attempt in range(2):
    source = open_source("mic")
    try:
        for block in source.blocks():
            print("listening", flush=True)
            if attempt:
                break
    except MicrophoneLost:
        print("lost", flush=True)
        sys.stdin.readline()
    source.close()
print("found again")
"""

FALL_BEHIND = """
import time
from edge.audio import captured, hops, microphone
captured.HopQueue = lambda: hops.HopQueue(most_waiting=4, kept=2)
processed = 0
with microphone.MicrophoneSource() as source:
    for block in source.blocks():
        processed += 1
        if processed == 1:
            time.sleep(2.0)
        if source.dropped_samples:
            break
print(source.dropped_samples, processed, source.arrived_frames, source.skipped_frames)
"""

LEAVE_NOTHING = """
import os, threading, time
from edge.audio import open_source
def held():
    return threading.active_count(), sorted(os.listdir("/proc/self/fd"))
before = held()
for _ in range(3):
    with open_source("mic") as source:
        next(source.blocks())
    assert held() == before, (held(), before)
    assert not os.path.exists("/proc/{}".format(source.pid))
print("nothing left")
"""

LISTEN_ON = """
from edge.audio import open_source
with open_source("mic") as source:
    for number, block in enumerate(source.blocks()):
        if not number:
            print(source.pid, flush=True)
"""

# PR_SET_MDWE, what systemd's MemoryDenyWriteExecute=yes means where the kernel can do it itself (6.3).
WITHOUT_WRITABLE_CODE = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit("no PR_SET_MDWE")
from edge.audio import open_source
with open_source("mic") as source:
    print(len(next(source.blocks())))
"""

OPEN = """
import sys
from edge.audio import open_source
from edge.errors import UserError
try:
    print(open_source(sys.argv[1]).name)
except UserError as error:
    sys.exit(str(error))
"""


def sine(duration_s, rate_hz, amplitude):
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(int(duration_s * rate_hz)) / rate_hz)


def hear(virtual_microphone, tmp_path, source, played, rate_hz, sink):
    """Return what `source` hears while `played` is played, its native rate and its channels."""
    heard_path = str(tmp_path / "heard.npy")
    process = virtual_microphone.run_python(LISTEN, source, "2.5", heard_path)
    listening = process.stdout.readline().split()
    assert listening, process.stderr.read()
    virtual_microphone.play(played, rate_hz, sink)
    losses, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert losses.split() == ["0", "0"]
    return np.load(heard_path), int(listening[1]), int(listening[2])


def check_tone(heard, amplitude):
    """The tone of one second is there: its level, its length, its pitch, and silence around it."""
    sounding = np.flatnonzero(np.abs(heard) > 0.01)
    assert abs((sounding[-1] - sounding[0]) / 16000 - 1.0) < 0.01
    middle = heard[sounding[0] + 4000 : sounding[0] + 12000]
    np.testing.assert_allclose(np.sqrt(np.mean(middle**2)), amplitude / np.sqrt(2), rtol=0.01)
    assert np.argmax(np.abs(np.fft.rfft(middle))) * 2 == 440


def test_what_is_played_is_heard(virtual_microphone, tmp_path):
    heard, _, _ = hear(virtual_microphone, tmp_path, "mic", sine(1.0, 16000, 0.25), 16000, "mono16")
    check_tone(heard, 0.25)


def test_the_channel_of_a_48_khz_stereo_microphone_that_hears_is_resampled(virtual_microphone, tmp_path):
    played = np.stack([sine(1.0, 48000, 0.4), np.zeros(48000)], axis=1)
    heard, native_rate_hz, channels = hear(virtual_microphone, tmp_path, "mic:STEREO", played, 48000, "stereo48")
    assert native_rate_hz >= 44100 and channels == 2
    check_tone(heard, 0.4)


# On a busy machine, that a killed server's microphone is silent can be noticed before that its stream has ended.
@pytest.mark.parametrize(
    "fault, told",
    [("kill", ("stopped sending", "sends nothing")), ("suspend", "sends nothing"), ("freeze", "sends nothing")],
)
def test_a_lost_microphone_is_noticed_within_three_seconds(virtual_microphone, fault, told):
    process = virtual_microphone.run_python(LOSE)
    try:
        assert process.stdout.readline() == "listening\n", process.stderr.read()
        getattr(virtual_microphone, fault)()
        lines = iter(process.stdout.readline, "")
        silent_s, is_user_error, text = next(line for line in lines if line != "listening\n").split(" ", 2)
        assert float(silent_s) < 3.0 and is_user_error == "True"
        name, text = text[: len("microphone 'default' ")], text[len("microphone 'default' ") :]
        assert name == "microphone 'default' " and text.startswith(told)
        asked_to_close_s = time.time()
        assert next(lines) == "closed\n"
        assert process.wait(timeout=PATIENCE_S) == 0
        assert time.time() - asked_to_close_s < 4.0
    finally:
        process.kill()
        process.communicate()


def test_a_microphone_that_comes_back_can_be_opened_again(virtual_microphone):
    process = virtual_microphone.run_python(REOPEN)
    assert process.stdout.readline() == "listening\n", process.stderr.read()
    virtual_microphone.kill()
    assert next(line for line in iter(process.stdout.readline, "") if line != "listening\n") == "lost\n"
    virtual_microphone.start()
    output, errors = process.communicate("\n", timeout=PATIENCE_S)
    assert output.splitlines() == ["listening", "found again"], errors


def run_to_the_end(virtual_microphone, code):
    """What a process printed that ended well."""
    process = virtual_microphone.run_python(code)
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    return output


@pytest.mark.once
def test_frames_that_nobody_takes_in_time_are_skipped_and_counted(virtual_microphone):
    output = run_to_the_end(virtual_microphone, FALL_BEHIND)
    dropped_samples, processed, arrived, skipped = map(int, output.split())
    assert arrived == processed + skipped
    assert skipped >= 4
    assert 0 < dropped_samples <= 3200 * skipped


def test_opening_and_closing_leaves_no_thread_no_file_and_no_process(virtual_microphone):
    assert run_to_the_end(virtual_microphone, LEAVE_NOTHING) == "nothing left\n"


def test_the_process_that_reads_ends_with_its_parent_whatever_becomes_of_it(virtual_microphone):
    process = virtual_microphone.run_python(LISTEN_ON)
    child = int(process.stdout.readline())
    virtual_microphone.suspend()  # in a read that never returns, it cannot notice anything itself
    process.kill()
    process.communicate()
    gone_by_s = time.time() + PATIENCE_S
    while is_running(child) and time.time() < gone_by_s:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(pid):
    """Whether there is such a process, that has not ended."""
    try:
        with open("/proc/{}/stat".format(pid)) as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_it_hears_where_no_memory_may_become_code(virtual_microphone):
    process = virtual_microphone.run_python(WITHOUT_WRITABLE_CODE)
    output, errors = process.communicate(timeout=PATIENCE_S)
    if "no PR_SET_MDWE" in errors:
        pytest.skip("this kernel cannot deny it to one process")
    assert output == "3200\n", errors


@pytest.mark.once
def test_a_stream_that_was_moved_to_another_microphone_is_noticed(virtual_microphone):
    process = virtual_microphone.run_python(LOSE)
    assert process.stdout.readline() == "listening\n", process.stderr.read()
    virtual_microphone.remove_source()  # and the server moves its streams to one that is left
    output, errors = process.communicate(timeout=PATIENCE_S)
    lost = next(line for line in output.splitlines() if line != "listening")
    assert "was moved by the sound server from 'microphone' to 'mono16.monitor'" in lost, errors


def test_a_name_that_no_microphone_has_lists_those_there_are(virtual_microphone):
    process = virtual_microphone.run_python(OPEN, "mic:cradle")
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert errors.startswith("no microphone is called 'cradle': there is ")
    assert "'stereo48'" in errors and "'default'" in errors and len(errors.splitlines()) == 1


def test_without_portaudio_the_debian_package_is_named(tmp_path):
    # What sounddevice does at import when the library is not there.
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN, "mic"],
        cwd=REPOSITORY,
        env=dict(os.environ, PYTHONPATH=str(tmp_path)),
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors == (
        "a microphone needs the PortAudio library (PortAudio library not found): apt install libportaudio2\n"
    )


STOP = """
import threading
from edge.audio import open_source
with open_source("mic") as source:
    blocks = source.blocks()
    next(blocks)
    threading.Timer(0.3, source.stop).start()
    print(sum(1 for _ in blocks) < 20)
"""


def test_a_source_that_is_stopped_ends_and_is_not_called_lost(virtual_microphone):
    assert run_to_the_end(virtual_microphone, STOP) == "True\n"
