"""What each way of adaptation is worth: sounds, digits, causes; in a room, in a narrow band, over noise, on a phone.

    python -m benchmarks.studies.adaptation --data DIR

Every method learns on the same clips and is judged on the same unheard groups, in the source and in the target. Prints
its cost first and records each seed; what is recorded under the same settings is not run again. `--seed 0 ... --seed 4
--epochs 20 --per-label 20` is the larger study. Labels of donateacry cannot be learnt from sound: its two rows show
whether a method harms, not whether it helps.
"""

from __future__ import annotations

import argparse
import functools
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.lib.record import add_row, record, recorded, rows_under, without_seed
from benchmarks.lib.statistics import in_points
from training.adaptation.domains import Domains, of_platforms, shifted
from training.adaptation.experiment import AFTERWARDS, RESULT, SOURCE, TARGET, adapt
from training.adaptation.methods import find_method
from training.adaptation.stage import Settings
from training.data.effects import VARIANTS
from training.data.selection import DataConfig, choose_clips
from training.runs.stage import Effort, compiled

WORK = Path("results/adaptation")
METHODS = ("source_only", "hafn", "safn", "entropy", "dann", "adabn", "target_noise")
SOUNDS = ("crying_baby", "dog", "siren", "snoring")
CAUSES = ("discomfort", "hungry", "tired")
TASKS = {
    "four sounds in a narrow-band room": ("sounds", "narrow_room"),
    "four sounds in a room": ("sounds", "room"),
    "four sounds by telephone": ("sounds", "telephone"),
    "four sounds over noise, 0 dB": ("sounds", "noise_0_db"),
    "digits in a narrow-band room": ("fsdd", "narrow_room"),
    "causes, android to ios": ("android", "ios"),
    "causes, ios to android": ("ios", "android"),
}


def main() -> None:
    """Learn what is not yet learnt and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--task", choices=TASKS, action="append", help="default: all")
    parser.add_argument("--seed", type=int, action="append", help="default: 0 to 4")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--per-label", type=int, default=6, help="clips of each group and label")
    arguments = parser.parse_args()
    seeds, tasks = arguments.seed or list(range(5)), arguments.task or list(TASKS)
    settings = Settings(epochs=arguments.epochs, frames_per_epoch=512)
    shared = {**without_seed(settings), "per_label": arguments.per_label}
    rows = rows_under(shared, recorded("adaptation"))
    first = load(tasks[0], arguments.data, arguments.per_label, seeds[0])
    print(cost(first, settings, len(tasks) * len(seeds) * len(METHODS)), flush=True)
    for seed in seeds:
        for task in tasks:
            folder = arguments.work / f"{task.replace(' ', '-')}-{arguments.per_label}-{arguments.epochs}"
            learn(task, arguments, replace(settings, seed=seed), folder, rows)
        figures = {"settings": shared, "rows": rows}
        record("adaptation", figures, table(rows, shared))


def learn(
    task: str, arguments: argparse.Namespace, settings: Settings, folder: Path, rows: list[dict[str, Any]]
) -> None:
    """Add what each method comes to with one seed; recordings are read only where something is left to learn."""
    domains = functools.cache(lambda: load(task, arguments.data, arguments.per_label, settings.seed))
    for method in METHODS:

        def run(method: str = method) -> dict[str, Any]:
            found = adapt(domains(), method, settings, folder / f"{method}-seed{settings.seed}")
            print(f"{task}, {method}, seed {settings.seed}: {found[TARGET]['macro_f1']:.3f}", flush=True)
            return {domain: found[domain] for domain in (SOURCE, AFTERWARDS, TARGET)}

        add_row(rows, {"task": task, "method": method, "seed": settings.seed}, run)


def load(task: str, data: Path, per_label: int, seed: int) -> Domains:
    """A task's domains."""
    source, target = TASKS[task]
    if target in VARIANTS:
        config = DataConfig(("fsdd",), "group", clips_per_group_and_label=per_label)
        if source == "sounds":
            config = DataConfig(("esc50",), "group", SOUNDS)
        return shifted(choose_clips(data, config), target, seed)
    config = DataConfig(("donateacry",), "group", CAUSES, clips_per_group_and_label=2)
    return of_platforms(choose_clips(data, config), source, target, seed)


def cost(domains: Domains, settings: Settings, n: int) -> str:
    """What all of it takes, by one batch."""
    stage = find_method("source_only")(domains, settings)
    model = compiled(stage, Effort(1, 1, 1e-3, 0.0, settings.batch_size // 2, (0,)))
    rng = np.random.default_rng(0)
    batch = stage.batch(stage.clips(rng)[: settings.batch_size // 2], rng)
    model.train_on_batch(*batch)
    started = time.perf_counter()
    model.train_on_batch(*batch)
    seconds = (time.perf_counter() - started) * settings.epochs * settings.frames_per_epoch / settings.batch_size * n
    keras.backend.clear_session()
    return f"about {seconds / 60:.0f} minutes on this core, less what is done already ({RESULT})"


def table(rows: list[dict[str, Any]], settings: dict[str, Any]) -> str:
    """The rows as Markdown, each method beside the source alone with the same seed and groups."""
    lines = [
        f"{settings['epochs']} epochs of {settings['frames_per_epoch']} frames. Gains are points of macro-F1 beside "
        "the source alone, paired by seed, with the 95 % interval over seeds.",
        "",
        "| task | seeds | method | source macro-F1 | target macro-F1 | gain in the source | with the target's moments "
        "| gain in the target |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task in (name for name in TASKS if any(row["task"] == name for row in rows)):
        own = [row for row in rows if row["task"] == task]
        base = of_method(own, "source_only")
        for method in METHODS:
            found = of_method(own, method)
            scores = [f"{np.mean(found[domain]):.3f}" for domain in (SOURCE, TARGET)]
            gains = [
                in_points([a - b for a, b in zip(found[domain], base[domain], strict=True)])
                for domain in (SOURCE, AFTERWARDS, TARGET)
            ]
            lines.append(f"| {task} | {len(base[TARGET])} | {method} | {' | '.join(scores)} | {' | '.join(gains)} |")
    return "\n".join(lines)


def of_method(rows: list[dict[str, Any]], method: str) -> dict[str, list[float]]:
    """Macro-F1 by domain of every seed of a method."""
    own = sorted((row for row in rows if row["method"] == method), key=lambda row: row["seed"])
    return {domain: [row[domain]["macro_f1"] for row in own] for domain in (SOURCE, AFTERWARDS, TARGET)}


if __name__ == "__main__":
    main()
