"""Spectrum and cepstrum promise the numbers of independent implementations: librosa, and the formulas in float64."""

import numpy as np
import pytest

from edge.dsp import mfcc, stft
from edge.dsp.framing import WINDOWS_AT_ONCE


def noise_and_tone(n_samples, seed=0):
    rng = np.random.RandomState(seed)
    tone = 0.3 * np.sin(2 * np.pi * 440.0 * np.arange(n_samples) / 16000.0)
    return (tone + 0.05 * rng.randn(n_samples)).astype(np.float32)


def power_by_formula(window):
    """abs(DFT) squared of 480 weighted samples on 512 points, written out in float64."""
    points = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(480)) / 512.0)
    return np.abs(points.dot(window)) ** 2


def test_log_stft_is_its_formula():
    samples = noise_and_tone(4000).astype(np.float64)
    hann = 0.5 * (1.0 - np.cos(2.0 * np.pi * np.arange(480) / 480.0))
    expected = [np.log(power_by_formula(hann * samples[start : start + 480]) + 1e-10) for start in range(0, 3521, 240)]
    np.testing.assert_allclose(stft.log_stft(samples.astype(np.float32)), expected, atol=1e-3)


def test_mfcc_is_its_formula():
    samples = noise_and_tone(4000).astype(np.float64)
    hamming = 0.54 - 0.46 * np.cos(2.0 * np.pi * np.arange(480) / 480.0)
    edges_mel = np.linspace(0.0, 2595.0 * np.log10(1.0 + 8000.0 / 700.0), 42)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins_hz = np.arange(257) * 31.25
    for number, column in enumerate(mfcc.mfcc(samples.astype(np.float32))):
        power = power_by_formula(hamming * samples[160 * number : 160 * number + 480])
        log_energy = [
            np.log(power.dot(np.interp(bins_hz, edges_hz[m : m + 3], [0.0, 1.0, 0.0])) + 1e-10) for m in range(40)
        ]
        expected = [sum(log_energy[m] * np.cos(np.pi * d / 40.0 * (m + 0.5)) for m in range(40)) for d in range(13)]
        np.testing.assert_allclose(column, expected, atol=2e-3)


@pytest.mark.once
def test_log_stft_equals_librosa():
    librosa = pytest.importorskip("librosa", reason="librosa is the independent implementation")
    samples = noise_and_tone(48000)
    spectrum = librosa.stft(
        np.pad(samples, (16, 16)), n_fft=512, hop_length=240, win_length=480, window="hann", center=False
    )
    expected = np.log(np.abs(spectrum) ** 2 + 1e-10).T
    ours = stft.log_stft(samples)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=2e-3)


@pytest.mark.once
def test_mfcc_equals_librosa():
    librosa = pytest.importorskip("librosa", reason="librosa is the independent implementation")
    samples = noise_and_tone(48000)
    spectrum = librosa.stft(
        np.pad(samples, (16, 16)), n_fft=512, hop_length=160, win_length=480, window="hamming", center=False
    )
    filters = librosa.filters.mel(sr=16000, n_fft=512, n_mels=40, fmin=0.0, fmax=8000.0, htk=True, norm=None)
    log_energy = np.log(filters.dot(np.abs(spectrum) ** 2) + 1e-10)
    expected = librosa.feature.mfcc(S=log_energy, n_mfcc=13, dct_type=2, norm=None).T / 2.0  # its DCT-II is doubled
    ours = mfcc.mfcc(samples)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=5e-3)


@pytest.mark.parametrize("columns_of, hop", [(stft.log_stft, 240), (mfcc.mfcc, 160)])
def test_a_long_recording_is_the_same_as_its_parts(columns_of, hop):
    samples = noise_and_tone(480 + hop * 3 * WINDOWS_AT_ONCE)
    middle = columns_of(samples[hop * 100 : hop * 100 + 480])
    np.testing.assert_allclose(columns_of(samples)[100], middle[0], atol=1e-5)


@pytest.mark.parametrize("columns_of, rows", [(stft.log_stft, 257), (mfcc.mfcc, 13)])
def test_less_than_a_window_makes_no_column(columns_of, rows):
    assert columns_of(np.zeros(479, np.float32)).shape == (0, rows)


def test_silence_is_the_logarithm_of_the_offset():
    np.testing.assert_allclose(stft.log_stft(np.zeros(480, np.float32)), np.log(1e-10), rtol=1e-6)
    expected = np.zeros(13)
    expected[0] = 40.0 * np.log(1e-10)
    np.testing.assert_allclose(mfcc.mfcc(np.zeros(480, np.float32))[0], expected, atol=1e-2)
