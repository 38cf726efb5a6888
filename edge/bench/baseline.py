"""Is a stage slower than in an earlier run by more than chance?

Two runs are never on the same machine twice: its clock, its caches and its other work change. So nothing is compared
by one number:

- of every stage of every path, each round gives the 10th percentile of its durations: what other programs take of the
  processor makes some durations long, and leaves the short ones as they are;
- a stage is the median of its rounds, which are spread over the whole run;
- what slows all stages of a path alike is the machine, not a stage: a stage's ratio is divided by the median ratio of
  its path (a full cache slows the crying path more than the quiet one). So a version that is slower everywhere by the
  same factor is not found; that factor is shown, beside that of a fixed piece of work (the yardstick);
- sums of stages are not compared: what they hold differs from hop to hop, and what waits for a disk says nothing;
- a stage is slower when its ratio is above 1 by more than SAME_CODE, which is what two runs of the same code differ by
  (memory lies differently in each process), by more than NOISE_DEVIATIONS of its rounds' own spread, and by more than
  LEAST_YARDSTICKS, for the shortest stages are but a few lines of Python.

benchmarks/device/bench_noise.py measures how often that is wrong on the same code, and which slowdown it finds.
"""

import math
from typing import List, NamedTuple

from edge.bench.paths import CPU_STAGE, HOP_STAGE, STORE_STAGE
from edge.bundle.fields import Fields
from edge.errors import UserError
from edge.timings import FRAME_STAGE, percentile
from edge.untrusted import read_json

ROUND_PERCENTILE = 10
NOISE_DEVIATIONS = 2.0
SAME_CODE = 0.3
LEAST_YARDSTICKS = 0.05
MAD_TO_DEVIATION = 1.4826  # of a normal distribution
FEWEST_ROUNDS = 3
MAX_BASELINE_BYTES = 16 << 20  # a long run of many rounds has some MB
NOT_COMPARED = {CPU_STAGE, HOP_STAGE, FRAME_STAGE, STORE_STAGE}


class Change(NamedTuple):
    """One stage of one path in both runs."""

    stage: str  # "crying/detector"
    before_ms: float  # median over rounds of their 10th percentiles
    after_ms: float
    ratio: float  # after over before, over that of all stages of its path
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
            stages = one.object("p10_ms")
            for stage in stages.content:
                stages.number(stage, 0.0)
        if "board" in fields.content:
            fields.mapping("board")
    except UserError as error:
        raise UserError("--baseline is no result of edge-bench --json: {}".format(error)) from error
    return document


def compare(before, after) -> List[Change]:
    """Every stage that both results have; the worst first."""
    earlier, later = by_stage(before), by_stage(after)
    machine = machine_ratios(before, after)
    least_ms = LEAST_YARDSTICKS * median([one["yardstick_ms"] for one in before["per_round"]])
    changes = [
        change(stage, earlier[stage], later[stage], machine[path_of(stage)], least_ms)
        for stage in earlier
        if stage in later
    ]
    return sorted(changes, key=lambda one: one.ratio - one.noise, reverse=True)


def change(stage, before, after, machine, least_ms):
    """The Change of one stage; before, after: its milliseconds by round. machine: what its path changed by."""
    old, new = median(before), median(after)
    noise = max(SAME_CODE, NOISE_DEVIATIONS * math.hypot(deviation_of_median(before), deviation_of_median(after)))
    ratio = new / old / machine
    return Change(stage, old, new, ratio, noise, ratio > 1.0 + noise and new / machine - old > least_ms)


def machine_ratios(before, after):
    """{path: the median of the ratios of its stages}."""
    earlier, later = by_stage(before), by_stage(after)
    ratios = {}
    for stage in (stage for stage in earlier if stage in later):
        ratios.setdefault(path_of(stage), []).append(median(later[stage]) / median(earlier[stage]))
    return {path: median(of_stages) for path, of_stages in ratios.items()}


def path_of(stage):
    """The path of a stage: crying of crying/detector."""
    return stage.split("/")[0]


def yardstick_ratio(before, after):
    """What the fixed piece of work changed by."""
    old, new = (median([one["yardstick_ms"] for one in result["per_round"]]) for result in (before, after))
    return new / old


def by_stage(result):
    """{stage: [milliseconds of each round that has it]} of what is compared."""
    found = {}
    for one in result["per_round"]:
        for stage, ms in one["p10_ms"].items():
            if stage.split("/")[-1] not in NOT_COMPARED:
                found.setdefault(stage, []).append(ms)
    return {stage: values for stage, values in found.items() if len(values) >= FEWEST_ROUNDS and min(values) > 0}


def median(values):
    """Of a list that is not empty."""
    return percentile(sorted(values), 50)


def deviation_of_median(values):
    """Standard deviation of the median of these rounds over the median, from their median absolute deviation."""
    centre = median(values)
    deviation = MAD_TO_DEVIATION * median([abs(value - centre) for value in values])
    return 1.2533 * deviation / math.sqrt(len(values)) / centre


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
