"""Two tasks with something to learn, for the cause models: spoken digits and human sounds, each with its baseline.

fsdd: digits, one speaker held out at a time. esc50: ten sounds that people make, by fold. What is said of one fold with
one seed is a file, so that what is done is never done again. How fsdd is learnt was found by trials with the same
speakers held out, mostly of CNN + GRU with one seed, and so was the LMU's size (6 x 8 beside 16 x 4): its scores are
that much too good.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from benchmarks.lib.statistics import interval_over
from edge.decision.calibration import fit_temperature, log_posterior, reliability
from edge.dsp.fused import MFCC_ROWS, fused_columns
from training.causes.config import Experiment, experiment_of
from training.causes.experiment import cost
from training.causes.fitting import Tensors, architecture_of, learn, predict
from training.causes.material import Material, load_material
from training.causes.model import build_model
from training.data.augmentation import sounding
from training.data.corpora import Clip, read_samples
from training.data.selection import choose_clips
from training.data.splits import Split, make_splits
from training.runs import metrics
from training.runs.folds import SPLIT_SEED

HUMAN_SOUNDS = [
    "breathing", "brushing_teeth", "clapping", "coughing", "crying_baby",
    "drinking", "footsteps", "laughing", "sneezing", "snoring",
]  # fmt: skip
TASKS: dict[str, dict[str, Any]] = {
    "fsdd": {
        "data": {"corpora": ["fsdd"], "folds": "group", "mixed_groups": True, "clips_per_group_and_label": 20},
        "features": {
            "unit": "clip", "sounding": True, "columns": 39, "band_hz": 4000.0, "bins_together": 8, "blocks": ["mfcc"],
        },
        "augment": {
            "variants": ["clean", "edges", "voice", "voice_2"],
            "gain_db": 10.0, "colour_db": 8.0, "mix": 0.3, "time_mask": 6,
        },
        "model": {"encoder": [16, 32, 32], "dropout": 0.1, "channels": 8, "order": 6},  # half a second to remember
        "fit": {"learning_rate": 3e-3, "epochs": 24, "batch_size": 32},
    },
}  # fmt: skip
TASKS["esc50"] = {
    **TASKS["fsdd"],
    "data": {"corpora": ["esc50"], "folds": "eval_fold", "labels": HUMAN_SOUNDS},
    "features": {**TASKS["fsdd"]["features"], "band_hz": 8000.0},
    "fit": {"learning_rate": 3e-3, "epochs": 40, "batch_size": 16},
}  # fmt: skip
SEEDS = (0, 1, 2)
SVM = "MFCC statistics + RBF SVM"
SVM_C = 10.0
EXACT_DRAWS = 400  # for the ECE of exact confidences


def run(task: str, changes: dict[str, dict], seeds: tuple[int, ...], data: Path, work: Path) -> dict[str, Any]:
    """Train one model on every fold with every seed that is not yet done; what a table shows of it.

    changes: {section: {key: value}} of the task's experiment.
    """
    experiment = experiment_for(task, changes)
    clips, splits = clips_and_splits(experiment, data)
    material = load_material(clips, experiment, work / "features")
    cells = {
        seed: [cell(material, split, experiment, seed, work / experiment.name) for split in tqdm(
            splits, desc=f"{experiment.name}, seed {seed}", mininterval=5)]
        for seed in seeds
    }  # fmt: skip
    n_labels = len(material.labels)
    architecture = architecture_of(Tensors(material, splits[0].test[:1], experiment), experiment)
    return {
        "task": task,
        **scores_of_folds(splits, clips, cells, n_labels),
        "ece": errors_of_calibration(list(cells.values())),
        "cost": cost(build_model(architecture, n_labels)),
        "seconds": sum(float(one["seconds"]) for own in cells.values() for one in own),
        "seeds": list(seeds),
    }


def clips_and_splits(experiment: Experiment, data: Path) -> tuple[list[Clip], list[Split]]:
    """The clips of a task's experiment and its folds, the same for every seed and model."""
    config = experiment.data
    clips = choose_clips(data, config)
    return clips, make_splits(clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)


def cell(material: Material, split: Split, experiment: Experiment, seed: int, folder: Path) -> dict[str, np.ndarray]:
    """What a model says of a fold that it did not learn from: `truth`, `log_posteriors` and the `seconds` it learnt.

    It learns from all other folds for all of its epochs, at a rate that falls to nothing: none is left out to stop
    early by.
    """
    file = folder / f"{split.name}-seed{seed}.npz"
    if not file.is_file():
        started, learning = time.perf_counter(), folder / f"{split.name}-seed{seed}"
        others = np.sort(np.concatenate([split.training, split.validation]))
        model, tensors, _ = learn(material, others, None, experiment, seed, learning)
        truth, log_posteriors = predict(model, tensors, split.test)
        np.savez(file, truth=truth, log_posteriors=log_posteriors, seconds=time.perf_counter() - started)
        shutil.rmtree(learning)
    with np.load(file) as stored:
        return dict(stored)


def experiment_for(task: str, changes: dict[str, dict]) -> Experiment:
    """A task's experiment with some changes, which name it."""
    sections = {name: {**section, **changes.get(name, {})} for name, section in TASKS[task].items()}
    parts = ["+".join(v) if isinstance(v, list) else str(v) for section in changes.values() for v in section.values()]
    return experiment_of({**sections, "name": "-".join([task, *parts])}, task)


def scores_of_folds(
    splits: list[Split], clips: list[Clip], cells: dict[int, list[dict[str, np.ndarray]]], n_labels: int
) -> dict[str, Any]:
    """`folds`: macro-F1 of each, averaged over seeds; `macro_f1`: their mean, 95 % interval, chance's 95 % point."""
    folds: dict[str, float] = {}
    nulls = []
    for number, split in enumerate(splits):
        groups = [clips[i].group_id for i in split.test]
        predicted = [(own[number]["truth"], own[number]["log_posteriors"].argmax(axis=1)) for own in cells.values()]
        folds[split.name] = float(np.mean([metrics.macro_f1(metrics.confusion(*pair, n_labels)) for pair in predicted]))
        nulls.append(metrics.permutation_null(*predicted[0], groups, n_labels, 0)["macro_f1"])
    mean, low, high = interval_over(list(folds.values()))
    return {"folds": folds, "macro_f1": {"mean": mean, "low": low, "high": high, "null_95": float(np.mean(nulls))}}


def errors_of_calibration(runs: list[list[dict[str, np.ndarray]]]) -> dict[str, Any]:
    """ECE of all answers of all runs together, `before` and `after` temperature, and what exact confidences would show.

    runs: the cells of each seed. A fold's temperature is fitted on the other folds' answers: how sure to be of an
    unknown speaker is learnt from other speakers, of whom the models that judged them were as ignorant. `exact_95`: the
    95 % point of the ECE if every calibrated confidence were exactly right, for this many clips; a clip is as lucky
    with one seed as with another. `each_after`: each run's own ECE after temperature, mean and 95 % interval.
    """
    confidences: dict[str, list[np.ndarray]] = {"before": [], "after": []}
    correct = []
    for cells in runs:
        for number, own in enumerate(cells):
            others = cells[:number] + cells[number + 1 :]
            temperature = fit_temperature(
                *(np.concatenate([o[k] for o in others]) for k in ("log_posteriors", "truth"))
            )
            logits = own["log_posteriors"].astype(float)
            confidences["before"].append(np.exp(logits.max(axis=1)))
            confidences["after"].append(np.exp(log_posterior(logits, temperature).max(axis=1)))
            correct.append(logits.argmax(axis=1) == own["truth"])
    found: dict[str, Any] = {
        when: reliability(np.concatenate(c), np.concatenate(correct)).ece for when, c in confidences.items()
    }
    n_folds = len(runs[0])
    of_run = [slice(first, first + n_folds) for first in range(0, len(correct), n_folds)]
    found["each_after"] = interval_over(
        [reliability(np.concatenate(confidences["after"][run]), np.concatenate(correct[run])).ece for run in of_run]
    )
    calibrated, random = np.concatenate(confidences["after"]), np.random.default_rng(0)
    n_clips = len(calibrated) // len(runs)
    lucky = (np.tile(random.random(n_clips), len(runs)) < calibrated for _ in range(EXACT_DRAWS))
    return {**found, "exact_95": float(np.quantile([reliability(calibrated, hits).ece for hits in lucky], 0.95))}


def svm_row(task: str, data: Path) -> dict[str, Any]:
    """The same folds for an SVM on MFCC statistics of where a clip sounds."""
    clips, splits = clips_and_splits(experiment_for(task, {}), data)
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
    mean, low, high = interval_over(list(scores.values()))
    score = {"mean": mean, "low": low, "high": high, "null_95": float(np.mean(nulls))}
    return {"task": task, "model": SVM, "macro_f1": score, "folds": scores}


def mfcc_statistics(clip: Clip) -> np.ndarray:
    """Mean and deviation of each coefficient and of its change from column to column, (52,)."""
    samples = np.pad(sounding(read_samples(clip)), (0, 960))  # no clip is shorter than two columns
    mfcc = fused_columns(samples)[:, MFCC_ROWS]
    change = np.diff(mfcc, axis=0)
    return np.concatenate([mfcc.mean(axis=0), mfcc.std(axis=0), change.mean(axis=0), change.std(axis=0)])
