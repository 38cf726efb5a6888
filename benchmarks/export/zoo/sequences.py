"""Classifiers that read a frame as a sequence of columns: each gives the tensor before the last dense layer."""

from __future__ import annotations

from typing import Any

import numpy as np


def columns(keras: Any, x: Any) -> Any:
    """(98, 64) of (98, 64, 1)."""
    return keras.layers.Reshape((98, 64))(x)


def gru(keras: Any, x: Any) -> Any:
    """One GRU over all columns."""
    return keras.layers.GRU(24)(columns(keras, x))


def stacked_lstm(keras: Any, x: Any) -> Any:
    """Two LSTMs."""
    x = keras.layers.AveragePooling1D(2)(columns(keras, x))
    return keras.layers.LSTM(24)(keras.layers.LSTM(24, return_sequences=True)(x))


def unrolled_lstm(keras: Any, x: Any) -> Any:
    """One LSTM over few steps, unrolled by whoever trained it."""
    return keras.layers.LSTM(24, unroll=True)(keras.layers.AveragePooling1D(7)(columns(keras, x)))


def crnn(keras: Any, x: Any) -> Any:
    """Convolutions, then GRUs in both directions."""
    layers = keras.layers
    for filters in (16, 32):
        x = layers.MaxPooling2D((2, 4))(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.Bidirectional(layers.GRU(16, return_sequences=True))(x)
    return layers.GlobalMaxPooling1D()(layers.TimeDistributed(layers.Dense(16, activation="relu"))(x))


def causal(keras: Any, x: Any) -> Any:
    """Dilated causal 1-D convolutions with ways around."""
    layers = keras.layers
    x = layers.Conv1D(24, 1)(columns(keras, x))
    for dilation in (1, 2, 4, 8):
        y = layers.Conv1D(24, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        x = layers.Add()([x, layers.Conv1D(24, 1)(layers.SpatialDropout1D(0.1)(y))])
    return layers.GlobalAveragePooling1D()(x)


def separable_1d(keras: Any, x: Any) -> Any:
    """Depthwise and separable 1-D convolutions."""
    layers = keras.layers
    x = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv1D(5, padding="same")(columns(keras, x))))
    x = layers.MaxPooling1D(2)(layers.SeparableConv1D(32, 9, strides=2, padding="same", activation="relu")(x))
    return layers.GlobalAveragePooling1D()(x)


def transformer(keras: Any, x: Any) -> Any:
    """Patches, positions, pre-norm attention, exact GELU."""
    layers = keras.layers
    x = layers.Reshape((14, 48))(layers.Conv2D(48, (7, 64), strides=(7, 1))(x))
    x = x + layers.Embedding(14, 48)(keras.ops.arange(14))
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(4, 12)(y, y)])
    y = layers.Dense(96, activation="gelu")(layers.LayerNormalization()(x))
    x = layers.Add()([x, layers.Dense(48)(y)])
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))


def transformer_post_norm(keras: Any, x: Any) -> Any:
    """Patches and attention normalised afterwards, ReLU, all patches side by side."""
    layers = keras.layers
    x = layers.Reshape((14, 48))(layers.Conv2D(48, (7, 64), strides=(7, 1))(x))
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 12)(x, x))
        x = layers.LayerNormalization()(x + layers.Dense(48)(layers.Dense(96, activation="relu")(x)))
    return layers.Flatten()(x)


def conformer(keras: Any, x: Any) -> Any:
    """Half a feed-forward, attention, a gated depthwise convolution, half a feed-forward."""
    layers = keras.layers
    x = layers.Reshape((24, 32))(layers.Conv2D(32, (4, 64), strides=(4, 1))(x))
    half = layers.Dense(32)(layers.Dense(64, activation="swish")(layers.LayerNormalization()(x)))
    x = x + 0.5 * half
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(4, 8)(y, y)
    y = layers.Dense(64)(layers.LayerNormalization()(x))
    y = layers.Multiply()([y[..., :32], layers.Activation("sigmoid")(y[..., 32:])])
    y = layers.Activation("swish")(layers.BatchNormalization()(layers.DepthwiseConv1D(7, padding="same")(y)))
    x = x + layers.Dense(32)(y)
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))


def sinusoids(keras: Any, x: Any) -> Any:
    """Positions as a constant array."""
    layers = keras.layers
    angles = np.arange(98)[:, None] / 10000 ** (np.arange(32) / 32)
    x = layers.LayerNormalization()(layers.Dense(32)(columns(keras, x)) + np.sin(angles).astype(np.float32)[None])
    return layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 16)(x, x))


def sinusoids_as_tensor(keras: Any, x: Any) -> Any:
    """Positions as a constant tensor."""
    layers, ops = keras.layers, keras.ops
    angles = np.arange(98)[:, None] / 10000 ** (np.arange(32) / 32)
    x = layers.Dense(32)(columns(keras, x)) + ops.convert_to_tensor(np.sin(angles).astype(np.float32)[None])
    x = layers.LayerNormalization()(x)
    return layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 16)(x, x))


def attention_pooling(keras: Any, x: Any) -> Any:
    """A weighted mean of columns."""
    layers = keras.layers
    x = layers.Reshape((96, 32))(layers.Conv2D(32, (3, 64), activation="relu")(x))
    weights = layers.Softmax(axis=1)(layers.Dense(1, activation="tanh")(x))
    return layers.Flatten()(layers.Dot(axes=1)([weights, x]))
