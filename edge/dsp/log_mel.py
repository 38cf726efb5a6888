"""Log-mel energies: the picture of sound that the detector sees.

Hann 400 (25 ms), hop 160 (10 ms), n_fft 512, power spectrum, 64 unnormalised triangles from 60 to 7600 Hz
on mel = 2595 log10(1 + f / 700), natural logarithm of (energy + 1e-6). Experts may look at 128 triangles instead.
"""

from functools import lru_cache

import numpy as np

SAMPLE_RATE = 16000  # Hz
WINDOW_LENGTH = 400  # samples: 25 ms
HOP_LENGTH = 160  # samples: 10 ms
N_FFT = 512
N_MELS = 64  # unless it is asked for more
MEL_LOW_HZ = 60.0
MEL_HIGH_HZ = 7600.0
LOG_OFFSET = 1e-6  # energy added before the logarithm: about white noise at -82 dBFS

FRAME_LENGTH = SAMPLE_RATE  # samples: the detector looks at one second
FRAME_COLUMNS = 1 + (FRAME_LENGTH - WINDOW_LENGTH) // HOP_LENGTH  # 98
FRAME_HOP = SAMPLE_RATE // 5  # samples: it looks every 0.2 s
FRAME_HOP_COLUMNS = FRAME_HOP // HOP_LENGTH  # 20
FRAME_HOP_S = FRAME_HOP / float(SAMPLE_RATE)

COLUMNS_AT_ONCE = 64  # keeps the spectra of a long recording inside the processor's cache

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


_WINDOW = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW_LENGTH) / WINDOW_LENGTH)).astype(np.float32)


@lru_cache(maxsize=None)
def _filterbank(n_mels):
    return mel_filterbank(n_mels)


class _Workspace(object):
    """Buffers for COLUMNS_AT_ONCE columns: allocating them for each hop takes a third of its time."""

    def __init__(self, n_mels):
        from scipy.fft import rfft  # takes longer to import than all the rest, and half of the time of NumPy's

        self._rfft = rfft
        self.n_mels = n_mels
        self._filterbank = _filterbank(n_mels)
        self.windowed = np.zeros((COLUMNS_AT_ONCE, N_FFT), np.float32)
        self.power = np.empty((COLUMNS_AT_ONCE, N_FFT // 2 + 1), np.float32)
        self.imaginary_power = np.empty_like(self.power)

    def write_energies(self, samples, energies):
        """Mel energies of the first len(energies) windows of 1-D float32 samples, at most COLUMNS_AT_ONCE."""
        count = len(energies)
        windowed, power, imaginary_power = self.windowed[:count], self.power[:count], self.imaginary_power[:count]
        np.multiply(_windows(samples, count), _WINDOW, out=windowed[:, :WINDOW_LENGTH])
        spectrum = self._rfft(windowed)
        np.square(spectrum.real, out=power)
        np.square(spectrum.imag, out=imaginary_power)
        np.add(power, imaginary_power, out=power)
        np.dot(power, self._filterbank, out=energies)


def _windows(samples, count):
    """A view of the first `count` windows, (count, 400); as_strided makes the same in seven times the time."""
    step = samples.itemsize
    return np.ndarray((count, WINDOW_LENGTH), np.float32, samples, 0, (HOP_LENGTH * step, step))


def count_columns(n_samples):
    """Whole windows in so many samples."""
    return max(0, 1 + (n_samples - WINDOW_LENGTH) // HOP_LENGTH)


def mel_energies(samples, n_mels=N_MELS, workspace=None):
    """Mel-band energies of every whole window in samples.

    samples: 1-D float32 at 16 kHz. Returns (T, n_mels) float32, T = count_columns(len(samples)).
    """
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    energies = np.empty((count_columns(len(samples)), n_mels), np.float32)
    _write_energies(samples, energies, workspace or _Workspace(n_mels))
    return energies


def log_mel(samples, n_mels=N_MELS, workspace=None):
    """Log-mel columns of every whole window in samples: (T, n_mels) float32, ln(energy + 1e-6)."""
    return _logarithm(mel_energies(samples, n_mels, workspace))


def _write_energies(samples, energies, workspace):
    for first in range(0, len(energies), COLUMNS_AT_ONCE):
        workspace.write_energies(samples[first * HOP_LENGTH :], energies[first : first + COLUMNS_AT_ONCE])


def _logarithm(energies):
    """ln(energy + 1e-6) in place."""
    np.add(energies, np.float32(LOG_OFFSET), out=energies)
    return np.log(energies, out=energies)


class LogMelStream(object):
    """Log-mel columns as samples arrive, in blocks of any size; equal to log_mel of the whole."""

    def __init__(self, n_mels=N_MELS):
        self._workspace = _Workspace(n_mels)
        self._samples = np.empty(FRAME_LENGTH, np.float32)  # those that wait for more come first
        self.reset()

    def reset(self):
        """Forget everything: the next sample is the first of the first window."""
        self._n_waiting = 0

    def push(self, block):
        """Take a 1-D float32 block at 16 kHz; return the columns it completes, (T, n_mels) float32."""
        columns = log_mel(self._take(block), self._workspace.n_mels, self._workspace)
        self._keep(len(columns))
        return columns

    def push_into(self, frame, block):
        """Take a block; move the columns of a contiguous (n, n_mels) float32 frame on; write the new at its end."""
        samples = self._take(block)
        count = min(count_columns(len(samples)), len(frame))
        if count:
            flat = frame.reshape(-1)
            moved = count * frame.shape[1]
            flat[:-moved] = flat[moved:]  # in one dimension NumPy moves without a copy in between
            skipped = count_columns(len(samples)) - count
            _write_energies(samples[skipped * HOP_LENGTH :], frame[-count:], self._workspace)
            _logarithm(frame[-count:])
            self._keep(skipped + count)

    def _take(self, block):
        """The samples that wait, and the block after them."""
        n_samples = self._n_waiting + len(block)
        if n_samples > len(self._samples):
            self._samples = np.concatenate((self._samples[: self._n_waiting], np.empty(2 * len(block), np.float32)))
        self._samples[self._n_waiting : n_samples] = block
        self._n_waiting = n_samples
        return self._samples[:n_samples]

    def _keep(self, count):
        """Forget what only the first `count` windows needed."""
        rest = self._samples[count * HOP_LENGTH : self._n_waiting]
        self._samples[: len(rest)] = rest
        self._n_waiting = len(rest)
