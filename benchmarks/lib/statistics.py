"""Scores and their intervals: ranking metrics, exact Poisson rates, shares; whole groups are drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.stats

from training.runs import metrics
from training.runs.bootstrap import CONFIDENCE, bootstrap_interval

Interval = tuple[float, float, float]  # value, low, high
RANKING_METRICS = ("AUC", "AP", "recall at 5 % FP", "recall at 1 % FP")


def recall_at_false_positive_rate(is_cry: np.ndarray, score: np.ndarray, rate: float) -> float:
    """Share of cries above the lowest threshold at which at most `rate` of the others are above it."""
    others = np.sort(score[~is_cry])[::-1]
    threshold = others[int(rate * len(others))]
    return float((score[is_cry] > threshold).mean())


def group_bootstrap(is_cry: np.ndarray, score: np.ndarray, groups: Sequence[str], seed: int) -> dict[str, Interval]:
    """Each ranking metric with its 95 % interval from drawing whole groups, cries and others apart."""
    return intervals(lambda rows: ranking(is_cry[rows], score[rows]), is_cry, groups, seed)


def paired_bootstrap(
    is_cry: np.ndarray, score: np.ndarray, other: np.ndarray, groups: Sequence[str], seed: int
) -> dict[str, Interval]:
    """Each metric of a score less that of another one of the same clips, both on the same draws of whole groups."""

    def gained(rows: np.ndarray) -> np.ndarray:
        return ranking(is_cry[rows], score[rows]) - ranking(is_cry[rows], other[rows])

    return intervals(gained, is_cry, groups, seed)


def ranking(is_cry: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The RANKING_METRICS, in their order, all from one sort: intervals ask for them thousands of times."""
    order = np.argsort(-score)
    last_of_ties = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    found = np.cumsum(is_cry[order])[last_of_ties]
    false = 1 + last_of_ties - found
    recall, false_rate = found / found[-1], false / false[-1]
    auc = np.sum(np.diff(false_rate, prepend=0.0) * (recall + np.append(0.0, recall[:-1])) / 2)
    precision = np.sum(np.diff(recall, prepend=0.0) * found / (found + false))
    at_rates = [recall_at_false_positive_rate(is_cry, score, rate) for rate in (0.05, 0.01)]
    return np.array([auc, precision, *at_rates])


def intervals(
    statistic: Callable[[np.ndarray], np.ndarray], is_cry: np.ndarray, groups: Sequence[str], seed: int
) -> dict[str, Interval]:
    """statistic(rows), one value for each of RANKING_METRICS, with their intervals."""
    low, high = bootstrap_interval(statistic, groups, seed, strata=is_cry)
    values = zip(RANKING_METRICS, statistic(np.arange(len(is_cry))), low, high, strict=True)
    return {name: (float(value), float(least), float(most)) for name, value, least, most in values}


def share_by_group(found: np.ndarray, groups: Sequence[str], seed: int) -> Interval:
    """Share found with its 95 % interval from drawing whole groups."""
    found = np.asarray(found)
    low, high = bootstrap_interval(lambda rows: found[rows].mean(), groups, seed)
    return float(found.mean()), float(low), float(high)


def interval_over(values: Sequence[float]) -> list[float | None]:
    """Mean of folds' or runs' scores and its 95 % interval; None where JSON has no nan: one value has no interval."""
    return [None if np.isnan(x) else float(x) for x in metrics.mean_interval(list(values))]


def with_interval(mean: float, low: float | None, high: float | None) -> str:
    """A mean as tables show it."""
    return f"{mean:.3f}" if low is None else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def in_points(gains: Sequence[float]) -> str:
    """The mean of gains of a score as points with their sign, and its interval where there is one."""
    mean, low, high = (None if x is None else 100 * x for x in interval_over(gains))
    return f"{mean:+.1f}" if low is None else f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def poisson_rate(count: int, hours: float) -> Interval:
    """Events per hour with its exact 95 % interval (Garwood, 1936)."""
    tail = (1 - CONFIDENCE) / 2
    low = scipy.stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    high = scipy.stats.chi2.ppf(1 - tail, 2 * (count + 1)) / 2
    return count / hours, float(low) / hours, float(high) / hours
