"""One answer from several experts, each with labels of its own (the CNN + LMU paper, Algorithm 1).

Experts weigh in by how certain they are: w_m is proportional to exp(-tau H(p_m)), and the weights sum to one.

all           sum of w_m p_m(y) over the experts that know y: a mixture, already normalised.
shared        Algorithm 1 as printed: the weights count only for labels that several experts know.
poe           the same with a product of experts: the weighted mean of their logarithms.
soft_average  all, with equal weights.
majority      the share of experts that put y first; a tie goes to the soft average.

In shared and poe the weights of the experts that know a label sum to one, so a label only one knows is its own word.
"""

from typing import NamedTuple

import numpy as np

from edge.decision.calibration import entropy, log_posterior, log_sum_exp
from edge.errors import UserError

METHODS = ("all", "shared", "poe", "soft_average", "majority")
LOWEST = np.log(1e-12)  # in a product, one expert's zero is not everyone's
SUM_TOLERANCE = 1e-3  # of probabilities that should sum to one


class Fused(NamedTuple):
    """The answer over Fusion.labels, and how it came about; leading axes are those of the experts' answers."""

    log_posterior: np.ndarray  # (..., labels)
    winner: np.ndarray  # (...) int: place in Fusion.labels
    weights: np.ndarray  # (..., experts), in the order of Fusion.experts
    entropies: np.ndarray  # (..., experts), natural logarithm


class Fusion(object):
    """Fuses the log-posteriors of named experts.

    experts: their names in order. labels: the union of what they know, sorted.
    """

    def __init__(self, labels_by_expert, method="all", tau=1.0):
        """labels_by_expert: {name: its labels in the order of its posterior}. tau: how much certainty counts.

        Raises UserError when there is no expert, one shares no label with the rest, or a setting is not known.
        """
        if method not in METHODS:
            raise UserError("fusion method {!r} is not known: use one of {}".format(method, ", ".join(METHODS)))
        if not 0.0 <= tau < np.inf:
            raise UserError("tau is {}: use a number of at least 0".format(tau))
        check_experts(labels_by_expert)
        self.method = method
        self.tau = tau
        self.experts = list(labels_by_expert)
        self.labels = sorted(set().union(*labels_by_expert.values()))
        self._places = [[self.labels.index(label) for label in labels_by_expert[name]] for name in self.experts]
        self._knows = np.zeros((len(self.experts), len(self.labels)), bool)
        for knows, places in zip(self._knows, self._places):
            knows[places] = True

    def fuse(self, log_posteriors):
        """Fuse {name: log-posterior (..., its labels)} of every expert into one Fused.

        Raises UserError when an expert is missing or its answer is NaN, ValueError when it is no log-posterior.
        """
        answers = [self._answer(name, log_posteriors) for name in self.experts]
        entropies = np.stack([entropy(answer) for answer in answers], axis=-1)
        tau = 0.0 if self.method in ("soft_average", "majority") else self.tau
        log_weights = log_posterior(-tau * entropies)
        on_union = np.full(entropies.shape + (len(self.labels),), -np.inf)
        for expert, (answer, places) in enumerate(zip(answers, self._places)):
            on_union[..., expert, places] = answer
        fused = self._combine(on_union, log_weights)
        winner = np.argmax(fused, axis=-1)
        if self.method == "majority":
            fused, winner = votes(on_union, fused)
        return Fused(fused, winner, np.exp(log_weights), entropies)

    def posterior(self, fused):
        """The fused posterior of one answer as {label: probability}."""
        return dict(zip(self.labels, np.exp(fused.log_posterior).tolist()))

    def _answer(self, name, log_posteriors):
        if name not in log_posteriors:
            raise UserError("expert {} gave no answer: fusion needs all of {}".format(name, ", ".join(self.experts)))
        answer = np.asarray(log_posteriors[name], np.float64)
        n_labels = len(self._places[self.experts.index(name)])
        if np.isnan(answer).any():
            raise UserError(
                "expert {} answered NaN: its model file is damaged or does not fit its features; export "
                "the bundle again".format(name)
            )
        if answer.shape[-1:] != (n_labels,) or (np.abs(log_sum_exp(answer)) > SUM_TOLERANCE).any():
            raise ValueError(
                "expert {}: expected a log-posterior over {} labels, got shape {}".format(name, n_labels, answer.shape)
            )
        return answer

    def _combine(self, on_union, log_weights):
        """log_posterior of the method but majority; on_union: (..., experts, labels)."""
        if self.method not in ("shared", "poe"):
            return log_sum_exp(log_weights[..., None] + on_union, axis=-2)
        of_knowers = np.where(self._knows, log_weights[..., None], -np.inf)
        of_knowers = of_knowers - log_sum_exp(of_knowers, axis=-2)[..., None, :]
        if self.method == "shared":
            return log_posterior(log_sum_exp(of_knowers + on_union, axis=-2))
        return log_posterior(np.sum(np.exp(of_knowers) * np.maximum(on_union, LOWEST), axis=-2))


def votes(on_union, soft_average):
    """Majority vote of (..., experts, labels): log of each label's share of the votes, and the winner."""
    n_experts, n_labels = on_union.shape[-2:]
    counts = np.eye(n_labels)[np.argmax(on_union, axis=-1)].sum(axis=-2)
    with np.errstate(divide="ignore"):
        shares = np.log(counts / n_experts)
    return shares, np.argmax(counts + 0.5 * np.exp(soft_average), axis=-1)  # half a vote decides nothing but ties


def check_experts(labels_by_expert):
    """Raise UserError unless every expert has labels and a chain of shared labels joins them all."""
    if not labels_by_expert:
        raise UserError("no expert to fuse: use a bundle that holds one")
    for name, labels in labels_by_expert.items():
        if not labels or len(set(labels)) != len(labels):
            raise UserError(
                "expert {} has the labels {}: each needs at least one, and none twice".format(name, list(labels))
            )
    joined, apart = set(), dict(labels_by_expert)
    while apart:
        near = [name for name, labels in apart.items() if not joined or joined & set(labels)]
        if not near:
            raise UserError(
                "experts {} share no label with {}: what they say cannot be fused; use experts with a "
                "common label".format(", ".join(sorted(apart)), ", ".join(sorted(set(labels_by_expert) - set(apart))))
            )
        joined |= set(apart.pop(near[0]))
