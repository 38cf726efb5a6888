"""Recordings as the input of any trained model, made as its model.json asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.dsp import fused, yamnet_patch
from edge.dsp.log_mel import log_mel
from edge.errors import UserError
from edge.frames import FRAME_COLUMNS, FRAME_LENGTH
from training.data.corpora import Clip, read_samples
from training.data.spectra import LOG_MEL_SCALE, normalise

HOP = 0.5  # of a window, from one to the next


@dataclass(frozen=True)
class Inputs:
    """Network input, and which clip each item is of."""

    x: np.ndarray  # (items, ...) float32
    owner: np.ndarray  # (items,) int


def inputs_of(clips: Sequence[Clip], description: dict[str, Any]) -> Inputs:
    """Every window of every clip, half a window apart. Raises UserError for a feature that is not known."""
    make = maker(description)
    parts = [make(read_samples(clip)) for clip in tqdm(clips, desc="features", mininterval=5)]
    return Inputs(np.concatenate(parts).astype(np.float32), np.repeat(np.arange(len(clips)), [len(p) for p in parts]))


def maker(description: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """The function from samples to windows (items, ...) of a model's feature and normalisation."""
    feature = description["feature"]
    name = feature if isinstance(feature, str) else feature["name"]
    if name == "fused":
        return lambda samples: fused_windows(samples, description)
    if name == "log_mel":
        return lambda samples: log_mel_frames(samples, description)
    if name == yamnet_patch.NAME:
        length = yamnet_patch.PATCH_LENGTH
        return lambda samples: np.stack([yamnet_patch.yamnet_patch(w) for w in windows(samples, length)])
    raise UserError(f"the model's feature is {name!r}; fused, log_mel and {yamnet_patch.NAME} are known")


def windows(samples: np.ndarray, length: int) -> list[np.ndarray]:
    """Windows of a recording, half of one apart; a shorter one is filled with silence."""
    samples = np.pad(samples, (0, max(0, length - len(samples))))
    return [samples[i : i + length] for i in range(0, len(samples) - length + 1, int(length * HOP))]


def fused_windows(samples: np.ndarray, description: dict[str, Any]) -> np.ndarray:
    """(items, columns, rows, 1), z-scored."""
    normalisation, n = description["normalisation"], description["step"]["window_columns"]
    samples = np.pad(samples, (0, max(0, fused.CLIP_LENGTH - len(samples))))
    columns = fused.fused_columns(samples, description["feature"].get("band_hz", fused.stft.NYQUIST_HZ))
    rows = columns[:, normalisation["rows"]]
    z = fused.standardise(rows, np.array(normalisation["mean"]), np.array(normalisation["deviation"]))
    return np.stack([z[i : i + n] for i in range(0, len(z) - n + 1, max(1, int(n * HOP)))])[..., None]


def log_mel_frames(samples: np.ndarray, description: dict[str, Any]) -> np.ndarray:
    """(items, 98, n_mels, 1), each frame around its own mean."""
    feature = description["feature"]
    n_mels = feature["parameters"]["n_mels"] if isinstance(feature, dict) else 64
    frames = np.stack([log_mel(window, n_mels)[:FRAME_COLUMNS] for window in windows(samples, FRAME_LENGTH)])
    scale = description.get("normalisation", {}).get("scale", LOG_MEL_SCALE)
    return (normalise(frames) * (LOG_MEL_SCALE / scale))[..., None]
