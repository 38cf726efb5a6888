"""One training of several that follow one another, learnt epoch by epoch; a finished one is loaded, a cut one resumes.

A subclass of Stage says what is trained, on which clips, towards which targets, by which losses, and how good an epoch
is. Supervised stages, pretraining, compression and adaptation differ in that alone.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.untrusted import read_json
from training.runs.epochs import Better, Curves, batches, by_macro_f1, forget, n_batches, run_epochs

WARM_UP = 0.1  # of a stage's steps
CLIP_NORM = 1.0
DONE = "done.json"
TRAINED = "trained.weights.h5"


@dataclass(frozen=True)
class Effort:
    """How long and how fast a stage learns. seed: what every epoch's draws follow from, beside the epoch's number."""

    epochs: int
    patience: int  # epochs without a better one
    learning_rate: float
    weight_decay: float
    batch_size: int
    seed: tuple[int, ...]


class Stage(ABC):
    """What one stage of a training is about."""

    goodness: Better = staticmethod(by_macro_f1)  # of an epoch, the larger the better
    model: keras.Model  # what is trained; what is frozen in it stays as it is

    @abstractmethod
    def losses(self) -> tuple[Any, dict[str, float] | None]:
        """Losses as compile() takes them, and their weights where there are several."""

    @abstractmethod
    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """The clips of an epoch's frames, by number, in random order; always as many."""

    @abstractmethod
    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Input, and targets, of one frame of each clip."""

    @abstractmethod
    def validate(self, model: keras.Model) -> dict[str, float]:
        """What a curve says of an epoch, beside its loss; `goodness` is of it."""


def by_loss(epoch: dict[str, float]) -> tuple[float, ...]:
    """How good an epoch is: by its loss on the validation part."""
    return (-epoch["validation_loss"],)


def run_stage(stage: Stage, effort: Effort, folder: Path) -> Curves:
    """Train stage.model until its validation is not better for a while; it is then as after its best epoch.

    folder: what has been done there is loaded.
    """
    if (folder / DONE).is_file():
        stage.model.load_weights(folder / TRAINED)
        return read_json(folder / DONE, finite=False)

    def epoch(model: keras.Model, number: int) -> dict[str, float]:
        rng = np.random.default_rng([*effort.seed, number])
        return {"loss": train_epoch(model, stage, effort.batch_size, rng), **stage.validate(model)}

    def new() -> keras.Model:
        return compiled(stage, effort)

    trained, curves = run_epochs(new, epoch, folder, effort.epochs, effort.patience, stage.goodness)
    if trained is not stage.model:  # it was resumed
        stage.model.set_weights(trained.get_weights())
    stage.model.save_weights(folder / TRAINED)
    (folder / DONE).write_text(json.dumps(curves))
    forget(folder)
    return curves


def compiled(stage: Stage, effort: Effort) -> keras.Model:
    """The stage's model, ready to learn at a rate that rises, then falls along a half cosine until the last epoch."""
    steps = effort.epochs * n_batches(len(stage.clips(np.random.default_rng(0))), effort.batch_size)
    warm_up = max(1, int(WARM_UP * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=effort.learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=effort.weight_decay, clipnorm=CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "positions"])
    losses, weights = stage.losses()
    stage.model.compile(optimizer, losses, loss_weights=weights, jit_compile=keras.backend.backend() == "jax")
    return stage.model


def train_epoch(model: keras.Model, stage: Stage, batch_size: int, rng: np.random.Generator) -> float:
    """One pass over as many frames as an epoch has; the mean loss."""
    losses = []
    for clips in batches(stage.clips(rng), batch_size):
        loss = model.train_on_batch(*stage.batch(clips, rng))
        losses.append(float(np.atleast_1d(loss)[0]))
    return float(np.mean(losses))  # the batches are of about one size


def round_robin(clips: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n of the clips, in random order, each about equally often."""
    rounds = [rng.permutation(clips) for _ in range(-(-n // len(clips)))]
    return np.concatenate(rounds)[:n]


def shuffled(parts: list[tuple[np.ndarray, int]], rng: np.random.Generator) -> np.ndarray:
    """So many of each set of clips, all in random order."""
    return rng.permutation(np.concatenate([round_robin(clips, n, rng) for clips, n in parts if n]))
