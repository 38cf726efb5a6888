"""What each operator of a network takes of an inference, whichever engine told it."""

import csv
from typing import Any, Dict, List, NamedTuple

import numpy as np

MIDDLE_PERCENT = (25, 75)  # of the runs: others were disturbed, or lucky


class Operator(NamedTuple):
    """One node of a network: its layer, its kind, and what it takes of an inference."""

    layer: str
    operator: str
    mean_us: float
    sd_us: float
    share: float  # of all operators


class Profile(NamedTuple):
    """Of one file: its operators in the order in which they run, and what the engine's own profiler tells."""

    engine: str
    operators: List[Operator]
    operators_us: float  # all of them
    inference_us: float  # median of a whole inference: in LiteRT without the profiler, in onnxruntime with it
    trace: List[Dict[str, Any]]  # events of a Chrome trace
    note: str  # what a reader must know of the figures


def table_of(rows):
    """[Operator] of (layer, operator, microseconds of each run) each, in the same order.

    Of the runs the middle half counts, by what all their operators took.
    """
    durations = np.array([values for _, _, values in rows], np.float64)
    totals = durations.sum(axis=0)
    low, high = np.percentile(totals, MIDDLE_PERCENT)
    durations = durations[:, (totals >= low) & (totals <= high)]
    means, deviations = durations.mean(axis=1), durations.std(axis=1)
    total = means.sum() or 1.0
    return [
        Operator(layer, operator, float(mean), float(deviation), float(mean / total))
        for (layer, operator, _), mean, deviation in zip(rows, means, deviations)
    ]


def by_layer(operators):
    """[(layer, mean_us, share)] of each layer, the slowest first; what the engine adds of its own is one."""
    sums = {}  # type: Dict[str, List[float]]
    for one in operators:
        entry = sums.setdefault(one.layer or "(the engine's own)", [0.0, 0.0])
        entry[0] += one.mean_us
        entry[1] += one.share
    return sorted(((layer, mean, share) for layer, (mean, share) in sums.items()), key=lambda row: -row[1])


def write_table(path: str, operators: List[Operator]) -> None:
    """Write the operators as CSV. Raises OSError."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Operator._fields)
        writer.writerows(operators)
