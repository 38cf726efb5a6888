"""Updates as whole numbers: stochastically rounded on one public scale for each tensor, which homes' votes adapt.

Scales of a home's own would say something of it, and sums of differently scaled numbers could not be read. So each home
votes, inside what is summed, whether a tensor's range was too narrow or too wide; the server sees the sum of the votes.
"""

from __future__ import annotations

import numpy as np

from training.federated.layout import Layout

TOO_NARROW, TOO_WIDE = 1, -1
SATURATED_SHARE = 1e-3  # of a tensor's numbers; a range that cuts off more is too narrow
WIDE = 0.4  # of the range; one of which no number needs more is too wide
NARROWEST, WIDEST = 1e-12, 1e6


def largest(bits: int) -> int:
    """The largest whole number of so many bits with a sign: 127 of 8."""
    return (1 << (bits - 1)) - 1


def first_ranges(layout: Layout, steps: int, rate: float, clip_norm: float) -> np.ndarray:
    """Of each tensor, (tensors,): three times what it would be, were all numbers of the longest update equal."""
    return np.full(len(layout.sizes), 3 * steps * rate * (clip_norm or 1.0) / np.sqrt(layout.size))


def scales(layout: Layout, ranges: np.ndarray, bits: int) -> np.ndarray:
    """What a whole number is worth at each place of the vector, (size,) float64."""
    return layout.spread(ranges / largest(bits))


def quantised(update: np.ndarray, scale: np.ndarray, bits: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) int32, right on average: rounded up as often as the rest is large; what exceeds the range is cut off."""
    limit = largest(bits)
    wanted = np.clip(update / scale, -limit, limit)
    return np.floor(wanted + rng.random(len(wanted))).clip(-limit, limit).astype(np.int32)


def votes(layout: Layout, update: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """What a home says of each tensor's range, (tensors,) int32: TOO_NARROW, TOO_WIDE or 0."""
    found = np.zeros(len(ranges), np.int32)
    for number, (tensor, reach) in enumerate(zip(layout.tensors(np.abs(update)), ranges, strict=True)):
        if np.mean(tensor > reach) > SATURATED_SHARE:
            found[number] = TOO_NARROW
        elif tensor.max() < WIDE * reach:
            found[number] = TOO_WIDE
    return found


def after_votes(ranges: np.ndarray, sums: np.ndarray, homes: int) -> np.ndarray:
    """The next round's ranges: twice as wide where more homes ask for it than not, half where nearly all would."""
    factor = np.where(sums > 0, 2.0, np.where(sums <= -0.8 * homes, 0.5, 1.0))
    return np.clip(ranges * factor, NARROWEST, WIDEST)
