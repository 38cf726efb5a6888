"""Scores and their intervals: ranking metrics, the group bootstrap, exact Poisson and the interval of a share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy.stats
from sklearn.metrics import average_precision_score, roc_auc_score

from training.runs import metrics

CONFIDENCE = 0.95
BOOTSTRAP_ROUNDS = 1000


def recall_at_false_positive_rate(is_cry: np.ndarray, score: np.ndarray, rate: float) -> float:
    """Share of cries above the lowest threshold at which at most `rate` of the others are above it."""
    others = np.sort(score[~is_cry])[::-1]
    threshold = others[int(rate * len(others))]
    return float((score[is_cry] > threshold).mean())


RANKING_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "AUC": lambda y, s: float(roc_auc_score(y, s)),
    "AP": lambda y, s: float(average_precision_score(y, s)),
    "recall at 5 % FP": lambda y, s: recall_at_false_positive_rate(y, s, 0.05),
    "recall at 1 % FP": lambda y, s: recall_at_false_positive_rate(y, s, 0.01),
}


def group_draws(is_cry: np.ndarray, groups: Sequence[str], seed: int) -> Iterator[np.ndarray]:
    """Rows of BOOTSTRAP_ROUNDS draws of whole groups, cries and others apart."""
    rng = np.random.default_rng(seed)
    _, owner = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(owner == g) for g in range(owner.max() + 1)]
    cry_groups = [m for m in members if is_cry[m].any()]
    other_groups = [m for m in members if not is_cry[m].any()]
    for _ in range(BOOTSTRAP_ROUNDS):
        chosen = [g[i] for g in (cry_groups, other_groups) for i in rng.integers(0, len(g), len(g))]
        yield np.concatenate(chosen)


def group_bootstrap(
    is_cry: np.ndarray, score: np.ndarray, groups: Sequence[str], seed: int
) -> dict[str, tuple[float, float, float]]:
    """Each ranking metric with its 95 % interval from drawing whole groups: {metric: (value, low, high)}."""
    draws: dict[str, list[float]] = {name: [] for name in RANKING_METRICS}
    for rows in group_draws(is_cry, groups, seed):
        for name, metric in RANKING_METRICS.items():
            draws[name].append(metric(is_cry[rows], score[rows]))
    return {name: (metric(is_cry, score), *percentiles(draws[name])) for name, metric in RANKING_METRICS.items()}


def paired_bootstrap(
    is_cry: np.ndarray, score: np.ndarray, other: np.ndarray, groups: Sequence[str], seed: int
) -> dict[str, tuple[float, float, float]]:
    """Each metric of a score less that of another one of the same clips, both on the same draws of whole groups."""
    draws: dict[str, list[float]] = {name: [] for name in RANKING_METRICS}
    for rows in group_draws(is_cry, groups, seed):
        for name, metric in RANKING_METRICS.items():
            draws[name].append(metric(is_cry[rows], score[rows]) - metric(is_cry[rows], other[rows]))
    return {
        name: (metric(is_cry, score) - metric(is_cry, other), *percentiles(draws[name]))
        for name, metric in RANKING_METRICS.items()
    }


def percentiles(draws: Sequence[float]) -> tuple[float, float]:
    """The ends of the interval that CONFIDENCE of the draws lie in."""
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def interval_over(values: Sequence[float]) -> list[float | None]:
    """Mean of folds' or runs' scores and its 95 % interval; None where JSON has no nan: one value has no interval."""
    return [None if np.isnan(x) else float(x) for x in metrics.mean_interval(list(values))]


def with_interval(mean: float, low: float | None, high: float | None) -> str:
    """A mean as tables show it."""
    return f"{mean:.3f}" if low is None else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def poisson_rate(count: int, hours: float) -> tuple[float, float, float]:
    """Events per hour with its exact 95 % interval (Garwood)."""
    tail = (1 - CONFIDENCE) / 2
    low = scipy.stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    high = scipy.stats.chi2.ppf(1 - tail, 2 * (count + 1)) / 2
    return count / hours, float(low) / hours, float(high) / hours


def share_by_group(found: np.ndarray, groups: Sequence[str], seed: int) -> tuple[float, float, float]:
    """Share found with its 95 % interval from drawing whole groups."""
    rng = np.random.default_rng(seed)
    names, owner = np.unique(np.asarray(groups), return_inverse=True)
    hits = np.bincount(owner, weights=found)
    sizes = np.bincount(owner)
    draws = []
    for _ in range(BOOTSTRAP_ROUNDS):
        chosen = rng.integers(0, len(names), len(names))
        draws.append(hits[chosen].sum() / sizes[chosen].sum())
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(np.mean(found)), float(low), float(high)
