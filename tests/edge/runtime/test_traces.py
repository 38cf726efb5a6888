"""Traces: every frame that could matter to a threshold, in rows of a bounded length, and nothing of a quiet night."""

import pytest

from edge.frames import FRAME_HOP_S
from edge.runtime.traces import KEEP_FROM, SCALE, TAIL_FRAMES, TraceSum
from edge.store.rows import MOST_TRACE_FRAMES

NIGHT_UTC = 1.8e9


@pytest.fixture
def kept():
    return []


@pytest.fixture
def trace(kept):
    return TraceSum(kept.append)


def feed(trace, probabilities, begin_s=1.0):
    for number, probability in enumerate(probabilities):
        t_s = begin_s + number * FRAME_HOP_S
        trace.add(probability, t_s, NIGHT_UTC + t_s)


def test_a_quiet_night_leaves_nothing(trace, kept):
    feed(trace, [0.0, KEEP_FROM - 0.01] * 10000)
    trace.finish()
    assert kept == []


def test_a_sound_is_kept_from_its_first_frame_to_its_last(trace, kept):
    feed(trace, [0.0] * 7 + [0.2, 0.9, 0.04, 1.0] + [0.0] * TAIL_FRAMES)
    (one,) = kept
    assert one.start_utc == pytest.approx(NIGHT_UTC + 1.0 + 7 * FRAME_HOP_S)
    assert one.end_utc == pytest.approx(one.start_utc + 3 * FRAME_HOP_S)
    assert list(one.probabilities) == [int(SCALE * p) for p in (0.2, 0.9, 0.04, 1.0)]


def test_a_long_sound_is_several_rows_without_a_hole(trace, kept):
    feed(trace, [0.5] * (2 * MOST_TRACE_FRAMES + 10))
    trace.finish()
    assert [len(one.probabilities) for one in kept] == [MOST_TRACE_FRAMES, MOST_TRACE_FRAMES, 10]
    assert kept[1].start_utc == pytest.approx(kept[0].end_utc + FRAME_HOP_S)


def test_what_was_not_heard_is_no_part_of_it(trace, kept):
    feed(trace, [0.5] * 5)
    feed(trace, [0.5] * 5, begin_s=10.0)
    trace.finish()
    assert [len(one.probabilities) for one in kept] == [5, 5]
    assert kept[1].start_utc == pytest.approx(NIGHT_UTC + 10.0)


def test_rounding_reaches_no_threshold_that_was_not_reached(trace, kept):
    feed(trace, [0.87999])
    trace.finish()
    assert kept[0].probabilities[0] / SCALE < 0.88
