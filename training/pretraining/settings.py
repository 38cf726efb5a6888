"""How pretraining and fine-tuning learn."""

from __future__ import annotations

from dataclasses import dataclass

COARSE = 2  # columns and bands that are averaged


@dataclass(frozen=True)
class Settings:
    """What all ways share."""

    size: str = "res8-narrow"
    epochs: int = 20
    frames_per_epoch: int = 1024
    learning_rate: float = 3e-3
    batch_size: int = 64
    seed: int = 0
    head_epochs: int = 5  # of fine-tuning: the new head alone, before everything at a tenth of the rate
    temperature: float = 0.1  # of NT-Xent
