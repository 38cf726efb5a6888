"""Homes that learn together, on real sounds: who needs how many rounds and bytes, and what each part is worth.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.federation --data DIR

About a quarter of an hour on one core; what a run costs is printed first, and interrupted it goes on with the next.
The task: ten human sounds of ESC-50 (fold 1 judges), dealt to 12 homes by whole Freesound sources, Dirichlet 0.3;
adapters and head of the `tiny` Transformer, whose backbone learnt thirty other sounds. Within a seed every arm has
the same homes, draws and first values. Curves are of updates in the clear: tests show that masking changes no bit of
the model. Bytes are those of real messages of masked rounds at full size, 1,867,776 adapter parameters.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import record
from benchmarks.studies.causes_tasks import HUMAN_SOUNDS
from benchmarks.studies.federation_bytes import full_size_bytes
from benchmarks.studies.federation_table import BASE as BASE_ARM
from benchmarks.studies.federation_table import table
from benchmarks.studies.federation_ways import alone, in_one_place, together
from training.data.corpora import read_corpora
from training.federated.optimisation import LocalSteps
from training.federated.partition import Partition
from training.federated.plan import Plan, Privacy

WORK = Path("results/federation")
SEEDS, FEWER_SEEDS = 5, 1
ROUNDS, EVERY = 24, 2
ANIMALS = ("cat", "chirping_birds", "cow", "crow", "dog", "frog", "hen", "pig", "rooster", "sheep")
PARTITION = Partition(homes=12, alpha=0.3)
LOCAL = LocalSteps(steps=10, rate=0.3, clip_norm=1.0, proximal=0.1)
BASE = Plan(LOCAL, rounds=ROUNDS, homes_per_round=8, batch_size=16, masking=False)
NO_CONTROL = {"control_variates": False}
ARMS: dict[str, dict[str, Any]] = {
    "FedAvg": {"local": {**NO_CONTROL, "proximal": 0.0}},
    "FedProx": {"local": NO_CONTROL},
    "SCAFFOLD": {"local": {"proximal": 0.0}},
    BASE_ARM: {},
}
LOCAL_ONLY, CENTRAL = "local only", "central"
BITS: dict[str, dict[str, Any]] = {"32 bits": {"bits": 32}, "4 bits": {"bits": 4}}
CHANGES: dict[str, dict[str, Any]] = {
    "6 bits": {"bits": 6},
    "5 local steps": {"local": {"steps": 5}},
    "20 local steps": {"local": {"steps": 20}},
    "4 homes a round": {"homes_per_round": 4},
    "12 homes a round": {"homes_per_round": 12},
    "rank 8": {"rank": 8},
    "one home's labels flipped": {"flipped": 1},
    "one home's labels flipped, median without control variates": {
        "flipped": 1,
        "aggregate": "median",
        "local": NO_CONTROL,
    },
    "noise 0.3 of the longest update": {"privacy": Privacy(0.3, 1.0)},
    "noise 1 of the longest update": {"privacy": Privacy(1.0, 1.0)},
}
CLEAN, NOISY, DENOISED = "clean", "noisy", "denoised"
TEACHING = {"kind": "classifier", "epochs": 15, "patience": 15, "learning_rate": 3e-3}
PUBLIC = {
    "name": "public",
    "data": {"corpora": ["esc50"], "folds": "eval_fold", "only_folds": ["1"], "mixed_groups": True},
    "augment": {"noisy_share": 0.0},
    "model": {"preset": "tiny", "denoised": False},
    "fit": {"frames_per_epoch": 2048, "stages": [TEACHING]},
}
NOISE = {"augment": {"noisy_share": 0.8, "snr_db": [0.0, 20.0]}, "noise": {"corpora": ["esc50"], "labels": ANIMALS}}
DENOISING = [{**TEACHING, "kind": "denoiser", "epochs": 8, "patience": 8}, {**TEACHING, "kind": "joint"}]
BACKBONES: dict[str, dict[str, Any]] = {
    CLEAN: PUBLIC,
    NOISY: {**PUBLIC, **NOISE},
    DENOISED: {
        **PUBLIC,
        **NOISE,
        "model": {"preset": "tiny", "denoised": True},
        "fit": {"frames_per_epoch": 2048, "stages": DENOISING},
    },
}
Runs = list[tuple[str, int, dict[str, Any]]]  # arm, seed, changes


def backbone(data: Path, work: Path, kind: str) -> Path:
    """The folder of a Transformer that has learnt ESC-50's other sounds; over animals, where it learnt over noise."""
    from training.transformer.config import experiment_of
    from training.transformer.experiment import run_experiment

    labels = {clip.label for clip in read_corpora(data) if clip.corpus == "esc50"}
    others = sorted(labels - set(HUMAN_SOUNDS) - set(ANIMALS))
    public = {**BACKBONES[kind], "data": {**PUBLIC["data"], "labels": others}}
    out = work / ("public" if kind == CLEAN else f"public-{kind}")
    run_experiment(experiment_of(public, "the backbone"), data, out, work / "frames")
    return out / "folds" / "1-seed0"


def make_task(data: Path, work: Path, seed: int, rank: int, kind: str) -> Any:
    """The homes of a seed."""
    from training.transformer.federated import make_task as adapters

    settings = {
        "backbone": str(backbone(data, work, kind)),
        "data": {"corpora": ["esc50"], "folds": "eval_fold", "only_folds": ["1"], "labels": list(HUMAN_SOUNDS)},
        "rank": rank,
        "seed": seed,
    }
    return adapters(settings, PARTITION, dataclasses.replace(BASE, seed=seed), data, work / "frames")


def plan_of(changes: dict[str, Any], seed: int) -> Plan:
    """The base plan with an arm's changes."""
    own = {name: value for name, value in changes.items() if name not in ("local", "rank", "flipped", "backbone")}
    return dataclasses.replace(BASE, local=dataclasses.replace(LOCAL, **changes.get("local", {})), seed=seed, **own)


def run(task: Any, arm: str, changes: dict[str, Any], seed: int) -> dict[str, Any]:
    """One arm with one seed: its curve."""
    plan, learners = plan_of(changes, seed), task.learners
    if arm == LOCAL_ONLY:
        return alone(task, learners, plan)
    if arm == CENTRAL:
        return in_one_place(task, task.learner(np.concatenate(list(task.parts.values()))), plan, EVERY)
    for name in sorted(learners)[: changes.get("flipped", 0)]:
        learners[name].truth = (len(HUMAN_SOUNDS) - 1 - learners[name].truth).astype(np.int32)
    return together(task, learners, plan, EVERY)


def runs(seeds: int, fewer: int) -> Runs:
    """What matters most first."""
    main = [*ARMS.items(), (CENTRAL, {}), (LOCAL_ONLY, {})]
    first = [(arm, seed, changes) for seed in range(seeds) for arm, changes in main]
    first += [(arm, seed, changes) for seed in range(seeds) for arm, changes in BITS.items()]
    return first + [(arm, seed, changes) for seed in range(fewer) for arm, changes in CHANGES.items()]


def run_all(data: Path, work: Path, todo: Runs) -> dict[str, list[dict[str, Any]]]:
    """Curves by arm; each run is kept when done."""
    folder, tasks, found, took = work / "runs", {}, {}, []  # type: dict, dict, dict, list
    folder.mkdir(parents=True, exist_ok=True)
    for number, (arm, seed, changes) in enumerate(todo, start=1):
        file = folder / f"{re.sub('[^a-zA-Z0-9]+', '_', arm)}-seed{seed}.json"
        if not file.is_file():
            key = seed, changes.get("rank", 0), changes.get("backbone", CLEAN)
            if key not in tasks:
                tasks[key] = make_task(data, work, *key)
            started = time.process_time()
            result = run(tasks[key], arm, changes, seed)
            took.append(time.process_time() - started)
            file.write_text(json.dumps({**result, "cpu_s": took[-1]}))
            if len(took) == 1:
                print(f"a run takes {took[0]:.0f} s of a core; {len(todo)} runs: {took[0] * len(todo) / 60:.0f} min")
            print(
                f"{number}/{len(todo)}  {arm}, seed {seed}: macro-F1 {result['curve'][-1]['macro_f1']:.3f}", flush=True
            )
        found.setdefault(arm, []).append(json.loads(file.read_text()))
    return found


def main() -> None:
    """Run what is not yet done, and record it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of the arms that are compared")
    parser.add_argument("--fewer-seeds", type=int, default=FEWER_SEEDS, help="of what is changed one at a time")
    arguments = parser.parse_args()
    curves = run_all(arguments.data, arguments.work, runs(arguments.seeds, arguments.fewer_seeds))
    sizes = full_size_bytes()
    figures = {"rounds": ROUNDS, "bytes": sizes, "curves": curves}
    record("federation", figures, table(curves, sizes, tuple(ARMS)))


if __name__ == "__main__":
    main()
