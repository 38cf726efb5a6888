"""The weights of a verifier's context, read strictly: see edge.decision.context."""

import math
from typing import List, NamedTuple

MOST_UNITS = 64


class ContextWeights(NamedTuple):
    """Those of edge.decision.context.Context, in Keras' order: update, reset, candidate; matrices row by row.

    Inputs: the detector's logit, whether the verifier has an answer, its logits. Output: the logit of p(cry).
    """

    units: int
    kernel: List[float]  # (inputs, 3 * units)
    recurrent_kernel: List[float]  # (units, 3 * units)
    bias: List[float]  # (3 * units,)
    recurrent_bias: List[float]  # (3 * units,)
    read_out: List[float]  # (units,)
    skip: List[float]  # (inputs,): what the newest frame counts by itself
    offset: float


def read_context(fields, n_labels):
    """The weights of a recurrence over the answers of detector and verifier. Raises UserError."""
    units, inputs = fields.integer("units", 1), 2 + n_labels
    if units > MOST_UNITS:
        raise fields.problem("units", units, "at most {} are allowed".format(MOST_UNITS))
    return ContextWeights(
        units=units,
        kernel=fields.numbers("kernel", inputs * 3 * units),
        recurrent_kernel=fields.numbers("recurrent_kernel", units * 3 * units),
        bias=fields.numbers("bias", 3 * units),
        recurrent_bias=fields.numbers("recurrent_bias", 3 * units),
        read_out=fields.numbers("read_out", units),
        skip=fields.numbers("skip", inputs),
        offset=fields.number("offset", -math.inf),
    )
