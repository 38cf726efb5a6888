"""The table of benchmarks.studies.compression: each network beside the dense one of its cell, paired by fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.lib.statistics import in_points, interval_over, with_interval

UNITS = 256
IMAGES_PER_CLIP = 50  # of the row-by-row digits: one number chooses the size of every task
BIASES = 4  # of each unit of a train: an LSTM's gates, a GRU's and the one inside the reset
POINTS = 0.02  # of macro-F1 that may be lost
CLEAN, NOISY = "clean", ("noise_10_db", "noise_0_db")
ABOUT = {
    "fsdd": "Spoken digits, {clips} clips of each digit and speaker, {folds} of 6 speakers held out in turn",
    "esc50": "Ten human sounds of ESC-50, {folds} of 4 folds held out in turn",
    "cry": "A cry or another sound (donateacry and ESC-50), {clips} clip(s) of each group and label, {folds} of 4 "
    "folds held out in turn",
    "digits": "scikit-learn digits row by row (8 x 8, in place of MNIST, the first {images}), {folds} thirds in turn",
}


def table(figures: dict[str, Any]) -> str:
    """All tasks as Markdown."""
    lines = []
    for task in figures["tasks"].values():
        settings, runs = task["settings"], task["rows"][0]["runs"]
        folds, seeds = (len({run[key] for run in runs}) for key in ("fold", "seed"))
        about = ABOUT[task["task"]].format(
            folds=folds, clips=settings["clips"], images=IMAGES_PER_CLIP * settings["clips"]
        )
        lines += [
            f"{about}; {seeds} seed(s), {settings['epochs']} epochs. Points lost are of macro-F1, paired by "
            f"fold, with the 95 % interval over folds.",
            "",
            "| network | recurrent parameters | fewer | macro-F1, 95 % interval | points lost | at 10 dB | at 0 dB |",
            "|---|---|---|---|---|---|---|",
        ]
        verdicts = []
        for cell in dict.fromkeys(row["cell"] for row in task["rows"]):
            own = [row for row in task["rows"] if row["cell"] == cell]
            lines += [line(row, own[0]) for row in own]
            verdicts.append(verdict(cell, own))
        lines += ["", *verdicts]
    return "\n".join(lines)


def lost(row: dict[str, Any], base: dict[str, Any]) -> list[float]:
    """Macro-F1 lost beside the baseline in each fold, in the same runs."""
    before = {(run["fold"], run["seed"]): run[CLEAN] for run in base["runs"]}
    return by_fold(row, lambda run: before[run["fold"], run["seed"]] - run[CLEAN])


def by_fold(row: dict[str, Any], value: Callable[[dict[str, Any]], float]) -> list[float]:
    """A value of each run, the mean over the seeds of each fold."""
    folds = dict.fromkeys(run["fold"] for run in row["runs"])
    return [float(np.mean([value(run) for run in row["runs"] if run["fold"] == fold])) for fold in folds]


def line(row: dict[str, Any], base: dict[str, Any]) -> str:
    """One row of the table."""
    points = "" if row is base else in_points(lost(row, base))
    noisy = [mean_of(row, name) if name in row["runs"][0] else "" for name in NOISY]
    score = with_interval(*interval_over(by_fold(row, lambda run: run[CLEAN])))
    some = "" if len(row["runs"]) == len(base["runs"]) else f", {len(row['runs'])} of {len(base['runs'])} runs"
    fewer = base["parameters"] / row["parameters"]
    return f"| {row['name']}{some} | {row['parameters']} | {fewer:.0f} x | {score} | {points} | {' | '.join(noisy)} |"


def mean_of(row: dict[str, Any], variant: str) -> str:
    """Macro-F1 of a variant over all folds."""
    return f"{np.mean(by_fold(row, lambda run: run[variant])):.3f}"


def verdict(cell: str, rows: list[dict[str, Any]]) -> str:
    """The smallest train and dense network that lose at most 2 points in the mean, and what no train can undercut."""
    base = rows[0]
    kept = [row for row in rows if np.mean(lost(row, base)) <= POINTS]
    trains, dense = ([row for row in kept if row["train"] == is_train] for is_train in (True, False))
    smallest = min(dense, key=lambda row: row["parameters"])
    has_smaller = any(not row["train"] for row in rows[1:])
    beside = f"the smallest such dense network is {smallest['name']}" if has_smaller else "no smaller dense one was run"
    biases = BIASES * int(base["name"].split()[1])
    bound = (
        f"A train of as many units keeps {biases} biases, so that none has over {base['parameters'] / biases:.0f} "
        f"times fewer.\n"
    )
    if not trains:
        return f"{cell}: no train loses at most 2 points; {beside}. {bound}"
    train = min(trains, key=lambda row: row["parameters"])
    ratio = (
        f", with {smallest['parameters'] / train['parameters']:.1f} times as many as the train" if has_smaller else ""
    )
    return (
        f"{cell}: the smallest train that loses at most 2 points in the mean is {train['name']}, with "
        f"{base['parameters'] / train['parameters']:.0f} times fewer recurrent parameters than {base['name']}; "
        f"{beside}{ratio}. {bound}"
    )
