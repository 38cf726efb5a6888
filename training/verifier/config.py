"""What the cascade is made of. The few numbers here were chosen by leaving whole sources out, not by fitting them."""

from __future__ import annotations

from collections.abc import Sequence

from edge.bundle.model import Cascade

CLASSES = {"baby_cry": 20, "animal": 67, "music": 132}  # label: YAMNet's "Baby cry, infant cry", "Animal", "Music"
SLOPES = (0.75, -0.15, -0.1)  # what each logit counts where the detector's counts 1
GATE = 0.1  # the detector's probability
HOLD_S = 1.0
UNASKED = (-12.0, 0.0, 0.0)  # logits where there is no answer: below nearly all that the verifier gives
LOWEST_GATE = 0.05  # of those that were tried


def cascade(bias: float, scale: float, slopes: Sequence[float] = SLOPES, gate: float = GATE) -> Cascade:
    """p(cry) = sigmoid(bias + scale * (detector's logit + slopes * verifier's logits))."""
    return Cascade(
        gate=gate,
        hold_s=HOLD_S,
        bias=bias,
        detector_weight=scale,
        weights=[scale * slope for slope in slopes],
        unasked=list(UNASKED),
    )
