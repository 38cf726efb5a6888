"""What can be read of causes in donateacry: scores by group beside chance, calibration, what the rule lets through.

`python -m benchmarks.studies.causes_donateacry --data DIR`: about an hour on two cores; interrupted, it goes on with
the next fold and seed. Trains the experts of training/experiments/donateacry_*.toml (the shipped ones are cells of
the same runs), judges each on its own domain, and all of them together as on the device. `--seed` does a part.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import record
from benchmarks.lib.statistics import interval_over, with_interval
from edge.decision.calibration import reliability
from edge.decision.uncertain import selective_risk
from training.causes import release
from training.causes.config import Experiment, read_experiment
from training.causes.experiment import run_experiment
from training.runs import metrics
from training.runs.bootstrap import bootstrap_interval

WORK = Path("results/causes_donateacry")
CONFIGS = sorted((Path(__file__).parents[2] / "training" / "experiments").glob("donateacry_*.toml"))
SEEDS = (0, 1, 2)
RESAMPLES = 1000  # of whole groups, for intervals
RULE_FOLDS = 5  # the rule's coverage and risk are measured on groups that did not choose its threshold


def main() -> None:
    """Train what is not yet trained and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    arguments = parser.parse_args()
    seeds = arguments.seed or list(SEEDS)
    experiments = {config: read_experiment(config) for config in CONFIGS}
    rows: list[dict[str, Any]] = []
    reports: dict[str, list[dict]] = {experiment.name: [] for experiment in experiments.values()}
    for seed in seeds:
        for experiment in experiments.values():
            reports[experiment.name].append(train(experiment, seed, arguments))
    rows += [expert_row(name, [cell for report in own for cell in report["folds"]]) for name, own in reports.items()]
    rows += [together_row(release.answers(results_of(experiments, seed, arguments.work), arguments.data, seed), seed)
             for seed in seeds]  # fmt: skip
    record("causes_donateacry", {"risk": release.RISK, "seeds": seeds, "rows": rows}, table(rows))


def train(experiment: Experiment, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """The report of one domain's expert with one seed."""
    own = replace(experiment, fit=replace(experiment.fit, seeds=(seed,)))
    return run_experiment(own, arguments.data, folder(experiment, seed, arguments.work), arguments.work / "features")


def folder(experiment: Experiment, seed: int, work: Path) -> Path:
    """Where an expert's results with one seed are."""
    return work / f"{experiment.name}-seed{seed}"


def results_of(experiments: dict[Path, Experiment], seed: int, work: Path) -> dict[Path, Path]:
    """What release.answers wants: {configuration: results}."""
    return {config: folder(experiment, seed, work) for config, experiment in experiments.items()}


def expert_row(name: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """One domain's expert on its own domain and labels; skills are against the test part's own label shares."""
    folds = sorted({cell["fold"] for cell in cells})
    found: dict[str, Any] = {"answers": f"expert {name}", "cells": len(cells)}
    for score in ("macro_f1", "balanced_accuracy"):
        found[score] = over_folds(cells, folds, lambda cell, score=score: cell["test"][score])
        found[f"{score}_null_95"] = float(np.mean([cell["test_null_95"][score] for cell in cells]))
    for score in ("nll", "brier"):
        found[f"{score}_skill"] = over_folds(
            cells, folds, lambda cell, score=score: 1 - cell["test_calibrated"][score] / prior_of(cell)[score]
        )
    for when, part in (("ece_before", "test"), ("ece_after", "test_calibrated")):
        found[when] = over_folds(cells, folds, lambda cell, part=part: cell[part]["ece"])
    return found


def prior_of(cell: dict[str, Any]) -> dict[str, float]:
    """NLL (nats) and Brier score of always answering the test part's shares of the labels: a hard bar."""
    shares = np.sum(cell["test_confusion"], axis=1) / np.sum(cell["test_confusion"])
    there = shares[shares > 0]
    return {"nll": float(-(there * np.log(there)).sum()), "brier": float(1 - (shares**2).sum())}


def over_folds(cells: list[dict[str, Any]], folds: list[str], value: Any) -> list[float | None]:
    """Mean and 95 % interval over folds, the seeds of a fold averaged first."""
    by_fold = [np.mean([value(cell) for cell in cells if cell["fold"] == fold]) for fold in folds]
    return interval_over(by_fold)


def together_row(answers: list[release.Answer], seed: int) -> dict[str, Any]:
    """The fused answer to every recording, whatever its label: scores, and what the uncertain rule lets through."""
    labels = sorted({answer.clip.label for answer in answers} | set(answers[0].labels))
    truth = np.array([labels.index(answer.clip.label) for answer in answers])
    predicted = np.array([labels.index(answer.predicted) for answer in answers])
    confidence = np.array([answer.confidence for answer in answers])
    groups = np.array([answer.clip.group_id for answer in answers])
    null = metrics.permutation_null(truth, predicted, groups.tolist(), len(labels), seed)
    counts = metrics.confusion(truth, predicted, len(labels))
    rule = release.rule_of(answers)
    coverage, risk = held_out_rule(answers)
    return {
        "answers": f"both, as on the device, seed {seed}",
        "macro_f1": [metrics.macro_f1(counts), *interval(lambda i: f1(truth[i], predicted[i], len(labels)), groups)],
        "macro_f1_null_95": null["macro_f1"],
        "balanced_accuracy": [metrics.balanced_accuracy(counts), None, None],
        "balanced_accuracy_null_95": null["balanced_accuracy"],
        "ece_after": [ece(confidence, truth == predicted),
                      *interval(lambda i: ece(confidence[i], (truth == predicted)[i]), groups)],
        "rule": rule._asdict(),
        "held_out_coverage": coverage,
        "held_out_risk": risk,
    }  # fmt: skip


def f1(truth: np.ndarray, predicted: np.ndarray, n_labels: int) -> float:
    """Macro-F1."""
    return metrics.macro_f1(metrics.confusion(truth, predicted, n_labels))


def ece(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error."""
    return reliability(confidence, correct).ece


def interval(score: Any, groups: np.ndarray) -> tuple[float, float]:
    """95 % interval of score(indices) when whole groups are drawn again."""
    low, high = bootstrap_interval(score, groups, seed=0, rounds=RESAMPLES)
    return float(low), float(high)


def held_out_rule(answers: list[release.Answer]) -> tuple[float, float | None]:
    """Coverage and risk of rules chosen without the groups they are measured on."""
    names = sorted({answer.clip.group_id for answer in answers})
    fold_of = {name: number % RULE_FOLDS for number, name in enumerate(names)}
    given, wrong = 0, 0
    for fold in range(RULE_FOLDS):
        rule = release.rule_of([a for a in answers if fold_of[a.clip.group_id] != fold])
        own = [a for a in answers if fold_of[a.clip.group_id] == fold]
        confidence, correct = np.array([a.confidence for a in own]), np.array([a.is_right for a in own])
        coverage, risk = selective_risk(confidence, correct, rule.threshold)
        given += round(coverage * len(own))
        wrong += round((risk or 0.0) * coverage * len(own))
    return given / len(answers), wrong / given if given else None


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| answers of | macro-F1 (95 % interval) | chance, 95 % point | balanced accuracy | chance, 95 % point | "
        "NLL skill against the prior | Brier skill | ECE before T | after | answers given, held out | wrong of those |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["answers"], with_interval(*row["macro_f1"]), f"{row['macro_f1_null_95']:.3f}"]
        cells += [with_interval(*row["balanced_accuracy"]), f"{row['balanced_accuracy_null_95']:.3f}"]
        cells += [with_interval(*row[key]) if key in row else "" for key in
                  ("nll_skill", "brier_skill", "ece_before", "ece_after")]  # fmt: skip
        if "rule" in row:
            risk = "none given" if row["held_out_risk"] is None else f"{100 * row['held_out_risk']:.0f} %"
            cells += [f"{100 * row['held_out_coverage']:.0f} %", risk]
        else:
            cells += ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
