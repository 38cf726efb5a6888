"""Intervals by drawing whole groups again: recordings of one infant, one parent or one source are not independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

CONFIDENCE = 0.95
ROUNDS = 1000


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float | np.ndarray],
    groups: Sequence[str] | np.ndarray,
    seed: int,
    strata: np.ndarray | None = None,
    rounds: int = ROUNDS,
) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile interval (low, high) of statistic(rows) over samples of whole groups, as many as there are.

    groups: of each row. strata: (rows,) bool; groups with a row that is true are drawn apart from the others, so that
    every sample has as many of both. The interval has the shape of the statistic.
    """
    _, owner = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(owner, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(owner))[:-1])
    parts = [members]
    if strata is not None:
        is_first = [np.asarray(strata)[own].any() for own in members]
        parts = [[own for own, first in zip(members, is_first, strict=True) if first == part] for part in (True, False)]
    parts = [part for part in parts if part]
    rng = np.random.default_rng(seed)
    drawn: list[Any] = [
        statistic(np.concatenate([part[i] for part in parts for i in rng.integers(0, len(part), len(part))]))
        for _ in range(rounds)
    ]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return low, high
