"""Pitch and how clear it is, by the McLeod pitch method (McLeod and Wyvill 2005), all frames at once.

NSDF n(lag) = 2 r(lag) / m(lag), r the autocorrelation of the frame and m the energy of the two parts it compares.
Where it is positive, after it was first negative, each lobe has a highest peak; the first of those that reaches
CLOSE_ENOUGH times the highest of all is the period, refined by a parabola. Its height is the clarity: 1 of a clean
period, 0.7 at 0 dB, 0.13 in white noise.

Cries glide, so a frame has 32 ms and not the usual 64, in which pitch moves twice as far; what that costs in noise,
counting rumble and the highest harmonics less brings back. benchmarks/studies/pitch.py measures it.
"""

import numpy as np

from edge.dsp.framing import WINDOWS_AT_ONCE, count_windows, power, windows
from edge.frames import SAMPLE_RATE

FRAME_LENGTH = 512  # samples: 32 ms
HOP_LENGTH = 240  # samples: 15 ms
LOWEST_HZ = 150.0
HIGHEST_HZ = 2000.0
RUMBLE_HZ = 300.0  # below it fans and streets hum, and few cries lie; a pure tone of 150 Hz comes out 42 cents sharp
CLOSE_ENOUGH = 0.85  # k: lower prefers the octave above, higher the octave below

SHORTEST_LAG = int(SAMPLE_RATE / HIGHEST_HZ)  # 8 samples
LONGEST_LAG = int(np.ceil(SAMPLE_RATE / LOWEST_HZ))  # 107
N_LAGS = LONGEST_LAG + 2  # 0 to one past the longest: a peak there must be seen to fall
N_FFT = 640  # a fast one that holds a frame and its lags: they never wrap around
SILENCE = np.float32(1e-9)  # energy of a frame below which it has no pitch: a level of about -117 dBFS

_FREQUENCIES_HZ = np.arange(N_FFT // 2 + 1) * (SAMPLE_RATE / float(N_FFT))
_WEIGHTS = (
    (1.0 + (RUMBLE_HZ / np.maximum(_FREQUENCIES_HZ, 1e-3)) ** 2) ** -2 / (1.0 + (_FREQUENCIES_HZ / HIGHEST_HZ) ** 2)
).astype(np.float32)


class PitchTracker(object):
    """Pitch of frames, in buffers that are used again."""

    def __init__(self):
        self._frames = np.zeros((WINDOWS_AT_ONCE, N_FFT), np.float32)
        self._power = np.empty((WINDOWS_AT_ONCE, N_FFT // 2 + 1), np.float32)
        self._scratch = np.empty_like(self._power)

    def write(self, samples, f0_hz, clarity):
        """Fill both, (T,) float32, with the pitch of the first T frames of 1-D samples; see track_pitch."""
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        for first in range(0, len(f0_hz), WINDOWS_AT_ONCE):
            rows = slice(first, min(first + WINDOWS_AT_ONCE, len(f0_hz)))
            nsdf = self.nsdf(samples[first * HOP_LENGTH :], rows.stop - first)
            f0_hz[rows], clarity[rows] = pick_peaks(nsdf)

    def nsdf(self, samples, count):
        """The NSDF of the first `count` frames, at most WINDOWS_AT_ONCE: (count, N_LAGS) float32."""
        from scipy.fft import irfft, rfft

        frames = self._frames[:count, :FRAME_LENGTH]
        view = windows(samples, count, FRAME_LENGTH, HOP_LENGTH)
        # An offset correlates with itself at every lag, and would hide the crossings.
        np.subtract(view, view.mean(axis=1, keepdims=True), out=frames)
        weighted = power(rfft(self._frames[:count]), self._power[:count], self._scratch[:count])
        np.multiply(weighted, _WEIGHTS, out=weighted)
        correlation = irfft(weighted, N_FFT)[:, :N_LAGS]
        energy = compared_energy(frames)
        # The weights change r: its own energy and the share of it in both parts, as it was before them, stand for m.
        correlation /= np.maximum(correlation[:, :1], SILENCE)
        correlation *= energy[:, :1] / np.maximum(energy, SILENCE)
        return correlation


def track_pitch(samples):
    """Pitch in Hz and clarity, 0..1, of every whole frame in 1-D samples at 16 kHz: two (T,) float32.

    A frame without a period between LOWEST_HZ and HIGHEST_HZ has pitch NaN and clarity 0.
    """
    count = count_windows(len(samples), FRAME_LENGTH, HOP_LENGTH)
    f0_hz, clarity = np.empty(count, np.float32), np.empty(count, np.float32)
    PitchTracker().write(samples, f0_hz, clarity)
    return f0_hz, clarity


def compared_energy(frames):
    """m(lag): the energy of a frame without its last `lag` samples and without its first, (count, N_LAGS)."""
    squares = np.square(frames)
    dropped = squares[:, : N_LAGS - 1] + squares[:, :-N_LAGS:-1]
    energy = np.empty((len(frames), N_LAGS), np.float32)
    energy[:, 0] = 2.0 * squares.sum(axis=1)
    np.cumsum(dropped, axis=1, out=energy[:, 1:])
    np.subtract(energy[:, :1], energy[:, 1:], out=energy[:, 1:])
    return energy


def pick_peaks(nsdf):
    """Pitch in Hz (NaN where there is none) and clarity (0 there) of each row of an NSDF (count, N_LAGS)."""
    rows = np.arange(len(nsdf))
    before, at, after = nsdf[:, :-2], nsdf[:, 1:-1], nsdf[:, 2:]
    lobe = np.cumsum(at < 0.0, axis=1)  # counts the negative values so far: one number for each lobe
    is_peak = (lobe > 0) & (at > 0.0) & (at >= before) & (at > after)
    is_peak[:, : SHORTEST_LAG - 1] = False
    heights = np.where(is_peak, at, np.float32(0.0))
    highest = heights.max(axis=1)
    first = np.argmax(heights >= np.float32(CLOSE_ENOUGH) * highest[:, None], axis=1)
    best = np.argmax(np.where(lobe == lobe[rows, first][:, None], heights, np.float32(0.0)), axis=1)
    before, at, after = before[rows, best], at[rows, best], after[rows, best]
    has_peak = highest > 0.0
    curvature = np.where(has_peak, before - 2.0 * at + after, np.float32(-1.0))  # of a peak: below 0
    shift = 0.5 * (before - after) / curvature
    f0_hz = np.where(has_peak, SAMPLE_RATE / (best + 1 + shift), np.nan)
    return f0_hz, np.where(has_peak, np.clip(at - 0.25 * (before - after) * shift, 0.0, 1.0), 0.0)
