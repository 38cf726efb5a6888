"""From recordings to an embedding that a device may use: embedding.keras and model.json, which edge-export reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
from keras import layers

from edge import __version__
from edge.dsp.log_mel import N_MELS, PARAMETERS
from edge.frames import FRAME_COLUMNS
from training.data.corpora import Clip
from training.data.selection import corpora_of
from training.data.spectra import LOG_MEL_SCALE
from training.infant_id.model import DIMENSIONS, EMBEDDING
from training.layers.fused import unfused

FOLDER = "model"  # in --out


def on_whole_frames(embedding: keras.Model) -> keras.Model:
    """(batch, 98, 64, 1) as the device normalises it -> (batch, 64): the embedding looks at its own bands alone.

    It learnt around the mean of these bands; around that of all bands, the difference is taken off again.
    """
    bands = embedding.input.shape[2]
    inputs = keras.Input((FRAME_COLUMNS, N_MELS, 1), name="frame")
    x = layers.Cropping2D(((0, 0), (0, N_MELS - bands)), name="own_bands")(inputs)
    mean = layers.GlobalAveragePooling2D(keepdims=True, name="own_mean")(x)
    embedding = unfused(embedding)
    return keras.Model(inputs, embedding(layers.Subtract(name="around_own_mean")([x, mean])), name="infant_frames")


def release(embedding: keras.Model, clips: list[Clip], metrics: dict[str, Any], seed: int, out: Path) -> Path:
    """Write the model directory out/model; returns it. metrics: what it came to on infants that it never heard."""
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    on_whole_frames(embedding).save(folder / f"{EMBEDDING}.keras")
    description = {
        "role": EMBEDDING,
        "name": "infant-embedding",
        "version": __version__,
        "feature": {"name": "log_mel", "parameters": PARAMETERS},
        "normalisation": {"kind": "frame_mean", "scale": LOG_MEL_SCALE},
        "dimensions": DIMENSIONS,
        "metrics": metrics,
        "training": {"corpora": corpora_of(clips), "seed": seed},
    }
    (folder / "model.json").write_text(json.dumps(description, indent=1) + "\n")
    return folder
