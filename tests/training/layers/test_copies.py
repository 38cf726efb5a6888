"""A model's copy says what the model says, whatever its layers make of their weights."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.layers.copies import copied  # noqa: E402


def test_an_adapted_normalisation_is_copied_too():
    normalisation = keras.layers.Normalization()
    rng = np.random.default_rng(0)
    normalisation.adapt(rng.normal(3.0, 5.0, (64, 6)).astype(np.float32))
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(2)(normalisation(inputs)))
    x = rng.normal(3.0, 5.0, (8, 6)).astype(np.float32)
    copy = copied(model)
    expected = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(copy(x)), expected, atol=1e-5)
    copy.layers[-1].set_weights([np.zeros((6, 2)), np.zeros(2)])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(x)), expected)
