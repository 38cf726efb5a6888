"""Homes that teach the fusion of detector and verifier together, on real sounds: what it is worth to them.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.federation_fusion --data DIR

About ten minutes on one core, most of it for both networks' answers, which are kept; what a seed costs is printed after
the first, and interrupted it goes on with the next one. Sounds of four corpora that raise a detector's suspicion which
never heard them, marked by what they are, and dealt to 12 homes by whole groups (a child, a speaker, a recording),
labels unevenly (Dirichlet 0.3). Of each seed every fold of the corpora is held out in turn and judges; a seed's figure
is the mean over folds. Everyone begins with the fusion that ships, which was fitted on all of these sounds, those that
judge among them: a federation that gains on it does so against the odds.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import record
from benchmarks.studies.federation_arms import CENTRAL, LOCAL_ONLY
from benchmarks.studies.federation_fusion_table import ARMS, SCORES, SHIPPED, table
from benchmarks.studies.federation_ways import alone, by_seed, in_one_place, together
from training.data.corpora import FOLDS
from training.federated.optimisation import LocalSteps
from training.federated.partition import Partition
from training.federated.plan import Plan
from training.verifier.federated import Episodes, FusionLearner, FusionSettings, FusionTask, corpus_heard, corpus_task

WORK = Path("results/federation_fusion")
SEEDS = 5
ROUNDS, EVERY = 20, 2
PARTITION = Partition(homes=12, alpha=0.3)
LOCAL = LocalSteps(steps=10, rate=0.2, clip_norm=1.0, proximal=0.01)
PLAN = Plan(LOCAL, rounds=ROUNDS, homes_per_round=8, batch_size=16, masking=False)
Found = dict[str, dict[str, float]]  # arm -> score -> value


def arms_of(task: FusionTask, seed: int) -> Found:
    """What each way of learning reaches in the end."""
    ends = {SHIPPED: task.evaluate(task.start)}
    for arm, changes in ARMS.items():
        plan = dataclasses.replace(PLAN, local=dataclasses.replace(LOCAL, **changes), seed=seed)
        ends[arm] = last(together(task, task.learners, plan, EVERY))
    plan = dataclasses.replace(PLAN, seed=seed)
    ends[CENTRAL] = last(in_one_place(task, FusionLearner(joined(task), task.identity, 1), plan, EVERY))
    ends[LOCAL_ONLY] = last(alone(task, task.learners, plan))
    return ends


def last(run: dict[str, Any]) -> dict[str, float]:
    """The scores in the end."""
    return {name: run["curve"][-1][name] for name in SCORES}


def joined(task: FusionTask) -> Episodes:
    """The sounds of all homes."""
    homes = list(task.homes.values())
    begins = np.cumsum([0, *(len(own.is_cry) for own in homes)])
    owners = [own.owner + begin for own, begin in zip(homes, begins, strict=False)]
    rows, is_cry = (np.concatenate([getattr(own, name) for own in homes]) for name in ("rows", "is_cry"))
    return Episodes(rows, np.concatenate(owners), is_cry)


def run_seed(clips: list[Any], heard: list[Any], seed: int) -> dict[str, Any]:
    """{"seed", "folds": {fold: Found}, "homes": [[sounds, cries], ...]} of a seed."""
    folds, homes = {}, []
    for fold in FOLDS:
        task = corpus_task(clips, heard, fold, PARTITION, dataclasses.replace(PLAN, seed=seed))
        folds[str(fold)] = arms_of(task, seed)
        homes += [[len(own.is_cry), int(own.is_cry.sum())] for own in task.homes.values()]
    return {"seed": seed, "folds": folds, "homes": homes}


def main() -> None:
    """Run what is not yet done, and record it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    clips, heard = corpus_heard(FusionSettings(), arguments.data, arguments.work / "heard")
    found = by_seed(arguments.work / "runs", arguments.seeds, lambda seed: run_seed(clips, heard, seed))
    cries = sum(clip.detector_label == "cry" for clip in clips)
    figures = {"rounds": ROUNDS, "sounds": len(clips), "cries": cries, "runs": found}
    record("federation_fusion", figures, table(found, len(clips), cries, ROUNDS, PLAN.homes_per_round))


if __name__ == "__main__":
    main()
