"""What may happen to a spectrum before a model is trained on it: other sounds, microphones and gaps; normalisation.

Works on energies or their logarithms: the energies of a sum of sounds are nearly the sum of their energies, so that a
batch costs milliseconds. Every model family uses these, each with ranges of its own.
"""

from __future__ import annotations

import numpy as np

LOG_MEL_SCALE = 3.0  # nats: about one standard deviation of a frame's log-mel around its own mean
TINY = 1e-12  # mean energy of digital silence


def normalise(log_mel: np.ndarray) -> np.ndarray:
    """Each frame's log-mel around its own mean, in units of LOG_MEL_SCALE: (n, 98, bands) float32."""
    return ((log_mel - log_mel.mean(axis=(1, 2), keepdims=True)) / LOG_MEL_SCALE).astype(np.float32)


def mix_energies(sound: np.ndarray, noise: np.ndarray, snr_db: np.ndarray) -> np.ndarray:
    """Energies (n, columns, bands) of sounds with noise under them, whose mean energies are snr_db (n,) apart."""
    gain = sound.mean(axis=(1, 2)) / (noise.mean(axis=(1, 2)) + TINY) * 10 ** (-np.asarray(snr_db) / 10)
    return sound + gain.astype(sound.dtype)[:, None, None] * noise


def random_eq(knots: np.ndarray, n_bins: int) -> np.ndarray:
    """Frequency responses (n, n_bins): straight lines between knots (n, knots) that are spread evenly over the bins.

    The unit is that of the knots, which whoever calls draws: a family knows how unlike its microphones are.
    """
    places = np.linspace(0, n_bins - 1, knots.shape[1])
    lines = np.stack([np.interp(np.arange(n_bins), places, knot) for knot in np.eye(knots.shape[1])])
    return knots @ lines


def spec_augment(
    x: np.ndarray,
    columns: int,
    bands: int,
    rng: np.random.Generator,
    among: tuple[int, int] | None = None,
    share: float = 1.0,
) -> np.ndarray:
    """x (n, columns, bands) with a run of up to so many columns, and of bands, of each item at its mean, which is 0.

    among: first and last + 1 of the bands that a run may lie in, default all. share: of the items that get gaps.
    Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", 2019.
    """
    chosen = rng.random(len(x)) < share
    for axis, most, (first, end) in ((1, columns, (0, x.shape[1])), (2, bands, among or (0, x.shape[2]))):
        if not most or end - first < most:
            continue
        width = rng.integers(0, most + 1, len(x)) * chosen
        begin = first + rng.integers(0, end - first - width + 1)
        place = np.arange(x.shape[axis])
        gap = (place >= begin[:, None]) & (place < (begin + width)[:, None])
        x = np.where(gap[:, :, None] if axis == 1 else gap[:, None, :], x.dtype.type(0), x)
    return x
