"""Homes that learn together, on real sounds: who needs how many rounds and bytes, and what each part is worth.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.federation --data DIR

About forty minutes on one core; what a run costs is printed first, and interrupted it goes on with the next.
The task: ten human sounds of ESC-50 (fold 1 judges), dealt to 12 homes by whole Freesound sources, Dirichlet 0.3;
adapters and head of the `tiny` Transformer, whose backbone learnt thirty other sounds. Within a seed every arm has
the same homes, draws and first values. Curves are of updates in the clear where nothing asks for masks: tests
show that masking changes no bit of the model. Bytes are those of real messages at full size, 1,867,776 adapter
parameters. Two rows have a backbone that learnt the same sounds over those of animals, 0 to 20 dB: one without a
denoiser, and one behind one that was taught beside it; both are frozen in homes, whose clips are as recorded.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import draw, record
from benchmarks.studies.causes_tasks import HUMAN_SOUNDS
from benchmarks.studies.federation_arms import (
    BITS,
    CENTRAL,
    CHANGED,
    CLEAN,
    DENOISED,
    EVERY,
    HOMES,
    LOCAL_ONLY,
    NOISY,
    PER_ROUND,
    RANK,
    ROUNDS,
    TRADED,
    UPDATE_NORM,
    WAYS,
)
from benchmarks.studies.federation_bytes import all_sizes
from benchmarks.studies.federation_picture import pictures
from benchmarks.studies.federation_table import table
from benchmarks.studies.federation_ways import alone, in_one_place, together
from benchmarks.studies.transformer_study import cell
from training.data.corpora import read_corpora
from training.federated.optimisation import LocalSteps
from training.federated.partition import Partition
from training.federated.plan import Plan, Privacy

WORK = Path("results/federation")
SEEDS = 5
ANIMALS = ("cat", "chirping_birds", "cow", "crow", "dog", "frog", "hen", "pig", "rooster", "sheep")
PARTITION = Partition(homes=HOMES, alpha=0.3)
LOCAL = LocalSteps(steps=10, rate=0.3, clip_norm=1.0, proximal=0.1)
BASE_PLAN = Plan(LOCAL, rounds=ROUNDS, homes_per_round=PER_ROUND, batch_size=16, bits=BITS, masking=False)
OF_TASK = ("local", "rank", "harm", "backbone", "privacy")  # what changes beside the plan's own values
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
    return adapters(settings, PARTITION, dataclasses.replace(BASE_PLAN, seed=seed), data, work / "frames")


def plan_of(changes: dict[str, Any], seed: int) -> Plan:
    """The base plan with an arm's changes."""
    own = {name: value for name, value in changes.items() if name not in OF_TASK}
    if "privacy" in changes:
        own["privacy"] = Privacy(update_norm=UPDATE_NORM, **changes["privacy"])
    local = dataclasses.replace(LOCAL, **changes.get("local", {}))
    return dataclasses.replace(BASE_PLAN, local=local, seed=seed, **own)


def run(task: Any, learners: dict[str, Any], arm: str, changes: dict[str, Any], seed: int) -> dict[str, Any]:
    """One arm with one seed: its curve."""
    plan = plan_of(changes, seed)
    if arm == LOCAL_ONLY:
        return alone(task, learners, plan)
    if arm == CENTRAL:
        return in_one_place(task, task.learner(np.concatenate(list(task.parts.values()))), plan, EVERY)
    harm = dict(changes.get("harm", {}))
    if harm.pop("flipped", False):
        first = copy.copy(learners[min(learners)])
        first.truth = (len(HUMAN_SOUNDS) - 1 - first.truth).astype(np.int32)
        learners = {**learners, min(learners): first}
    return together(task, learners, plan, EVERY, harm)


def runs(seeds: int) -> Runs:
    """What is compared seed by seed, then what is changed arm by arm."""
    main = {**WAYS, CENTRAL: {}, LOCAL_ONLY: {}, **TRADED}
    first = [(arm, seed, changes) for seed in range(seeds) for arm, changes in main.items()]
    others = {arm: changes for arm, changes in CHANGED.items() if arm not in main}
    return first + [(arm, seed, changes) for arm, changes in others.items() for seed in range(seeds)]


def run_all(data: Path, work: Path, todo: Runs) -> dict[str, list[dict[str, Any]]]:
    """Curves by arm; each run is kept when done."""
    folder, tasks, found, took = work / "runs", {}, {}, []  # type: dict, dict, dict, list
    folder.mkdir(parents=True, exist_ok=True)
    for number, (arm, seed, changes) in enumerate(todo, start=1):
        file = folder / f"{re.sub('[^a-zA-Z0-9]+', '_', arm)}-seed{seed}.json"
        if not file.is_file():
            key = seed, changes.get("rank", RANK), changes.get("backbone", CLEAN)
            if key not in tasks:
                task = make_task(data, work, *key)
                tasks[key] = task, task.learners
            started = time.process_time()
            result = run(*tasks[key], arm, changes, seed)
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
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    curves = run_all(arguments.data, arguments.work, runs(arguments.seeds))
    sizes = cell(arguments.work / "bytes.json", all_sizes)
    record("federation", {"rounds": ROUNDS, "sizes": sizes, "curves": curves}, table(curves, sizes))
    for name, picture in pictures(curves, sizes).items():
        draw(name, picture)


if __name__ == "__main__":
    main()
