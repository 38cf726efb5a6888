"""Dynamic-range files: int8 where engines are quick so, float where they are not, and the answers of the float file."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
litert = pytest.importorskip("ai_edge_litert.interpreter")
pytest.importorskip("tensorflow")

from export.convert.keras_to_tflite import keras_to_tflite  # noqa: E402

CHANNELS = 64


@pytest.fixture(scope="module")
def files():
    """(dynamic, fp32) of a network with plain, depthwise and transposed convolutions and a dense layer."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, CHANNELS), batch_size=1)
    x = keras.layers.Conv2D(CHANNELS, 3, strides=2, activation="relu", name="plain")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    x = keras.layers.Conv2DTranspose(CHANNELS, 3, strides=2, activation="relu", name="transposed")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(32, name="dense")(x))
    return [keras_to_tflite(model, precision, None) for precision in ("dynamic", "fp32")]


def opened(content):
    interpreter = litert.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def weight_types(content):
    """The type of the weights of each operator that has some."""
    interpreter = opened(content)
    types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
    found = [op for op in interpreter._get_ops_details() if op["op_name"] in kinds]
    return {op["op_name"]: types[op["inputs"][1]] for op in found}


def answer(content, x):
    interpreter = opened(content)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_only_what_engines_compute_quickly_has_int8_weights(files):
    assert weight_types(files[0]) == {
        "CONV_2D": np.int8,
        "DEPTHWISE_CONV_2D": np.float32,
        "TRANSPOSE_CONV": np.float32,
        "FULLY_CONNECTED": np.int8,
    }
    assert set(weight_types(files[1]).values()) == {np.float32}


def test_it_answers_as_the_float_file_and_is_smaller(files):
    x = np.random.default_rng(0).standard_normal((1, 16, 16, CHANNELS)).astype(np.float32)
    dynamic, fp32 = (answer(content, x) for content in files)
    assert np.abs(dynamic - fp32).max() < 0.02 * np.abs(fp32).max()
    assert len(files[0]) < 0.75 * len(files[1])  # the transposed convolution is half of these weights
