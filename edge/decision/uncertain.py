"""When to answer at all: only above a confidence at which validation answers were wrong no more often than stated.

The threshold is chosen as Geifman and El-Yaniv (2017, SGR) do: with probability 1 - DELTA the true share of wrong
answers among those given is at most the stated risk. A small validation set cannot promise much, and where it
promises nothing the rule never answers: that is a result, not a fault.
"""

from typing import NamedTuple, Optional

import numpy as np

from edge.decision.calibration import check_answers
from edge.errors import UserError

DELTA = 0.05


class UncertainRule(NamedTuple):
    """Answer when calibrated confidence is at least the threshold; None: never."""

    threshold: Optional[float]
    risk: float  # stated: largest share of wrong answers among those given
    coverage: float  # share of the validation answers that the rule lets through
    measured_risk: Optional[float]  # share of those that were wrong; None when there are none
    n_validation: int

    def decide(self, labels, log_posterior):
        """(label, probability) of the likeliest label, or (None, None) when it is not sure enough.

        log_posterior: (len(labels),) calibrated. Raises UserError when it is NaN.
        """
        if np.isnan(log_posterior).any():
            raise UserError("the posterior over {} is NaN: export the bundle again".format(", ".join(labels)))
        best = int(np.argmax(log_posterior))
        probability = float(np.exp(log_posterior[best]))
        if self.threshold is None or probability < self.threshold:
            return None, None
        return labels[best], probability


def choose_rule(confidence, correct, risk):
    """The UncertainRule that answers most often within a stated risk.

    confidence: (N,) calibrated, of answers pooled as they will be, one for each independent episode. correct: (N,)
    bool. risk: 0..1, ends excluded. Raises UserError for no answers, values outside 0..1 or another risk.
    """
    if not 0.0 < risk < 1.0:
        raise UserError("selective risk is {}: use a share of wrong answers between 0 and 1".format(risk))
    confidence, correct = check_answers(confidence, correct)
    thresholds = np.unique(confidence)
    delta = DELTA / max(1, int(np.ceil(np.log2(len(thresholds) + 1))))  # one share for each look of the search
    low, high, chosen = 0, len(thresholds) - 1, None
    while low <= high:
        middle = (low + high) // 2
        wrong = ~correct[confidence >= thresholds[middle]]
        if highest_risk(int(wrong.sum()), len(wrong), delta) <= risk:
            chosen, high = float(thresholds[middle]), middle - 1
        else:
            low = middle + 1
    coverage, measured = selective_risk(confidence, correct, chosen)
    return UncertainRule(chosen, risk, coverage, measured, len(confidence))


def selective_risk(confidence, correct, threshold):
    """(share of answers given, share of those that are wrong or None) at a threshold, None for never."""
    confidence, correct = check_answers(confidence, correct)
    given = np.zeros(len(confidence), bool) if threshold is None else confidence >= threshold
    return float(given.mean()), float(1.0 - correct[given].mean()) if given.any() else None


def highest_risk(n_wrong, n_answers, delta):
    """The share of wrong answers that n_wrong of n_answers leave possible: exact binomial bound (Clopper-Pearson)."""
    from scipy.special import betaincinv  # only a fit needs SciPy's functions, no device does

    if n_wrong == n_answers:
        return 1.0
    return float(betaincinv(n_wrong + 1, n_answers - n_wrong, 1.0 - delta))
