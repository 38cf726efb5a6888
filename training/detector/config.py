"""How long and how fast the detector learns, and what ships unless a benchmark says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_DECISION = {"open_threshold": 0.6, "close_threshold": 0.4}  # a first guess


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn."""

    rounds: int = 12  # between rounds hard negatives are mined and a checkpoint is written
    steps_per_round: int = 320
    batch_size: int = 192
    learning_rate: float = 3e-3
    weight_decay: float = 0.03
    ema_momentum: float = 0.995  # what ships is a moving average of the weights
    teacher_weight: float = 20.0  # of the mean over 521 classes
    seed: int = 0

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.rounds * self.steps_per_round
