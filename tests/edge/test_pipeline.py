"""The whole path on made-up nurseries: cries become events, the rest does not, whatever the block size."""

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.config import load_settings
from edge.decision.rules import episode_rules
from edge.frames import SAMPLE_RATE
from edge.pipeline import Pipeline, rms_dbfs
from edge.records import Alert, Event, Frame
from edge.synthesis import infant_cry

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
    quiet = nursery * np.float32(10 ** ((-50.0 - rms_dbfs(nursery[8 * SAMPLE_RATE : 18 * SAMPLE_RATE])) / 20))
    assert len(of_kind(listen(bundle, quiet), Event)) == 1


def test_a_cry_that_sounds_from_the_first_sample_on_counts(bundle, nursery):
    (event,) = of_kind(listen(bundle, nursery[int(CRY_START_S * SAMPLE_RATE) :]), Event)
    assert event.start_s < ONSET_TOLERANCE_S


def test_a_steady_room_is_not_shown_to_the_detector(bundle):
    noise = (1e-3 * np.random.RandomState(0).randn(60 * SAMPLE_RATE)).astype(np.float32)
    late = [frame for frame in of_kind(listen(bundle, noise), Frame) if frame.t_s > 10.0]
    assert all(frame.gated and frame.cry_probability == 0.0 for frame in late)


def test_a_recording_shorter_than_a_frame_is_padded_to_one(bundle):
    assert len(of_kind(listen(bundle, np.full(4000, 0.01, np.float32)), Frame)) == 1


def test_no_samples_no_frames(bundle):
    assert Pipeline(bundle).finish() == []


def test_a_loud_clipped_cry_is_still_a_cry(bundle, nursery):
    clipped = np.clip(nursery * 60.0, -1.0, 1.0)
    assert len(of_kind(listen(bundle, clipped), Event)) == 1


def test_every_stage_is_timed(bundle, nursery):
    pipeline = Pipeline(bundle)
    pipeline.push(nursery)
    assert {"gate", "log_mel", "detector", "episodes", "frame"} <= {row.stage for row in pipeline.timings.table()}


def test_an_open_threshold_below_the_bundles_close_threshold_lowers_both(bundle):
    decision = load_settings(None).decision._replace(open_threshold=0.1)
    rules = episode_rules(bundle.decision, decision)
    assert rules.open_threshold == rules.close_threshold == 0.1
