"""Weights on a grid of 256 levels take a quarter of the bytes, and the network stays the same."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.convert.onnx_uint8_storage import LEVELS, on_grid, with_uint8_storage

SHAPE = (96, 96)


def grid(levels=LEVELS, scale=0.0137, zero_point=121, seed=0):
    numbers = np.random.default_rng(seed).integers(0, levels, SHAPE)
    numbers.flat[:2] = 0, levels - 1
    return ((numbers - zero_point) * np.float32(scale)).astype(np.float32)


def network(weight):
    """x @ weight, as a file."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, SHAPE[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, SHAPE[1]])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    return model.SerializeToString()


def answer(content, x):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("levels, zero_point", [(256, 121), (256, 0), (17, 3), (2, 1)])
def test_what_lies_on_a_grid_is_stored_in_bytes(levels, zero_point):
    content = network(grid(levels, zero_point=zero_point))
    stored = with_uint8_storage(content)
    assert len(stored) < len(content) / 3
    x = np.random.default_rng(1).standard_normal((1, SHAPE[0])).astype(np.float32)
    np.testing.assert_allclose(answer(stored, x), answer(content, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "weight",
    [
        np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32),  # on no grid
        grid(300),  # too many levels
        grid(200, zero_point=-40),  # zero is not among them
        np.zeros(SHAPE, np.float32),
        grid().astype(np.float64),
        grid()[:2],  # too small to be worth it
    ],
    ids=["no grid", "too many", "no zero", "constant", "double", "small"],
)
def test_what_would_lose_anything_stays_as_it_is(weight):
    assert on_grid(weight) is None
    if weight.shape == SHAPE and weight.dtype == np.float32:
        content = network(weight)
        assert with_uint8_storage(content) == content


def test_the_file_stays_what_engines_of_2021_read():
    model = onnx.load_from_string(with_uint8_storage(network(grid())))
    assert model.opset_import[0].version == 13 and model.ir_version == 7
