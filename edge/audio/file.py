"""Recordings: WAV, FLAC, OGG and whatever else libsndfile reads, any rate, any channel count, block by block."""

import time
from typing import Iterator, List

import numpy as np

from edge.audio.intake import NOT_NUMBERS, Intake, Remark
from edge.audio.numbers import LOUDEST
from edge.audio.recording import open_recording
from edge.audio.source import Source
from edge.errors import UserError
from edge.frames import FRAME_HOP_S, SAMPLE_RATE


class FileSource(Source):
    """A recording as a source; the channel that hears is heard.

    A recording that was cut short is yielded as far as it goes, and then reported: a night's recording is
    not lost because its last second is, and nobody believes it to be whole. Samples that are no numbers are replaced by
    the one before, and reported at the end with the position of the first.

    Raises UserError, here or while reading: missing, empty, not audio, cut short, no samples, NaN.
    """

    def __init__(self, path: str, realtime: bool = False):
        self._realtime = realtime
        self._recording = open_recording(path)
        self.name = self._recording.name
        self.native_rate_hz = self._recording.rate_hz
        self.channels = self._recording.channels
        try:
            self._intake = Intake(self.native_rate_hz, self.channels)
        except UserError as error:
            self.close()
            raise UserError("{}: {}".format(self.name, error)) from error

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield 1-D float32 blocks at 16 kHz; paced to the clock when the source is `realtime`.

        Raises UserError at the place in the recording where something is wrong.
        """
        blocks = self._resampled()
        return _paced(blocks) if self._realtime else blocks

    def remarks(self) -> List[Remark]:
        # Values that are no numbers are an error of the recording, at its end.
        return [remark for remark in self._intake.remarks() if remark[0] != NOT_NUMBERS]

    def close(self) -> None:
        self._recording.close()

    def _resampled(self) -> Iterator[np.ndarray]:
        for block in self._recording.blocks(int(FRAME_HOP_S * self.native_rate_hz)):
            samples = self._intake.push(block)
            if len(samples):
                yield samples
        samples = self._intake.finish()
        if len(samples):
            yield samples
        guard = self._intake.guard
        if guard.replaced:
            raise UserError(
                "{}: a sample at {:.3f} s is not a number ({:g}; NaN, infinite or beyond {:g} times full scale), {} in "
                "all: the one before each was heard in its place; write the recording again from its source".format(
                    self.name, guard.first_at / self.native_rate_hz, guard.value, LOUDEST, guard.replaced
                )
            )


def read_file(path: str) -> np.ndarray:
    """Return a whole recording as 1-D float32 at 16 kHz.

    Raises UserError when it is missing, empty, not audio, cut short or holds NaN.
    """
    with FileSource(path) as source:
        return np.concatenate([np.zeros(0, np.float32)] + list(source.blocks()))


def _paced(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Hand over each block when a microphone would have: at the end of its last sample."""
    started_s = time.monotonic()
    handed_over = 0
    for block in blocks:
        handed_over += len(block)
        time.sleep(max(0.0, started_s + handed_over / SAMPLE_RATE - time.monotonic()))
        yield block
