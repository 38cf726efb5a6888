"""A home that does harm, for the studies: its labels are turned round, or its update is longer than it may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.federated import ring
from training.federated.home import Home
from training.federated.masking import unframed_pairs
from training.federated.messages import Message
from training.federated.quantisation import largest, scales


@dataclass
class HarmfulHome(Home):
    """Sends `factor` times its update; reach: homes' ranges that it fills at most, 1 as the program has it."""

    factor: float = 1.0
    reach: int = 1

    def on_the_wire(self, update: np.ndarray, message: Message, rng: np.random.Generator) -> tuple[bytes, np.ndarray]:
        """The update as bytes, and what they are worth."""
        longer = update * np.float32(self.factor)
        if self.reach == 1:
            return super().on_the_wire(longer, message, rng)
        layout, bits = self.learner.layout, self.plan.ring_bits
        scale = scales(layout, message.numbers("ranges", len(layout.sizes)).astype(float), self.plan.bits)
        limit = self.reach * largest(self.plan.bits)
        whole = np.clip(np.rint(longer / scale), -limit, limit).astype(np.int64)
        values = ring.to_ring(np.concatenate([whole, np.zeros(len(layout.sizes), np.int64)]), bits)
        masked = self.member.masked(values, bits, unframed_pairs(message.blob("shares")))
        return ring.pack(masked, bits), whole * scale
