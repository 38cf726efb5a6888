"""Explicit Q/DQ by TensorRT's rules, ranges against NumPy, and the calibration cache."""

import struct

import numpy as np
import pytest
from export_examples import log_mel_frames
from onnx_examples import logits

from export.convert.activation_ranges import BINS, ActivationRanges
from export.convert.calibration_cache import cache_text
from export.convert.keras_graph import with_batch_of_one
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.onnx_fold import fold_scale_and_shift
from export.convert.onnx_int8 import PERCENTILES, quantise
from export.networks import INPUT_NAME
from export.parity.calibration import normalised


@pytest.fixture(scope="module")
def inputs():
    """Network inputs (24, 98, 64, 1)."""
    return normalised(log_mel_frames(24, seed=5), 3.0)


@pytest.fixture(scope="module")
def fp32(keras, model_dir):
    """A trained depthwise-separable network."""
    return keras_to_onnx(with_batch_of_one(keras.saving.load_model(model_dir / "detector.keras")))


@pytest.fixture(scope="module")
def quantised(fp32, inputs):
    """It in int8."""
    return quantise(fp32, feeds(inputs))


@pytest.fixture(scope="module")
def graph(quantised):
    """The Q/DQ graph."""
    import onnx

    return onnx.load_from_string(quantised.content).graph


def feeds(inputs):
    """Network inputs by name."""
    return [{INPUT_NAME: x[None]} for x in inputs]


def constants_of(graph):
    """{name: array} of the initialisers."""
    import onnx

    return {w.name: onnx.numpy_helper.to_array(w) for w in graph.initializer}


def test_every_product_with_weights_takes_dequantised_int8(graph):
    makers = {output: node for node in graph.node for output in node.output}
    products = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    assert len(products) == 8
    for node in products:
        for name in node.input[:2]:
            dequantise = makers[name]
            assert dequantise.op_type == "DequantizeLinear"
            assert makers[dequantise.input[0]].op_type == "QuantizeLinear"
            assert makers[dequantise.input[0]].input[1:] == dequantise.input[1:]


def test_zero_points_are_zero_weights_per_channel_activations_per_tensor(graph):
    constants = constants_of(graph)
    assert all(value.dtype != np.int32 for name, value in constants.items() if "bias" in name)
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            data, scale, zero_point = node.input
            assert constants[zero_point].dtype == np.int8 and not constants[zero_point].any()
            axis = next((a.i for a in node.attribute if a.name == "axis"), None)
            if data in constants:
                weights = constants[data]
                others = tuple(i for i in range(weights.ndim) if i != axis)
                np.testing.assert_allclose(constants[scale] * 127, np.abs(weights).max(axis=others), rtol=1e-6)
            else:
                assert axis is None and constants[scale].shape == ()


def test_answers_stay_near_single_precision(fp32, quantised, inputs):
    expected = logits(fp32, inputs)
    assert np.abs(logits(quantised.content, inputs) - expected).mean() < 0.1 * np.abs(expected - expected.mean()).max()


def test_the_percentile_with_the_smallest_error_is_taken(fp32, quantised, inputs):
    assert set(quantised.mean_logit_error) == set(PERCENTILES)
    assert quantised.mean_logit_error[quantised.percentile] == min(quantised.mean_logit_error.values())
    error = np.abs(logits(quantised.content, inputs) - logits(fp32, inputs)).mean()
    assert error == pytest.approx(quantised.mean_logit_error[quantised.percentile], rel=1e-5)


def test_ranges_are_those_of_numpy(fp32, inputs):
    """The network's input is the one tensor that can be had without the code under test."""
    ranges = ActivationRanges(fp32, feeds(inputs))
    magnitude = np.abs(inputs)
    assert ranges.scales(100.0)["features"] == pytest.approx(magnitude.max() / 127, rel=1e-6)
    one_bin = magnitude.max() / BINS
    for percentile in PERCENTILES[1:]:
        limit = ranges.scales(percentile)["features"] * 127
        assert (magnitude <= limit * 1.0001).mean() >= percentile / 100 > (magnitude < limit - 1.01 * one_bin).mean()


def test_every_activation_has_a_range(fp32, quantised):
    import onnx

    graph = onnx.load_from_string(fp32).graph
    assert set(quantised.scales) == {"features"} | {name for node in graph.node for name in node.output}


def test_calibration_cache_is_what_tensorrt_writes():
    """As in caches of TensorRT's own making: 1.0 is 3f800000, and 0.00787402 (1/127) is 3c010204."""
    text = cache_text({"features": np.float32(1), "conv:0": np.float32(1 / 127)})
    assert text == "TRT-8201-EntropyCalibration2\nfeatures: 3f800000\nconv:0: 3c010204\n"


def test_calibration_cache_can_be_read_back(quantised):
    header, *lines = cache_text(quantised.scales).splitlines()
    assert header.startswith("TRT-8") and header.endswith("-EntropyCalibration2")
    read = {name: struct.unpack(">f", bytes.fromhex(code))[0] for name, code in (x.rsplit(": ", 1) for x in lines)}
    assert read == {name: float(scale) for name, scale in quantised.scales.items()}


def test_scale_and_shift_are_folded_into_the_convolution():
    """Conv, Mul, Add by hand, with a residual that must keep the unscaled result of the second Conv."""
    import onnx
    from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info

    rng = np.random.default_rng(0)
    arrays = {
        "w1": rng.normal(size=(4, 1, 3, 3)),
        "b1": rng.normal(size=4),
        "scale": rng.normal(size=(1, 4, 1, 1)),
        "shift": rng.normal(size=(4, 1, 1)),
        "w2": rng.normal(size=(4, 1, 3, 3)),
        "scale2": rng.normal(size=(4, 1, 1)),
    }
    nodes = [
        make_node("Conv", ["features", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        make_node("Mul", ["c1", "scale"], ["m1"]),
        make_node("Add", ["shift", "m1"], ["a1"]),
        make_node("Conv", ["a1", "w2"], ["c2"], group=4, pads=[1, 1, 1, 1]),
        make_node("Mul", ["c2", "scale2"], ["m2"]),
        make_node("Add", ["c2", "m2"], ["logits"]),
    ]
    shape = [1, 4, 6, 6]
    ends = make_tensor_value_info("features", 1, [1, 1, 6, 6]), make_tensor_value_info("logits", 1, shape)
    constants = [onnx.numpy_helper.from_array(a.astype(np.float32), n) for n, a in arrays.items()]
    graph = make_graph(nodes, "folding", ends[:1], ends[1:], constants)
    model = make_model(graph, opset_imports=[make_opsetid("", 13)], ir_version=7).SerializeToString()
    folded = fold_scale_and_shift(model)
    assert [node.op_type for node in onnx.load_from_string(folded).graph.node] == ["Conv", "Conv", "Mul", "Add"]
    x = rng.normal(size=(1, 1, 6, 6)).astype(np.float32)
    np.testing.assert_allclose(logits(folded, x), logits(model, x), atol=1e-4)


def test_channels_of_zeros_and_silent_tensors_have_a_scale(keras):
    """A dead channel and an activation that is always zero divide nothing by zero."""
    inputs = keras.Input((98, 64, 1))
    x = keras.layers.Conv2D(3, 3, strides=8, activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 1)(x))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    weights = model.get_weights()
    weights[0][..., 1], weights[1][:] = 0, -1e3  # the ReLU gives nothing
    model.set_weights(weights)
    frames = normalised(log_mel_frames(4, seed=1), 3.0)
    result = quantise(keras_to_onnx(with_batch_of_one(model)), feeds(frames))
    assert np.isfinite(list(result.scales.values())).all() and min(result.scales.values()) > 0
    assert np.isfinite(logits(result.content, frames)).all()
