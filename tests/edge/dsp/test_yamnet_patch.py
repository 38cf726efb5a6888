"""YAMNet's patch promises: the numbers of an independent float implementation (tf.signal), for any layout in memory."""

import numpy as np
import pytest

from edge.dsp.yamnet_patch import PATCH_LENGTH, filterbank, without_hum, yamnet_patch

GOLDEN = np.array(  # tf.signal.stft and linear_to_mel_weight_matrix of sound(), every 19th column, every 13th band
    [
        [-1.0394, -0.7878, -1.4120, -0.3307, 0.5417],
        [-1.4332, -0.3780, -0.7784, -0.1958, 0.3491],
        [-6.9078, -6.9078, -6.9078, -6.9078, -6.9078],
        [-2.4789, -1.1464, -0.5784, 0.2060, 0.1854],
        [-1.6826, 1.5324, -1.1624, -0.4818, -0.0055],
        [-1.9299, 3.0733, -0.6045, -0.6304, -0.0195],
    ]
)


def sound():
    """A rising tone over noise, and a silent stretch."""
    rng = np.random.RandomState(0)
    t = np.arange(PATCH_LENGTH) / 16000.0
    samples = (0.3 * np.sin(2 * np.pi * 440 * t * (1 + 0.2 * t)) + 0.02 * rng.randn(PATCH_LENGTH)).astype(np.float32)
    samples[5000:7000] = 0.0
    return samples


def test_equals_an_independent_implementation():
    patch = yamnet_patch(sound())
    assert patch.shape == (96, 64) and patch.dtype == np.float32
    np.testing.assert_allclose(patch[::19, ::13], GOLDEN, atol=2e-4)


def test_digital_silence_is_finite():
    np.testing.assert_allclose(yamnet_patch(np.zeros(PATCH_LENGTH, np.float32)), np.log(0.001), atol=1e-5)


def test_the_layout_in_memory_does_not_matter():
    twice = np.repeat(sound(), 2)
    np.testing.assert_array_equal(yamnet_patch(twice[::2]), yamnet_patch(sound()))


def test_every_band_hears_something_and_none_the_constant_part():
    assert (filterbank().sum(axis=0) > 0).all() and not filterbank()[0].any()


@pytest.mark.parametrize("length", [0, PATCH_LENGTH - 1, PATCH_LENGTH + 1])
def test_another_number_of_samples_is_refused(length):
    with pytest.raises(ValueError, match="15600 samples"):
        yamnet_patch(np.zeros(length, np.float32))


def test_hum_that_drowns_everything_is_cut_and_nothing_else_is_touched():
    t_s = np.arange(PATCH_LENGTH) / 16000.0
    cry = (0.005 * sum(np.sin(2 * np.pi * 450.0 * n * t_s) / n for n in range(1, 6))).astype(np.float32)
    alone = yamnet_patch(cry)
    for hum_hz in (50.0, 60.0, 100.0, 120.0):
        hum = (0.14 * np.sin(2 * np.pi * hum_hz * t_s)).astype(np.float32)
        above_hz = 16  # bands: from about 400 Hz on
        assert np.abs(yamnet_patch(cry + hum) - alone)[:, above_hz:].max() < 0.7
        weak = cry + 0.03 * hum
        np.testing.assert_allclose(without_hum(spectra_of(weak)), spectra_of(weak))  # not so strong: not touched


def spectra_of(samples):
    windows = np.stack([samples[160 * n : 160 * n + 400] for n in range(96)])
    return np.abs(np.fft.rfft(windows * np.hanning(401)[:400], 512)).astype(np.float32)
