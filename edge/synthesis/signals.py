"""What every synthetic sound is built from: levels, envelopes, coloured noise, convolution, a room."""

import numpy as np

from edge.frames import SAMPLE_RATE

HOP_LENGTH = 160  # control signals (F0, gains, formants) are drawn on a 10-ms grid
REFERENCE_DBFS = -30.0  # RMS of every sound a generator returns

_SHORTEST_FFT = 8192
_FIR_LENGTH = 512


def n_samples(duration_s):
    """Number of samples in `duration_s` seconds."""
    return int(round(duration_s * SAMPLE_RATE))


def n_frames(length):
    """Number of 10-ms grid points, both ends included, that cover `length` samples."""
    return -(-length // HOP_LENGTH) + 1


def dbfs(samples):
    """RMS level of float samples in dB relative to full scale (1.0); silence is -240 dBFS."""
    return 20.0 * float(np.log10(max(np.sqrt(np.mean(np.square(samples, dtype=np.float64))), 1e-12)))


def to_level(samples, level_dbfs=REFERENCE_DBFS):
    """Scale samples so that their RMS is `level_dbfs`; float32."""
    return (samples * 10.0 ** ((level_dbfs - dbfs(samples)) / 20.0)).astype(np.float32)


def upsample(frames, length):
    """Control values on the 10-ms grid -> `length` samples, linear in between; float32."""
    frames = np.asarray(frames, dtype=np.float32)
    position = np.linspace(0.0, 1.0, HOP_LENGTH, endpoint=False, dtype=np.float32)
    steps = frames[:-1, None] + np.diff(frames)[:, None] * position
    return steps.ravel()[:length]


def fade(length, attack_s, decay_s):
    """Envelope of `length` samples that rises and falls as half a cosine; float32, 0..1."""
    envelope = np.ones(length, dtype=np.float32)
    for edge_s, side in ((attack_s, envelope), (decay_s, envelope[::-1])):
        n = min(n_samples(edge_s), length)
        side[:n] *= (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)
    return envelope


def wander(frames, rate_hz, rng):
    """A random contour on the 10-ms grid: zero mean, unit deviation, about `rate_hz` turns a second."""
    knots = max(2, int(np.ceil(frames * rate_hz * HOP_LENGTH / SAMPLE_RATE)) + 1)
    return np.interp(np.linspace(0.0, knots - 1, frames), np.arange(knots), rng.standard_normal(knots))


def convolve(samples, impulse):
    """Causal convolution cut to the length of `samples`: overlap-add by FFT, float32."""
    size = max(_SHORTEST_FFT, 1 << int(4 * len(impulse) - 1).bit_length())
    step = size - len(impulse) + 1
    spectrum = np.fft.rfft(impulse, size)
    result = np.zeros(len(samples) + size, dtype=np.float32)
    for start in range(0, len(samples), step):
        block = samples[start : start + step]
        result[start : start + size] += np.fft.irfft(np.fft.rfft(block, size) * spectrum, size)
    return result[: len(samples)]


def coloured_noise(length, gain, rng):
    """Gaussian noise, float32, whose amplitude spectrum follows `gain(frequency_hz) -> array`."""
    frequency_hz = np.fft.rfftfreq(_FIR_LENGTH, 1.0 / SAMPLE_RATE)
    impulse = np.roll(np.fft.irfft(gain(frequency_hz)), _FIR_LENGTH // 2) * np.hanning(_FIR_LENGTH)
    white = rng.standard_normal(length + _FIR_LENGTH, dtype=np.float32)
    return convolve(white, impulse)[_FIR_LENGTH:]


def in_room(samples, rng, decay_s=0.25):
    """The sound as a microphone in a furnished room hears it: direct path first, then reflections.

    Six early reflections in the first 40 ms and an exponential tail, `decay_s` seconds for 60 dB.
    The direct path has no delay, so a sound still begins where it began. Same length, float32.
    """
    length = n_samples(decay_s)
    time_s = np.arange(length) / SAMPLE_RATE
    impulse = 0.02 * rng.standard_normal(length) * 10.0 ** (-3.0 * time_s / decay_s)
    impulse[: n_samples(0.010)] = 0.0
    reflections = n_samples(0.003) + rng.integers(0, n_samples(0.037), size=6)
    impulse[reflections] += rng.choice([-1.0, 1.0], size=6) * rng.uniform(0.1, 0.35, size=6)
    impulse[0] = 1.0
    return convolve(samples, impulse)
