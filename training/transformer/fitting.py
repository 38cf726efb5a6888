"""Teach the denoiser and the classifier of one split, stage after stage; an epoch can be interrupted and resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.decision.calibration import log_posterior
from training.data.effects import CLEAN as CLEAN_VARIANT
from training.data.splits import Split
from training.runs import metrics
from training.runs.epochs import Curves, batches, by_macro_f1, forget, label_weights, n_batches, run_epochs
from training.transformer.config import ADAPTERS, DENOISER, DISTIL, JOINT, OUTLIERS, Experiment, Stage
from training.transformer.material import KNOWN, LABELLED, Frames
from training.transformer.material import OUTLIERS as OUTLIER_CLIPS
from training.transformer.model import CAUSE, CLEAN, build_classifier, build_denoiser, joined, merged, with_adapters
from training.transformer.objectives import CauseLoss, DenoisingLoss, targets
from training.transformer.sampling import Batch, Sampler, round_robin
from training.transformer.trained import Trained, calibrated, load_trained

WARM_UP = 0.1  # of a stage's steps
CLIP_NORM = 1.0
DONE = "done.json"
TAUGHT = "taught.weights.h5"


@dataclass(frozen=True)
class Task:
    """What all stages of one training share."""

    frames: Frames
    split: Split
    experiment: Experiment
    seed: int
    teacher: Trained | None = None

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each label counts in the loss, (labels,)."""
        truth = self.frames.truth[self.frames.among(self.split.training, LABELLED)]
        return label_weights(truth, len(self.frames.labels), self.experiment.fit.class_weights)


@dataclass(frozen=True)
class Networks:
    """What is taught; denoiser: None where the classifier hears the frame as it is."""

    denoiser: keras.Model | None
    classifier: keras.Model


def train(frames: Frames, split: Split, experiment: Experiment, seed: int, folder: Path) -> Trained:
    """Run every stage of the experiment on one split; resumes from folder, which keeps what has been done.

    Nothing of the test part is looked at. Raises UserError for a teacher of other labels, bands or stages missing.
    """
    task = Task(frames, split, experiment, seed, find_teacher(frames, experiment))
    curves: list[dict[str, Any]] = []
    with precision(experiment.fit.precision):
        keras.utils.set_random_seed(seed)
        networks = new_networks(task)
        for number, stage in enumerate(experiment.fit.stages, start=1):
            networks, own = run_stage(task, networks, stage, number, folder / f"stage-{number}-{stage.kind}")
            curves += [{"stage": stage.kind, **epoch} for epoch in own]
    plain = new_networks(task)  # in float32, whatever it was taught in
    plain.classifier.set_weights(in_half_precision(networks.classifier))
    if plain.denoiser is not None:
        plain.denoiser.set_weights(in_half_precision(networks.denoiser))
    trained = Trained(plain.denoiser, plain.classifier, frames.labels, experiment.model.n_mels, curves=curves)
    return calibrated(trained, frames, split, experiment, seed)


def in_half_precision(model: keras.Model) -> list[np.ndarray]:
    """Its weights as float32 that 16 bits can hold: files are half as large, and what is judged is what is saved."""
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


def new_networks(task: Task) -> Networks:
    """The experiment's networks before any learning."""
    model = task.experiment.model
    preset = model.of_preset()
    denoiser = build_denoiser(preset) if model.denoised else None
    return Networks(denoiser, build_classifier(preset, len(task.frames.labels)))


def find_teacher(frames: Frames, experiment: Experiment) -> Trained | None:
    """The teacher of a distillation. Raises UserError when it does not fit."""
    if DISTIL not in [stage.kind for stage in experiment.fit.stages]:
        return None
    return load_trained(Path(experiment.loss.teacher), frames.labels, experiment.model.n_mels)


def run_stage(task: Task, networks: Networks, stage: Stage, number: int, folder: Path) -> tuple[Networks, Curves]:
    """One stage; what has been done is loaded."""
    if stage.kind == ADAPTERS:
        adapted = with_adapters(networks.classifier, task.experiment.model.of_preset().lora_rank)
        networks = replace(networks, classifier=adapted)
    model = stage_model(networks, stage.kind)
    if (folder / DONE).is_file():
        model.load_weights(folder / TAUGHT)
        curves = json.loads((folder / DONE).read_text())
    else:
        curves = learn(task, model, stage, number, folder)
        model.save_weights(folder / TAUGHT)
        (folder / DONE).write_text(json.dumps(curves))
        forget(folder)
    if stage.kind == ADAPTERS:
        networks = replace(networks, classifier=merged(networks.classifier))
    return networks, curves


def stage_model(networks: Networks, kind: str) -> keras.Model:
    """What a stage teaches, made of the networks' own layers; others of them are frozen."""
    denoiser, classifier = networks.denoiser, networks.classifier
    if denoiser is None:
        return classifier
    denoiser.trainable = kind in (DENOISER, JOINT)
    if kind == DENOISER:
        return denoiser
    both = joined(denoiser, classifier)
    return both if kind == JOINT else keras.Model(both.input, both.output[CAUSE], name="behind_denoiser")


def compiled(task: Task, model: keras.Model, stage: Stage) -> keras.Model:
    """Ready to learn at a rate that rises, then falls along a half cosine until the last epoch."""
    config, loss = task.experiment.fit, task.experiment.loss
    steps = stage.epochs * n_batches(config.frames_per_epoch * shares(task, stage.kind), config.batch_size)
    warm_up = max(1, int(WARM_UP * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=stage.learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, clipnorm=CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "positions"])
    denoising = DenoisingLoss(loss.time_weight, loss.frequency_weight)
    is_taught, has_margins = stage.kind == DISTIL, stage.kind == OUTLIERS
    cause = CauseLoss(
        len(task.frames.labels),
        loss.energy_weight * has_margins,
        loss.energy_known,
        loss.energy_outlier,
        loss.distil_weight * is_taught,
        loss.distil_temperature,
    )
    losses = {DENOISER: denoising, JOINT: {CLEAN: denoising, CAUSE: cause}}.get(stage.kind, cause)
    weights = {CLEAN: loss.denoising_weight, CAUSE: 1.0} if stage.kind == JOINT else None
    model.compile(optimizer, losses, loss_weights=weights, jit_compile=keras.backend.backend() == "jax")
    return model


def shares(task: Task, kind: str) -> int:
    """How many times frames_per_epoch an epoch has: outliers are learnt beside as many others."""
    return 2 if kind == OUTLIERS else 1


def learn(task: Task, model: keras.Model, stage: Stage, number: int, folder: Path) -> Curves:
    """Teach a stage's model until its validation is not better for a while; it is then as after its best epoch."""
    judged = Judged(task, stage.kind)
    training = Sampler(task.frames, task.split.training, task.experiment)

    def epoch(model: keras.Model, turn: int) -> dict[str, float]:
        rng = np.random.default_rng([task.seed, number, turn])
        return {"loss": train_epoch(model, task, training, stage.kind, rng), **judged.of(model)}

    goodness = by_loss if stage.kind in (DENOISER, OUTLIERS) else by_macro_f1
    make_model = partial(compiled, task, model, stage)
    taught, curves = run_epochs(make_model, epoch, folder, stage.epochs, stage.patience, goodness)
    if taught is not model:  # it was resumed
        model.set_weights(taught.get_weights())
    return curves


def by_loss(epoch: dict[str, float]) -> tuple[float, ...]:
    """How good an epoch is: by its loss on the validation part."""
    return (-epoch["validation_loss"],)


def train_epoch(model: keras.Model, task: Task, sampler: Sampler, kind: str, rng: np.random.Generator) -> float:
    """One pass over as many frames as an epoch has; the mean loss."""
    losses = []
    for clips in batches(epoch_clips(task, kind, rng), task.experiment.fit.batch_size):
        batch = sampler.draw(clips, rng)
        loss = model.train_on_batch(batch.noisy, answers(task, batch, kind))
        losses.append(float(np.atleast_1d(loss)[0]))
    return float(np.mean(losses))  # the batches are of about one size


def epoch_clips(task: Task, kind: str, rng: np.random.Generator) -> np.ndarray:
    """The clips of an epoch's frames, in random order."""
    frames, training, n = task.frames, task.split.training, task.experiment.fit.frames_per_epoch
    labelled, known = frames.among(training, LABELLED), frames.among(training, KNOWN)
    if kind == OUTLIERS:
        outliers = frames.among(training, OUTLIER_CLIPS)
        n_known = n // 3 if len(known) else 0
        drawn = [(labelled, n - n_known), (known, n_known), (outliers, n)]
    elif kind == DENOISER:
        drawn = [(np.concatenate([labelled, known]), n)]
    else:
        drawn = [(labelled, n)]
    turns = [round_robin(clips, count, rng) for clips, count in drawn if count]
    return rng.permutation(np.concatenate(turns))


def answers(task: Task, batch: Batch, kind: str) -> Any:
    """What a stage's model should say to a batch."""
    if kind == DENOISER:
        return batch.clean
    taught = None
    if kind == DISTIL:
        logits = task.teacher.of_normalised(batch.noisy)
        taught = np.exp(log_posterior(logits, task.experiment.loss.distil_temperature))
    is_outlier = np.isin(batch.clips, task.frames.roles[OUTLIER_CLIPS])
    cause = targets(task.frames.truth[batch.clips], task.weights, is_outlier, taught)
    return {CLEAN: batch.clean, CAUSE: cause} if kind == JOINT else cause


class Judged:
    """The validation part of a stage: a few frames of every clip, as heard, always the same."""

    def __init__(self, task: Task, kind: str):
        self.task, self.kind = task, kind
        frames, part = task.frames, task.split.validation
        roles = {DENOISER: (LABELLED, KNOWN), OUTLIERS: (LABELLED, KNOWN, OUTLIER_CLIPS)}.get(kind, (LABELLED,))
        self.clips = frames.among(part, *roles)
        recordings = frames.variants[CLEAN_VARIANT]
        numbers, self.owner = recordings.of_clips(self.clips, task.experiment.fit.validation_frames)
        rng = np.random.default_rng(task.seed)
        sampler = Sampler(frames, part, task.experiment)
        self.batch = sampler.corrupt(recordings.take(numbers), self.clips[self.owner], rng)
        self.answers = answers(task, self.batch, kind)

    def of(self, model: keras.Model) -> dict[str, float]:
        """What a curve says of an epoch."""
        if self.kind == DENOISER:
            return {"validation_loss": self._loss(model)}
        logits = self._logits(model)
        labelled = np.flatnonzero(self.task.frames.truth[self.clips] >= 0)
        truth = self.task.frames.truth[self.clips[labelled]]
        pooled = metrics.pooled(logits, self.owner, len(self.clips))[labelled]
        counts = metrics.confusion(truth, pooled.argmax(axis=1), len(self.task.frames.labels))
        nll = -float(np.mean(pooled[np.arange(len(truth)), truth]))
        said = {"macro_f1": metrics.macro_f1(counts), "nll": nll}
        return {**said, "validation_loss": self._loss(model)} if self.kind == OUTLIERS else said

    def _loss(self, model: keras.Model) -> float:
        size = self.task.experiment.fit.batch_size
        loss = model.evaluate(self.batch.noisy, self.answers, batch_size=size, verbose=0)
        return float(np.atleast_1d(loss)[0])

    def _logits(self, model: keras.Model) -> np.ndarray:
        size = self.task.experiment.fit.batch_size
        said = model.predict(self.batch.noisy, batch_size=size, verbose=0)
        return said[CAUSE] if isinstance(said, dict) else said
