"""Windows into samples, and their power spectra: what the fused features have in common."""

import numpy as np

WINDOWS_AT_ONCE = 64  # keeps the spectra of a long recording inside the processor's cache


def count_windows(n_samples, window_length, hop_length):
    """Whole windows in so many samples."""
    return max(0, 1 + (n_samples - window_length) // hop_length)


def windows(samples, count, window_length, hop_length):
    """A view of the first `count` windows of contiguous 1-D float32 samples, (count, window_length).

    numpy.lib.stride_tricks makes the same view in seven times the time.
    """
    step = samples.itemsize
    return np.ndarray((count, window_length), np.float32, samples, 0, (hop_length * step, step))


class PowerSpectra(object):
    """Power spectra of windows zero-padded to n_fft, in buffers that are used again."""

    def __init__(self, window, hop_length, n_fft):
        """window: 1-D, as long as a window. hop_length: samples from one window to the next."""
        self._window = np.asarray(window, np.float32)
        self._hop_length = hop_length
        self._windowed = np.zeros((WINDOWS_AT_ONCE, n_fft), np.float32)
        self._power = np.empty((WINDOWS_AT_ONCE, n_fft // 2 + 1), np.float32)
        self._imaginary_power = np.empty_like(self._power)

    def chunks(self, samples, count):
        """Yield (rows, power) for the first `count` windows of 1-D samples.

        rows: the slice of windows; power: (len of it, n_fft // 2 + 1) float32, overwritten by the next chunk.
        """
        from scipy.fft import rfft  # takes longer to import than all the rest, and half of the time of NumPy's

        samples = np.ascontiguousarray(samples, dtype=np.float32)
        length = len(self._window)
        for first in range(0, count, WINDOWS_AT_ONCE):
            n = min(WINDOWS_AT_ONCE, count - first)
            view = windows(samples[first * self._hop_length :], n, length, self._hop_length)
            np.multiply(view, self._window, out=self._windowed[:n, :length])
            yield slice(first, first + n), power(rfft(self._windowed[:n]), self._power[:n], self._imaginary_power[:n])


def power(spectrum, out, scratch):
    """abs(spectrum) squared into `out`; both buffers float32 of the spectrum's shape."""
    np.square(spectrum.real, out=out)
    np.square(spectrum.imag, out=scratch)
    return np.add(out, scratch, out=out)
