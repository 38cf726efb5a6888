"""An embedding of one second: res8 to a vector of length 1, taught by telling the training's infants apart.

Additive margin on cosines (Wang et al., "Additive Margin Softmax for Face Verification", 2018): the cosine with the
right infant's direction must exceed all others by the margin.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edge.errors import UserError
from training.layers.res8 import MAPS, MEAN, build_res8

EMBEDDING, COSINES = "embedding", "cosines"
DIMENSIONS = 64
MARGIN, SCALE = 0.2, 30.0


@keras.saving.register_keras_serializable(package="cry_monitor")
class Cosines(layers.Layer):
    """Cosines of (batch, features) with a learned direction for each of so many classes: (batch, classes)."""

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes

    def build(self, input_shape: Any) -> None:
        self.directions = self.add_weight(shape=(input_shape[-1], self.classes), initializer="glorot_uniform")
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.matmul(ops.normalize(inputs, axis=-1), ops.normalize(self.directions, axis=0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable(package="cry_monitor")
class MarginLoss(keras.losses.Loss):
    """Cross-entropy of scaled cosines, the right one less the margin; targets are one-hot."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        logits = SCALE * (y_pred - MARGIN * y_true)
        return keras.losses.categorical_crossentropy(y_true, logits, from_logits=True)


def build_embedding(size: str, shape: tuple[int, int], start: keras.Model | None = None) -> keras.Model:
    """(batch, columns, bands, 1) -> (batch, 64). start: a res8 whose convolutions it begins with.

    Raises UserError for a start of another size.
    """
    network = build_res8(size, shape, 1)
    if start is not None:
        maps = start.get_layer("conv_0").filters
        if maps != MAPS[size]:
            raise UserError(f"the network to begin with has {maps} maps, {size} has {MAPS[size]}: take one of its size")
        for layer in network.layers[:-1]:
            layer.set_weights(start.get_layer(layer.name).get_weights())
    x = layers.Dense(DIMENSIONS, use_bias=False, name=EMBEDDING)(network.get_layer(MEAN).output)
    return keras.Model(network.input, x, name="infant")


def with_infants(embedding: keras.Model, n_infants: int) -> keras.Model:
    """The embedding with the cosines of the training's infants behind it."""
    return keras.Model(embedding.input, Cosines(n_infants, name=COSINES)(embedding.output))


def mean_embedding(frames: np.ndarray) -> np.ndarray:
    """One vector for many frames' embeddings (n, d): the mean of their directions."""
    lengths = np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), 1e-12)
    return (frames / lengths).mean(axis=0)
