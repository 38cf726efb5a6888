"""A model that begins to answer what is no number while it runs is left out and said; the rest hears on."""

import numpy as np
import pytest
from expert_bundle import open_or_skip, write_expert_bundle
from frame_bundle import write_frame_bundle
from loud_bundle import noise_burst, write_loud_bundle
from verifier_bundle import write_verifier_bundle

from edge.decision.left_out import LeftOut, is_answer
from edge.pipeline import Pipeline
from edge.records import Alert, Event, Frame

HOP = 3200


@pytest.fixture
def heard(tmp_path):
    """heard(write, spoil, samples) -> (records of one pipeline, [(title, text)] that it said); spoil(bundle) first."""

    def heard(write, spoil, samples):
        write(str(tmp_path))
        bundle, said = open_or_skip(str(tmp_path)), []
        pipeline = Pipeline(bundle, say=lambda *words: said.append(words[:2]))
        records = []
        for begin in range(0, len(samples), HOP):
            spoil(bundle, begin / 16000.0)
            records += pipeline.push(samples[begin : begin + HOP])
        return records + pipeline.finish(), said, pipeline

    return heard


def spoiled(runner, output):
    """Let a real model's every further answer be NaN; returns what undoes it."""
    infer = runner.infer

    def nonsense():
        infer()
        output[...] = np.nan

    runner.infer = nonsense
    return lambda: setattr(runner, "infer", infer)


def of_kind(records, kind):
    return [record for record in records if isinstance(record, kind)]


def test_numbers_are_answers():
    assert is_answer(np.array([1.0, -2.0], np.float32))
    assert not is_answer(np.array([1.0, np.nan], np.float32))
    assert not is_answer(np.array([np.inf, 0.0], np.float32))


def test_each_is_said_once():
    said = []
    left_out = LeftOut(lambda *words: said.append(words))
    for _ in range(3):
        left_out.add("detector", "nothing is heard")
    assert said == [("detector", "it answers what is no number: nothing is heard", False)]
    left_out.remove("detector")
    left_out.remove("detector")
    assert said[1:] == [("detector", "it answers again", True)] and left_out.reasons == {}


def test_where_nobody_asks_to_be_told_it_is_in_the_log(caplog):
    LeftOut().add("detector", "nothing is heard")
    assert "the detector: it answers what is no number: nothing is heard" in caplog.text


def test_a_detector_that_answers_nothing_is_said_and_heard_again(heard):
    undo = []

    def spoil(bundle, t_s):
        if t_s == 4.0:
            undo.append(spoiled(bundle.detector, bundle.detector.output))
        if t_s == 20.0:
            undo.pop()()

    samples = np.concatenate([noise_burst(), noise_burst()])
    records, said, pipeline = heard(write_loud_bundle, spoil, samples)
    assert said == [
        ("detector", "it answers what is no number: no cry is heard until it answers again"),
        ("detector", "it answers again"),
    ]
    frames = of_kind(records, Frame)
    assert np.isfinite([frame.cry_probability for frame in frames]).all()
    assert [event.start_s > 22.0 for event in of_kind(records, Event)] == [True]
    assert pipeline.left_out.reasons == {}


def test_an_expert_that_answers_nothing_is_left_out(heard):
    def spoil(bundle, t_s):
        if t_s == 10.0:
            (android,) = [expert for expert in bundle.experts if expert.name == "android"]
            spoiled(android._engine, android._engine.outputs["cause"])

    records, said, pipeline = heard(write_expert_bundle, spoil, noise_burst())
    assert said == [
        ("expert android", "it answers what is no number: causes are named without android until the next start")
    ]
    (event,) = of_kind(records, Event)
    assert [reading.expert for reading in event.readings] == ["ios"]
    assert event.cause is None  # what the rule promises was measured with both
    assert np.isfinite(list(event.posterior.values())).all()
    assert list(pipeline.left_out.reasons) == ["expert android"]


def test_a_denoiser_that_answers_nothing_takes_those_behind_it_along(heard):
    def spoil(bundle, t_s):
        if t_s == 10.0:
            spoiled(bundle.denoiser, bundle.denoiser.output)

    records, said, _ = heard(write_frame_bundle, spoil, noise_burst())
    assert said == [("denoiser", "it answers what is no number: causes are named without narrow until the next start")]
    (event,) = of_kind(records, Event)
    assert [reading.expert for reading in event.readings] == ["wide", "ios"]


def test_when_all_experts_are_left_out_events_have_no_cause(heard):
    def spoil(bundle, t_s):
        if t_s == 10.0:
            for expert in bundle.experts:
                spoiled(expert._engine, expert._engine.outputs["cause"])

    samples = np.concatenate([noise_burst(), noise_burst()])
    records, said, _ = heard(write_expert_bundle, spoil, samples)
    assert len(said) == 2
    events = of_kind(records, Event)
    assert [event.posterior for event in events] == [{}, {}]


def test_without_its_verifier_the_detector_decides_alone(heard):
    def spoil(bundle, t_s):
        if t_s == 0.0:
            spoiled(bundle.verifier, bundle.verifier.output)

    records, said, pipeline = heard(write_verifier_bundle, spoil, noise_burst())
    assert said == [("verifier", "it answers what is no number: the detector decides alone until the next start")]
    assert len(of_kind(records, Alert)) == 1  # the verifier calls hiss no cry, the loud detector does
    assert np.isfinite([frame.cry_probability for frame in of_kind(records, Frame)]).all()
