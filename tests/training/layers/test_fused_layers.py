"""The layers that are quick on PyTorch promise to be Keras' own, weights and all, and to learn like them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")
pytest.importorskip("torch")

REPOSITORY = Path(__file__).parents[3]
COMPARE = """
import keras, numpy as np
from training.causes.architecture import Architecture
from training.causes.model import Fused, build_model
numpy = keras.ops.convert_to_numpy
x = np.random.default_rng(0).normal(size=(6, 9, 13, 1)).astype(np.float32)
for head in ("gru", "lstm", "parallel_lmu", "tt_lstm", "tt_gru"):
    architecture = Architecture(encoder=(4, 3, 2), head=head, rows=13, columns=9, units=5, dropout=0.0)
    keras.utils.set_random_seed(1)
    plain, fused = build_model(architecture, 3), build_model(architecture, 3, Fused)
    losses, weights = [], plain.get_weights()
    fused.set_weights(weights)
    np.testing.assert_allclose(numpy(fused(x)), numpy(plain(x)), atol=1e-5)
    for model in (plain, fused):
        model.set_weights(weights)
        model.compile(keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy(from_logits=True))
        losses.append([float(np.atleast_1d(model.train_on_batch(x, np.eye(3)[[0, 1, 2, 0, 1, 2]]))[0]) for _ in "abc"])
    np.testing.assert_allclose(losses[1], losses[0], atol=1e-4)
    np.testing.assert_allclose(numpy(fused(x)), numpy(plain(x)), atol=2e-3)  # PyTorch's moving variance is unbiased
from training.layers.fused import unfused
from training.layers.res8 import build_res8
fused = build_res8("res8-narrow", (9, 13), 3)
x = np.random.default_rng(0).normal(size=(6, 9, 13, 1)).astype(np.float32)
fused.compile(keras.optimizers.SGD(0.01), keras.losses.CategoricalCrossentropy(from_logits=True))
plain = unfused(fused)
assert not [layer for layer in plain.layers if type(layer).__module__.startswith("training")]
plain.compile(keras.optimizers.SGD(0.01), keras.losses.CategoricalCrossentropy(from_logits=True))
for model in (plain, fused):
    model.train_on_batch(x, np.eye(3)[[0, 1, 2, 0, 1, 2]])
np.testing.assert_allclose(numpy(fused(x)), numpy(plain(x)), atol=2e-2)
np.testing.assert_allclose(numpy(unfused(fused)(x)), numpy(fused(x)), atol=1e-5)
"""


def test_fused_models_answer_and_learn_like_plain_ones():
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", COMPARE]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
