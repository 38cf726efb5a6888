"""Do the models learn where there is something to learn? Five heads, beside an SVM.

The CNN + LMU paper's table VI in our terms.

`python -m benchmarks.studies.causes_learn --data DIR`: interrupted, it goes on where it was, down to the epoch; the
table says how long each model learnt. `--task`, `--head` and `--seed` do a part. The LMU is the parallel one. The
heads' parameters, multiply-adds and latency at the deployed size are benchmarks.studies.causes_cost's.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import record
from benchmarks.lib.statistics import with_interval
from benchmarks.studies.causes_tasks import SEEDS, TASKS, run, svm_row
from training.causes.architecture import GRU, LSTM, NONE, PARALLEL_LMU, TRANSFORMER

WORK = Path("results/causes_learn")
ECE_BAR = 0.03
HEADS = (NONE, LSTM, GRU, TRANSFORMER, PARALLEL_LMU)


def main() -> None:
    """Train what is not yet trained and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK, help="features, models and results of every cell")
    parser.add_argument("--task", choices=TASKS, action="append")
    parser.add_argument("--head", choices=HEADS, action="append")
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    arguments = parser.parse_args()
    rows = []
    for task in arguments.task or TASKS:
        rows.append(svm_row(task, arguments.data))
        for head in arguments.head or HEADS:
            seeds = tuple(arguments.seed or SEEDS)
            row = run(task, {"model": {"head": head}}, seeds, arguments.data, arguments.work)
            rows.append({**row, "model": "CNN" if head == NONE else f"CNN + {head}"})
    record("causes_learn", {"tasks": TASKS, "rows": rows}, table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| task | model | folds x seeds | macro-F1, 95 % interval over folds | chance, 95 % point | ECE | after T | "
        "if exact, 95 % point | after T, one seed alone | head parameters | fewer than LSTM | M multiply-adds | "
        "trained, min |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lstm = {row["task"]: row["cost"]["head_parameters"] for row in rows if row["model"] == f"CNN + {LSTM}"}
    for row in rows:
        score = row["macro_f1"]
        start = f"| {row['task']} | {row['model']} | {len(row['folds'])} x {len(row.get('seeds', [0]))} | "
        start += f"{with_interval(score['mean'], score['low'], score['high'])} | {score['null_95']:.3f} | "
        lines.append(start + (costs(row, lstm.get(row["task"])) if "cost" in row else " |  |  |  |  |  |  |  |"))
    verdicts = [verdict(task, [row for row in rows if row["task"] == task]) for task in TASKS]
    return "\n".join([*lines, "", *filter(None, verdicts)])


def verdict(task: str, rows: list[dict[str, Any]]) -> str:
    """How the LMU stands to the best head, the best head to the SVM, and who is calibrated; of a whole table alone."""
    svm = [row for row in rows if "cost" not in row]
    heads = {row["model"]: row for row in rows if "cost" in row}
    lmu, lstm = heads.get(f"CNN + {PARALLEL_LMU}"), heads.get(f"CNN + {LSTM}")
    if not (svm and lmu and lstm):
        return ""
    best = max(heads.values(), key=lambda row: row["macro_f1"]["mean"])
    score, own = best["macro_f1"], lmu["macro_f1"]["mean"]
    fewer = 100 * (1 - lmu["cost"]["head_parameters"] / lstm["cost"]["head_parameters"])
    gained = 100 * (score["mean"] - svm[0]["macro_f1"]["mean"])
    calibrated = [name for name, row in heads.items() if row["ece"]["after"] <= ECE_BAR]
    alone = [name for name, row in heads.items() if row["ece"]["each_after"][0] <= ECE_BAR]
    return (
        f"{task}: best is {best['model']}, {gained:+.1f} points beside the SVM; the LMU, {own:.3f}, is "
        f"{'within' if own >= score['low'] else 'below'} its interval with {fewer:.1f} % fewer parameters than the "
        f"LSTM. ECE after temperature at most {ECE_BAR}, all seeds' answers together: "
        f"{', '.join(calibrated) or 'none'}; in the mean of one seed alone: {', '.join(alone) or 'none'}.\n"
    )


def costs(row: dict[str, Any], lstm_parameters: int | None) -> str:
    """The right half of a row."""
    ece = " | ".join(f"{row['ece'][key]:.3f}" for key in ("before", "after", "exact_95"))
    ece += f" | {with_interval(*row['ece']['each_after'])}"
    parameters = row["cost"]["head_parameters"]
    fewer = f"{100 * (1 - parameters / lstm_parameters):.1f} %" if lstm_parameters else ""
    millions = sum(row["cost"]["multiply_adds"].values()) / 1e6
    return f"{ece} | {parameters} | {fewer} | {millions:.1f} | {row['seconds'] / 60:.0f} |"


if __name__ == "__main__":
    main()
