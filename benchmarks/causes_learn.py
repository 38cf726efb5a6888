"""Do the models learn where there is something to learn? Spoken digits and human sounds, six heads, beside an SVM.

`python -m benchmarks.causes_learn --data DIR`: about three hours a task on two cores; interrupted, it goes on where
it was, down to the epoch. `--task`, `--head`, `--fold` and `--seed` do a part; `--table` only writes what is done.
The heads' parameters, multiply-adds and latency at the deployed size are benchmarks.causes_cost's.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from benchmarks.record import record
from edge.dsp.fused import MFCC_ROWS, fused_columns
from training.causes import metrics
from training.causes.architecture import HEADS
from training.causes.config import Experiment, experiment_of
from training.causes.experiment import SPLIT_SEED, run_experiment
from training.causes.material import choose_clips
from training.corpora import Clip, read_samples
from training.splits import make_splits

WORK = Path("results/causes_learn")
HUMAN_SOUNDS = [
    "breathing", "brushing_teeth", "clapping", "coughing", "crying_baby",
    "drinking", "footsteps", "laughing", "sneezing", "snoring",
]  # fmt: skip
AUGMENT = {"variants": ["clean", "speed", "room"], "gain_db": 15.0, "time_mask": 8, "row_mask": 16}
MODEL = {"encoder": [16, 32, 32]}
TASKS: dict[str, dict[str, Any]] = {
    "fsdd": {
        "data": {"corpora": ["fsdd"], "folds": "group", "mixed_groups": True, "clips_per_group_and_label": 15},
        "features": {"unit": "clip", "columns": 39, "band_hz": 4000.0},
        "augment": {**AUGMENT, "time_mask": 4},
        "model": MODEL,
        "fit": {"epochs": 20, "patience": 6, "batch_size": 32},
    },
    "esc50": {
        "data": {"corpora": ["esc50"], "folds": "eval_fold", "labels": HUMAN_SOUNDS},
        "features": {"unit": "clip", "columns": 78},
        "augment": AUGMENT,
        "model": MODEL,
        "fit": {"epochs": 30, "patience": 8, "batch_size": 16},
    },
}
SVM = "MFCC statistics + RBF SVM"
SVM_C = 10.0
SCORES = ("macro_f1", "ece", "ece_calibrated")


def main() -> None:
    """Train what is not yet trained and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK, help="features, models and results of every cell")
    parser.add_argument("--task", choices=TASKS, action="append")
    parser.add_argument("--head", choices=HEADS, action="append")
    parser.add_argument("--fold", action="append", help="only this fold: the table says so")
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    parser.add_argument("--epochs", type=int, help="a shorter training, to try it out")
    arguments = parser.parse_args()
    rows = []
    for task in arguments.task or TASKS:
        experiment = experiment_for(task, "none", arguments)
        rows.append(svm_row(task, experiment, arguments.data))
        for head in arguments.head or HEADS:
            experiment = experiment_for(task, head, arguments)
            out = arguments.work / part_name(experiment)
            report = run_experiment(experiment, arguments.data, out, arguments.work / "features")
            rows.append(model_row(task, head, report))
    record("causes_learn", {"tasks": TASKS, "rows": rows}, table(rows))


def experiment_for(task: str, head: str, arguments: argparse.Namespace) -> Experiment:
    """One task with one head; what the command line narrows is part of it."""
    settings = TASKS[task]
    data, fit = dict(settings["data"]), {**settings["fit"], "seeds": arguments.seed or [0, 1, 2]}
    if arguments.fold:
        data["only_folds"] = arguments.fold
    if arguments.epochs:
        fit["epochs"] = arguments.epochs
    model = {**settings["model"], "head": head}
    return experiment_of({**settings, "name": f"{task}-{head}", "data": data, "fit": fit, "model": model}, task)


def part_name(experiment: Experiment) -> str:
    """The folder of an experiment, another one for each part that is run."""
    folds = "-".join(experiment.data.only_folds)
    seeds = "".join(map(str, experiment.fit.seeds))
    return f"{experiment.name}-seeds{seeds}-epochs{experiment.fit.epochs}" + (f"-{folds}" if folds else "")


def model_row(task: str, head: str, report: dict[str, Any]) -> dict[str, Any]:
    """What the table shows of an experiment."""
    summary = report["summary"]
    return {
        "task": task,
        "model": "CNN" if head == "none" else f"CNN + {head}",
        **{score: summary[score] for score in SCORES},
        "cost": report["cost"],
        "seconds": report["seconds"],
        "seeds": report["experiment"]["fit"]["seeds"],
        "folds": {r["fold"]: r["test"]["macro_f1"] for r in report["cells"]},
    }


def svm_row(task: str, experiment: Experiment, data: Path) -> dict[str, Any]:
    """The same folds for an SVM on MFCC statistics. It learns from the validation part too: it needs none."""
    clips = choose_clips(data, experiment.data)
    config = experiment.data
    splits = make_splits(clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)
    features = np.stack([mfcc_statistics(clip) for clip in tqdm(clips, desc=f"{task}, MFCC", mininterval=5)])
    labels = sorted({clip.label for clip in clips})
    truth = np.array([labels.index(clip.label) for clip in clips])
    scores, nulls = {}, []
    for split in splits:
        if config.only_folds and split.name not in config.only_folds:
            continue
        known = np.concatenate([split.training, split.validation])
        model = make_pipeline(StandardScaler(), SVC(C=SVM_C, class_weight="balanced"))
        predicted = model.fit(features[known], truth[known]).predict(features[split.test])
        counts = metrics.confusion(truth[split.test], predicted, len(labels))
        scores[split.name] = metrics.macro_f1(counts)
        groups = [clips[i].group_id for i in split.test]
        nulls.append(metrics.permutation_null(truth[split.test], predicted, groups, len(labels), 0)["macro_f1"])
    mean, low, high = metrics.mean_interval(list(scores.values()))
    interval = {"mean": mean, "low": None if np.isnan(low) else low, "high": None if np.isnan(high) else high}
    return {"task": task, "model": SVM, "macro_f1": {**interval, "null_95": float(np.mean(nulls))}, "folds": scores}


def mfcc_statistics(clip: Clip) -> np.ndarray:
    """Mean and deviation of each coefficient and of its change from column to column, (52,)."""
    mfcc = fused_columns(np.pad(read_samples(clip), (0, 960)))[:, MFCC_ROWS]  # no clip shorter than two columns
    change = np.diff(mfcc, axis=0)
    return np.concatenate([mfcc.mean(axis=0), mfcc.std(axis=0), change.mean(axis=0), change.std(axis=0)])


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| task | model | folds x seeds | macro-F1, 95 % interval over folds | chance, 95 % point | ECE, after T | "
        "head parameters | M multiply-adds | trained, min |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        score = row["macro_f1"]
        interval = "one fold only" if score["low"] is None else f"{score['low']:.3f} to {score['high']:.3f}"
        count = f"{len(row['folds'])} x {len(row.get('seeds', [0]))}"
        rest = " |  |  | "
        if "cost" in row:
            ece = f"{row['ece']['mean']:.3f}, {row['ece_calibrated']['mean']:.3f}"
            millions = sum(row["cost"]["multiply_adds"].values()) / 1e6
            rest = f"{ece} | {row['cost']['head_parameters']} | {millions:.1f} | {row['seconds'] / 60:.0f}"
        lines.append(
            f"| {row['task']} | {row['model']} | {count} | {score['mean']:.3f} ({interval}) | {score['null_95']:.3f} | "
            f"{rest} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
