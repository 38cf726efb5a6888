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
SLOWED = ("crying/detector", "listening/log_mel", "crying/denoiser")


def run() -> dict[str, Any]:
    """One result of edge-bench."""
    done = subprocess.run([sys.executable, "-m", "edge.bench.command", "--json"], capture_output=True, text=True)
    return json.loads(done.stdout)


def slowed(result: dict[str, Any], stage: str, factor: float) -> dict[str, Any]:
    """The result as it would be with one stage slower."""
    result = copy.deepcopy(result)
    for one in result["per_round"]:
        if stage in one["p10_ms"]:
            one["p10_ms"][stage] *= factor
    return result


def regressions(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The stages that are called slower."""
    return {change.stage for change in compare(before, after) if change.is_regression}


def found_share(pairs: list[tuple[dict, dict]], stage: str, factor: float) -> float:
    """The share of pairs in which a stage that was made slower is called so."""
    return sum(stage in regressions(before, slowed(after, stage, factor)) for before, after in pairs) / len(pairs)


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=6)
    results = [run() for _ in range(parser.parse_args().runs)]
    pairs = list(itertools.permutations(results, 2))
    false = [regressions(before, after) for before, after in pairs]
    ratios = [change.ratio for before, after in pairs for change in compare(before, after)]
    figures = {
        "runs": len(results),
        "pairs": len(pairs),
        "disturbed": [result["disturbed"] for result in results],
        "found": {stage: {str(factor): found_share(pairs, stage, factor) for factor in FACTORS} for stage in SLOWED},
        "false_comparisons": sum(map(bool, false)),
        "false_stages": sum(map(len, false)),
        "stage_comparisons": len(ratios),
        "largest_ratio": max(ratios),
    }
    record("bench_noise", figures, "\n".join(table(figures)))


def table(figures: dict[str, Any]) -> list[str]:
    """The figures as lines."""
    disturbed = sum(map(bool, figures["disturbed"]))
    lines = [
        f"{figures['runs']} runs of the same code, {figures['pairs']} ordered pairs; "
        f"{disturbed} of the runs were disturbed.",
        "",
        f"Pairs with a stage called slower: {figures['false_comparisons']} of {figures['pairs']} "
        f"({figures['false_stages']} of {figures['stage_comparisons']} stages; "
        f"the largest ratio was {figures['largest_ratio']:.2f}).",
        "",
        "| made slower, found in | " + " | ".join(f"{factor:g} times" for factor in FACTORS) + " |",
        "|---" * (len(FACTORS) + 1) + "|",
    ]
    for stage, shares in figures["found"].items():
        lines.append(f"| {stage} | " + " | ".join(f"{share:.0%} of pairs" for share in shares.values()) + " |")
    return lines


if __name__ == "__main__":
    main()
