"""What a header promises is held against what was read; what it does not know is read to the end."""

import io
import itertools
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from recordings import CONTAINERS, LENGTHS, NOISE, UNCOMPRESSED, heard, put_lengths, rewritten, written

from edge.audio.containers import WRAP, read_promise
from edge.audio.recording import _Window, open_recording
from edge.errors import UserError

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
pytest.importorskip("soxr", reason="soxr is not installed")
KINDS = [
    (container, subtype, endian)
    for container, subtype, endian in itertools.product(CONTAINERS, UNCOMPRESSED, ("FILE", "LITTLE", "BIG"))
    if soundfile.check_format(container, subtype, endian)
]


@pytest.mark.parametrize("container, subtype, endian", KINDS)
def test_samples_are_those_that_libsndfile_finds(tmp_path, container, subtype, endian):
    path = str(tmp_path / "x")
    samples = np.random.RandomState(1).uniform(-0.9, 0.9, (5001, 3))
    soundfile.write(path, samples, 44100, format=container, subtype=subtype, endian=endian)
    expected, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    recording = open_recording(path)
    assert (recording.rate_hz, recording.channels) == (rate_hz, 3)
    recording.close()
    found, trouble = heard(path)
    np.testing.assert_array_equal(found, expected)
    assert trouble == ""


@pytest.mark.parametrize("container", ["WAV", "AIFF", "W64", "AU"])
def test_compressed_samples_are_decoded_and_their_end_is_looked_at(tmp_path, container):
    subtype = "IMA_ADPCM" if container in ("WAV", "W64", "AIFF") else "G721_32"
    path = written(tmp_path / "x", container, subtype=subtype)
    found, trouble = heard(path)
    assert trouble == "" and len(found) >= len(NOISE)
    if container != "AU":
        os.truncate(path, os.path.getsize(path) // 2)
        assert "cut short" in heard(path)[1]


@pytest.mark.parametrize("container", sorted(LENGTHS))
@pytest.mark.parametrize("length", [0, "unknown"])
def test_a_length_that_nobody_knew_is_read_to_the_end(tmp_path, container, length):
    path = written(tmp_path / "x", container)
    unknown = {"<I": 0xFFFFFFFF, ">I": 0xFFFFFFFF, "<Q": 0 if container == "RF64" else WRAP**2 - 1, ">q": -1}
    rewritten(
        path,
        lambda content: put_lengths(content, container, length or 0 if length == 0 else unknown[LENGTHS[container]]),
    )
    found, trouble = heard(path)
    assert trouble == "" and len(found) == len(NOISE)
    np.testing.assert_allclose(found[:, 0], NOISE, atol=1e-4)


@pytest.mark.parametrize("container", sorted(LENGTHS))
@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_less_than_was_promised_is_heard_and_said(tmp_path, container, kept):
    path = written(tmp_path / "x", container)
    os.truncate(path, int(os.path.getsize(path) * kept))
    found, trouble = heard(path)
    assert "cut short" in trouble and "bytes more" in trouble and path in trouble and "\n" not in trouble
    assert len(NOISE) * kept - 2100 < len(found) < len(NOISE) * kept  # a header has up to 4 kB


@pytest.mark.parametrize("container", sorted(LENGTHS))
@pytest.mark.parametrize("more", [8, 36])
def test_a_promise_that_counts_a_header_twice_is_no_loss(tmp_path, container, more):
    path = written(tmp_path / "x", container)
    extra = {"AIFF": 8, "CAF": 4, "W64": 24}.get(container, 0)
    rewritten(path, lambda content: put_lengths(content, container, 2 * len(NOISE) + more + extra))
    assert heard(path)[1] == ""


def test_where_the_samples_begin_counted_twice_is_no_loss(tmp_path):
    path = written(tmp_path / "x.wav", "WAV")
    rewritten(path, lambda content: put_lengths(content, "WAV", 2 * len(NOISE) + 44))
    assert heard(path)[1] == ""
    rewritten(path, lambda content: put_lengths(content, "WAV", 2 * len(NOISE) + 46))
    assert "promises 46 bytes more" in heard(path)[1]


def test_a_length_that_was_written_before_the_end_is_not_believed(tmp_path):
    path = written(tmp_path / "x.wav", "WAV")
    rewritten(path, lambda content: put_lengths(content, "WAV", 32000))
    found, trouble = heard(path)
    assert (len(found), trouble) == (len(NOISE), "")


@pytest.mark.parametrize("behind", [b"LIST\x04\0\0\0INFO", b"TAG" + b"title" * 25, b"\0" * 4096])
def test_what_lies_behind_the_samples_is_no_sound(tmp_path, behind):
    path = written(tmp_path / "x.wav", "WAV")
    with open(path, "ab") as file:
        file.write(behind)
    assert len(heard(path)[0]) == len(NOISE)


def test_no_samples_and_another_chunk_behind_them_is_no_audio(tmp_path):
    path = written(tmp_path / "x.wav", "WAV", NOISE[:0])
    with open(path, "ab") as file:
        file.write(b"LIST\x04\0\0\0INFO")
    with pytest.raises(UserError, match="holds no audio"):
        open_recording(path)


def long_wav(path, promised, n_bytes, container=b"RIFF"):
    """A WAV of 8 channels of silence that promises so many bytes and holds others, on next to no disk."""
    with open(str(path), "wb") as file:
        fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 3, 8, 192000, 192000 * 32, 32, 32)
        if container == b"RF64":
            file.write(b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<IQQQI", 28, promised + 72, promised, 0, 0) + fmt)
            file.write(b"data\xff\xff\xff\xff")
        else:
            file.write(b"RIFF" + struct.pack("<I", promised + 36 & WRAP - 1) + b"WAVE" + fmt)
            file.write(b"data" + struct.pack("<I", promised & WRAP - 1))
        file.truncate(file.tell() + n_bytes)
    return str(path)


@pytest.mark.parametrize("promised", [2000000000, 2147470000, 2147483904, 3000000000, 4000000000, 4294900000])
def test_a_long_recording_that_was_cut_is_no_whole_one(tmp_path, promised):
    found, trouble = heard(long_wav(tmp_path / "x.wav", promised, 320000))
    assert len(found) == 10000 and "promises {} bytes more".format(promised - 320000) in trouble


def test_more_than_4_gb_that_were_cut_are_no_whole_recording(tmp_path):
    assert "bytes more" in heard(long_wav(tmp_path / "x.wav", 6000000000, 320000, b"RF64"))[1]


@pytest.mark.parametrize("container", [b"RIFF", b"RF64"])
@pytest.mark.parametrize("n_bytes", [3000000000, 5000000000])
def test_more_than_2_or_4_gb_are_all_there(tmp_path, n_bytes, container):
    path = long_wav(tmp_path / "x.wav", n_bytes, n_bytes, container)
    with open(path, "rb") as file:
        promise = read_promise(lambda at, n: os.pread(file.fileno(), n, at), os.path.getsize(path))
    assert promise.data_bytes == n_bytes  # though four bytes cannot say so
    recording = open_recording(path)
    assert recording._sound.frames == n_bytes // 32
    recording.close()


@pytest.mark.parametrize("container", sorted(LENGTHS))
def test_what_is_written_meanwhile_is_read_too(tmp_path, container):
    whole = Path(written(tmp_path / "whole", container)).read_bytes()
    with open(str(tmp_path / "x"), "wb", 0) as file:
        file.write(whole[: len(whole) // 2])
        recording = open_recording(str(tmp_path / "x"))
        blocks = recording.blocks(1000)
        n_heard = len(next(blocks))
        file.write(whole[len(whole) // 2 :])
        n_heard += sum(map(len, blocks))
    recording.close()
    assert n_heard == len(NOISE)


def test_a_recording_that_is_removed_or_replaced_is_read_to_its_end(tmp_path):
    path = written(tmp_path / "x.wav", "WAV")
    recording = open_recording(path)
    blocks = recording.blocks(1000)
    n_heard = len(next(blocks))
    os.remove(path)
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    n_heard += sum(map(len, blocks))
    recording.close()
    assert n_heard == len(NOISE)


def test_a_window_is_a_file_of_its_own_with_some_bytes_replaced():
    """Seeking and reading as io.BytesIO does, over the part that is looked at."""
    whole = bytes(range(256)) * 4
    expected = bytearray(whole[100:900])
    expected[10:14] = b"\xaa\xbb\xcc\xdd"
    window = _Window(lambda at, n: whole[at : at + n], 100, 900, [(10, b"\xaa\xbb\xcc\xdd")])
    plain, rng = io.BytesIO(bytes(expected)), np.random.RandomState(0)
    for _ in range(500):
        whence = int(rng.randint(3))
        base = (0, plain.tell(), len(expected))[whence]
        offset = int(rng.randint(0, 900)) - base
        assert window.seek(offset, whence) == window.tell() == plain.seek(offset, whence)
        n_bytes = int(rng.choice([0, 1, 3, 17, 500, 2000]))
        assert window.read(n_bytes) == plain.read(n_bytes)
        assert window.tell() == plain.tell()


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("libsndfile is missing")])
def test_without_libsndfile_the_package_is_named(tmp_path, monkeypatch, error):
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "soundfile":
                raise error

    path = written(tmp_path / "x.wav", "WAV")
    monkeypatch.delitem(sys.modules, "soundfile")
    monkeypatch.setattr(sys, "meta_path", [Finder] + sys.meta_path)
    with pytest.raises(UserError, match=r"needs the Python package soundfile \({}\): pip install".format(error)):
        open_recording(path)
