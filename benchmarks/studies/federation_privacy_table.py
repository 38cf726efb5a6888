"""What homes that hide in noise came to, as it is recorded: see federation_privacy.py."""

from __future__ import annotations

import numpy as np

from benchmarks.studies.federation_fusion_table import SHIPPED
from benchmarks.studies.federation_table import interval

ROUNDS, UPDATE_NORM = 10, 0.3
ARMS = {(homes, noise): f"{homes} homes, noise {noise:g}" for homes in (12, 36) for noise in (0.0, 5.0)}
Found = dict[str, dict[str, float]]  # arm -> macro_f1, epsilon


def by_seed(runs: list[dict[str, Found]], arm: str) -> np.ndarray:
    """Macro-F1 of each seed, the mean over folds, %."""
    return np.array([100 * np.mean([fold[arm]["macro_f1"] for fold in run.values()]) for run in runs])


def table(runs: list[dict[str, Found]]) -> str:
    """As Markdown."""
    lines = [
        f"All homes in each of {ROUNDS} rounds, an update no longer than {UPDATE_NORM}, noise in that length; delta "
        f"1e-5. Seeds: {len(runs)}, {len(runs[0])} folds held out in turn; from three on with 95 % intervals of paired "
        "differences, by seed.",
        "",
        "| way | epsilon | macro-F1, % | more than what ships | than without noise |",
        "| --- | --- | --- | --- | --- |",
        f"| {SHIPPED} |  | {by_seed(runs, SHIPPED).mean():.1f} |  |  |",
    ]
    for (homes, noise), arm in ARMS.items():
        own = by_seed(runs, arm)
        spent = f"{next(iter(runs[0].values()))[arm]['epsilon']:.1f}" if noise else "no bound"
        cells = [arm, spent, interval(own.tolist()), interval((own - by_seed(runs, SHIPPED)).tolist())]
        price = interval((own - by_seed(runs, ARMS[homes, 0.0])).tolist()) if noise else ""
        lines.append("| " + " | ".join([*cells, price]) + " |")
    return "\n".join(lines)
