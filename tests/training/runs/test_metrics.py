"""The scores are scikit-learn's; chance is what dealing labels between groups gives."""

import numpy as np
import pytest
import scipy.special

sklearn_metrics = pytest.importorskip("sklearn.metrics")

from training.runs import metrics  # noqa: E402


def answers(seed, n=60, n_labels=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, n_labels, n), scipy.special.log_softmax(rng.normal(0, 2, (n, n_labels)), axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed):
    truth, log_posteriors = answers(seed)
    predicted = log_posteriors.argmax(axis=1)
    got = metrics.scores(truth, log_posteriors)
    assert got["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(truth, predicted, average="macro"))
    assert got["balanced_accuracy"] == pytest.approx(sklearn_metrics.balanced_accuracy_score(truth, predicted))
    assert got["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))
    assert got["nll"] == pytest.approx(sklearn_metrics.log_loss(truth, np.exp(log_posteriors)))
    counts = metrics.confusion(truth, predicted, 4)
    np.testing.assert_array_equal(counts, sklearn_metrics.confusion_matrix(truth, predicted))


def test_always_the_majority_scores_what_is_known_of_it():
    truth = np.repeat(np.arange(5), [382, 27, 24, 16, 8])
    counts = metrics.confusion(truth, np.zeros(457, int), 5)
    assert metrics.macro_f1(counts) == pytest.approx(0.182, abs=5e-4)
    assert metrics.balanced_accuracy(counts) == pytest.approx(0.2)


def test_chance_is_below_what_was_learnt_and_above_nothing():
    rng = np.random.default_rng(0)
    groups = [f"g{n // 4}" for n in range(120)]
    truth = np.repeat(rng.integers(0, 3, 30), 4)
    learnt = np.where(rng.random(120) < 0.9, truth, 0)
    null = metrics.permutation_null(truth, learnt, groups, 3, seed=1)
    assert 1 / 3 < null["balanced_accuracy"] < 0.6
    assert metrics.macro_f1(metrics.confusion(truth, learnt, 3)) > null["macro_f1"]


def test_one_speaker_of_every_label_has_a_chance_too():
    """Speakers who say all digits in the same order: dealing speakers alone would change nothing."""
    truth = np.tile(np.arange(10), 6)
    for speakers in (["theo"] * 60, [f"s{n // 10}" for n in range(60)]):
        null = metrics.permutation_null(truth, truth, speakers, 10, seed=0)
        assert 0.1 < null["balanced_accuracy"] < 0.3


def test_groups_that_agree_with_themselves_make_chance_wider():
    """One parent's many clips are one opinion."""
    truth = np.repeat(np.arange(20) % 2, 10)
    predicted = np.roll(truth, 10)
    one_by_one = metrics.permutation_null(truth, predicted, [str(n) for n in range(200)], 2, seed=0)
    by_parent = metrics.permutation_null(truth, predicted, [str(n // 10) for n in range(200)], 2, seed=0)
    assert by_parent["balanced_accuracy"] > one_by_one["balanced_accuracy"] + 0.05


def test_pooling_is_the_mean_log_posterior():
    _, logits = answers(3, n=6)
    owner = np.array([0, 0, 1, 2, 2, 2])
    pooled = metrics.pooled(logits, owner, 3)
    np.testing.assert_allclose(np.exp(pooled).sum(axis=1), 1.0)
    expected = scipy.special.log_softmax(logits[3:].mean(axis=0))
    np.testing.assert_allclose(pooled[2], expected, atol=1e-9)
    np.testing.assert_allclose(pooled[1], logits[2], atol=1e-9)


def test_the_interval_is_students():
    import scipy.stats

    values = [0.7, 0.8, 0.75, 0.9]
    mean, low, high = metrics.mean_interval(values)
    expected = scipy.stats.t.interval(0.95, 3, np.mean(values), scipy.stats.sem(values))
    assert (low, high) == pytest.approx(expected)
    assert all(np.isnan(metrics.mean_interval(few)[1]) for few in ([0.5], [0.5, 0.9]))


@pytest.mark.parametrize("folds, text", [(1, "one fold only: no interval, 3 are needed"), (2, "2 folds: no interval")])
def test_too_few_folds_for_an_interval_are_said(folds, text):
    from training.runs.report import interval_text

    assert text in interval_text({"mean": 0.5, "low": None, "high": None, "folds": folds})
