"""A real ffmpeg on a sender that does what cameras do: heard, frozen, ended, refused; and its password stays secret."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from fake_sender import NOISE, PIECE_S, FakeSender
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY

from edge.audio import MicrophoneLost, MicrophoneStalled, open_source
from edge.camera import stream
from edge.config import default_settings
from edge.errors import UserError

SECRET = "hush-little-baby"


def audio(**changes):
    """[audio] settings."""
    return default_settings().audio._replace(**changes)


def heard(source, seconds):
    """That much of a source."""
    blocks = []
    for block in source.blocks():
        blocks.append(block)
        if sum(map(len, blocks)) >= 16000 * seconds:
            return np.concatenate(blocks)
    raise AssertionError("it ended")


def test_the_channel_that_hears_is_heard_from_the_first_sample_on(sender):
    sender.play(0.25 * np.sin(2 * np.pi * 440 * np.arange(96000) / 48000))
    with open_source(sender.address) as source:
        assert (source.name, source.native_rate_hz, source.channels) == (sender.address, 48000, 2)
        samples = heard(source, 1.6)
    sent = 0.25 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / 16000)
    np.testing.assert_allclose(samples[8000:24000], sent[8000:24000], atol=2e-3)


@pytest.mark.once
def test_a_frozen_sender_is_a_stall_after_five_seconds(sender):
    with open_source(sender.address) as source:
        blocks = source.blocks()
        next(blocks)
        sender.freeze()
        came_s = time.monotonic()
        with pytest.raises(MicrophoneStalled) as stalled:
            for _ in blocks:
                came_s = time.monotonic()
        assert 4.9 < time.monotonic() - came_s < PATIENCE_S / 10
    assert "see whether it is on" in str(stalled.value) and sender.address in str(stalled.value)


def test_a_sender_that_answers_and_sends_nothing_is_given_up_and_said(sender, monkeypatch):
    monkeypatch.setattr(stream, "PATIENCE_S", 1.0)
    sender.freeze()
    with pytest.raises(UserError) as silent:
        open_source(sender.address)
    assert "answers, and sends nothing for 1 s" in str(silent.value)


def test_a_stream_that_ends_is_a_loss_at_once(sender):
    with open_source(sender.address) as source:
        blocks = source.blocks()
        next(blocks)
        sender.end()
        with pytest.raises(MicrophoneLost) as lost:
            list(blocks)
        assert not isinstance(lost.value, MicrophoneStalled)  # after five seconds it were one
    assert "sends no more" in str(lost.value)


def test_no_ffmpeg_outlives_its_source(sender):
    with open_source(sender.address) as source:
        next(source.blocks())
        pid = source._capture.pid
    assert not os.path.exists("/proc/{}".format(pid))


def test_ffmpeg_ends_with_a_monitor_that_is_killed(sender):
    hears = "import sys; from edge.audio import open_source as o; s = o(sys.argv[1]); print(s._capture.pid, flush=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", hears + "; list(s.blocks())", sender.address], cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    pid = int(process.stdout.readline())
    os.kill(pid, signal.SIGSTOP)  # it would not notice that nobody reads
    process.kill()
    process.wait()
    until_s = time.monotonic() + PATIENCE_S
    while os.path.exists("/proc/{}".format(pid)) and time.monotonic() < until_s:
        with open("/proc/{}/status".format(pid)) as file:
            if "zombie" in file.read():  # of whoever adopted it
                break
        time.sleep(0.02)
    assert time.monotonic() < until_s


def test_the_password_is_in_no_argument_variable_or_error(ffmpeg, tmp_path, monkeypatch):
    (tmp_path / "password").write_text(SECRET + "\n")
    monkeypatch.setenv("FFREPORT", "file={}:level=48".format(tmp_path / "report"))
    sender = FakeSender(password=SECRET)
    try:
        settings = audio(password_file=str(tmp_path / "password"))
        with open_source(sender.address.replace("//", "//baby@"), audio=settings) as source:
            next(source.blocks())
            for name in ("cmdline", "environ"):
                with open("/proc/{}/{}".format(source._capture.pid, name), "rb") as file:
                    shown = file.read()
                assert shown and SECRET.encode() not in shown and b"127.0.0.1" not in shown
            assert SECRET not in source.name and "baby" not in source.name
        (tmp_path / "password").write_text("another-song\n")
        with pytest.raises(UserError) as refused:
            open_source(sender.address.replace("//", "//baby@"), audio=settings)
    finally:
        sender.close()
    assert "refuses the user or the password (401)" in str(refused.value)
    assert "another-song" not in str(refused.value) and "baby@" not in str(refused.value)
    assert not (tmp_path / "report").exists()


def test_what_is_wrong_is_said_in_words(sender):
    with pytest.raises(UserError) as no_path:
        open_source(sender.address + "/other")
    assert "has no such stream (404)" in str(no_path.value)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(UserError) as refused:
            open_source("http://127.0.0.1:{}/cot".format(unused.getsockname()[1]))
    assert "refuses the connection" in str(refused.value)


def test_without_ffmpeg_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UserError) as missing:
        open_source("rtsp://192.0.2.1/cot")
    assert "apt install ffmpeg" in str(missing.value)


def test_raw_samples_by_udp_are_heard(ffmpeg):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.bind(("127.0.0.1", 0))
        port = sending.getsockname()[1] ^ 1
        ended = threading.Event()

        def send():
            number = 0
            while not ended.wait(PIECE_S):
                sending.sendto(NOISE[number % len(NOISE), :800, 1].tobytes(), ("127.0.0.1", port))
                number += 1

        threading.Thread(target=send, daemon=True).start()
        try:
            with open_source("udp://127.0.0.1:{}".format(port), audio=audio(raw_rate_hz=16000)) as source:
                assert 0.003 < heard(source, 0.4).std() < 0.01
        finally:
            ended.set()


def test_after_two_failures_without_a_sample_the_other_way_is_asked_for():
    address, ways = "rtsp://192.0.2.1/cot", []
    for _ in range(6):
        ways.append(stream.asks_for_the_whole(address))
        stream._failures[address] = stream._failures.get(address, 0) + 1
    assert ways == [False, False, True, True, False, False]
    stream._failures.pop(address)
