"""How long each stage of the path takes, kept always and in bounded memory.

start = perf_counter()
columns = log_mel(block)
timings.add("log_mel", perf_counter() - start)
"""

from array import array
from typing import List, NamedTuple

FRAME_BUDGET_S = 0.096  # a frame that takes longer is a missed deadline
WINDOW = 16384  # latest durations kept per stage for the percentiles: 55 minutes of frames
NAME_WIDTH = 18  # of a stage in the printed table
FRAME_STAGE = "frame"  # the whole frame, as timed by frame_done()


class StageRow(NamedTuple):
    """One stage's line in the table; durations in milliseconds."""

    stage: str
    n: int
    min_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    budget_share: float  # p99 over the frame budget, 0..1


class _Durations:
    """Count, extremes, and a ring of the latest WINDOW durations in seconds, all of it there from the first on."""

    __slots__ = ("_ring", "max_s", "min_s", "n")

    def __init__(self):
        self.n = 0
        self.min_s = float("inf")
        self.max_s = 0.0
        self._ring = array("d", bytes(8 * WINDOW))

    @property
    def latest(self):
        """The durations that are kept, in no particular order."""
        return self._ring[: self.n]

    def add(self, duration_s):
        self._ring[self.n % WINDOW] = duration_s
        self.n += 1
        if duration_s < self.min_s:
            self.min_s = duration_s
        if duration_s > self.max_s:
            self.max_s = duration_s

    def extend(self, other):
        for duration_s in other.latest:
            self.add(duration_s)
        self.n += max(0, other.n - WINDOW)  # counts and extremes cover the whole run
        self.min_s, self.max_s = min(self.min_s, other.min_s), max(self.max_s, other.max_s)


class StageTimings:
    """Durations per stage, and the frames that took longer than the budget.

    Stages appear in the order in which they were first added. Extremes and counts cover the whole run,
    percentiles the latest 16384 durations.
    """

    def __init__(self, budget_s: float = FRAME_BUDGET_S):
        self.budget_s = budget_s
        self.missed_deadlines = 0
        self._stages = {}

    def add(self, stage: str, duration_s: float) -> None:
        """Record one duration of a stage, in seconds."""
        durations = self._stages.get(stage)
        if durations is None:
            durations = self._stages[stage] = _Durations()
        durations.add(duration_s)

    def frame_done(self, total_s: float) -> None:
        """Record one whole frame, in seconds, and count it when it is over the budget."""
        self.add(FRAME_STAGE, total_s)
        if total_s > self.budget_s:
            self.missed_deadlines += 1

    def extend(self, other: "StageTimings") -> None:
        """Take the durations that another one has kept."""
        for stage, durations in other._stages.items():
            if stage not in self._stages:
                self._stages[stage] = _Durations()
            self._stages[stage].extend(durations)
        self.missed_deadlines += other.missed_deadlines

    def durations_s(self, stage: str) -> List[float]:
        """The latest durations of a stage in seconds, in no particular order; empty when there is none."""
        return list(self._stages[stage].latest) if stage in self._stages else []

    def row(self, stage: str) -> StageRow:
        """The row of one stage.

        Raises:
            KeyError: nothing was recorded for it.
        """
        durations = self._stages[stage]
        ordered = sorted(durations.latest)
        p99_s = percentile(ordered, 99)
        return StageRow(
            stage=stage,
            n=durations.n,
            min_ms=1e3 * durations.min_s,
            p50_ms=1e3 * percentile(ordered, 50),
            p90_ms=1e3 * percentile(ordered, 90),
            p99_ms=1e3 * p99_s,
            max_ms=1e3 * durations.max_s,
            budget_share=p99_s / self.budget_s,
        )

    def table(self) -> List[StageRow]:
        """One row per stage, the whole frame last."""
        stages = [stage for stage in self._stages if stage != FRAME_STAGE]
        if FRAME_STAGE in self._stages:
            stages.append(FRAME_STAGE)
        return [self.row(stage) for stage in stages]


def percentile(ordered: List[float], percent: float) -> float:
    """Percentile of an ascending list that is not empty, interpolated linearly as NumPy does."""
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def format_table(timings: StageTimings) -> str:
    """The table as plain text, at most 80 columns wide."""
    lines = format_rows(timings.table(), 1e3 * timings.budget_s)
    return "\n".join(lines + ["missed deadlines: {}".format(timings.missed_deadlines)])


def format_rows(rows, budget_ms: float) -> List[str]:
    """A heading and one line for each StageRow, at most 80 columns wide."""
    heading = ("stage, ms", "n", "min", "p50", "p90", "p99", "max", "p99/{:g}".format(budget_ms))
    lines = ["{:<18}{:>7}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}".format(*heading)]
    for row in rows:
        name = row.stage if len(row.stage) <= NAME_WIDTH else row.stage[: NAME_WIDTH - 2] + ".."
        lines.append("{:<18}{:>7d}{:>9.3f}{:>9.3f}{:>9.3f}{:>9.3f}{:>9.3f}{:>10.1%}".format(name, *row[1:]))
    return lines
