"""Where in a sequence a step is, as sines and cosines."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

LONGEST_PERIOD = 10_000  # steps


@keras.saving.register_keras_serializable(package="cry_monitor")
class SinusoidalPositions(keras.layers.Layer):
    """Adds sin(t / period) and cos(t / period) of geometrically spaced periods: (batch, steps, features), no weights.

    (Vaswani et al., 2017.) Steps and features must be fixed.
    """

    def build(self, input_shape):
        _, steps, features = input_shape
        period = LONGEST_PERIOD ** (2 * (np.arange(features) // 2) / features)
        angle = np.arange(steps)[:, None] / period
        self.positions = np.where(np.arange(features) % 2 == 0, np.sin(angle), np.cos(angle))
        self.built = True

    def call(self, inputs):
        return inputs + ops.convert_to_tensor(self.positions[None], dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
