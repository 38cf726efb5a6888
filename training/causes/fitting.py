"""Teach one cause model on one split; an epoch can be interrupted and resumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.causes.config import Experiment
from training.causes.material import Material
from training.causes.model import Fused, build_model
from training.causes.sampling import Tensors, mixed
from training.data.splits import Split
from training.runs import metrics
from training.runs.epochs import batches, best_epoch, by_macro_f1, label_weights, n_batches, run_epochs

ITEMS_AT_ONCE = 64


@dataclass(frozen=True)
class Fitted:
    """A trained model in plain layers, what makes its input, and how it learnt."""

    model: keras.Model
    tensors: Tensors
    curves: list[dict[str, float]]  # per epoch: loss; macro_f1 and nll on the validation part
    best_epoch: int
    validation: tuple[np.ndarray, np.ndarray]  # truth and log-posteriors, by a model that did not learn from them


def fit(material: Material, split: Split, experiment: Experiment, seed: int, folder: Path) -> Fitted:
    """Train until the macro-F1 on the validation part has not risen for a while; resumes from folder.

    Nothing of the test part is looked at.
    """
    model, tensors, curves = learn(material, split.training, split.validation, experiment, seed, folder)
    best = best_epoch(curves, by_macro_f1)
    return Fitted(model, tensors, curves, best, predict(model, tensors, split.validation))


def learn(
    material: Material,
    clips: np.ndarray,
    validation: np.ndarray | None,
    experiment: Experiment,
    seed: int,
    folder: Path,
    start: list[np.ndarray] | None = None,
) -> tuple[keras.Model, Tensors, list[dict[str, float]]]:
    """A model taught on some clips, as it was after its best epoch: the last one where nothing is validated.

    start: weights that it begins with; None: new ones.
    """
    keras.utils.set_random_seed(seed)
    items = material.items_of(clips)
    tensors = Tensors(material, items, experiment)
    config, n_labels = experiment.fit, len(material.labels)
    weights = label_weights(material.truth[material.owner[items]], n_labels, config.class_weights)

    def epoch(model: keras.Model, number: int) -> dict[str, float]:
        rng = np.random.default_rng([seed, number])
        loss = {"loss": train_epoch(model, tensors, items, weights, rng)}
        if validation is None:
            return loss
        return {**loss, **metrics.validation_scores(*predict(model, tensors, validation))}

    def make_model() -> keras.Model:
        model = compiled(tensors, n_labels, len(items), experiment)
        if start is not None:
            model.set_weights(start)
        return model

    goodness = by_macro_f1 if validation is not None else None
    model, curves = run_epochs(make_model, epoch, folder, config.epochs, config.patience, goodness)
    plain = build_model(architecture_of(tensors, experiment), n_labels)
    plain.set_weights(model.get_weights())
    return plain, tensors, curves


def compiled(tensors: Tensors, n_labels: int, n_items: int, experiment: Experiment) -> keras.Model:
    """A new model, ready to learn at a rate that falls along a half cosine until the last epoch."""
    config = experiment.fit
    steps = config.epochs * n_batches(n_items, config.batch_size)
    model = build_model(architecture_of(tensors, experiment), n_labels, Fused)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)),
        keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    return model


def architecture_of(tensors: Tensors, experiment: Experiment) -> Any:
    """The experiment's architecture for the rows and columns that it sees."""
    return replace(experiment.model, rows=len(tensors.rows), columns=experiment.features.columns)


def train_epoch(
    model: keras.Model, tensors: Tensors, training: np.ndarray, weights: np.ndarray, rng: np.random.Generator
) -> float:
    """One pass over the training items, each in a variant drawn anew; the mean loss."""
    material, config = tensors.material, tensors.experiment
    one_hot = np.eye(len(material.labels), dtype=np.float32)
    losses = []
    for items in batches(rng.permutation(training), config.fit.batch_size):
        truth = material.truth[material.owner[items]]
        x, targets = tensors.draw(items, rng), one_hot[truth] * weights[truth, None].astype(np.float32)
        if config.augment.mix:
            x, targets = mixed(x, targets, config.augment.mix, rng)
        weight = targets.sum(axis=1)
        loss = model.train_on_batch(x, targets / weight[:, None], sample_weight=weight)
        losses.append(float(np.atleast_1d(loss)[0]))
    return float(np.mean(losses))  # the batches are of about one size


def predict(model: keras.Model, tensors: Tensors, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True labels, (clips,), and log-posteriors pooled over each clip's windows, (clips, labels)."""
    material = tensors.material
    items = material.items_of(clips)
    parts = [items[i : i + ITEMS_AT_ONCE] for i in range(0, len(items), ITEMS_AT_ONCE)]
    logits = np.concatenate([model.predict_on_batch(tensors.take(part)) for part in parts])
    owner = np.searchsorted(clips, material.owner[items])
    return material.truth[clips], metrics.pooled(logits, owner, len(clips))


def normalisation(tensors: Tensors) -> dict[str, Any]:
    """What model.json says of the input: these of the 273 rows, each z-scored."""
    return {
        "kind": "row_z_score",
        "rows": tensors.rows.tolist(),
        "mean": [round(float(value), 6) for value in tensors.mean],
        "deviation": [round(float(value), 6) for value in tensors.deviation],
    }
