"""The bootstrap promises: whole groups, scipy's interval where each is its own group, and as wide as groups agree."""

import numpy as np
import pytest
import scipy.stats

from training.runs.bootstrap import bootstrap_interval


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(3.0, 2.0, 200)


def test_of_single_rows_it_is_scipy_s(values):
    low, high = bootstrap_interval(lambda rows: values[rows].mean(), np.arange(200), 0, rounds=4000)
    expected = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", random_state=np.random.default_rng(1)
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.03)


def test_of_groups_that_agree_it_is_the_interval_over_groups(values):
    alone = bootstrap_interval(lambda rows: values[rows].mean(), np.arange(200), 0)
    groups, repeated = np.repeat(np.arange(200), 5), np.repeat(values, 5)
    together = bootstrap_interval(lambda rows: repeated[rows].mean(), groups, 0)
    assert together == pytest.approx(alone)  # the same groups are drawn: five copies say no more than one
    naive = bootstrap_interval(lambda rows: repeated[rows].mean(), np.arange(1000), 0)
    assert (naive[1] - naive[0]) < 0.6 * (together[1] - together[0])


def test_every_sample_holds_whole_groups_and_as_many_of_both_strata():
    groups = np.array(["a", "b", "a", "c", "b", "d", "d", "a", "e"])
    strata = np.array([True, False, False, False, False, False, False, True, False])  # one row makes its group so
    samples = []
    bootstrap_interval(lambda rows: samples.append(rows) or 0.0, groups, 0, strata=strata, rounds=50)
    for rows in samples:
        drawn = {name: np.sort(rows[groups[rows] == name]).tolist() for name in set(groups[rows])}
        for name, own in drawn.items():
            members = np.flatnonzero(groups == name)
            assert own == sorted(np.tile(members, len(own) // len(members)))
        assert np.isin(rows, [0, 2, 7]).sum() == 3  # the one group with a cry, whole, always
    assert len({tuple(rows) for rows in samples}) > 10


def test_a_statistic_of_several_numbers_has_an_interval_of_each(values):
    low, high = bootstrap_interval(lambda rows: np.array([values[rows].mean(), 1.0]), np.arange(200), 0)
    assert low.shape == high.shape == (2,) and low[0] < high[0] and low[1] == high[1] == 1.0
