"""A float32 file that differs from the model: by its own fault, or because the model rounds as much itself."""

from dataclasses import replace

import numpy as np
import pytest

from export.convert.files import convert
from export.convert.keras_graph import with_batch_of_one
from export.convert.keras_to_onnx import keras_to_onnx
from export.networks import state_shapes
from export.onnx_model import OnnxModel
from export.parity.double_precision import double_answers, double_outputs
from export.parity.measure import measure
from export.parity.rounding import where_rounding_grows
from export.sources.loading import load_model
from export.targets import ONNX_FP32, Target

SHIFT = 2e-3  # of a logit: up to 5e-4 of a probability


@pytest.fixture(scope="module")
def evidence(keras, model_dir, calibration_dir):
    model = load_model(model_dir / "detector.keras", model_dir / "model.json")
    return model.kind.evidence(model, [model], calibration_dir)


@pytest.fixture(scope="module")
def files(evidence):
    return convert(evidence.model, Target("whole", "fp32", "any", (ONNX_FP32,)), evidence.feeds, print).files


def test_a_model_in_double_precision_says_the_same_with_more_digits(keras, evidence):
    inputs = np.concatenate([stream[0]["features"] for stream in evidence.streams])
    double = double_outputs(evidence.model.trained, inputs)
    assert double.dtype == np.float64 and 0 < np.abs(double - evidence.reference).max() < 1e-4
    np.testing.assert_allclose(evidence.double(), double)


@pytest.mark.parametrize(
    ("model_is_off", "double_is_known", "refused"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_a_file_may_be_off_by_what_the_model_itself_rounds_by(evidence, files, model_is_off, double_is_known, refused):
    """off: the model, or else the file, is a shift away from double precision."""
    true = evidence.double()
    double = true if model_is_off else true + SHIFT
    shifted = replace(
        evidence,
        reference=(evidence.reference + SHIFT).astype(np.float32),
        double=lambda: double if double_is_known else None,
    )
    (row,) = measure(files, shifted).rows
    assert bool(row["violations"]) is refused
    assert ("beside_double_precision" in row) is double_is_known
    assert "beside_double_precision" not in measure(files, evidence).rows[0]  # within 1e-4 nobody asks


def test_an_onnx_file_in_double_precision_says_what_its_keras_model_says_there(evidence):
    """Two that compute it: TensorFlow, and ONNX's reference of weights into which batch norms are folded."""
    inputs = np.concatenate([stream[0]["features"] for stream in evidence.streams[:6]])
    file = OnnxModel(keras_to_onnx(evidence.model.fixed))
    double = double_outputs(file, inputs)
    assert double.dtype == np.float64
    np.testing.assert_allclose(double, double_outputs(evidence.model.trained, inputs), rtol=1e-6)


def test_a_step_that_remembers_is_in_double_precision_from_step_to_step(keras):
    x, h = keras.Input(batch_shape=(1, 5), name="features"), keras.Input(batch_shape=(1, 4), name="state_h")
    new, _ = keras.layers.GRUCell(4)(x, [h])
    step = keras.Model([x, h], {"logits": keras.layers.Dense(1)(new), "new_state_h": keras.layers.Identity()(new)})
    rng = np.random.default_rng(2)
    stream = [{"features": rng.normal(size=(1, 5)).astype(np.float32)} for _ in range(3)]
    states = state_shapes(step)
    by_keras = double_answers(step, [stream], states)
    file = OnnxModel(keras_to_onnx(step), states={"state_h": ("state_h", "new_state_h")})
    assert by_keras.dtype == np.float64 and by_keras.shape == (3, 1)
    np.testing.assert_allclose(double_answers(file, [stream], states), by_keras, rtol=1e-9, atol=1e-9)


def test_an_adapted_normalisation_is_in_double_precision_too(keras):
    layer = keras.layers.Normalization()
    rng = np.random.default_rng(0)
    layer.adapt(rng.normal(3.0, 5.0, (64, 6)).astype(np.float32))
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    x = rng.normal(3.0, 5.0, (8, 6)).astype(np.float32)
    np.testing.assert_allclose(double_outputs(model, x), np.asarray(model(x)), atol=1e-5)


def test_the_layer_that_makes_rounding_matter_is_named_in_a_model_inside_too(keras):
    """log-mel of some units, scaled as if it were pixels: what tells frames apart is a thousandth of what is left."""
    frame = keras.Input((12, 8, 1))
    x = keras.layers.Rescaling(1 / 1000, offset=-1, name="pixels")(frame)
    inner = keras.Model(frame, keras.layers.Conv2D(4, 3, activation="relu")(x))
    inputs = keras.Input((12, 8, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(inner(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(pooled))
    frames = np.random.default_rng(1).normal(size=(8, 12, 8, 1)).astype(np.float32)
    assert where_rounding_grows(model, frames) == "'pixels' (Rescaling)"
    file = OnnxModel(keras_to_onnx(with_batch_of_one(model)))
    assert "pixels" in where_rounding_grows(file, frames)


def test_a_refused_file_names_that_layer(evidence, files):
    true, shifted = evidence.double(), evidence.reference + np.float32(SHIFT)
    (row,) = measure(files, replace(evidence, reference=shifted, double=lambda: true + SHIFT)).rows
    assert any("float32 rounding grows most at layer '" in text for text in row["violations"])


def test_a_model_that_rounds_by_more_than_half_precision_may_excuses_no_file(evidence, files):
    """What ONNX's reference would compute wrongly is no excuse either."""
    true = evidence.double()
    far = replace(evidence, reference=(evidence.reference + 100 * SHIFT).astype(np.float32), double=lambda: true)
    (row,) = measure(files, replace(far, double=lambda: true + 150 * SHIFT)).rows
    assert row["violations"]
