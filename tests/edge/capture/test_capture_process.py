"""What passes between the capture process and its parent, and what becomes of a process that cannot be ended."""

import io
import os
import subprocess
import sys

import pytest
from virtual_microphone import REPOSITORY

import edge.capture.process
from edge.capture.messages import OPENED, SAMPLES, Block, pack_block, read_messages, unpack_block, write_message
from edge.capture.process import CaptureProcess, CaptureStuck


class SmallPipe(io.BytesIO):
    """Takes three bytes at a time, as a full pipe may."""

    def write(self, content):
        return super(SmallPipe, self).write(bytes(content[:3]))


def test_messages_arrive_as_they_were_sent():
    pipe = SmallPipe()
    block = Block(123.25, True, b"\x00\x01\x02\x03" * 5)
    write_message(pipe, OPENED, b"{}")
    write_message(pipe, SAMPLES, pack_block(block))
    pipe.seek(0)
    (opened, nothing), (samples, payload) = read_messages(pipe)
    assert (opened, nothing, samples) == (OPENED, b"{}", SAMPLES)
    assert unpack_block(payload) == block


def test_what_a_killed_process_left_unfinished_is_left_out():
    pipe = io.BytesIO()
    write_message(pipe, OPENED, b"one")
    write_message(pipe, OPENED, b"two")
    for length in range(8, len(pipe.getvalue())):
        assert list(read_messages(io.BytesIO(pipe.getvalue()[:length]))) == [(OPENED, b"one")]


def test_while_one_cannot_be_ended_no_other_is_started(monkeypatch):
    stuck = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(edge.capture.process, "_unkillable", [stuck])
    try:
        with pytest.raises(CaptureStuck, match="the process {} that read the microphone cannot be".format(stuck.pid)):
            CaptureProcess("")
    finally:
        stuck.kill()
        stuck.wait()
    capture = CaptureProcess("no such microphone")
    capture.kill()
    capture.close_pipe()


def test_the_process_needs_no_numpy():
    code = "import sys, edge.capture.__main__; sys.exit('numpy' in sys.modules)"
    assert subprocess.call([sys.executable, "-c", code], cwd=REPOSITORY) == 0


def test_no_file_descriptor_is_left():
    before = sorted(os.listdir("/proc/self/fd"))
    capture = CaptureProcess("no such microphone")
    list(capture.messages())
    capture.kill()
    capture.close_pipe()
    assert sorted(os.listdir("/proc/self/fd")) == before
