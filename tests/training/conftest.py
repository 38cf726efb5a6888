"""Keras on TensorFlow, chosen before anything imports it: export needs it, and the golden values do not care."""

import os
from contextlib import contextmanager

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402


@contextmanager
def computed_at_once():
    """TensorFlow computes at once: of a training of a few steps, making its graph is nearly all of the work."""
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "tensorflow":
        yield
        return
    config = pytest.importorskip("tensorflow").config
    config.run_functions_eagerly(True)
    try:
        yield
    finally:
        config.run_functions_eagerly(False)


@pytest.fixture
def without_graphs():
    with computed_at_once():
        yield


@pytest.fixture(scope="module")
def whole_module_without_graphs():
    with computed_at_once():
        yield
