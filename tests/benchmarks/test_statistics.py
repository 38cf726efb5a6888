"""Our statistics promise scipy's and scikit-learn's values, and golden values that no change may move."""

from functools import partial

import numpy as np
import pytest
import scipy.stats

pytest.importorskip("tomllib")
sklearn_metrics = pytest.importorskip("sklearn.metrics")

from benchmarks.lib import statistics  # noqa: E402

# Garwood's exact intervals of a Poisson mean, as tables print them (Ulm, 1990, "A simple method ...", table 1).
GARWOOD = {0: (0.0, 3.689), 1: (0.0253, 5.572), 5: (1.623, 11.668), 10: (4.795, 18.390), 50: (37.111, 65.919)}
AUC = (0.7149901380670611, 0.6187669033130493, 0.8000108166576528)  # of grouped(), seed 1: value, low, high
SHARE = (0.5042735042735043, 0.4179986338797815, 0.5968081097377148)


@pytest.mark.parametrize("count, expected", GARWOOD.items())
def test_poisson_s_interval_is_garwood_s(count, expected):
    rate, low, high = statistics.poisson_rate(count, 1.0)
    assert rate == count and (low, high) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("count", [0, 1, 3, 17, 200])
def test_the_tails_beyond_poisson_s_interval_are_2_5_percent(count):
    _, low, high = statistics.poisson_rate(count, 8.0)
    assert scipy.stats.poisson.cdf(count, 8.0 * high) == pytest.approx(0.025)
    if count:
        assert scipy.stats.poisson.sf(count - 1, 8.0 * low) == pytest.approx(0.025)


def test_rates_are_per_hour():
    assert statistics.poisson_rate(12, 8.0) == pytest.approx([value / 8 for value in statistics.poisson_rate(12, 1.0)])


def recall_by_roc_curve(is_cry, score, rate):
    """The highest recall at which no more than `rate` are false, from scikit-learn's curve."""
    false_positives, recall, _ = sklearn_metrics.roc_curve(is_cry, score, drop_intermediate=False)
    return recall[false_positives <= rate].max()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_recall_at_a_rate_is_that_of_scikit_learn_s_curve(seed, rate):
    rng = np.random.default_rng(seed)
    is_cry = rng.random(300) < 0.3
    score = rng.normal(size=300) + is_cry
    expected = recall_by_roc_curve(is_cry, score, rate)
    assert statistics.recall_at_false_positive_rate(is_cry, score, rate) == pytest.approx(expected)


def test_recall_at_a_rate_counts_no_tie_with_the_threshold():
    is_cry = np.array([True, True, True, False, False])
    assert statistics.recall_at_false_positive_rate(is_cry, np.array([3.0, 2.0, 1.0, 2.0, 0.0]), 0.1) == 1 / 3
    assert statistics.recall_at_false_positive_rate(is_cry, np.array([3.0, 2.0, 1.0, 2.0, 0.0]), 0.5) == 1.0


def grouped(seed=3):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(40), rng.integers(1, 6, 40)).astype(str)
    is_cry = groups.astype(int) % 3 == 0
    return is_cry, rng.normal(size=len(groups)) + is_cry, groups


def test_ranking_metrics_are_scikit_learn_s_and_intervals_hold_golden_values():
    is_cry, score, groups = grouped()
    found = statistics.group_bootstrap(is_cry, score, groups, seed=1)
    assert found["AUC"][0] == pytest.approx(sklearn_metrics.roc_auc_score(is_cry, score), abs=1e-12)
    assert found["AP"][0] == pytest.approx(sklearn_metrics.average_precision_score(is_cry, score), abs=1e-12)
    for value, low, high in found.values():
        assert low <= value <= high
    assert found["AUC"] == pytest.approx(AUC, abs=1e-9)
    assert statistics.share_by_group(score > 0.5, groups, seed=2) == pytest.approx(SHARE, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_ranking_metrics_are_scikit_learn_s_where_scores_are_equal(seed):
    rng = np.random.default_rng(seed)
    is_cry = rng.random(200) < 0.3
    score = np.round(rng.normal(size=200) + is_cry, seed)
    auc, precision, *recalls = statistics.ranking(is_cry, score)
    assert auc == pytest.approx(sklearn_metrics.roc_auc_score(is_cry, score), abs=1e-12)
    assert precision == pytest.approx(sklearn_metrics.average_precision_score(is_cry, score), abs=1e-12)
    assert recalls == pytest.approx([recall_by_roc_curve(is_cry, score, rate) for rate in (0.05, 0.01)])


def test_a_score_gains_nothing_over_itself_and_as_much_as_the_metrics_differ(monkeypatch):
    monkeypatch.setattr(statistics, "bootstrap_interval", partial(statistics.bootstrap_interval, rounds=100))
    is_cry, score, groups = grouped()
    none = statistics.paired_bootstrap(is_cry, score, score, groups, seed=1)
    assert set(none.values()) == {(0.0, 0.0, 0.0)}
    gained = statistics.paired_bootstrap(is_cry, score + is_cry, score, groups, seed=1)["AUC"]
    better, worse = (statistics.group_bootstrap(is_cry, s, groups, seed=1)["AUC"] for s in (score + is_cry, score))
    assert gained[0] == pytest.approx(better[0] - worse[0])
    assert 0 < gained[1] < gained[0] < gained[2] < better[2] - worse[1]  # the same draws: narrower than of two


def test_intervals_over_folds_are_student_s():
    values = [0.71, 0.78, 0.74, 0.80]
    mean, low, high = statistics.interval_over(values)
    expected = scipy.stats.t.interval(0.95, 3, np.mean(values), scipy.stats.sem(values))
    assert (low, high) == pytest.approx(expected, abs=1e-12) and mean == pytest.approx(np.mean(values))
    assert statistics.interval_over([0.7]) == [0.7, None, None]
