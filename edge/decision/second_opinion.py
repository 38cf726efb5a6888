"""When the verifier is asked: while the detector is suspicious, and a little longer."""

import math

from edge.decision.left_out import NoAnswer, is_answer
from edge.frames import FRAME_HOP_S

# Hops from an answer to the next; 1 where it may raise an alert (benchmarks/detection/second_opinion_rate.py).
HOPS_WHILE_HELD = 2  # suspicion, after what raised it
HOPS_WHILE_CRYING = 3  # an episode is open already, and experts are asked in the other hops


class SecondOpinion(object):
    """Follows one stream of the detector's logits; makes one probability of both networks' answers.

    An answer counts from the hop in which it is given until the next one, or until the suspicion is over.
    is_verified: whether one counted in the newest frame. was_asked: whether it was given there.
    """

    def __init__(self, verifier, newest):
        """verifier: edge.bundle.Verifier. newest(n) -> the stream's newest n samples, 1-D float32."""
        self._verifier = verifier
        self._newest = newest
        self._suspicious_hops = 1 + int(round(verifier.cascade.hold_s / FRAME_HOP_S))
        self._gate_logit = math.log(verifier.cascade.gate / (1.0 - verifier.cascade.gate))
        self._hops_left = 0  # of the suspicion
        self._hops_since = HOPS_WHILE_CRYING  # the verifier was asked; so many or more
        self._answer = None
        self.was_asked = False

    @property
    def answer(self):
        """The verifier's logits that count in the newest frame, (labels,), or None."""
        return self._answer

    @property
    def is_verified(self):
        """Whether an answer of the verifier counted in the newest frame."""
        return self._answer is not None

    def pass_over(self):
        """A frame that was too quiet for the detector to be asked."""
        self._step(-math.inf)

    def probability(self, detector_logit, is_crying=False):
        """p(cry) of both networks for the newest frame, by the detector's logit. Raises NoAnswer.

        is_crying: whether an episode is open, so that the verifier can wait.
        """
        self._step(detector_logit)
        hops = HOPS_WHILE_CRYING if is_crying else 1 if detector_logit >= self._gate_logit else HOPS_WHILE_HELD
        if self._hops_left > 0 and self._hops_since >= hops:
            answer = self._verifier.logits(self._newest(self._verifier.window_length)).copy()
            if not is_answer(answer):
                raise NoAnswer("the verifier's")
            self._answer = answer
            self._hops_since = 0
            self.was_asked = True
        return self._verifier.probability(detector_logit, self._answer)

    def _step(self, detector_logit):
        """One hop later: what is left of the suspicion, and how long ago the verifier was asked."""
        self._hops_left = max(0, self._hops_left - 1)
        self._hops_since = min(HOPS_WHILE_CRYING, self._hops_since + 1)
        if detector_logit >= self._gate_logit:
            self._hops_left = self._suspicious_hops
        if self._hops_left == 0:
            self._answer = None
        self.was_asked = False
