"""Metrics, calibration error, the interval of a change and the temperature, against independent computations."""

import numpy as np
import pytest

from export.parity.metrics import auc, balanced_accuracy, calibration_error, change, recall_at, surely_above


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(2)
    labels, scores = rng.random(200) < 0.3, rng.integers(0, 20, 200).astype(float)  # with ties
    pairs = np.sign(scores[labels][:, None] - scores[~labels][None, :])
    assert auc(scores, labels) == pytest.approx(((pairs + 1) / 2).mean(), abs=1e-12)
    assert auc(scores, np.ones(200, bool)) is None
    assert auc(np.where(labels, np.nan, scores), labels) is None


def test_balanced_accuracy_weighs_both_classes_alike():
    labels = np.array([True] + [False] * 9)
    assert balanced_accuracy(0.5)(np.zeros(10), labels) == 0.5
    assert balanced_accuracy(0.5)(np.r_[0.5, np.ones(3), np.zeros(6)], labels) == pytest.approx((1 + 6 / 9) / 2)


def test_calibration_error_by_hand():
    """Ten frames at .75, of which 6 are right, and ten at .95, all right: (10 * .15 + 10 * .05) / 20."""
    confidence = np.repeat([0.75, 0.95], 10)
    classes = np.r_[np.ones(6, int), np.zeros(4, int), np.ones(10, int)]
    assert calibration_error(np.column_stack([1 - confidence, confidence]), classes) == pytest.approx(0.1)


def test_interval_of_a_change_covers_the_truth_and_counts_groups_not_frames():
    """The same frames in a fifth of the groups know less."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2 == 0
    keras = labels + rng.normal(0, 0.7, 200)
    file = keras + np.repeat(rng.normal(0, 0.6, 20), 10)
    alone = change(auc, keras, file, labels, [str(n) for n in range(200)])
    grouped = change(auc, keras, file, labels, [str(n // 10) for n in range(200)])
    assert alone.points == grouped.points == pytest.approx(100 * (alone.file - alone.keras))
    assert alone.low < alone.points < alone.high
    assert grouped.high - grouped.low > alone.high - alone.low


def test_recall_at_a_share_of_false_positives():
    """Of ten negatives one may lie above: the threshold is the second largest of them."""
    scores = np.concatenate([np.arange(10.0), [7.5, 8.5, 9.5, 0.0]])
    labels = np.arange(14) >= 10
    assert recall_at(0.1)(scores, labels) == pytest.approx(2 / 4)  # 8.5 and 9.5 lie above 8
    assert recall_at(0.5)(scores, labels) == pytest.approx(3 / 4)
    assert recall_at(0.1)(np.where(labels, np.nan, scores), labels) is None


def test_share_that_is_surely_above():
    """As scipy.stats.binomtest has the exact interval."""
    from scipy.stats import binomtest

    for count in (0, 2, 5, 9):
        low = binomtest(count, 400).proportion_ci(0.95).low
        assert surely_above(count, 400, low * 0.99 + 1e-12) == (count > 0) and not surely_above(count, 400, low * 1.01)
