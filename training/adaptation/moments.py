"""Exchange the moments of a model's batch normalisations for those of other recordings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

AT_ONCE = 256


def take_moments(model: keras.Model, x: np.ndarray) -> int:
    """Give every batch normalisation the moments of what it hears of x; returns how many there are.

    Layer by layer from the input on, so that each hears what the new moments before it make of x.
    """
    found = normalisations(model)
    for layer in found:
        mean, variance = moments(keras.Model(model.input, layer.input), x)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
    return len(found)


def normalisations(model: keras.Model) -> list[Any]:
    """The batch normalisations of a functional model, from the input on."""
    return [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def moments(model: keras.Model, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over all axes but the last of a model's output, float64."""
    count, width = 0, model.output.shape[-1]
    total, squares = np.zeros(width), np.zeros(width)
    for first in range(0, len(x), AT_ONCE):
        values = ops.convert_to_numpy(model.predict_on_batch(x[first : first + AT_ONCE])).astype(np.float64)
        rows = values.reshape(-1, values.shape[-1])
        count, total, squares = count + len(rows), total + rows.sum(axis=0), squares + (rows**2).sum(axis=0)
    mean = total / count
    return mean, np.maximum(squares / count - mean**2, 0.0)
