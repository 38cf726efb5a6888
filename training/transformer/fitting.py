"""Train the denoiser and the classifier on one split, stage after stage; an epoch can be interrupted and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.data.splits import Split
from training.runs.epochs import Curves
from training.runs.stage import Effort
from training.runs.stage import run_stage as learn
from training.transformer.config import Experiment, StageConfig
from training.transformer.material import Frames
from training.transformer.model import build_classifier, build_denoiser
from training.transformer.stage import Networks, Task
from training.transformer.stages import find_stage
from training.transformer.trained import Trained, calibrated


def train(frames: Frames, split: Split, experiment: Experiment, seed: int, folder: Path) -> Trained:
    """Run every stage of the experiment on one split; resumes from folder, which keeps what has been done.

    Nothing of the test part is looked at. Raises UserError for a teacher of other labels, bands or stages missing.
    """
    for config in experiment.fit.stages:
        find_stage(config.kind).check_material(frames, experiment)
    task = Task(frames, split, experiment, seed)
    curves: list[dict[str, Any]] = []
    with precision(experiment.fit.precision):
        keras.utils.set_random_seed(seed)
        networks = new_networks(task)
        for number, config in enumerate(experiment.fit.stages, start=1):
            networks, own = run_stage(task, networks, config, number, folder / f"stage-{number}-{config.kind}")
            curves += [{"stage": config.kind, **epoch} for epoch in own]
    plain = new_networks(task)  # in float32, whatever it was trained in
    plain.classifier.set_weights(in_half_precision(networks.classifier))
    if plain.denoiser is not None:
        plain.denoiser.set_weights(in_half_precision(networks.denoiser))
    trained = Trained(plain.denoiser, plain.classifier, frames.labels, experiment.model.n_mels, curves=curves)
    return calibrated(trained, frames, split, experiment, seed)


def run_stage(
    task: Task, networks: Networks, config: StageConfig, number: int, folder: Path
) -> tuple[Networks, Curves]:
    """The networks after one stage, and its curves; what has been done in `folder` is loaded."""
    fit = task.experiment.fit
    stage = find_stage(config.kind)(task, networks)
    effort = Effort(
        config.epochs, config.patience, config.learning_rate, fit.weight_decay, fit.batch_size, (task.seed, number)
    )
    curves = learn(stage, effort, folder)
    return stage.finished(), curves


def new_networks(task: Task) -> Networks:
    """The experiment's networks before any learning."""
    model = task.experiment.model
    preset = model.of_preset()
    denoiser = build_denoiser(preset) if model.denoised else None
    return Networks(denoiser, build_classifier(preset, len(task.frames.labels)))


def in_half_precision(model: keras.Model) -> list[np.ndarray]:
    """Its weights as float32 that 16 bits can hold: files are half as large, and what is evaluated is what is saved."""
    return [weight.astype(np.float16).astype(np.float32) for weight in model.get_weights()]


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Networks are built for this precision: mixed ones compute in 16 bits and learn in 32."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)
