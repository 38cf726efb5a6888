"""What the Transformer's graphs promise to export: they convert to every form, and are the same function there."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("tf2onnx")
keras = pytest.importorskip("keras")

from export.keras_to_onnx import keras_to_onnx, onnx_cost  # noqa: E402
from export.keras_to_tflite import keras_to_tflite  # noqa: E402
from export.tensorrt_lint import lint  # noqa: E402
from training.transformer.model import build_classifier, build_denoiser  # noqa: E402
from training.transformer.presets import PRESETS  # noqa: E402
from training.transformer.sizes import multiply_adds  # noqa: E402

TINY = PRESETS["tiny"]
UNWANTED = {"Einsum", "Erf", "Resize", "Upsample", "LayerNormalization", "Gelu", "Loop", "If"}


def frame(seed=5):
    return np.random.default_rng(seed).normal(size=(1, 98, TINY.n_mels, 1)).astype(np.float32)


@pytest.fixture(
    scope="module", params=[build_denoiser, lambda preset: build_classifier(preset, 3)], ids=["denoiser", "classifier"]
)
def model(request):
    """With batch 1, its weights and moments not where they start."""
    keras.utils.set_random_seed(1)
    trained = request.param(TINY)
    rng = np.random.default_rng(4)
    for weight in trained.weights:
        if "seed" not in weight.path:
            weight.assign(weight + 0.05 * np.abs(rng.normal(size=weight.shape)))
    fixed = keras.Input(batch_shape=(1, *trained.input.shape[1:]), name=trained.input.name)
    return keras.Model(fixed, trained(fixed, training=False))


@pytest.fixture(scope="module")
def expected(model):
    return keras.ops.convert_to_numpy(model(frame()))


def in_litert(content):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], frame())
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_tflite_is_the_same_function(model, expected):
    np.testing.assert_allclose(in_litert(keras_to_tflite(model, "fp32", None)), expected, atol=1e-4)


def test_int8_is_nearly_the_same_function(model, expected):
    feeds = [{model.input.name: frame(seed)} for seed in range(4, 8)]
    error = np.abs(in_litert(keras_to_tflite(model, "int8", feeds)) - expected).max()
    assert error < 0.1 * np.abs(expected).max()


def test_onnx_is_the_same_function_and_tensorrt_imports_it(model, expected):
    onnxruntime = pytest.importorskip("onnxruntime")
    content = keras_to_onnx(model)
    assert lint(content) == []
    cost = onnx_cost(content)
    assert not UNWANTED & set(cost.operators)
    assert cost.multiply_adds == sum(multiply_adds(model).values())
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: frame()})
    np.testing.assert_allclose(found, expected, atol=1e-4)
