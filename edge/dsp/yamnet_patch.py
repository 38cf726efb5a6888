"""The picture of sound that YAMNet sees: 96 columns of 64 log-mel magnitudes, the newest 0.975 s.

Hann 400, hop 160, n_fft 512, magnitude spectrum, 64 triangles that are straight over mel = 1127 ln(1 + f / 700), from
125 to 7500 Hz, without the bin at 0 Hz; natural logarithm of (magnitude + 0.001). Another picture than our log_mel:
the weights were learnt on this one. It is seldom asked for, so it is computed anew each time.
"""

from functools import lru_cache

import numpy as np

from edge.dsp.log_mel import HOP_LENGTH, N_FFT, WINDOW_LENGTH
from edge.frames import SAMPLE_RATE

NAME = "yamnet_patch"
PATCH_COLUMNS = 96
N_MELS = 64
MEL_LOW_HZ = 125.0
MEL_HIGH_HZ = 7500.0
LOG_OFFSET = 0.001  # magnitude added before the logarithm
PATCH_LENGTH = WINDOW_LENGTH + (PATCH_COLUMNS - 1) * HOP_LENGTH  # 15,600 samples

PARAMETERS = {
    "sample_rate": SAMPLE_RATE,
    "window": "hann",
    "window_length": WINDOW_LENGTH,
    "hop_length": HOP_LENGTH,
    "n_fft": N_FFT,
    "spectrum": "magnitude",
    "n_mels": N_MELS,
    "mel_low_hz": MEL_LOW_HZ,
    "mel_high_hz": MEL_HIGH_HZ,
    "log_offset": LOG_OFFSET,
    "frame_columns": PATCH_COLUMNS,
}

HUM_HZ = 220.0
HUM_ABOVE = 10.0  # times the power of the rest
_BINS_HZ = np.arange(N_FFT // 2 + 1) * (SAMPLE_RATE / float(N_FFT))
_HUM_BINS = int(np.ceil(HUM_HZ / _BINS_HZ[1]))
_LOW_CUT = (1.0 / np.sqrt(1.0 + (HUM_HZ / np.maximum(_BINS_HZ, 1.0)) ** 16)).astype(np.float32)  # Butterworth's

_WINDOW = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW_LENGTH) / WINDOW_LENGTH)).astype(np.float32)


def hz_to_mel(frequency_hz):
    """Mel of a frequency in Hz: 1127 ln(1 + f / 700)."""
    return 1127.0 * np.log(1.0 + np.asarray(frequency_hz, dtype=np.float64) / 700.0)


@lru_cache(maxsize=None)
def filterbank():
    """Triangles over mel, peak 1, (n_fft // 2 + 1, 64) float32; row 0, the constant part, is nothing."""
    edges = np.linspace(hz_to_mel(MEL_LOW_HZ), hz_to_mel(MEL_HIGH_HZ), N_MELS + 2)
    bins = hz_to_mel(np.arange(N_FFT // 2 + 1) * (SAMPLE_RATE / float(N_FFT)))[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return weights.astype(np.float32)


def without_hum(spectra):
    """Magnitude spectra (n, 257), what lies below HUM_HZ cut where it drowns all that lies above; in place.

    Hum of the mains hides no cry from the detector, which looks at each band for itself. This network was never shown
    a cry under hum that is a hundred times as strong.
    """
    power = np.square(spectra).sum(axis=0)
    if power[:_HUM_BINS].sum() > HUM_ABOVE * power[_HUM_BINS:].sum():
        spectra *= _LOW_CUT
    return spectra


def yamnet_patch(samples):
    """(96, 64) float32 of 15,600 float32 samples at 16 kHz. Raises ValueError for any other number."""
    from scipy.fft import rfft  # takes longer to import than all the rest

    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if samples.shape != (PATCH_LENGTH,):
        raise ValueError("a patch takes %d samples, not %r" % (PATCH_LENGTH, samples.shape))
    step = samples.itemsize
    windows = np.ndarray((PATCH_COLUMNS, WINDOW_LENGTH), np.float32, samples, 0, (HOP_LENGTH * step, step))
    padded = np.zeros((PATCH_COLUMNS, N_FFT), np.float32)
    np.multiply(windows, _WINDOW, out=padded[:, :WINDOW_LENGTH])
    magnitudes = np.dot(without_hum(np.abs(rfft(padded))), filterbank())
    return np.log(magnitudes + np.float32(LOG_OFFSET))
