"""The latency of model files in every engine that this Python has: what transformer_cost runs, under others too.

    python -m benchmarks.export.engine_latencies OUT.json NAME=FILE ...

OUT: {"us": {"NAME, engine": {"cpu_us", "wall_us"}}, "disturbed": why the figures cannot be trusted}.
"""

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.lib.interleaved_timing import Cost, Turns, take_turns
from edge.engines import CANDIDATES, EngineUnavailable

BLOCKS, CALLS = 6, 15
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure and write."""
    out, *named = sys.argv[1:]
    turns = latencies({name: Path(file) for name, file in (pair.rsplit("=", 1) for pair in named)})
    figures = {"us": {name: cost._asdict() for name, cost in turns.us.items()}, "disturbed": turns.disturbed}
    Path(out).write_text(json.dumps(figures))


def latencies(files: dict[str, Path]) -> Turns:
    """Microseconds of every file in every engine that reads it, on one thread, taking turns."""
    rng = np.random.default_rng(0)
    stages = {}
    for name, path in files.items():
        for candidate in CANDIDATES:
            if path.suffix != f".{candidate.file_format}":
                continue
            try:
                engine = candidate.open(str(path), 1)
            except EngineUnavailable:
                continue
            for x in engine.inputs.values():
                x[...] = rng.standard_normal(x.shape)
            stages[f"{name}, {engine.name}"] = lambda _, engine=engine: engine.infer()
    return take_turns(stages, BLOCKS, CALLS)


def latencies_under(python: str, files: dict[str, Path]) -> Turns:
    """The same under another Python; python: the command that starts it. Ends with one line when it cannot."""
    with tempfile.TemporaryDirectory(prefix="engine-latencies-") as folder:
        out = Path(folder) / "out.json"
        named = [f"{name}={path}" for name, path in files.items()]
        command = [*shlex.split(python), "-m", "benchmarks.export.engine_latencies", str(out), *named]
        try:
            subprocess.run(command, cwd=ROOT, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"--python {python}: nothing was timed; does it start, and has it NumPy and an engine? {error}")
        found = json.loads(out.read_text())
    return Turns({name: Cost(**cost) for name, cost in found["us"].items()}, found["disturbed"])


if __name__ == "__main__":
    main()
