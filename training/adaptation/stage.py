"""What every method shares: batches of half source, half target, labels for the source alone; the source's loss.

A method is a subclass in methods/ that says what it adds. Progress p, 0 to 1, is set before every batch, for terms that
set in slowly. All losses are means over a batch that holds both domains, source first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from training.adaptation.domains import Domains
from training.data.spectra import normalise, spec_augment
from training.layers.res8 import MEAN, build_res8
from training.layers.reversal import NormKeepingDropout
from training.runs.settings import Res8Settings
from training.runs.stage import Stage, round_robin

LABELS, FEATURES, DOMAIN = "labels", "features", "domain"
GAPS = (6, 3)  # columns and bands at most
AT_ONCE = 256


@dataclass(frozen=True)
class Settings(Res8Settings):
    """How all methods learn; half of a batch is of each domain."""

    frames_per_epoch: int = 1024
    dropout: float = 0.5


class Adaptation(Stage):
    """Learning from the source alone: what every method is compared with."""

    goodness = None  # the target has no labels to choose an epoch by: the last one is taken

    def __init__(self, domains: Domains, settings: Settings):
        self.domains, self.settings = domains, settings
        self.steps, self.step = settings.epochs * max(1, settings.frames_per_epoch // settings.batch_size), 0
        self.source = domains.source.of(domains.known)
        self.target = domains.target.of(domains.unlabelled)
        self.one_hot = np.eye(len(domains.labels), dtype=np.float32)
        network = build_res8(settings.size, domains.source.shape, len(domains.labels))
        self.classifier = network.get_layer("labels")
        features = network.get_layer(MEAN).output
        logits = self.classifier(NormKeepingDropout(settings.dropout, name="drop")(features))
        outputs = {LABELS: logits, FEATURES: layers.Identity(name=FEATURES)(features), **self.heads(features)}
        self.model = keras.Model(network.input, outputs)

    def heads(self, features: Any) -> dict[str, Any]:
        """Further outputs."""
        return {}

    def terms(self) -> dict[str, Any]:
        """The losses that the method adds, by output; targets are 1 for each frame of the source, 0 of the target."""
        return {}

    def losses(self) -> tuple[Any, dict[str, float] | None]:
        """Cross-entropy of the source, and the method's terms."""
        return {LABELS: SourceLoss(), **self.terms()}, None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of the source's frames; as many of the target's are drawn in each batch."""
        return rng.permutation(round_robin(self.source, self.settings.frames_per_epoch // 2, rng))

    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Source and target frames with gaps; one-hot labels, zeros for the target; domains."""
        self.step += 1
        others = rng.choice(self.target, len(clips))
        source = self.corrupt(self.domains.source.log_mel[clips], rng)
        x = np.concatenate([source, self.domains.target.take(others)[..., 0]])
        truth = self.one_hot[self.domains.truth[self.domains.source.owner[clips]]]
        domain = np.repeat(np.array([1, 0], np.float32), len(clips))[:, None]
        targets = {LABELS: np.concatenate([truth, 0 * truth])}
        targets.update({name: domain for name in self.terms() if name != LABELS})
        return spec_augment(x, *GAPS, rng)[..., None], targets

    def corrupt(self, log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The source's frames as network input (n, columns, bands)."""
        return normalise(log_mel)

    @property
    def progress(self) -> float:
        """From 0 to 1 over the training."""
        return min(1.0, self.step / self.steps)

    def validate(self, model: keras.Model) -> dict[str, float]:
        """The mean length of features in both domains: where a method's loss says nothing, this does."""
        found = {}
        for name, frames, numbers in (
            ("source", self.domains.source, self.source),
            ("target", self.domains.target, self.target),
        ):
            features = outputs_of(model, frames.take(numbers[:AT_ONCE]))[FEATURES]
            found[f"{name}_norm"] = float(np.linalg.norm(features, axis=1).mean())
        return found

    def finished(self) -> None:
        """Called once, after the last epoch."""


@keras.saving.register_keras_serializable(package="cry_monitor")
class SourceLoss(keras.losses.Loss):
    """Cross-entropy of logits, mean over the rows that have a label."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        own = keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)
        return everywhere(ops.sum(own) / ops.maximum(ops.sum(y_true), 1.0), y_pred)


def everywhere(value: Any, y_pred: Any) -> Any:
    """A batch's loss as one for each row: Keras takes their mean."""
    return value * ops.ones_like(y_pred[:, 0])


def outputs_of(model: keras.Model, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every output of a model, some frames at a time."""
    parts = [model.predict_on_batch(x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
    return {name: np.concatenate([ops.convert_to_numpy(part[name]) for part in parts]) for name in parts[0]}
