"""The command: see the package."""

from __future__ import annotations

import argparse
import os
import re
import sys

import benchmarks.device.faults as package
from benchmarks.device.faults import keeping, microphone, models, passing, service, telling
from benchmarks.device.faults.nursery import Nursery, Row
from benchmarks.lib.record import record
from tests.edge.virtual_microphone import what_is_not_installed

ROOMS = {room.__name__.rsplit(".", 1)[1]: room for room in (microphone, keeping, telling, passing, models, service)}


def table(rows: list[Row]) -> str:
    """For a person."""
    lines = [
        "| what was done | times | hears again after, s | alert after, s | what it said first |",
        "|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(row.kind for row in rows):
        lines.append(f"| **{kind}** | | | | |")
        for row in (row for row in rows if row.kind == kind):
            figures = (f"{figure:.1f}" if figure is not None else "-" for figure in (row.heard_again_s, row.alert_s))
            lines.append("| {} | {} | {} | {} | {} |".format(row.done, row.times, *figures, row.said.replace("|", "/")))
    alerts_s = [row.alert_s for row in rows if row.alert_s is not None]
    lines += [
        "",
        "Hears again: from the fault's end, from when it was told, or from the start, until the next frame; the "
        "longest of several times. Alert: of the faint cry that was played then (of a bad microphone: through it), "
        f"from its first sound; {len(alerts_s)} of {len(alerts_s) + missed(rows)} cries raised theirs, the slowest "
        f"after {max(alerts_s, default=0.0):.1f} s. -: the monitor ended, as it should.",
    ]
    return "\n".join(lines)


def missed(rows: list[Row]) -> int:
    """How many cries that were played raised no alert."""
    return sum(row.heard_again_s is not None and row.alert_s is None for row in rows)


def main() -> None:
    """Try each fault, and record; exits 1 when a cry was missed."""
    parser = argparse.ArgumentParser(description=package.__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=ROOMS, help="only these; may be repeated; not recorded")
    arguments = parser.parse_args()
    missing = what_is_not_installed()
    if missing:
        sys.exit(f"no virtual microphone: {missing}")
    rows = []
    for name in arguments.only or ROOMS:
        with Nursery() as nursery:
            for row in ROOMS[name].rows(nursery):
                rows.append(row._replace(said=re.sub(rf"{re.escape(str(nursery.folder))}/\w+/", "", row.said)))
                print(rows[-1], flush=True)
    if arguments.only:
        print(table(rows))
    else:
        record("faults", {"rows": [row._asdict() for row in rows], "load_average": os.getloadavg()[0]}, table(rows))
    sys.exit(missed(rows) > 0)


if __name__ == "__main__":
    main()
