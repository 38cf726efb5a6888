"""What a hop took goes to the path that it took, and measuring costs next to nothing."""

from time import perf_counter

import pytest
from expert_bundle import open_or_skip
from frame_bundle import write_frame_bundle
from loud_bundle import noise_burst

from edge.bench.material import Recording
from edge.bench.measure import play
from edge.bench.paths import CPU_STAGE, CRYING, HOP_STAGE, LISTENING, QUIET, PathTimings
from edge.bench.result import rows
from edge.bench.text import format_rows
from edge.config import load_settings
from edge.timings import FRAME_STAGE, NAME_WIDTH, StageRow, StageTimings

SHORTEST_FRAME_S = 60e-6  # of a quiet hop on an ordinary x86 core
STAGES_OF_A_FRAME = 4


class SomePipeline(object):
    """A pipeline as far as the timings look at it."""

    def __init__(self):
        self.timings = StageTimings()
        self.is_crying = False


@pytest.fixture
def timings():
    return PathTimings(SomePipeline())


def hop(timings, stages, crying=False):
    timings._pipeline.is_crying = crying
    for stage in stages:
        timings.add(stage, 0.001)
    timings.frame_done(0.001 * len(stages))
    return timings.hop_done(0.01, 0.009)


def stages_of(timings, path):
    return [row["stage"] for row in rows(timings.paths[path])]


def test_each_path_has_its_own_stages(timings):
    hop(timings, ["gate"])
    hop(timings, ["gate", "detector"])
    hop(timings, ["gate", "detector", "expert somewhere"], crying=True)
    assert stages_of(timings, QUIET) == ["gate", CPU_STAGE, HOP_STAGE, FRAME_STAGE]
    assert stages_of(timings, LISTENING) == ["gate", "detector", CPU_STAGE, HOP_STAGE, FRAME_STAGE]
    assert stages_of(timings, CRYING) == ["gate", "detector", "expert somewhere", CPU_STAGE, HOP_STAGE, FRAME_STAGE]
    assert timings.row("gate").n == 3
    assert [path for path, _ in timings.timeline] == [QUIET, LISTENING, CRYING]


def test_blocks_between_belong_to_the_next_frame(timings):
    timings.add("resample", 0.002)
    assert not timings.hop_done(0.002, 0.002)
    timings.add("resample", 0.002)
    assert hop(timings, ["gate"])
    assert timings.row("resample").max_ms == pytest.approx(4)
    assert timings.row("resample").n == 1


def test_hops_of_the_first_second_are_not_summed_into_its_frame(timings):
    for _ in range(4):
        timings.add("gate", 0.001)
        assert timings.hop_done(0.001, 0.001)
    hop(timings, ["gate"])
    assert timings.row("gate").max_ms == pytest.approx(1)


def test_missed_deadlines_count_for_the_whole_and_for_the_path(timings):
    timings.frame_done(1.0)
    assert timings.missed_deadlines == 1  # at once: the listener counts them by the minute
    timings.hop_done(1.0, 1.0)
    assert timings.paths[QUIET].missed_deadlines == 1


def cost_s(work, repeats=50, calls=200):
    """Seconds of one call, as it is undisturbed."""
    found = []
    for _ in range(repeats):
        started = perf_counter()
        for _ in range(calls):
            work()
        found.append((perf_counter() - started) / calls)
    return min(found)


def test_measuring_costs_a_frame_less_than_one_percent(timings):
    """Against the timings that the pipeline always keeps, which are part of what is measured."""
    kept_always = StageTimings()
    added_s = cost_s(lambda: timings.add("gate", 0.001)) - cost_s(lambda: kept_always.add("gate", 0.001))
    assert STAGES_OF_A_FRAME * added_s < 0.01 * SHORTEST_FRAME_S


def test_the_clock_costs_a_frame_less_than_one_percent():
    assert STAGES_OF_A_FRAME * cost_s(perf_counter) < 0.01 * SHORTEST_FRAME_S


def test_the_denoiser_and_every_expert_are_stages_of_the_crying_path(tmp_path):
    bundle = open_or_skip(write_frame_bundle(str(tmp_path)))
    recording = Recording("a burst", noise_burst(2.0, 2.0, 2.0), 16000)
    timings = play(bundle, load_settings(None), recording, str(tmp_path / "bench.db")).timings
    of_experts = ["fused", "expert ios", "episode log_mel", "denoiser", "expert narrow", "expert wide"]
    assert [name for name in stages_of(timings, CRYING) if name in of_experts] == of_experts
    assert not set(of_experts) & set(stages_of(timings, QUIET))
    printed = "\n".join(format_rows([StageRow(**row) for row in rows(timings.paths[CRYING])], 96.0))
    for name in of_experts:
        assert len(name) <= NAME_WIDTH and "\n" + name + " " in printed
