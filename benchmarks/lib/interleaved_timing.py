"""Timing things side by side on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, process_time
from typing import NamedTuple

import numpy as np

from edge.bench.board import moment
from edge.bench.disturbance import Watch, reasons
from edge.bench.measure import yardstick

BLOCKS = 40  # the stages take turns in blocks, so that whatever disturbs the machine disturbs all of them
CALLS_PER_BLOCK = 50
WARM_UP_CALLS = 5  # of each block, not counted: another stage has just used the caches


class Cost(NamedTuple):
    """Medians of a stage's calls."""

    cpu_us: float  # of all its threads; hardly depends on what else the machine does
    wall_us: float


class Turns(NamedTuple):
    """What came of it."""

    us: dict[str, Cost]
    disturbed: list[str]  # why the figures cannot be trusted; empty when they can

    def note(self) -> str:
        """For under the table."""
        if not self.disturbed:
            return "The run was undisturbed."
        return f"The run was disturbed ({'; '.join(self.disturbed)}): only ratios of CPU times are given."

    def table(self, heading: str) -> list[str]:
        """Lines of a table: microseconds, or of a disturbed run CPU times over that of the first stage."""
        if self.disturbed:
            first = next(iter(self.us.values())).cpu_us
            lines = [f"| {heading}, CPU time | times the first |", "|---|---|"]
            return lines + [f"| {name} | {cost.cpu_us / first:.2f} |" for name, cost in self.us.items()]
        lines = [f"| {heading} | CPU, us | by the clock, us |", "|---|---|---|"]
        return lines + [f"| {name} | {cost.cpu_us:.0f} | {cost.wall_us:.0f} |" for name, cost in self.us.items()]


def take_turns(
    stages: dict[str, Callable[[int], object]],
    blocks: int = BLOCKS,
    calls: int = CALLS_PER_BLOCK,
    *,
    several_threads: bool = False,
) -> Turns:
    """Microseconds of each stage(call number), the stages taking turns.

    several_threads: of a stage wait for each other, which the system counts as if others had interrupted them.
    """
    durations: dict[str, list[tuple[float, float]]] = {name: [] for name in stages}
    before, during, yardsticks, watch = moment(), [], [], Watch()
    for block in range(blocks):
        yardsticks.append(yardstick())
        for name, stage in stages.items():
            for call in range(calls):
                started, cpu = perf_counter(), process_time()
                stage(block * calls + call)
                if call >= WARM_UP_CALLS:
                    durations[name].append((1e6 * (process_time() - cpu), 1e6 * (perf_counter() - started)))
        during.append(moment())
    us = {name: Cost(*map(float, np.median(taken, axis=0))) for name, taken in durations.items()}
    figures = watch.figures()
    if several_threads:
        figures["involuntary_switches_per_s"] = 0.0
    return Turns(us, reasons(figures, yardsticks, before, during, moment()))
