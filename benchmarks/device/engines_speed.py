"""Engines, precisions and thread counts against each other: the detector on one frame, in one run.

    python -m benchmarks.device.engines_speed [--bundle DIR ...]

Bundles are made by `edge-export --target rpi-fp32 --out DIR` and so on; the one that ships is always measured.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from benchmarks.lib.interleaved_timing import take_turns
from benchmarks.lib.record import record
from edge.bundle import DEFAULT_BUNDLE_DIR, read_manifest
from edge.bundle.files import RUNNABLE_KINDS
from edge.engines import CANDIDATES, EngineUnavailable
from edge.engines.base import Engine


def engines(bundle: Path, threads: int) -> dict[str, Engine]:
    """Every file of a bundle's detector in every engine that reads it: {"precision, engine, threads": engine}."""
    (detector,) = [model for model in read_manifest(str(bundle)).models if model.role == "detector"]
    found = {}
    for kind in (kind for kind in RUNNABLE_KINDS if kind in detector.files):
        for candidate in (candidate for candidate in CANDIDATES if candidate.file_format == kind):
            entry = detector.files[kind]
            try:
                engine = candidate.open(str(bundle / entry.path), threads)
            except EngineUnavailable:
                continue
            found[f"{entry.precision}, {engine.name}, {threads} thread{'s' * (threads > 1)}"] = engine
    return found


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    opened: dict[str, Engine] = {}
    for threads in sorted({1, 2, os.cpu_count() or 1}):
        for bundle in [Path(DEFAULT_BUNDLE_DIR), *arguments.bundle]:
            opened = {**engines(bundle, threads), **opened}
    for engine in opened.values():
        for x in engine.inputs.values():
            x[...] = rng.standard_normal(x.shape)
        engine.infer()
    stages = {name: lambda _, engine=engine: engine.infer() for name, engine in sorted(opened.items())}
    turns = take_turns(stages, several_threads=True)
    lines = [*turns.table("detector, one frame, median"), "", turns.note()]
    record("engines_speed", {"rows_us": turns.us, "disturbed": turns.disturbed}, "\n".join(lines))


if __name__ == "__main__":
    main()
