"""Recordings: whatever libsndfile reads (WAV, FLAC, OGG), any rate, any channel count, block by block."""

import os
import time
from typing import Iterator

import numpy as np

from edge.audio.resample import StreamingResampler
from edge.audio.source import Source
from edge.audio.truncation import find_truncation
from edge.errors import UserError
from edge.frames import FRAME_HOP_S, SAMPLE_RATE

# A FLAC of unknown length has 2**63 - 1 frames for libsndfile, which then fails to read it.
LONGEST_FRAMES = 2**48


class FileSource(Source):
    """A recording as a source; channels are averaged.

    A recording that was cut short is yielded as far as it goes, and then reported: a night's recording is
    not lost because its last second is, and nobody believes it to be whole. Samples that are not numbers
    end it with their position.

    Raises UserError, here or while reading: missing, empty, not audio, cut short, no samples, NaN.
    """

    def __init__(self, path: str, realtime: bool = False):
        self.name = os.fsencode(path).decode("utf-8", "replace")  # any bytes make a path, not any make text
        self._path = path
        self._realtime = realtime
        self._file = _open(path)
        self.native_rate_hz = self._file.samplerate
        self.channels = self._file.channels
        try:
            self._resampler = StreamingResampler(self.native_rate_hz)
        except UserError as error:
            self.close()
            raise UserError("{}: {}".format(self.name, error)) from error

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield 1-D float32 blocks at 16 kHz; paced to the clock when the source is `realtime`.

        Raises UserError at the place in the recording where something is wrong.
        """
        blocks = self._resampled()
        return _paced(blocks) if self._realtime else blocks

    def close(self) -> None:
        self._file.close()

    def _resampled(self) -> Iterator[np.ndarray]:
        for block in self._native():
            samples = self._resampler.push(block)
            if len(samples):
                yield samples
        samples = self._resampler.finish()
        if len(samples):
            yield samples
        missing = find_truncation(self._path)
        if missing or self._frames_read < self._file.frames:
            raise self._cut_short(missing or "its header promises more")

    def _native(self) -> Iterator[np.ndarray]:
        """Yield mono float32 blocks at the recording's own rate; a decoder's failure ends them."""
        frames = int(FRAME_HOP_S * self.native_rate_hz)
        self._frames_read = 0
        while True:
            try:
                block = self._file.read(frames, dtype="float32", always_2d=True)
            except RuntimeError as error:
                raise self._cut_short(str(error).strip().rstrip(".")) from error
            if not len(block):
                return
            self._check_finite(block)
            self._frames_read += len(block)
            yield block.mean(axis=1)

    def _check_finite(self, block: np.ndarray) -> None:
        broken = ~np.isfinite(block).all(axis=1)
        if broken.any():
            position_s = (self._frames_read + int(np.argmax(broken))) / self.native_rate_hz
            raise UserError(
                "{}: a sample at {:.3f} s is not a number (NaN or infinite): write the recording again "
                "from its source".format(self.name, position_s)
            )

    def _cut_short(self, reason: str) -> UserError:
        return UserError(
            "{}: cut short or damaged after {:.2f} s ({}): what comes before was read; copy the file again "
            "for the rest".format(self.name, self._frames_read / self.native_rate_hz, reason)
        )


def read_file(path: str) -> np.ndarray:
    """Return a whole recording as 1-D float32 at 16 kHz.

    Raises UserError when it is missing, empty, not audio, cut short or holds NaN.
    """
    with FileSource(path) as source:
        return np.concatenate([np.zeros(0, np.float32)] + list(source.blocks()))


def _open(path: str):
    """Open a recording that holds at least one sample."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise UserError(
            "reading {} needs the Python package soundfile ({}): pip install soundfile".format(path, error)
        ) from error
    if os.path.isdir(path):
        raise UserError("{}: is a directory: give the recording inside it".format(path))
    if not os.path.exists(path):
        raise UserError("{}: no such file: check the path".format(path))
    if os.path.isfile(path) and not os.path.getsize(path):
        raise UserError("{}: is empty (0 bytes): record or copy it again".format(path))
    try:
        with open(path, "rb"):
            pass
        recording = soundfile.SoundFile(os.fsencode(path))
    except OSError as error:
        raise UserError("{}: cannot be read ({}): check its permissions".format(path, error.strerror)) from error
    except (RuntimeError, TypeError) as error:
        # TypeError: a .raw file, whose format nobody can know.
        raise UserError("{}: not a recording, or damaged at its start: use WAV, FLAC or OGG".format(path)) from error
    if recording.frames > LONGEST_FRAMES:
        recording.close()
        raise UserError("{}: does not say how long it is: convert it to WAV".format(path))
    if not recording.frames:
        recording.close()
        raise UserError("{}: holds no audio (0 samples): record or copy it again".format(path))
    return recording


def _paced(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Hand over each block when a microphone would have: at the end of its last sample."""
    started_s = time.monotonic()
    handed_over = 0
    for block in blocks:
        handed_over += len(block)
        time.sleep(max(0.0, started_s + handed_over / SAMPLE_RATE - time.monotonic()))
        yield block
