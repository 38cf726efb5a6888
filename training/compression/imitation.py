"""Teach a compressed model to answer what the model it was made of answers: regression on logits, without labels.

Ba, Caruana: "Do Deep Nets Really Need to be Deep?", 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from training.runs.stage import Stage, by_loss

AT_ONCE = 128


@dataclass(frozen=True)
class Imitation(Stage):
    """x, answers: (items, ...) input and what the large model says of it; training, validation: numbers of items."""

    model: keras.Model
    x: np.ndarray
    answers: np.ndarray
    training: np.ndarray
    validation: np.ndarray

    goodness = staticmethod(by_loss)

    def losses(self) -> tuple[Any, None]:
        """Squared error of the logits."""
        return keras.losses.MeanSquaredError(), None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """Every item once."""
        return rng.permutation(self.training)

    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Input and answers."""
        return self.x[clips], self.answers[clips]

    def validate(self, model: keras.Model) -> dict[str, float]:
        """The loss on items that are not learnt from."""
        said = answers_of(model, self.x[self.validation])
        return {"validation_loss": float(np.mean((said - self.answers[self.validation]) ** 2))}


def answers_of(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a model says, some items at a time."""
    parts = [model.predict_on_batch(x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])
