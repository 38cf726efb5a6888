"""From what each expert says of an episode to the event's cause, or to none (METHODS 1.4 and 3.5)."""

import numpy as np

from edge.decision.calibration import energy
from edge.decision.fusion import Fusion
from edge.errors import UserError
from edge.log import log
from edge.records import ExpertReading


class Verdict(object):
    """Energy score, entropy-gated fusion and the uncertain rule, as the bundle sets them."""

    def __init__(self, experts, settings):
        """experts: of edge.bundle. settings: edge.bundle.manifest.FusionSettings."""
        self._experts = experts
        self._fusion = Fusion({expert.name: expert.labels for expert in experts}, settings.method, settings.tau)
        self._rule = settings.uncertain

    def explained(self, event, answers):
        """The event with its cause, posterior, readings, and whether the sound is unlike all that the experts know.

        answers: {expert's name: edge.causes.pooled.Answer or None}. Where one is missing the event stays as it is.
        """
        if any(answers[expert.name] is None for expert in self._experts):
            return event
        try:
            fused = self._fusion.fuse({name: answer.log_posterior for name, answer in answers.items()})
        except UserError as error:  # a damaged expert must not end the listening
            log.error("an event without a cause: %s", error)
            return event
        is_unknown = self._is_unknown(answers)
        cause, probability = self._rule.decide(self._fusion.labels, fused.log_posterior)
        if is_unknown:
            cause = probability = None
        elif cause is not None:
            cause = self._fusion.labels[int(fused.winner)]  # of a tied vote it is not the first label
        return event._replace(
            cause=cause, cause_probability=probability, posterior=self._fusion.posterior(fused),
            out_of_distribution=is_unknown, readings=self._readings(answers, fused))

    def _is_unknown(self, answers):
        """Whether every expert that can judge finds the sound unknown; None when none can."""
        found = [energy(answers[expert.name].mean_logits, expert.temperature) > expert.energy_threshold
                 for expert in self._experts if expert.energy_threshold is not None]
        return bool(all(found)) if found else None

    def _readings(self, answers, fused):
        return tuple(
            ExpertReading(expert.name,
                          dict(zip(expert.labels, np.exp(answers[expert.name].log_posterior).tolist())),
                          expert.temperature, float(entropy), float(weight))
            for expert, entropy, weight in zip(self._experts, fused.entropies, fused.weights))
