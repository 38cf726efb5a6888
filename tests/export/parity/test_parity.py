"""Parity statistics and bounds, against values worked out by hand or by SciPy."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from export.parity.comparison import Task, compare, posteriors, violations
from export.targets import FP16, FP32, QUANTISED

LABELS = np.array([True, True, False, False])
TASK = Task(LABELS, list("abcd"), 0.5)
REFERENCE = np.array([[4.0], [0.01], [-2.0], [-4.0]])


def test_one_logit_is_a_sigmoid_and_several_are_a_softmax():
    logits = np.random.default_rng(0).normal(0, 5, (50, 1))
    np.testing.assert_allclose(posteriors(logits, 1.7)[:, 1], expit(logits[:, 0] / 1.7), atol=1e-12)
    logits = np.random.default_rng(1).normal(0, 500, (50, 5))
    np.testing.assert_allclose(posteriors(logits, 1.7), softmax(logits / 1.7, axis=1), atol=1e-12)


def test_equal_logits_are_within_every_bound():
    parity = compare(REFERENCE, REFERENCE, 1.0, TASK)
    assert parity.max_logit_error == parity.max_posterior_error == 0 and parity.label_agreement == 1
    assert parity.auc.points == parity.auc.low == parity.auc.high == 0
    assert violations(parity, FP16) == []


def test_label_that_changes_where_keras_is_undecided_does_not_count():
    """The second frame's margin is .005, below .05; its posterior is above the task's threshold all the same."""
    changed = REFERENCE * [[1], [-1], [1], [1]]
    parity = compare(REFERENCE, changed, 1.0, TASK)
    assert parity.n_clear == 3 and parity.label_agreement == 1
    assert parity.balanced_accuracy.points == pytest.approx(-25)


def test_label_that_changes_where_keras_is_sure_is_a_violation():
    parity = compare(REFERENCE, REFERENCE * [[1], [1], [-1], [1]], 1.0, TASK)
    assert parity.label_agreement == pytest.approx(2 / 3)
    assert any("label agreement 0.6667" in text for text in violations(parity, QUANTISED))


def test_bounds_of_fp16_and_of_fp32():
    """Posterior error 2e-2 at most, however large a logit's error is where it does not show; FP32 bounds that too."""
    assert violations(compare(REFERENCE, REFERENCE + 0.07, 1.0, TASK), FP16) == []
    assert any("posterior error" in text for text in violations(compare(REFERENCE, REFERENCE + 0.1, 1.0, TASK), FP16))
    saturated = np.array([[40.0], [-40.0]])
    far = compare(saturated, saturated * 1.02, 1.0, Task(LABELS[1:3], ["a", "b"], 0.5))
    assert violations(far, FP16) == []
    assert any("logit error 0.02" in text for text in violations(far, FP32))


def test_tolerance_widens_all_but_the_label_agreement():
    parity = compare(REFERENCE, REFERENCE * [[1], [1], [-1], [1]], 1.0, TASK)
    wide = QUANTISED.widened(100)
    assert wide.posterior_error == pytest.approx(15) and wide.label_agreement == QUANTISED.label_agreement
    assert any("label agreement" in text for text in violations(parity, wide))


def test_decisions_that_flip_near_the_threshold_count_by_their_share():
    """3 of 400 are not surely over .5 %, 8 are."""
    labels = np.arange(400) < 200
    keras = np.where(labels, 1.0, -3.0)[:, None] + np.linspace(0, 0.5, 400)[:, None]
    for flipped, expected in ((3, False), (8, True)):
        before, after = keras.copy(), keras.copy()
        before[:flipped], after[:flipped] = 0.001, -0.001
        parity = compare(before, after, 1.0, Task(labels, [str(n) for n in range(400)], 0.5))
        assert parity.flips == pytest.approx(flipped / 400)
        assert any("near the threshold" in text for text in violations(parity, QUANTISED)) == expected


def test_ranking_that_suffers_is_a_violation():
    """Of 40 x 40 pairs, 40 are put in the wrong order: 2.5 points."""
    labels = np.arange(80) < 40
    keras = np.where(labels, 1.0, -1.0)[:, None] + np.linspace(0, 0.1, 80)[:, None]
    file = keras.copy()
    file[0] = -2.0
    parity = compare(keras, file, 1.0, Task(labels, [str(n) for n in range(80)], 0.5))
    assert parity.auc.points == pytest.approx(-2.5)
    assert parity.auc.low < -2.5 < parity.auc.high <= 0
    assert any("AUC falls by 2.50 points" in text for text in violations(parity, QUANTISED))


def test_threshold_that_one_frame_crosses_is_not_a_violation_but_that_many_cross_is():
    labels = np.arange(200) < 100
    keras = np.where(labels, 0.1, -3.0)[:, None]
    for crossing, expected in ((1, False), (30, True)):
        file = keras.copy()
        file[:crossing] = -0.01
        parity = compare(keras, file, 1.0, Task(labels, [str(n) for n in range(200)], 0.5))
        assert parity.balanced_accuracy.points == pytest.approx(-crossing / 2)
        assert any("balanced accuracy" in text for text in violations(parity, QUANTISED)) == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("bounds", [FP16, QUANTISED])
def test_logits_that_are_not_finite_keep_no_bound(bad, bounds):
    logits = REFERENCE.copy()
    logits[3] = bad
    with np.errstate(invalid="ignore"):
        parity = compare(REFERENCE, logits, 1.0, TASK)
    assert "logits are NaN or infinite" in violations(parity, bounds)
    assert parity.as_dict()["mean_logit_error"] is None


def test_undecided_everywhere_is_a_violation_not_a_pass():
    parity = compare(REFERENCE * 1e-3, REFERENCE * 1e-3, 1.0, TASK)
    assert any("undecided" in text for text in violations(parity, QUANTISED))
