"""The cheapest count there is: the bytecodes of edge/ that a hop executes. No emulator, a second, the same everywhere.

It sees work added in Python, not what NumPy or an engine does inside a call; that is counted in instructions where the
emulator is. Bytecodes differ between versions of Python, so figures hold for PYTHON only.
"""

from __future__ import annotations

import sys
from statistics import median
from types import FrameType
from typing import Any

from benchmarks.device.boards.emulator import REPOSITORY, night
from edge.bench.paths import CRYING, LISTENING, QUIET
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.frames import FRAME_HOP
from edge.pipeline import Pipeline
from edge.records import Frame

PYTHON = (3, 11)
EDGE = str(REPOSITORY / "edge")


class Counter:
    """Counts the bytecodes of edge/ while it is the trace function."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(EDGE):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._count

    def _count(self, frame: FrameType, event: str, argument: object) -> Any:
        self.n += event == "opcode"
        return self._count


def bytecodes_per_hop() -> dict[str, int]:
    """Median bytecodes of the hops of each path of the night that the emulator plays too."""
    bundle = load_bundle(DEFAULT_BUNDLE_DIR)
    bundle.warm_up()
    samples, pipeline = night(), Pipeline(bundle)
    counts: dict[str, list[int]] = {QUIET: [], LISTENING: [], CRYING: []}
    for first in range(0, len(samples) - FRAME_HOP + 1, FRAME_HOP):
        counter = Counter()
        before = sys.gettrace()
        sys.settrace(counter)
        try:
            records = pipeline.push(samples[first : first + FRAME_HOP])
        finally:
            sys.settrace(before)
        frames = [record for record in records if isinstance(record, Frame)]
        if frames:
            counts[CRYING if pipeline.is_crying else QUIET if frames[0].gated else LISTENING].append(counter.n)
    return {path: int(median(found)) for path, found in counts.items()}
