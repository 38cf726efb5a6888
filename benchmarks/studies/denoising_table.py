"""The table of benchmarks.studies.denoising: what its cells say, arm by arm and level by level, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.lib.noisy_sounds import CLEAN, SNRS_DB, noisy
from benchmarks.lib.statistics import interval_over
from training.runs import metrics

LEVELS = (CLEAN, *(str(snr_db) for snr_db in sorted(SNRS_DB, reverse=True)))
ON_CLEAN, OVER_NOISE, DENOISED = "taught on clean", "taught over noise", "with the denoiser, taught together"
ARMS = (ON_CLEAN, OVER_NOISE, DENOISED)
GOAL, NEVER_WORSE = 2.1, -0.3  # points at 0 dB, on clean


def conditions_of(level: str) -> list[str]:
    """Of "clean" or an SNR: over every noise."""
    return [CLEAN] if level == CLEAN else list(noisy(int(level)))


def score(confusions: dict[str, Any], level: str) -> float:
    """Macro-F1 in points at "clean" or an SNR, the answers over every noise counted together."""
    names = conditions_of(level)
    return 100 * metrics.macro_f1(np.sum([confusions[name] for name in names], axis=0))


def arm_rows(cells: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """{arm: {level: macro-F1 in points, mean and 95 % interval over cells}}."""
    return {
        arm: {level: interval_over([score(cell[arm], level) for cell in cells]) for level in LEVELS} for arm in ARMS
    }


def difference_rows(cells: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """{arm without denoiser: {level: points that the denoiser gains on it, paired}}.

    {"cells": over folds and seeds, "folds": over folds alone, their seeds averaged first}: mean and 95 % interval.
    """
    folds = sorted({cell["fold"] for cell in cells})
    rows = {}
    for arm in (ON_CLEAN, OVER_NOISE):
        rows[arm] = {}
        for level in LEVELS:
            gained = np.array([score(cell[DENOISED], level) - score(cell[arm], level) for cell in cells])
            by_fold = [gained[[cell["fold"] == fold for cell in cells]].mean() for fold in folds]
            rows[arm][level] = {"cells": interval_over(gained), "folds": interval_over(by_fold)}
    return rows


def loss_rows(parts: Sequence[dict[str, Any]], losses: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{loss: {level: distance without and with, improvement in dB over folds, macro-F1 of the clean classifier}}.

    losses: their names, the last of which every fold has; the others are compared on the folds that have all.
    """
    rows: dict[str, dict[str, Any]] = {}
    ablated = [part for part in parts if len(part["losses"]) == len(losses)]
    where = "fold " + " and ".join(part["fold"] for part in ablated)
    wanted = {f"{loss}, {where}": (loss, ablated) for loss in losses if ablated}
    for name, (loss, own) in {**wanted, f"{losses[-1]}, all folds": (losses[-1], parts)}.items():
        rows[name] = {level: loss_figures(loss, level, own) for level in LEVELS}
    return rows


def loss_figures(loss: str, level: str, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What denoisers taught with one loss do at one level."""
    names = conditions_of(level)
    before = [np.mean([part["untouched"][name] for name in names]) for part in parts]
    after = [np.mean([part["losses"][loss][name]["distance_db"] for name in names]) for part in parts]
    counts = [np.sum([part["losses"][loss][name]["confusion"] for name in names], axis=0) for part in parts]
    return {"without_db": float(np.mean(before)), "with_db": float(np.mean(after)),
            "gained_db": interval_over(np.subtract(before, after)),
            "macro_f1": float(np.mean([100 * metrics.macro_f1(count) for count in counts]))}  # fmt: skip


def detector_rows(parts: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """{level: {"without", "with": {"cries", "others": share of clips found}}}."""
    rows: dict[str, dict[str, Any]] = {}
    for level in LEVELS:
        names = conditions_of(level)
        rows[level] = {}
        for which in ("without", "with"):
            counts = {kind: np.sum([part["detector"][name][which][kind] for part in parts for name in names], axis=0)
                      for kind in ("cries", "others")}  # fmt: skip
            rows[level][which] = {kind: float(found / n) for kind, (found, n) in counts.items()}
    return rows


def table(rows: dict[str, Any], n_cells: int) -> str:
    """All of it as Markdown."""
    heads = ["clean" if level == CLEAN else f"{level} dB" for level in LEVELS]
    lines = ["| macro-F1 of cry, laugh, other human sounds | " + " | ".join(heads) + " |", "|---" * 6 + "|"]
    for arm, row in rows["arms"].items():
        lines.append(f"| {arm} | " + " | ".join(f"{row[level][0]:.1f}" for level in LEVELS) + " |")
    for name, row in rows["differences"].items():
        gained = [points(*row[level]["cells"]) for level in LEVELS]
        lines.append(f"| gained on the one {name}, points | " + " | ".join(gained) + " |")
    lines += ["", f"Points with 95 % intervals of the paired differences over {n_cells} cells (folds x seeds). "
              f"{verdict(rows['differences'])}", ""]  # fmt: skip
    lines += ["| log-spectral distance, dB gained (and macro-F1 behind it) | " + " | ".join(heads) + " |",
              "|---" * 6 + "|"]  # fmt: skip
    for loss, row in rows["losses"].items():
        cells = [f"{points(*row[level]['gained_db'])}; F1 {row[level]['macro_f1']:.1f}" for level in LEVELS]
        lines.append(f"| {loss} | " + " | ".join(cells) + " |")
    last = list(rows["losses"].values())[-1]
    lines.append("| distance without a denoiser | " + " | ".join(f"{last[x]['without_db']:.1f}" for x in LEVELS) + " |")
    lines += ["", "The classifier of this table was taught on clean alone. Intervals over folds.", ""]
    lines += ["| detector that held the fold out: clips it opens for | " + " | ".join(heads) + " |", "|---" * 6 + "|"]
    for kind in ("cries", "others"):
        for which in ("without", "with"):
            cells = [f"{100 * rows['detector'][level][which][kind]:.0f} %" for level in LEVELS]
            lines.append(f"| {kind}, {which} the denoiser | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def points(mean: float, low: float | None, high: float | None) -> str:
    """A difference as tables show it."""
    return f"{mean:+.1f}" if low is None else f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def verdict(differences: dict[str, Any]) -> str:
    """Whether the goals are met, against each arm without a denoiser."""
    verdicts = []
    for arm in (ON_CLEAN, OVER_NOISE):
        row = differences[arm]
        mean, low, _ = row["0"]["cells"]
        gains = mean >= GOAL and low is not None and low > 0
        keeps = row[CLEAN]["cells"][0] >= NEVER_WORSE
        verdicts.append(f"Against the classifier {arm}, {GOAL:+} points at 0 dB with the interval above 0: "
                    f"{'met' if gains else 'not met'}; not below {NEVER_WORSE} on clean, in the mean: "
                    f"{'met' if keeps else 'not met'}.")  # fmt: skip
    return " ".join(verdicts)
