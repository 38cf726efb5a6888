"""What the parts of a preset weigh, and what they cost for one frame."""

from __future__ import annotations

import keras

from training.runs.cost import multiply_adds_by_part, trained_parameters
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


def multiply_adds(model: keras.Model) -> dict[str, int]:
    """Multiply-adds of one frame by part: denoiser, tokenizer, encoder, head, of those that the model has."""
    found = multiply_adds_by_part(model, part)
    return {name: found[name] for name in PARTS if name in found}


def part(layer: keras.layers.Layer) -> str:
    """Of which part a layer is, by its name."""
    prefix = layer.name.partition("_")[0]
    if prefix == "clean":
        return DENOISER
    return prefix if prefix in (DENOISER, TOKENIZER, ENCODER) else HEAD
