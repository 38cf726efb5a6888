"""Count, estimate, record.

python -m benchmarks.device.boards [--root DIR] [--bundle DIR] [--set-bar | --set-bytecodes]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.device.boards.bar import BAR_PROCESSOR, set_bar, set_bytecodes
from benchmarks.device.boards.emulator import DEFAULT_ROOT, PROCESSORS, CannotCount, arm64, count, night, x86_64
from benchmarks.device.boards.milliseconds import BOARDS, FRAME_BUDGET_MS, IPC, estimate, spread
from benchmarks.device.boards.models import costs
from benchmarks.lib.record import record
from edge.bench.board import moment
from edge.bench.disturbance import Watch, reasons
from edge.bench.material import Recording
from edge.bench.measure import measure
from edge.bench.result import merged
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.config import load_settings
from edge.frames import FRAMES_PER_S, SAMPLE_RATE

QUIET_BUDGET = 150e6  # Cortex-A72 instructions per second of audio
CHECKED_PATH = "listening"
CHECKED_STAGES = ("gate", "log_mel", "detector", "episodes")


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT, help="made by `make arm64`")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE_DIR)
    parser.add_argument("--set-bar", action="store_true", help="let recorded.json hold what is counted now")
    parser.add_argument(
        "--set-bytecodes",
        action="store_true",
        help="let it hold the bytecodes that are counted now, and do nothing else; needs no emulator",
    )
    arguments = parser.parse_args()
    if arguments.set_bytecodes:
        set_bytecodes()
        return
    try:
        counts = {processor: count(arm64(processor, arguments.root), arguments.bundle) for processor in PROCESSORS}
        here = checked_here(arguments.bundle)
    except CannotCount as reason:
        sys.exit(f"benchmarks.device.boards: {reason}")
    if arguments.set_bar:
        set_bar(counts[BAR_PROCESSOR], load_bundle(arguments.bundle).sha256)
    models = costs(arguments.bundle)
    estimates = {
        board.name: {
            path: estimate(row["hop"], board)._asdict() for path, row in counts[board.processor]["paths"].items()
        }
        for board in BOARDS
    }
    figures = {
        "counts": counts,
        "checked_here": here,
        "ipc": IPC,
        "estimates": estimates,
        "models": [model._asdict() for model in models],
    }
    parts = [counted_table(counts), estimate_table(counts), check_text(here), model_table(models)]
    record("boards", figures, "\n\n".join(parts))


def checked_here(bundle_directory: str) -> dict[str, Any]:
    """The form of the model on this machine: instructions of the same frames, emulated, and their time."""
    counted = count(x86_64(), bundle_directory)
    bundle = load_bundle(bundle_directory)
    before, watch = moment(), Watch()
    _, rounds = measure(bundle, load_settings(None), Recording("the same night", night(), SAMPLE_RATE))
    yardsticks_s = [one.yardstick_s for one in rounds]
    disturbed = reasons(watch.figures(), yardsticks_s, before, [], moment())
    timings = merged([one.timings.paths[CHECKED_PATH] for one in rounds])
    milliseconds = {stage: timings.row(stage).p50_ms for stage in CHECKED_STAGES}
    instructions = {stage: counted["paths"][CHECKED_PATH]["stages"][stage] for stage in CHECKED_STAGES}
    return {
        "counted": counted,
        "milliseconds": milliseconds,
        "spread": spread(instructions, milliseconds),
        "disturbed": disturbed,
    }


def counted_table(counts: dict[str, Any]) -> str:
    """Instructions per hop and per second of audio."""
    paths = list(counts[BAR_PROCESSOR]["paths"])
    lines = [
        f"| M instructions, counted | {' | '.join(f'{path}, a hop' for path in paths)} | quiet, a second | "
        "resampling 48 kHz, a second |",
        "|---" * (len(paths) + 3) + "|",
    ]
    for processor, counted in counts.items():
        hops = [counted["paths"][path]["hop"] for path in paths]
        cells = [f"{hop / 1e6:.2f}" for hop in (*hops, hops[0] * FRAMES_PER_S, counted["resample"] * FRAMES_PER_S)]
        lines.append(f"| {processor} | {' | '.join(cells)} |")
    a72 = counts[BAR_PROCESSOR]
    second = (a72["paths"]["quiet"]["hop"] + a72["resample"]) * FRAMES_PER_S
    lines += [
        "",
        f"Quiet listening from a 48-kHz microphone: {second / 1e6:.1f} M Cortex-A72 instructions per second "
        f"of audio, of {QUIET_BUDGET / 1e6:.0f} M. Stages on it, in thousands: {stages_text(a72)}. "
        f"{a72['engine']}, NumPy {a72['numpy']}.",
    ]
    return "\n".join(lines)


def stages_text(counted: dict[str, Any]) -> str:
    """Thousands of instructions of each stage of each path."""
    texts = []
    for path, row in counted["paths"].items():
        stages = [f"{stage} {n / 1e3:.0f}" for stage, n in row["stages"].items() if stage not in ("end", "frame")]
        texts.append(f"{path} {', '.join(stages)}")
    return "; ".join(texts)


def estimate_table(counts: dict[str, Any]) -> str:
    """Milliseconds, marked as what they are."""
    paths = list(counts[BAR_PROCESSOR]["paths"])
    lines = [
        f"| **estimate**, ms a hop | clock, GHz | instructions per cycle, assumed | {' | '.join(paths)} | "
        f"crying of {FRAME_BUDGET_MS:g} ms |",
        "|---" * (len(paths) + 4) + "|",
    ]
    for board in BOARDS:
        found = {path: estimate(counts[board.processor]["paths"][path]["hop"], board) for path in paths}
        cells = [f"{e.likely_ms:.2f} ({e.low_ms:.2f} - {e.high_ms:.2f})" for e in found.values()]
        core = IPC[board.processor]
        lines.append(
            f"| {board.name} | {board.clock_ghz:g} | {core.likely:g} ({core.low:g} - {core.high:g}) | "
            f"{' | '.join(cells)} | {found['crying'].high_ms / FRAME_BUDGET_MS:.0%} at most |"
        )
    return "\n".join(lines)


def check_text(here: dict[str, Any]) -> str:
    """How well one number of instructions per cycle fits all stages, here."""
    parts = ", ".join(f"{stage} x {ratio:.2f}" for stage, ratio in here["spread"].items())
    worst = max(max(ratio, 1 / ratio) for ratio in here["spread"].values())
    state = f"Disturbed ({'; '.join(here['disturbed'])})" if here["disturbed"] else "Undisturbed"
    return (
        "The same frames on this x86-64, counted and timed, and the stage's instructions per second over the whole "
        f"frame's: {parts}. One number for all stages is wrong by up to a factor of {worst:.2f} for a single "
        f"stage. {state}. No board was "
        "at hand: see benchmarks/device/boards/milliseconds.py for what is assumed."
    )


def model_table(models: list[Any]) -> str:
    """Bytes and multiply-adds."""
    lines = ["| model | file | kB | M multiply-adds a run |", "|---|---|---|---|"]
    lines += [f"| {m.name} | {m.file} | {m.file_bytes / 1000:.1f} | {m.multiply_adds / 1e6:.2f} |" for m in models]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
