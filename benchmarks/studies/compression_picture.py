"""The curves of benchmarks.studies.compression: macro-F1 over recurrent parameters, dense networks beside trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.lib.line_plot import Axis, Bars, Curve, line_plot
from benchmarks.lib.statistics import interval_over
from benchmarks.studies.compression_table import CLEAN, by_fold

SIZES = Axis("recurrent parameters, as powers of ten", 2.5, 6.5, (3, 4, 5, 6))
SCORES = Axis("macro-F1, %, with 95 % intervals over folds", 0.0, 100.0, (0, 20, 40, 60, 80, 100))


def picture(rows: list[dict[str, Any]], task: str) -> str:
    """SVG of one task: of each cell the dense networks and the trains that learnt from the start, smallest first."""
    curves: dict[str, Curve] = {}
    bars: dict[str, Bars] = {}
    for cell in dict.fromkeys(row["cell"] for row in rows):
        for is_train, kind in ((False, "dense"), (True, "trains")):
            own = [r for r in rows if r["cell"] == cell and r["train"] == is_train and "from" not in r["name"]]
            own.sort(key=lambda row: row["parameters"])
            sizes = np.log10([row["parameters"] for row in own])
            found = [interval_over(by_fold(row, lambda run: run[CLEAN])) for row in own]
            name = f"{cell}, {kind}"
            curves[name] = sizes, 100 * np.array([score for score, _, _ in found])
            bars[name] = [
                (size, 100 * low, 100 * high)
                for size, (_, low, high) in zip(sizes.tolist(), found, strict=True)
                if low is not None and high is not None  # of one fold there is no interval
            ]
    return line_plot(curves, SIZES, SCORES, f"{task}: macro-F1 over recurrent parameters", bars)
