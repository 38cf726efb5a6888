"""The uncertain rule promises: no more wrong answers than stated, and no answer at all without ground."""

import numpy as np
import pytest

from edge.decision.uncertain import DELTA, UncertainRule, choose_rule, highest_risk, selective_risk
from edge.errors import UserError


def validation(n, seed):
    """Calibrated answers: right as often as their confidence says."""
    rng = np.random.RandomState(seed)
    confidence = rng.uniform(0.3, 1.0, n)
    return confidence, rng.uniform(size=n) < confidence


def test_the_stated_risk_holds_on_other_answers():
    other_confidence, other_correct = validation(20000, 1000)
    broken = 0
    for seed in range(100):
        rule = choose_rule(*validation(500, seed), risk=0.2)
        if rule.threshold is not None:
            broken += selective_risk(other_confidence, other_correct, rule.threshold)[1] > 0.2
    assert broken <= 100 * DELTA


def test_coverage_and_risk_are_those_of_the_validation_answers():
    confidence, correct = validation(2000, 0)
    rule = choose_rule(confidence, correct, risk=0.2)
    given = confidence >= rule.threshold
    assert rule.coverage == pytest.approx(given.mean())
    assert rule.measured_risk == pytest.approx(1.0 - correct[given].mean())
    assert rule.measured_risk < rule.risk == 0.2
    assert rule.n_validation == 2000
    assert rule.coverage > 0.4


def test_more_risk_buys_more_answers():
    confidence, correct = validation(2000, 0)
    coverages = [choose_rule(confidence, correct, risk).coverage for risk in (0.05, 0.1, 0.2, 0.4)]
    assert coverages == sorted(coverages)


def test_too_few_answers_or_a_guesser_are_never_let_through():
    rng = np.random.RandomState(0)
    for confidence, correct in (
        ([0.99, 0.98, 0.97], [True, True, True]),
        (rng.uniform(0.5, 1.0, 1000), rng.uniform(size=1000) < 0.5),
    ):
        rule = choose_rule(confidence, correct, risk=0.1)
        assert rule[:1] + rule[2:4] == (None, 0.0, None)
        assert rule.decide(["hungry", "tired"], np.log([0.999, 0.001])) == (None, None)


def test_everything_is_answered_when_everything_is_right():
    rule = choose_rule(np.linspace(0.5, 1.0, 200), np.ones(200, bool), risk=0.1)
    assert (rule.coverage, rule.measured_risk, rule.threshold) == (1.0, 0.0, 0.5)


def test_the_bound_is_the_exact_binomial_one():
    stats = pytest.importorskip("scipy.stats")
    for n_wrong, n_answers in ((0, 10), (3, 40), (10, 11)):
        bound = highest_risk(n_wrong, n_answers, 0.05)
        assert stats.binom.cdf(n_wrong, n_answers, bound) == pytest.approx(0.05, rel=1e-6)
    assert highest_risk(4, 4, 0.05) == 1.0


def test_a_cause_is_named_only_at_or_above_the_threshold():
    rule = UncertainRule(threshold=0.6, risk=0.1, coverage=0.5, measured_risk=0.08, n_validation=300)
    labels = ["hungry", "tired"]
    assert rule.decide(labels, np.log([0.25, 0.75])) == ("tired", pytest.approx(0.75))
    assert rule.decide(labels, np.log([0.5, 0.5])) == (None, None)
    with pytest.raises(UserError, match="hungry, tired is NaN"):
        rule.decide(labels, np.array([np.nan, 0.0]))


@pytest.mark.parametrize(
    "confidence, correct, risk, words",
    [
        ([], [], 0.1, "0 confidences"),
        ([np.nan], [True], 0.1, "nan"),
        ([0.5], [True], 0.0, "selective risk is 0"),
        ([0.5], [True], 1.5, "selective risk is 1.5"),
    ],
)
def test_bad_validation_answers_are_said(confidence, correct, risk, words):
    with pytest.raises(UserError, match=words):
        choose_rule(confidence, correct, risk)


@pytest.mark.parametrize(
    "n_confidences, n_answers, is_given", [(3, 37, True), (3, 36, False), (4, 40, True), (4, 39, False)]
)
def test_each_look_of_the_search_has_its_share_of_what_may_go_wrong(n_confidences, n_answers, is_given):
    """All are right, most are surest. Among three thresholds there are two looks at most, among four three.

    What N right answers leave possible is 1 - (0.05 / looks) ** (1 / N): below 0.1 from 36 and 39 on, and the first
    look is at all but one of them.
    """
    confidence = np.minimum(0.9, 0.5 + 0.1 * np.arange(n_answers) * 4 / (n_confidences - 1))
    assert len(np.unique(confidence)) == n_confidences
    rule = choose_rule(confidence, np.ones(n_answers, bool), risk=0.1)
    assert rule.threshold == (0.5 if is_given else None)


@pytest.mark.parametrize("n_answers, is_given", [(29, True), (28, False)])
def test_twenty_nine_right_answers_promise_a_tenth(n_answers, is_given):
    """1 - 0.05 ** (1 / 29) = 0.098: with one confidence there is one look."""
    rule = choose_rule([0.8] * n_answers, [True] * n_answers, risk=0.1)
    assert rule.threshold == (0.8 if is_given else None)
    assert (rule.coverage, rule.measured_risk) == ((1.0, 0.0) if is_given else (0.0, None))


def test_the_likeliest_label_is_named_from_the_threshold_on():
    rule = UncertainRule(threshold=0.75, risk=0.1, coverage=0.5, measured_risk=0.08, n_validation=300)
    assert rule.decide(["a", "b"], np.log([0.25, 0.75])) == ("b", pytest.approx(0.75))
    assert rule.decide(["a", "b"], np.log([0.2501, 0.7499])) == (None, None)
    assert rule._replace(threshold=None).decide(["a", "b"], np.log([0.001, 0.999])) == (None, None)


@pytest.mark.parametrize("risk", [1.0, -0.1, float("nan")])
def test_a_risk_that_is_no_share_is_said(risk):
    with pytest.raises(UserError, match="selective risk is"):
        choose_rule([0.5], [True], risk)
