"""Honest probabilities: temperature, what is left of the calibration error, entropy and the energy score.

Everything works along the last axis in float64 with natural logarithms: (K,) for one answer, (N, K) for many.
The only fit of a temperature in the project is here; export and training use it too.
"""

from typing import NamedTuple

import numpy as np

from edge.errors import UserError

TEMPERATURE_RANGE = (0.05, 20.0)
ECE_BINS = 15
KNOWN_SHARE = 0.95  # of the sounds an expert was made for lie within its energy threshold
BISECTIONS = 60  # halve the range of log T to the precision of float64


class Reliability(NamedTuple):
    """What a reliability plot shows; arrays (15,), NaN in a bin that nothing fell into."""

    edges: np.ndarray  # (16,) of the bins of confidence, which include their lower edge
    counts: np.ndarray
    confidence: np.ndarray  # mean of each bin
    accuracy: np.ndarray  # share of right answers in each bin
    ece: float  # sum of abs(accuracy - confidence), each by its bin's share of all answers


def log_sum_exp(values, axis=-1):
    """log(sum(exp(values))) along an axis, without overflow; -inf is the logarithm of 0."""
    highest = np.max(values, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(values - shift), axis=axis, keepdims=True)) + shift
    return np.squeeze(total, axis=axis)


def log_posterior(logits, temperature=1.0):
    """log softmax(logits / temperature), (..., K) float64: what experts are compared and fused by.

    Raw logits of two models are never comparable: a softmax forgets what is added to all of them.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    return scaled - log_sum_exp(scaled)[..., None]


def fit_temperature(logits, classes):
    """The T within TEMPERATURE_RANGE that makes the mean of -log softmax(logits / T)[class] least.

    logits: (N, K) of validation answers; a single column stands against zero, as a sigmoid does. classes: (N,) int,
    the true ones. The NLL is convex in 1 / T: where its slope changes sign is found by halving the range of log T.
    Raises UserError when there is nothing to fit on, or a value is not finite.
    """
    logits = np.asarray(logits, np.float64)
    classes = np.asarray(classes, int)
    _check_validation(logits, classes)
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    true_logits = logits[np.arange(len(classes)), classes]
    low, high = np.log(TEMPERATURE_RANGE)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        posterior = np.exp(log_posterior(logits, np.exp(middle)))
        slope = np.mean(np.sum(posterior * logits, axis=1) - true_logits)  # d NLL / d (1 / T)
        low, high = (middle, high) if slope > 0.0 else (low, middle)
    return float(np.clip(np.exp(0.5 * (low + high)), *TEMPERATURE_RANGE))


def _check_validation(logits, classes):
    if logits.ndim != 2 or len(logits) == 0 or len(logits) != len(classes):
        raise UserError(
            "cannot fit a temperature to logits of shape {} and {} classes: give one row for each "
            "validation answer".format(logits.shape, len(classes))
        )
    if not np.isfinite(logits).all():
        raise UserError(
            "cannot fit a temperature: {} of {} logits are not finite; look at the training, which has diverged".format(
                int((~np.isfinite(logits)).sum()), logits.size
            )
        )
    n_classes = max(2, logits.shape[1])
    if classes.min() < 0 or classes.max() >= n_classes:
        raise UserError(
            "cannot fit a temperature: classes run from {} to {}, the logits have {}; use the same "
            "labels for both".format(classes.min(), classes.max(), n_classes)
        )


def reliability(confidence, correct):
    """How often answers of each confidence are right: Reliability.

    confidence: (N,) in 0..1. correct: (N,) bool. Raises UserError when there are none or one is not finite.
    """
    confidence, correct = check_answers(confidence, correct)
    number = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    counts = np.bincount(number, minlength=ECE_BINS)
    sum_of_confidence = np.bincount(number, confidence, ECE_BINS)
    n_correct = np.bincount(number, correct, ECE_BINS)
    occupied = np.where(counts > 0, counts, np.nan)
    return Reliability(
        edges=np.linspace(0.0, 1.0, ECE_BINS + 1),
        counts=counts,
        confidence=sum_of_confidence / occupied,
        accuracy=n_correct / occupied,
        ece=float(np.sum(np.abs(n_correct - sum_of_confidence)) / len(confidence)),
    )


def check_answers(confidence, correct):
    """Both as arrays (N,). Raises UserError unless there is one of each per answer and every confidence is in 0..1."""
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, bool)
    if confidence.ndim != 1 or len(confidence) == 0 or confidence.shape != correct.shape:
        raise UserError(
            "{} confidences and {} judgements: give one of each for every validation answer".format(
                confidence.size, correct.size
            )
        )
    if not ((confidence >= 0.0) & (confidence <= 1.0 + 1e-9)).all():  # False for NaN too
        raise UserError(
            "confidence runs from {} to {}: expected probabilities".format(confidence.min(), confidence.max())
        )
    return confidence, correct


def entropy(log_posteriors):
    """-sum p ln p of log-posteriors (..., K): 0 is certain, ln K knows nothing."""
    log_posteriors = np.asarray(log_posteriors, np.float64)
    known = np.where(np.isneginf(log_posteriors), 0.0, log_posteriors)  # 0 ln 0 is 0
    return -np.sum(np.exp(log_posteriors) * known, axis=-1)


def energy(logits, temperature=1.0):
    """-T log(sum(exp(logits / T))) of logits (..., K): higher for sounds unlike those an expert was made for."""
    return -temperature * log_sum_exp(np.asarray(logits, np.float64) / temperature)


def fit_energy_threshold(energies):
    """The energy that KNOWN_SHARE of validation answers (N,) stay at or below; more is an unknown sound."""
    energies = np.asarray(energies, np.float64)
    if energies.size == 0 or not np.isfinite(energies).all():
        raise UserError(
            "cannot choose an energy threshold from {} energies of which {} are finite: give those of "
            "validation answers".format(energies.size, int(np.isfinite(energies).sum()))
        )
    return float(np.percentile(energies, 100.0 * KNOWN_SHARE))
