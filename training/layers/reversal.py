"""A layer that passes values on and turns gradients round; dropout that keeps lengths."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cry_monitor")
class GradientReversal(keras.layers.Layer):
    """x forwards, -strength * gradient backwards: what comes before learns the opposite of what comes after.

    `strength` is a weight that is not trained: whoever trains sets it. Ganin, Lempitsky, 2015.
    """

    def build(self, input_shape: Any) -> None:
        self.strength = self.add_weight(shape=(), initializer="zeros", trainable=False, name="strength")
        self.built = True

    def call(self, inputs: Any) -> Any:
        # (1 + s) stop(x) - s x is x, and its derivative by x is -s.
        return (1.0 + self.strength) * ops.stop_gradient(inputs) - self.strength * inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@keras.saving.register_keras_serializable(package="cry_monitor")
class NormKeepingDropout(keras.layers.Dropout):
    """Dropout whose outputs have the expected squared length of their inputs: scaled by sqrt(1 - rate).

    As the feature norm is what some methods adapt (Xu et al., 2019).
    """

    def call(self, inputs: Any, training: Any = False) -> Any:
        dropped = super().call(inputs, training=training)
        return dropped * (1 - self.rate) ** 0.5 if training else dropped
