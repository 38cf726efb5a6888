"""A night's audio is what its truth says: when, how loud, how long. None of it is evidence of accuracy."""

import subprocess
import sys

import numpy as np
import pytest

from edge.frames import SAMPLE_RATE
from edge.synthesis import nursery_night
from edge.synthesis.signals import dbfs


@pytest.fixture(scope="module")
def ten_minutes():
    return nursery_night(600.0, seed=1)


def between(night, start_s, end_s):
    return night.samples[int(round(start_s * SAMPLE_RATE)) : int(round(end_s * SAMPLE_RATE))]


def alone(night, segment, margin_s):
    """Whether nothing else begins, sounds or ends within the margin of a segment (a steady fan may)."""
    for other in night.truth:
        if other is segment:
            continue
        apart = other.end_s + margin_s < segment.start_s or other.start_s - margin_s > segment.end_s
        spans = other.start_s + margin_s < segment.start_s and other.end_s - margin_s > segment.end_s
        if not (apart or (other.kind == "fan" and spans)):
            return False
    return True


@pytest.mark.parametrize("duration_s, seed", [(6.0, 1), (20.0, 2), (61.7, 3), (150.0, 4)])
def test_any_length_is_exact_finite_and_unclipped(duration_s, seed):
    night = nursery_night(duration_s, seed)
    assert night.samples.dtype == np.float32
    assert len(night.samples) == int(round(duration_s * SAMPLE_RATE))
    assert np.all(np.isfinite(night.samples)) and np.max(np.abs(night.samples)) < 1.0
    assert any(segment.kind == "cry" for segment in night.truth)
    for segment in night.truth:
        assert 0.0 <= segment.start_s < segment.end_s <= duration_s


def test_same_seed_gives_the_same_night_and_another_seed_another():
    np.testing.assert_array_equal(nursery_night(20, 5).samples, nursery_night(20, 5).samples)
    assert not np.array_equal(nursery_night(20, 5).samples, nursery_night(20, 6).samples)


def test_ten_minutes_hold_what_a_night_holds(ten_minutes):
    assert len(ten_minutes.samples) == 600 * SAMPLE_RATE
    assert np.all(np.isfinite(ten_minutes.samples)) and np.max(np.abs(ten_minutes.samples)) < 1.0
    truth = ten_minutes.truth
    assert [segment.start_s for segment in truth] == sorted(segment.start_s for segment in truth)
    assert {segment.kind for segment in truth} == {"cry", "lullaby", "babble", "fan", "door", "alarm"}
    cries = [segment for segment in truth if segment.kind == "cry"]
    assert 4 <= len(cries) <= 6
    assert all(7.99 <= cry.end_s - cry.start_s <= 40.01 for cry in cries)
    assert all(after.start_s - before.end_s >= 19.98 for before, after in zip(cries[:-1], cries[1:]))
    overlapped = [
        segment
        for segment in truth
        for cry in cries
        if segment.kind == "lullaby" and cry.start_s < segment.start_s < cry.end_s
    ]
    assert len(overlapped) == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_cry_begins_within_50_ms_of_its_truth(seed):
    night = nursery_night(20.0, seed)
    cry = next(segment for segment in night.truth if segment.kind == "cry")
    before = dbfs(between(night, cry.start_s - 0.5, cry.start_s))
    assert dbfs(between(night, cry.start_s, cry.start_s + 0.05)) > before + 3.0
    assert dbfs(between(night, cry.start_s - 0.05, cry.start_s)) < before + 2.0


def test_level_over_the_background_is_the_stated_snr(ten_minutes):
    checked = set()
    for segment in ten_minutes.truth:
        if not alone(ten_minutes, segment, margin_s=1.0):
            continue
        background = 10.0 ** (dbfs(between(ten_minutes, segment.start_s - 1.0, segment.start_s)) / 10.0)
        heard = 10.0 ** (dbfs(between(ten_minutes, segment.start_s, segment.end_s)) / 10.0)
        level_dbfs = 10.0 * np.log10(heard - background)
        assert abs(level_dbfs - segment.level_dbfs) < 1.0
        assert abs(level_dbfs - 10.0 * np.log10(background) - segment.snr_db) < 1.0
        checked.add(segment.kind)
    assert checked >= {"cry", "lullaby", "babble", "door", "alarm"}


def test_a_crys_pitch_starts_where_the_cry_does(ten_minutes):
    for segment in ten_minutes.truth:
        if segment.kind == "cry":
            assert len(segment.f0_hz) == int(np.ceil(round((segment.end_s - segment.start_s) * 100, 6))) + 1
            assert np.mean(np.isfinite(segment.f0_hz)) > 0.3
        else:
            assert segment.f0_hz is None


def test_too_short_a_night_is_refused():
    with pytest.raises(ValueError, match="duration_s is 5, a night lasts at least 6 s"):
        nursery_night(5)


def test_needs_nothing_but_numpy():
    code = (
        "import sys, edge.synthesis; edge.synthesis.nursery_night(6, 1);"
        "print(sorted({'scipy', 'soundfile', 'soxr', 'sounddevice', 'librosa'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert answer.stdout.decode().strip() == "[]"
