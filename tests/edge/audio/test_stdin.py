"""Raw samples through a real pipe; what is not raw samples is refused with the format that is."""

import os
import subprocess
import sys

import numpy as np
import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

READ = """
import sys
from edge.audio import open_source
from edge.errors import UserError
try:
    with open_source("-") as source:
        for block in source.blocks():
            assert block.ndim == 1 and len(block)
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


@pytest.mark.parametrize(
    "sent, reason",
    [
        (b"", "ended before any audio came"),
        (b"x", "ended before any audio came"),
        (b"RIFF\x24\0\0\0WAVE", "begins like a WAV file"),
        (b"fLaC\0\0\0\x22", "begins like a FLAC file"),
        (b"OggS\0\x02\0\0", "begins like an OGG file"),
    ],
)
def test_what_is_not_raw_samples_is_refused_with_the_format(sent, reason):
    process = reader()
    received, errors = process.communicate(sent)
    assert process.returncode == 1 and received == b""
    (line,) = errors.decode().splitlines()
    assert reason in line and "raw signed 16-bit little-endian samples, 16000 Hz, mono" in line
