"""`cry-train causes`: every fold and seed of an experiment, each kept when done, and the report over all."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import keras

from edge import __version__
from edge.decision.calibration import fit_temperature
from edge.dsp import fused
from training.causes.config import Experiment
from training.causes.fitting import Fitted, fit, normalisation, predict
from training.causes.material import Material, load_material
from training.causes.model import encoder_parameters, head_parameters, multiply_adds
from training.data.selection import choose_clips, corpora_of, label_counts
from training.data.splits import Split, make_splits, prove
from training.runs.epochs import forget
from training.runs.folds import (
    METRICS,
    SPLIT_SEED,
    Say,
    chosen,
    claim_output_dir,
    evaluation,
    run_folds,
    write_log_posteriors,
)
from training.runs.report import write_report

STEP_COLUMNS = 14  # that a device takes at a time: a hop of 0.2 s brings 13 or 14


def run_experiment(experiment: Experiment, data_dir: Path, out: Path, cache: Path, say: Say = print) -> dict[str, Any]:
    """Run what is not yet done of an experiment and write its report into `out`; returns the report.

    out: experiment.json, folds/FOLD-seedN/ (cause.keras, model.json, metrics.json, log_posteriors.npz), report.json,
    report.md and plots. cache: receives the features, which several experiments share.
    Raises UserError for clips that cannot be used or split, and when `out` holds another experiment.
    """
    claim_output_dir(out, experiment)
    clips = choose_clips(data_dir, experiment.data)
    config = experiment.data
    splits = make_splits(clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)
    splits = chosen(splits, config.only_folds)
    material = load_material(clips, experiment, cache)

    def fold(split: Split, seed: int, folder: Path) -> None:
        run_fold(material, split, experiment, seed, folder)

    results = run_folds(splits, experiment.fit.seeds, out, fold, say)
    proofs = [prove(clips, split) for split in splits]
    return write_report(out, experiment, results, proofs, label_counts(clips), material.labels)


def run_fold(material: Material, split: Split, experiment: Experiment, seed: int, folder: Path) -> None:
    """Train on one fold with one seed; what is judged is written last, so that it stands for a whole fold."""
    started = time.perf_counter()
    fitted = fit(material, split, experiment, seed, folder)
    parts = {"validation": split.validation, "test": split.test}
    evaluated = {"validation": fitted.validation, "test": predict(fitted.model, fitted.tensors, split.test)}
    clips = {name: [material.clips[i] for i in part] for name, part in parts.items()}
    write_log_posteriors(folder, material.labels, clips, evaluated)
    # Pooled and tempered, or tempered and pooled: log-posteriors divided by T and normalised are the same either way.
    temperature = fit_temperature(evaluated["validation"][1], evaluated["validation"][0])
    description = {**describe(fitted, material, split, experiment, seed), "temperature": temperature}
    fitted.model.save(folder / "cause.keras")
    (folder / "model.json").write_text(json.dumps(description, indent=1) + "\n")
    result = {**evaluation(clips["test"], split, seed, evaluated, temperature), "cost": cost(fitted.model)}
    result["curves"], result["best_epoch"] = fitted.curves, fitted.best_epoch
    result["seconds"] = round(time.perf_counter() - started, 1)
    forget(folder)
    (folder / METRICS).write_text(json.dumps(result, indent=1) + "\n")


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
    return {
        "role": "expert",
        "name": f"cause-{experiment.name}",
        "version": __version__,
        "labels": material.labels,
        "layers": ["training.layers.lmu", "training.layers.positions", "training.layers.tensor_train"],
        "graph": "training.causes.streaming:export_graph",
        "feature": {"name": "fused", "parameters": fused.PARAMETERS, "band_hz": config.band_hz},
        "normalisation": normalisation(fitted.tensors),
        "unit": config.unit,
        "step": {"columns": STEP_COLUMNS, "window_columns": config.columns},
        "training": {
            "corpora": corpora_of([material.clips[i] for i in split.training]),
            "held_out_fold": split.name,
            "seed": seed,
            **cost(fitted.model),
        },
    }
