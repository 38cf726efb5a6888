"""Each restriction of the operator table: a graph that breaks it is found, one that keeps to it is not."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper  # noqa: E402
from onnx_examples import file, graph, node, one_node, value  # noqa: E402

from export.tensorrt_lint import VERSIONS, lint  # noqa: E402
from export.tensorrt_lint.operators import load_operators, sentences  # noqa: E402
from export.tensorrt_lint.restrictions import BIDIRECTIONAL, CHECKS, NOT_CHECKED  # noqa: E402

IMAGE, SOUND, INDEX = value("x", [1, 2, 8, 8]), value("x", [1, 2, 8]), TensorProto.INT64
ONE, AXES = np.array(1), np.array([0])
RESIZE = (IMAGE, "", np.array([1, 1, 2, 2], np.float32))
SCALE, ZERO, THREE = np.float32(0.1), np.int8(0), np.int8(3)
QUANTISED = value("x", [1, 2], TensorProto.INT8)


def conv(weights, x=IMAGE, operator="Conv"):
    return one_node(operator, x, weights)


def kernel(*shape):
    return np.ones(shape, np.float32)


def recurrent(operator, gates, activations, **attributes):
    weights = (np.ones((2, gates * 3, 2), np.float32), np.ones((2, gates * 3, 3), np.float32))
    return one_node(
        operator, value("x", [4, 1, 2]), *weights, hidden_size=3, direction="bidirectional", activations=activations,
        **attributes,
    )  # fmt: skip


def lstm(**attributes):
    weights = (np.ones((1, 12, 2), np.float32), np.ones((1, 12, 3), np.float32))
    return one_node("LSTM", value("x", [4, 1, 2]), *weights, hidden_size=3, opset=14, **attributes)


def two_branches(name, shape):
    """An If whose else branch has an output of this name and shape, the then branch "a" of (2, 3)."""
    branches = [
        graph(
            [node("Constant", [], [n], value=helper.make_tensor(n, 1, s, np.ones(s).ravel()))],
            outputs=[value(n, s)],
        )
        for n, s in (("a", [2, 3]), (name, shape))
    ]
    condition = value("x", [], TensorProto.BOOL)
    return one_node("If", condition, then_branch=branches[0], else_branch=branches[1])


def einsum(equation, *shapes):
    return one_node("Einsum", *(value(f"x{n}", shape) for n, shape in enumerate(shapes)), equation=equation)


def dropout(training):
    return one_node("Dropout", value("x", [1, 2]), np.float32(0.5), training)


# sentence of the table: (version, a file that breaks it, a file that keeps to it)
EXAMPLES = {
    "2D or 3D Pooling only": (
        "8.6",
        one_node("AveragePool", SOUND, kernel_shape=[2]),
        one_node("AveragePool", IMAGE, kernel_shape=[2, 2]),
    ),
    "2D or 3D pooling only": (
        "10.1",
        one_node("MaxPool", SOUND, kernel_shape=[2]),
        one_node("MaxPool", IMAGE, kernel_shape=[2, 2]),
    ),
    "2D or 3D convolutions only": ("8.2", conv(kernel(3, 2, 3), SOUND), conv(kernel(3, 2, 3, 3))),
    "2D or 3D deconvolutions only": (
        "8.2",
        conv(kernel(2, 3, 3), SOUND, "ConvTranspose"),
        conv(kernel(2, 3, 3, 3), IMAGE, "ConvTranspose"),
    ),
    "Weights `W` must be an initailizer": (
        "8.2",
        conv(value("w", [3, 2, 3, 3])),
        file(
            [
                node("QuantizeLinear", ["w", "s", "z"], ["q"]),
                node("DequantizeLinear", ["q", "s", "z"], ["d"]),
                node("Conv", ["x", "d"], ["y"]),
            ],
            [IMAGE],
            weights={"w": kernel(3, 2, 3, 3), "s": SCALE, "z": ZERO},
        ),
    ),
    "Weights `W` must be an initializer": (
        "8.2",
        conv(value("w", [2, 3, 3, 3]), IMAGE, "ConvTranspose"),
        conv(kernel(2, 3, 3, 3), IMAGE, "ConvTranspose"),
    ),
    "`axis` must be an initializer": (
        "8.2",
        one_node("CumSum", IMAGE, value("axis", [], INDEX)),
        one_node("CumSum", IMAGE, ONE),
    ),
    "`axes` must be an initializer": (
        "8.2",
        one_node("Squeeze", value("x", [1, 2]), value("axes", [1], INDEX)),
        one_node("Squeeze", value("x", [1, 2]), AXES),
    ),
    "`axes` must be a constant tensor": (
        "8.2",
        one_node("Unsqueeze", IMAGE, value("axes", [1], INDEX)),
        one_node("Unsqueeze", IMAGE, AXES),
    ),
    "`K` input must be an initializer": (
        "8.2",
        one_node("TopK", IMAGE, value("k", [1], INDEX), outputs=("y", "i")),
        one_node("TopK", IMAGE, np.array([2]), outputs=("y", "i")),
    ),
    "`depth` must be a build-time constant": (
        "10.1",
        one_node("OneHot", value("x", [3], INDEX), value("depth", [], INDEX), np.array([0, 1], np.float32)),
        one_node("OneHot", value("x", [3], INDEX), np.array(4), np.array([0, 1], np.float32)),
    ),
    "Scales `scale` and biases `B` must be initializers": (
        "8.2",
        one_node("InstanceNormalization", IMAGE, kernel(2), value("b", [2])),
        one_node("InstanceNormalization", IMAGE, kernel(2), kernel(2)),
    ),
    "Input rank must be >=3 & <=5": (
        "8.2",
        one_node("InstanceNormalization", value("x", [1, 2, 1, 1, 1, 4]), kernel(2), kernel(2)),
        one_node("InstanceNormalization", IMAGE, kernel(2), kernel(2)),
    ),
    "Floating point inputs are only supported if `start`, `limit`, and `delta` inputs are initializers": (
        "8.2",
        one_node("Range", np.float32(0), value("limit", []), np.float32(1)),
        one_node("Range", np.int32(0), value("limit", [], TensorProto.INT32), np.int32(1)),
    ),
    "`x_zero_point` must be zero": (
        "8.2",
        one_node("DequantizeLinear", QUANTISED, SCALE, THREE),
        one_node("DequantizeLinear", QUANTISED, SCALE, ZERO),
    ),
    "`y_zero_point` must be 0": (
        "8.2",
        one_node("QuantizeLinear", IMAGE, SCALE, THREE),
        one_node("QuantizeLinear", IMAGE, SCALE, ZERO),
    ),
    "Ellipsis and diagonal operations are not supported": (
        "8.2",
        einsum("ii->i", [3, 3]),
        einsum("ij,jk->ik", [2, 3], [3, 4]),
    ),
    "Broadcasting between inputs is not supported": (
        "8.2",
        einsum("ij,jk->ik", [2, 3], [1, 4]),
        einsum("ij,jk->ik", [2, 3], [3, 4]),
    ),
    BIDIRECTIONAL.format("GRU"): (
        "8.2",
        recurrent("GRU", 3, ["Sigmoid", "Tanh", "Sigmoid", "Relu"]),
        recurrent("GRU", 3, ["Sigmoid", "Tanh"] * 2),
    ),
    BIDIRECTIONAL.format("LSTM"): (
        "8.2",
        recurrent("LSTM", 4, ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Relu"]),
        recurrent("LSTM", 4, ["Sigmoid", "Tanh", "Tanh"] * 2),
    ),
    BIDIRECTIONAL.format("RNN"): (
        "8.2",
        recurrent("RNN", 1, ["Tanh", "Relu"]),
        recurrent("RNN", 1, ["Tanh", "Tanh"]),
    ),
    "`input_forget` attribute must be 0": ("10.1", lstm(input_forget=1), lstm(input_forget=0)),
    "`layout` attribute must be 0": ("10.1", lstm(layout=1), lstm(layout=0)),
    "Output tensors of the two conditional branches must have broadcastable shapes, and must have different names": (
        "8.2",
        two_branches("b", [2, 4]),
        two_branches("b", [1, 3]),
    ),
    "Output tensors of the two conditional branches must have the same rank and must have different names": (
        "10.1",
        two_branches("b", [3]),
        two_branches("b", [2, 4]),
    ),
    "`Indices` output tensor unsupported": (
        "8.2",
        one_node("MaxPool", IMAGE, kernel_shape=[2, 2], outputs=("y", "i")),
        one_node("MaxPool", IMAGE, kernel_shape=[2, 2]),
    ),
    "Supported resize transformation modes: `half_pixel`, `pytorch_half_pixel`, `tf_half_pixel_for_nn`, "
    "`asymmetric`, and `align_corners`": (
        "8.2",
        one_node("Resize", *RESIZE, coordinate_transformation_mode="tf_crop_and_resize"),
        one_node("Resize", *RESIZE, coordinate_transformation_mode="asymmetric"),
    ),
    "Supported resize modes: `nearest`, `linear`": (
        "8.2",
        one_node("Resize", *RESIZE, mode="cubic"),
        one_node("Resize", *RESIZE, mode="linear"),
    ),
    "Supported nearest modes: `floor`, `ceil`, `round_prefer_floor`, `round_prefer_ceil`": (
        "8.2",
        one_node("Resize", *RESIZE, nearest_mode="round"),
        one_node("Resize", *RESIZE, nearest_mode="floor"),
    ),
    "Dynamic input shapes are unsupported": (
        "8.2",
        one_node("ReverseSequence", value("x", ["n", 1, 2]), np.array([3]), time_axis=0, batch_axis=1),
        one_node("ReverseSequence", value("x", [4, 1, 2]), np.array([3]), time_axis=0, batch_axis=1),
    ),
    "`input` must have static dimensions": (
        "10.1",
        one_node("EyeLike", value("x", ["n", 3])),
        one_node("EyeLike", value("x", [3, 3])),
    ),
    "`axis` dimension of input must be a build-time constant": (
        "10.1",
        one_node("Hardmax", value("x", [3, "n"])),
        one_node("Hardmax", value("x", [3, 4])),
    ),
    "`dilations` must be empty or all ones": (
        "10.1",
        one_node("MaxPool", IMAGE, kernel_shape=[2, 2], dilations=[2, 1]),
        one_node("MaxPool", IMAGE, kernel_shape=[2, 2], dilations=[1, 1]),
    ),
    "`sparse_value`, `value_string`, and `value_strings` attributes are unsupported": (
        "10.1",
        one_node("Constant", value_string="cry"),
        one_node("Constant", value_float=1.0),
    ),
    "`is_traning` must be an initializer and evaluate to False": (
        "10.1",
        dropout(np.array(True)),
        dropout(np.array(False)),
    ),
    "`sorted` must be 1": (
        "10.1",
        one_node("TopK", IMAGE, np.array([2]), outputs=("y", "i"), sorted=0),
        one_node("TopK", IMAGE, np.array([2]), outputs=("y", "i"), sorted=1),
    ),
    "`K` input must be less than 3840": (
        "10.1",
        one_node("TopK", value("x", [4000]), np.array([3840]), outputs=("y", "i")),
        one_node("TopK", value("x", [4000]), np.array([3839]), outputs=("y", "i")),
    ),
}


def test_every_sentence_of_the_table_is_decided_or_says_why_not():
    in_table = {
        sentence
        for version in VERSIONS
        for support in load_operators(version).values()
        for sentence in support.restrictions
    }
    assert in_table == CHECKS.keys() | NOT_CHECKED.keys()
    assert not CHECKS.keys() & NOT_CHECKED.keys()
    assert CHECKS.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("sentence", EXAMPLES)
def test_restriction_is_found_where_broken_and_only_there(sentence):
    version, broken, kept = EXAMPLES[sentence]
    rule = f"TensorRT {version}: {sentence}"
    found = [finding for finding in lint(broken, version) if finding.rule == rule]
    assert [finding.node for finding in found] == ["y_node"]
    assert found[0].rewrite and found[0].rewrite in str(found[0]) and "y_node" in str(found[0])
    assert rule not in [finding.rule for finding in lint(kept, version)]


def test_branches_of_the_same_name_are_found():
    assert any("different names" in finding.rule for finding in lint(two_branches("a", [2, 3]), "8.2"))
    assert any("different names" in finding.rule for finding in lint(two_branches("a", [2, 3]), "10.1"))


def test_a_zero_point_that_only_the_engine_will_know_is_found():
    example = one_node("QuantizeLinear", IMAGE, SCALE, value("z", [], TensorProto.INT8))
    assert [finding.rule for finding in lint(example)] == ["TensorRT 8.2: `y_zero_point` must be 0"]


def test_sentences_end_as_they_end_in_the_table():
    assert sentences(r"2D or 3D only\. Weights `W`") == ("2D or 3D only", "Weights `W`")
    assert sentences("Modes: `a`.<br />Other: `b`.") == ("Modes: `a`", "Other: `b`")
    assert sentences("") == ()
