"""What a home's training of the fusion costs a board: instructions of a Cortex-A72, counted under the emulator.

    python -m benchmarks.device.federated_step [--root DIR]

A home with as much as it may keep: max_episodes of [learn], a hundred frames each. Milliseconds are an estimate, see
benchmarks/device/boards/milliseconds.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.device.boards.bar import BAR_PROCESSOR
from benchmarks.device.boards.emulator import DEFAULT_ROOT, CannotCount, arm64, run_guest
from benchmarks.device.boards.guest import EMPTY_MARKS
from benchmarks.device.boards.milliseconds import BOARDS, estimate
from benchmarks.lib.record import record
from edge.config import default_settings
from edge.learning.answers import MOST_ANSWERS
from training.federated.plan import Plan

STEPS = 10  # of a round


def main() -> None:
    """Count and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT, help="made by `make arm64`")
    arguments = parser.parse_args()
    try:
        found = count_step(arguments.root)
    except CannotCount as reason:
        sys.exit(f"benchmarks.device.federated_step: {reason}")
    (board,) = [each for each in BOARDS if each.processor == BAR_PROCESSOR]
    times = estimate(STEPS * found["instructions"], board)
    table = (
        f"A local step on the fusion, {found['batch']} of {found['episodes']} events with {found['frames']} frames "
        f"each: {found['instructions'] / 1e6:.2f} M Cortex-A72 instructions; the {STEPS} steps of a round take a "
        f"{board.name} {times.likely_ms:.0f} ms ({times.low_ms:.0f} to {times.high_ms:.0f}), **estimated**. "
        f"NumPy {found['numpy']}."
    )
    record("federated_step", {**found, "steps": STEPS, "estimate_ms": times._asdict()}, table)


def count_step(root: Path) -> dict[str, float | str]:
    """Instructions of one step. Raises CannotCount."""
    episodes, batch = int(default_settings().learn.max_episodes), Plan.batch_size
    numbers = [episodes, MOST_ANSWERS, batch, STEPS]
    said, totals = run_guest(arm64(BAR_PROCESSOR, root), "guest_fusion", [str(number) for number in numbers])
    steps = np.diff(totals)
    own = median(steps[: EMPTY_MARKS - 1])
    instructions = (median(steps[EMPTY_MARKS::2]) - own) / STEPS
    return {
        "instructions": instructions,
        "episodes": episodes,
        "frames": MOST_ANSWERS,
        "batch": batch,
        "numpy": said["numpy"],
    }


if __name__ == "__main__":
    main()
