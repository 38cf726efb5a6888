"""Log-mel energies: the picture of sound that the detector sees.

Hann 400 (25 ms), hop 160 (10 ms), n_fft 512, power spectrum, 64 unnormalised triangles from 60 to 7600 Hz
on mel = 2595 log10(1 + f / 700), natural logarithm of (energy + 1e-6). Experts may look at 128 triangles instead.
"""

from functools import lru_cache

import numpy as np

from edge.dsp.framing import PowerSpectra, count_windows, windows
from edge.frames import COLUMN_HOP, COLUMN_LENGTH, FRAME_COLUMNS, FRAME_LENGTH, SAMPLE_RATE

WINDOW_LENGTH = COLUMN_LENGTH
HOP_LENGTH = COLUMN_HOP
N_FFT = 512
N_MELS = 64  # unless it is asked for more
MEL_LOW_HZ = 60.0
MEL_HIGH_HZ = 7600.0
LOG_OFFSET = 1e-6  # energy added before the logarithm: about white noise at -82 dBFS
CRY_LOW_HZ = 300.0  # cries have nothing below, and hum with its first harmonics nothing above
CRY_HIGH_HZ = 6000.0

PARAMETERS = {  # of 64 bands; of 128, n_mels is all that differs
    "sample_rate": SAMPLE_RATE,
    "window": "hann",
    "window_length": WINDOW_LENGTH,
    "hop_length": HOP_LENGTH,
    "n_fft": N_FFT,
    "n_mels": N_MELS,
    "mel_low_hz": MEL_LOW_HZ,
    "mel_high_hz": MEL_HIGH_HZ,
    "log_offset": LOG_OFFSET,
    "frame_columns": FRAME_COLUMNS,
}


def hz_to_mel(frequency_hz):
    """Mel of a frequency in Hz (O'Shaughnessy): 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(frequency_hz, dtype=np.float64) / 700.0)


def mel_to_hz(mel):
    """Frequency in Hz of a mel value; inverse of hz_to_mel."""
    return 700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0)


def mel_filterbank(n_mels=N_MELS, low_hz=MEL_LOW_HZ, high_hz=MEL_HIGH_HZ, n_fft=N_FFT, sample_rate=SAMPLE_RATE):
    """Unnormalised triangular mel filters, (n_fft // 2 + 1, n_mels) float32, peak 1."""
    edges_hz = mel_to_hz(np.linspace(hz_to_mel(low_hz), hz_to_mel(high_hz), n_mels + 2))
    bins_hz = np.arange(n_fft // 2 + 1)[:, None] * (sample_rate / float(n_fft))
    rising = (bins_hz - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    falling = (edges_hz[2:] - bins_hz) / np.diff(edges_hz)[1:]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def band_centres_hz(n_mels=N_MELS):
    """Centre frequency of each mel band in Hz, (n_mels,)."""
    return mel_to_hz(np.linspace(hz_to_mel(MEL_LOW_HZ), hz_to_mel(MEL_HIGH_HZ), n_mels + 2))[1:-1]


def _cry_weights(n_mels):
    """What turns a column's energies into the mean square of its samples in the band of cries, (n_mels,) float32.

    The triangles add up to 1 at every frequency, and the bins of one side to half of what the window lets through.
    """
    centres_hz = band_centres_hz(n_mels)
    is_within = (centres_hz >= CRY_LOW_HZ) & (centres_hz <= CRY_HIGH_HZ)
    return (is_within * 2.0 / (N_FFT * np.square(_WINDOW, dtype=np.float64).sum())).astype(np.float32)


_WINDOW = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW_LENGTH) / WINDOW_LENGTH)).astype(np.float32)


@lru_cache(maxsize=None)
def _halves(n_mels):
    """(bins, bands, triangles) of the lower bands, which look at few bins, and the upper ones: a third less to multiply
    than with all bins for all bands."""
    filterbank = mel_filterbank(n_mels)
    halves = []
    for bands in (slice(0, n_mels * 5 // 8), slice(n_mels * 5 // 8, n_mels)):
        used = np.flatnonzero(filterbank[:, bands].any(axis=1))
        bins = slice(used[0], used[-1] + 1)
        halves.append((bins, bands, np.ascontiguousarray(filterbank[bins, bands])))
    return halves


class MelEnergies(object):
    """Mel-band energies of windows, in buffers that are used again."""

    def __init__(self, n_mels=N_MELS):
        self.n_mels = n_mels
        self._halves = _halves(n_mels)
        self._spectra = PowerSpectra(_WINDOW, N_FFT)

    def write(self, view, energies):
        """Fill energies (T, n_mels) float32 with those of windows (T, WINDOW_LENGTH)."""
        for rows, power in self._spectra.chunks(view):
            for bins, bands, triangles in self._halves:
                energies[rows, bands] = np.dot(power[:, bins], triangles)


def count_columns(n_samples):
    """Whole windows in so many samples."""
    return count_windows(n_samples, WINDOW_LENGTH, HOP_LENGTH)


def mel_energies(samples, n_mels=N_MELS):
    """Mel-band energies of every whole window in samples.

    samples: 1-D float32 at 16 kHz. Returns (T, n_mels) float32, T = count_columns(len(samples)).
    """
    energies = np.empty((count_columns(len(samples)), n_mels), np.float32)
    MelEnergies(n_mels).write(_windows(samples, len(energies)), energies)
    return energies


def _windows(samples, count):
    return windows(samples, count, WINDOW_LENGTH, HOP_LENGTH)


def log_mel(samples, n_mels=N_MELS):
    """Log-mel columns of every whole window in samples: (T, n_mels) float32, ln(energy + 1e-6)."""
    return _logarithm(mel_energies(samples, n_mels))


def _logarithm(energies):
    """ln(energy + 1e-6) in place."""
    np.add(energies, np.float32(LOG_OFFSET), out=energies)
    return np.log(energies, out=energies)


class LogMelStream(object):
    """Log-mel columns as samples arrive, in blocks of any size; equal to log_mel of the whole.

    cry_power: mean square of what the newest columns of push_into() hold in the band of cries, full scale 1.
    """

    def __init__(self, n_mels=N_MELS):
        self._energies = MelEnergies(n_mels)
        self._hold(np.empty(FRAME_LENGTH, np.float32))
        self._cry_weights = np.tile(_cry_weights(n_mels), FRAME_COLUMNS)
        self.reset()

    def reset(self):
        """Forget everything: the next sample is the first of the first window."""
        self._n_waiting = 0
        self.cry_power = 0.0

    def push(self, block):
        """Take a 1-D float32 block at 16 kHz; return the columns it completes, (T, n_mels) float32."""
        self._take(block)
        columns = np.empty((count_columns(self._n_waiting), self._energies.n_mels), np.float32)
        self._energies.write(self._windows[: len(columns)], columns)
        self._keep(len(columns))
        return _logarithm(columns)

    def push_into(self, frame, block):
        """Take a block; move the columns of a contiguous (n, n_mels) float32 frame on; write the new at its end."""
        self._take(block)
        completed = count_columns(self._n_waiting)
        count = min(completed, len(frame))
        if count:
            flat = frame.reshape(-1)
            moved = count * frame.shape[1]
            flat[:-moved] = flat[moved:]  # in one dimension NumPy moves without a copy in between
            newest = frame[-count:]
            self._energies.write(self._windows[completed - count : completed], newest)
            self.cry_power = float(np.dot(flat[-moved:], self._cry_weights[:moved])) / count
            _logarithm(newest)
            self._keep(completed)

    def _hold(self, samples):
        """Keep samples that wait for more at the beginning of this array from now on."""
        self._samples = samples
        self._windows = _windows(samples, count_columns(len(samples)))

    def _take(self, block):
        """Put the block after the samples that wait."""
        n_samples = self._n_waiting + len(block)
        if n_samples > len(self._samples):
            self._hold(np.concatenate((self._samples[: self._n_waiting], np.empty(2 * len(block), np.float32))))
        self._samples[self._n_waiting : n_samples] = block
        self._n_waiting = n_samples

    def _keep(self, count):
        """Forget what only the first `count` windows needed."""
        rest = self._samples[count * HOP_LENGTH : self._n_waiting]
        self._samples[: len(rest)] = rest
        self._n_waiting = len(rest)
