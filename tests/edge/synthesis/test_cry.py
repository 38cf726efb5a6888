"""A synthetic cry has the length, pitch and timing its truth says. None of this is evidence of accuracy."""

import numpy as np
import pytest

from edge.frames import SAMPLE_RATE
from edge.synthesis import infant_cry
from edge.synthesis.signals import HOP_LENGTH, REFERENCE_DBFS, dbfs


def cry_of(duration_s, seed, **options):
    return infant_cry(duration_s, np.random.default_rng(seed), **options)


@pytest.mark.parametrize("duration_s", [0.6, 1.61, 7.123, 12.0])
def test_duration_level_and_range(duration_s):
    for seed in range(3):
        cry = cry_of(duration_s, seed)
        assert cry.samples.dtype == np.float32
        assert len(cry.samples) == int(round(duration_s * SAMPLE_RATE))
        assert np.all(np.isfinite(cry.samples)) and np.max(np.abs(cry.samples)) < 1.0
        assert abs(dbfs(cry.samples) - REFERENCE_DBFS) < 0.01


def test_same_seed_gives_the_same_cry_and_another_seed_another():
    one, same, other = cry_of(5.0, 1), cry_of(5.0, 1), cry_of(5.0, 2)
    np.testing.assert_array_equal(one.samples, same.samples)
    np.testing.assert_array_equal(one.f0_hz, same.f0_hz)
    assert not np.array_equal(one.samples, other.samples)


def test_phonation_begins_at_once():
    for seed in range(10):
        cry = cry_of(3.0, seed)
        assert dbfs(cry.samples[: SAMPLE_RATE // 20]) > REFERENCE_DBFS - 20.0
        assert cry.bouts[0][0] == 0.0
        assert cry.bouts[-1][1] == 3.0


def test_pitch_lies_where_infants_cry():
    f0_hz = np.concatenate([cry_of(10.0, seed).f0_hz for seed in range(5)])
    f0_hz = f0_hz[np.isfinite(f0_hz)]
    assert np.min(f0_hz) >= 300.0 and np.max(f0_hz) <= 1200.0
    assert np.mean(f0_hz <= 600.0) > 0.8  # above: hyperphonation and inhaled sounds


def test_pauses_inside_a_cry_stay_under_three_seconds():
    pauses_s = []
    for seed in range(5):
        bouts = cry_of(40.0, seed).bouts
        pauses_s += [after[0] - before[1] for before, after in zip(bouts[:-1], bouts[1:])]
    assert len(pauses_s) > 5
    assert min(pauses_s) > 0.5 and max(pauses_s) < 3.0


def test_hoarseness_takes_pitch_away_and_adds_noise():
    clear, hoarse = cry_of(10.0, 3, hoarseness=0.0), cry_of(10.0, 3, hoarseness=1.0)
    assert np.mean(hoarse.voiced) < np.mean(clear.voiced)


@pytest.mark.once
def test_pitch_truth_agrees_with_an_independent_estimator():
    librosa = pytest.importorskip("librosa", reason="librosa, the independent estimator, is not installed")
    agrees = []
    for seed in range(3):
        cry = cry_of(6.0, seed, hoarseness=0.0)
        estimate_hz, _, _ = librosa.pyin(
            cry.samples,
            fmin=200.0,
            fmax=1400.0,
            sr=SAMPLE_RATE,
            frame_length=1024,
            hop_length=HOP_LENGTH,
            max_transition_rate=100.0,
        )
        voiced = cry.voiced[: len(estimate_hz)]
        cents = 1200.0 * np.log2(estimate_hz[voiced] / cry.f0_hz[: len(estimate_hz)][voiced])
        agrees.append(np.abs(cents) < 50.0)  # NaN, a frame the estimator calls unvoiced, counts against
    assert np.mean(np.concatenate(agrees)) >= 0.9


def test_too_short_a_cry_is_refused():
    with pytest.raises(ValueError, match="duration_s is 0.5, a cry lasts at least 0.6 s"):
        cry_of(0.5, 1)
