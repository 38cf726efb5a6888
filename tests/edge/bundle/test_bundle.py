"""A bundle's detector gives the same answers from every engine, wherever the bundle lies."""

import hashlib
import math
import os
import shutil

import numpy as np
import pytest
from example_bundle import SCALE, TEMPERATURE, example_manifest, open_or_skip, write_manifest

from edge.bundle import load_bundle
from edge.bundle.detector import sigmoid
from edge.bundle.model import Thresholds
from edge.dsp import log_mel
from edge.frames import FRAME_LENGTH


@pytest.fixture
def frame():
    """Noise as the front end hears it, (98, 64) float32."""
    samples = np.random.RandomState(1).uniform(-0.3, 0.3, FRAME_LENGTH).astype(np.float32)
    return log_mel.log_mel(samples)


def test_loaded_bundle_says_what_it_is(folder):
    bundle = open_or_skip(folder)
    assert (bundle.name, bundle.version) == ("tiny", "0.0.1")
    with open(os.path.join(folder, "manifest.json"), "rb") as handle:
        assert bundle.sha256 == hashlib.sha256(handle.read()).hexdigest()
    assert bundle.decision.thresholds == Thresholds(0.7, 0.4, None)
    assert bundle.detector.engine_name


def test_probability_is_the_tempered_sigmoid_of_the_network(folder, frame):
    """Against the network written out in NumPy: convolution, relu, mean, dense."""
    bundle = open_or_skip(folder)
    bundle.warm_up()
    x = (frame.astype(np.float64) - frame.astype(np.float64).mean()) / SCALE
    shapes = ((5, 2, 1, 4), (4,), (4, 1), (1,))
    weights = [np.cos(np.arange(int(np.prod(s))) * 1.7 + 2.0).reshape(s) for s in shapes]
    patches = np.array([[x[4 * i : 4 * i + 5, 4 * j : 4 * j + 2] for j in range(16)] for i in range(24)])
    hidden = np.maximum(np.einsum("ijab,abk->ijk", patches, weights[0][:, :, 0]) + weights[1], 0)
    logit = float((hidden.mean((0, 1)).dot(weights[2]) + weights[3])[0])
    assert bundle.detector.logit(frame) == pytest.approx(logit, abs=1e-4)
    expected = 1 / (1 + math.exp(-logit / TEMPERATURE))
    assert bundle.detector.probability(frame) == pytest.approx(expected, abs=1e-4)


def test_every_engine_gives_the_same_probability(folder, frame):
    """The TFLite file and the ONNX file of one bundle agree to 1e-4."""
    manifest = example_manifest(folder)
    model = manifest["models"][0]
    answers = []
    for engine_format in ("tflite", "onnx"):
        only = dict(model, files={engine_format: model["files"][engine_format]})
        write_manifest(folder, dict(manifest, models=[only]))
        answers.append(open_or_skip(folder).detector.probability(frame))
    assert answers[0] == pytest.approx(answers[1], abs=1e-4)


def test_louder_is_not_different(folder, frame):
    """frame_mean removes gain: adding a constant to ln-mel changes nothing."""
    detector = open_or_skip(folder).detector
    louder = detector.probability(frame + np.float32(2.5))
    assert louder == pytest.approx(detector.probability(frame), abs=1e-5)


def test_frame_of_another_shape_is_a_value_error(folder):
    with pytest.raises(ValueError, match=r"\(98, 64\), got \(97, 64\)"):
        open_or_skip(folder).detector.probability(np.zeros((97, 64), np.float32))


def test_a_bundle_can_be_moved(folder, frame, tmp_path_factory):
    probability = open_or_skip(folder).detector.probability(frame)
    moved = str(tmp_path_factory.mktemp("elsewhere") / "bundle")
    shutil.copytree(folder, moved)
    assert load_bundle(moved).detector.probability(frame) == probability


@pytest.mark.parametrize("logit", [-1e4, -40.0, -1.0, 0.0, 1.0, 40.0, 1e4])
def test_sigmoid_never_overflows(logit):
    assert sigmoid(logit) == pytest.approx(0.5 * (1 + math.tanh(logit / 2)), abs=1e-15)
