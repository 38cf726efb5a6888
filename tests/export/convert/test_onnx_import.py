"""Somebody's ONNX operators, of any opset, as ONNX 13 and in Keras: the same numbers as in onnxruntime."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("tensorflow")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from edge.errors import UserError  # noqa: E402
from export.convert.onnx_import import fix_inputs, import_onnx  # noqa: E402
from export.convert.onnx_to_keras import onnx_to_keras  # noqa: E402
from export.convert.onnx_to_keras.gelus import whole_gelus  # noqa: E402
from export.fixed_inputs import Fixed  # noqa: E402
from export.networks import onnx_network  # noqa: E402

RNG = np.random.default_rng(5)


def numbers(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def network(operator, shape, *constants, opset=20, outputs=1, **attributes):
    """One node on an input x; its other inputs are constants, None where one is left out."""
    names = ["x"] + ["" if value is None else f"c{n}" for n, value in enumerate(constants)]
    stored = [numpy_helper.from_array(np.asarray(c), f"c{n}") for n, c in enumerate(constants) if c is not None]
    results = [f"y{n}" for n in range(outputs)]
    node = helper.make_node(operator, names, results, name="the_node", **attributes)
    floats = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results[-1:]]
    graph = helper.make_graph([node], "one", floats, given, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def top_k(shape, axis, largest):
    """The two largest or smallest numbers, times where they are."""
    nodes = [
        helper.make_node("TopK", ["x", "k"], ["values", "places"], axis=axis, largest=largest),
        helper.make_node("Cast", ["places"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["values", "numbers"], ["y"]),
    ]
    floats = [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in (("x", shape), ("y", None))]
    graph = helper.make_graph(nodes, "top", floats[:1], floats[1:], [numpy_helper.from_array(np.array([2]), "k")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


IMAGE, LINE, ROWS, MANY = (1, 4, 9, 8), (1, 4, 15), (1, 6, 5), (1, 2, 3, 4, 3, 5)
I64 = np.int64
NETWORKS = {
    "conv": network("Conv", IMAGE, numbers(6, 4, 3, 3), numbers(6), pads=[1, 1, 1, 1], strides=[2, 2]),
    "conv_same_lower": network("Conv", IMAGE, numbers(6, 4, 3, 2), auto_pad="SAME_LOWER", strides=[2, 1]),
    "conv_depthwise": network("Conv", IMAGE, numbers(8, 1, 3, 3), group=4, pads=[2, 2, 2, 2], dilations=[2, 2]),
    "conv_grouped": network("Conv", IMAGE, numbers(6, 2, 3, 3), numbers(6), group=2),
    "conv_1d": network("Conv", LINE, numbers(5, 4, 4), numbers(5), strides=[3], pads=[2, 1]),
    "conv_1d_depthwise": network("Conv", LINE, numbers(4, 1, 5), group=4, strides=[2], pads=[2, 2]),
    "conv_transpose": network("ConvTranspose", IMAGE, numbers(4, 3, 3, 3), numbers(3), strides=[2, 2],
                              pads=[1, 0, 1, 1]),
    "conv_transpose_more": network("ConvTranspose", IMAGE, numbers(4, 3, 3, 3), strides=[2, 2], output_padding=[1, 1]),
    "max_pool": network("MaxPool", IMAGE, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "max_pool_ceil": network("MaxPool", IMAGE, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    "average_pool": network("AveragePool", IMAGE, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1]),
    "average_pool_zeros": network("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "average_pool_1d": network("AveragePool", LINE, kernel_shape=[4], strides=[4]),
    "average_pool_skips": network("AveragePool", IMAGE, kernel_shape=[1, 1], strides=[2, 2]),
    "max_pool_skips": network("MaxPool", IMAGE, kernel_shape=[1, 2], strides=[2, 3]),
    "average_pool_1d_skips": network("AveragePool", LINE, kernel_shape=[2], strides=[4]),
    "global_pool": network("GlobalAveragePool", IMAGE),
    "global_max": network("GlobalMaxPool", IMAGE),
    "batch_norm": network("BatchNormalization", IMAGE, numbers(4), numbers(4), numbers(4), abs(numbers(4))),
    "instance_norm": network("InstanceNormalization", IMAGE, numbers(4), numbers(4)),
    "group_norm": network("GroupNormalization", IMAGE, numbers(4), numbers(4), num_groups=2, opset=21),
    "group_norm_18": network("GroupNormalization", IMAGE, numbers(2), numbers(2), num_groups=2, opset=18),
    "layer_norm": network("LayerNormalization", ROWS, numbers(5), numbers(5), axis=-1, opset=17),
    "rms_norm": network("RMSNormalization", ROWS, numbers(5), axis=-1, opset=23),
    "gelu": network("Gelu", ROWS),
    "gelu_tanh": network("Gelu", ROWS, approximate="tanh"),
    "erf": network("Erf", ROWS),
    "hard_swish": network("HardSwish", IMAGE),
    "mish": network("Mish", ROWS),
    "leaky": network("LeakyRelu", IMAGE, alpha=0.3),
    "prelu": network("PRelu", IMAGE, abs(numbers(4, 1, 1))),
    "elu": network("Elu", ROWS, alpha=0.7),
    "selu": network("Selu", ROWS),
    "softplus": network("Softplus", ROWS),
    "hard_sigmoid": network("HardSigmoid", ROWS, alpha=0.3),
    "clip": network("Clip", ROWS, np.float32(0), np.float32(6)),
    "clip_11": network("Clip", ROWS, np.float32(-0.5), None, opset=11),
    "softmax": network("Softmax", ROWS, axis=1),
    "log_softmax": network("LogSoftmax", ROWS, axis=-1),
    "softmax_11": network("Softmax", (1, 6, 5), axis=1, opset=11),
    "reduce_18": network("ReduceMean", IMAGE, np.array([-1, 1], I64), keepdims=0, opset=18),
    "reduce_11": network("ReduceSum", ROWS, axes=[1], keepdims=0, opset=11),
    "reduce_l2": network("ReduceL2", IMAGE, np.array([2], I64), opset=18),
    "reduce_all": network("ReduceMax", ROWS, opset=18),
    "split_18": network("Split", (1, 7, 5), outputs=3, num_outputs=3, axis=1, opset=18),
    "pad_18": network("Pad", IMAGE, np.array([1, 2], I64), None, np.array([-1], I64), opset=18),
    "pad_reflect": network("Pad", IMAGE, np.array([0, 0, 1, 2, 0, 0, 0, 1], I64), mode="reflect"),
    "pad_edge": network("Pad", LINE, np.array([0, 0, 3, 0, 0, 2], I64), mode="edge"),
    "reshape": network("Reshape", IMAGE, np.array([0, 2, -1], I64), opset=13),
    "reshape_zero": network("Reshape", IMAGE, np.array([1, -1], I64), allowzero=1),
    "flatten": network("Flatten", IMAGE, axis=2),
    "squeeze": network("Squeeze", (1, 4, 1, 3), np.array([2], I64)),
    "unsqueeze": network("Unsqueeze", ROWS, np.array([1, -1], I64)),
    "transpose": network("Transpose", IMAGE, perm=[0, 2, 3, 1]),
    "slice": network("Slice", IMAGE, *(np.array(n, I64) for n in ([6, 1], [-99, 3], [3, 1], [-2, 1]))),
    "gather": network("Gather", ROWS, np.array([2, -1], I64), axis=1),
    "gather_one": network("Gather", ROWS, np.array(3, I64), axis=1),
    "slice_of_many_axes": network("Slice", MANY, *(np.array(n, I64) for n in ([1, 0], [99, 3], [2, 5], [1, 2]))),
    "gather_of_many_axes": network("Gather", MANY, np.array(-1, I64), axis=4),
    "gather_nd": network("GatherND", IMAGE, RNG.integers(-1, 3, (2, 5, 3)) * [0, 1, 1]),
    "gather_nd_batch": network("GatherND", ROWS, np.array([[[2], [0]]], I64), batch_dims=1),
    "top_k": top_k(ROWS, -1, largest=1),
    "top_k_smallest": top_k(IMAGE, 1, largest=0),
    "tile": network("Tile", ROWS, np.array([1, 2, 3], I64)),
    "expand": network("Expand", (1, 6, 1), np.array([2, 1, 4], I64)),
    "resize": network("Resize", IMAGE, None, np.array([1, 1, 2, 2], np.float32), mode="linear"),
    "resize_nearest": network("Resize", IMAGE, None, None, np.array([1, 4, 18, 16], I64), mode="nearest"),
    "depth_to_space": network("DepthToSpace", IMAGE, blocksize=2, mode="CRD"),
    "space_to_depth": network("SpaceToDepth", (1, 4, 6, 8), blocksize=2),
    "gemm": network("Gemm", (1, 6), numbers(5, 6), numbers(1, 5), transB=1, alpha=0.5, beta=2.0),
    "matmul": network("MatMul", ROWS, numbers(1, 5, 3)),
    "matmul_vector": network("MatMul", ROWS, numbers(5)),
    "einsum": network("Einsum", ROWS, numbers(5, 3), equation="btf,fo->bto"),
    "pow": network("Pow", ROWS, np.float32(2)),
    "where": network("Add", IMAGE, numbers(9, 1)),
    "cumsum": network("CumSum", ROWS, np.array(1, I64), reverse=1),
    "trilu": network("Trilu", ROWS, np.array(1, I64), upper=0),
    "lstm": network("LSTM", (7, 1, 5), numbers(2, 12, 5), numbers(2, 12, 3), numbers(2, 24),
                    hidden_size=3, direction="bidirectional"),
    "lstm_last": network("LSTM", (7, 1, 5), numbers(1, 12, 5), numbers(1, 12, 3), hidden_size=3, outputs=3),
    "gru": network("GRU", (7, 1, 5), numbers(1, 9, 5), numbers(1, 9, 3), numbers(1, 18),
                   hidden_size=3, linear_before_reset=1),
    "gru_before": network("GRU", (7, 1, 5), numbers(1, 9, 5), numbers(1, 9, 3), numbers(1, 18),
                   hidden_size=3, direction="reverse"),
    "rnn": network("RNN", (7, 1, 5), numbers(1, 3, 5), numbers(1, 3, 3), hidden_size=3),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_an_operator_says_the_same_in_onnx_13_and_in_keras(name):
    model = fix_inputs(NETWORKS[name], Fixed(), name)
    x = numbers(*(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim))
    (expected,) = onnx_network(model.SerializeToString())({"x": x}).values()
    content = import_onnx(model, name)
    imported = onnx.load_from_string(content)
    assert (imported.opset_import[0].version, imported.ir_version) == (13, 7)
    (found,) = onnx_network(content)({"x": x}).values()
    np.testing.assert_allclose(found, expected, atol=2e-5)
    (in_keras,) = onnx_to_keras(content)([x]).values()
    np.testing.assert_allclose(np.asarray(in_keras), expected, atol=2e-5)


def branching():
    """A network that looks at its second input, a rate, to choose what it does."""
    make = helper.make_node
    empty = [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)]
    half, double = (
        helper.make_graph([make("Mul", ["x", factor], ["r"])], factor, [], empty) for factor in ("half", "double")
    )
    nodes = [
        make("Equal", ["rate", "sixteen"], ["is"]),
        make("If", ["is"], ["y"], then_branch=half, else_branch=double),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "samples"]),
        helper.make_tensor_value_info("rate", TensorProto.INT64, []),
    ]
    stored = [
        numpy_helper.from_array(np.array(value, kind), name)
        for name, value, kind in (("half", 0.5, np.float32), ("double", 2, np.float32), ("sixteen", 16000, I64))
    ]
    graph = helper.make_graph(nodes, "branch", inputs, [helper.make_tensor_value_info("y", 1, None)], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)


def test_an_input_that_is_a_constant_decides_branches():
    fixed = Fixed({"x": (1, 5)}, {"rate": 16000})
    content = import_onnx(fix_inputs(branching(), fixed, "model.onnx"), "model.onnx")
    assert [value.name for value in onnx.load_from_string(content).graph.input] == ["x"]
    assert "If" not in {node.op_type for node in onnx.load_from_string(content).graph.node}
    np.testing.assert_array_equal(onnx_network(content)({"x": np.ones((1, 5), np.float32)})["y"], np.full((1, 5), 0.5))


@pytest.mark.parametrize(
    ("fixed", "line"),
    [
        (
            Fixed(),
            r"model.onnx: input 'x' has the shape \(batch, samples\), open in more than batch: .*--input-shape x=1,N",
        ),
        (Fixed({"z": (1, 5)}), "model.onnx has no input 'z': its inputs are x, rate"),
        (Fixed({"x": (1, 5, 2)}), r"model.onnx: input 'x' has the shape \(batch, samples\), \[1, 5, 2\] does not fit"),
    ],
)
def test_inputs_that_are_not_fixed_are_named(fixed, line):
    with pytest.raises(UserError, match=line):
        fix_inputs(branching(), fixed, "model.onnx")


def test_half_and_double_precision_become_float32():
    for kind in (np.float16, np.float64):
        model = network("Gemm", (1, 6), numbers(6, 3).astype(kind))
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        x = numbers(1, 6)
        weights = numpy_helper.to_array(model.graph.initializer[0]).astype(np.float32)
        (found,) = onnx_network(import_onnx(fix_inputs(model, Fixed(), "m"), "m"))({"x": x}).values()
        np.testing.assert_allclose(found, x @ weights, atol=1e-5)


def test_what_is_not_read_is_named_with_the_operator():
    custom = network("Conv", IMAGE, numbers(6, 4, 3, 3))
    custom.graph.node[0].domain = "com.example"
    custom.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(UserError, match=r"operators of com.example, such as Conv \('the_node'\)"):
        import_onnx(fix_inputs(custom, Fixed(), "m"), "m")
    quantised = network("DynamicQuantizeLinear", ROWS, outputs=3)
    with pytest.raises(UserError, match="m is quantised already"):
        import_onnx(quantised, "m")
    with pytest.raises(UserError, match=r"the ONNX operator Det \('.*'\) does not become TFLite .*jetson"):
        onnx_to_keras(import_onnx(fix_inputs(network("Det", (1, 3, 3), opset=11), Fixed(), "m"), "m"))


@pytest.mark.parametrize("factors", [("x", "half"), ("half", "x"), ("both",)])
def test_a_gelu_that_was_taken_apart_is_one_again(factors):
    make = helper.make_node
    nodes = [make("Mul", ["x", "half"], ["both"]), make("Div", ["x", "root"], ["u"]), make("Erf", ["u"], ["e"])]
    nodes += [make("Add", ["one", "e"], ["p0"])]
    nodes += [make("Mul", [factor, f"p{n}"], [f"p{n + 1}"]) for n, factor in enumerate(factors)]
    stored = [numpy_helper.from_array(np.float32(n), name) for n, name in ((0.5, "half"), (2**0.5, "root"), (1, "one"))]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ROWS) for name in ("x", nodes[-1].output[0])]
    graph = helper.make_graph(nodes, "gelu", ends[:1], ends[1:], stored)
    assert "Gelu" in [node.op_type for node in whole_gelus(graph)]
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7).SerializeToString()
    x = numbers(*ROWS)
    (expected,) = onnx_network(content)({"x": x}).values()
    np.testing.assert_allclose(np.asarray(next(iter(onnx_to_keras(content)([x]).values()))), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["slice_of_many_axes", "gather_of_many_axes", "gather_nd"])
def test_what_picks_numbers_runs_in_litert_in_float_and_in_int8(name):
    """LiteRT slices up to five axes, and says so when the file is opened."""
    pytest.importorskip("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    from export.convert.keras_to_tflite import keras_to_tflite
    from export.onnx_model import OnnxModel

    model = fix_inputs(NETWORKS[name], Fixed(), name)
    x = numbers(*(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim))
    (expected,) = onnx_network(model.SerializeToString())({"x": x}).values()
    for precision, tolerance in (("fp32", 1e-6), ("int8", 0.05)):
        content = keras_to_tflite(OnnxModel(import_onnx(model, name)), precision, [{"x": x}])
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(found, expected, atol=tolerance)
