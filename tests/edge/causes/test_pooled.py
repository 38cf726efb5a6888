"""Readings of an episode: which of them count."""

import numpy as np
import pytest

from edge.causes.episode_pooling import PooledReadings
from edge.decision.calibration import log_posterior
from edge.decision.pooling import pool

LOGITS = np.random.RandomState(0).normal(0.0, 2.0, (40, 3))
TEMPERATURE = 1.7


def pooled(full_from, settled_at):
    """Readings at 0, 1, ... 39 s; the window is full from one of them on; settled at some times."""
    readings = PooledReadings(TEMPERATURE)
    for n, logits in enumerate(LOGITS):
        readings.add(float(n), n >= full_from, logits)
        if n in settled_at:
            readings.settle(settled_at[n])
    return readings


def test_full_windows_up_to_the_end_count():
    answer = pooled(5, {39: 20.0}).answer()
    np.testing.assert_allclose(answer.log_posterior, pool(log_posterior(LOGITS[5:21], TEMPERATURE)), atol=1e-12)
    np.testing.assert_allclose(answer.mean_logits, LOGITS[5:21].mean(axis=0))


def test_when_the_end_becomes_known_makes_no_difference():
    at_once, bit_by_bit = pooled(5, {39: 20.0}), pooled(5, {7: 2.0, 8: 2.0, 30: 15.5, 39: 20.0})
    np.testing.assert_array_equal(at_once.answer().log_posterior, bit_by_bit.answer().log_posterior)


def test_without_a_full_window_the_last_reading_before_the_end_is_the_answer():
    answer = pooled(100, {39: 6.5}).answer()
    np.testing.assert_allclose(answer.log_posterior, log_posterior(LOGITS[6], TEMPERATURE))
    np.testing.assert_allclose(answer.mean_logits, LOGITS[6])


def test_an_end_before_the_first_reading_is_no_answer():
    assert pooled(5, {39: -0.1}).answer() is None


def test_reset_forgets_everything():
    readings = pooled(0, {39: 20.0})
    readings.reset()
    readings.settle(100.0)
    assert readings.answer() is None


def test_a_reading_is_kept_as_it_was():
    """Experts give their network's own array, which the next step overwrites."""
    readings, logits = PooledReadings(1.0), np.array([1.0, 2.0], np.float32)
    readings.add(0.0, True, logits)
    logits[:] = 0.0
    readings.settle(1.0)
    assert readings.answer().mean_logits == pytest.approx([1.0, 2.0])
