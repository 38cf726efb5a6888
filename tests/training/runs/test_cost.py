"""Multiply-adds promise to be those counted by hand, for every layer that a model family has."""

import pytest

keras = pytest.importorskip("keras")

from keras import layers  # noqa: E402

from training.layers.attention import TransformerBlock  # noqa: E402
from training.layers.lmu import LMUCell, ParallelLMU  # noqa: E402
from training.runs.cost import multiply_adds, multiply_adds_by_part, trained_parameters  # noqa: E402

IMAGE, SEQUENCE, VECTOR = (8, 6, 3), (10, 4), (7,)
BY_HAND = [
    (layers.Conv2D(5, 3, strides=2, padding="same"), IMAGE, 4 * 3 * 5 * 9 * 3),
    (layers.DepthwiseConv2D(3, padding="same"), IMAGE, 8 * 6 * 3 * 9),
    (layers.Conv2DTranspose(5, 3, strides=2, padding="same"), IMAGE, 8 * 6 * 9 * 5 * 3),
    (layers.Dense(5), VECTOR, 7 * 5),
    (layers.Dense(5), SEQUENCE, 10 * 4 * 5),
    (layers.LSTM(6), SEQUENCE, 10 * 4 * 6 * (4 + 6)),
    (layers.GRU(6), SEQUENCE, 10 * 3 * 6 * (4 + 6)),
    # inputs and memory into u, memory into h, h into h and u; the memory's own products are d x (d + 1) a channel.
    (layers.RNN(LMUCell(6, 2, 3, 10.0)), SEQUENCE, 10 * (4 * 2 + 6 * 2 + 6 * 2 + 6 * 6 + 6 * 6 + 2 * 3 * 4)),
    (ParallelLMU(6, 2, 3, 10.0), SEQUENCE, 10 * (4 * 2 + 2 * 3) + 6 * 6),
    (TransformerBlock(2, 8), SEQUENCE, 10 * (4 * 4 * 4 + 2 * 4 * 8) + 2 * 100 * 4),
    (layers.BatchNormalization(), IMAGE, 0),
]


@pytest.mark.parametrize("layer, shape, expected", BY_HAND, ids=[type(layer).__name__ for layer, _, _ in BY_HAND])
def test_a_layer_costs_what_is_counted_by_hand(layer, shape, expected):
    inputs = keras.Input(shape)
    assert multiply_adds(keras.Model(inputs, layer(inputs))) == expected


def test_models_within_a_model_count_and_parts_are_told_apart():
    inner_input = keras.Input(VECTOR)
    inner = keras.Model(inner_input, layers.Dense(5, name="head_a")(inner_input))
    outer_input = keras.Input(VECTOR)
    outer = keras.Model(outer_input, layers.Dense(2, name="last")(inner(outer_input)))
    assert multiply_adds_by_part(outer, lambda layer: layer.name[:4]) == {"head": 35, "last": 10}


def test_frozen_weights_are_not_trained():
    layer = layers.BatchNormalization()
    layer.build((None, *IMAGE))
    assert trained_parameters(layer) == 6
    layer.trainable = False
    assert trained_parameters(layer) == 0
