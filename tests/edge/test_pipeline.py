"""The whole path on made-up nurseries: cries become events, the rest does not, whatever the block size."""

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.config import load_settings
from edge.decision.rules import episode_rules
from edge.frames import SAMPLE_RATE
from edge.pipeline import Pipeline, power_dbfs
from edge.records import Alert, Event, Frame
from edge.synthesis import infant_cry
from edge.synthesis.signals import dbfs

CRY_START_S, CRY_S = 8.0, 10.0
ONSET_TOLERANCE_S = 0.5


@pytest.fixture(scope="module")
def bundle():
    return load_bundle()


@pytest.fixture(scope="module")
def nursery():
    """30 s of faint room noise with a cry of 10 s from 8 s on."""
    rng = np.random.default_rng(3)
    samples = (1e-3 * rng.standard_normal(30 * SAMPLE_RATE)).astype(np.float32)
    cry = infant_cry(CRY_S, rng).samples
    first = int(CRY_START_S * SAMPLE_RATE)
    samples[first : first + len(cry)] += cry
    return samples


def listen(bundle, samples, block=None):
    pipeline = Pipeline(bundle)
    records = []
    for first in range(0, len(samples), block or len(samples)):
        records += pipeline.push(samples[first : first + (block or len(samples))])
    return records + pipeline.finish()


@pytest.fixture(scope="module")
def heard(bundle, nursery):
    """The records of the nursery."""
    return listen(bundle, nursery)


def of_kind(records, kind):
    return [record for record in records if isinstance(record, kind)]


def test_a_cry_is_one_event_that_starts_where_the_cry_begins(heard):
    (event,) = of_kind(heard, Event)
    assert event.start_s == pytest.approx(CRY_START_S, abs=ONSET_TOLERANCE_S)


def test_the_experts_that_ship_name_no_cause_and_say_what_they_make_of_the_cry(heard):
    (event,) = of_kind(heard, Event)
    assert event.cause is None and event.cause_probability is None and event.out_of_distribution is False
    assert sorted(event.posterior) == ["belly_pain", "burping", "discomfort", "hungry", "tired"]
    assert sum(event.posterior.values()) == pytest.approx(1.0, abs=1e-6)
    assert {reading.expert for reading in event.readings} == {"android", "ios", "transformer"}


def test_the_alert_comes_while_the_cry_is_young(heard):
    alert = of_kind(heard, Alert)[0]
    assert CRY_START_S < alert.t_s < CRY_START_S + 5.0


def test_the_path_itself_takes_no_longer_than_a_second_and_a_half(bundle, nursery):
    """How sure the detector must be is a matter of thresholds; at 0.6 the alert is there at once."""
    settings = load_settings(None)
    settings = settings._replace(decision=settings.decision._replace(open_threshold=0.6, close_threshold=0.4))
    alert = of_kind(Pipeline(bundle, settings).push(nursery), Alert)[0]
    assert CRY_START_S < alert.t_s < CRY_START_S + 1.5


@pytest.mark.parametrize("block", [160, 1024, 3200, 48000])
def test_any_block_size_gives_the_same_records(bundle, nursery, heard, block):
    parts = listen(bundle, nursery, block)
    assert len(heard) == len(parts)
    for one, other in zip(heard, parts):
        assert type(one) is type(other)
        assert one.cry_probability == pytest.approx(other.cry_probability, abs=1e-3)
        assert one[0] == pytest.approx(other[0])


def test_a_frame_every_fifth_of_a_second_from_the_first_second_on(heard):
    frames = of_kind(heard, Frame)
    np.testing.assert_allclose([frame.t_s for frame in frames], np.arange(1.0, 30.01, 0.2))


def test_a_cry_from_a_microphone_40_db_too_quiet_is_found(bundle, nursery):
    quiet = nursery * np.float32(10 ** ((-50.0 - dbfs(nursery[8 * SAMPLE_RATE : 18 * SAMPLE_RATE])) / 20))
    assert len(of_kind(listen(bundle, quiet), Event)) == 1


def faint_cry_and(trouble):
    """A cry of 6 s at -45 dBFS in a room of -70 dBFS, from 8 s on, and what the microphone adds to it."""
    rng = np.random.RandomState(3)
    samples = rng.standard_normal(20 * SAMPLE_RATE) * 10 ** (-70 / 20)
    cry = np.asarray(infant_cry(6, np.random.default_rng(12)).samples, float)
    samples[8 * SAMPLE_RATE :][: len(cry)] += cry * 10 ** ((-45 - dbfs(cry)) / 20)
    return trouble(samples, np.arange(len(samples)) / SAMPLE_RATE).astype(np.float32)


def hum(frequency_hz, level_dbfs):
    amplitude = np.sqrt(2) * 10 ** (level_dbfs / 20)
    return lambda samples, t_s: samples + amplitude * np.sin(2 * np.pi * frequency_hz * t_s)


def one_value(value):
    return lambda samples, t_s: np.where(np.arange(len(samples)) == 11 * SAMPLE_RATE, value, samples)


TROUBLES = {
    "offset": lambda samples, t_s: samples + 0.03,
    "large offset": lambda samples, t_s: samples - 0.6,
    "offset in 16 bits": lambda samples, t_s: np.round((samples + 0.03) * 32767) / 32768,
    "offset that jumps": lambda samples, t_s: samples + 0.3 * (t_s > 9.5),
    "slow drift": lambda samples, t_s: samples + 0.3 * np.sin(2 * np.pi * t_s / 7),
    "rumble": hum(25, -15),
    "rumble that comes and goes": lambda samples, t_s: (
        hum(25, -15)(samples, t_s) * (t_s % 4 < 2) + samples * (t_s % 4 >= 2)
    ),
    "hum 50 Hz": hum(50, -20),
    "hum 60 Hz": hum(60, -20),
    "hum 100 Hz": hum(100, -20),
    "hum 120 Hz": hum(120, -20),
    "NaN": one_value(np.nan),
    "infinity": one_value(np.inf),
    "far too large": one_value(1e20),
    "every seventh NaN": lambda samples, t_s: np.where(np.arange(len(samples)) % 7, samples, np.nan),
    "denormals": lambda samples, t_s: samples + 1e-41,
}


@pytest.mark.parametrize("trouble", sorted(TROUBLES))
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_faint_cry_is_found_whatever_a_microphone_adds_outside_its_band(bundle, trouble):
    records = listen(bundle, faint_cry_and(TROUBLES[trouble]))
    (event,) = of_kind(records, Event)
    assert 7.5 < event.start_s < 9.5 and 13.0 < event.end_s < 15.5
    assert all(np.isfinite(frame.level_dbfs) for frame in of_kind(records, Frame))


def test_the_level_that_is_shown_is_that_of_the_sound_without_its_offset(bundle):
    noise = 0.01 * np.random.RandomState(0).randn(5 * SAMPLE_RATE)
    for offset in (0.0, 0.3):
        frames = of_kind(listen(bundle, (noise + offset).astype(np.float32)), Frame)
        np.testing.assert_allclose([frame.level_dbfs for frame in frames], -40.0, atol=0.5)


def test_hum_alone_is_not_shown_to_the_detector(bundle):
    """It comes after the room is known, and is 20 dB louder: it is no cry, and nobody need look."""
    noise = 1e-3 * np.random.RandomState(0).randn(60 * SAMPLE_RATE)
    t_s = np.arange(len(noise)) / SAMPLE_RATE
    frames = of_kind(listen(bundle, np.where(t_s < 30, noise, hum(50, -40)(noise, t_s)).astype(np.float32)), Frame)
    assert all(frame.gated for frame in frames if frame.t_s > 35.0)


def test_a_cry_that_sounds_from_the_first_sample_on_counts(bundle, nursery):
    (event,) = of_kind(listen(bundle, nursery[int(CRY_START_S * SAMPLE_RATE) :]), Event)
    assert event.start_s < ONSET_TOLERANCE_S


def test_a_steady_room_is_not_shown_to_the_detector(bundle):
    noise = (1e-3 * np.random.RandomState(0).randn(60 * SAMPLE_RATE)).astype(np.float32)
    late = [frame for frame in of_kind(listen(bundle, noise), Frame) if frame.t_s > 10.0]
    assert all(frame.gated and frame.cry_probability == 0.0 for frame in late)


@pytest.mark.parametrize("n_samples", [1, 3199, 3200, 15999, 16000, 16001, 19199])
def test_at_the_end_a_frame_is_made_whole_and_a_part_of_a_hop_is_none(bundle, n_samples):
    pipeline = Pipeline(bundle)
    noise = (1e-3 * np.random.RandomState(0).randn(n_samples)).astype(np.float32)
    frames = of_kind(pipeline.push(noise) + pipeline.finish(), Frame)
    assert [frame.t_s for frame in frames] == [1.0]


def test_no_samples_no_frames(bundle):
    assert Pipeline(bundle).finish() == []


def test_what_is_not_shown_to_the_detector_has_no_probability(heard):
    gated = [frame for frame in of_kind(heard, Frame) if frame.gated]
    assert len(gated) > 10
    assert {(frame.cry_probability, frame.detector_probability, frame.verified) for frame in gated} == {
        (0.0, 0.0, False)
    }
    shown = [frame for frame in of_kind(heard, Frame) if not frame.gated]
    assert all(frame.detector_probability > 0.0 for frame in shown)


def test_without_a_gate_every_frame_is_shown_to_the_detector(bundle):
    settings = load_settings(None)
    pipeline = Pipeline(bundle, settings._replace(gate=settings.gate._replace(enabled=False)))
    frames = of_kind(pipeline.push(np.zeros(2 * SAMPLE_RATE, np.float32)), Frame)
    assert len(frames) == 6 and not any(frame.gated for frame in frames)
    assert all(frame.detector_probability > 0.0 for frame in frames)


def test_a_cry_is_known_while_it_goes_on(bundle, nursery):
    pipeline = Pipeline(bundle)
    assert not pipeline.is_crying and pipeline.open_event() is None
    pipeline.push(nursery[: 17 * SAMPLE_RATE])
    assert pipeline.is_crying
    so_far = pipeline.open_event()
    assert so_far.start_s == pytest.approx(CRY_START_S, abs=ONSET_TOLERANCE_S)
    assert so_far.end_s == pytest.approx(17.0, abs=1.0) and so_far.cause is None
    (event,) = of_kind(pipeline.finish(), Event)
    assert event.start_s == so_far.start_s
    assert not pipeline.is_crying and pipeline.open_event() is None


@pytest.mark.parametrize(
    "mean_square, dbfs", [(1.0, 0.0), (1e-5, -50.0), (1e-12, -120.0), (1e-13, -120.0), (0.0, -120.0)]
)
def test_no_level_is_below_that_of_digital_silence(mean_square, dbfs):
    assert power_dbfs(mean_square) == pytest.approx(dbfs)


def test_a_frame_that_takes_longer_than_the_configuration_allows_is_a_missed_deadline(bundle):
    settings = load_settings(None)
    assert Pipeline(bundle).timings.budget_s == pytest.approx(0.096)
    assert Pipeline(bundle, settings._replace(budget=settings.budget._replace(frame_ms=50))).timings.budget_s == 0.05


def test_a_loud_clipped_cry_is_still_a_cry(bundle, nursery):
    clipped = np.clip(nursery * 60.0, -1.0, 1.0)
    assert len(of_kind(listen(bundle, clipped), Event)) == 1


def test_every_stage_is_timed(bundle, nursery):
    pipeline = Pipeline(bundle)
    pipeline.push(nursery)
    stages = [row.stage for row in pipeline.timings.table()]
    assert stages[:5] == ["high_pass", "log_mel", "gate", "detector", "episodes"] and stages[-1] == "frame"


def test_an_open_threshold_below_the_bundles_close_threshold_lowers_both(bundle):
    decision = load_settings(None).decision._replace(open_threshold=0.1)
    rules = episode_rules(bundle.decision, decision)
    assert rules.open_threshold == rules.close_threshold == 0.1


class StandingClock(object):
    """A clock that only moves while a stage works."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s

    def slowed(self, method, seconds):
        """The method, taking so long."""

        def slow(*arguments):
            self.now_s += seconds
            return method(*arguments)

        return slow


def test_each_stage_is_charged_with_its_own_time_and_the_frame_with_all_of_it(bundle, nursery, monkeypatch):
    clock = StandingClock()
    monkeypatch.setattr("edge.pipeline.perf_counter", clock)
    pipeline = Pipeline(bundle, load_settings(None))
    costs_s = {"high_pass": 0.002, "log_mel": 0.010, "gate": 0.003, "detector": 0.005, "episodes": 0.007}
    workers = [("_high_pass", "push"), ("_log_mel", "push_into"), ("_gate", "update")]
    workers += [("_detector", "calibrated_logit"), ("_episodes", "update")]
    for (owner, name), cost_s in zip(workers, costs_s.values()):
        worker = getattr(pipeline, owner)
        monkeypatch.setattr(worker, name, clock.slowed(getattr(worker, name), cost_s))
    cry = nursery[int((CRY_START_S + 1) * SAMPLE_RATE) :][: 3 * SAMPLE_RATE]
    pipeline.push(cry)
    for stage, cost_s in costs_s.items():
        row = pipeline.timings.row(stage)
        assert (row.min_ms, row.max_ms) == (pytest.approx(1000 * cost_s), pytest.approx(1000 * cost_s)), stage
    assert pipeline.timings.row("frame").max_ms == pytest.approx(1000 * sum(costs_s.values()))
    assert pipeline.timings.row("high_pass").n == 15 and pipeline.timings.row("episodes").n == 11  # from 1 s on
