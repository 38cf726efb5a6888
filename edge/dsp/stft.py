"""Log-power spectrum: Hann 480 (30 ms) zero-padded to 512, hop 240 (15 ms), 257 bins, ln(power + 1e-10)."""

import numpy as np

from edge.dsp.framing import PowerSpectra, count_windows, windows

WINDOW_LENGTH = 480  # samples: 30 ms
HOP_LENGTH = 240  # samples: 15 ms
N_FFT = 512
N_BINS = N_FFT // 2 + 1
LOG_OFFSET = 1e-10  # power added before the logarithm
NYQUIST_HZ = 8000.0

_WINDOW = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW_LENGTH) / WINDOW_LENGTH)


class LogStft(object):
    """Log-power spectra of windows, in buffers that are used again; power above band_hz counts as none."""

    def __init__(self, band_hz=NYQUIST_HZ):
        self._spectra = PowerSpectra(_WINDOW, N_FFT)
        self._n_bins = bins_within(band_hz)

    def write(self, samples, columns):
        """Fill columns (T, 257) float32 with the spectra of the first T windows of 1-D samples."""
        for rows, power in self._spectra.chunks(windows(samples, len(columns), WINDOW_LENGTH, HOP_LENGTH)):
            power[:, self._n_bins :] = 0.0
            np.add(power, np.float32(LOG_OFFSET), out=power)
            np.log(power, out=columns[rows])


def bins_within(band_hz):
    """How many bins, from 0 Hz on, lie at or below band_hz."""
    return int(band_hz / NYQUIST_HZ * (N_BINS - 1)) + 1


def log_stft(samples):
    """Log-power spectra of every whole window in 1-D samples at 16 kHz: (T, 257) float32."""
    columns = np.empty((count_windows(len(samples), WINDOW_LENGTH, HOP_LENGTH), N_BINS), np.float32)
    LogStft().write(samples, columns)
    return columns
