"""Where in a sequence a step is: sines and cosines, or what is learned."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

LONGEST_PERIOD = 10_000  # steps


@keras.saving.register_keras_serializable(package="cry_monitor")
class SinusoidalPositions(keras.layers.Layer):
    """Adds sin(t / period) and cos(t / period) of geometrically spaced periods: (batch, steps, features), no weights.

    (Vaswani et al., 2017.) Steps and features must be fixed.
    """

    def build(self, input_shape: Any) -> None:
        _, steps, features = input_shape
        period = LONGEST_PERIOD ** (2 * (np.arange(features) // 2) / features)
        angle = np.arange(steps)[:, None] / period
        self.positions = np.where(np.arange(features) % 2 == 0, np.sin(angle), np.cos(angle))
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs + ops.convert_to_tensor(self.positions[None], dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable(package="cry_monitor")
class LearnedPositions(keras.layers.Layer):
    """Adds a learned vector to each step: (batch, steps, features); `longest` steps have one. Steps must be fixed."""

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def build(self, input_shape: Any) -> None:
        _, self.steps, features = input_shape
        if self.steps > self.longest:
            raise ValueError(f"{self.steps} steps, and positions for {self.longest}")
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.positions = self.add_weight(shape=(self.longest, features), initializer=initializer, name="positions")
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs + self.positions[: self.steps]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "longest": self.longest}
