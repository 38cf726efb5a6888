"""A vector of unit length that is made of silence: XNNPACK's reciprocal root of zero is NaN."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("tensorflow")

from edge.engines import open_engine  # noqa: E402
from export.convert.keras_to_tflite import keras_to_tflite  # noqa: E402

SHAPE = (1, 8, 8, 3)


@pytest.fixture(scope="module")
def model():
    """Convolved, of unit length at every place, and the mean over the places."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE[1:], batch_size=1)
    x = keras.layers.UnitNormalization()(keras.layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("precision", ["fp32", "dynamic"])
def test_silence_of_unit_length_is_as_in_the_model(model, precision, tmp_path):
    path = tmp_path / "file.tflite"
    path.write_bytes(keras_to_tflite(model, precision, None))
    engine = open_engine({"tflite": str(path)})
    noise = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    for x in (np.zeros(SHAPE, np.float32), noise):
        np.testing.assert_allclose(engine.run(x), np.asarray(model(x)), atol=1e-6 if precision == "fp32" else 0.05)


def test_a_normalisation_that_adds_something_is_left_as_it_is(tmp_path):
    """Layer norms have their epsilon: a maximum there would cost and change nothing."""
    inputs = keras.Input(SHAPE[1:], batch_size=1)
    content = keras_to_tflite(keras.Model(inputs, keras.layers.LayerNormalization()(inputs)), "fp32", None)
    assert b"RSQRT" in content.upper() and b"above_zero" not in content
