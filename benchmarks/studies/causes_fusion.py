"""Two recording domains, overlapping labels, and ways to have one answer of both: the CNN + LMU paper's table III.

`python -m benchmarks.studies.causes_fusion --data DIR`: a quarter of an hour on one core with KERAS_BACKEND=torch;
interrupted, it goes on with the next fold and seed. Domain `line` hears the digits 0-5 as they were recorded, domain
`room` the digits 4-9 through a narrow band in a reverberant room; speakers are held out one at a time, in both
domains at once. An expert's temperature for a speaker is fitted on what it says, in its own domain, of the other
speakers when they are held out.
"""

from __future__ import annotations

import argparse
import copy
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import record
from benchmarks.lib.statistics import interval_over, with_interval
from benchmarks.studies.causes_tasks import TASKS
from edge.decision.calibration import fit_temperature, log_posterior
from edge.decision.fusion import METHODS, Fusion
from training.causes.config import Experiment, experiment_of
from training.causes.fitting import learn, predict
from training.causes.material import Material, load_material
from training.data.selection import choose_clips
from training.data.splits import Split, make_splits
from training.runs import metrics
from training.runs.folds import SPLIT_SEED

WORK = Path("results/causes_fusion")
DIGITS = [f"digit_{n}" for n in range(10)]
DOMAINS = {"line": ("clean", DIGITS[:6]), "room": ("narrow_room", DIGITS[4:])}  # channel, labels
MERGED = "merged training"
SCOPES = ("shared, calibrated", "all, calibrated")  # of calibrated, entropy-gated fusion
BOTH = "both"
SEEDS = (0, 1, 2)
EPOCHS = 18
Cells = dict[tuple[str, int], dict[str, dict[str, float]]]  # {(fold, seed): {method: {domain: macro-F1}}}


def main() -> None:
    """Train what is not yet trained and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--fold", action="append", help="only this speaker")
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parser.parse_args()
    experiments = {name: experiment_for(*domain, arguments.epochs) for name, domain in DOMAINS.items()}
    materials = {
        name: load_material(choose_clips(arguments.data, e.data), e, arguments.work / "features")
        for name, e in experiments.items()
    }
    splits = {name: splits_by_fold(material, experiments[name]) for name, material in materials.items()}
    stored = {}
    for fold in arguments.fold or sorted(splits["line"]):
        for seed in arguments.seed or SEEDS:
            file = arguments.work / f"{fold}-seed{seed}-epochs{arguments.epochs}.npz"
            if not file.is_file():
                answers = train_and_answer(materials, experiments, {n: s[fold] for n, s in splits.items()}, seed, file)
                np.savez(file, **answers)
            with np.load(file) as arrays:
                stored[fold, seed] = dict(arrays)
            print(f"fold {fold}, seed {seed}: done", flush=True)
    cells = {key: score_methods(answers, temperatures(stored, *key)) for key, answers in stored.items()}
    rows, gained = summarise(cells), gains(cells)
    figures = {"epochs": arguments.epochs, "cells": len(cells), "rows": rows, "gains": gained}
    record("causes_fusion", figures, table(rows, gained, len(cells)))


def experiment_for(channel: str, labels: list[str], epochs: int) -> Experiment:
    """What one domain's expert learns, and how."""
    return experiment_of(
        {
            "name": "fusion",
            "data": {
                "corpora": ["fsdd"], "labels": labels, "folds": "group", "mixed_groups": True,
                "clips_per_group_and_label": 15,
            },
            "features": TASKS["fsdd"]["features"],
            "augment": {**TASKS["fsdd"]["augment"], "variants": [channel], "colour_db": 0.0},
            "model": {**TASKS["fsdd"]["model"], "head": "parallel_lmu"},
            "fit": {**TASKS["fsdd"]["fit"], "epochs": epochs},
        },
        "fusion",
    )  # fmt: skip


def splits_by_fold(material: Material, experiment: Experiment) -> dict[str, Split]:
    """The splits of one domain by the speaker held out."""
    config = experiment.data
    splits = make_splits(material.clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)
    return {split.name: split for split in splits}


def train_and_answer(
    materials: dict[str, Material], experiments: dict[str, Experiment], splits: dict[str, Split], seed: int, file: Path
) -> dict[str, np.ndarray]:
    """Train both experts and one on everything; returns what each says of both domains' test parts."""
    both = {**materials, MERGED: merged(materials)}
    both_experiments = {**experiments, MERGED: experiments["line"]}
    both_splits = {**splits, MERGED: merged_split(materials, splits)}
    answers = {}
    for name, material in both.items():
        folder = file.with_suffix("") / name.replace(" ", "_")
        others = np.sort(np.concatenate([both_splits[name].training, both_splits[name].validation]))
        model, fitted, _ = learn(material, others, None, both_experiments[name], seed, folder)
        shutil.rmtree(folder)
        answers[f"{name}/labels"] = np.array(material.labels)
        for domain, own in materials.items():
            tensors = copy.copy(fitted)
            tensors.material, tensors.variants = own, tuple(own.tensors)
            truth, log_posteriors = predict(model, tensors, splits[domain].test)
            answers[f"{name}/{domain}"] = log_posteriors
            answers[f"truth/{domain}"] = np.array(own.labels)[truth]
    return answers


def merged(materials: dict[str, Material]) -> Material:
    """Both domains as one: a recording that is in both is two clips."""
    line, room = materials.values()
    channel = next(iter(line.tensors))
    return Material(
        clips=line.clips + room.clips,
        labels=sorted({*line.labels, *room.labels}),
        tensors={channel: np.concatenate([next(iter(line.tensors.values())), next(iter(room.tensors.values()))])},
        owner=np.concatenate([line.owner, room.owner + len(line.clips)]),
    )


def merged_split(materials: dict[str, Material], splits: dict[str, Split]) -> Split:
    """The split of both domains together: the same speaker is held out to validate."""
    line, room = materials.values()
    speakers = {line.clips[i].group_id for i in splits["line"].validation}
    clips, test = line.clips + room.clips, splits["line"].name
    role = np.array([
        "test" if clip.group_id == test else "validation" if clip.group_id in speakers else "training" for clip in clips
    ])  # fmt: skip
    return Split(test, *(np.flatnonzero(role == name) for name in ("training", "validation", "test")))


def temperatures(stored: dict[tuple[str, int], dict[str, np.ndarray]], fold: str, seed: int) -> dict[str, float]:
    """Each expert's, from what it says of other folds' speakers in its own domain; 1 where there is no other fold."""
    others = [answers for (name, number), answers in stored.items() if name != fold and number == seed]
    found = {}
    for name in DOMAINS:
        labels = stored[fold, seed][f"{name}/labels"].tolist()
        log_posteriors = [answers[f"{name}/{name}"] for answers in others]
        truth = [[labels.index(label) for label in answers[f"truth/{name}"]] for answers in others]
        found[name] = fit_temperature(np.concatenate(log_posteriors), np.concatenate(truth)) if others else 1.0
    return found


def score_methods(answers: dict[str, np.ndarray], temperature: dict[str, float]) -> dict[str, dict[str, float]]:
    """Macro-F1 of each way to answer, on each domain's test part."""
    scores: dict[str, dict[str, float]] = {}
    labels = {name: answers[f"{name}/labels"].tolist() for name in (*DOMAINS, MERGED)}
    for domain in DOMAINS:
        truth = answers[f"truth/{domain}"]
        predicted = {name: np.array(labels[name])[answers[f"{name}/{domain}"].argmax(axis=1)] for name in labels}
        for calibrated in (False, True):
            experts = {
                name: log_posterior(answers[f"{name}/{domain}"], temperature[name] if calibrated else 1.0)
                for name in DOMAINS
            }
            for method in METHODS:
                fusion = Fusion({name: labels[name] for name in DOMAINS}, method)
                name = f"{method}, {'calibrated' if calibrated else 'as trained'}"
                predicted[name] = np.array(fusion.labels)[fusion.fuse(experts).winner]
        for name, answer in predicted.items():
            scores.setdefault(name, {})[domain] = macro_f1_of(truth, answer)
    return scores


def macro_f1_of(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Macro-F1 over the labels of the truth; a label of the other domain is simply wrong."""
    number = {label: n for n, label in enumerate(DIGITS)}
    as_numbers = [np.array([number[label] for label in labels]) for labels in (truth, predicted)]
    return metrics.macro_f1(metrics.confusion(*as_numbers, len(DIGITS)))


def by_fold(cells: Cells, method: str, domain: str) -> np.ndarray:
    """A method's score in each fold, (folds,), seeds averaged; domain `both`: the mean of the domains."""
    scores: dict[str, list[float]] = {}
    for (fold, _), cell in sorted(cells.items()):
        own = cell[method]
        scores.setdefault(fold, []).append(np.mean(list(own.values())) if domain == BOTH else own[domain])
    return np.array([np.mean(seeds) for seeds in scores.values()])


def summarise(cells: Cells) -> dict[str, dict[str, list[float | None]]]:
    """Per method and domain: mean and 95 % interval over folds."""
    methods = next(iter(cells.values()))
    return {method: {domain: interval_over(by_fold(cells, method, domain)) for domain in (*DOMAINS, BOTH)}
            for method in methods}  # fmt: skip


def gains(cells: Cells) -> dict[str, dict[str, list[float | None]]]:
    """What calibrated fusion gains on every other way in both domains, paired by fold: {scope: {other: interval}}."""
    methods = list(next(iter(cells.values())))
    return {
        scope: {other: interval_over(by_fold(cells, scope, BOTH) - by_fold(cells, other, BOTH))
                for other in methods if other not in SCOPES}
        for scope in SCOPES
    }  # fmt: skip


def table(rows: dict[str, Any], gained: dict[str, Any], n_cells: int) -> str:
    """The rows as Markdown, the best mean over both domains first."""
    lines = [f"{n_cells} folds x seeds; macro-F1, 95 % interval over folds", ""]
    lines += ["| answer | test: line | test: room | both |", "|---|---|---|---|"]
    for name, row in sorted(rows.items(), key=lambda item: -item[1][BOTH][0]):
        cells = " | ".join(with_interval(*row[domain]) for domain in (*DOMAINS, BOTH))
        lines.append(f"| {shown(name)} | {cells} |")
    return "\n".join([*lines, *(sentence(scope, others) for scope, others in gained.items())])


def sentence(scope: str, others: dict[str, list[float | None]]) -> str:
    """Where calibrated fusion wins, where it loses, and where the interval says neither."""
    found: dict[str, list[str]] = {"wins against": [], "loses against": [], "neither wins nor loses against": []}
    for other, (mean, low, high) in others.items():
        verdict = "neither wins nor loses against"
        if low is not None and (low > 0 or high < 0):
            verdict = "wins against" if low > 0 else "loses against"
        found[verdict].append(f"`{shown(other)}` ({mean:+.3f})")
    return f"\nFusion `{scope}` " + "; it ".join(f"{verdict} {', '.join(o)}" for verdict, o in found.items() if o) + "."


def shown(name: str) -> str:
    """As the table calls it."""
    return f"expert of {name} alone" if name in DOMAINS else name


if __name__ == "__main__":
    main()
