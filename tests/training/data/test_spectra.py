"""Augmentation of spectra promises: gaps, microphones and other sounds as large as asked, and nothing else changed."""

import numpy as np
import pytest

pytest.importorskip("tomllib")

from training.data.spectra import LOG_MEL_SCALE, mix_energies, normalise, random_eq, spec_augment  # noqa: E402


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def x(rng):
    return rng.normal(5.0, 0.1, (200, 98, 64)).astype(np.float32)


def test_gaps_are_no_wider_than_asked_and_the_rest_is_untouched(x, rng):
    masked = spec_augment(x, 10, 6, rng)
    gaps = masked == 0
    columns, bands = gaps.all(axis=2).sum(axis=1), gaps.all(axis=1).sum(axis=1)
    assert columns.max() == 10 and columns.min() == 0 and bands.max() == 6 and bands.min() == 0
    assert np.array_equal(masked[~gaps], x[~gaps]) and masked.dtype == x.dtype
    assert np.array_equal(spec_augment(x, 0, 0, rng), x)


def test_gaps_lie_anywhere_and_are_one_run_each(x, rng):
    columns = (spec_augment(x, 10, 0, rng) == 0).all(axis=2)
    assert (np.abs(np.diff(columns.astype(int), axis=1)).sum(axis=1) <= 2).all()
    assert columns[:, 0].any() and columns[:, -1].any()


def test_gaps_keep_to_the_bands_named_and_the_share_of_items(x, rng):
    bands = (spec_augment(x, 0, 6, rng, among=(20, 30)) == 0).all(axis=1).any(axis=0)
    assert bands[20:30].all() and not bands[:20].any() and not bands[30:].any()
    with_gap = (spec_augment(x, 10, 6, rng, share=0.25) == 0).any(axis=(1, 2)).mean()
    assert 0.12 < with_gap < 0.35
    assert not (spec_augment(x, 10, 6, rng, share=0.0) == 0).any()


def test_a_run_that_its_bands_cannot_hold_is_not_drawn(x, rng):
    assert np.array_equal(spec_augment(x, 0, 6, rng, among=(20, 24)), x)


def test_a_response_goes_through_its_knots_in_straight_lines():
    response = random_eq(np.array([[0.0, 4.0, -2.0]]), 9)
    np.testing.assert_allclose(response, [[0, 1, 2, 3, 4, 2.5, 1, -0.5, -2]])


def test_a_sound_over_noise_is_as_loud_as_asked(rng):
    sound, noise = rng.exponential(2.0, (3, 98, 64)), rng.exponential(7.0, (3, 98, 64))
    mixed = mix_energies(sound, noise, np.array([0.0, 10.0, -10.0]))
    share = (mixed - sound).mean(axis=(1, 2)) / sound.mean(axis=(1, 2))
    np.testing.assert_allclose(share, [1.0, 0.1, 10.0], rtol=1e-6)
    assert np.array_equal(mix_energies(sound, 0 * noise, np.zeros(3)), sound)  # silence under it changes nothing


def test_frames_are_normalised_around_their_own_means(x):
    frames = normalise(x + np.arange(200, dtype=np.float32)[:, None, None])
    assert np.abs(frames.mean(axis=(1, 2))).max() < 1e-4
    assert frames.std() == pytest.approx(0.1 / LOG_MEL_SCALE, rel=0.02)
