"""FLAC and OGG of unknown or joined length, and what comes through a named pipe, are heard to their end."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_S
from recordings import NOISE, heard, rewritten, write_slowly, written

from edge.audio import read_file
from edge.audio.recording import open_recording
from edge.errors import UserError

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
pytest.importorskip("soxr", reason="soxr is not installed")


def without_length(path):
    """A FLAC as it comes from a stream: STREAMINFO knows neither length nor checksum."""

    def forget(content):
        content[21] &= 0xF0
        content[22:42] = bytes(20)

    rewritten(path, forget)
    return path


@pytest.mark.parametrize("n_samples", [1, 100, 4095, 4096, 4097, 64000, 600000])
def test_a_flac_that_does_not_say_how_long_it_is_is_read_to_its_last_sample(tmp_path, n_samples):
    samples = np.resize(NOISE, n_samples)
    path = without_length(written(tmp_path / "x.flac", "FLAC", samples))
    found, trouble = heard(path)
    assert trouble == "" and len(found) == n_samples
    np.testing.assert_allclose(found[:, 0], samples, atol=1e-4)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.9999])
def test_a_flac_that_does_not_say_and_was_cut_is_heard_and_said(tmp_path, kept):
    path = without_length(written(tmp_path / "x.flac", "FLAC"))
    os.truncate(path, int(os.path.getsize(path) * kept))
    found, trouble = heard(path)
    assert "cut short" in trouble and "last frame" in trouble
    assert len(NOISE) * kept - 8192 <= len(found) <= len(NOISE)


def test_joined_ogg_streams_are_heard_one_after_the_other(tmp_path):
    pieces = [np.resize(NOISE, n) for n in (16000, 48000, 1600)]
    with open(str(tmp_path / "x.ogg"), "wb") as joined:
        for piece in pieces:
            joined.write(Path(written(tmp_path / "piece", "OGG", piece, "VORBIS")).read_bytes())
    found, trouble = heard(str(tmp_path / "x.ogg"))
    assert trouble == "" and len(found) == sum(map(len, pieces))


def test_joined_streams_of_another_rate_end_it(tmp_path):
    first = Path(written(tmp_path / "a", "OGG", NOISE, "VORBIS")).read_bytes()
    soundfile.write(str(tmp_path / "b"), NOISE, 44100, format="OGG", subtype="VORBIS")
    (tmp_path / "x.ogg").write_bytes(first + (tmp_path / "b").read_bytes())
    found, trouble = heard(str(tmp_path / "x.ogg"))
    assert "another rate" in trouble and len(found) == len(NOISE)


@pytest.mark.parametrize("lost", [1, 30, 200, 5000])
def test_an_ogg_without_the_whole_of_its_last_page_is_said(tmp_path, lost):
    path = written(tmp_path / "x.ogg", "OGG", NOISE, "VORBIS")
    os.truncate(path, os.path.getsize(path) - lost)
    assert "its last page" in heard(path)[1]


def test_an_ogg_whose_last_page_does_not_say_that_it_is_the_last_is_said(tmp_path):
    path = written(tmp_path / "x.ogg", "OGG", NOISE, "VORBIS")

    def go_on(content):
        content[content.rindex(b"OggS") + 5] &= ~0x04

    rewritten(path, go_on)
    assert "its last page is missing" in heard(path)[1]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("container", ["WAV", "RIFX", "WAVEX", "RF64"])
def test_a_wav_through_a_named_pipe_is_heard_as_from_a_file(tmp_path, container, subtype):
    if container == "RIFX" and not soundfile.check_format("WAV", subtype, "BIG"):
        pytest.skip("no such WAV")
    path = written(tmp_path / "x.wav", container, NOISE.reshape(-1, 2), subtype)
    os.mkfifo(str(tmp_path / "pipe"))
    writer = write_slowly(str(tmp_path / "pipe"), Path(path).read_bytes(), 77777)
    found, trouble = heard(str(tmp_path / "pipe"))
    writer.join(PATIENCE_S)
    assert trouble == ""
    np.testing.assert_array_equal(found, heard(path)[0])


def test_a_wav_that_ends_early_in_a_pipe_is_said(tmp_path):
    content = Path(written(tmp_path / "x.wav", "WAV")).read_bytes()
    os.mkfifo(str(tmp_path / "pipe"))
    writer = write_slowly(str(tmp_path / "pipe"), content[:-1000], 4096)
    found, trouble = heard(str(tmp_path / "pipe"))
    writer.join(PATIENCE_S)
    assert "promises 1000 bytes more" in trouble and len(found) == len(NOISE) - 500


@pytest.mark.parametrize(
    "content", [b"fLaC" + bytes(99), b"RIFF" + bytes(99), b"x", b"RIFF\0\0\0\0WAVE" + bytes(99999)]
)
def test_anything_else_through_a_named_pipe_is_refused(tmp_path, content):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    keeps_it_open = os.open(path, os.O_RDWR)
    os.write(keeps_it_open, content[:60000])
    if len(content) < 12 or len(content) > 60000:
        threading.Timer(0.3, os.close, (keeps_it_open,)).start()
    with pytest.raises(UserError, match="is a named pipe through which no WAV"):
        open_recording(path)


def test_a_named_pipe_that_nobody_writes_into_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    with pytest.raises(UserError, match="nobody writes into it"):
        open_recording(str(tmp_path / "pipe"))


def test_a_device_is_refused_unread():
    with pytest.raises(UserError, match="/dev/zero: is a device, not a recording"):
        read_file("/dev/zero")
