"""The report of an experiment with source C: as of every experiment on causes, and how it tells unknown sounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from training.causes import report as causes_report
from training.causes.metrics import mean_interval
from training.transformer.config import Experiment

UNKNOWN = ("auroc", "fpr_95", "known_above", "outliers_above")


def write_report(
    out: Path, experiment: Experiment, results: list[dict], proofs: list[dict], labels: dict, names: list[str]
) -> dict[str, Any]:
    """Write report.json, report.md, curves.png and confusion.png; returns what report.json holds."""
    report = causes_report.write_report(out, experiment, results, proofs, labels, names)
    report["unknown"] = summary(results)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    with (out / "report.md").open("a") as file:
        file.write(as_text(report["unknown"]))
    return report


def summary(results: list[dict]) -> dict[str, dict[str, float | None]]:
    """Each figure over the folds that have outliers, the seeds of a fold averaged first: mean and 95 % interval."""
    judged = [result for result in results if result["unknown"] is not None]
    folds = sorted({result["fold"] for result in judged})
    found = {}
    for name in UNKNOWN if folds else ():
        by_fold = [np.mean([r["unknown"][name] for r in judged if r["fold"] == fold]) for fold in folds]
        mean, low, high = (causes_report.none_if_nan(value) for value in mean_interval(by_fold))
        found[name] = {"mean": mean, "low": low, "high": high, "folds": len(folds)}
    return found


def as_text(found: dict[str, dict[str, float | None]]) -> str:
    """The part of report.md on unknown sounds; empty where there are none."""
    if not found:
        return ""
    lines = ["## Unknown sounds, by energy", "", "| figure | mean | 95 % interval over folds |", "|---|---|---|"]
    for name, entry in found.items():
        known = entry["low"] is not None
        interval = f"{entry['low']:.3f} to {entry['high']:.3f}" if known else "one fold only"
        lines.append(f"| {name} | {entry['mean']:.3f} | {interval} |")
    return "\n".join([*lines, ""]) + "\n"
