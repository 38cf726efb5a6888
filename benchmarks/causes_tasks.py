"""Two tasks with something to learn, for the cause models: spoken digits and human sounds, each with its baseline.

fsdd: digits, one speaker held out at a time. esc50: ten sounds that people make, by fold. One seed of one model is
one experiment in a folder of its own, so that what is done is never done again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from edge.decision.calibration import fit_temperature, log_posterior, reliability
from edge.dsp.fused import MFCC_ROWS, fused_columns
from training.causes import metrics
from training.causes.config import Experiment, experiment_of
from training.causes.experiment import run_experiment
from training.causes.report import summary
from training.cells import CELLS, LOG_POSTERIORS, SPLIT_SEED
from training.corpora import Clip, read_corpora, read_samples
from training.selection import choose_clips
from training.splits import make_splits

HUMAN_SOUNDS = [
    "breathing", "brushing_teeth", "clapping", "coughing", "crying_baby",
    "drinking", "footsteps", "laughing", "sneezing", "snoring",
]  # fmt: skip
FEATURES = {"unit": "clip", "blocks": ["mfcc", "stft", "pitch"]}
AUGMENT = {
    "variants": ["clean", "placed", "placed_2", "other_voice", "other_voice_2"],
    "gain_db": 10.0, "colour_db": 8.0, "mix": 0.3, "row_mask": 16,
}  # fmt: skip
MODEL = {"encoder": [8, 16, 32], "dropout": 0.1}
FIT = {"learning_rate": 3e-3, "patience": 8, "refit": True}
TASKS: dict[str, dict[str, Any]] = {
    "fsdd": {
        "data": {"corpora": ["fsdd"], "folds": "group", "mixed_groups": True, "clips_per_group_and_label": 20},
        "features": {**FEATURES, "columns": 39, "band_hz": 4000.0},
        "augment": {**AUGMENT, "time_mask": 6},
        "model": MODEL,
        "fit": {**FIT, "epochs": 18, "batch_size": 32},
    },
    "esc50": {
        "data": {"corpora": ["esc50"], "folds": "eval_fold", "labels": HUMAN_SOUNDS},
        "features": {**FEATURES, "columns": 59},
        "augment": {**AUGMENT, "time_mask": 8},
        "model": MODEL,
        "fit": {**FIT, "epochs": 30, "batch_size": 16},
    },
}
SEEDS = (0, 1, 2)
SVM = "MFCC statistics + RBF SVM"
SVM_C = 10.0


def run(task: str, changes: dict[str, dict], seeds: tuple[int, ...], data: Path, work: Path) -> dict[str, Any]:
    """Train one model on every fold with every seed that is not yet done; what a table shows of it.

    changes: {section: {key: value}} of the task's experiment.
    """
    reports, answers = [], []
    for seed in seeds:
        experiment = experiment_for(task, changes, seed)
        out = work / experiment.name
        reports.append(run_experiment(experiment, data, out, work / "features"))
        answers.append([np.load(file) for file in sorted((out / CELLS).glob(f"*/{LOG_POSTERIORS}"))])
    cells = [cell for report in reports for cell in report["cells"]]
    return {
        "task": task,
        "macro_f1": summary(cells)["macro_f1"],
        "ece": errors_of_calibration(answers, {clip.clip_id: clip.group_id for clip in read_corpora(data)}),
        "cost": reports[0]["cost"],
        "seconds": sum(report["seconds"] for report in reports),
        "seeds": list(seeds),
        "folds": {cell["fold"]: cell["test"]["macro_f1"] for cell in cells if cell["seed"] == seeds[0]},
    }


def experiment_for(task: str, changes: dict[str, dict], seed: int) -> Experiment:
    """One seed of a task's experiment with some changes, which name it."""
    sections = {name: {**section, **changes.get(name, {})} for name, section in TASKS[task].items()}
    sections["fit"]["seeds"] = [seed]
    parts = ["+".join(v) if isinstance(v, list) else str(v) for section in changes.values() for v in section.values()]
    name = "-".join([task, *parts, f"seed{seed}"])
    return experiment_of({**sections, "name": name}, task)


def errors_of_calibration(answers: list[list[Any]], group_of: dict[str, str]) -> dict[str, list[float]]:
    """{"before", "after"}: ECE of all folds' answers together, and its mean and 95 % interval over seeds.

    A fold's temperature is fitted on the validation answers of every fold, but for groups that it tests: how sure to
    be of an unknown speaker is learnt from several, none of whom the model that judged them had heard.
    """
    found: dict[str, list[float]] = {"before": [], "after": []}
    for cells in answers:
        confidences: dict[str, list[np.ndarray]] = {"before": [], "after": []}
        correct = []
        for cell in cells:
            tested = {group_of[clip] for clip in cell["test_clips"].tolist()}
            temperature = fit_temperature(*validation_answers(cells, tested, group_of))
            logits, truth = cell["test_log_posteriors"].astype(float), cell["test_truth"]
            confidences["before"].append(np.exp(logits.max(axis=1)))
            confidences["after"].append(np.exp(log_posterior(logits, temperature).max(axis=1)))
            correct.append(logits.argmax(axis=1) == truth)
        for when, parts in confidences.items():
            found[when].append(reliability(np.concatenate(parts), np.concatenate(correct)).ece)
    return {when: [none_if_nan(x) for x in metrics.mean_interval(values)] for when, values in found.items()}


def validation_answers(cells: list[Any], without: set[str], group_of: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Log-posteriors and truth of every fold's validation part, without some groups."""
    kept = [np.array([group_of[clip] not in without for clip in cell["validation_clips"].tolist()]) for cell in cells]
    logits = [cell["validation_log_posteriors"][keep] for cell, keep in zip(cells, kept, strict=True)]
    truth = [cell["validation_truth"][keep] for cell, keep in zip(cells, kept, strict=True)]
    return np.concatenate(logits).astype(float), np.concatenate(truth)


def svm_row(task: str, data: Path) -> dict[str, Any]:
    """The same folds for an SVM on MFCC statistics. It learns from the validation part too: it needs none."""
    experiment = experiment_for(task, {}, 0)
    clips = choose_clips(data, experiment.data)
    config = experiment.data
    splits = make_splits(clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)
    features = np.stack([mfcc_statistics(clip) for clip in tqdm(clips, desc=f"{task}, MFCC", mininterval=5)])
    labels = sorted({clip.label for clip in clips})
    truth = np.array([labels.index(clip.label) for clip in clips])
    scores, nulls = {}, []
    for split in splits:
        known = np.concatenate([split.training, split.validation])
        model = make_pipeline(StandardScaler(), SVC(C=SVM_C, class_weight="balanced"))
        predicted = model.fit(features[known], truth[known]).predict(features[split.test])
        scores[split.name] = metrics.macro_f1(metrics.confusion(truth[split.test], predicted, len(labels)))
        groups = [clips[i].group_id for i in split.test]
        nulls.append(metrics.permutation_null(truth[split.test], predicted, groups, len(labels), 0)["macro_f1"])
    mean, low, high = map(none_if_nan, metrics.mean_interval(list(scores.values())))
    score = {"mean": mean, "low": low, "high": high, "null_95": float(np.mean(nulls))}
    return {"task": task, "model": SVM, "macro_f1": score, "folds": scores}


def mfcc_statistics(clip: Clip) -> np.ndarray:
    """Mean and deviation of each coefficient and of its change from column to column, (52,)."""
    mfcc = fused_columns(np.pad(read_samples(clip), (0, 960)))[:, MFCC_ROWS]  # no clip shorter than two columns
    change = np.diff(mfcc, axis=0)
    return np.concatenate([mfcc.mean(axis=0), mfcc.std(axis=0), change.mean(axis=0), change.std(axis=0)])


def none_if_nan(value: float) -> float | None:
    """JSON has no nan."""
    return None if np.isnan(value) else float(value)


def with_interval(mean: float, low: float | None, high: float | None) -> str:
    """A mean as tables show it."""
    return f"{mean:.3f}" if low is None else f"{mean:.3f} ({low:.3f} to {high:.3f})"
