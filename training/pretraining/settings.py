"""How pretraining and fine-tuning learn."""

from __future__ import annotations

from dataclasses import dataclass

from training.runs.settings import Res8Settings

COARSE = 2  # columns and bands that are averaged


@dataclass(frozen=True)
class Settings(Res8Settings):
    """What all ways share."""

    frames_per_epoch: int = 1024
    head_epochs: int = 5  # of fine-tuning: the new head alone, before everything
    fine_tuning: float = 1.0  # of the rate, for everything: at a tenth of Adam's so few epochs learn nothing new
    temperature: float = 0.1  # of NT-Xent
