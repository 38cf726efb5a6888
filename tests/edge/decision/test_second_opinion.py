"""The verifier in the path: asked while the detector is suspicious, seldom, and decisive."""

import json
import math
import os

import numpy as np
import pytest
from expert_bundle import write_manifest
from verifier_bundle import (
    CASCADE,
    DECISION,
    hiss,
    quiet,
    tone,
    verifier_entry,
    write_bundle_with_everything,
    write_verifier_bundle,
)

from edge.bundle import load_bundle
from edge.bundle.verifier import check_speed
from edge.config import default_settings
from edge.decision.second_opinion import SecondOpinion
from edge.doctor.finding import OK, WARNING
from edge.doctor.models import model_findings
from edge.dsp.yamnet_patch import PATCH_LENGTH, yamnet_patch
from edge.errors import UserError
from edge.pipeline import Pipeline
from edge.records import Alert, Event, Frame

HOP = 3200


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    try:
        return load_bundle(write_verifier_bundle(str(tmp_path_factory.mktemp("verified"))))
    except UserError as error:
        pytest.skip("no inference engine here: {}".format(error))


def heard(bundle, samples, block=HOP):
    pipeline = Pipeline(bundle)
    records = []
    for first in range(0, len(samples), block):
        records += pipeline.push(samples[first : first + block])
    return records + pipeline.finish(), pipeline


def of_kind(records, kind):
    return [record for record in records if isinstance(record, kind)]


def hops_asked(bundle, samples):
    """Hops in which the verifier was asked."""
    pipeline, asked, before = Pipeline(bundle), [], 0
    for hop in range(len(samples) // HOP):
        pipeline.push(samples[hop * HOP : (hop + 1) * HOP])
        now = count(pipeline)
        if now > before:
            asked.append(hop)
        before = now
    return asked


def count(pipeline):
    return sum(row.n for row in pipeline.timings.table() if row.stage == "verifier")


def test_what_the_detector_suspects_is_a_cry_only_when_the_verifier_says_so(bundle):
    samples = np.concatenate([quiet(3), hiss(6), quiet(8), tone(6), quiet(8)])
    (event,) = of_kind(heard(bundle, samples)[0], Event)
    assert event.start_s == pytest.approx(17.0, abs=0.7)
    alone = bundle._replace(verifier=None)
    assert len(of_kind(heard(alone, samples)[0], Event)) == 2


def test_nobody_asks_it_while_nothing_is_suspicious(bundle):
    assert hops_asked(bundle, quiet(10)) == []


def test_it_is_asked_at_once_and_a_second_longer_in_every_hop_until_there_is_an_alert(bundle):
    samples = np.concatenate([quiet(3), tone(4), quiet(6)])
    asked = hops_asked(bundle, samples)
    first, last_suspicious = 3 * 5, 7 * 5 + 4 - 1  # a frame of which a hop sounds; the last frame of which one does
    assert asked[0] == first
    (alert,) = of_kind(heard(bundle, samples)[0], Alert)
    alerted = int(round(alert.t_s * 5)) - 1
    until = [hop for hop in asked if hop <= alerted]
    assert until == list(range(first, alerted + 1)) and len(until) > 1
    assert set(np.diff([hop for hop in asked if hop >= alerted])) == {3}
    assert last_suspicious + 5 - 3 < asked[-1] <= last_suspicious + 5


def test_where_suspicion_is_only_held_it_is_asked_every_second_hop(bundle):
    opinion, gate = SecondOpinion(bundle.verifier, lambda n: np.zeros(n, np.float32)), bundle.verifier.cascade.gate
    suspicious, unsuspicious = math.log(gate / (1.0 - gate)) + 1.0, math.log(gate / (1.0 - gate)) - 1.0
    asked = []
    for logit in [suspicious] * 2 + [unsuspicious] * 6 + [suspicious]:
        opinion.probability(logit)
        asked.append(opinion.was_asked)
    assert asked == [True, True, False, True, False, True, False, False, True]


def test_an_answer_is_of_the_newest_patch_and_counts_until_the_next(bundle):
    samples = np.concatenate([quiet(2), tone(1.6), hiss(1.4)])
    pipeline, answer = Pipeline(bundle, one_frame_smoothing()), None
    for hop in range(len(samples) // HOP):
        before = count(pipeline)
        frames = of_kind(pipeline.push(samples[hop * HOP : (hop + 1) * HOP]), Frame)
        end = (hop + 1) * HOP
        if count(pipeline) > before:
            answer = bundle.verifier.logits(samples[end - PATCH_LENGTH : end]).copy()
        for frame in frames:
            assert frame.verified == (answer is not None)
            if frame.verified:
                logit = np.log(frame.detector_probability / (1 - frame.detector_probability + 1e-300))
                if np.isfinite(logit) and frame.detector_probability < 1 - 1e-9:
                    assert frame.cry_probability == pytest.approx(bundle.verifier.probability(logit, answer), rel=1e-6)
    assert answer is not None and hops_asked(bundle, samples)


def one_frame_smoothing():
    settings = default_settings()
    return settings._replace(decision=settings.decision._replace(smoothing_frames=1))


def test_both_count_as_the_manifest_says(bundle):
    logits = np.array([1.5, -0.5], np.float32)
    evidence = CASCADE["bias"] + CASCADE["detector_weight"] * 2.0
    asked, unasked = bundle.verifier.probability(2.0, logits), bundle.verifier.probability(2.0)
    assert asked == pytest.approx(1 / (1 + np.exp(-(evidence + 2.0 * 1.5 - 1.0 * 0.5))))
    assert unasked == pytest.approx(1 / (1 + np.exp(-(evidence - 4.0 * 3.0))))


@pytest.mark.parametrize("block", [161, HOP, 5 * HOP + 7, 10**7])
def test_blocks_of_any_size_make_the_same_records(bundle, block):
    samples = np.concatenate([quiet(2), tone(3), hiss(2), quiet(7), tone(1.5)])
    assert heard(bundle, samples, block)[0] == heard(bundle, samples)[0]


def test_its_thresholds_are_its_own(bundle):
    assert bundle.decision.thresholds.open_threshold == DECISION["open_threshold"]
    assert bundle._replace(verifier=None).decision.thresholds.open_threshold == 0.6


def test_a_patch_alone_and_in_the_stream_are_one(bundle):
    samples = hiss(1)[:PATCH_LENGTH]
    bundle.verifier.look_at(yamnet_patch(samples))
    assert bundle.verifier.output[0].tolist() == bundle.verifier.logits(samples).tolist()


def test_experts_rest_in_its_hops_and_say_what_they_say_without_it(tmp_path):
    try:
        bundle = load_bundle(write_bundle_with_everything(str(tmp_path)))
    except UserError as error:
        pytest.skip("no inference engine here: {}".format(error))
    samples = np.concatenate([quiet(3), tone(9), quiet(9)])
    pipeline, stages, events, hops_of_both = Pipeline(bundle), [], [], 0
    pipeline.timings.add = lambda stage, seconds: stages.append(stage)
    for hop in range(len(samples) // HOP):
        del stages[:]
        events += of_kind(pipeline.push(samples[hop * HOP : (hop + 1) * HOP]), Event)
        hops_of_both += "verifier" in stages and any("expert" in stage or stage == "denoiser" for stage in stages)
    (event,) = events
    assert hops_of_both == 0
    restless = Pipeline(bundle)
    follow = restless._experts.follow
    restless._experts.follow = lambda records, episodes, rest: follow(records, episodes)
    (same,) = of_kind(restless.push(samples) + restless.finish(), Event)
    assert (same.start_s, same.end_s, same.cause) == (event.start_s, event.end_s, event.cause)
    assert same.posterior == pytest.approx(event.posterior, abs=1e-6)
    assert len(same.readings) == len(event.readings) == 3


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"labels": ["cry"]}, "weights"),
        ({"feature": {"name": "log_mel", "parameters": {}}}, "feature.name"),
        ({"cascade": dict(CASCADE, gate=1.5)}, "gate"),
        ({"cascade": dict(CASCADE, weights=[1.0])}, "weights"),
        ({"decision": {"open_threshold": 0.2, "close_threshold": 0.5}}, "close_threshold"),
    ],
)
def test_a_verifier_that_cannot_be_is_left_out_and_the_rest_hears(tmp_path, changes, said):
    directory = write_verifier_bundle(str(tmp_path), **changes)
    check_left_out(directory, said)


@pytest.mark.parametrize("harm", ["gone", "damaged", "cut"])
def test_a_verifier_whose_file_is_not_what_the_manifest_says_is_left_out(tmp_path, harm):
    directory = write_verifier_bundle(str(tmp_path))
    for kind in ("tflite", "onnx"):
        path = os.path.join(directory, "verifier.fp32." + kind)
        with open(path, "rb") as file:
            content = file.read()
        os.remove(path)
        if harm != "gone":
            with open(path, "wb") as file:
                file.write(content[:100] if harm == "cut" else b"\0" + content[1:])
    check_left_out(directory, "verifier.fp32.")


def test_a_verifier_of_other_outputs_is_left_out(tmp_path):
    directory = str(tmp_path)
    write_verifier_bundle(directory)
    with open(os.path.join(directory, "manifest.json")) as file:
        manifest = json.load(file)
    cascade = dict(CASCADE, weights=[1.0, 0.5, 0.1], unasked=[0.0] * 3)
    manifest["models"][1] = verifier_entry(directory, labels=["a", "b", "c"], cascade=cascade)
    write_manifest(directory, manifest)
    check_left_out(directory, "expected")


def check_left_out(directory, said):
    try:
        bundle = load_bundle(directory)
    except UserError as error:
        if "no inference engine" in str(error) or "install" in str(error):
            pytest.skip(str(error))
        raise
    (line,) = bundle.left_out
    assert line.startswith("the verifier is left out, and the detector decides alone: ") and said in line
    assert "\n" not in line
    assert of_kind(heard(bundle, np.concatenate([quiet(3), hiss(4), quiet(8)]))[0], Alert)


@pytest.mark.parametrize("below, is_asked", [(0.0, True), (1e-9, False)])
def test_the_gate_itself_is_suspicious(bundle, below, is_asked):
    opinion = SecondOpinion(bundle.verifier, lambda n: np.zeros(n, np.float32))
    gate = bundle.verifier.cascade.gate
    opinion.probability(math.log(gate / (1.0 - gate)) - below)
    assert opinion.was_asked is is_asked


def test_a_verifier_s_time_is_told_in_milliseconds(bundle, monkeypatch):
    moments = iter([0.0, 2.0, 2.0, 3.5, 3.5, 5.5])  # the best of three counts
    monkeypatch.setattr("edge.bundle.verifier.perf_counter", lambda: next(moments))
    with pytest.raises(UserError, match="the verifier takes 1500 ms an answer on this board, at most"):
        check_speed(bundle.verifier)


def test_a_verifier_that_is_too_slow_for_the_board_is_refused(bundle, monkeypatch):
    check_speed(bundle.verifier)
    monkeypatch.setattr("edge.bundle.verifier.LONGEST_S", 0.0)
    with pytest.raises(UserError, match="the verifier takes .* ms an answer on this board"):
        check_speed(bundle.verifier)


def test_doctor_says_what_is_left_out_and_what_the_thresholds_came_to(tmp_path):
    measured = {"false_alarms_per_hour": 0.3, "cries_found": 0.91}
    named = {name: dict(DECISION, **measured) for name in ("low", "normal", "high")}
    directory = write_verifier_bundle(str(tmp_path), decision=dict(DECISION, sensitivities=named))
    settings = default_settings()

    def found(settings=settings):
        return {finding.name: finding for finding in model_findings(directory, settings)}

    if found()["engine"].state != OK:
        pytest.skip("no inference engine here")
    assert "91 % of single cries of 3 to 6 s found and 0.3 false alarms an hour" in found()["sensitivity"].found
    own = settings._replace(decision=settings.decision._replace(open_threshold=0.5))
    assert "decision.open_threshold = 0.5" in found(own)["sensitivity"].found
    os.remove(os.path.join(directory, "verifier.fp32.tflite"))
    assert found()["verifier"].state == WARNING and found()["bundle"].state == OK
