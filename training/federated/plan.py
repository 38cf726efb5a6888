"""What a federation agrees on before it starts: the same at the server and in every home."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.errors import UserError
from training.federated.layout import Layout
from training.federated.optimisation import LocalSteps
from training.federated.quantisation import first_ranges, largest
from training.federated.ring import WIDEST, ring_bits
from training.runs.toml_config import between, one_of

UNCOMPRESSED = 32  # bits: float32 as it is
MEAN, MEDIAN = "mean", "median"


@dataclass(frozen=True)
class Privacy:
    """Of a whole home's part in it: what one home's update can change is bounded, and drowned in noise."""

    noise_multiplier: float = 0.0  # standard deviation of the noise of a sum, in update_norms; 0: no noise
    update_norm: float = 0.1  # an update is no longer
    delta: float = 1e-5  # the chance that epsilon does not hold


@dataclass(frozen=True)
class Plan:
    """How a federation learns, and what goes over the wire."""

    local: LocalSteps
    rounds: int = 20
    homes_per_round: int = 10
    batch_size: int = 16
    bits: int = 8  # of a number of an update: 8, 6, 4, or 32: not compressed
    masking: bool = True
    fewest_homes: int = 3  # in a round; a home takes part among no fewer
    aggregate: str = MEAN  # median: withstands a few bad homes, needs updates in the clear
    seed: int = 0
    privacy: Privacy = field(default_factory=Privacy)

    def __post_init__(self) -> None:
        """Raise UserError for values out of range, and what cannot be had together."""
        between("rounds", self.rounds, 1, 100_000)
        between("homes_per_round", self.homes_per_round, self.fewest_homes, 10_000)
        between("fewest_homes", self.fewest_homes, 2, 10_000)
        between("batch_size", self.batch_size, 1, 4096)
        between("local.steps", self.local.steps, 1, 10_000)
        between("local.rate", self.local.rate, 1e-7, 10)
        between("local.proximal", self.local.proximal, 0, 100)
        between("local.clip_norm", self.local.clip_norm, 0, 1e6)
        between("privacy.noise_multiplier", self.privacy.noise_multiplier, 0, 1e3)
        one_of("aggregate", self.aggregate, (MEAN, MEDIAN))
        if self.bits not in (8, 6, 4, UNCOMPRESSED):
            raise UserError(f"bits is {self.bits}, it must be 8, 6, 4, or {UNCOMPRESSED} for no compression")
        if self.masking and (self.bits == UNCOMPRESSED or self.aggregate != MEAN):
            raise UserError("masking = true hides all but a sum of whole numbers: it needs bits 8, 6 or 4 and the mean")
        if self.is_quantised and self.ring_bits > WIDEST:
            raise UserError(
                f"a sum of {self.homes_per_round} homes needs {self.ring_bits} bits, at most {WIDEST}: ask fewer"
            )

    @property
    def is_quantised(self) -> bool:
        """Whether updates are whole numbers."""
        return self.bits != UNCOMPRESSED

    @property
    def ring_bits(self) -> int:
        """Of the ring that sums lie in; of a number on the wire where updates are in the clear, just its own bits."""
        return ring_bits(largest(self.bits), self.homes_per_round) if self.masking else self.bits

    def noise(self, homes: int | None = None) -> float:
        """Standard deviation of the noise that each home adds, such that so many (default: all) give the sum's."""
        return self.privacy.noise_multiplier * self.privacy.update_norm / np.sqrt(homes or self.homes_per_round)

    def ranges(self, layout: Layout) -> np.ndarray:
        """What updates may reach in the first round, (tensors,); with noise it never changes."""
        if not self.privacy.noise_multiplier:
            return first_ranges(layout, self.local.steps, self.local.rate, self.local.clip_norm)
        reach = max(3 * self.privacy.update_norm / np.sqrt(layout.size), 4 * self.noise())
        return np.full(len(layout.sizes), reach)

    def about(self) -> dict[str, Any]:
        """As JSON has it."""
        return dataclasses.asdict(self)
