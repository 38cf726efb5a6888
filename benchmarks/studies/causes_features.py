"""What each feature is worth: the CNN + LMU paper's tables IV and V in our terms, CNN + parallel LMU on the two tasks.

`python -m benchmarks.studies.causes_features --data DIR`: interrupted, it goes on where it was. What
benchmarks.studies.causes_learn trained is not trained again; `--task`, `--seed`: a part.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import record
from benchmarks.lib.statistics import with_interval
from benchmarks.studies.causes_learn import WORK
from benchmarks.studies.causes_tasks import SEEDS, TASKS, run
from training.causes.architecture import PARALLEL_LMU

F0, STFT, ALL = "F0 and its clarity", "STFT", "F0 + MFCC + STFT"
BLOCKS = {
    F0: ["pitch"],
    "MFCC": ["mfcc"],
    STFT: ["stft"],
    "F0 + MFCC": ["mfcc", "pitch"],
    "F0 + STFT": ["stft", "pitch"],
    "MFCC + STFT": ["mfcc", "stft"],
    ALL: ["mfcc", "stft", "pitch"],
}
FEATURES = {"fsdd": tuple(BLOCKS), "esc50": (F0, "MFCC", STFT, ALL)}  # those of table IV, those of table V


def main() -> None:
    """Train what is not yet trained and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK, help="features, models and results of every cell")
    parser.add_argument("--task", choices=TASKS, action="append")
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    arguments = parser.parse_args()
    rows = []
    for task in arguments.task or TASKS:
        for name in FEATURES[task]:
            blocks = BLOCKS[name]
            changes: dict[str, dict] = {"model": {"head": PARALLEL_LMU}}
            if blocks != TASKS[task]["features"]["blocks"]:
                changes["features"] = {"blocks": blocks}
            row = run(task, changes, tuple(arguments.seed or SEEDS), arguments.data, arguments.work)
            rows.append({**row, "features": name})
    record("causes_features", {"tasks": TASKS, "rows": rows}, table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| task | features | folds x seeds | macro-F1, 95 % interval over folds | chance, 95 % point | trained, min |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        score = row["macro_f1"]
        lines.append(
            f"| {row['task']} | {row['features']} | {len(row['folds'])} x {len(row['seeds'])} | "
            f"{with_interval(score['mean'], score['low'], score['high'])} | {score['null_95']:.3f} | "
            f"{row['seconds'] / 60:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
