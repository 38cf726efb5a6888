"""What one expert says of a whole episode: the mean of its log-posteriors, made to sum to one again."""

import numpy as np

from edge.decision.calibration import log_posterior

LOWEST = np.log(1e-12)  # no single window may rule a label out for the whole episode


def pool(log_posteriors):
    """Pooled log-posterior (K,) of windows (N, K), N >= 1; float64."""
    return log_posterior(np.mean(np.maximum(log_posteriors, LOWEST), axis=0))


class EpisodePool(object):
    """The same as windows arrive, in constant memory: an episode may last for hours."""

    def __init__(self):
        self.reset()

    def reset(self):
        """An episode opens."""
        self._sum = 0.0
        self.n_windows = 0

    def add(self, window_log_posterior):
        """Take the log-posterior (K,) of the next window."""
        self._sum = self._sum + np.maximum(window_log_posterior, LOWEST)
        self.n_windows += 1

    def log_posterior(self):
        """Pooled log-posterior (K,), or None before the first window."""
        return log_posterior(self._sum / self.n_windows) if self.n_windows else None
