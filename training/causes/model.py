"""Cause models: a convolutional encoder that keeps time, and a head that reads its columns in order."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from training.causes.architecture import (
    GRU,
    LMU,
    LSTM,
    NONE,
    PARALLEL_LMU,
    TRANSFORMER,
    TT_GRU,
    TT_LSTM,
    Architecture,
)
from training.layers.fused import FusedBatchNormalization, FusedConv2D, FusedGRU, FusedLSTM, FusedMaxPooling2D
from training.layers.lmu import LMUCell, ParallelLMU
from training.layers.positions import SinusoidalPositions
from training.layers.tensor_train import FusedTT, TTGRUCell, TTLSTMCell
from training.runs.cost import multiply_adds_by_part

POOL = (1, 2)  # over the rows only: time is the head's
MOMENTUM = 0.9  # of the moments: small corpora give few steps to settle in
HEAD_PREFIX = "head"
INPUT, SEQUENCE, LOGITS = "fused", "sequence", "cause"


class Plain:
    """The layers of a model as they are saved and exported."""

    conv, norm, pool = layers.Conv2D, layers.BatchNormalization, layers.MaxPooling2D
    lstm, gru, tensor_train = layers.LSTM, layers.GRU, layers.RNN


class Fused:
    """The same layers, quicker to train on PyTorch."""

    conv, norm, pool = FusedConv2D, FusedBatchNormalization, FusedMaxPooling2D
    lstm, gru, tensor_train = FusedLSTM, FusedGRU, FusedTT


def build_model(architecture: Architecture, n_labels: int, kit: type[Plain] | type[Fused] = Plain) -> keras.Model:
    """(batch, columns, rows, 1) z-scored fused tensor, time first -> (batch, n_labels) logits."""
    fused = keras.Input((architecture.columns, architecture.rows, 1), name=INPUT)
    x = fused
    for number, filters in enumerate(architecture.filters, start=1):
        x = block(architecture, kit, number, filters, x)
    x = layers.Reshape((architecture.columns, math.prod(x.shape[2:])), name=SEQUENCE)(x)
    x = layers.Dropout(architecture.dropout, name="drop")(build_head(architecture, kit, x))
    return keras.Model(fused, layers.Dense(n_labels, name=LOGITS)(x), name=f"cause_{architecture.head}")


def block(architecture: Architecture, kit: type[Plain] | type[Fused], number: int, filters: int, x: Any) -> Any:
    """Convolution, normalisation, half as many rows where there are two, ReLU.

    ReLU after the pooling is the same function as before it, at half the cost. Whole maps are dropped: single values
    of a map tell what their neighbours tell.
    """
    regularizer = keras.regularizers.L2(architecture.l2) if architecture.l2 else None
    x = kit.conv(filters, 3, padding="same", kernel_regularizer=regularizer, name=f"conv_{number}")(x)
    x = kit.norm(momentum=MOMENTUM, name=f"norm_{number}")(x)
    if x.shape[2] >= POOL[1]:
        x = kit.pool(POOL, name=f"pool_{number}")(x)
    x = layers.ReLU(name=f"relu_{number}")(x)
    return layers.SpatialDropout2D(architecture.dropout, name=f"drop_{number}")(x)


def build_head(architecture: Architecture, kit: type[Plain] | type[Fused], x: Any) -> Any:
    """(batch, columns, features) -> (batch, units), the features' mean where there is no head."""
    name, units = f"{HEAD_PREFIX}_{architecture.head}", architecture.units
    memory = (units, architecture.channels, architecture.order, architecture.memory_columns)
    train = (units, architecture.cores, architecture.rank, architecture.gates)
    if architecture.head == NONE:
        return layers.GlobalAveragePooling1D(name=name)(x)
    if architecture.head == TRANSFORMER:
        return transformer(architecture, name, x)
    makers = {
        LSTM: lambda: kit.lstm(units, name=name),
        GRU: lambda: kit.gru(units, name=name),
        LMU: lambda: layers.RNN(LMUCell(*memory), name=name),
        PARALLEL_LMU: lambda: ParallelLMU(*memory, name=name),
        TT_LSTM: lambda: kit.tensor_train(TTLSTMCell(*train), name=name),
        TT_GRU: lambda: kit.tensor_train(TTGRUCell(*train), name=name),
    }
    return makers[architecture.head]()(x)


def transformer(architecture: Architecture, name: str, x: Any) -> Any:
    """One pre-norm block with positions, averaged over time."""
    units = architecture.units
    x = SinusoidalPositions(name=f"{name}_positions")(layers.Dense(units, name=f"{name}_projection")(x))
    y = layers.LayerNormalization(name=f"{name}_norm_1")(x)
    heads = architecture.attention_heads
    y = layers.MultiHeadAttention(heads, units // heads, name=f"{name}_attention")(y, y)
    x = layers.Add(name=f"{name}_add_1")([x, y])
    y = layers.LayerNormalization(name=f"{name}_norm_2")(x)
    y = layers.Dense(architecture.feed_forward, activation="relu", name=f"{name}_feed_1")(y)
    y = layers.Dense(units, name=f"{name}_feed_2")(y)
    x = layers.Add(name=f"{name}_add_2")([x, y])
    return layers.GlobalAveragePooling1D(name=f"{name}_mean")(x)


def head_parameters(model: keras.Model) -> int:
    """Parameters of the head alone, without encoder and classifier: what the paper calls recurrent parameters."""
    return sum(layer.count_params() for layer in model.layers if layer.name.startswith(HEAD_PREFIX))


def encoder_parameters(model: keras.Model) -> int:
    """Parameters of the convolutions and their normalisation."""
    return sum(layer.count_params() for layer in model.layers if layer.name.startswith(("conv_", "norm_")))


def multiply_adds(model: keras.Model) -> dict[str, int]:
    """Multiply-adds of one input: {"encoder", "head", "classifier"}."""
    return {"encoder": 0, "head": 0, "classifier": 0, **multiply_adds_by_part(model, part_of)}


def part_of(layer: keras.layers.Layer) -> str:
    """Of which part a layer is, by its name."""
    if layer.name == LOGITS:
        return "classifier"
    return "head" if layer.name.startswith(HEAD_PREFIX) else "encoder"
