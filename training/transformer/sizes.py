"""What the parts of a preset weigh, and what they cost for one frame."""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
from keras import layers

from training.layers.attention import TransformerBlock
from training.transformer.model import DENOISER, ENCODER, TOKENIZER, build_classifier, build_denoiser, with_adapters
from training.transformer.presets import Preset

HEAD, ADAPTERS, TOTAL = "head", "adapters", "total"
PARTS = (DENOISER, TOKENIZER, ENCODER, HEAD)
LABELS = 5  # the paper's task has five


def parameter_table(preset: Preset) -> dict[str, int]:
    """Trained parameters by part: denoiser, tokenizer, encoder, head (with the positions), adapters, total.

    Those of `full` stand in docs/references.md. A convolution of the tokenizer has both a bias and a normalisation; one
    of the U-Net has no bias, but those that rise have one and are not normalised. The moments of the normalisations
    are not counted: they are not trained.
    """
    table = dict.fromkeys(PARTS, 0)
    classifier = build_classifier(preset, LABELS)
    for model in (build_denoiser(preset), classifier):
        for layer in model.layers:
            table[part(layer)] += trained_parameters(layer)
    table[ADAPTERS] = trained_parameters(with_adapters(classifier, preset.lora_rank))
    table[TOTAL] = sum(table.values())
    return table


def trained_parameters(layer: keras.layers.Layer) -> int:
    """Numbers in its trainable weights."""
    return sum(math.prod(weight.shape) for weight in layer.trainable_weights)


def multiply_adds(model: keras.Model) -> dict[str, int]:
    """Multiply-adds of one frame by part: denoiser, tokenizer, encoder, head, of those that the model has.

    Convolutions and matrix products; normalisations and activations are left out. Adapters that are not merged count.
    """
    totals = dict.fromkeys(PARTS, 0)
    for layer in innermost(model):
        totals[part(layer)] += layer_multiply_adds(layer)
    return {name: total for name, total in totals.items() if total}


def innermost(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model, and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from innermost(layer)
        elif not isinstance(layer, layers.InputLayer):
            yield layer


def part(layer: keras.layers.Layer) -> str:
    """Of which part a layer is, by its name."""
    prefix = layer.name.partition("_")[0]
    if prefix == "clean":
        return DENOISER
    return prefix if prefix in (DENOISER, TOKENIZER, ENCODER) else HEAD


def layer_multiply_adds(layer: keras.layers.Layer) -> int:
    """Multiply-adds of one layer for one frame."""
    if isinstance(layer, layers.Conv2DTranspose):
        return math.prod(layer.input.shape[1:3]) * math.prod(layer.kernel.shape)
    if isinstance(layer, layers.Conv2D):
        return math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
    if isinstance(layer, layers.Dense):
        return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, TransformerBlock):
        _, steps, features = layer.output.shape
        matrices = (weight for weight in layer.weights if len(weight.shape) == 2)
        return steps * sum(math.prod(weight.shape) for weight in matrices) + 2 * steps**2 * features
    return 0
