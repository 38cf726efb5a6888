"""Timing things side by side on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import numpy as np

from edge.bench.board import moment
from edge.bench.disturbance import Watch, reasons
from edge.bench.measure import yardstick

BLOCKS = 40  # the stages take turns in blocks, so that whatever disturbs the machine disturbs all of them
CALLS_PER_BLOCK = 50
WARM_UP_CALLS = 5  # of each block, not counted: another stage has just used the caches


class Turns(NamedTuple):
    """What came of it."""

    us: dict[str, tuple[float, float]]  # median and 90th percentile of each stage
    disturbed: list[str]  # why the figures cannot be trusted; empty when they can

    def note(self) -> str:
        """For under the table."""
        if not self.disturbed:
            return "The run was undisturbed."
        return f"**Disturbed**: {'; '.join(self.disturbed)}. Ratios hold better than times: the stages took turns."


def take_turns(stages: dict[str, Callable[[int], object]], blocks: int = BLOCKS, calls: int = CALLS_PER_BLOCK) -> Turns:
    """Microseconds of each stage(call number), the stages taking turns."""
    durations: dict[str, list[float]] = {name: [] for name in stages}
    before, during, yardsticks, watch = moment(), [], [], Watch()
    for block in range(blocks):
        yardsticks.append(yardstick())
        for name, stage in stages.items():
            for call in range(calls):
                started = perf_counter()
                stage(block * calls + call)
                if call >= WARM_UP_CALLS:
                    durations[name].append(1e6 * (perf_counter() - started))
        during.append(moment())
    us = {name: (float(np.median(d)), float(np.percentile(d, 90))) for name, d in durations.items()}
    return Turns(us, reasons(watch.figures(), yardsticks, before, during, moment()))
