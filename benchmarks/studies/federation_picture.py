"""The learning curves of benchmarks.studies.federation: means over seeds, by rounds and by what a home sends."""

from __future__ import annotations

import numpy as np

from benchmarks.lib.line_plot import Axis, Curve, line_plot
from benchmarks.studies.federation_arms import BASE, CENTRAL, ROUNDS, TRADED, UNCOMPRESSED, WAYS
from benchmarks.studies.federation_table import Curves, Sizes, asked_share, up_mb

BY_BYTES = (BASE, *(arm for arm in TRADED if arm != UNCOMPRESSED), UNCOMPRESSED)
MOST_MB = 50.0
SCORE = Axis("macro-F1, %", 0.0, 70.0, (0, 10, 20, 30, 40, 50, 60, 70))


def pictures(curves: Curves, sizes: Sizes) -> dict[str, str]:
    """SVG by name."""
    by_round = {arm: mean_curve(curves, arm) for arm in (CENTRAL, *WAYS)}
    by_bytes = {}
    for arm in BY_BYTES:
        rounds, score = mean_curve(curves, arm)
        by_bytes["the base" if arm == BASE else arm] = rounds * asked_share(arm) * up_mb(sizes, arm), score
    rounds_axis = Axis("rounds", 0.0, ROUNDS, tuple(range(0, ROUNDS + 1, 4)))
    sent = Axis("MB that a home has sent, at full size", 0.0, MOST_MB, tuple(np.arange(0, MOST_MB + 1, 10).tolist()))
    return {
        "federation_rounds": line_plot(by_round, rounds_axis, SCORE, "macro-F1 over rounds"),
        "federation_bytes": line_plot(by_bytes, sent, SCORE, "macro-F1 over megabytes that a home has sent"),
    }


def mean_curve(curves: Curves, arm: str) -> Curve:
    """Rounds, and the mean macro-F1 of the seeds after each, %."""
    rounds = np.array([entry["round"] for entry in curves[arm][0]["curve"]], float)
    return rounds, 100 * np.mean([[entry["macro_f1"] for entry in run["curve"]] for run in curves[arm]], axis=0)
