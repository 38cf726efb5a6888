"""Hours of recordings that `cry-monitor analyze` hears in a minute, one at a time and several at once.

    python -m benchmarks.device.analyze_jobs [--jobs 1 2] [--minutes 20]

The recordings are synthesised nights of five minutes, in a folder of their own for as long as it takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from benchmarks.lib.record import record
from edge.frames import SAMPLE_RATE
from edge.synthesis import nursery_night

NIGHT_MINUTES = 5
ROUNDS = 3


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--minutes", type=int, default=20, help="of audio a core (default 20)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="analyze-jobs-") as folder:
        n_nights = -(-arguments.minutes // NIGHT_MINUTES) * max(arguments.jobs)
        paths = [write_night(Path(folder), seed) for seed in range(n_nights)]
        seconds: dict[int, list[float]] = {jobs: [] for jobs in arguments.jobs}
        for _ in range(ROUNDS):
            for jobs in arguments.jobs:
                seconds[jobs].append(analysis_s(paths, jobs))
    hours = n_nights * NIGHT_MINUTES / 60
    rows = {jobs: hours / (min(taken) / 60) for jobs, taken in seconds.items()}
    figures = {"hours": hours, "rounds": ROUNDS, "seconds": seconds, "hours_a_minute": rows}
    record("analyze_jobs", figures, table(rows, hours))


def write_night(folder: Path, seed: int) -> Path:
    """A night as a WAV file."""
    path = folder / f"night{seed}.wav"
    soundfile.write(path, nursery_night(60 * NIGHT_MINUTES, seed).samples, SAMPLE_RATE)
    return path


def analysis_s(paths: list[Path], jobs: int) -> float:
    """Seconds that the command takes, its start included."""
    command = [sys.executable, "-m", "edge.commands.main", "analyze", "--jobs", str(jobs), *map(str, paths)]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
    return time.perf_counter() - started


def table(rows: dict[int, float], hours: float) -> str:
    """Markdown."""
    lines = ["| --jobs | hours of audio a minute |", "|---|---|"]
    lines += [f"| {jobs} | {hours_a_minute:.1f} |" for jobs, hours_a_minute in rows.items()]
    return "\n".join([*lines, "", f"{hours:.1f} h of synthesised nights, the quickest of {ROUNDS} rounds."])


if __name__ == "__main__":
    main()
