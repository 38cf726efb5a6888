"""Stage timings: right figures, bounded memory, a cost nobody notices."""

import re
from time import perf_counter

import numpy as np
import pytest

from edge.timings import WINDOW, StageTimings, format_table


def test_rows_agree_with_numpy():
    durations_s = np.random.RandomState(0).gamma(2.0, 1e-3, size=1000)
    timings = StageTimings()
    for duration_s in durations_s:
        timings.add("log_mel", duration_s)

    row = timings.row("log_mel")

    assert row.n == 1000
    expected_ms = 1e3 * np.percentile(durations_s, [0, 50, 90, 99, 100])
    np.testing.assert_allclose([row.min_ms, row.p50_ms, row.p90_ms, row.p99_ms, row.max_ms], expected_ms)
    assert row.budget_share == pytest.approx(row.p99_ms / 96)


def test_a_frame_over_the_budget_is_a_missed_deadline():
    timings = StageTimings()
    for total_s in (0.001, 0.096, 0.097, 0.5):
        timings.frame_done(total_s)
    assert timings.missed_deadlines == 2


def test_the_whole_frame_is_the_last_row():
    timings = StageTimings()
    timings.frame_done(0.01)
    timings.add("gate", 0.001)
    timings.add("detector", 0.002)
    assert [row.stage for row in timings.table()] == ["gate", "detector", "frame"]


def test_memory_is_bounded_and_extremes_are_kept():
    timings = StageTimings()
    timings.add("gate", 9.0)
    for _ in range(WINDOW + 10):
        timings.add("gate", 1.0)
    row = timings.row("gate")
    assert row.n == WINDOW + 11
    assert row.max_ms == 9000
    assert row.p99_ms == 1000
    assert len(timings._stages["gate"].latest) == WINDOW == 16384


def test_several_runs_are_one():
    together = StageTimings()
    for lowest in (1.0, 2.0):
        one = StageTimings()
        for extra in range(WINDOW + 5):
            one.add("gate", lowest + 1e-6 * extra)
        one.frame_done(lowest)
        together.extend(one)
    row = together.row("gate")
    assert (row.n, row.min_ms) == (2 * (WINDOW + 5), 1000)
    assert row.max_ms == pytest.approx(1e3 * (2.0 + 1e-6 * (WINDOW + 4)))
    assert together.missed_deadlines == 2
    assert sorted(together.durations_s("frame")) == [1.0, 2.0]


def test_recording_costs_less_than_5_microseconds():
    timings = StageTimings()
    costs_s = []
    for _ in range(50):
        start = perf_counter()
        for _ in range(100):
            timings.add("gate", 1e-3)
        costs_s.append((perf_counter() - start) / 100)
    assert min(costs_s) < 5e-6


def test_the_printed_table_fits_80_columns():
    timings = StageTimings()
    timings.add("detector", 12.345)
    timings.frame_done(12.345)
    lines = format_table(timings).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[-1] == "missed deadlines: 1"


def test_the_printed_table_says_each_figure_of_each_stage_under_its_name():
    timings = StageTimings(budget_s=0.05)
    for duration_s in (0.001, 0.002, 0.003, 0.004, 0.010):
        timings.add("a stage of 18 char", duration_s)
    timings.add("a stage of nineteen", 0.05)
    lines = format_table(timings).splitlines()
    assert lines[0].split() == ["stage,", "ms", "n", "min", "p50", "p90", "p99", "max", "p99/50"]
    assert lines[1][:18] == "a stage of 18 char"
    assert lines[1][18:].split() == ["5", "1.000", "3.000", "7.600", "9.760", "10.000", "19.5%"]
    assert lines[2][:18] == "a stage of ninet.."
    assert lines[2].split()[-1] == "100.0%"
    ends = [[figure.end() for figure in re.finditer("[^ ]+", line)][-7:] for line in lines[:3]]
    assert ends[0] == ends[1] == ends[2]  # each stands below its name


def test_what_nothing_was_recorded_of_has_no_row_and_no_durations():
    assert StageTimings().durations_s("gate") == []
    with pytest.raises(KeyError):
        StageTimings().row("gate")


def test_an_empty_table_prints():
    assert format_table(StageTimings()).endswith("missed deadlines: 0")
