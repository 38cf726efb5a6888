"""Recordings of every kind become 16-kHz mono; every unusable one is named with what to do."""

import os
import shutil
import struct
import time

import numpy as np
import pytest

from edge.audio import FileSource, open_source, read_file
from edge.errors import UserError
from edge.frames import SAMPLE_RATE

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
pytest.importorskip("soxr", reason="soxr is not installed")


def sine(duration_s, rate_hz, frequency_hz=440.0, amplitude=0.5):
    t_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * t_s)).astype(np.float32)


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 96000])
def test_any_format_and_rate_arrives_with_its_duration_and_level(tmp_path, extension, rate_hz):
    path = str(tmp_path / ("tone." + extension))
    soundfile.write(path, sine(1.0, rate_hz), rate_hz)
    samples = read_file(path)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert abs(len(samples) - SAMPLE_RATE) <= 1
    middle = samples[4000:12000]
    tolerance = 0.02 if extension == "ogg" else 1e-3
    np.testing.assert_allclose(np.sqrt(np.mean(middle**2)), 0.5 / np.sqrt(2), rtol=tolerance)


def test_one_channel_is_heard_and_never_their_average(tmp_path):
    path = str(tmp_path / "eight.wav")
    channels = np.random.RandomState(0).uniform(-0.5, 0.5, (SAMPLE_RATE, 8)).astype(np.float32)
    soundfile.write(path, channels, SAMPLE_RATE, subtype="FLOAT")
    np.testing.assert_array_equal(read_file(path), channels[:, 0])


def test_a_16_khz_wav_arrives_sample_for_sample(tmp_path):
    path = str(tmp_path / "exact.wav")
    integers = np.random.RandomState(0).randint(-32768, 32768, 12345).astype(np.int16)
    soundfile.write(path, integers, SAMPLE_RATE)
    np.testing.assert_array_equal(read_file(path), integers / np.float32(32768))


def test_clipped_audio_is_legal(tmp_path):
    path = str(tmp_path / "clipped.wav")
    soundfile.write(path, np.clip(sine(0.5, SAMPLE_RATE, amplitude=20), -1, 1), SAMPLE_RATE)
    assert np.abs(read_file(path)).max() > 0.99


@pytest.mark.parametrize("rate_hz", [SAMPLE_RATE, 48000])
def test_a_single_sample_is_read(tmp_path, rate_hz):
    path = str(tmp_path / "one.wav")
    soundfile.write(path, [0.5], rate_hz)
    assert len(read_file(path)) <= 1


def test_a_source_says_what_it_reads(tmp_path):
    path = str(tmp_path / "stereo.wav")
    soundfile.write(path, np.zeros((4410, 2)), 44100)
    with open_source("file:" + path) as source:
        assert (source.name, source.native_rate_hz, source.channels) == (path, 44100, 2)
        assert (source.dropped_samples, source.overflows) == (0, 0)


def test_a_path_of_any_bytes_is_read_and_has_a_name_that_is_text(tmp_path):
    path = os.fsdecode(os.path.join(os.fsencode(str(tmp_path)), b"n\xe9\xff.wav"))
    shutil.copy(str(recording(tmp_path / "tone.wav", sine(0.1, SAMPLE_RATE))), path)
    with open_source("file:" + path) as source:
        assert source.name.endswith("n\\xe9\\xff.wav")
        assert sum(map(len, source.blocks())) == 1600


def test_realtime_takes_as_long_as_the_recording(tmp_path):
    path = str(tmp_path / "tone.wav")
    soundfile.write(path, sine(0.6, 8000), 8000)

    def seconds():
        started_s = time.time()
        with open_source("file:" + path, realtime=True) as source:
            assert sum(map(len, source.blocks())) == int(0.6 * SAMPLE_RATE)
        return time.time() - started_s

    took_s = seconds()
    assert took_s >= 0.6 and (took_s < 1.0 or any(seconds() < 1.0 for _ in range(20)))  # a busy machine adds its own


def unfinished_wav(path, size_field):
    """A WAV whose writer never came back to its header."""
    soundfile.write(path, sine(0.1, SAMPLE_RATE), SAMPLE_RATE)
    with open(path, "r+b") as wav:
        wav.seek(40)
        wav.write(struct.pack("<I", size_field))


@pytest.mark.parametrize("size_field", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_wav_written_through_a_pipe_is_whole(tmp_path, size_field):
    path = str(tmp_path / "piped.wav")
    unfinished_wav(path, size_field)
    assert len(read_file(path)) == 1600


@pytest.mark.parametrize("extension", ["wav", "flac", "ogg"])
@pytest.mark.parametrize("kept", [0.5, 0.97, 0.9999])
def test_a_recording_cut_short_is_yielded_and_then_reported(tmp_path, extension, kept):
    path = str(tmp_path / ("cut." + extension))
    noise = np.random.RandomState(0).uniform(-0.3, 0.3, 20 * SAMPLE_RATE)
    soundfile.write(path, noise, SAMPLE_RATE)
    os.truncate(path, int(os.path.getsize(path) * kept))
    seconds = 0.0
    with pytest.raises(UserError) as error:
        for block in FileSource(path).blocks():
            seconds += len(block) / SAMPLE_RATE
    assert path in str(error.value) and "cut short" in str(error.value) and "\n" not in str(error.value)
    assert 20 * kept - 2 < seconds < 20


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -1e20, 17.0])
@pytest.mark.parametrize("rate_hz", [16000, 48000])
def test_a_value_that_is_no_number_is_replaced_counted_and_placed_in_time(tmp_path, value, rate_hz):
    path = str(tmp_path / "nan.wav")
    clean = sine(2.0, rate_hz)
    samples = clean.copy()
    samples[[rate_hz * 3 // 2, rate_hz * 3 // 2 + 9]] = value
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    heard = []
    with pytest.raises(UserError, match=r"nan\.wav: a sample at 1\.500 s is not a number .* 2 in all"):
        for block in FileSource(path).blocks():
            heard.append(block)
    heard = np.concatenate(heard)
    assert len(heard) == 2 * SAMPLE_RATE and np.isfinite(heard).all() and np.abs(heard).max() < 0.6


def write(path, content):
    path.write_bytes(content)
    return path


def recording(path, samples, rate_hz=SAMPLE_RATE):
    soundfile.write(str(path), samples, rate_hz)
    return path


UNUSABLE = {
    "missing": (lambda d: d / "none.wav", "no such file"),
    "directory": (lambda d: d, "is a directory"),
    "empty": (lambda d: write(d / "empty.wav", b""), r"is empty \(0 bytes\)"),
    "text": (lambda d: write(d / "notes.wav", b"not a sound " * 99), "not a recording"),
    "raw": (lambda d: write(d / "samples.raw", b"\0" * 999), "not a recording"),
    "header only": (lambda d: write(d / "head.wav", b"RIFF\x24\0\0\0WAVEfmt "), "not a recording"),
    "no samples": (lambda d: recording(d / "zero.wav", np.zeros(0)), r"holds no audio \(0 samples\)"),
    "odd rate": (lambda d: recording(d / "slow.wav", np.zeros(9), 100), "sample rate 100 Hz is outside"),
}


@pytest.mark.parametrize("kind", sorted(UNUSABLE))
def test_an_unusable_file_is_named_in_one_line(tmp_path, kind):
    make, reason = UNUSABLE[kind]
    path = make(tmp_path)
    with pytest.raises(UserError, match=reason) as error:
        read_file(str(path))
    assert str(error.value).startswith(str(path) + ": ") and "\n" not in str(error.value)


@pytest.mark.parametrize("spec", ["", "file:", "mic:", "microphone", "night.wav"])
def test_an_unknown_source_lists_the_known_ones(spec):
    with pytest.raises(UserError, match="mic, mic:NAME, rtsp:.*, file:PATH or -"):
        open_source(spec)
