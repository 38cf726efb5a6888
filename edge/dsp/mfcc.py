"""Mel-frequency cepstral coefficients: the envelope of the spectrum in 13 numbers.

Hamming 480 (30 ms), hop 160 (10 ms), n_fft 512, power, 40 unnormalised mel triangles from 0 to 8000 Hz,
ln(energy + 1e-10), DCT-II without scaling: c_d = sum over m of ln E_m cos(pi d (m + 1/2) / 40).
"""

import numpy as np

from edge.dsp.framing import PowerSpectra, count_windows, windows
from edge.dsp.log_mel import mel_filterbank
from edge.dsp.stft import NYQUIST_HZ, bins_within
from edge.frames import SAMPLE_RATE

WINDOW_LENGTH = 480  # samples: 30 ms
HOP_LENGTH = 160  # samples: 10 ms
N_FFT = 512
N_MELS = 40
N_MFCC = 13
LOG_OFFSET = 1e-10  # energy added before the logarithm

_WINDOW = 0.54 - 0.46 * np.cos(2.0 * np.pi * np.arange(WINDOW_LENGTH) / WINDOW_LENGTH)
# In double precision, because single sums come out by their order, which depends on how many columns there are.
FILTERBANK = mel_filterbank(N_MELS, 0.0, SAMPLE_RATE / 2.0, N_FFT).astype(np.float64)
DCT = np.cos(np.pi / N_MELS * np.outer(np.arange(N_MELS) + 0.5, np.arange(N_MFCC)))


class Mfcc(object):
    """Cepstral coefficients of windows, in buffers that are used again; power above band_hz counts as none."""

    def __init__(self, band_hz=NYQUIST_HZ):
        self._spectra = PowerSpectra(_WINDOW, N_FFT)
        self._filterbank = FILTERBANK.copy()
        self._filterbank[bins_within(band_hz) :] = 0.0

    def write(self, samples, columns):
        """Fill columns (T, 13) float32 with the coefficients of the first T windows of 1-D samples."""
        for rows, power in self._spectra.chunks(windows(samples, len(columns), WINDOW_LENGTH, HOP_LENGTH)):
            energies = np.dot(power, self._filterbank)
            np.add(energies, LOG_OFFSET, out=energies)
            columns[rows] = np.dot(np.log(energies, out=energies), DCT)


def mfcc(samples, band_hz=NYQUIST_HZ):
    """Coefficients of every whole window in 1-D samples at 16 kHz: (T, 13) float32; see Mfcc."""
    columns = np.empty((count_windows(len(samples), WINDOW_LENGTH, HOP_LENGTH), N_MFCC), np.float32)
    Mfcc(band_hz).write(samples, columns)
    return columns
