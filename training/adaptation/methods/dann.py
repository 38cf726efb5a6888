"""Domain-adversarial training: features learn to hide the domain from who tries to tell it. Ganin et al., 2016."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from training.adaptation.stage import DOMAIN, Adaptation
from training.layers.reversal import GradientReversal

UNITS = 64
GAMMA = 10.0


def strength(progress: float) -> float:
    """2 / (1 + exp(-10 p)) - 1: from 0 to nearly 1."""
    return 2 / (1 + math.exp(-GAMMA * progress)) - 1


class Method(Adaptation):
    """A classifier of domains behind a reversed gradient."""

    def heads(self, features: Any) -> dict[str, Any]:
        """The domain's logit."""
        self.reversal = GradientReversal(name="reversal")
        x = layers.Dense(UNITS, activation="relu", name="domain_hidden")(self.reversal(features))
        return {DOMAIN: layers.Dense(1, name=DOMAIN)(x)}

    def terms(self) -> dict[str, Any]:
        """Which domain it is."""
        return {DOMAIN: keras.losses.BinaryCrossentropy(from_logits=True)}

    def batch(self, clips: Any, rng: Any) -> tuple[Any, Any]:
        """As always, after the gradient's strength was set."""
        found = super().batch(clips, rng)
        self.reversal.strength.assign(strength(self.progress))
        return found
