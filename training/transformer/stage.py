"""What the stages of denoiser and Transformer share; what is said here teaches the classifier its labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from training.data.effects import CLEAN
from training.data.splits import Split
from training.runs import metrics
from training.runs.epochs import label_weights
from training.runs.stage import Stage, round_robin
from training.transformer.config import Experiment
from training.transformer.material import LABELLED, OUTLIERS, Frames
from training.transformer.model import CAUSE, joined
from training.transformer.objectives import CauseLoss, targets
from training.transformer.sampling import Batch, Sampler


@dataclass(frozen=True)
class Task:
    """What all stages of one training share."""

    frames: Frames
    split: Split
    experiment: Experiment
    seed: int

    @cached_property
    def weights(self) -> np.ndarray:
        """How much each label counts in the loss, (labels,)."""
        truth = self.frames.truth[self.frames.among(self.split.training, LABELLED)]
        return label_weights(truth, len(self.frames.labels), self.experiment.fit.class_weights)


@dataclass(frozen=True)
class Networks:
    """What is trained; denoiser: None where the classifier hears the frame as it is."""

    denoiser: keras.Model | None
    classifier: keras.Model


class TransformerStage(Stage):
    """One stage of a training of denoiser and Transformer."""

    learns_labels = True
    trains_denoiser = False
    validation_roles: tuple[str, ...] = (LABELLED,)

    def __init__(self, task: Task, networks: Networks):
        self.task = task
        self.networks = self.prepared(networks)
        if self.networks.denoiser is not None:
            self.networks.denoiser.trainable = self.trains_denoiser
        self.model = self.make_model()
        self.sampler = Sampler(task.frames, task.split.training, task.experiment)

    @classmethod
    def check(cls, experiment: Experiment) -> None:
        """Raise UserError for an experiment that lacks what the stage learns from."""

    @classmethod
    def check_material(cls, frames: Frames, experiment: Experiment) -> None:
        """Raise UserError for frames that the stage cannot learn from."""

    def prepared(self, networks: Networks) -> Networks:
        """The networks as this stage trains them."""
        return networks

    def finished(self) -> Networks:
        """The networks as the next stage takes them."""
        return self.networks

    def make_model(self) -> keras.Model:
        """What is trained, made of the networks' own layers."""
        denoiser, classifier = self.networks.denoiser, self.networks.classifier
        if denoiser is None:
            return classifier
        both = joined(denoiser, classifier)
        return keras.Model(both.input, both.output[CAUSE], name="behind_denoiser")

    def losses(self) -> tuple[Any, dict[str, float] | None]:
        """Cross-entropy."""
        return self.cause_loss(), None

    def cause_loss(self, energy_weight: float = 0.0, distil_weight: float = 0.0) -> CauseLoss:
        """The classifier's loss."""
        loss = self.task.experiment.loss
        margins = (energy_weight, loss.energy_known, loss.energy_outlier)
        return CauseLoss(len(self.task.frames.labels), *margins, distil_weight, loss.distil_temperature)

    def training_clips(self, *roles: str) -> np.ndarray:
        """The training part's clips of some roles."""
        return self.task.frames.among(self.task.split.training, *roles)

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """Clips with a label, all alike."""
        n = self.task.experiment.fit.frames_per_epoch
        return rng.permutation(round_robin(self.training_clips(LABELLED), n, rng))

    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Noisy frames of the clips, and what the model should make of them."""
        batch = self.sampler.draw(clips, rng)
        return batch.noisy, self.targets(batch)

    def targets(self, batch: Batch) -> Any:
        """Labels."""
        return self.cause_targets(batch)

    def cause_targets(self, batch: Batch, teacher: np.ndarray | None = None) -> np.ndarray:
        """What CauseLoss compares with; teacher: its posteriors (n, labels)."""
        is_outlier = np.isin(batch.clips, self.task.frames.roles[OUTLIERS])
        return targets(self.task.frames.truth[batch.clips], self.task.weights, is_outlier, teacher)

    @cached_property
    def validation(self) -> Validation:
        """The frames that every epoch is validated on."""
        return Validation.of(self)

    def validate(self, model: keras.Model) -> dict[str, float]:
        """Macro-F1 and NLL of the validation part's clips with a label."""
        frames, validation = self.task.frames, self.validation
        predicted = model.predict(validation.batch.noisy, batch_size=self.task.experiment.fit.batch_size, verbose=0)
        logits = predicted[CAUSE] if isinstance(predicted, dict) else predicted
        labelled = np.flatnonzero(frames.truth[validation.clips] >= 0)
        truth = frames.truth[validation.clips[labelled]]
        pooled = metrics.pooled(logits, validation.owner, len(validation.clips))[labelled]
        return metrics.validation_scores(truth, pooled)

    def validation_loss(self, model: keras.Model) -> float:
        """The loss on the validation part."""
        size = self.task.experiment.fit.batch_size
        loss = model.evaluate(self.validation.batch.noisy, self.validation.targets, batch_size=size, verbose=0)
        return float(np.atleast_1d(loss)[0])


@dataclass(frozen=True)
class Validation:
    """A few frames of every clip of the validation part, corrupted, always the same; owner: the place of its clip."""

    clips: np.ndarray
    owner: np.ndarray
    batch: Batch
    targets: Any

    @classmethod
    def of(cls, stage: TransformerStage) -> Validation:
        """The validation part of a stage."""
        task, part = stage.task, stage.task.split.validation
        clips = task.frames.among(part, *stage.validation_roles)
        recordings = task.frames.variants[CLEAN]
        numbers, owner = recordings.of_clips(clips, task.experiment.fit.validation_frames)
        sampler = Sampler(task.frames, part, task.experiment)
        batch = sampler.corrupt(recordings.take(numbers), clips[owner], np.random.default_rng(task.seed))
        return cls(clips, owner, batch, stage.targets(batch))
