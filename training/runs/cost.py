"""Multiply-adds and trained parameters of a Keras model, layer by layer, for every model family.

Convolutions and matrix products count; normalisations and activations are left out. Adapters that are not merged count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import keras
from keras import layers

from training.layers.attention import TransformerBlock
from training.layers.lmu import LMUCell, ParallelLMU
from training.layers.tensor_train import TTCell, TTDense


def multiply_adds(model: keras.Model) -> int:
    """Multiply-adds of one input."""
    return sum(multiply_adds_by_part(model, lambda layer: "all").values())


def multiply_adds_by_part(model: keras.Model, part_of: Callable[[keras.layers.Layer], str]) -> dict[str, int]:
    """Multiply-adds of one input by the part that a layer is of; a part without any is left out."""
    totals: dict[str, int] = {}
    for layer in innermost(model):
        count = layer_multiply_adds(layer)
        if count:
            totals[part_of(layer)] = totals.get(part_of(layer), 0) + count
    return totals


def innermost(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model, and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from innermost(layer)
        elif not isinstance(layer, layers.InputLayer):
            yield layer


def trained_parameters(layer: keras.layers.Layer) -> int:
    """Numbers in its trainable weights."""
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


def layer_multiply_adds(layer: keras.layers.Layer) -> int:
    """Multiply-adds of one layer for one input; of a recurrent one, over all its steps."""
    if isinstance(layer, layers.Conv2DTranspose):
        return math.prod(layer.input.shape[1:3]) * math.prod(layer.kernel.shape)
    if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
        return math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
    if isinstance(layer, layers.Dense):
        return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, TTDense):
        return math.prod(layer.output.shape[1:-1]) * layer.multiply_adds
    if isinstance(layer, (layers.RNN, ParallelLMU)):
        return recurrent_multiply_adds(layer, layer.input.shape[1])
    if isinstance(layer, layers.MultiHeadAttention):
        steps = layer.output.shape[1]
        return steps * matrix_products(layer) + 2 * steps**2 * layer.num_heads * layer.key_dim
    if isinstance(layer, TransformerBlock):
        _, steps, features = layer.output.shape
        by_step = matrix_products(layer)
        if layer.cores:
            by_step = sum(dense.multiply_adds for dense in layer.dense_layers)
        return steps * by_step + 2 * steps**2 * features
    return 0


def recurrent_multiply_adds(layer: keras.layers.Layer, steps: int) -> int:
    """Multiply-adds of a recurrent layer over so many steps."""
    if isinstance(layer, ParallelLMU):
        by_input, by_memory = layer.multiply_adds
        return steps * (by_input + layer.channels * layer.order) + by_memory
    if isinstance(layer.cell, LMUCell):
        return steps * (matrix_products(layer) + layer.cell.channels * layer.cell.order * (layer.cell.order + 1))
    if isinstance(layer.cell, TTCell):
        return steps * layer.cell.multiply_adds
    return steps * matrix_products(layer)


def matrix_products(layer: keras.layers.Layer) -> int:
    """Multiply-adds of one step's products with the layer's matrices."""
    matrices = (weight for weight in layer.weights if len(weight.shape) > 1 and "bias" not in weight.name)
    return sum(math.prod(weight.shape) for weight in matrices)
