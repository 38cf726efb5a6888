"""Scores of pairs, and how often they err: the equal error rate with its interval by infant, and what chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.runs.bootstrap import bootstrap_interval


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosines between all rows of a (n, d) and of b (m, d): (n, m)."""
    return unit(a) @ unit(b).T


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1; one of zeros stays."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def equal_error_rate(targets: np.ndarray, others: np.ndarray) -> float:
    """The rate at which as many others are accepted as targets are rejected, between thresholds by a straight line.

    targets, others: scores of pairs of the same infant, and of different ones; a pair is accepted at or above the
    threshold.
    """
    thresholds = np.unique(np.concatenate([targets, others]))
    targets, others = np.sort(targets), np.sort(others)
    rejected = np.r_[np.searchsorted(targets, thresholds, "left") / len(targets), 1.0]
    accepted = np.r_[1 - np.searchsorted(others, thresholds, "left") / len(others), 0.0]
    after = int(np.argmax(rejected >= accepted))  # the last is always so
    if after == 0:
        return float(rejected[0] + accepted[0]) / 2
    gap = accepted - rejected
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(rejected[after - 1] + share * (rejected[after] - rejected[after - 1]))


@dataclass(frozen=True)
class Trials:
    """Infants compared: scores (n, m) of the enrolled (rows) with the tested (columns), and who they are."""

    scores: np.ndarray
    enrolled: list[str]
    tested: list[str]
    compared: np.ndarray | None = None  # (n, m) bool: which pairs count; None: all

    @property
    def same(self) -> np.ndarray:
        """(n, m): whether both are one infant."""
        return np.array(self.enrolled)[:, None] == np.array(self.tested)

    def error_rate(self, infants: np.ndarray | None = None) -> float:
        """The equal error rate, of all or of pairs among some infants, given by number and perhaps several times.

        nan where there are no pairs of one of both kinds.
        """
        counts = np.ones(self.scores.shape, int) if self.compared is None else self.compared.astype(int)
        if infants is not None:
            times = dict(zip(*np.unique(infants, return_counts=True), strict=True))
            number = {name: k for k, name in enumerate(self.names)}
            rows = np.array([times.get(number[name], 0) for name in self.enrolled])
            columns = np.array([times.get(number[name], 0) for name in self.tested])
            counts = counts * np.where(self.same, rows[:, None], rows[:, None] * columns)
        scores, counts, same = self.scores.ravel(), counts.ravel(), self.same.ravel()
        targets, others = (np.repeat(scores[of], counts[of]) for of in (same, ~same))
        return equal_error_rate(targets, others) if len(targets) and len(others) else float("nan")

    @property
    def names(self) -> list[str]:
        """Every infant once."""
        return sorted({*self.enrolled, *self.tested})

    def summary(self, seed: int) -> dict[str, Any]:
        """EER with its 95 % interval over infants; what scores say when they are dealt out at random, 95 % interval."""
        low, high = bootstrap_interval(self.error_rate, self.names, seed)
        rng = np.random.default_rng(seed)
        dealt = [self.dealt(rng).error_rate() for _ in range(200)]
        pairs = np.ones(self.scores.shape, bool) if self.compared is None else self.compared
        return {
            "eer": self.error_rate(),
            "low": float(low),
            "high": float(high),
            "chance": [float(point) for point in np.percentile(dealt, [2.5, 50, 97.5])],
            "infants": len(self.names),
            "same": int((self.same & pairs).sum()),
            "different": int((~self.same & pairs).sum()),
        }

    def dealt(self, rng: np.random.Generator) -> Trials:
        """The same scores, tested infants in another order: nobody is who he is."""
        order = rng.permutation(len(self.tested))
        return Trials(self.scores[:, order], self.enrolled, self.tested, self.compared)
