"""A WAV through a pipe, byte by byte: every kind of sample, what its header promises, and what is no WAV."""

import os
import struct

import numpy as np
import pytest

from edge.audio import piped_wav
from edge.audio.piped_wav import PipedWav
from edge.errors import UserError

KINDS = {  # name: (tag, bytes, struct's letter, values that are sent, what they are heard as)
    "PCM_U8": (1, 1, "B", [0, 128, 255, 192], [-1.0, 0.0, 127 / 128, 0.5]),
    "PCM_16": (1, 2, "h", [-32768, 0, 32767, 16384], [-1.0, 0.0, 32767 / 32768, 0.5]),
    "PCM_32": (1, 4, "i", [-(2**31), 0, 2**30, -(2**29)], [-1.0, 0.0, 0.5, -0.25]),
    "FLOAT": (3, 4, "f", [-1.0, 0.0, 0.5, 1.5], [-1.0, 0.0, 0.5, 1.5]),
    "DOUBLE": (3, 8, "d", [-1.0, 0.0, 0.5, 1.5], [-1.0, 0.0, 0.5, 1.5]),
}


def header(tag=1, sample_bytes=2, channels=1, n_bytes=0, order="<", before=b""):
    fmt = struct.pack(
        order + "HHIIHH", tag, channels, 8000, 8000 * channels * sample_bytes, channels * sample_bytes, 8 * sample_bytes
    )
    content = (b"RIFX" if order == ">" else b"RIFF") + bytes(4) + b"WAVE" + b"fmt " + struct.pack(order + "I", 16) + fmt
    return content + before + b"data" + struct.pack(order + "I", n_bytes)


@pytest.fixture
def piped():
    """piped(content, closed=True) -> the reading end of a pipe with it, not waiting, as the product opens one."""
    ends = []

    def piped(content, closed=True):
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.write(writing, content)
        if closed:
            os.close(writing)
        else:
            ends.append(writing)
        return reading

    yield piped
    for end in ends:
        os.close(end)


def heard(wav, frames=3):
    """All that is heard, and what it ended with."""
    blocks = [np.zeros((0, wav.channels), np.float32)]
    try:
        for block in wav.blocks(frames):
            assert 0 < len(block) <= frames and block.dtype == np.float32
            blocks.append(block)
        return np.concatenate(blocks), ""
    except UserError as error:
        return np.concatenate(blocks), str(error)
    finally:
        wav.close()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("is_known", [True, False])
def test_samples_of_every_kind(piped, order, kind, channels, is_known):
    tag, sample_bytes, letter, values, expected = KINDS[kind]
    content = struct.pack("{}{}{}".format(order, len(values), letter), *values)
    n_bytes = len(content) if is_known else 0xFFFFFFFF
    wav = PipedWav("x", piped(header(tag, sample_bytes, channels, n_bytes, order) + content))
    assert (wav.rate_hz, wav.channels) == (8000, channels)
    samples, trouble = heard(wav)
    assert trouble == "" and samples.shape == (4 // channels, channels)
    np.testing.assert_array_equal(samples.reshape(-1), np.float32(expected))


@pytest.mark.parametrize("order, content", [("<", b"\x01\x02\xc0\xff\xff\x7f"), (">", b"\xc0\x02\x01\x7f\xff\xff")])
def test_samples_of_24_bits(piped, order, content):
    samples, _ = heard(PipedWav("x", piped(header(1, 3, 1, 6, order) + content)))
    assert samples[:, 0].tolist() == pytest.approx([(0xC00201 - 2**24) / 2**23, (2**23 - 1) / 2**23], abs=1e-7)


def test_what_follows_the_promised_bytes_is_no_sound(piped):
    samples, trouble = heard(PipedWav("x", piped(header(n_bytes=8) + b"\x11" * 8 + b"LIST\x04\0\0\0INFO")))
    assert (len(samples), trouble) == (4, "")


def test_half_a_frame_at_the_end_is_none(piped):
    samples, trouble = heard(PipedWav("x", piped(header(channels=2, n_bytes=0xFFFFFFFF) + b"\x11" * 11)))
    assert (len(samples), trouble) == (2, "")
    samples, trouble = heard(PipedWav("x", piped(header(channels=2, n_bytes=11) + b"\x11" * 11)))
    assert (len(samples), trouble) == (2, "")


@pytest.mark.parametrize(
    "missing, is_said", [(0, False), (2, True), (8, False), (36, False), (44, False), (46, True), (34, True)]
)
def test_less_than_was_promised_is_said_unless_a_header_was_counted_to_it(piped, missing, is_said):
    wav = PipedWav("the pipe", piped(header(n_bytes=1600 + missing) + b"\x11" * 1600))
    samples, trouble = heard(wav)
    assert len(samples) == 800
    said = "the pipe: cut short after 0.10 s (its header promises {} bytes more): what came was read".format(missing)
    assert trouble == (said if is_said else "")


def test_a_promise_is_kept_without_waiting_for_the_writer_to_end(piped):
    samples, trouble = heard(PipedWav("x", piped(header(n_bytes=8) + b"\x11" * 8, closed=False)))
    assert (len(samples), trouble) == (4, "")


def test_a_header_may_have_64_kilobytes_before_the_samples(piped):
    junk = b"LIST" + struct.pack("<I", 40000) + bytes(40000)
    samples, _ = heard(PipedWav("x", piped(header(n_bytes=8, before=junk) + b"\x11" * 8)))
    assert len(samples) == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"fLaC" + bytes(100),
        b"RIFF\0\0\0\0AVI " + bytes(100),
        header(2, 1, n_bytes=8) + bytes(8),  # compressed
        header(6, 1, n_bytes=8) + bytes(8),  # A-law
        header()[:-9],
        header(before=b"LIST" + struct.pack("<I", 99)),
    ],
)
def test_what_is_no_wav_of_samples_is_refused_and_let_go(piped, content):
    reading = piped(content)
    with pytest.raises(
        UserError, match="^x: is a named pipe through which no WAV of PCM or float samples comes: write"
    ):
        PipedWav("x", reading)
    with pytest.raises(OSError):
        os.fstat(reading)


def test_a_header_without_end_is_not_read_for_ever(monkeypatch, piped):
    reads = []
    monkeypatch.setattr(piped_wav.os, "read", lambda descriptor, n: reads.append(n) or junk[:n])
    junk = b"RIFF\0\0\0\0WAVE" + bytes(4084)
    with pytest.raises(UserError, match="no WAV"):
        PipedWav("x", piped(b"x"))
    assert len(reads) == 17  # 64 kB, and the block that is too much


def test_nobody_who_writes_is_waited_for_two_seconds(monkeypatch, piped):
    waits = []

    class Poll:
        def register(self, descriptor, events):
            pass

        def poll(self, milliseconds):
            waits.append(milliseconds)
            return []

    monkeypatch.setattr(piped_wav.select, "poll", Poll)
    with pytest.raises(UserError, match="nobody writes into it: start the program that does, or give a recording"):
        PipedWav("x", piped(b"", closed=False))
    assert waits == [2000.0]


def test_closing_twice_is_harmless(piped):
    wav = PipedWav("x", piped(header(n_bytes=2) + b"\0\0"))
    wav.close()
    wav.close()
