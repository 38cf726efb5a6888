"""Pooling promises: an episode is the mean of its log-posteriors, whatever its length."""

import numpy as np

from edge.decision.calibration import log_posterior
from edge.decision.pooling import EpisodePool, pool


def test_the_pool_is_the_normalised_geometric_mean():
    windows = np.random.RandomState(0).dirichlet(np.ones(3), size=7)
    expected = np.prod(windows, axis=0) ** (1.0 / 7.0)
    np.testing.assert_allclose(np.exp(pool(np.log(windows))), expected / expected.sum(), rtol=1e-9)


def test_windows_one_by_one_are_the_same_as_all_at_once():
    windows = log_posterior(np.random.RandomState(0).randn(50, 4))
    episode = EpisodePool()
    assert episode.log_posterior() is None
    for window in windows:
        episode.add(window)
    assert episode.n_windows == 50
    np.testing.assert_allclose(episode.log_posterior(), pool(windows), atol=1e-12)
    episode.reset()
    episode.add(windows[0])
    np.testing.assert_allclose(episode.log_posterior(), windows[0], atol=1e-12)


def test_one_window_does_not_rule_a_label_out():
    with np.errstate(divide="ignore"):
        windows = np.log([[0.0, 1.0]] + 99 * [[0.9, 0.1]])
    assert np.exp(pool(windows))[0] > 0.8
