"""The recurrent heads that ship, the Legendre memories of the causes' experts, made smaller by tensor trains.

For benchmarks.studies.compression_where. The encoder stays as it is, so that what it says of real recordings is
computed once; the head then learns to answer as it did on those that are not judged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.causes.model import SEQUENCE
from training.causes.streaming import the_head
from training.compression.imitation import answers_of
from training.compression.material import inputs_of
from training.data.selection import DataConfig, choose_clips

EXPERTS = ("android", "ios")


def head_model(model: keras.Model) -> keras.Model:
    """An expert's head and classifier: (batch, columns, features) -> (batch, labels) logits; its own weights."""
    sequence = model.get_layer(SEQUENCE).output
    inputs = x = keras.Input(sequence.shape[1:])
    head, classifier = the_head(model), model.layers[-1]
    for layer in (head, classifier):
        x = layer.__class__.from_config(layer.get_config())(x)
    small = keras.Model(inputs, x, name=model.name)
    small.set_weights([*head.get_weights(), *classifier.get_weights()])
    return small


def columns_of(
    model: keras.Model, description: dict[str, Any], data: Path, judged_fold: int
) -> tuple[np.ndarray, np.ndarray]:
    """What the encoder says of windows of real cries of its platform: those to learn on, and the judged fold's."""
    labels, platforms = tuple(description["labels"]), (description["name"],)
    clips = choose_clips(data, DataConfig(("donateacry",), "eval_fold", labels, platforms))
    inputs = inputs_of(clips, description)
    encoded = answers_of(keras.Model(model.input, model.get_layer(SEQUENCE).output), inputs.x)
    judged = np.array([clips[owner].eval_fold == judged_fold for owner in inputs.owner])
    return encoded[~judged], encoded[judged]
