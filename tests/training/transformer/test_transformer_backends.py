"""The Transformer on another backend promises the same outputs of the same weights, and mixed precision that learns."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.transformer.model import build_classifier, build_denoiser, with_adapters  # noqa: E402
from training.transformer.presets import PRESETS  # noqa: E402

TINY, LABELS = PRESETS["tiny"], 3
OTHERS = [name for name in ("torch", "jax") if name != keras.backend.backend() and importlib.util.find_spec(name)]

ELSEWHERE = """
import sys
from dataclasses import replace
import keras, numpy as np
from training.layers.attention import TransformerBlock
from training.transformer.losses import denoising_loss
from training.transformer.model import build_classifier, build_denoiser, joined, merged, with_adapters
from training.transformer.presets import PRESETS

tiny, numpy = PRESETS["tiny"], keras.ops.convert_to_numpy
given, found = np.load(sys.argv[1]), {}
x = given["x"]

denoiser, classifier = build_denoiser(tiny), build_classifier(tiny, 3)
for name, model in (("denoiser", denoiser), ("adapted", with_adapters(classifier, tiny.lora_rank))):
    model.set_weights([given["%s_%d" % (name, n)] for n in range(len(model.weights))])
    found[name] = numpy(model(x))
found["merged"] = numpy(merged(model)(x))

tokens = 300 * np.random.default_rng(3).normal(size=(2, 13, 64)).astype(np.float32)
block, half = TransformerBlock(4, 128), TransformerBlock(4, 128, dtype="mixed_float16")
block.build(tokens.shape)
half.build(tokens.shape)
half.set_weights(block.get_weights())
found["tokens"], found["half_tokens"] = numpy(block(tokens)), numpy(half(tokens)).astype(np.float32)

keras.mixed_precision.set_global_policy("mixed_float16")
keras.utils.set_random_seed(1)
sure = replace(tiny, dropout=0.0)  # what is dropped makes a few steps go up and down
model = joined(build_denoiser(sure), build_classifier(sure, 3))
found["dtypes"] = np.array([str(out.dtype) for out in model.outputs])
losses = {"clean": denoising_loss, "cause": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
model.compile(keras.optimizers.Adam(2e-3), losses)
targets = {"clean": 0.5 * x, "cause": np.arange(len(x)) % 3}
found["losses"] = np.array([model.train_on_batch(x, targets, return_dict=True)["loss"] for _ in range(8)])
np.savez(sys.argv[2], **found)
"""


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(5).normal(size=(3, 98, TINY.n_mels, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def models():
    """Their weights and moments not where they start."""
    keras.utils.set_random_seed(1)
    made = {
        "denoiser": build_denoiser(TINY),
        "adapted": with_adapters(build_classifier(TINY, LABELS), TINY.lora_rank),
    }
    rng = np.random.default_rng(4)
    for model in made.values():
        model.set_weights([w + (0.05 * np.abs(rng.normal(size=w.shape))).astype(w.dtype) for w in model.get_weights()])
    return made


@pytest.fixture(scope="module", params=OTHERS or [None])
def elsewhere(request, models, x, tmp_path_factory):
    """What another backend computes."""
    if request.param is None:
        pytest.skip("no other backend is installed")
    folder = tmp_path_factory.mktemp(request.param)
    weights = {f"{name}_{n}": w for name, model in models.items() for n, w in enumerate(model.get_weights())}
    np.savez(folder / "given.npz", x=x, **weights)
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(folder / "given.npz"), str(folder / "found.npz")],
        env={**os.environ, "KERAS_BACKEND": request.param, "OMP_NUM_THREADS": "1"},
        check=True,
    )
    return np.load(folder / "found.npz")


@pytest.mark.parametrize("name, found", [("denoiser", "denoiser"), ("adapted", "adapted"), ("adapted", "merged")])
def test_the_same_weights_give_the_same_outputs(models, x, elsewhere, name, found):
    expected = keras.ops.convert_to_numpy(models[name](x))
    np.testing.assert_allclose(elsewhere[found], expected, atol=1e-4)


def test_norms_and_softmax_stay_float32_in_mixed_precision(elsewhere):
    """The squares of these tokens, and their scores, are beyond half precision."""
    np.testing.assert_allclose(elsewhere["half_tokens"], elsewhere["tokens"], atol=1.0)


def test_mixed_precision_learns_and_answers_in_float32(elsewhere):
    assert set(elsewhere["dtypes"]) == {"float32"}
    losses = elsewhere["losses"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
