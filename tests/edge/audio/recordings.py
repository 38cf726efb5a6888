"""Recordings as tests write and hear them."""

import struct
import threading

import numpy as np
import pytest

from edge.audio.recording import open_recording
from edge.errors import UserError
from edge.frames import SAMPLE_RATE

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
NOISE = np.random.RandomState(0).uniform(-0.3, 0.3, 4 * SAMPLE_RATE)
UNCOMPRESSED = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")
CONTAINERS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF")
# Where each container has the length of its samples, and how; found by looking for it.
LENGTHS = {"WAV": "<I", "RIFX": ">I", "RF64": "<Q", "W64": "<Q", "AIFF": ">I", "AU": ">I", "CAF": ">q"}


def written(path, container, samples=NOISE, subtype="PCM_16"):
    how = {"format": "WAV", "endian": "BIG"} if container == "RIFX" else {"format": container}
    soundfile.write(str(path), samples, SAMPLE_RATE, subtype=subtype, **how)
    return str(path)


def heard(path):
    """All samples of a recording, (n, channels) float32, and what it ended with, if anything was wrong."""
    blocks, recording = [], open_recording(path)
    try:
        for block in recording.blocks(3333):
            blocks.append(block)
    except UserError as error:
        return np.concatenate(blocks), str(error)
    finally:
        recording.close()
    return np.concatenate(blocks), ""


def rewritten(path, change):
    """Change the bytes of a file in place."""
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        change(content)
        file.seek(0)
        file.write(content)
        file.truncate()


def put_lengths(content, container, n_bytes):
    """Write another length of the samples, and of the whole, as a recorder that knew no better would have."""
    form = LENGTHS[container]
    if container in ("WAV", "RIFX", "AIFF"):
        at = content.index(b"SSND" if container == "AIFF" else b"data") + 4
        struct.pack_into(form, content, at, n_bytes)
        struct.pack_into(form, content, 4, n_bytes)
        if container == "AIFF":
            struct.pack_into(">I", content, content.index(b"COMM") + 10, max(0, n_bytes - 8) // 2)
    elif container == "RF64":
        at = content.index(b"ds64") + 8
        for offset in (0, 8, 16):
            struct.pack_into(form, content, at + offset, n_bytes)
    elif container == "W64":
        struct.pack_into(form, content, content.index(b"data") + 16, n_bytes)
    elif container == "AU":
        struct.pack_into(form, content, 8, n_bytes)
    else:
        struct.pack_into(form, content, content.index(b"data") + 4, n_bytes)


def write_slowly(path, content, piece_bytes):
    def write():
        with open(path, "wb", 0) as pipe:
            for at in range(0, len(content), piece_bytes):
                pipe.write(content[at : at + piece_bytes])

    writer = threading.Thread(target=write)
    writer.start()
    return writer
