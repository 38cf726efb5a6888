"""The audio that is played: a recording at its own rate, or a synthesised night."""

import numpy as np

from edge.audio import Source, read_file
from edge.audio.resample import StreamingResampler
from edge.errors import UserError
from edge.frames import SAMPLE_RATE
from edge.synthesis import nursery_night

BLOCK_S = 0.05  # what a microphone delivers at once
QUIET_DBFS = -60.0


def room_noise(seconds, seed=0):
    """A quiet room: 1-D float32 white noise at 16 kHz."""
    noise = np.random.RandomState(seed).standard_normal(int(seconds * SAMPLE_RATE))
    return (10 ** (QUIET_DBFS / 20) * noise).astype(np.float32)


class Recording(object):
    """Samples held in memory at their native rate: reading a disk is not what is measured."""

    def __init__(self, name, samples, native_rate_hz):
        self.name = name
        self.samples = samples  # 1-D float32, mono
        self.native_rate_hz = native_rate_hz

    @property
    def seconds(self):
        """Length in seconds."""
        return len(self.samples) / float(self.native_rate_hz)

    def first(self, seconds):
        """Its beginning, a Recording."""
        return Recording(self.name, self.samples[: int(seconds * self.native_rate_hz)], self.native_rate_hz)

    def at_16_khz(self):
        """Its samples at 16 kHz, 1-D float32."""
        resampler = StreamingResampler(self.native_rate_hz)
        return np.concatenate((resampler.push(self.samples), resampler.finish()))


def material(path, seconds):
    """The Recording at `path`, at most `seconds` of it, or a synthesised night when it is None. Raises UserError."""
    if path is None:
        return Recording("a synthesised night", nursery_night(seconds, seed=1).samples, SAMPLE_RATE)
    whole = read_file(path)[: int(seconds * SAMPLE_RATE)]  # says what is wrong with a recording, whatever it is
    if len(whole) < SAMPLE_RATE:
        raise UserError("{} is shorter than one frame (1 s): give a longer recording".format(path))
    import soundfile

    with soundfile.SoundFile(path) as file:
        rate_hz = file.samplerate
        if rate_hz == SAMPLE_RATE:
            return Recording(path, whole, SAMPLE_RATE)
        native = file.read(int(seconds * rate_hz), dtype="float32", always_2d=True)
    return Recording(path, native.mean(axis=1), rate_hz)


class PlayedSource(Source):
    """A Recording as a microphone would deliver it; the daemon's resampler is a stage of `timings`."""

    def __init__(self, recording):
        self.name = recording.name
        self.native_rate_hz = recording.native_rate_hz
        self._samples = recording.samples
        self._resampler = StreamingResampler(self.native_rate_hz)
        self.is_resampled = self.native_rate_hz != SAMPLE_RATE

    def native_blocks(self):
        """Yield blocks at the native rate."""
        length = int(BLOCK_S * self.native_rate_hz)
        for first in range(0, len(self._samples), length):
            yield self._samples[first : first + length]

    def resample(self, block):
        """The block at 16 kHz; may be empty."""
        return self._resampler.push(block)
