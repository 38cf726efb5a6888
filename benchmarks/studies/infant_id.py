"""Is it the same infant? The equal error rate on a stand-in for newborns: apps of donateacry with two clips or more.

    python -m benchmarks.studies.infant_id --data DIR

Clips of one app instance are taken for one infant, the earlier half beside the later half, 4 folds over instances. An
instance is a phone in a home: what is found is an upper bound of what the voice tells. Pairs within a platform, and all
below 3400 Hz, take the most obvious of that away. Prints its cost first and records each run; what is recorded under
the same settings is not run again. `--seed 0 --seed 1 --seed 2 --epochs 30` is the larger study. `--start FILE` begins
with a res8 of cry-train pretrain; its name tells it from others.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import add_row, record, recorded, rows_under, without_seed
from training.infant_id.experiment import REPORT, choose, run_folds
from training.infant_id.fitting import FRAMES_PER_INFANT, Identification, Settings
from training.infant_id.material import infant_frames
from training.infant_id.model import build_embedding
from training.infant_id.protocol import infants_of
from training.layers.res8 import load_res8
from training.runs.stage import Effort, compiled

WORK = Path("results/infant_id")
FOLDS = 4
PAIRS = ("all", "within a platform")


def main() -> None:
    """Learn what is not yet learnt and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--seed", type=int, action="append", help="default: 0 alone")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--start", type=Path, action="append", default=[], metavar="FILE")
    arguments = parser.parse_args()
    clips = choose(arguments.data, ["donateacry"])
    seeds = arguments.seed or [0]
    runs = [(start, seed) for start in [None, *arguments.start] for seed in seeds]
    print(cost(clips, arguments.epochs, len(runs)), flush=True)
    shared = {**without_seed(Settings(epochs=arguments.epochs)), "folds": FOLDS}
    rows = rows_under(shared, recorded("infant_id"))
    for start, seed in runs:
        name = "scratch" if start is None else f"from {start.stem}"
        out = arguments.work / f"{name.replace(' ', '-')}-{arguments.epochs}-{seed}"

        def run(start: Path | None = start, seed: int = seed, out: Path = out) -> dict[str, Any]:
            if not (out / REPORT).is_file():
                network = None if start is None else load_res8(start)
                run_folds(clips, Settings(epochs=arguments.epochs, seed=seed), FOLDS, True, out, network)
            report = json.loads((out / REPORT).read_text())
            return {pairs: report[pairs] for pairs in PAIRS}

        add_row(rows, {"name": name, "seed": seed}, run)
        rows.sort(key=lambda row: (row["name"] != "scratch", row["name"], row["seed"]))
        record("infant_id", {"settings": shared, "rows": rows}, table(rows))


def cost(clips: list[Any], epochs: int, n_runs: int) -> str:
    """What all of it takes, by one batch."""
    infants = infants_of(clips, leave_out_single=True)
    frames = infant_frames([clips[i] for i in infants[0].enrolled + infants[0].tested])
    few = [infants[0].__class__("one", [0], [len(infants[0].enrolled)])]
    stage = Identification(build_embedding(Settings().size, frames.shape), frames, few)
    model = compiled(stage, Effort(1, 1, 1e-3, 0.0, 32, (0,)))
    x = frames.take([0] * 32)
    targets = stage.one_hot[[0] * 32]
    model.train_on_batch(x, targets)
    started = time.perf_counter()
    model.train_on_batch(x, targets)
    batches = len(infants) * (FOLDS - 1) / FOLDS * FRAMES_PER_INFANT / 32 * epochs * FOLDS * n_runs
    minutes = (time.perf_counter() - started) * batches / 60
    return f"about {minutes:.0f} minutes on this core, less what is done already"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| embedding | seed | pairs | infants | same | different | EER, 95 % interval over infants | chance, 95 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        for pairs in PAIRS:
            own = row[pairs]
            low, _, high = own["chance"]
            lines.append(
                f"| {row['name']} | {row['seed']} | {pairs} | {own['infants']} | {own['same']} | {own['different']} | "
                f"{own['eer']:.1%} ({own['low']:.1%} to {own['high']:.1%}) | {low:.1%} to {high:.1%} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
