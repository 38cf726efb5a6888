"""One expert's readings of an episode, pooled up to where the episode ends, in constant memory."""

from collections import deque
from typing import NamedTuple

import numpy as np

from edge.decision.calibration import log_posterior
from edge.decision.pooling import EpisodePool


class Answer(NamedTuple):
    """What an expert says of a whole episode."""

    log_posterior: np.ndarray  # (labels,) pooled, calibrated
    mean_logits: np.ndarray  # (labels,) before temperature


class PooledReadings(object):
    """Pools an expert's logits over an episode.

    Where an episode ends is known only seconds later: readings wait until they are known to be before it. Those of a
    full window count, all alike; an episode without one has the last of the others.
    """

    def __init__(self, temperature):
        self._temperature = temperature
        self._pool = EpisodePool()
        self.reset()

    def reset(self):
        """An episode opens."""
        self._pool.reset()
        self._sum_of_logits = 0.0
        self._young = None  # the last reading before the first full window
        self._waiting = deque()  # (end in seconds, whether the window was full, logits) after the end so far

    def add(self, end_s, is_full, logits):
        """Take the next reading: where its last column ends in seconds, whether its window was full, (labels,)."""
        self._waiting.append((end_s, is_full, np.array(logits, np.float64)))

    def settle(self, end_s):
        """The episode lasts until end_s at least."""
        while self._waiting and self._waiting[0][0] <= end_s:
            _, is_full, logits = self._waiting.popleft()
            if is_full:
                self._pool.add(log_posterior(logits, self._temperature))
                self._sum_of_logits = self._sum_of_logits + logits
            else:
                self._young = logits

    def answer(self):
        """The Answer to what has been settled; None when that is too short for a single reading."""
        if self._pool.n_windows:
            return Answer(self._pool.log_posterior(), self._sum_of_logits / self._pool.n_windows)
        if self._young is not None:
            return Answer(log_posterior(self._young, self._temperature), self._young)
        return None
