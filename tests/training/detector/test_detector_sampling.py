"""What the sampler does to spectra, and the made-up clips it draws from too."""

import numpy as np
import pytest

from training.data.corpora import CRY, NONCRY, read_samples, synthetic_clips
from training.detector.sampling import moved_bands


def test_a_moved_spectrum_is_the_same_spectrum_some_bands_higher():
    energies = np.random.default_rng(0).random((3, 98, 64)).astype(np.float32)
    moved = moved_bands(energies, np.array([2.0, -3.0, 0.0]))
    np.testing.assert_allclose(moved[0, :, 2:], energies[0, :, :-2], atol=1e-6)
    np.testing.assert_allclose(moved[1, :, :-3], energies[1, :, 3:], atol=1e-6)
    np.testing.assert_allclose(moved[2], energies[2], atol=1e-6)


def test_between_two_bands_energies_are_shared():
    energies = np.zeros((1, 98, 64), np.float32)
    energies[0, :, 10] = 1.0
    moved = moved_bands(energies, np.array([0.25]))
    assert moved[0, 0, 10] == pytest.approx(0.75)
    assert moved[0, 0, 11] == pytest.approx(0.25)


def test_made_up_clips_are_the_same_every_time_and_belong_to_no_fold():
    clips = synthetic_clips()
    assert {clip.detector_label for clip in clips} == {CRY, NONCRY}
    assert {clip.eval_fold for clip in clips} == {0}
    assert len({clip.clip_id for clip in clips}) == len({clip.group_id for clip in clips}) == len(clips)
    for kind in {clip.label for clip in clips}:
        first, second = [clip for clip in clips if clip.label == kind][:2]
        np.testing.assert_array_equal(read_samples(first), read_samples(first))
        assert not np.array_equal(read_samples(first), read_samples(second))
