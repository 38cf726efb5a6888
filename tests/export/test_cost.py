"""What a network costs is counted in recurrent operators and in the bodies of loops too."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402
from onnx_examples import file, graph, node, value  # noqa: E402

from export.report.cost import onnx_cost  # noqa: E402

X = value("x", [1, 4])
KERNEL = np.ones((4, 4), np.float32)


def test_recurrent_operators_are_counted_step_by_step_in_every_direction():
    weights = {"w": np.ones((2, 12, 5), np.float32), "r": np.ones((2, 12, 3), np.float32)}
    layer = node("LSTM", ["x", "w", "r"], ["y"], hidden_size=3, direction="bidirectional")
    cost = onnx_cost(file([layer], [value("x", [7, 1, 5])], [value("y", [7, 2, 1, 3])], weights))
    assert cost.multiply_adds == 7 * 2 * 12 * (5 + 3)
    assert cost.parameters == 2 * 12 * (5 + 3)


def test_the_body_of_a_loop_counts_as_often_as_it_runs():
    given = [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("h", [1, 4])]
    inner = graph(
        [node("MatMul", ["h", "w"], ["new"]), node("Identity", ["go"], ["again"])],
        given,
        [value("again", [], TensorProto.BOOL), value("new", [1, 4])],
        {"w": KERNEL},
    )
    weights = {"n": np.array(6, np.int64), "yes": np.array(True)}
    loop = node("Loop", ["n", "yes", "x"], ["y"], body=inner)
    cost = onnx_cost(file([loop], [X], [value("y", [1, 4])], weights))
    assert (cost.multiply_adds, cost.parameters) == (6 * 16, 16)


def test_of_branches_the_larger_counts():
    def branch(n):
        products = [node("MatMul", ["x" if i == 0 else f"p{i}", "w"], [f"p{i + 1}"]) for i in range(n)]
        return graph(products, (), [helper.make_tensor_value_info(f"p{n}", 1, [1, 4])])

    either = node("If", ["yes"], ["y"], then_branch=branch(1), else_branch=branch(3))
    weights = {"w": KERNEL, "yes": np.array(True)}
    assert onnx_cost(file([either], [X], [value("y", [1, 4])], weights)).multiply_adds == 3 * 16
