"""Augmentations promise to change the channel, not the length, the level or the seed's word."""

import numpy as np
import pytest

from edge.synthesis import infant_cry
from training.data import augmentation


@pytest.fixture(scope="module")
def cry():
    return infant_cry(2.0, np.random.default_rng(0)).samples


def share_above(samples, frequency_hz):
    power = np.abs(np.fft.rfft(samples)) ** 2
    return power[np.fft.rfftfreq(len(samples), 1 / 16000) > frequency_hz].sum() / power.sum()


@pytest.mark.parametrize("effect", [augmentation.telephone, augmentation.room, augmentation.microphone_colour])
def test_same_seed_same_samples_and_same_length(cry, effect):
    one, other = effect(cry, np.random.default_rng(1)), effect(cry, np.random.default_rng(1))
    np.testing.assert_array_equal(one, other)
    assert len(one) == len(cry) and np.isfinite(one).all()


def test_the_telephone_leaves_nothing_above_4_khz_and_the_cry_below(cry):
    coded = augmentation.telephone(cry, np.random.default_rng(1))
    assert share_above(coded, 4200.0) < 1e-3
    below = augmentation.band_limit(cry, 0.0, 3400.0)
    assert np.corrcoef(augmentation.band_limit(coded, 0.0, 3400.0), below)[0, 1] > 0.8


def test_adpcm_codes_each_clip_as_if_it_were_alone(cry):
    alone = augmentation.adpcm([cry])[0]
    together = augmentation.adpcm([cry, cry[:5000]])
    np.testing.assert_allclose(together[0], alone)
    np.testing.assert_allclose(together[1], alone[:5000])


def test_adpcm_is_noisy_but_follows_the_wave():
    tone = (0.1 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)).astype(np.float32)
    noise = augmentation.rms(augmentation.adpcm([tone])[0] - tone)
    assert 0.001 < noise / augmentation.rms(tone) < 0.1


def test_band_limit_removes_what_is_outside(cry):
    assert share_above(augmentation.band_limit(cry, 0.0, 3400.0), 4500.0) < 1e-4


def test_a_room_keeps_the_level(cry):
    assert augmentation.rms(augmentation.room(cry, np.random.default_rng(2))) == pytest.approx(
        augmentation.rms(cry), rel=0.01
    )


def test_a_noise_floor_lies_below_the_sound():
    samples = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    for seed in range(10):
        hiss = augmentation.noise_floor(samples, np.random.default_rng(seed)) - samples
        below_db = 20 * np.log10(augmentation.rms(samples) / augmentation.rms(hiss))
        assert 4.9 < below_db < 50.1


def test_silence_before_and_after_a_sound_is_left_out():
    rng = np.random.default_rng(0)
    tone = np.sin(np.arange(8000) / 5).astype(np.float32)
    hiss = (1e-3 * rng.standard_normal(32000)).astype(np.float32)
    hiss[10000:18000] += tone
    found = augmentation.sounding(hiss)
    assert 8000 <= len(found) <= 8000 + 8 * 160
    np.testing.assert_allclose(np.sum(found**2), np.sum(hiss[10000:18000] ** 2), rtol=1e-3)
    np.testing.assert_array_equal(augmentation.sounding(tone[:300]), tone[:300])


def test_edges_are_uncertain_by_a_little():
    rng = np.random.default_rng(0)
    samples = np.ones(1000, np.float32)
    made = [augmentation.edges(samples, rng) for _ in range(200)]
    assert 800 <= min(map(len, made)) < 900 and 1200 < max(map(len, made)) <= 1300
    assert min(sound.sum() for sound in made) >= 800
