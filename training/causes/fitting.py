"""Teach one cause model on one split; an epoch can be interrupted and resumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.dsp.fused import MFCC_ROWS, STFT_ROWS, WAVE_ROW, RowStatistics, standardise
from edge.dsp.mfcc import DCT, FILTERBANK
from edge.dsp.stft import N_BINS, bins_within
from training.causes import metrics
from training.causes.config import Experiment
from training.causes.material import Material, chosen_rows
from training.causes.model import Fused, build_model
from training.data.splits import Split
from training.runs.epochs import batches, best_epoch, by_macro_f1, label_weights, n_batches, run_epochs

ITEMS_AT_ONCE = 64
COLOUR_KNOTS = 9  # one each 1000 Hz
COLOUR_LINES = np.stack([
    np.interp(np.arange(N_BINS), np.linspace(0, N_BINS - 1, COLOUR_KNOTS), knot) for knot in np.eye(COLOUR_KNOTS)
]).astype(np.float32)  # fmt: skip


class Tensors:
    """An experiment's material as network input: some rows, z-scored with the training part's statistics."""

    def __init__(self, material: Material, training: np.ndarray, experiment: Experiment):
        """training: the items that may be learnt from."""
        self.material, self.experiment = material, experiment
        self.rows = chosen_rows(experiment.features)
        self.variants = experiment.augment.variants
        statistics = RowStatistics()
        for variant in self.variants:
            for item in training:
                statistics.add(material.tensors[variant][item])
        self.mean, self.deviation = statistics.mean()[self.rows], statistics.deviation()[self.rows]

    def take(self, items: np.ndarray) -> np.ndarray:
        """(items, columns, rows, 1) float32 of the first variant."""
        return self._standard(np.stack([self.material.tensors[self.variants[0]][item] for item in items]))

    def draw(self, items: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(items, columns, rows, 1) float32, each in any variant, through any microphone, and with gaps."""
        names = [self.variants[number] for number in rng.integers(0, len(self.variants), len(items))]
        tensors = [self.material.tensors[name][item] for name, item in zip(names, items, strict=True)]
        heard = coloured(np.stack(tensors), draw_colours(self.experiment, len(items), rng))
        return self.masked(self._standard(heard), rng)

    def _standard(self, tensors: np.ndarray) -> np.ndarray:
        columns = tensors[:, :, self.rows].astype(np.float32)
        return standardise(columns, self.mean, self.deviation, out=columns)[..., None]

    def masked(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x with some columns, and some rows of the spectrum, at their mean."""
        config = self.experiment.augment
        spectrum = np.flatnonzero((self.rows >= STFT_ROWS.start) & (self.rows < STFT_ROWS.stop))
        for item in x:
            if config.time_mask:
                width = rng.integers(0, config.time_mask + 1)
                begin = rng.integers(0, len(item) - width + 1)
                item[begin : begin + width] = 0.0
            if config.row_mask and len(spectrum) > config.row_mask:
                width = rng.integers(0, config.row_mask + 1)
                begin = spectrum[0] + rng.integers(0, len(spectrum) - width + 1)
                item[:, begin : begin + width] = 0.0
        return x


def coloured(tensors: np.ndarray, nats: np.ndarray) -> np.ndarray:
    """The fused tensors (n, columns, 273) of recordings with each bin's power exp(nats) times as large.

    nats: (n, bins) of the bins within the tensors' band. What their features would be, but for floors: a gain is a
    constant in every logarithm of a power, and a cepstrum is a sum of logarithms.
    """
    changed = tensors.astype(np.float32)
    n_bins = nats.shape[1]
    changed[:, :, STFT_ROWS.start : STFT_ROWS.start + n_bins] += nats[:, None]
    weights = FILTERBANK[:n_bins]  # a mel band above the bins is empty, and stays so
    changed[:, :, MFCC_ROWS] += ((nats @ weights / np.maximum(weights.sum(axis=0), 1e-9)) @ DCT)[:, None]
    changed[:, :, WAVE_ROW] *= np.exp(nats.mean(axis=1) / 2)[:, None]
    return changed


def draw_colours(experiment: Experiment, n: int, rng: np.random.Generator) -> np.ndarray:
    """n microphones' gain and response: nats of power of each bin within the band, lines between some points."""
    config = experiment.augment
    knots_db = rng.uniform(-1, 1, (n, 1)) * config.gain_db + rng.uniform(-1, 1, (n, COLOUR_KNOTS)) * config.colour_db
    return knots_db @ COLOUR_LINES[:, : bins_within(experiment.features.band_hz)] / 10 * np.log(10)


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
    return Fitted(model, tensors, curves, best, judge(model, tensors, split.validation))


def learn(
    material: Material,
    clips: np.ndarray,
    validation: np.ndarray | None,
    experiment: Experiment,
    seed: int,
    folder: Path,
) -> tuple[keras.Model, Tensors, list[dict[str, float]]]:
    """A model taught on some clips, as it was after its best epoch: the last one where nothing is validated."""
    keras.utils.set_random_seed(seed)
    items = material.items_of(clips)
    tensors = Tensors(material, items, experiment)
    config, n_labels = experiment.fit, len(material.labels)
    weights = label_weights(material.truth[material.owner[items]], n_labels, config.class_weights)

    def epoch(model: keras.Model, number: int) -> dict[str, float]:
        rng = np.random.default_rng([seed, number])
        said = {"loss": train_epoch(model, tensors, items, weights, rng)}
        if validation is not None:
            said.update(validated(*judge(model, tensors, validation), n_labels))
        return said

    make_model = partial(compiled, tensors, n_labels, len(items), experiment)
    goodness = by_macro_f1 if validation is not None else None
    model, curves = run_epochs(make_model, epoch, folder, config.epochs, config.patience, goodness)
    plain = build_model(architecture_of(tensors, experiment), n_labels)
    plain.set_weights(model.get_weights())
    return plain, tensors, curves


def validated(truth: np.ndarray, log_posteriors: np.ndarray, n_labels: int) -> dict[str, float]:
    """What a curve says of an epoch."""
    counts = metrics.confusion(truth, log_posteriors.argmax(axis=1), n_labels)
    nll = -float(np.mean(log_posteriors[np.arange(len(truth)), truth]))
    return {"macro_f1": metrics.macro_f1(counts), "nll": nll}


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


def mixed(x: np.ndarray, targets: np.ndarray, alpha: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Every item a little of another one, and its target too, by a share from Beta(alpha, alpha): mixup.

    Between two speakers lie others. Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018.
    """
    share = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(x))
    return share * x + (1 - share) * x[other], share * targets + (1 - share) * targets[other]


def judge(model: keras.Model, tensors: Tensors, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
