"""From what each expert says of an episode to the event's cause, or to none."""

import numpy as np

from edge.decision.calibration import energy
from edge.decision.fusion import Fusion, check_experts
from edge.errors import UserError
from edge.log import log
from edge.records import ExpertReading


class Verdict(object):
    """Energy score, entropy-gated fusion and the uncertain rule, as the bundle sets them."""

    def __init__(self, experts, settings):
        """experts: of edge.bundle. settings: edge.bundle.manifest.FusionSettings."""
        self._experts = experts
        self._settings = settings
        self._fusion = fusion_of(experts, settings)

    def explained(self, event, answers):
        """The event with its cause, posterior, readings, and whether the sound is unlike all that the experts know.

        answers: {expert's name: edge.causes.episode_pooling.Answer, or None of a sound too short for it}. Where some
        are missing the others make the posterior, but name no cause: what the rule promises was measured with all of
        them. Where all are, or the others share no label, the event stays as it is.
        """
        heard = [expert for expert in self._experts if answers[expert.name] is not None]
        is_complete = len(heard) == len(self._experts)
        if not heard or not is_complete and not can_be_fused(heard):
            return event
        fusion = self._fusion if is_complete else fusion_of(heard, self._settings)
        try:
            fused = fusion.fuse({expert.name: answers[expert.name].log_posterior for expert in heard})
        except UserError as error:  # a damaged expert must not end the listening
            log.error("an event without a cause: %s", error)
            return event
        is_unknown = are_all_strange(heard, answers)
        cause, probability = self._settings.uncertain.decide(fusion.labels, fused.log_posterior)
        if is_unknown or not is_complete:
            cause = probability = None
        elif cause is not None:
            cause = fusion.labels[int(fused.winner)]  # of a tied vote it is not the first label
        return event._replace(
            cause=cause,
            cause_probability=probability,
            posterior=fusion.posterior(fused),
            out_of_distribution=is_unknown,
            readings=readings(heard, answers, fused),
        )


def fusion_of(experts, settings):
    """The Fusion of experts. Raises UserError when a chain of shared labels does not join them."""
    return Fusion({expert.name: expert.labels for expert in experts}, settings.method, settings.tau)


def can_be_fused(experts):
    """Whether a chain of shared labels joins the experts."""
    try:
        check_experts({expert.name: expert.labels for expert in experts})
    except UserError:
        return False
    return True


def are_all_strange(experts, answers):
    """Whether every expert that can judge finds the sound unknown; None when none can."""
    found = [
        energy(answers[expert.name].mean_logits, expert.temperature) > expert.energy_threshold
        for expert in experts
        if expert.energy_threshold is not None
    ]
    return bool(all(found)) if found else None


def readings(experts, answers, fused):
    """What each expert made of it, as an event keeps it."""
    return tuple(
        ExpertReading(
            expert.name,
            dict(zip(expert.labels, np.exp(answers[expert.name].log_posterior).tolist())),
            expert.temperature,
            float(entropy),
            float(weight),
        )
        for expert, entropy, weight in zip(experts, fused.entropies, fused.weights)
    )
