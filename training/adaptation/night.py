"""A model fitted to one home after installation, from one night there: no labels, and if wanted no recording either.

What is needed of a night are sums: of the log-mel of quiet columns, by band, and of what goes into each batch
normalisation, by channel. They are at most 100 kB, and no sound can be made of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from edge.errors import UserError
from edge.frames import SAMPLE_RATE
from edge.untrusted import read_json
from training.adaptation.background import Background
from training.adaptation.moments import moments, normalisations
from training.data.cry_corpora import SOUND_SUFFIXES
from training.data.log_mel_frames import clip_frames
from training.data.spectra import normalise
from training.layers.copies import copied

LOG_MEL = "log_mel"
SHORTEST_S = 600.0
MAX_BYTES = 100_000
DIGITS = 7
COUNT, TOTAL, SQUARES = "count", "sum", "sum_of_squares"


@dataclass(frozen=True)
class Night:
    """The sums of a night. channels: by batch normalisation, mean and variance of what goes into it."""

    n_mels: int
    seconds: float
    background: Background
    channels: dict[str, tuple[np.ndarray, np.ndarray]]


def read_night(path: Path, model: keras.Model, description: dict[str, Any]) -> Night:
    """A night of a recording, or of sums that were gathered. Raises UserError for one that does not fit the model."""
    n_mels = bands_of(description)
    night = gathered(path, model, n_mels) if path.suffix.lower() in SOUND_SUFFIXES else read_sums(path)
    if night.seconds < SHORTEST_S:
        raise UserError(f"{path} is {night.seconds:.0f} s long, a night of at least {SHORTEST_S:.0f} s is needed")
    if night.n_mels != n_mels:
        raise UserError(
            f"{path} is of {night.n_mels} bands of log-mel, the model hears {n_mels}: gather it with its own"
        )
    names = {layer.name: layer.moving_mean.shape[0] for layer in normalisations(model)}
    if names != {name: len(mean) for name, (mean, _) in night.channels.items()}:
        raise UserError(f"{path} holds sums of another model: gather them with this one")
    return night


def bands_of(description: dict[str, Any]) -> int:
    """Bands of the log-mel that a model hears. Raises UserError for another feature."""
    feature = description["feature"]
    name = feature if isinstance(feature, str) else feature["name"]
    if name != LOG_MEL:
        raise UserError(f"the model's feature is {name!r}: a night fits models that hear {LOG_MEL}")
    return 64 if isinstance(feature, str) else feature["parameters"]["n_mels"]


def gathered(path: Path, model: keras.Model, n_mels: int) -> Night:
    """The sums of a recording."""
    from edge.audio import read_file

    return night_of(read_file(str(path)), model, n_mels)


def night_of(samples: np.ndarray, model: keras.Model, n_mels: int) -> Night:
    """The sums of 16-kHz samples: each normalisation hears what those before it make of it with the night's moments.

    As the model hears it that was installed they are larger, and a share of them harms a detector more.
    """
    seconds = len(samples) / SAMPLE_RATE
    if seconds < SHORTEST_S:
        return Night(n_mels, seconds, Background(1, np.zeros(n_mels), np.zeros(n_mels)), {})
    frames = clip_frames(samples, n_mels, 1)
    copy = copied(model)
    x, channels = normalise(frames)[..., None], {}
    for layer in normalisations(copy):
        mean, variance = moments(keras.Model(copy.input, layer.input), x)
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
        channels[layer.name] = (mean, variance)
    return Night(n_mels, seconds, Background.of_quiet(frames), channels)


def write_sums(night: Night, path: Path) -> None:
    """Write the sums of a night as JSON. Raises UserError when they are more than they may be."""
    bands = night.background
    table = {
        "feature": LOG_MEL,
        "n_mels": night.n_mels,
        "seconds": round(night.seconds, 1),
        "bands": {COUNT: bands.count, TOTAL: rounded(bands.total), SQUARES: rounded(bands.squares)},
        "channels": {
            name: {COUNT: 1, TOTAL: rounded(mean), SQUARES: rounded(variance + mean**2)}
            for name, (mean, variance) in night.channels.items()
        },
    }
    content = json.dumps(table, separators=(",", ":")) + "\n"
    if len(content) > MAX_BYTES:
        raise UserError(
            f"the sums are {len(content):,} bytes, at most {MAX_BYTES:,} may be kept: the model is too wide"
        )
    path.write_text(content)


def read_sums(path: Path) -> Night:
    """What write_sums wrote. Raises UserError."""
    table = read_json(path, advice="name a recording of a night, or sums of one")
    try:
        if table["feature"] != LOG_MEL:
            raise UserError(f"{path} is of the feature {table['feature']!r}, {LOG_MEL} is needed")
        bands = table["bands"]
        background = Background(int(bands[COUNT]), np.array(bands[TOTAL], float), np.array(bands[SQUARES], float))
        channels = {}
        for name, own in table["channels"].items():
            mean = np.array(own[TOTAL], float) / own[COUNT]
            channels[name] = (mean, np.maximum(np.array(own[SQUARES], float) / own[COUNT] - mean**2, 0.0))
        return Night(int(table["n_mels"]), float(table["seconds"]), background, channels)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise UserError(f"{path} holds no sums of a night ({error}); gather them with --sums") from error


def rounded(values: np.ndarray) -> list[float]:
    """A few digits of each."""
    return [float(f"{value:.{DIGITS}g}") for value in values]


def with_night(model: keras.Model, night: Night, share: float) -> keras.Model:
    """The model with the moments of a mixture: of its training, and a share of the night."""
    copy = copied(model)
    for layer in normalisations(copy):
        mean, variance = night.channels[layer.name]
        own_mean, own_variance = (ops.convert_to_numpy(w) for w in (layer.moving_mean, layer.moving_variance))
        mixed = share * mean + (1 - share) * own_mean
        squares = share * (variance + mean**2) + (1 - share) * (own_variance + own_mean**2)
        layer.moving_mean.assign(mixed)
        layer.moving_variance.assign(np.maximum(squares - mixed**2, 0.0))
    return copy
