"""A model again, with weights of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras


def copied(model: keras.Model, copied_layer: Callable[[Any], Any] | None = None) -> keras.Model:
    """The same model with the same weights, which may then be changed; copied_layer makes each of its layers anew."""
    copy = keras.models.clone_model(model, clone_function=copied_layer)
    take_weights(copy, model.get_weights())
    return copy


def take_weights(layer: keras.layers.Layer, weights: Sequence[Any]) -> None:
    """Give a layer or a model its weights; an adapted Normalization computes with what it makes of them."""
    layer.set_weights(weights)
    for inner in layer._flatten_layers():
        if hasattr(inner, "finalize_state"):
            inner.finalize_state()
