"""Logits that one score is made of, which is what decides: judged by that."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from export.parity.comparison import LogitComparison, Parity, compare, violations
from export.parity.evidence import Compared, error_points
from export.targets import Bounds


@dataclass(frozen=True)
class ScoreComparison(ABC):
    """Judges logits (N, labels) by the one score that the device makes of them."""

    score: LogitComparison

    @abstractmethod
    def scores(self, logits: np.ndarray) -> np.ndarray:
        """(N, 1): the logit of a cry."""

    def compare(self, reference: np.ndarray, outputs: np.ndarray) -> Compared:
        """Logit errors are those of the logits themselves, all else is of the score."""
        before, after = self.scores(reference), self.scores(outputs)
        error = np.abs(outputs - reference)
        parity = replace(
            compare(before, after, self.score.temperature, self.score.task),
            max_abs_logit=float(np.abs(reference).max()),
            max_logit_error=float(error.max()),
            p99_logit_error=float(np.percentile(error, 99)),
            mean_logit_error=float(error.mean()),
        )
        return Compared(parity, self.score.worst(before, after), error_points(reference, outputs))

    def violations(self, parity: Parity, bounds: Bounds) -> list[str]:
        """Every bound that is not kept, in words."""
        return violations(parity, bounds)
