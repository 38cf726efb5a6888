"""A camera that speaks RTSP, heard through a real ffmpeg: every codec, every trouble in words, cycles of all kinds."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.device.camera_cycles import FAULTS, run_cycles, table
from edge.audio import open_source
from edge.camera import ffmpeg, stream
from edge.config import default_settings
from edge.errors import UserError

REPOSITORY = Path(__file__).parents[3]
HEARD_AGAIN_S = 10.0
SECRET = "hush-little-baby"
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)


def settings(tmp_path, password):
    """[audio] settings with that password."""
    (tmp_path / "password").write_text(password + "\n")
    return default_settings().audio._replace(password_file=str(tmp_path / "password"))


@pytest.mark.parametrize("codec, rate_hz", [("alaw", 8000), ("aac", 16000), ("opus", 48000)])
def test_what_the_camera_hears_is_heard(camera, codec, rate_hz):
    there = camera(codec=codec)
    with open_source(there.address) as source:
        assert source.native_rate_hz == rate_hz
        heard = []
        for block in source.blocks():
            if not heard:
                there.play(TONE)
            heard.append(float(np.sqrt(np.mean(np.square(block)))))
            if len(heard) == 20:
                break
    assert sum(0.19 < level < 0.23 for level in heard) >= 3 and min(heard) < 0.01


def test_a_wrong_password_a_wrong_path_and_no_sound_are_said_in_words(camera, tmp_path):
    locked = camera(password=SECRET)
    source = locked.address.replace("//", "//baby@")
    with open_source(source, audio=settings(tmp_path, SECRET)) as heard:
        next(heard.blocks())
    refused = {
        "(401)": (source, settings(tmp_path, "another-song")),
        "(404)": (source + "/other", settings(tmp_path, SECRET)),
        "sends no sound": (camera(no_sound=True).address, None),
    }
    for says, (address, audio) in refused.items():
        if audio is not None:
            (tmp_path / "password").write_text("another-song\n" if says == "(401)" else SECRET + "\n")
        with pytest.raises(UserError) as failed:
            open_source(address, audio=audio)
        assert says in str(failed.value)
        assert SECRET not in str(failed.value) and "another-song" not in str(failed.value)


def test_the_whole_stream_is_asked_for_after_two_failures_without_a_sample(camera):
    there = camera()
    stream._failures[there.address] = stream.FAILURES
    with open_source(there.address) as source:
        next(source.blocks())
    assert stream.asks_for_the_whole(there.address)  # what has worked is asked for again


def test_a_camera_without_sound_is_asked_for_it_alone_again_once_all_of_its_streams_were_seen(camera):
    there, ways = camera(no_sound=True), []
    for _ in range(4):
        ways.append(stream.asks_for_the_whole(there.address))
        with pytest.raises(UserError) as failed:
            open_source(there.address)
        assert "sends no sound" in str(failed.value)
    assert ways == [False, False, True, False]


def test_an_ffmpeg_that_knows_no_options_in_a_list_hears_it_too(camera, tmp_path, monkeypatch):
    old = os.environ.get("OLD_FFMPEG", "")
    if not os.path.exists(os.path.join(old, "ffmpeg")):
        pytest.skip("there is no ffmpeg 4.2 here")
    monkeypatch.setenv("PATH", old + os.pathsep + os.environ["PATH"])
    assert ffmpeg.version_of(ffmpeg.program()) == 4
    there = camera(password=SECRET)
    source = there.address.replace("//", "//baby@")
    with open_source(source, audio=settings(tmp_path, SECRET)) as heard:
        next(heard.blocks())
    with pytest.raises(UserError) as failed:
        open_source(source, audio=settings(tmp_path, "another-song"))
    assert "(401)" in str(failed.value) and "another-song" not in str(failed.value)


def test_the_doctor_listens_to_the_camera(camera, tmp_path):
    there = camera(password=SECRET)
    (tmp_path / "password").write_text(SECRET + "\n")
    (tmp_path / "cot.toml").write_text(
        '[audio]\nsource = "{}"\npassword_file = "{}"\n'.format(
            there.address.replace("//", "//baby@"), tmp_path / "password"
        )
    )
    doctor = [sys.executable, "-m", "edge.commands.main", "doctor", "--config", tmp_path / "cot.toml"]
    said = subprocess.run(doctor, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    assert "camera {}".format(there.address) in said and SECRET not in said and "baby@" not in said


def test_one_cycle_of_every_kind():
    outcome = run_cycles(1)
    print(table(outcome))
    longest_s = {fault: max(times) for fault, times in outcome.heard_again_s.items()}
    assert set(longest_s) == set(FAULTS) and max(longest_s.values()) < HEARD_AGAIN_S, table(outcome)
    assert outcome.events == outcome.bursts == len(FAULTS) + 1
    assert abs(outcome.heard_s + outcome.lost_s - outcome.passed_s) < 0.5
    assert (outcome.secrets, outcome.ffmpegs) == (0, 1)
