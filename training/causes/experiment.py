"""`cry-train causes`: every fold and seed of an experiment, each kept when done, and the report over all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge import __version__
from edge.decision.calibration import fit_temperature, log_posterior
from edge.dsp import fused
from edge.errors import UserError
from training.causes import metrics
from training.causes.config import Experiment, as_table
from training.causes.fitting import BEST, CHECKPOINT, PROGRESS, Fitted, fit, judge, normalisation
from training.causes.material import Material, choose_clips, label_counts, load_material
from training.causes.model import encoder_parameters, head_parameters, multiply_adds
from training.causes.report import write_report
from training.splits import Split, make_splits, prove

EXPERIMENT, CELLS, METRICS, LOG_POSTERIORS = "experiment.json", "cells", "metrics.json", "log_posteriors.npz"
STEP_COLUMNS = 14  # that a device takes at a time: a hop of 0.2 s brings 13 or 14
SPLIT_SEED = 0  # the folds are the same for every seed: what differs between seeds is learning alone

Say = Callable[[str], None]


def run_experiment(experiment: Experiment, data_dir: Path, out: Path, cache: Path, say: Say = print) -> dict[str, Any]:
    """Run what is not yet done of an experiment and write its report into `out`; returns the report.

    out: experiment.json, cells/FOLD-seedN/ (cause.keras, model.json, metrics.json, log_posteriors.npz), report.json,
    report.md and plots. cache: receives the features, which several experiments share.
    Raises UserError for clips that cannot be used or split, and when `out` holds another experiment.
    """
    claim(out, experiment)
    clips = choose_clips(data_dir, experiment.data)
    config = experiment.data
    splits = make_splits(clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)
    splits = chosen(splits, config.only_folds)
    material = load_material(clips, experiment, cache)
    cells = [(split, seed) for split in splits for seed in experiment.fit.seeds]
    results = []
    for number, (split, seed) in enumerate(cells, start=1):
        folder = out / CELLS / f"{split.name}-seed{seed}"
        if not (folder / METRICS).is_file():
            run_cell(material, split, experiment, seed, folder)
        results.append(json.loads((folder / METRICS).read_text()))
        score = results[-1]["test"]["macro_f1"]
        say(f"{number}/{len(cells)}  fold {split.name}, seed {seed}: macro-F1 {score:.3f}")
    proofs = [prove(clips, split) for split in splits]
    return write_report(out, experiment, results, proofs, label_counts(clips), material.labels)


def claim(out: Path, experiment: Experiment) -> None:
    """Make `out` this experiment's. Raises UserError when it is another's."""
    table = json.dumps(as_table(experiment), indent=1) + "\n"
    file = out / EXPERIMENT
    if file.is_file() and file.read_text() != table:
        raise UserError(f"{out} holds results of another experiment; name another folder with --out, or delete it")
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(table)


def chosen(splits: list[Split], names: tuple[str, ...]) -> list[Split]:
    """The splits of these folds, all when none is named. Raises UserError for a fold that is not there."""
    known = [split.name for split in splits]
    for name in names:
        if name not in known:
            raise UserError(f"data.only_folds has {name!r}, there are {', '.join(known)}")
    return [split for split in splits if not names or split.name in names]


def run_cell(material: Material, split: Split, experiment: Experiment, seed: int, folder: Path) -> None:
    """Train on one fold with one seed; what is judged is written last, so that it stands for a whole cell."""
    started = time.perf_counter()
    fitted = fit(material, split, experiment, seed, folder)
    parts = {"validation": split.validation, "test": split.test}
    judged = {"validation": fitted.validation, "test": judge(fitted.model, fitted.tensors, split.test)}
    np.savez(
        folder / LOG_POSTERIORS,
        labels=material.labels,
        **{f"{name}_clips": [material.clips[i].clip_id for i in parts[name]] for name in judged},
        **{f"{name}_truth": truth for name, (truth, _) in judged.items()},
        **{f"{name}_log_posteriors": values.astype(np.float32) for name, (_, values) in judged.items()},
    )
    # Pooled and tempered, or tempered and pooled: log-posteriors divided by T and normalised are the same either way.
    temperature = fit_temperature(judged["validation"][1], judged["validation"][0])
    description = {**describe(fitted, material, split, experiment, seed), "temperature": temperature}
    fitted.model.save(folder / "cause.keras")
    (folder / "model.json").write_text(json.dumps(description, indent=1) + "\n")
    result = {**judgement(material, split, seed, judged, temperature), "cost": cost(fitted.model)}
    result["curves"], result["best_epoch"] = fitted.curves, fitted.best_epoch
    result["seconds"] = round(time.perf_counter() - started, 1)
    for name in (CHECKPOINT, BEST, PROGRESS):
        (folder / name).unlink()
    (folder / METRICS).write_text(json.dumps(result, indent=1) + "\n")


def judgement(material: Material, split: Split, seed: int, judged: dict, temperature: float) -> dict[str, Any]:
    """What metrics.json says of the answers; judged: (truth, log-posteriors) of `validation` and `test`."""
    truth, log_posteriors = judged["test"]
    predicted = log_posteriors.argmax(axis=1)
    groups = [material.clips[i].group_id for i in split.test]
    n_labels = len(material.labels)
    return {
        "fold": split.name,
        "seed": seed,
        "temperature": temperature,
        **{name: metrics.scores(*values) for name, values in judged.items()},
        "test_calibrated": metrics.scores(truth, log_posterior(log_posteriors, temperature)),
        "test_null_95": metrics.permutation_null(truth, predicted, groups, n_labels, seed),
        "test_confusion": metrics.confusion(truth, predicted, n_labels).tolist(),
    }


def cost(model: keras.Model) -> dict[str, Any]:
    """Parameters and multiply-adds of one input."""
    return {
        "parameters": model.count_params(),
        "encoder_parameters": encoder_parameters(model),
        "head_parameters": head_parameters(model),
        "multiply_adds": multiply_adds(model),
    }


def describe(fitted: Fitted, material: Material, split: Split, experiment: Experiment, seed: int) -> dict[str, Any]:
    """model.json: what export and the bundle need to know, but the temperature."""
    config = experiment.features
    corpora: dict[str, dict[str, Any]] = {}
    for i in split.training:
        clip = material.clips[i]
        entry = corpora.setdefault(clip.corpus, {"clips": 0, "licences": []})
        entry["clips"] += 1
        if clip.licence not in entry["licences"]:
            entry["licences"].append(clip.licence)
    return {
        "role": "expert",
        "name": f"cause-{experiment.name}",
        "version": __version__,
        "labels": material.labels,
        "layers": ["training.layers.lmu", "training.layers.positions"],
        "feature": {"name": "fused", "parameters": fused.PARAMETERS, "band_hz": config.band_hz},
        "normalisation": normalisation(fitted.tensors),
        "unit": config.unit,
        "step": {"columns": STEP_COLUMNS, "window_columns": config.columns},
        "training": {"corpora": corpora, "held_out_fold": split.name, "seed": seed, **cost(fitted.model)},
    }
