"""Experts that look at frames of an episode, beside one that takes fused columns, with real engines: what is said of an
episode is what its samples alone give, one denoiser's run serves all, and what can be answered is answered.
"""

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
from expert_bundle import TEMPERATURES as FUSED_TEMPERATURES
from expert_bundle import changed, open_or_skip, read_manifest
from frame_bundle import SCALES, TEMPERATURES, write_frame_bundle

from edge.bundle.frame_network import normalise
from edge.causes.expert_runner import PRE_ROLL
from edge.causes.frame_experts import FrameExperts
from edge.config import load_settings
from edge.decision.calibration import energy, log_posterior
from edge.decision.fusion import Fusion
from edge.decision.pooling import pool
from edge.dsp.high_pass import high_passed
from edge.dsp.log_mel import HOP_LENGTH, WINDOW_LENGTH, log_mel
from edge.frames import FRAME_COLUMNS, FRAME_HOP, SAMPLE_RATE
from edge.pipeline import Pipeline

MOST_FRAMES_PER_HOP = {"narrow": 1, "wide": 2}  # of the 40 columns that two hops bring
BLOCKS = (777, 8000, None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The experts narrow and wide."""
    return open_or_skip(write_frame_bundle(str(tmp_path_factory.mktemp("frames")), fused=()))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """The same, and ios, which takes fused columns."""
    return open_or_skip(write_frame_bundle(str(tmp_path_factory.mktemp("mixed"))))


def frame_logits(bundle, expert, samples, begin, end_s):
    """(N, labels) logits of every frame from sample `begin` on that ends by end_s, from columns of all at once."""
    columns, logits = log_mel(samples[begin:], expert.n_mels), []
    for end in range(FRAME_COLUMNS, len(columns) + 1, expert.step_columns):
        if (begin + WINDOW_LENGTH + (end - 1) * HOP_LENGTH) / float(SAMPLE_RATE) > end_s:
            break
        normalise(columns[end - FRAME_COLUMNS : end], SCALES[expert.name], out=expert.frame)
        if expert.is_denoised:
            bundle.denoiser.frame[...] = expert.frame
            bundle.denoiser.infer()
            expert.frame[...] = bundle.denoiser.output[0, :, :, 0]
        expert.infer()
        logits.append(expert.output[0].copy())
    return np.array(logits, np.float64).reshape(-1, len(expert.labels))


def expected_logits(bundle, samples, begin, end_s):
    """{expert: (N, labels)} of what counts of an episode."""
    logits = {expert.name: frame_logits(bundle, expert, samples, begin, end_s) for expert in bundle.experts[:2]}
    for name, rows in expected_readings(bundle._replace(experts=bundle.experts[2:]), samples, begin, end_s).items():
        logits[name] = np.array([x for _, n, x in rows if n >= WINDOW_COLUMNS] or [rows[-1][2]], np.float64)
    return logits


def assert_is_what_its_samples_give(bundle, event, samples, begin):
    samples = high_passed(samples)
    logits = expected_logits(bundle, samples, begin, event.end_s)
    temperatures = dict(TEMPERATURES, ios=FUSED_TEMPERATURES["ios"])
    pooled = {name: pool(log_posterior(rows, temperatures[name])) for name, rows in logits.items()}
    fusion = Fusion({expert.name: expert.labels for expert in bundle.experts})
    assert event.posterior == pytest.approx(fusion.posterior(fusion.fuse(pooled)), abs=5e-5)
    assert [reading.expert for reading in event.readings] == [expert.name for expert in bundle.experts]
    for reading in event.readings:
        assert list(reading.posterior.values()) == pytest.approx(np.exp(pooled[reading.expert]), abs=5e-5)


@pytest.mark.parametrize("seed", range(4))
def test_taking_samples_bit_by_bit_is_taking_them_at_once(bundle, monkeypatch, seed):
    """In blocks of any size, with frames of the two experts any number of columns apart; twice, to begin anew."""
    rng, samples, most = np.random.RandomState(seed), sound(4.0, seed), 2 * FRAME_HOP
    for expert in bundle.experts:
        monkeypatch.setattr(expert, "step_columns", rng.randint(20, 60))
    expected = {expert.name: frame_logits(bundle, expert, samples, 0, 9.0) for expert in bundle.experts}
    at_work = FrameExperts(bundle.experts, bundle.denoiser, most, lambda stage, started: started, None)
    for _ in range(2):
        at_work.reset()
        position, found = 0, {expert.name: [] for expert in bundle.experts}
        while position < len(samples):
            size = rng.choice([1, 160, 399, 400, 3200, most - 1, most])
            for name, n_samples, is_full, logits in at_work.take(samples[position : position + size]):
                assert is_full and position < n_samples <= min(position + size, len(samples))
                found[name].append(logits.copy())
            position += size
        for name, rows in found.items():
            np.testing.assert_allclose(rows, expected[name], atol=2e-4)


@pytest.mark.parametrize("duration_s", [1.2, 3.0])
def test_an_event_says_what_its_samples_alone_give(bundle, duration_s):
    samples = np.concatenate((silence(5), sound(duration_s), silence(7)))
    (event,) = events_of(bundle, samples)
    assert_is_what_its_samples_give(bundle, event, samples, int(round(event.start_s * SAMPLE_RATE)))


def test_experts_of_both_kinds_are_fused(mixed):
    samples = np.concatenate((silence(2), sound(1.2), silence(7)))
    (event,) = events_of(mixed, samples)
    assert sorted(event.posterior) == ["discomfort", "hungry", "tired"]
    assert_is_what_its_samples_give(mixed, event, samples, int(round(event.start_s * SAMPLE_RATE)))


def test_any_block_size_gives_the_same_event(bundle):
    samples = np.concatenate((silence(3), sound(2.5), silence(6)))
    (expected,) = events_of(bundle, samples)
    for block in BLOCKS:
        (event,) = events_of(bundle, samples, block or len(samples))
        assert event.posterior == pytest.approx(expected.posterior, abs=2e-5)
        for reading, wanted in zip(event.readings, expected.readings):
            assert reading.posterior == pytest.approx(wanted.posterior, abs=2e-5)


def test_an_answer_is_the_same_whatever_came_before(bundle):
    """Samples from where the episode begins on are the same to the bit, in the stream's hops and between them."""
    cry = np.concatenate((sound(2.4, 2), silence(7)))
    (alone,) = events_of(bundle, np.concatenate((silence(3), cry)))
    for before_s in (12.6, 13.03):
        samples = np.concatenate((silence(1), sound(before_s - 9, 1), silence(8), cry))
        event = events_of(bundle, samples)[-1]
        assert_is_what_its_samples_give(bundle, event, samples, int(round(event.start_s * SAMPLE_RATE)))
    samples = np.concatenate((silence(1), sound(3.6, 1), silence(8.4), cry))
    event = events_of(bundle, samples)[-1]
    assert event.posterior == pytest.approx(alone.posterior, abs=2e-5)


def test_the_work_of_a_hop_is_bounded_and_a_frame_is_denoised_once(bundle):
    samples = np.concatenate((silence(5), sound(8)))
    pipeline, experts = Pipeline(bundle, late_settings(15)), bundle.experts[:2]
    steps = []
    for hop in range(len(samples) // FRAME_HOP):
        before, was_open = [expert.n_steps for expert in experts], pipeline.is_crying
        pipeline.push(samples[hop * FRAME_HOP : (hop + 1) * FRAME_HOP])
        if was_open:
            steps.append([expert.n_steps - n for expert, n in zip(experts, before)])
    assert np.max(steps, axis=0).tolist() == [MOST_FRAMES_PER_HOP[expert.name] for expert in experts]
    newest_s = [(WINDOW_LENGTH + (expert.n_encoded - 1) * HOP_LENGTH) / float(SAMPLE_RATE) for expert in experts]
    assert newest_s == pytest.approx([(len(steps) - 1) * 0.2 + 3.2] * 2, abs=0.5)
    rows = {row.stage: row.n for row in pipeline.timings.table()}
    assert rows["denoiser"] == rows["expert narrow"] == experts[0].n_steps
    assert rows["expert wide"] == experts[1].n_steps


def test_two_experts_behind_the_denoiser_share_its_run(tmp_path):
    folder = write_frame_bundle(str(tmp_path), ("narrow",), ())
    models = read_manifest(folder)["models"]
    changed(folder, "models", models + [dict(models[2], name="twin", step={"columns": 20, "window_columns": 98})])
    bundle = open_or_skip(folder)
    pipeline = Pipeline(bundle)
    pipeline.push(np.concatenate((silence(2), sound(3))))
    rows = {row.stage: row.n for row in pipeline.timings.table()}
    assert rows["denoiser"] == rows["expert twin"] == bundle.experts[1].n_steps
    assert bundle.experts[0].n_steps == (bundle.experts[1].n_steps + 1) // 2


def test_every_stage_is_timed_by_name_and_rests_while_nothing_cries(mixed):
    stages = {"episode log_mel", "denoiser", "expert narrow", "expert wide", "fused", "expert ios", "fusion"}
    pipeline = Pipeline(mixed)
    pipeline.push(silence(4))
    assert stages.isdisjoint({row.stage for row in pipeline.timings.table()})
    pipeline.push(np.concatenate((sound(1.5), silence(7))))
    assert stages <= {row.stage for row in pipeline.timings.table()}


def test_a_long_episode_takes_no_more_memory(bundle):
    assert grown_in_a_long_episode(bundle) < 4000  # 40 readings would be 20 kB, 16 s of columns 400 kB


@pytest.mark.parametrize("margin, unknown", [(1e-3, False), (-1e-3, True)])
def test_a_sound_is_unknown_above_the_energy_of_the_mean_logits(bundle, tmp_path, margin, unknown):
    """Who has no threshold is not asked."""
    samples = np.concatenate((silence(2), sound(2.4), silence(7)))
    (event,) = events_of(bundle, samples)
    assert event.out_of_distribution is None and event.cause is not None
    logits = expected_logits(bundle, high_passed(samples), int(round(event.start_s * SAMPLE_RATE)), event.end_s)[
        "narrow"
    ]
    threshold = float(energy(logits.mean(axis=0), TEMPERATURES["narrow"])) + margin
    changed(write_frame_bundle(str(tmp_path), fused=()), "models", 2, "energy_threshold", threshold)
    strict = open_or_skip(str(tmp_path))
    (event,) = events_of(strict, samples)
    assert event.out_of_distribution is unknown
    assert (event.cause is None) == (event.cause_probability is None) == unknown
    assert sum(event.posterior.values()) == pytest.approx(1.0) and len(event.readings) == 2


def short_settings(min_event_s=0.2):
    settings = load_settings(None)
    return settings._replace(
        decision=settings.decision._replace(min_event_s=min_event_s, smoothing_frames=1, merge_gap_s=2.0)
    )


def test_an_episode_too_short_for_a_frame_gets_the_posterior_of_those_who_can_and_no_cause(mixed):
    samples = np.concatenate((silence(3), sound(0.2), silence(4)))
    (event,) = events_of(mixed, samples, settings=short_settings())
    assert 0.4 < event.end_s - event.start_s < 0.995
    assert [reading.expert for reading in event.readings] == ["ios"]
    assert event.posterior == event.readings[0].posterior and sorted(event.posterior) == ["discomfort", "hungry"]
    assert event.cause is None and event.out_of_distribution is None


def test_the_shortest_event_of_the_defaults_holds_a_frame(bundle):
    """1.0 s, wherever on the hops the sound lies."""
    shortest = []
    for offset in range(0, FRAME_HOP, 640):
        samples = np.concatenate((silence(1.2), np.zeros(offset, np.float32), sound(0.3), silence(3)))
        for event in events_of(bundle, samples, settings=short_settings(1.0)):
            shortest.append(event.end_s - event.start_s)
            assert len(event.readings) == 2 and event.cause is not None
    assert shortest and min(shortest) < 1.1


def test_a_very_late_opening_looks_back_3_71_s(bundle):
    """An episode dated further back than samples are kept: what is read begins with what is kept."""
    samples = np.concatenate((silence(5), sound(6.4), silence(6)))
    settings = late_settings(31)
    pipeline, alert_s = Pipeline(bundle, settings), None
    for first in range(0, len(samples), FRAME_HOP):
        pipeline.push(samples[first : first + FRAME_HOP])
        if pipeline.is_crying and alert_s is None:
            alert_s = (first + FRAME_HOP) / float(SAMPLE_RATE)
    (event,) = events_of(bundle, samples, settings=settings)
    begin = int(round(alert_s * SAMPLE_RATE)) - PRE_ROLL
    assert begin > event.start_s * SAMPLE_RATE + 1.0
    assert_is_what_its_samples_give(bundle, event, samples, begin)
