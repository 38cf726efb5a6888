"""res8, a small residual network for keywords: seven 3 x 3 convolutions of one width, a mean, and a linear layer.

Tang, Lin: "Deep Residual Learning for Small-Footprint Keyword Spotting", 2018, as C. C. Onu's medical audio thesis
transfers it to cries. No biases; normalisation without scale and offset. 110,307 parameters for 12 labels, res8-narrow
19,905. It takes any (columns, bands): here the monitor's own log-mel, not the paper's 101 x 40 MFCC.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import layers

from edge.errors import UserError
from training.layers.fused import FusedAveragePooling2D, FusedBatchNormalization, FusedConv2D

MAPS = {"res8": 45, "res8-narrow": 19}
POOL = (4, 3)
RESIDUALS = 3  # each of two convolutions
MEAN = "mean"  # the layer whose output is taken for other tasks
MOMENTUM = 0.9


def build_res8(size: str, shape: tuple[int, int], n_labels: int) -> keras.Model:
    """(batch, columns, bands, 1) -> (batch, n_labels) logits. Raises UserError for an unknown size."""
    if size not in MAPS:
        raise UserError(f"size is {size!r}, it must be one of {', '.join(MAPS)}")
    maps = MAPS[size]
    inputs = keras.Input((*shape, 1), name="frame")
    x = layers.ReLU(name="relu_0")(convolution(maps, 0)(inputs))
    x = FusedAveragePooling2D(POOL, name="pool")(x)
    for number in range(1, 2 * RESIDUALS, 2):
        y = convolved(maps, number, x)
        y = layers.ReLU(name=f"relu_{number + 1}")(convolution(maps, number + 1)(y))
        x = normalised(number + 1, layers.Add(name=f"add_{number + 1}")([x, y]))
    x = layers.GlobalAveragePooling2D(name=MEAN)(x)
    return keras.Model(inputs, layers.Dense(n_labels, name="labels")(x), name=size.replace("-", "_"))


def convolution(maps: int, number: int) -> FusedConv2D:
    """3 x 3, without bias."""
    return FusedConv2D(maps, 3, padding="same", use_bias=False, name=f"conv_{number}")


def convolved(maps: int, number: int, x: Any) -> Any:
    """Convolution, ReLU, normalisation."""
    return normalised(number, layers.ReLU(name=f"relu_{number}")(convolution(maps, number)(x)))


def normalised(number: int, x: Any) -> Any:
    """Without scale and offset."""
    return FusedBatchNormalization(momentum=MOMENTUM, scale=False, center=False, name=f"norm_{number}")(x)


def load_res8(path: Path) -> keras.Model:
    """One that cry-train pretrain left. Raises UserError for a file that is none."""
    try:
        model = keras.saving.load_model(path, compile=False)
        for name in ("conv_0", MEAN):
            model.get_layer(name)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no {' or '.join(MAPS)} of cry-train pretrain: name its pretrained.keras") from error
    return model


def with_head(model: keras.Model, n_labels: int) -> keras.Model:
    """The same layers, shared, with a new last one for other labels."""
    return keras.Model(model.input, layers.Dense(n_labels, name="labels")(model.get_layer(MEAN).output))
