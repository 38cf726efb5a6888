"""Homes that learn together: what a denoiser before the model and more local steps are worth, over several seeds.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.federation_changes --data DIR

About five minutes on one core; what a run costs is printed first, and interrupted it goes on with the next run. Task,
homes and base are those of benchmarks.studies.federation, of whose other changes any may be added. Two rows have a
backbone that learnt the same sounds over those of animals, 0 to 20 dB: one without a denoiser, and one behind one that
was taught beside it; both are frozen in homes, whose clips are as recorded.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import record
from benchmarks.studies.federation import BASE_ARM, CHANGES, DENOISED, NOISY, ROUNDS, Runs, run_all
from benchmarks.studies.federation_table import DENOISER, OVER_NOISE, change_rows, final, interval

WORK = Path("results/federation_changes")
SEEDS = 3
OWN: dict[str, dict[str, Any]] = {BASE_ARM: {}, OVER_NOISE: {"backbone": NOISY}, DENOISER: {"backbone": DENOISED}}
MORE_STEPS = "20 local steps"


def runs(seeds: int, more: list[str]) -> Runs:
    """A seed after another."""
    changes = {**OWN, **{arm: CHANGES[arm] for arm in more}}
    return [(arm, seed, own) for seed in range(seeds) for arm, own in changes.items()]


def table(curves: dict[str, list[dict[str, Any]]]) -> str:
    """As Markdown."""
    base = curves[BASE_ARM]
    lines = [
        f"{BASE_ARM}, 8 bits, 10 local steps, 8 of 12 homes a round, rank 4: macro-F1 "
        f"{interval([final(run) for run in base])} % after {ROUNDS} rounds. One thing changed at a time, paired by "
        f"{len(base)} seeds against it; the denoiser against the {OVER_NOISE}. 95 % intervals from three seeds on.",
        "",
    ]
    changed = {arm: found for arm, found in curves.items() if arm != BASE_ARM}
    return "\n".join(lines + change_rows(changed, base, {DENOISER: curves[OVER_NOISE]}))


def main() -> None:
    """Run what is not yet done, and record it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--more", nargs="*", choices=list(CHANGES), default=[MORE_STEPS], help="other changes")
    arguments = parser.parse_args()
    curves = run_all(arguments.data, arguments.work, runs(arguments.seeds, arguments.more))
    record("federation_changes", {"rounds": ROUNDS, "curves": curves}, table(curves))


if __name__ == "__main__":
    main()
