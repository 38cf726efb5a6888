"""How a res8 on seconds of log-mel learns, whatever it learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Res8Settings:
    """What pretraining, adaptation and verification share; each adds its own."""

    size: str = "res8-narrow"
    epochs: int = 20
    learning_rate: float = 3e-3
    batch_size: int = 64
    seed: int = 0
