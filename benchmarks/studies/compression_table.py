"""The table of benchmarks.studies.compression: each network beside the dense one of its cell, paired by fold."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.lib.statistics import interval_over, with_interval

UNITS = 256
IMAGES_PER_CLIP = 50  # of the row-by-row digits: one number chooses the size of every task
BIASES = 4  # of each unit of a train: an LSTM's gates, a GRU's and the one inside the reset
POINTS = 0.02  # of macro-F1 that may be lost
CLEAN = "clean"
ABOUT = {
    "fsdd": "Spoken digits, {clips} clips of each digit and speaker, {folds} of 6 speakers held out in turn",
    "esc50": "Ten human sounds of ESC-50, {folds} of 4 folds held out in turn",
    "cry": "A cry or another sound (donateacry and ESC-50), {folds} of 4 folds held out in turn",
    "digits": "scikit-learn digits row by row (8 x 8, in place of MNIST, the first {images}), {folds} thirds in turn",
}


def table(figures: dict[str, Any]) -> str:
    """All tasks as Markdown."""
    lines = []
    for task in figures["tasks"].values():
        about = ABOUT[task["task"]].format(**task, images=IMAGES_PER_CLIP * task["clips"])
        lines += [
            f"{about}; {len(task['seeds'])} seed(s), {task['epochs']} epochs. Points lost are of macro-F1, paired by "
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


def lost(row: dict[str, Any], base: dict[str, Any]) -> list[float | None]:
    """Macro-F1 lost beside the baseline, mean and interval over folds."""
    return interval_over([b - r for r, b in zip(row["scores"][CLEAN], base["scores"][CLEAN], strict=True)])


def line(row: dict[str, Any], base: dict[str, Any]) -> str:
    """One row of the table."""
    mean, low, high = lost(row, base)
    points = "" if row is base else f"{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    noisy = [f"{np.mean(own):.3f}" for name, own in row["scores"].items() if name != CLEAN] or ["", ""]
    score = with_interval(*interval_over(row["scores"][CLEAN]))
    fewer = base["parameters"] / row["parameters"]
    return f"| {row['name']} | {row['parameters']} | {fewer:.0f} x | {score} | {points} | {' | '.join(noisy)} |"


def verdict(cell: str, rows: list[dict[str, Any]]) -> str:
    """The smallest train and dense network that lose at most 2 points in the mean, and what no train can undercut."""
    base = rows[0]
    kept = [row for row in rows if lost(row, base)[0] <= POINTS]
    trains, dense = ([row for row in kept if row["train"] == is_train] for is_train in (True, False))
    smallest = min(dense, key=lambda row: row["parameters"])
    biases = BIASES * int(base["name"].split()[1])
    bound = f"A train keeps {biases} biases, so that none has over {base['parameters'] / biases:.0f} times fewer.\n"
    if not trains:
        return (
            f"{cell}: no train loses at most 2 points; the smallest such dense network is {smallest['name']}. {bound}"
        )
    train = min(trains, key=lambda row: row["parameters"])
    ratio = smallest["parameters"] / train["parameters"]
    return (
        f"{cell}: the smallest train that loses at most 2 points in the mean is {train['name']}, with "
        f"{base['parameters'] / train['parameters']:.0f} times fewer recurrent parameters than {base['name']}; the "
        f"smallest such dense network is {smallest['name']}, with {ratio:.1f} times as many as the train. {bound}"
    )
