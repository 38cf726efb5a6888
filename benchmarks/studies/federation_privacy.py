"""What it costs homes that teach the fusion to hide each of them in noise: few homes, and more with less each.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.federation_privacy --data DIR

About twenty minutes on one core, a few of them for both networks' answers, which are kept; what a seed costs is
printed after the first, and interrupted it goes on with the next one. Sounds, folds and start are those of
benchmarks.studies.federation_fusion, which may share --heard with it: five numbers are taught, against the thousands of
an adapter. All homes are in every round, under masks; FedAvg, for noise in control variates would be paid for twice.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.lib.record import record
from benchmarks.studies.federation_privacy_table import ARMS, ROUNDS, SHIPPED, UPDATE_NORM, Found, table
from benchmarks.studies.federation_ways import by_seed, together
from training.data.corpora import FOLDS
from training.federated.optimisation import LocalSteps
from training.federated.partition import Partition
from training.federated.plan import Plan, Privacy
from training.verifier.federated import FusionSettings, corpus_heard, corpus_task

WORK, HEARD = Path("results/federation_privacy"), Path("results/federation_fusion/heard")
SEEDS = 5
LOCAL = LocalSteps(steps=10, rate=0.2, clip_norm=1.0, proximal=0.0, control_variates=False)


def run_fold(clips: list[Any], heard: list[Any], fold: int, seed: int) -> Found:
    """What each arm reaches on the fold that judges."""
    found: Found = {}
    for (homes, noise), arm in ARMS.items():
        plan = Plan(
            LOCAL, rounds=ROUNDS, homes_per_round=homes, batch_size=16, seed=seed, privacy=Privacy(noise, UPDATE_NORM)
        )
        task = corpus_task(clips, heard, fold, Partition(homes, alpha=0.3, fewest_clips=1), plan)
        run = together(task, task.learners, plan, ROUNDS)
        found[SHIPPED] = {"macro_f1": task.evaluate(task.start)["macro_f1"]}
        found[arm] = {"macro_f1": run["curve"][-1]["macro_f1"], **({"epsilon": run["epsilon"]} if noise else {})}
    return found


def main() -> None:
    """Run what is not yet done, and record it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--heard", type=Path, default=HEARD, help="both networks' answers")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    clips, heard = corpus_heard(FusionSettings(), arguments.data, arguments.heard)

    def run(seed: int) -> dict[str, Found]:
        return {str(fold): run_fold(clips, heard, fold, seed) for fold in FOLDS}

    runs = by_seed(arguments.work, arguments.seeds, run)
    record("federation_privacy", {"rounds": ROUNDS, "update_norm": UPDATE_NORM, "runs": runs}, table(runs))


if __name__ == "__main__":
    main()
