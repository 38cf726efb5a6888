"""Is this run slower than an earlier one by more than chance?

Two runs are never on the same machine twice: its clock, its caches and its other work change. So nothing is compared
by one number:

- every stage of every path has one median per round, and the rounds of quiet and crying audio take turns, so that
  whatever disturbs the machine disturbs all stages;
- each median is divided by the time of a fixed piece of work right before its round (the yardstick), which takes out
  what slows everything down;
- the two runs' medians of rounds must differ by more than NOISE_DEVIATIONS times their combined deviation (from the
  median absolute deviation of the rounds), by more than SAME_CODE, which is what two runs of the same code have been
  seen to differ by (memory lies differently in each process; SAME_CODE_DISTURBED when something else ran), and by more
  than LEAST_MS.

benchmarks/device/bench_noise.py measures how often that cries wolf on the same code, and which slowdown it finds.
"""

import math
from typing import List, NamedTuple

from edge.bundle.fields import Fields
from edge.errors import UserError
from edge.timings import percentile
from edge.untrusted import read_json

NOISE_DEVIATIONS = 4.0
SAME_CODE = 0.25
SAME_CODE_DISTURBED = 1.0  # when one of the runs says that it was disturbed
LEAST_MS = 0.005
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
FEWEST_ROUNDS = 3
MAX_BASELINE_BYTES = 16 << 20  # a long run of many rounds has some MB


class Change(NamedTuple):
    """One stage of one path in both runs."""

    stage: str  # "crying/detector"
    before_ms: float  # median of the rounds' medians
    after_ms: float  # as it would have been at the earlier run's yardstick
    ratio: float
    noise: float  # what the ratio may differ from 1 by chance
    is_regression: bool


def read_baseline(path):
    """The object of an earlier --json. Raises UserError when it is none."""
    advice = "write one with `edge-bench --json > FILE`"
    try:
        document = read_json(path, MAX_BASELINE_BYTES, advice=advice)
        fields = Fields(document, path, advice=advice)
        rounds = fields.objects("per_round")
        if len(rounds) < FEWEST_ROUNDS:
            raise UserError("{}: per_round has too few rounds, {}: {}".format(path, len(rounds), advice))
        for one in rounds:
            one.positive("yardstick_ms")
            stages = one.object("p50_ms")
            for stage in stages.content:
                stages.number(stage, 0.0)
        if "board" in fields.content:
            fields.mapping("board")
    except UserError as error:
        raise UserError("--baseline is no result of edge-bench --json: {}".format(error)) from error
    return document


def compare(before, after) -> List[Change]:
    """Every stage that both results have; the worst first."""
    earlier, later = in_yardsticks(before), in_yardsticks(after)
    yardstick_ms = median([one["yardstick_ms"] for one in before["per_round"]])
    is_disturbed = before.get("disturbed") or after.get("disturbed")
    least_noise = SAME_CODE_DISTURBED if is_disturbed else SAME_CODE
    changes = [
        change(stage, earlier[stage], later[stage], yardstick_ms, least_noise) for stage in earlier if stage in later
    ]
    return sorted(changes, key=lambda one: one.ratio - one.noise, reverse=True)


def change(stage, before, after, yardstick_ms, least_noise):
    """The Change of one stage; before, after: its medians by round, in yardsticks."""
    old, new = median(before), median(after)
    deviation = math.hypot(deviation_of_median(before) / old, deviation_of_median(after) / new)
    noise = max(least_noise, NOISE_DEVIATIONS * deviation)
    slower_ms = (new - old) * yardstick_ms
    return Change(
        stage,
        old * yardstick_ms,
        new * yardstick_ms,
        new / old,
        noise,
        new / old > 1.0 + noise and slower_ms > LEAST_MS,
    )


def in_yardsticks(result):
    """{stage: [median of each round that has it, over the round's yardstick]}."""
    found = {}
    for one in result["per_round"]:
        for stage, p50_ms in one["p50_ms"].items():
            found.setdefault(stage, []).append(p50_ms / one["yardstick_ms"])
    return {stage: values for stage, values in found.items() if len(values) >= FEWEST_ROUNDS and min(values) > 0}


def median(values):
    """Of a list that is not empty."""
    return percentile(sorted(values), 50)


def deviation_of_median(values):
    """Standard deviation of the median of these rounds, from their median absolute deviation."""
    centre = median(values)
    deviation = MAD_TO_DEVIATION * median([abs(value - centre) for value in values])
    return 1.2533 * deviation / math.sqrt(len(values))


def differences(before, after):
    """What else differs between two results, in words: a comparison across it says little."""
    found = []
    for name in ("engine", "bundle_sha256", "threads", "input", "audio_s"):
        if before.get(name) != after.get(name):
            found.append("{} {} -> {}".format(name, before.get(name), after.get(name)))
    for name in ("cpu", "governor", "power_mode"):
        old, new = before.get("board", {}).get(name), after["board"].get(name)
        if old != new:
            found.append("{} {} -> {}".format(name, old, new))
    return found
