"""What homes that teach the fusion came to, as it is recorded: see federation_fusion.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.studies.federation_arms import BASE, CENTRAL, LOCAL_ONLY
from benchmarks.studies.federation_table import interval

SHIPPED = "the fusion that ships"
ARMS: dict[str, dict[str, Any]] = {
    "FedAvg": {"control_variates": False, "proximal": 0.0},
    "FedProx": {"control_variates": False},
    "SCAFFOLD": {"proximal": 0.0},
    BASE: {},
}
SCORES = {"macro_f1": 100.0, "nll": 100 / np.log(2)}  # score -> times what it is shown as: %, 0.01 bit


def by_seed(found: list[dict[str, Any]], arm: str, score: str) -> list[float]:
    """The mean over folds of each seed."""
    return [float(np.mean([fold[arm][score] for fold in run["folds"].values()])) for run in found]


def by_fold(found: list[dict[str, Any]], arm: str, score: str) -> list[float]:
    """The mean over seeds of each fold."""
    return [float(np.mean([run["folds"][fold][arm][score] for run in found])) for fold in found[0]["folds"]]


def gain(found: list[dict[str, Any]], arm: str, other: str, score: str, per: Any = by_seed) -> str:
    """How much more than another, paired."""
    scale = SCORES[score]
    pairs = zip(per(found, arm, score), per(found, other, score), strict=True)
    return interval([scale * (a - b) for a, b in pairs])


def table(found: list[dict[str, Any]], clips: int, cries: int, rounds: int, homes_per_round: int) -> str:
    """As Markdown."""
    homes = np.array([home for run in found for home in run["homes"]])
    share = 100 * homes[:, 1] / homes[:, 0]
    low, high = np.percentile(share, [10, 90])
    folds = len(found[0]["folds"])
    lines = [
        f"{clips} sounds that raised suspicion, {cries} of them cries; {len(found[0]['homes']) // folds} homes with "
        f"{homes[:, 0].min()} to {homes[:, 0].max()} marked sounds, {low:.0f} to {high:.0f} % of them cries in eight "
        f"of ten homes. {rounds} rounds of {homes_per_round} homes, {len(found)} seeds, {folds} folds held "
        "out in turn. 95 % intervals of paired differences.",
        "",
        "| way | macro-F1, % | more than what ships, by seed | by fold | more than local only, by seed | by fold | "
        "cross-entropy, 0.01 bit | less than what ships, by seed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm in (SHIPPED, *ARMS, CENTRAL, LOCAL_ONLY):
        score, loss = (interval([SCORES[s] * v for v in by_seed(found, arm, s)]) for s in SCORES)
        cells = [arm, score]
        for other in (SHIPPED, LOCAL_ONLY):
            cells += (
                ["", ""] if arm == other else [gain(found, arm, other, "macro_f1", per) for per in (by_seed, by_fold)]
            )
        cells += [loss, "" if arm == SHIPPED else gain(found, SHIPPED, arm, "nll")]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        f"SCAFFOLD against FedAvg: {gain(found, 'SCAFFOLD', 'FedAvg', 'macro_f1')} points of macro-F1 by seed.",
    ]
    return "\n".join(lines)
