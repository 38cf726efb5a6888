"""Mel spectra and cepstra with any parameters, for models that were trained on features of their own.

Columns lie whole windows on an absolute grid, nothing is padded: torchaudio's and librosa's center=False. What this
project's own models look at is in log_mel, mfcc and yamnet_patch, which are quicker.
"""

import numpy as np

from edge.dsp.framing import PowerSpectra, windows
from edge.frames import SAMPLE_RATE

WINDOWS = ("hann", "hamming", "rectangular")
SPECTRA = ("power", "magnitude")
MEL_SCALES = ("htk", "slaney")
FILTER_NORMS = ("none", "slaney")
LOGARITHMS = ("ln", "log10", "db", "none")
DCT_NORMS = ("ortho", "none")

SLANEY_HZ_PER_MEL = 200.0 / 3.0
SLANEY_LOG_FROM_HZ = 1000.0
SLANEY_LOG_STEP = np.log(6.4) / 27.0


def window_of(name, length):
    """A periodic window, (length,) float64."""
    turn = 2.0 * np.pi * np.arange(length) / length
    constant, swing = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46), "rectangular": (1.0, 0.0)}[name]
    return constant - swing * np.cos(turn)


def hz_to_mel(frequency_hz, scale):
    """Mel of frequencies in Hz: O'Shaughnessy's formula, or Slaney's, straight below 1 kHz."""
    frequency_hz = np.asarray(frequency_hz, np.float64)
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + frequency_hz / 700.0)
    above = np.maximum(frequency_hz, SLANEY_LOG_FROM_HZ) / SLANEY_LOG_FROM_HZ
    straight = np.minimum(frequency_hz, SLANEY_LOG_FROM_HZ) / SLANEY_HZ_PER_MEL
    return straight + np.log(above) / SLANEY_LOG_STEP


def mel_to_hz(mel, scale):
    """Frequencies in Hz of mels; inverse of hz_to_mel."""
    mel = np.asarray(mel, np.float64)
    if scale == "htk":
        return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    bend = SLANEY_LOG_FROM_HZ / SLANEY_HZ_PER_MEL
    return np.minimum(mel, bend) * SLANEY_HZ_PER_MEL * np.exp(np.maximum(0.0, mel - bend) * SLANEY_LOG_STEP)


def filterbank(n_fft, n_mels, low_hz, high_hz, scale="htk", norm="none"):
    """Triangles over frequency, (n_fft // 2 + 1, n_mels) float64: of peak 1, or with "slaney" of area 1 over Hz."""
    edges_hz = mel_to_hz(np.linspace(hz_to_mel(low_hz, scale), hz_to_mel(high_hz, scale), n_mels + 2), scale)
    bins_hz = np.arange(n_fft // 2 + 1)[:, None] * (SAMPLE_RATE / float(n_fft))
    rising = (bins_hz - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    falling = (edges_hz[2:] - bins_hz) / np.diff(edges_hz)[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2])) if norm == "slaney" else triangles


def dct(n_mels, n_mfcc, norm="ortho"):
    """DCT-II, (n_mels, n_mfcc) float64: as it is, or orthonormal."""
    matrix = np.cos(np.pi / n_mels * np.outer(np.arange(n_mels) + 0.5, np.arange(n_mfcc)))
    if norm == "none":
        return matrix
    return matrix * np.where(np.arange(n_mfcc) == 0, np.sqrt(1.0 / n_mels), np.sqrt(2.0 / n_mels))


class MelColumns(object):
    """Columns of windows, in buffers that are used again. parameters: of edge.dsp.frame_features, "mel" or "mfcc"."""

    def __init__(self, parameters):
        n_fft, self._length = parameters["n_fft"], parameters["window_length"]
        self._hop_length = parameters["hop_length"]
        self._spectra = PowerSpectra(window_of(parameters["window"], self._length), n_fft)
        self._triangles = filterbank(
            n_fft,
            parameters["n_mels"],
            parameters["mel_low_hz"],
            parameters["mel_high_hz"],
            parameters.get("mel_scale", "htk"),
            parameters.get("filter_norm", "none"),
        )
        self._is_magnitude = parameters.get("spectrum", "power") == "magnitude"
        self._log_offset = parameters["log_offset"]
        self._logarithm = parameters.get("logarithm", "ln")
        self._dct = None
        if "n_mfcc" in parameters:
            self._dct = dct(parameters["n_mels"], parameters["n_mfcc"], parameters.get("dct_norm", "ortho"))

    def write(self, samples, columns):
        """Fill columns (T, bands) float32 with those of the first T windows of 1-D samples.

        In double precision, because single sums come out by their order, which depends on how many columns there are.
        """
        view = windows(samples, len(columns), self._length, self._hop_length)
        for rows, power in self._spectra.chunks(view):
            spectrum = np.sqrt(power) if self._is_magnitude else power
            energies = np.dot(spectrum.astype(np.float64), self._triangles)
            energies += self._log_offset
            if self._logarithm != "none":
                np.log(energies, out=energies)
                if self._logarithm != "ln":
                    energies *= (10.0 if self._logarithm == "db" else 1.0) / np.log(10.0)
            columns[rows] = energies if self._dct is None else np.dot(energies, self._dct)
