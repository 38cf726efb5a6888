"""Wrong inputs by the thousand: recordings, configuration, manifests, tables, databases, caches.

    python -m benchmarks.device.fuzz [--seconds 3600] [--seed 1] [--target NAME ...]
    python -m benchmarks.device.fuzz --seed 1 --case TARGET NUMBER

Nothing may crash, hang or end in an internal error. The second form tries one case again, with its stack trace.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.lib.fuzz.runner import Tally, fuzz
from benchmarks.lib.fuzz.targets import TARGETS
from benchmarks.lib.record import record

HEADER = "| what | cases | read | refused in one line | crashes | hangs | internal errors |"


def table(tallies: dict[str, Tally]) -> str:
    """One row a target, and their sum."""
    rows = [HEADER, "|" + "---|" * HEADER.count(" |")]
    total = Tally(
        cases=sum(tally.cases for tally in tallies.values()),
        read=sum(tally.read for tally in tallies.values()),
        refused=sum(tally.refused for tally in tallies.values()),
        crashes=[text for tally in tallies.values() for text in tally.crashes],
        hangs=[text for tally in tallies.values() for text in tally.hangs],
        internal_errors=[text for tally in tallies.values() for text in tally.internal_errors],
    )
    for name, tally in [*tallies.items(), ("all", total)]:
        faults = [len(tally.crashes), len(tally.hangs), len(tally.internal_errors)]
        rows.append("| " + " | ".join(map(str, [name, tally.cases, tally.read, tally.refused, *faults])) + " |")
    return "\n".join(rows)


def try_again(target: str, number: int, seed: int) -> None:
    """One case, in this process."""
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as folder:
        TARGETS[target](Path(kept))(random.Random(f"{seed} {target} {number}"), Path(folder) / "case")


def main() -> int:
    """Try and record; 1 when there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", action="append", choices=list(TARGETS))
    parser.add_argument("--case", nargs=2, metavar=("TARGET", "NUMBER"))
    arguments = parser.parse_args()
    if arguments.case:
        try_again(arguments.case[0], int(arguments.case[1]), arguments.seed)
        return 0
    tallies = fuzz(arguments.seconds, arguments.seed, arguments.target)
    faults = [text for tally in tallies.values() for text in tally.faults]
    if arguments.target:
        print(table(tallies))
    else:
        figures = {name: asdict(tally) for name, tally in tallies.items()}
        record("fuzz", {"seed": arguments.seed, "seconds": arguments.seconds, "targets": figures}, table(tallies))
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
