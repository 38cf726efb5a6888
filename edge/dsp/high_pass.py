"""What no cry contains and every cheap microphone sends is taken out: an offset, its drift, what is slower than sound.

It is estimated at 200 Hz: a low pass of first order runs over the means of 10 ms, one each 5 ms, splines of second
degree join what it finds, and that is subtracted. A hop's low pass is one product with a matrix: a filter that runs
over every sample would cost several times as much. The splines and the mean, which lets no hum of 100 Hz through, keep
what the estimate adds above 300 Hz 68 dB below a hum. Nothing passes at 0 Hz, half at 5 Hz, all above 10 Hz to 1.6 dB.
"""

import numpy as np

from edge.frames import FRAME_HOP, SAMPLE_RATE

CUTOFF_HZ = 12.0
BLOCK = 80  # samples: 5 ms
N_BLOCKS = FRAME_HOP // BLOCK  # 40 in a hop

LARGEST = 1e4  # full scale is 1: a value above it was no sound, and neither is NaN
MOST_POWER = 16.0 * LARGEST**2  # mean square of a hop: more than such samples can come to


class HighPass(object):
    """Hops of one stream without what lies far below a cry. A value that is no number counts as the one before it.

    power: mean square of the newest hop, filtered.
    """

    def __init__(self):
        self.power = 0.0
        self._means = np.zeros(2 + N_BLOCKS, np.float32)  # the low pass and the last mean before the hop; its means
        self._low = np.zeros(2 + N_BLOCKS, np.float32)  # the low pass: two values before the hop, one for each mean
        self._knots = np.ndarray((N_BLOCKS, 3), np.float32, self._low, 0, 2 * self._low.strides)  # three to a block
        self._filtered = np.empty(FRAME_HOP, np.float32)
        self._last = None  # the newest sample; None before the first hop

    @property
    def offset(self):
        """What lies below the sound now: a stream that goes on with it has no step."""
        return float(self._low[-1])

    def push(self, samples):
        """Take a hop, (FRAME_HOP,) float32; return it filtered, in an array that holds until the next."""
        if self._last is None:
            samples = hold_numbers(samples, 0.0, LARGEST)
            # An offset was there before we were: no step.
            self._means[:2] = self._low[:2] = samples[:BLOCK].mean()
        self._filter(samples)
        if not self.power < MOST_POWER:
            samples = hold_numbers(samples, self._last, LARGEST)
            self._filter(samples)
        self._low[0], self._low[1] = self._low[-2], self._low[-1]
        self._means[0], self._means[1] = self._low[-1], self._means[-1]
        self._last = samples[-1]
        return self._filtered

    def _filter(self, samples):
        blocks = samples.reshape(N_BLOCKS, BLOCK)
        np.dot(blocks, _MEAN, out=self._means[2:])
        np.dot(_LOW_PASS, self._means, out=self._low[2:])
        np.subtract(samples, self._knots.dot(_SPLINES).reshape(FRAME_HOP), out=self._filtered)
        self.power = float(np.dot(self._filtered, self._filtered)) / FRAME_HOP


def high_passed(samples):
    """A whole stream of 1-D float32 samples, filtered as its hops are: float32 of the same length."""
    stream = HighPass()
    hops = np.pad(np.asarray(samples, np.float32), (0, -len(samples) % FRAME_HOP), mode="edge").reshape(-1, FRAME_HOP)
    return np.concatenate([stream.push(hop).copy() for hop in hops])[: len(samples)]


def hold_numbers(samples, before, largest):
    """Samples (n,) or (n, channels), with each that is NaN or beyond +-largest replaced by the one before it.

    before: what stands for the sample before the first, a number or (channels,).
    """
    is_number = np.abs(samples) <= largest  # False for NaN
    row = np.arange(1, len(samples) + 1).reshape((-1,) + (1,) * (samples.ndim - 1))
    latest = np.maximum.accumulate(np.where(is_number, row, 0), axis=0)
    first = np.broadcast_to(np.asarray(before, samples.dtype), samples.shape[1:])[None]
    return np.take_along_axis(np.concatenate((first, samples)), latest, axis=0)


def _low_pass():
    """From the low pass and the mean before a hop and the hop's means to its low pass, (N_BLOCKS, 2 + N_BLOCKS)."""
    share = 1.0 - np.exp(-2.0 * np.pi * CUTOFF_HZ * BLOCK / SAMPLE_RATE)
    low, *means = np.eye(2 + N_BLOCKS)
    rows = []
    for before, mean in zip(means, means[1:]):
        low = low + share * ((before + mean) / 2.0 - low)
        rows.append(low)
    return np.array(rows, np.float32)


def _splines():
    """What the knots before, at and after a block count for at each of its samples, (3, BLOCK): they add up to 1."""
    at = (np.arange(BLOCK) + 0.5) / BLOCK
    return np.array([(1.0 - at) ** 2, 1.0 + 2.0 * at * (1.0 - at), at**2], np.float32) / 2.0


_MEAN = np.full(BLOCK, 1.0 / BLOCK, np.float32)
_LOW_PASS = _low_pass()
_SPLINES = _splines()
