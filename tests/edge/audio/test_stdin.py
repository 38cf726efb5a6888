"""Raw samples through a real pipe; what is not raw samples is refused with the format that is."""

import contextlib
import io
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from patience import PATIENCE_S

from edge.audio.magic import kind_of_file

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

READ = """
import sys
from edge.audio import open_source
from edge.errors import UserError
try:
    with open_source("-") as source:
        for block in source.blocks():
            assert block.ndim == 1
            sys.stdout.buffer.write(block.tobytes())
            sys.stdout.flush()
except UserError as error:
    sys.exit(str(error))
"""


def reader():
    return subprocess.Popen(
        [sys.executable, "-c", READ],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("odd_byte", [b"", b"\x7f"])
@pytest.mark.parametrize("piece_bytes", [333, 100000])
def test_every_sample_arrives_however_it_is_cut(odd_byte, piece_bytes):
    integers = np.random.RandomState(0).randint(-32768, 32768, 5000).astype("<i2")
    sent = integers.tobytes() + odd_byte
    process = reader()
    for start in range(0, len(sent), piece_bytes):
        process.stdin.write(sent[start : start + piece_bytes])
        process.stdin.flush()
    received, errors = process.communicate()
    assert process.returncode == 0, errors
    np.testing.assert_array_equal(np.frombuffer(received, np.float32), integers / np.float32(32768))


def test_samples_are_not_held_back_until_the_writer_ends():
    process = reader()
    process.stdin.write(b"\x00\x40" * 100)
    process.stdin.flush()
    assert np.frombuffer(process.stdout.read(8), np.float32).tolist() == [0.5, 0.5]
    process.communicate()


SOUND = np.random.RandomState(0).uniform(-0.5, 0.5, 16000)


def container_of(form, **how):
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
    if form not in soundfile.available_formats():
        pytest.skip("this libsndfile writes no " + form)
    content = io.BytesIO()
    soundfile.write(content, SOUND, 16000, format=form, **how)
    return content.getvalue()


CONTAINERS = {
    "a WAV file": lambda: container_of("WAV"),
    "a big-endian WAV file": lambda: container_of("WAV", endian="BIG"),
    "a long WAV file": lambda: container_of("RF64"),
    "a W64 file": lambda: container_of("W64"),
    "an AIFF file": lambda: container_of("AIFF"),
    "an AU file": lambda: container_of("AU"),
    "a CAF file": lambda: container_of("CAF"),
    "a FLAC file": lambda: container_of("FLAC"),
    "an OGG file": lambda: container_of("OGG"),
    "an MP3 file": lambda: container_of("MP3"),
    "an MP4": lambda: b"\0\0\0\x20ftypM4A \0\0\0\0",
    "a Matroska or WebM file": lambda: b"\x1a\x45\xdf\xa3" + bytes(99),
    "an MPEG transport stream": lambda: (b"G\x40\0\x10" + bytes(184)) * 30,
    "an AAC file": lambda: (b"\xff\xf1\x50\x80\x19\x1f\xfc" + bytes(193)) * 30,
    "a gzip file": lambda: b"\x1f\x8b\x08\0" + bytes(99),
    "a zip file": lambda: b"PK\x03\x04" + bytes(99),
}


@pytest.mark.parametrize("kind", sorted(CONTAINERS))
@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
def test_a_file_is_refused_by_name_and_never_heard(kind, piece_bytes):
    process, sent = reader(), CONTAINERS[kind]()[:8000]
    with contextlib.suppress(BrokenPipeError):
        for start in range(0, len(sent), piece_bytes):
            process.stdin.write(sent[start : start + piece_bytes])
            process.stdin.flush()
    received, errors = process.communicate()
    assert process.returncode == 1 and received == b""
    (line,) = errors.decode().splitlines()
    assert kind in line and "raw signed 16-bit little-endian samples, 16000 Hz, mono" in line


@pytest.mark.parametrize("sent", [b"", b"x"])
def test_an_end_before_any_sample_is_said(sent):
    received, errors = reader().communicate(sent)
    assert received == b"" and b"ended before any audio came" in errors


def test_samples_are_hardly_ever_taken_for_a_file():
    """Of any first sample whatever, loud or quiet, none looks like a file."""
    rng = np.random.RandomState(0)
    for first in range(-32768, 32768, 7):
        samples = (rng.standard_normal(1600) * 10 ** rng.uniform(0, 4)).clip(-32768, 32767).astype("<i2")
        samples[0] = first
        assert kind_of_file(samples.tobytes()) == ""


def received_through(set_up, feed):
    """(samples that a reader received, its exit status, what it said) through a pipe that is set up and fed so."""
    reading, writing = os.pipe()
    set_up(reading)
    process = subprocess.Popen(
        [sys.executable, "-c", READ], cwd=REPOSITORY, stdin=reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.close(reading)
    feed(writing, process)
    os.close(writing)
    received, errors = process.communicate(timeout=PATIENCE_S)
    return np.frombuffer(received, np.float32), process.returncode, errors


@pytest.mark.parametrize("wait_s", [0.0, 2.5])
def test_nothing_yet_is_not_the_end_where_somebody_made_the_pipe_non_blocking(wait_s):
    sent = np.arange(3000, dtype="<i2")

    def feed(writing, process):
        time.sleep(wait_s)
        for part in np.array_split(sent, 30):
            os.write(writing, part.tobytes())
            time.sleep(0.02)

    received, status, errors = received_through(lambda reading: os.set_blocking(reading, False), feed)
    assert status == 0, errors
    np.testing.assert_array_equal(received, sent / np.float32(32768))


STALLS = """
import sys
from edge.audio import open_source
with open_source("-") as source:
    for block in source.blocks():
        print(len(block), round(source.waited_s, 1), flush=True)
"""


def test_a_stall_is_told_by_a_block_without_samples():
    process = subprocess.Popen(
        [sys.executable, "-c", STALLS], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdin.write(bytes(3200))
    process.stdin.flush()
    assert process.stdout.readline().split()[0] == b"1600"
    n_samples, waited_s = process.stdout.readline().split()
    assert n_samples == b"0" and 1.4 <= float(waited_s) < 4
    process.stdin.write(bytes(320))
    process.stdin.flush()
    lines = iter(process.stdout.readline, b"")
    assert next(line for line in lines if line.split()[0] != b"0").split()[0] == b"160"
    process.communicate()


def test_a_closed_standard_input_is_one_line():
    done = subprocess.run(
        [sys.executable, "-c", "import os; os.close(0)\n" + READ], cwd=REPOSITORY, stderr=subprocess.PIPE
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
