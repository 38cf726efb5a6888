"""Household sounds have the stated length and level and the character of their name."""

import numpy as np
import pytest

from edge.frames import SAMPLE_RATE
from edge.synthesis import alarm, babble, door, fan, lullaby
from edge.synthesis.signals import REFERENCE_DBFS, dbfs

SOUNDS = [alarm, babble, door, fan, lullaby]


def power_share(samples, low_hz, high_hz):
    power = np.abs(np.fft.rfft(samples)) ** 2
    frequency_hz = np.fft.rfftfreq(len(samples), 1.0 / SAMPLE_RATE)
    return np.sum(power[(frequency_hz >= low_hz) & (frequency_hz < high_hz)]) / np.sum(power)


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("duration_s", [1.2, 4.321])
def test_length_level_and_determinism(sound, duration_s):
    for seed in range(3):
        samples = sound(duration_s, np.random.default_rng(seed))
        assert samples.dtype == np.float32
        assert len(samples) == int(round(duration_s * SAMPLE_RATE))
        assert np.all(np.isfinite(samples)) and np.max(np.abs(samples)) < 1.0
        assert abs(dbfs(samples) - REFERENCE_DBFS) < 0.01
        np.testing.assert_array_equal(samples, sound(duration_s, np.random.default_rng(seed)))


@pytest.mark.parametrize("seed", range(4))
def test_each_sound_lies_in_its_own_band(seed):
    rng = np.random.default_rng(seed)
    assert power_share(alarm(4.0, rng), 1900.0, 3100.0) > 0.95
    assert power_share(fan(4.0, rng), 0.0, 1000.0) > 0.7
    assert power_share(babble(4.0, rng), 100.0, 4000.0) > 0.9
    assert power_share(lullaby(4.0, rng), 150.0, 3000.0) > 0.9


def test_babble_rises_and_falls_with_its_syllables():
    samples = babble(20.0, np.random.default_rng(1), voices=1)
    envelope = np.sqrt(np.mean(np.square(samples.reshape(-1, 160)), axis=1))
    spectrum = np.abs(np.fft.rfft(envelope - envelope.mean()))
    rate_hz = np.fft.rfftfreq(len(envelope), 0.01)
    inside = (rate_hz > 2.0) & (rate_hz < 7.0)
    assert np.mean(spectrum[inside] ** 2) > 5.0 * np.mean(spectrum[rate_hz >= 10.0] ** 2)
