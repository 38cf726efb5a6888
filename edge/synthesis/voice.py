"""A voice: harmonics of a moving pitch, each weighed by the resonances of a throat."""

import numpy as np

from edge.frames import SAMPLE_RATE
from edge.synthesis.signals import upsample


def resonance(frequency_hz, formants):
    """Amplitude gain of parallel second-order resonances at `frequency_hz` (any shape, float).

    `formants` is a sequence of (centre_hz, bandwidth_hz, gain); each may be an array that broadcasts
    with `frequency_hz`, so that the mouth can move.
    """
    total = np.zeros(np.shape(frequency_hz))
    for centre_hz, bandwidth_hz, gain in formants:
        total = total + gain / (1.0 + ((frequency_hz - centre_hz) / (0.5 * bandwidth_hz)) ** 2)
    return total


def harmonics(f0_hz, gain, length, highest_hz=0.5 * SAMPLE_RATE):
    """Sum of the harmonics of a pitch contour.

    `f0_hz`: (T,) on the 10-ms grid, Hz. `gain(frequency_hz)`: maps (T, K) Hz to amplitudes; it is set
    to zero from `highest_hz` on. Returns (samples, phase), each `length` long: float32, and the phase
    of the fundamental in radians, float64.
    """
    f0_hz = np.asarray(f0_hz, dtype=np.float64)
    orders = np.arange(1, max(2, int(highest_hz / f0_hz.min()) + 1))
    frequency_hz = f0_hz[:, None] * orders
    gains = np.where(frequency_hz < highest_hz, gain(frequency_hz), 0.0)
    phase = np.cumsum(upsample(f0_hz, length), dtype=np.float64) * (2.0 * np.pi / SAMPLE_RATE)
    fundamental = np.exp(1j * phase).astype(np.complex64)
    # The k-th harmonic is the k-th power of the fundamental: a product each, no further sines.
    power = fundamental.copy()
    samples = np.zeros(length, dtype=np.float32)
    for column in range(len(orders)):
        samples += upsample(gains[:, column], length) * power.imag
        power *= fundamental
    return samples, phase
