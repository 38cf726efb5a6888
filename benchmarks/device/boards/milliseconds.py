"""From counted instructions to milliseconds on boards that are not here. Every figure is an **estimate**.

    milliseconds = instructions / (instructions per cycle * clock)

Assumptions, all of which can be replaced by a measurement (`edge-bench --json` on the board):

- instructions: counted on the emulated processor, which runs the same binaries as the board (Debian bookworm, the
  wheels' own code paths for the processor's features). A Jetson Nano's Python 3.6 with onnxruntime is other code.
- clock: the board's highest; the governor is awake and nothing is throttled.
- instructions per cycle: IPC below, one range per core for all stages. The low end is a memory-bound or cold frame, the
  high end a hot loop of vector instructions; both are what the core's width (A53: 2 in order, A57 and A72: 3, A76: 4)
  lets through at a quarter and at a half to two thirds. No board was at hand to fit them.
- one thread, everything in the second-level cache: weights and buffers of the models here are smaller than it.

What can be checked here is the form of the model: the same frames are counted on an emulated x86-64 and timed on the
real one. `spread` is by how much the instructions per nanosecond of the stages differ from those of the whole frame: a
model with one IPC for all stages is wrong by that much for a single stage.
"""

from __future__ import annotations

from typing import NamedTuple

FRAME_BUDGET_MS = 96.0


class Core(NamedTuple):
    """Instructions per cycle: low, likely, high."""

    low: float
    likely: float
    high: float


class Board(NamedTuple):
    """A board, its core and its highest clock."""

    name: str
    processor: str
    clock_ghz: float


IPC = {
    "cortex-a53": Core(0.4, 0.7, 1.0),
    "cortex-a57": Core(0.7, 1.1, 1.7),
    "cortex-a72": Core(0.8, 1.3, 1.9),
    "cortex-a76": Core(1.2, 2.0, 2.7),
}
BOARDS = (
    Board("Raspberry Pi Zero 2 W", "cortex-a53", 1.0),
    Board("Raspberry Pi 3 B+", "cortex-a53", 1.4),
    Board("Jetson Nano (CPU)", "cortex-a57", 1.43),
    Board("Raspberry Pi 4", "cortex-a72", 1.5),
    Board("Raspberry Pi 5", "cortex-a76", 2.4),
)


class Estimate(NamedTuple):
    """Milliseconds on a board."""

    low_ms: float  # at the high IPC
    likely_ms: float
    high_ms: float


def estimate(instructions: float, board: Board) -> Estimate:
    """Milliseconds that so many instructions take."""
    core = IPC[board.processor]
    per_ms = board.clock_ghz * 1e6
    return Estimate(*(instructions / (ipc * per_ms) for ipc in (core.high, core.likely, core.low)))


def spread(instructions: dict[str, float], milliseconds: dict[str, float]) -> dict[str, float]:
    """By stage: its instructions per nanosecond over the whole frame's. 1 everywhere: one IPC fits all stages."""
    whole = sum(instructions.values()) / sum(milliseconds[stage] for stage in instructions)
    return {stage: instructions[stage] / milliseconds[stage] / whole for stage in instructions}
