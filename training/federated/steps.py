"""What a completed round did to the model, small enough to send in place of the model: the sum, and how it is read.

A home that knows the model as it was before can take the same steps as the server, to the last bit: every operation is
one of whole numbers, or a rounded one element by element. A digest of where they lead says whether both did.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from edge.errors import UserError
from edge.untrusted import parse_json
from training.federated import ring
from training.federated.layout import Layout
from training.federated.messages import Rejected, frames, unframed
from training.federated.optimisation import server_step
from training.federated.plan import Plan
from training.federated.quantisation import after_votes, scales

AT_MOST = 4  # steps that are kept for homes which missed some rounds


@dataclass(frozen=True)
class Known:
    """The model after some completed rounds. number: of those rounds."""

    number: int
    parameters: np.ndarray
    control: np.ndarray


@dataclass(frozen=True)
class Step:
    """total: the sum of the homes' whole numbers, (size + tensors,) int32. ranges: before it. share: homes of all."""

    total: np.ndarray
    ranges: np.ndarray
    homes: int
    share: float

    def encoded(self, plan: Plan) -> bytes:
        """As bytes."""
        header = json.dumps([self.homes, self.share, len(self.total)]).encode()
        packed = ring.pack(ring.to_ring(self.total, plan.ring_bits), plan.ring_bits)
        return frames([header, self.ranges.astype("<f4").tobytes(), packed])

    @classmethod
    def decoded(cls, data: bytes, layout: Layout, plan: Plan) -> Step:
        """What encoded() made. Raises Rejected."""
        n, tensors = layout.size + len(layout.sizes), len(layout.sizes)
        parts = unframed(data)
        try:
            header, ranges, packed = parts
            homes, share, length = parse_json(header, "a step")
            is_right = length == n and len(ranges) == 4 * tensors and homes >= 1 and 0 < share <= 1
        except (UserError, ValueError, TypeError) as error:
            raise Rejected("malformed: a step of the model") from error
        if not is_right or len(packed) != ring.packed_length(n, plan.ring_bits):
            raise Rejected("a step of another model")
        total = ring.centred(ring.unpack(packed, n, plan.ring_bits), plan.ring_bits)
        return cls(total, np.frombuffer(ranges, "<f4"), homes, share)

    def mean(self, layout: Layout, plan: Plan) -> np.ndarray:
        """The mean update, (size,)."""
        return self.total[: layout.size] * scales(layout, self.ranges.astype(float), plan.bits) / self.homes

    def next_ranges(self, layout: Layout, plan: Plan) -> np.ndarray:
        """The ranges that the homes' votes ask for; with noise they stay."""
        if plan.privacy.noise_multiplier:
            return self.ranges
        return after_votes(self.ranges, self.total[layout.size :], self.homes).astype(np.float32)

    def taken(self, before: Known, layout: Layout, plan: Plan) -> Known:
        """The model after it."""
        after, control = server_step(before.parameters, before.control, self.mean(layout, plan), self.share, plan.local)
        return Known(before.number + 1, after.astype(np.float32), control.astype(np.float32))


def digest(known: Known) -> str:
    """Of the model, to the last bit."""
    content = known.parameters.astype("<f4").tobytes() + known.control.astype("<f4").tobytes()
    return hashlib.sha256(content).hexdigest()
