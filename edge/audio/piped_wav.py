"""A WAV that comes through a named pipe, as ffmpeg, snapserver and shairport write it: heard while it is written."""

import os
import select
from typing import Iterator

import numpy as np

from edge.audio.containers import WRAP, is_wav, read_promise
from edge.errors import UserError

WRITER_S = 2.0  # a pipe that nobody writes into for so long is refused
MOST_HEADER_BYTES = 1 << 16
SIZE = WRAP - 1  # nobody knows it; below 4 GB, and more than was sent
KINDS = {  # numpy's type, the value of silence, full scale
    "PCM_U8": ("u1", 128.0, 128.0),
    "PCM_16": ("i2", 0.0, 32768.0),
    "PCM_24": ("i4", 0.0, 2147483648.0),  # after a byte was put below each
    "PCM_32": ("i4", 0.0, 2147483648.0),
    "FLOAT": ("f4", 0.0, 1.0),
    "DOUBLE": ("f8", 0.0, 1.0),
}
HEADER_BYTES = (8, 36)


class PipedWav:
    """A WAV from the reading end of a pipe, opened without waiting; PCM of 8 to 32 bits or float.

    Raises UserError, here or while reading: nobody writes, no such WAV, cut short.
    """

    def __init__(self, name: str, descriptor: int):
        self.name = name
        self._descriptor = descriptor
        self._waiting = b""
        self._bytes_read = 0
        try:
            if not self._has_writer():
                raise UserError(
                    "{}: is a named pipe, and nobody writes into it: start the program that does, or give "
                    "a recording".format(name)
                )
            self._promise = self._header()
            samples = self._promise.samples
            self.rate_hz, self.channels = samples.rate_hz, samples.channels
        except BaseException:
            self.close()
            raise

    def blocks(self, frames: int) -> Iterator[np.ndarray]:
        """Yield (n, channels) float32 blocks of at most so many frames, as they come."""
        frame_bytes = self._promise.samples.frame_bytes
        left = self._promise.data_bytes
        while left is None or left > 0:
            whole = len(self._waiting) - len(self._waiting) % frame_bytes
            whole = min(whole, frames * frame_bytes, whole if left is None else left - left % frame_bytes)
            if whole:
                taken, self._waiting = self._waiting[:whole], self._waiting[whole:]
                self._bytes_read += whole
                left = None if left is None else left - whole
                yield _decoded(taken, self._promise.samples)
            elif left is not None and left < frame_bytes or not self._more(frames * frame_bytes):
                break
        if left and left >= frame_bytes and left not in HEADER_BYTES + (self._promise.data_at,):
            raise UserError(
                "{}: cut short after {:.2f} s (its header promises {} bytes more): what came was read".format(
                    self.name, self._bytes_read / frame_bytes / self.rate_hz, left
                )
            )

    def close(self) -> None:
        """Give the pipe back; closing twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _has_writer(self):
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(1000.0 * WRITER_S))

    def _more(self, n_bytes):
        """Wait for bytes; returns whether any came before the writer went."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        while True:
            poll.poll()
            try:
                arrived = os.read(self._descriptor, n_bytes)
            except BlockingIOError:
                continue
            self._waiting += arrived
            return bool(arrived)

    def _header(self):
        """The promise of the header; what waits begins with the first sample then."""
        promise = None
        while promise is None or promise.data_at > len(self._waiting):
            is_other = len(self._waiting) >= 12 and not is_wav(self._waiting)
            if is_other or len(self._waiting) > MOST_HEADER_BYTES or not self._more(4096):
                raise self._no_wav()
            promise = read_promise(self._begun, SIZE)
        if promise.samples is None or promise.samples.subtype not in KINDS:
            raise self._no_wav()
        self._waiting = self._waiting[promise.data_at :]
        return promise

    def _begun(self, at, n_bytes):
        return self._waiting[at : at + n_bytes]

    def _no_wav(self):
        return UserError(
            "{}: is a named pipe through which no WAV of PCM or float samples comes: write one into it "
            "(ffmpeg -f wav), or give a recording".format(self.name)
        )


def _decoded(content, samples):
    """Bytes of whole frames as (n, channels) float32, full scale 1."""
    order = ">" if samples.endian == "BIG" else "<"
    dtype, silence, full_scale = KINDS[samples.subtype]
    if samples.subtype == "PCM_24":
        padded = np.zeros((len(content) // 3, 4), np.uint8)
        padded[:, slice(0, 3) if order == ">" else slice(1, 4)] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        content = padded.tobytes()
    values = np.frombuffer(content, order + dtype).astype(np.float32)
    return ((values - np.float32(silence)) / np.float32(full_scale)).reshape(-1, samples.channels)
