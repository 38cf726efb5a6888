"""From any sample rate to 16 kHz, as the samples come."""

import numpy as np

from edge.errors import UserError
from edge.frames import SAMPLE_RATE

LOWEST_RATE_HZ = 4000
HIGHEST_RATE_HZ = 768000

# soxr's HQ is flat to 0.91 of the Nyquist frequency with aliases under -100 dB. From 48 kHz it costs
# 0.04 % of an x86 core and holds samples back for at most 40 ms; VHQ holds them 75 ms and gains nothing
# that a 16-bit microphone could show.
QUALITY = "HQ"


class StreamingResampler:
    """Mono audio at `native_rate_hz` in, 16 kHz out; the same samples whatever the block sizes.

    Raises UserError when the rate is outside 4-768 kHz or soxr is not installed.
    """

    def __init__(self, native_rate_hz: int):
        if not LOWEST_RATE_HZ <= native_rate_hz <= HIGHEST_RATE_HZ:
            raise UserError(
                "sample rate {} Hz is outside {}-{} Hz: convert the audio first".format(
                    native_rate_hz, LOWEST_RATE_HZ, HIGHEST_RATE_HZ
                )
            )
        self._stream = None
        if native_rate_hz != SAMPLE_RATE:
            soxr = _import_soxr(native_rate_hz)
            self._stream = soxr.ResampleStream(native_rate_hz, SAMPLE_RATE, 1, dtype="float32", quality=QUALITY)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Resample 1-D float32 samples; returns what is ready, which may be nothing."""
        if self._stream is None:
            return samples
        return self._stream.resample_chunk(samples)

    def finish(self) -> np.ndarray:
        """Return what the filter still holds, so that the duration is kept; the last call."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        return self._stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _import_soxr(native_rate_hz: int):
    try:
        import soxr
    except (ImportError, OSError) as error:
        raise UserError(
            "audio at {} Hz needs the Python package soxr to become {} Hz ({}): pip install soxr".format(
                native_rate_hz, SAMPLE_RATE, error
            )
        ) from error
    return soxr
