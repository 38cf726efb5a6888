"""Windows into samples, and their power spectra: what the fused features have in common."""

import numpy as np

WINDOWS_AT_ONCE = 64  # keeps the spectra of a long recording inside the processor's cache


def count_windows(n_samples, window_length, hop_length):
    """Whole windows in so many samples."""
    return max(0, 1 + (n_samples - window_length) // hop_length)


def windows(samples, count, window_length, hop_length):
    """The first `count` windows of 1-D samples, (count, window_length) float32: a view of contiguous float32 samples.

    numpy.lib.stride_tricks makes the same view in seven times the time.
    """
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    step = samples.itemsize
    return np.ndarray((count, window_length), np.float32, samples, 0, (hop_length * step, step))


class PowerSpectra(object):
    """Power spectra of windows zero-padded to n_fft, in buffers that are used again."""

    def __init__(self, window, n_fft):
        """window: 1-D, as long as a window."""
        from scipy.fft import rfft  # takes longer to import than all the rest, and half of the time of NumPy's

        self._rfft = rfft
        self._length = len(window)
        padded = np.pad(np.asarray(window, np.float32), (0, n_fft - len(window)), mode="constant")
        self._windows = np.tile(padded, (WINDOWS_AT_ONCE, 1))  # a product of equal arrays is taken in half of the time
        self._windowed = np.zeros((WINDOWS_AT_ONCE, n_fft), np.float32)
        self._power = np.empty((WINDOWS_AT_ONCE, n_fft // 2 + 1), np.float32)
        self._imaginary_power = np.empty_like(self._power)

    def chunks(self, view):
        """Yield (rows, power) for windows (count, length of a window), see windows().

        rows: the slice of windows; power: (len of it, n_fft // 2 + 1) float32, overwritten by the next chunk.
        """
        for first in range(0, len(view), WINDOWS_AT_ONCE):
            rows = slice(first, min(first + WINDOWS_AT_ONCE, len(view)))
            n = rows.stop - first
            windowed = self._windowed[:n]
            windowed[:, : self._length] = view[rows]
            np.multiply(windowed, self._windows[:n], out=windowed)
            yield rows, power(self._rfft(windowed), self._power[:n], self._imaginary_power[:n])


def power(spectrum, out, scratch):
    """abs(spectrum) squared into `out`; both buffers float32 of the spectrum's shape."""
    np.square(spectrum.real, out=out)
    np.square(spectrum.imag, out=scratch)
    return np.add(out, scratch, out=out)
