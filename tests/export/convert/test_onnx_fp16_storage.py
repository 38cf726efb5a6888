"""Packing promises the same network in fewer bytes, and leaves alone what half precision would change."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from export.convert.onnx_fp16_storage import with_fp16_storage  # noqa: E402
from export.networks import onnx_network  # noqa: E402

ROWS, COLUMNS = 96, 64


def product(weights):
    """x times weights, as the bytes of an ONNX file."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "kernel"], ["logits"])],
        "product",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, ROWS])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, COLUMNS])],
        [numpy_helper.from_array(weights, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    return model.SerializeToString()


def test_weights_that_half_precision_holds_are_stored_in_it():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(ROWS, COLUMNS)).astype(np.float16).astype(np.float32)
    plain = product(weights)
    small = with_fp16_storage(plain)
    assert len(small) < 0.55 * len(plain)
    feed = {"features": rng.normal(size=(1, ROWS)).astype(np.float32)}
    np.testing.assert_array_equal(onnx_network(small)(feed)["logits"], onnx_network(plain)(feed)["logits"])


@pytest.mark.parametrize("value", [0.1, 1e6])
def test_weights_that_would_change_stay_as_they_are(value):
    weights = np.zeros((ROWS, COLUMNS), np.float32)
    weights[3, 4] = value
    plain = product(weights)
    assert with_fp16_storage(plain) == plain
