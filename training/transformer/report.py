"""The report of a transformer experiment: as of every experiment on causes, and how it tells unknown sounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from training.runs import report as runs_report
from training.runs.metrics import mean_interval
from training.transformer.config import Experiment

UNKNOWN = ("auroc", "fpr_95", "known_above", "outliers_above")


def write_report(
    out: Path, experiment: Experiment, results: list[dict], proofs: list[dict], labels: dict, names: list[str]
) -> dict[str, Any]:
    """Write report.json, report.md, curves.png and confusion.png; returns what report.json holds."""
    report = runs_report.write_report(out, experiment, results, proofs, labels, names)
    report["unknown"] = summary(results)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    with (out / "report.md").open("a") as file:
        file.write(as_text(report["unknown"]))
    return report


def summary(results: list[dict]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Each figure of each view over the folds that have outliers, a fold's seeds averaged first: mean, interval."""
    found: dict[str, dict] = {}
    for view in results[0]["unknown"]:
        evaluated = [result for result in results if result["unknown"][view] is not None]
        folds = sorted({result["fold"] for result in evaluated})
        for name in UNKNOWN if folds else ():
            by_fold = [np.mean([r["unknown"][view][name] for r in evaluated if r["fold"] == fold]) for fold in folds]
            mean, low, high = (runs_report.none_if_nan(value) for value in mean_interval(by_fold))
            found.setdefault(view, {})[name] = {"mean": mean, "low": low, "high": high, "folds": len(folds)}
    return found


def as_text(found: dict[str, dict[str, dict[str, float | None]]]) -> str:
    """The part of report.md on unknown sounds; empty where there are none."""
    if not found:
        return ""
    lines = ["", "## Unknown sounds, by energy", ""]
    lines += ["| sounds | figure | mean | 95 % interval over folds |", "|---|---|---|---|"]
    for view, figures in found.items():
        for name, entry in figures.items():
            interval = runs_report.interval_text(entry)
            lines.append(f"| {view.replace('_', ' ')} | {name} | {entry['mean']:.3f} | {interval} |")
    return "\n".join([*lines, ""])
