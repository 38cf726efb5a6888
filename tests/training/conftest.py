"""Keras on TensorFlow, chosen before anything imports it: export needs it, and the golden values do not care."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402


@pytest.fixture
def without_graphs():
    """TensorFlow computes at once: of a training of a few steps, making its graph is nearly all of the work."""
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        yield
        return
    config = pytest.importorskip("tensorflow").config
    config.run_functions_eagerly(True)
    yield
    config.run_functions_eagerly(False)
