"""Experts beside the pipeline, with real engines: what is said of an episode is what its samples alone give."""

import numpy as np
import pytest
from episodes import (
    WINDOW_COLUMNS,
    events_of,
    expected_readings,
    grown_in_a_long_episode,
    late_settings,
    silence,
    sound,
)
from expert_bundle import NEVER, STEP_COLUMNS, TEMPERATURES, open_or_skip, write_expert_bundle

from edge.causes.expert_runner import PRE_ROLL
from edge.decision.calibration import log_posterior
from edge.decision.fusion import Fusion
from edge.decision.pooling import pool
from edge.dsp.fused import HOP_LENGTH
from edge.dsp.high_pass import high_passed
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.pipeline import Pipeline

LATENESS_COLUMNS = 3
MOST_STEPS_PER_HOP = 2  # two hops bring at most 27 columns; with 13 waiting that is less than three steps of 14


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    bundle = open_or_skip(write_expert_bundle(str(tmp_path_factory.mktemp("experts"))))
    bundle.warm_up()
    return bundle


def assert_is_what_its_samples_give(bundle, event, samples, begin):
    samples = high_passed(samples)
    pooled = {}
    for name, rows in expected_readings(bundle, samples, begin, event.end_s).items():
        counted = [x for _, n, x in rows if n >= WINDOW_COLUMNS] or [rows[-1][2]]
        pooled[name] = pool(log_posterior(np.array(counted, np.float64), TEMPERATURES[name]))
    fusion = Fusion({expert.name: expert.labels for expert in bundle.experts})
    fused = fusion.fuse(pooled)
    posterior = fusion.posterior(fused)
    assert event.posterior == pytest.approx(posterior, abs=2e-5)
    assert event.cause == max(posterior, key=posterior.get)
    assert event.cause_probability == pytest.approx(max(posterior.values()), abs=2e-5)
    assert [reading.expert for reading in event.readings] == ["android", "ios"]
    for number, reading in enumerate(event.readings):
        assert list(reading.posterior.values()) == pytest.approx(np.exp(pooled[reading.expert]), abs=2e-5)
        assert reading.gate_weight == pytest.approx(fused.weights[number], abs=2e-5)
        assert reading.entropy_nats == pytest.approx(fused.entropies[number], abs=2e-5)
        assert reading.temperature == TEMPERATURES[reading.expert]


@pytest.mark.parametrize("duration_s", [1.6, 3.0, 9.0], ids=["a moment", "less than a window", "long"])
def test_an_event_says_what_its_samples_alone_give(bundle, duration_s):
    samples = np.concatenate((silence(5), sound(duration_s), silence(7)))
    (event,) = events_of(bundle, samples)
    assert_is_what_its_samples_give(bundle, event, samples, int(round(event.start_s * SAMPLE_RATE)))


def test_any_block_size_gives_the_same_event(bundle):
    samples = np.concatenate((silence(3), sound(5), silence(6)))
    (expected,) = events_of(bundle, samples)
    for block in (777, 8000, len(samples)):
        (event,) = events_of(bundle, samples, block)
        assert event.posterior == pytest.approx(expected.posterior, abs=2e-5)
        assert event.readings[0].posterior == pytest.approx(expected.readings[0].posterior, abs=2e-5)


def test_an_episode_leaves_nothing_to_the_next(bundle):
    samples = np.concatenate((silence(3), sound(6, 1), silence(8), sound(5, 2), silence(7)))
    events = events_of(bundle, samples)
    assert len(events) == 2
    for event in events:
        assert_is_what_its_samples_give(bundle, event, samples, int(round(event.start_s * SAMPLE_RATE)))
    assert events[0].posterior != pytest.approx(events[1].posterior, abs=1e-3)


def test_what_comes_after_the_end_does_not_count(bundle):
    """A faint hum that is no cry, while the episode waits for one: the columns change, what is said does not."""
    start = np.concatenate((silence(3), sound(5)))
    hum = (1e-5 * np.sin(2.0 * np.pi * 120.0 * np.arange(len(silence(7))) / SAMPLE_RATE)).astype(np.float32)
    hum[: SAMPLE_RATE // 2] = 0.0  # the end is dated by frames
    (quiet,), (humming,) = (events_of(bundle, np.concatenate((start, tail))) for tail in (silence(7), hum))
    assert humming == quiet and 8.0 <= quiet.end_s < 8.5
    begin = int(round(quiet.start_s * SAMPLE_RATE))
    last = [
        expected_readings(bundle, np.concatenate((start, tail)), begin, 11.0)["ios"][-1][2]
        for tail in (silence(7), hum)
    ]
    assert np.abs(last[0] - last[1]).max() > 1e-3


def test_a_late_opening_looks_back_as_far_as_it_is_dated(bundle):
    """The cry is 3.2 s old when the episode opens; its samples are still there."""
    samples = np.concatenate((silence(5), sound(12), silence(9)))
    (event,) = events_of(bundle, samples, settings=late_settings(15))
    assert event.start_s < 5.3
    assert_is_what_its_samples_give(bundle, event, samples, int(round(event.start_s * SAMPLE_RATE)))


def test_a_very_late_opening_looks_back_3_71_s(bundle):
    samples = np.concatenate((silence(5), sound(16), silence(9)))
    settings = late_settings(31)
    pipeline, alert_s = Pipeline(bundle, settings), None
    for first in range(0, len(samples), FRAME_HOP):
        pipeline.push(samples[first : first + FRAME_HOP])
        if pipeline.is_crying and alert_s is None:
            alert_s = (first + FRAME_HOP) / float(SAMPLE_RATE)
    (event,) = events_of(bundle, samples, settings=settings)
    assert alert_s - event.start_s > 5.0
    assert_is_what_its_samples_give(bundle, event, samples, int(round(alert_s * SAMPLE_RATE)) - PRE_ROLL)


def test_the_end_of_the_source_ends_the_episode(bundle):
    samples = np.concatenate((silence(3), sound(2.5)))
    (event,) = events_of(bundle, samples)
    assert_is_what_its_samples_give(bundle, event, samples, int(round(event.start_s * SAMPLE_RATE)))


def test_a_cry_that_begins_with_the_stream(bundle):
    samples = np.concatenate((sound(4), silence(7)))
    (event,) = events_of(bundle, samples)
    assert event.start_s == 0.0
    assert_is_what_its_samples_give(bundle, event, samples, 0)


def test_the_work_of_a_hop_is_bounded_and_the_backlog_is_gone_soon(bundle):
    samples = np.concatenate((silence(5), sound(12)))
    pipeline = Pipeline(bundle, late_settings(15))
    steps, opened_at = [], None
    for hop in range(len(samples) // FRAME_HOP):
        before = [expert.n_steps for expert in bundle.experts]
        was_open = pipeline.is_crying
        pipeline.push(samples[hop * FRAME_HOP : (hop + 1) * FRAME_HOP])
        if was_open:
            steps.append([expert.n_steps - n for expert, n in zip(bundle.experts, before)])
        elif pipeline.is_crying:
            opened_at = hop
    assert np.max(steps) == MOST_STEPS_PER_HOP
    assert np.sum(steps[20:], axis=0).tolist() == pytest.approx(
        [len(steps[20:]) * FRAME_HOP / float(HOP_LENGTH) / STEP_COLUMNS] * 2, abs=1.0
    )
    newest_s = sum(row[0] for row in steps) * STEP_COLUMNS * HOP_LENGTH / float(SAMPLE_RATE)
    assert newest_s == pytest.approx((len(steps) - 1) * 0.2 + 3.2, abs=0.5) and opened_at is not None


def test_experts_rest_while_nothing_cries(bundle):
    pipeline = Pipeline(bundle)
    pipeline.push(silence(4))
    assert {"fused", "expert android", "expert ios", "fusion"}.isdisjoint(
        {row.stage for row in pipeline.timings.table()}
    )


def test_every_stage_is_timed_by_name(bundle):
    pipeline = Pipeline(bundle)
    pipeline.push(np.concatenate((silence(2), sound(3), silence(7))))
    assert {"fused", "expert android", "expert ios", "fusion"} <= {row.stage for row in pipeline.timings.table()}


def test_a_long_episode_takes_no_more_memory(bundle):
    """Once the newest samples and the readings that wait for the end are there, nothing is added."""
    assert grown_in_a_long_episode(bundle) < 4000  # 150 readings would be 30 kB, 16 s of samples 1 MB


def test_an_unsure_answer_is_none_and_the_posterior_is_still_there(tmp_path):
    bundle = open_or_skip(write_expert_bundle(str(tmp_path), uncertain=NEVER))
    (event,) = events_of(bundle, np.concatenate((silence(2), sound(3), silence(7))))
    assert event.cause is None and event.cause_probability is None
    assert sum(event.posterior.values()) == pytest.approx(1.0)
    assert len(event.readings) == 2 and event.out_of_distribution is None
