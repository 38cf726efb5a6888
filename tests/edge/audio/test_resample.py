"""Resampling a stream gives what resampling the whole gives: same samples, same level, no aliases."""

import numpy as np
import pytest

from edge.audio.resample import StreamingResampler
from edge.errors import UserError

soxr = pytest.importorskip("soxr", reason="soxr is not installed")


def resample(samples, rate_hz, cuts=()):
    resampler = StreamingResampler(rate_hz)
    blocks = [resampler.push(block) for block in np.split(samples, cuts)]
    return np.concatenate(blocks + [resampler.finish()])


@pytest.mark.parametrize("rate_hz", [8000, 11025, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("seed", range(3))
def test_any_block_sizes_give_the_one_shot_result(rate_hz, seed):
    rng = np.random.RandomState(seed)
    samples = rng.uniform(-1, 1, rate_hz).astype(np.float32)
    cuts = np.sort(rng.randint(0, rate_hz, rng.randint(1, 60)))
    whole = soxr.resample(samples, rate_hz, 16000, quality="HQ")
    streamed = resample(samples, rate_hz, cuts)
    assert streamed.dtype == np.float32
    np.testing.assert_allclose(streamed, whole, atol=1e-5)


def test_16_khz_passes_untouched():
    samples = np.random.RandomState(0).uniform(-1, 1, 5000).astype(np.float32)
    np.testing.assert_array_equal(resample(samples, 16000, [7, 7, 4096]), samples)


@pytest.mark.parametrize("rate_hz", [44100, 48000])
@pytest.mark.parametrize("frequency_hz", [60.0, 440.0, 3400.0, 7200.0])
def test_a_sine_keeps_its_amplitude_and_phase(rate_hz, frequency_hz):
    def sine(rate):
        return np.sin(2 * np.pi * frequency_hz * np.arange(rate) / rate).astype(np.float32)

    resampled = resample(sine(rate_hz), rate_hz, [1000, 9000])
    np.testing.assert_allclose(resampled[2000:14000], sine(16000)[2000:14000], atol=1e-3)


@pytest.mark.parametrize("frequency_hz", [8800.0, 12000.0, 15900.0, 20000.0, 23000.0])
def test_what_lies_above_8_khz_does_not_fold_back(frequency_hz):
    samples = np.sin(2 * np.pi * frequency_hz * np.arange(48000) / 48000).astype(np.float32)
    alias = resample(samples, 48000)[2000:14000]
    assert 20 * np.log10(np.abs(alias).max() + 1e-12) < -90


@pytest.mark.parametrize("rate_hz", [0, 3999, 768001])
def test_an_impossible_rate_is_refused_with_the_range(rate_hz):
    with pytest.raises(UserError, match="sample rate {} Hz is outside 4000-768000 Hz".format(rate_hz)):
        StreamingResampler(rate_hz)
