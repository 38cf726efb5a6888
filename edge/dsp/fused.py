"""The fused features of the CNN + LMU paper: MFCC, log-power spectrum, pitch, its clarity and the waveform, 273 rows.

Deployed experts look at columns on the absolute 15-ms grid that begins with the stream: nothing is stretched, and a
hop costs only its new columns. Column k describes samples 240 k to 240 k + 479: their spectrum, the cepstrum of the
same 30 ms (on its 10-ms hop every second column falls between two windows and is their mean), the pitch of the 32 ms
around the same centre, and the sample at that centre. Whole clips stretched to 233 columns are for the papers' tables
only; a clip of 3.51 s comes out the same either way but for the row of the waveform.

Everything is (T, 273), one row of the array per column: the paper's (273, T) transposed, as models take it.
"""

import numpy as np

from edge.dsp import mfcc, pitch, stft
from edge.dsp.framing import count_windows
from edge.dsp.stretch import interpolate, stretch
from edge.frames import SAMPLE_RATE

WINDOW_LENGTH = stft.WINDOW_LENGTH
HOP_LENGTH = stft.HOP_LENGTH
COLUMN_S = HOP_LENGTH / float(SAMPLE_RATE)  # 0.015
CLIP_COLUMNS = 233  # 3.51 s
CLIP_LENGTH = WINDOW_LENGTH + (CLIP_COLUMNS - 1) * HOP_LENGTH  # samples: 56160
REFERENCE_HZ = 440.0  # the row of the pitch is clarity * log2(f0 / this): unclear pitch counts less

MFCC_ROWS = slice(0, mfcc.N_MFCC)
STFT_ROWS = slice(MFCC_ROWS.stop, MFCC_ROWS.stop + stft.N_BINS)
PITCH_ROW, CLARITY_ROW, WAVE_ROW = range(STFT_ROWS.stop, STFT_ROWS.stop + 3)
N_ROWS = WAVE_ROW + 1  # 273

CENTRE = WINDOW_LENGTH // 2
BEFORE_PITCH = pitch.FRAME_LENGTH // 2 - CENTRE  # samples by which its frame is longer, at either end
MARGIN = max(BEFORE_PITCH, mfcc.HOP_LENGTH // 2)  # samples that a column needs on both sides of its own: 80, 5 ms

PARAMETERS = {
    "sample_rate": SAMPLE_RATE,
    "hop_length": HOP_LENGTH,
    "n_rows": N_ROWS,
    "clip_columns": CLIP_COLUMNS,
    "stft": {"window": "hann", "window_length": stft.WINDOW_LENGTH, "n_fft": stft.N_FFT, "log_offset": stft.LOG_OFFSET},
    "mfcc": {
        "window": "hamming",
        "window_length": mfcc.WINDOW_LENGTH,
        "hop_length": mfcc.HOP_LENGTH,
        "n_fft": mfcc.N_FFT,
        "n_mels": mfcc.N_MELS,
        "n_mfcc": mfcc.N_MFCC,
        "log_offset": mfcc.LOG_OFFSET,
    },
    "pitch": {
        "method": "mcleod",
        "frame_length": pitch.FRAME_LENGTH,
        "lowest_hz": pitch.LOWEST_HZ,
        "highest_hz": pitch.HIGHEST_HZ,
        "rumble_hz": pitch.RUMBLE_HZ,
        "close_enough": pitch.CLOSE_ENOUGH,
        "reference_hz": REFERENCE_HZ,
    },
    "wave": "sample",
}


class FusedStream(object):
    """Fused columns as samples arrive, in blocks of any size; equal to fused_columns of the whole.

    band_hz: power above it counts as none in spectrum and cepstrum, so that recordings of every bandwidth look alike.
    """

    def __init__(self, band_hz=stft.NYQUIST_HZ):
        self._mfcc, self._stft, self._pitch = mfcc.Mfcc(band_hz), stft.LogStft(band_hz), pitch.PitchTracker()
        self.reset()

    def reset(self):
        """Forget everything: the next sample is the first of an episode."""
        self._pending = np.zeros(MARGIN, np.float32)  # from MARGIN samples before the next column on
        self._n_samples = 0
        self._n_columns = 0

    def push(self, block):
        """Take a 1-D float32 block at 16 kHz; return the columns it completes, (T, 273) float32."""
        self._n_samples += len(block)
        samples = np.concatenate((self._pending, block))
        count = count_windows(len(samples) - 2 * MARGIN, WINDOW_LENGTH, HOP_LENGTH)
        return self._take(samples.astype(np.float32, copy=False), count)

    def finish(self):
        """The episode has ended: return the columns that waited for samples after theirs, (0 or 1, 273); reset."""
        count = count_windows(self._n_samples, WINDOW_LENGTH, HOP_LENGTH) - self._n_columns
        columns = self._take(np.concatenate((self._pending, np.zeros(MARGIN, np.float32))), count)
        self.reset()
        return columns

    def _take(self, samples, count):
        """The next `count` columns; samples begin MARGIN before the first of them."""
        columns = np.empty((count, N_ROWS), np.float32)
        if count:
            own = samples[MARGIN:]
            self._stft.write(own, columns[:, STFT_ROWS])
            self._write_mfcc(samples, columns[:, MFCC_ROWS])
            write_pitch(self._pitch, samples[MARGIN - BEFORE_PITCH :], columns)
            columns[:, WAVE_ROW] = own[CENTRE : CENTRE + count * HOP_LENGTH : HOP_LENGTH]
        self._n_columns += count
        # A copy: a view would keep the caller's whole block alive.
        self._pending = np.array(samples[count * HOP_LENGTH :])
        return columns

    def _write_mfcc(self, samples, columns):
        """Cepstra on the 15-ms grid: column k lies at window 1.5 k of theirs."""
        position = 1.5 * np.arange(self._n_columns, self._n_columns + len(columns))
        left, right = np.floor(position).astype(int), np.ceil(position).astype(int)
        windows = np.empty((right[-1] - left[0] + 1, mfcc.N_MFCC), np.float32)
        first = MARGIN + left[0] * mfcc.HOP_LENGTH - self._n_columns * HOP_LENGTH
        self._mfcc.write(samples[first:], windows)
        np.multiply(windows[left - left[0]] + windows[right - left[0]], np.float32(0.5), out=columns)


def write_pitch(tracker, samples, columns):
    """Fill the rows of pitch and clarity of columns (T, 273); samples begin with the first pitch frame."""
    f0_hz = np.empty(len(columns), np.float32)
    tracker.write(samples, f0_hz, columns[:, CLARITY_ROW])
    octaves = np.log2(np.where(np.isnan(f0_hz), np.float32(REFERENCE_HZ), f0_hz) / np.float32(REFERENCE_HZ))
    np.multiply(columns[:, CLARITY_ROW], octaves, out=columns[:, PITCH_ROW])


def fused_columns(samples, band_hz=stft.NYQUIST_HZ):
    """Fused columns of 1-D float32 samples at 16 kHz on the 15-ms grid: (T, 273) float32.

    T counts the whole 30-ms windows; before the first and after the last sample there is silence. band_hz: see
    FusedStream.
    """
    stream = FusedStream(band_hz)
    return np.concatenate((stream.push(np.asarray(samples, np.float32)), stream.finish()))


def fused_clip(samples, band_hz=stft.NYQUIST_HZ):
    """A whole recording stretched to 233 columns, (233, 273) float32: for the papers' tables, never deployed.

    samples: 1-D float32 at 16 kHz; less than one window is padded to one. The waveform is interpolated between its
    own two ends, however long it is: its average over a column would be nearly zero. band_hz: see FusedStream.
    """
    samples = np.asarray(samples, np.float32)
    samples = np.pad(samples, (0, max(0, WINDOW_LENGTH - len(samples))), mode="constant")
    columns = fused_columns(samples, band_hz)
    clip = np.empty((CLIP_COLUMNS, N_ROWS), np.float32)
    clip[:, MFCC_ROWS] = stretch(mfcc.mfcc(samples, band_hz), CLIP_COLUMNS)
    clip[:, STFT_ROWS.start : WAVE_ROW] = stretch(columns[:, STFT_ROWS.start : WAVE_ROW], CLIP_COLUMNS)
    clip[:, WAVE_ROW] = interpolate(samples, CLIP_COLUMNS)
    return clip


class RowStatistics(object):
    """Mean and deviation of each row over the columns of a training set, one recording after the other."""

    def __init__(self):
        self._count = 0
        self._sum = np.zeros(N_ROWS)
        self._sum_of_squares = np.zeros(N_ROWS)

    def add(self, columns):
        """Take columns (T, 273)."""
        columns = np.asarray(columns, np.float64)
        self._count += len(columns)
        self._sum += columns.sum(axis=0)
        self._sum_of_squares += np.square(columns).sum(axis=0)

    def mean(self):
        """Mean of each row, (273,) float32."""
        return (self._sum / self._count).astype(np.float32)

    def deviation(self):
        """Standard deviation of each row, (273,) float32; 1 for a row that never changes."""
        mean = self._sum / self._count
        variance = np.maximum(0.0, self._sum_of_squares / self._count - np.square(mean))
        # What float64 cannot tell from no change at all would be blown up to the size of a feature.
        constant = variance <= 1e-9 * np.square(mean) + 1e-12
        return np.where(constant, 1.0, np.sqrt(variance)).astype(np.float32)


def standardise(columns, mean, deviation, out=None):
    """(columns - mean) / deviation row by row, in place when out is columns; statistics (273,) of the bundle."""
    out = np.subtract(columns, mean, out=out)
    return np.divide(out, deviation, out=out)
