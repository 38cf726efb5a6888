"""How often `edge-bench --baseline` cries wolf, and which slowdown it finds.

    python -m benchmarks.device.bench_noise [--runs N]

The same code is run N times, each in a process of its own, and every pair of runs is compared: a regression is a false
one. Then one stage of the later run is made slower by a factor: a regression is a true one.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import subprocess
import sys
from typing import Any

from benchmarks.lib.record import record
from edge.bench.baseline import compare

FACTORS = (1.1, 1.25, 1.5, 2.0)
SLOWED = "crying/detector"


def run() -> dict[str, Any]:
    """One result of edge-bench."""
    done = subprocess.run([sys.executable, "-m", "edge.bench.command", "--json"], capture_output=True, text=True)
    return json.loads(done.stdout)


def slowed(result: dict[str, Any], factor: float) -> dict[str, Any]:
    """The result as it would be with one stage slower."""
    result = copy.deepcopy(result)
    for one in result["per_round"]:
        if SLOWED in one["p50_ms"]:
            one["p50_ms"][SLOWED] *= factor
    return result


def regressions(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The stages that are called slower."""
    return {change.stage for change in compare(before, after) if change.is_regression}


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    results = [run() for _ in range(parser.parse_args().runs)]
    pairs = list(itertools.permutations(results, 2))
    false = [regressions(before, after) for before, after in pairs]
    ratios = [c.ratio for before, after in pairs for c in compare(before, after)]
    found = {
        factor: sum(SLOWED in regressions(before, slowed(after, factor)) for before, after in pairs) / len(pairs)
        for factor in FACTORS
    }
    disturbed = sum(bool(result["disturbed"]) for result in results)
    figures = {
        "runs": len(results),
        "pairs": len(pairs),
        "disturbed_runs": disturbed,
        "found": found,
        "false_comparisons": sum(map(bool, false)),
        "false_stages": sum(map(len, false)),
        "stage_comparisons": len(ratios),
        "largest_ratio": max(ratios),
    }
    lines = [
        f"{len(results)} runs of the same code, {len(pairs)} ordered pairs; {disturbed} of the runs were disturbed.",
        "",
        f"- pairs with a stage called slower: {figures['false_comparisons']} of {len(pairs)} "
        f"({figures['false_stages']} of {len(ratios)} stages; the largest ratio was {max(ratios):.2f})",
        *(f"- {SLOWED} made {factor:g} times slower: found in {share:.0%} of pairs" for factor, share in found.items()),
    ]
    record("bench_noise", figures, "\n".join(lines))


if __name__ == "__main__":
    main()
