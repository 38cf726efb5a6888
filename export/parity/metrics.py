"""What the detector is for, measured: AUC, balanced accuracy, calibration error; and the interval of a change."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, rankdata

from edge.decision.calibration import reliability

CONFIDENCE = 0.95
BOOTSTRAP_ROUNDS = 500

Metric = Callable[[np.ndarray, np.ndarray], float | None]


def auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Area under the ROC curve (Mann-Whitney); None when the labels are all alike or a score is not finite."""
    n_positive = int(labels.sum())
    n_negative = len(labels) - n_positive
    if n_positive == 0 or n_negative == 0 or not np.isfinite(scores).all():
        return None
    rank_sum = rankdata(scores)[labels].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def balanced_accuracy(threshold: float) -> Metric:
    """The metric "mean over both classes of the share on its own side of the threshold", of probabilities."""

    def metric(probability: np.ndarray, labels: np.ndarray) -> float | None:
        if labels.all() or not labels.any() or not np.isfinite(probability).all():
            return None
        above = probability >= threshold
        return float((above[labels].mean() + (~above[~labels]).mean()) / 2)

    return metric


def recall_at(false_positives: float) -> Metric:
    """The metric "share of the positives above the threshold that this share of the negatives exceeds at most"."""

    def metric(scores: np.ndarray, labels: np.ndarray) -> float | None:
        if labels.all() or not labels.any() or not np.isfinite(scores).all():
            return None
        others = np.sort(scores[~labels])[::-1]
        return float((scores[labels] > others[int(false_positives * len(others))]).mean())

    return metric


def calibration_error(posterior: np.ndarray, classes: np.ndarray) -> float | None:
    """Expected calibration error, see edge.decision.calibration.reliability.

    posterior: (N, classes); classes: (N,) int, the true ones. None when a posterior is not finite.
    """
    if not np.isfinite(posterior).all():
        return None
    return reliability(posterior.max(axis=1), posterior.argmax(axis=1) == classes).ece


@dataclass(frozen=True)
class Change:
    """A metric of Keras and of an exported file; the difference in points of 100 with its 95 % interval."""

    keras: float | None
    file: float | None
    points: float | None
    low: float | None
    high: float | None


def change(metric: Metric, keras: np.ndarray, file: np.ndarray, labels: np.ndarray, groups: Sequence[str]) -> Change:
    """The change of a metric, its interval from drawing whole groups within each class; scores: (N,)."""
    before, after = metric(keras, labels), metric(file, labels)
    if before is None or after is None:
        return Change(before, after, None, None, None)
    draws = []
    for rows in group_draws(labels, groups):
        draws.append(100 * (metric(file[rows], labels[rows]) - metric(keras[rows], labels[rows])))
    low, high = interval(draws)
    return Change(before, after, 100 * (after - before), low, high)


def group_draws(labels: np.ndarray, groups: Sequence[str], seed: int = 0) -> Iterator[np.ndarray]:
    """Yield BOOTSTRAP_ROUNDS arrays of row numbers: groups drawn with replacement, cries and others apart."""
    rng = np.random.default_rng(seed)
    _, owner = np.unique(np.asarray(groups), return_inverse=True)
    members = [
        [np.flatnonzero((owner == g) & (labels == label)) for g in np.unique(owner[labels == label])]
        for label in (False, True)
    ]
    for _ in range(BOOTSTRAP_ROUNDS):
        yield np.concatenate([part[i] for part in members for i in rng.integers(0, len(part), len(part))])


def surely_above(count: int, n: int, share: float) -> bool:
    """Whether `count` of n is more than a share beyond chance: the lower end of its 95 % interval (Clopper-Pearson)."""
    tail = (1 - CONFIDENCE) / 2
    return count > 0 and beta.ppf(tail, count, n - count + 1) > share


def interval(draws: Sequence[float]) -> tuple[float, float]:
    """The central 95 % of draws."""
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)
