"""The budgets of the design and what is measured, each with the command that prints it.

    python -m benchmarks.device.budgets

Runs edge-bench's own measurement over the bundle that ships. When that holds no experts, over one with two besides (the
`lite` encoder with random weights: what they cost does not depend on them). Instructions are those of the bar, which
`python -m benchmarks.device.boards` counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.device.boards.bar import recorded
from benchmarks.device.boards.models import ModelCost, costs
from benchmarks.device.experts_speed import random_bundle
from benchmarks.lib.record import record
from edge.bench.material import material
from edge.bench.paths import CPU_STAGE
from edge.bench.result import run
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.config import load_settings
from edge.frames import FRAME_HOP_S
from training.causes.architecture import PARALLEL_LMU

SECONDS = 60.0
EDGE_BENCH, BOARDS, HERE = "edge-bench", "python -m benchmarks.device.boards", "python -m benchmarks.device.budgets"
EXPERTS = ("expert", "denoiser")


class Row(NamedTuple):
    """One budget; the figure is met when it is at most the budget."""

    what: str
    unit: str
    budget: float
    figure: float
    command: str


def main() -> None:
    """Measure and record."""
    bundle = load_bundle(DEFAULT_BUNDLE_DIR)
    shipped = crying = measured(bundle)
    experts = [cost for cost in costs(DEFAULT_BUNDLE_DIR) if cost.role in EXPERTS]
    if not experts:
        with tempfile.TemporaryDirectory(prefix="budgets-") as folder:
            crying = measured(random_bundle(Path(folder), PARALLEL_LMU, "fp32")[0])
            experts = [cost for cost in costs(folder) if cost.role in EXPERTS]
    rows = [*of_shipped(shipped), *of_verifier(shipped), *of_experts(crying, experts), instructions()]
    disturbed = sorted({*shipped["disturbed"], *crying["disturbed"]})
    lines = ["| budget | at most | measured | met | command |", "|---|---|---|---|---|"]
    for row in rows:
        met = "yes" if row.figure <= row.budget else "**no**"
        lines.append(f"| {row.what}, {row.unit} | {row.budget:g} | {row.figure:.3g} | {met} | `{row.command}` |")
    lines += [
        "",
        f"The runs were disturbed ({'; '.join(disturbed)}): times are upper bounds."
        if disturbed
        else "The runs were undisturbed.",
    ]
    figures = {"rows": [row._asdict() for row in rows], "disturbed": disturbed}
    record("budgets", figures, "\n".join(lines))


def measured(bundle: Any) -> dict[str, Any]:
    """What `edge-bench --bundle DIR --json` prints."""
    result, _ = run(bundle, load_settings(None), material(None, SECONDS), 1, SECONDS)
    return result


def stage(result: dict[str, Any], path: str, name: str) -> dict[str, float]:
    """A row of a path."""
    return next(row for row in result["paths"][path] if row["stage"] == name)


def of_shipped(result: dict[str, Any]) -> Iterator[Row]:
    """What the bundle that ships is held to."""
    (detector,) = [cost for cost in costs(DEFAULT_BUNDLE_DIR) if cost.role == "detector"]
    start = result["start"]
    yield Row("features of a 0.2-s hop, median", "ms", 0.1, stage(result, "quiet", "log_mel")["p50_ms"], EDGE_BENCH)
    yield Row("detector, one frame, median", "ms", 0.5, stage(result, "listening", "detector")["p50_ms"], EDGE_BENCH)
    yield Row("detector", "M multiply-adds", 10.0, detector.multiply_adds / 1e6, BOARDS)
    yield Row("detector's file", "kB", 200.0, detector.file_bytes / 1e3, BOARDS)
    yield Row(
        "listening, nothing crying, at real-time pace",
        "% of a core",
        1.0,
        100 * start["listening_cpu_share"],
        EDGE_BENCH,
    )
    yield Row("listening, nothing crying", "MB resident", 120.0, start["listening_memory_mb"], EDGE_BENCH)
    yield Row("start to first frame", "s", 2.0, start["start_to_first_frame_s"], EDGE_BENCH)


def of_verifier(result: dict[str, Any]) -> Iterator[Row]:
    """What the second opinion is held to, where there is one."""
    for verifier in (cost for cost in costs(DEFAULT_BUNDLE_DIR) if cost.role == "verifier"):
        yield Row("verifier's file", "MB", 6.0, verifier.file_bytes / 1e6, HERE)
        yield Row("verifier, asked, 99 %", "ms", 4.0, stage(result, "crying", "verifier")["p99_ms"], EDGE_BENCH)


def of_experts(result: dict[str, Any], experts: list[ModelCost]) -> Iterator[Row]:
    """What a bundle with experts is held to; the denoiser counts as one of them but in their number."""
    names = [cost.role for cost in experts]
    what = f"{names.count('expert')} experts" + (" and a denoiser" if "denoiser" in names else "")
    busiest = max(cost.multiply_adds * cost.runs_a_hop for cost in experts)
    frame = stage(result, "crying", "frame")
    yield Row(f"whole frame, episode open, {what}, 99 %", "ms", 9.6, frame["p99_ms"], HERE)
    yield Row(f"whole frame, episode open, {what}, median", "ms", 9.6, frame["p50_ms"], HERE)
    cpu = stage(result, "crying", CPU_STAGE)
    yield Row(f"the same and all around it, {what}, 99 %", "ms of CPU", 9.6, cpu["p99_ms"], HERE)
    yield Row("an expert's file", "MB", 5.0, max(cost.file_bytes for cost in experts) / 1e6, HERE)
    yield Row("an expert, a hop", "M multiply-adds", 60.0, busiest / 1e6, HERE)


def instructions() -> Row:
    """Quiet listening from a 48-kHz microphone on a Pi 4."""
    bar = recorded()
    second = (bar["paths"]["quiet"]["hop"] + bar["resample"]) / FRAME_HOP_S
    return Row("quiet listening, a second of audio", "M Cortex-A72 instructions", 150.0, second / 1e6, BOARDS)


if __name__ == "__main__":
    main()
