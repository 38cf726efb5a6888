"""What the Transformer's graphs promise to export: they convert, and are the same function in every engine."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("tf2onnx")
keras = pytest.importorskip("keras")

from export.convert.keras_to_onnx import keras_to_onnx  # noqa: E402
from export.convert.keras_to_tflite import keras_to_tflite  # noqa: E402
from export.report.cost import onnx_cost  # noqa: E402
from export.tensorrt_lint import lint  # noqa: E402
from training.transformer.model import build_classifier, build_denoiser, joined  # noqa: E402
from training.transformer.presets import PRESETS  # noqa: E402
from training.transformer.sizes import multiply_adds  # noqa: E402

SMALL = replace(PRESETS["tiny"], layers=1, causal=True)  # one block converts as two do; without a mask, less is there
UNWANTED = {"Einsum", "Erf", "Resize", "Upsample", "LayerNormalization", "Gelu", "Loop", "If"}


def frame():
    return np.random.default_rng(5).normal(size=(1, 98, SMALL.n_mels, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    """Denoiser and classifier with batch 1, weights and moments not where they start."""
    keras.utils.set_random_seed(1)
    both = joined(build_denoiser(SMALL), build_classifier(SMALL, 3))
    rng = np.random.default_rng(4)
    both.set_weights([w + (0.05 * np.abs(rng.normal(size=w.shape))).astype(w.dtype) for w in both.get_weights()])
    fixed = keras.Input(batch_shape=(1, *both.input.shape[1:]), name=both.input.name)
    return keras.Model(fixed, both(fixed, training=False))


@pytest.fixture(scope="module")
def expected(model):
    return {name: keras.ops.convert_to_numpy(value) for name, value in model(frame()).items()}


def assert_same(found, expected):
    assert set(found) == {"clean", "cause"}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4)


def test_tflite_is_the_same_function(model, expected):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=keras_to_tflite(model, "fp32", None), num_threads=1)
    assert_same(interpreter.get_signature_runner()(noisy=frame()), expected)


def test_onnx_is_the_same_function_and_tensorrt_imports_it(model, expected):
    onnxruntime = pytest.importorskip("onnxruntime")
    content = keras_to_onnx(model)
    assert lint(content) == []
    cost = onnx_cost(content)
    assert not UNWANTED & set(cost.operators)
    assert cost.multiply_adds == sum(multiply_adds(model).values())
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert_same(dict(zip(names, session.run(None, {"noisy": frame()}), strict=True)), expected)
