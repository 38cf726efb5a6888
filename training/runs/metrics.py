"""Scores of a classifier, and what chance scores on the same groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.decision.calibration import log_posterior, reliability
from edge.decision.pooling import pool

CONFIDENCE = 0.95
NULL_ROUNDS = 1000
FEWEST = 3  # values of an interval: of two, Student's t reaches twelve standard errors


def confusion(truth: np.ndarray, predicted: np.ndarray, n_labels: int) -> np.ndarray:
    """Counts, (truth, predicted)."""
    return np.bincount(truth * n_labels + predicted, minlength=n_labels**2).reshape(n_labels, n_labels)


def f1_scores(counts: np.ndarray) -> np.ndarray:
    """F1 of each label; nan for one that is neither there nor predicted."""
    denominator = counts.sum(axis=0) + counts.sum(axis=1)
    return np.where(denominator > 0, 2 * np.diag(counts) / np.maximum(denominator, 1), np.nan)


def macro_f1(counts: np.ndarray) -> float:
    """Mean F1 over the labels that are there: a label predicted but not there lowers the others' scores only."""
    there = counts.sum(axis=1) > 0
    return float(f1_scores(counts)[there].mean())


def balanced_accuracy(counts: np.ndarray) -> float:
    """Mean recall over the labels that are there."""
    there = counts.sum(axis=1) > 0
    return float((np.diag(counts)[there] / counts.sum(axis=1)[there]).mean())


def scores(truth: np.ndarray, log_posteriors: np.ndarray) -> dict[str, float]:
    """macro_f1, balanced_accuracy, accuracy, nll (nats), brier and ece of (n, labels) normalised log-posteriors."""
    n_labels = log_posteriors.shape[1]
    predicted = log_posteriors.argmax(axis=1)
    counts = confusion(truth, predicted, n_labels)
    wrong_by = np.exp(log_posteriors) - np.eye(n_labels)[truth]
    return {
        "macro_f1": macro_f1(counts),
        "balanced_accuracy": balanced_accuracy(counts),
        "accuracy": float(np.trace(counts) / counts.sum()),
        "nll": float(-log_posteriors[np.arange(len(truth)), truth].mean()),
        "brier": float((wrong_by**2).sum(axis=1).mean()),
        "ece": reliability(np.exp(log_posteriors.max(axis=1)), predicted == truth).ece,
    }


def validation_scores(truth: np.ndarray, log_posteriors: np.ndarray) -> dict[str, float]:
    """What a curve says of an epoch: macro_f1, and nll in nats, of (n, labels) normalised log-posteriors."""
    counts = confusion(truth, log_posteriors.argmax(axis=1), log_posteriors.shape[1])
    return {"macro_f1": macro_f1(counts), "nll": -float(np.mean(log_posteriors[np.arange(len(truth)), truth]))}


def permutation_null(
    truth: np.ndarray, predicted: np.ndarray, groups: Sequence[str], n_labels: int, seed: int
) -> dict[str, float]:
    """The 95 % point of macro_f1 and balanced_accuracy when groups are dealt the labels of others.

    The labels of all groups are laid in a row, group after group in random order and shuffled within each, and dealt
    to the clips in theirs: what one parent said of several clips mostly stays together. A score below this point is
    no better than chance.
    """
    rng = np.random.default_rng(seed)
    _, owner = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(owner, kind="stable")
    members = np.split(truth[order], np.flatnonzero(np.diff(owner[order])) + 1)
    drawn = []
    for _ in range(NULL_ROUNDS):
        dealt = np.concatenate([rng.permutation(members[i]) for i in rng.permutation(len(members))])
        shuffled = np.empty_like(truth)
        shuffled[order] = dealt
        counts = confusion(shuffled, predicted, n_labels)
        drawn.append((macro_f1(counts), balanced_accuracy(counts)))
    points = np.percentile(drawn, 100 * CONFIDENCE, axis=0)
    return {"macro_f1": float(points[0]), "balanced_accuracy": float(points[1])}


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean with its 95 % interval by Student's t; (nan, nan) for fewer than FEWEST values: it would say nothing."""
    given = np.asarray(values, float)
    if len(given) < FEWEST:
        return float(given.mean()), float("nan"), float("nan")
    from scipy.stats import t  # here, as it takes long to load and 20 MB

    reach = t.ppf((1 + CONFIDENCE) / 2, len(given) - 1) * given.std(ddof=1) / np.sqrt(len(given))
    return float(given.mean()), float(given.mean() - reach), float(given.mean() + reach)


def pooled(logits: np.ndarray, owner: np.ndarray, n_clips: int) -> np.ndarray:
    """Log-posterior of each clip from its windows' logits, as the device pools an episode; (n_clips, labels)."""
    log_posteriors = log_posterior(logits)
    return np.stack([pool(log_posteriors[owner == clip]) for clip in range(n_clips)])
