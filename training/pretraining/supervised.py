"""Learning labels, from the start or from a pretrained network: a new head alone first, then everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.data.log_mel_frames import Frames
from training.data.spectra import LOG_MEL_SCALE, random_eq, spec_augment
from training.layers.res8 import build_res8, with_head
from training.pretraining.settings import Settings
from training.runs import metrics
from training.runs.epochs import label_weights
from training.runs.stage import Effort, Stage, round_robin, run_stage

GAPS = (6, 3)  # columns and bands at most
EQ_DB, EQ_KNOTS = 6.0, 6
WEIGHT_DECAY = 1e-4
AT_ONCE = 256


class Labelled(Stage):
    """Frames of clips with their labels; rare labels count for as much as frequent ones."""

    goodness = None  # the last epoch: with a tenth of the labels none are left to choose by

    def __init__(self, model: keras.Model, frames: Frames, clips: np.ndarray, truth: np.ndarray, settings: Settings):
        """truth: numbers of labels of all clips; clips: those that may be learnt from."""
        self.model, self.frames, self.truth, self.settings = model, frames, truth, settings
        self.numbers = frames.of(clips)
        n_labels = model.output.shape[-1]
        self.one_hot = np.eye(n_labels, dtype=np.float32)
        self.weights = label_weights(truth[frames.owner[self.numbers]], n_labels, True)

    def losses(self) -> tuple[Any, None]:
        """Cross-entropy, weighted by the targets' sums."""
        return WeightedCrossentropy(), None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of frames."""
        return rng.permutation(round_robin(self.numbers, self.settings.frames_per_epoch, rng))

    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Frames through any microphone and with gaps; their labels times the labels' weights."""
        x = self.frames.take(clips)[..., 0]
        knots = rng.uniform(-EQ_DB, EQ_DB, (len(x), EQ_KNOTS)) / 10 * np.log(10) / LOG_MEL_SCALE
        x = spec_augment((x + random_eq(knots, x.shape[2])[:, None]).astype(np.float32), *GAPS, rng)
        truth = self.truth[self.frames.owner[clips]]
        return x[..., None], self.one_hot[truth] * self.weights[truth, None].astype(np.float32)

    def validate(self, model: keras.Model) -> dict[str, float]:
        """Nothing is held out."""
        return {}


@keras.saving.register_keras_serializable(package="cry_monitor")
class WeightedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits with targets that sum to an item's weight."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)


def learn_labels(
    frames: Frames,
    clips: np.ndarray,
    truth: np.ndarray,
    n_labels: int,
    settings: Settings,
    folder: Path,
    start: keras.Model | None = None,
) -> keras.Model:
    """A network that learnt the labels of some clips; resumes from folder.

    start: a pretrained one, whose last layer is replaced: the new one learns alone for settings.head_epochs, then all
    layers at settings.fine_tuning of the rate. Without it all layers learn from the start.
    """
    keras.utils.set_random_seed(settings.seed)
    if start is None:
        model = build_res8(settings.size, frames.shape, n_labels)
        run_stage(Labelled(model, frames, clips, truth, settings), effort_of(settings, 1.0), folder / "all")
        return model
    model = with_head(start, n_labels)
    if settings.head_epochs:
        for layer in model.layers[:-1]:
            layer.trainable = False
        head = replace(settings, epochs=settings.head_epochs)
        run_stage(Labelled(model, frames, clips, truth, settings), effort_of(head, 1.0), folder / "head")
        for layer in model.layers[:-1]:
            layer.trainable = True
    run_stage(
        Labelled(model, frames, clips, truth, settings), effort_of(settings, settings.fine_tuning), folder / "all"
    )
    return model


def effort_of(settings: Settings, share: float) -> Effort:
    """How long and how fast, at a share of the rate."""
    rate = settings.learning_rate * share
    return Effort(settings.epochs, settings.epochs, rate, WEIGHT_DECAY, settings.batch_size, (settings.seed,))


def few_labels(clips: np.ndarray, truth: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the clips, of each label at least one: the same draw for whoever asks."""
    rng = np.random.default_rng(seed)
    kept = []
    for label in np.unique(truth[clips]):
        own = rng.permutation(clips[truth[clips] == label])
        kept.append(own[: max(1, round(share * len(own)))])
    return np.sort(np.concatenate(kept))


def clip_log_posteriors(model: keras.Model, frames: Frames, clips: np.ndarray) -> np.ndarray:
    """Log-posteriors (clips, labels) pooled over each clip's frames; clips ascending."""
    numbers = frames.of(clips)
    parts = [numbers[i : i + AT_ONCE] for i in range(0, len(numbers), AT_ONCE)]
    logits = np.concatenate([keras.ops.convert_to_numpy(model.predict_on_batch(frames.take(part))) for part in parts])
    return metrics.pooled(logits, np.searchsorted(clips, frames.owner[numbers]), len(clips))
