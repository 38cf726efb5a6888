"""The report of an experiment: report.json, report.md and its plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.errors import UserError, how_to_install
from edge.versions import installed_versions
from training.runs.metrics import FEWEST, mean_interval
from training.runs.toml_config import as_table

SCORES = ("macro_f1", "balanced_accuracy", "accuracy", "nll", "brier", "ece")
CALIBRATED = ("nll", "brier", "ece")  # what a temperature changes
PACKAGES = ("numpy", "scipy", "keras", "tensorflow-cpu", "torch")
INCHES = 4.5


def write_report(
    out: Path, experiment: Any, results: list[dict], proofs: list[dict], labels: dict, names: list[str]
) -> dict[str, Any]:
    """Write report.json, report.md, curves.png and confusion.png; returns what report.json holds."""
    report = {
        "experiment": as_table(experiment),
        "versions": {**installed_versions(PACKAGES), "backend": keras.backend.backend()},
        "labels": labels,
        "splits": proofs,
        "summary": summary(results),
        "cost": results[0]["cost"],
        "seconds": round(sum(result["seconds"] for result in results), 1),
        "folds": results,
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "report.md").write_text(as_text(report))
    draw_curves(results, out / "curves.png")
    draw_confusion(np.sum([result["test_confusion"] for result in results], axis=0), names, out / "confusion.png")
    return report


def summary(results: list[dict]) -> dict[str, dict[str, float]]:
    """Each score over the folds, the seeds of a fold averaged first: mean and 95 % interval; null_95: chance."""
    folds = sorted({result["fold"] for result in results})
    wanted = [(score, "test", score) for score in SCORES]
    wanted += [(f"{score}_calibrated", "test_calibrated", score) for score in CALIBRATED]
    found = {}
    for name, part, score in wanted:
        by_fold = [np.mean([r[part][score] for r in results if r["fold"] == fold]) for fold in folds]
        mean, low, high = mean_interval(by_fold)
        found[name] = {"mean": mean, "low": low, "high": high, "folds": len(folds)}
    for score in ("macro_f1", "balanced_accuracy"):
        found[score]["null_95"] = float(np.mean([result["test_null_95"][score] for result in results]))
    return {name: {key: none_if_nan(value) for key, value in entry.items()} for name, entry in found.items()}


def none_if_nan(value: float) -> float | None:
    """JSON has no nan."""
    return None if np.isnan(value) else value


def interval_text(entry: dict[str, Any]) -> str:
    """The interval of a figure over folds."""
    if entry["low"] is None:
        folds = "one fold only" if entry["folds"] == 1 else f"{entry['folds']} folds"
        return f"{folds}: no interval, {FEWEST} are needed"
    return f"{entry['low']:.3f} to {entry['high']:.3f}"


def as_text(report: dict[str, Any]) -> str:
    """report.md."""
    lines = [f"# {report['experiment']['name']}", ""]
    lines += ["| score | mean | 95 % interval over folds | chance, 95 % point |", "|---|---|---|---|"]
    for name, entry in report["summary"].items():
        interval = interval_text(entry)
        null = f"{entry['null_95']:.3f}" if "null_95" in entry else ""
        lines.append(f"| {name} | {entry['mean']:.3f} | {interval} | {null} |")
    cost = report["cost"]
    lines += [
        "",
        f"{cost['parameters']} parameters, {cost['head_parameters']} of them in the head; "
        f"{sum(cost['multiply_adds'].values()) / 1e6:.1f} M multiply-adds; trained in {report['seconds']:.0f} s.",
        "",
        "## No group is divided",
        "",
        "| fold | part | clips | groups | SHA-256 of the sorted group names |",
        "|---|---|---|---|---|",
    ]
    for proof in report["splits"]:
        for part, entry in proof["parts"].items():
            sizes = f"{entry['clips']} | {entry['groups']}"
            lines.append(f"| {proof['fold']} | {part} | {sizes} | `{entry['groups_sha256'][:16]}` |")
    shared = sum(sum(proof["shared_groups"].values()) for proof in report["splits"])
    lines += ["", f"Groups in two parts of a fold: {shared}. The whole hashes are in report.json.", ""]
    return "\n".join(lines)


def draw_curves(results: list[dict], path: Path) -> None:
    """Loss and validation macro-F1 of every fold and seed."""
    plt = pyplot()
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(1.5 * INCHES, 1.5 * INCHES))
    for result in results:
        name = f"{result['fold']}, seed {result['seed']}"
        above.plot([epoch["loss"] for epoch in result["curves"]], label=name)
        below.plot([epoch["macro_f1"] for epoch in result["curves"]])
    above.set_ylabel("loss")
    below.set_ylabel("macro-F1, validation")
    below.set_xlabel("epoch")
    if len(results) <= 12:
        above.legend(fontsize="x-small")
    figure.savefig(path, dpi=100, bbox_inches="tight")
    plt.close(figure)


def draw_confusion(counts: np.ndarray, names: list[str], path: Path) -> None:
    """Share of each true label (row) that is called each label (column)."""
    plt = pyplot()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(INCHES + 0.3 * len(names), INCHES + 0.3 * len(names)))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*share.shape):
        colour = "white" if share[row, column] > 0.5 else "black"
        axes.text(column, row, f"{share[row, column]:.2f}", ha="center", va="center", color=colour, fontsize="x-small")
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("called")
    axes.set_ylabel("is")
    figure.savefig(path, dpi=100, bbox_inches="tight")
    plt.close(figure)


def pyplot() -> Any:
    """matplotlib that needs no screen. Raises UserError where it is not installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise UserError("matplotlib is not installed: " + how_to_install("train")) from error
    return pyplot
