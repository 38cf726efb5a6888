"""Voice activity promises: what stands out from its own background, at any gain, and 200 ms more."""

import numpy as np
import pytest

from edge.dsp.log_mel import HOP_LENGTH, WINDOW_LENGTH, log_mel
from edge.dsp.vad import LEAST_DBFS, active, levels_dbfs
from edge.frames import SAMPLE_RATE

SECONDS = 4


def noise(level_dbfs=-50.0, seed=0):
    rng = np.random.RandomState(seed)
    return (10.0 ** (level_dbfs / 20.0) * rng.randn(SECONDS * SAMPLE_RATE)).astype(np.float32)


def with_burst(samples, start_s, end_s, gain):
    """The samples, louder by a factor from start_s to end_s."""
    louder = samples.copy()
    louder[int(start_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)] *= np.float32(gain)
    return louder


def one_by_one(samples):
    """What active() promises, column by column."""
    columns = range(1 + (len(samples) - WINDOW_LENGTH) // HOP_LENGTH)
    windows = [samples[HOP_LENGTH * n : HOP_LENGTH * n + WINDOW_LENGTH].astype(np.float64) for n in columns]
    levels = [10.0 * np.log10(np.mean(window**2)) for window in windows]
    threshold = np.percentile(levels, 10) + 6.0
    return [any(level > threshold for level in levels[max(0, n - 20) : n + 1]) for n in columns]


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_definition(seed):
    rng = np.random.RandomState(seed)
    swelling = noise(seed=seed) * np.repeat(10.0 ** rng.uniform(0, 0.8, 40), SECONDS * SAMPLE_RATE // 40)
    found = active(swelling.astype(np.float32))
    assert 0 < found.mean() < 1
    assert found.tolist() == one_by_one(swelling.astype(np.float32))


def test_one_answer_for_each_column_of_log_mel():
    assert active(noise()).shape == log_mel(noise()).shape[:1]
    assert active(noise()).dtype == bool
    assert active(np.zeros(399, np.float32)).shape == (0,)


def test_a_burst_is_active_from_its_beginning_to_200_ms_after_its_end():
    where = np.flatnonzero(active(with_burst(noise(), 1.0, 2.0, 30.0)))
    assert where.tolist() == list(range(where[0], where[-1] + 1))
    # A window that holds but a tenth of the burst is loud enough already.
    assert abs(where[0] * HOP_LENGTH + WINDOW_LENGTH - SAMPLE_RATE) <= WINDOW_LENGTH // 2
    assert abs(where[-1] * HOP_LENGTH - 2.2 * SAMPLE_RATE) <= WINDOW_LENGTH // 2


@pytest.mark.parametrize("margin_db, is_active", [(4.0, False), (8.0, True)])
def test_six_decibels_are_the_border(margin_db, is_active):
    assert active(with_burst(noise(), 1.0, 2.0, 10.0 ** (margin_db / 20.0))).any() == is_active


@pytest.mark.parametrize("gain_db", [-25.0, 40.0])
def test_gain_changes_nothing(gain_db):
    samples = with_burst(noise(), 1.0, 2.0, 10.0)
    np.testing.assert_array_equal(active(samples * np.float32(10.0 ** (gain_db / 20.0))), active(samples))


@pytest.mark.parametrize("samples", [noise(), np.zeros(SAMPLE_RATE, np.float32)], ids=["steady noise", "silence"])
def test_what_never_changes_is_never_active(samples):
    assert not active(samples).any()


def test_what_log_mel_cannot_see_is_not_active():
    assert not active(with_burst(noise(-120.0), 1.0, 2.0, 30.0)).any()


def test_digital_silence_is_at_the_least_level_and_no_lower():
    assert levels_dbfs(np.zeros(16000, np.float32)) == pytest.approx(LEAST_DBFS)
