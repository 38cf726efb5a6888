"""An experiment's results folder: a folder for each fold and seed, done once, and its scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.decision.calibration import log_posterior
from edge.errors import UserError
from edge.files import naming, write_whole
from edge.untrusted import read_json
from training.data.corpora import Clip
from training.data.splits import Split
from training.runs import metrics
from training.runs.toml_config import as_table

EXPERIMENT, FOLDS, METRICS, LOG_POSTERIORS = "experiment.json", "folds", "metrics.json", "log_posteriors.npz"
SPLIT_SEED = 0  # the folds are the same for every seed: what differs between seeds is learning alone

Say = Callable[[str], None]
RunFold = Callable[[Split, int, Path], None]
Evaluated = dict[str, tuple[np.ndarray, np.ndarray]]  # part -> truth and log-posteriors


def run_folds(splits: list[Split], seeds: tuple[int, ...], out: Path, run_fold: RunFold, say: Say) -> list[dict]:
    """What metrics.json says of every split and seed; run_fold(split, seed, folder) where it is not yet written."""
    runs = [(split, seed) for split in splits for seed in seeds]
    results = []
    for number, (split, seed) in enumerate(runs, start=1):
        folder = out / FOLDS / f"{split.name}-seed{seed}"
        if not (folder / METRICS).is_file():
            run_fold(split, seed, folder)
        results.append(read_json(folder / METRICS, finite=False))
        score = results[-1]["test"]["macro_f1"]
        say(f"{number}/{len(runs)}  fold {split.name}, seed {seed}: macro-F1 {score:.3f}")
    return results


def claim_output_dir(out: Path, experiment: Any) -> None:
    """Make `out` this experiment's. Raises UserError when it is another's."""
    table = json.dumps(as_table(experiment), indent=1) + "\n"
    file = out / EXPERIMENT
    if file.is_file() and file.read_text() != table:
        raise UserError(f"{out} holds results of another experiment; name another folder with --out, or delete it")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(file, [table.encode()])


def chosen(splits: list[Split], names: tuple[str, ...]) -> list[Split]:
    """The splits of these folds, all when none is named. Raises UserError for a fold that is not there."""
    known = [split.name for split in splits]
    for name in names:
        if name not in known:
            raise UserError(f"data.only_folds has {name!r}, there are {', '.join(known)}")
    return [split for split in splits if not names or split.name in names]


def write_log_posteriors(folder: Path, labels: list[str], clips: dict[str, list[Clip]], evaluated: Evaluated) -> None:
    """Keep the answers to every clip of each part; clips: part -> those evaluated."""
    arrays: dict[str, Any] = {"labels": labels}
    for name, (truth, values) in evaluated.items():
        arrays[f"{name}_clips"] = [clip.clip_id for clip in clips[name]]
        arrays[f"{name}_truth"] = truth
        arrays[f"{name}_log_posteriors"] = values.astype(np.float32)
    with naming(folder / LOG_POSTERIORS):
        np.savez(folder / LOG_POSTERIORS, **arrays)


def evaluation(tested: list[Clip], split: Split, seed: int, evaluated: Evaluated, temperature: float) -> dict[str, Any]:
    """What metrics.json says of the answers; tested: the clips of evaluated["test"]."""
    truth, log_posteriors = evaluated["test"]
    predicted = log_posteriors.argmax(axis=1)
    n_labels = log_posteriors.shape[1]
    return {
        "fold": split.name,
        "seed": seed,
        "temperature": temperature,
        **{name: metrics.scores(*values) for name, values in evaluated.items()},
        "test_calibrated": metrics.scores(truth, log_posterior(log_posteriors, temperature)),
        "test_null_95": metrics.permutation_null(truth, predicted, [clip.group_id for clip in tested], n_labels, seed),
        "test_confusion": metrics.confusion(truth, predicted, n_labels).tolist(),
    }
