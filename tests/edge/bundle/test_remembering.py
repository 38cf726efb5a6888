"""A detector that remembers and a verifier, without an engine: what each makes of what its network says."""

from collections import namedtuple

import numpy as np
import pytest

from edge.bundle import frame_network, streamed_detector, verifier
from edge.bundle.detector import sigmoid
from edge.bundle.model import Cascade, Decision, Feature, Model, RowZScore, Step, Thresholds
from edge.bundle.streamed_detector import StreamedDetector
from edge.bundle.verifier import Verifier, check_speed
from edge.dsp import yamnet_patch
from edge.errors import UserError

Engine = namedtuple("Engine", "inputs outputs infer name path")
N_COLUMNS, N_ROWS = 2, 3
MEL = {"frame_columns": 6, "n_mels": 5}
SHAPES = {"features": (1, N_COLUMNS, N_ROWS, 1), "state_sum": (1, N_ROWS)}
OUT_SHAPES = {"logits": (1, 1), "new_state_sum": (1, N_ROWS)}


def model(role, **more):
    fields = dict.fromkeys(Model._fields)
    fields.update(role=role, labels=["cry"], temperature=2.0, is_denoised=False)
    fields.update(more)
    return Model(**fields)


STREAMED = model(
    "detector",
    feature=Feature("mel", MEL, None),
    normalisation=RowZScore([4, 0, 2], [1.0, 2.0, 3.0], [2.0, 4.0, 0.5]),
    step=Step(N_COLUMNS, N_COLUMNS),
    decision=Decision(Thresholds(0.7, 0.4, None), {}),
)


def summing_engine(shapes=None, out_shapes=None):
    """A network whose logit is the sum of all it was ever given."""
    inputs = {name: np.zeros(shape, np.float32) for name, shape in (shapes or SHAPES).items()}
    outputs = {name: np.zeros(shape, np.float32) for name, shape in (out_shapes or OUT_SHAPES).items()}

    def infer():
        outputs["new_state_sum"][...] = inputs["state_sum"] + inputs["features"][0, :, :, 0].sum(axis=0)
        outputs["logits"][...] = outputs["new_state_sum"].sum()

    return Engine(inputs, outputs, infer, "sums", "sums.tflite")


@pytest.fixture
def streamed(monkeypatch):
    """streamed(...) -> a StreamedDetector over such an engine."""

    def streamed(*shapes):
        monkeypatch.setattr(streamed_detector, "open_model", lambda *arguments: summing_engine(*shapes))
        return StreamedDetector(STREAMED, "folder")

    return streamed


def test_each_hop_it_takes_the_new_columns_and_what_it_said_before(streamed):
    detector = streamed()
    frames = np.random.RandomState(0).randn(4, 6, 5).astype(np.float32)
    total = 0.0
    for frame in frames:
        new = (frame[-N_COLUMNS:, [4, 0, 2]] - [1.0, 2.0, 3.0]) / [2.0, 4.0, 0.5]
        total += new.sum()
        assert detector.logit(frame) == pytest.approx(total, abs=1e-4)


def test_it_forgets_where_it_is_not_asked_and_after_it_was_tried(streamed):
    detector = streamed()
    frame = np.random.RandomState(1).randn(6, 5).astype(np.float32)
    first = detector.logit(frame)
    assert detector.logit(frame) == pytest.approx(2 * first, abs=1e-4)
    for forget in (detector.forget, detector.warm_up, lambda: list(detector.answers())):
        forget()
        assert detector.logit(frame) == pytest.approx(first, abs=1e-5)


def test_its_probability_is_that_of_the_tempered_logit(streamed):
    frame = np.random.RandomState(2).randn(6, 5).astype(np.float32)
    logit = streamed().logit(frame)
    assert streamed().probability(frame) == pytest.approx(1 / (1 + np.exp(-logit / 2.0)), abs=1e-6)
    answers = [answer.copy() for _, answer in streamed().answers()]
    assert len(answers) > 2 and not np.array_equal(answers[0], answers[1])


@pytest.mark.parametrize("shape", [(5, 5), (6, 4), (2, 3)])
def test_a_frame_of_another_shape_is_refused(streamed, shape):
    with pytest.raises(ValueError, match="expected a frame of shape"):
        streamed().logit(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "shapes, out_shapes, said",
    [
        (dict(SHAPES, features=(1, 3, N_ROWS, 1)), OUT_SHAPES, "has no input features of shape"),
        ({"state_sum": (1, 3)}, OUT_SHAPES, "has no input features of shape"),
        (SHAPES, dict(OUT_SHAPES, logits=(1, 2)), "an output logits of"),
        (SHAPES, {"new_state_sum": (1, 3)}, "an output logits of"),
        ({"features": SHAPES["features"]}, {"logits": (1, 1)}, "takes the states {} and gives {}"),
        (SHAPES, {"logits": (1, 1)}, "takes the states .* and gives {}"),
        (SHAPES, dict(OUT_SHAPES, new_state_sum=(1, 4)), "takes the states"),
        (dict(SHAPES, sum=(1, 3)), dict(OUT_SHAPES, new_sum=(1, 3)), "takes the states"),
    ],
)
def test_a_network_that_is_no_such_step_is_refused(streamed, shapes, out_shapes, said):
    with pytest.raises(UserError, match="the detector in folder .*{}.*export the bundle again".format(said)):
        streamed(shapes, out_shapes)


CASCADE = Cascade(0.1, 1.0, -0.5, 0.8, [2.0, -1.0], [0.25, 0.5])


@pytest.fixture
def second(monkeypatch):
    """A Verifier whose network says 3 and 1, and counts how often it was asked."""
    inputs = {"patch": np.zeros((1, 96, 64, 1), np.float32)}
    outputs = {"logits": np.array([[3.0, 1.0]], np.float32)}
    asked = []
    engine = Engine(inputs, outputs, lambda: asked.append(inputs["patch"][0, :, :, 0].copy()), "e", "p")
    monkeypatch.setattr(frame_network, "open_model", lambda *arguments: engine)
    described = model(
        "verifier",
        labels=["cry", "speech"],
        feature=Feature("yamnet_patch", yamnet_patch.PARAMETERS, None),
        cascade=CASCADE,
        decision=STREAMED.decision,
    )
    verifier = Verifier(described, "folder")
    verifier.asked = asked
    return verifier


def test_the_verifier_sees_the_picture_of_the_samples(second):
    samples = np.random.RandomState(0).uniform(-0.3, 0.3, second.window_length).astype(np.float32)
    assert second.logits(samples).tolist() == [3.0, 1.0]
    np.testing.assert_array_equal(second.asked[-1], yamnet_patch.yamnet_patch(samples))
    with pytest.raises(ValueError, match=r"expected a frame of shape \(96, 64\)"):
        second.look_at(np.zeros((95, 64), np.float32))


@pytest.mark.parametrize("detector_logit", [-3.0, 0.0, 2.5])
def test_both_networks_make_one_probability(second, detector_logit):
    asked = second.probability(detector_logit, np.array([3.0, 1.0], np.float32))
    assert asked == pytest.approx(sigmoid(-0.5 + 0.8 * detector_logit + 2.0 * 3.0 - 1.0))
    unasked = second.probability(detector_logit)
    assert unasked == pytest.approx(sigmoid(-0.5 + 0.8 * detector_logit + 2.0 * 0.25 - 0.5))


@pytest.mark.parametrize("slowest_ms, is_spared", [(47.0, True), (49.0, False)])
def test_a_board_that_cannot_spare_the_time_does_without(second, monkeypatch, slowest_ms, is_spared):
    """The quickest of three counts, and half of what a frame may take."""
    now_s, costs_s = [0.0], iter([0.5, 1e-3 * slowest_ms, 0.2])
    monkeypatch.setattr(verifier, "perf_counter", lambda: now_s[0])
    monkeypatch.setattr(second, "warm_up", lambda: now_s.__setitem__(0, now_s[0] + next(costs_s)))
    if is_spared:
        check_speed(second)
    else:
        with pytest.raises(UserError, match="takes 49 ms an answer on this board, at most 48 ms can be spared"):
            check_speed(second)
    assert list(costs_s) == []
