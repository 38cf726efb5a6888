"""Rewrites of ONNX files: found by the linter before, nothing found after, and the answers are those of Keras."""

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper  # noqa: E402
from onnx_examples import file, node, one_node, value  # noqa: E402

from edge.bundle import DEFAULT_BUNDLE_DIR  # noqa: E402
from export.convert.rewrites import rewrite  # noqa: E402
from export.tensorrt_lint import VERSIONS, lint  # noqa: E402

SHAPE = (1, 12, 6)  # of what Keras gets: batch, steps, features
SOUND = value("x", SHAPE)
TOLERANCE = 1e-5


def convert(model):
    """A Keras model as tf2onnx gives it, before anything is rewritten; inputs x0, x1, ..."""
    import tensorflow as tf
    import tf2onnx

    from export.convert.quiet import quiet

    signature = [tf.TensorSpec(tensor.shape, tf.float32, name=f"x{n}") for n, tensor in enumerate(model.inputs)]
    function = tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0], training=False), input_signature=signature)
    with quiet():
        graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=13)
    graph.ir_version = 7
    return graph.SerializeToString()


def run(content, *inputs):
    """The outputs of a file in onnxruntime, its inputs in the order of the graph."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def operators(content):
    return {node.op_type for node in onnx.load_from_string(content).graph.node}


def rewritten(content, found):
    """rewrite(content), checked: the operators in which lint finds something before, nothing after, valid ONNX."""
    assert {finding.operator for finding in lint(content)} >= set(found)
    assert all("export.convert.rewrites.rewrite" in f.rewrite for f in lint(content) if f.operator in found)
    result = rewrite(content)
    assert [str(finding) for version in VERSIONS for finding in lint(result, version)] == []
    onnx.checker.check_model(onnx.load_from_string(result), full_check=True)
    assert rewrite(result) == result
    return result


def numbers(shape=SHAPE, seed=1):
    return np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)


def exact_gelu(keras):
    return keras.layers.Activation(lambda x: keras.activations.gelu(x, approximate=False))


def attention(keras):
    layer = keras.layers.MultiHeadAttention(2, 4)
    return lambda x: layer(x, x)


KERAS_LAYERS = {  # name: (layer, operators in which the linter finds something in what tf2onnx gives)
    "layer normalisation": (lambda keras: keras.layers.LayerNormalization(), ["Reciprocal"]),
    "RMS normalisation": (lambda keras: keras.layers.RMSNormalization(), ["Reciprocal"]),
    "group normalisation": (lambda keras: keras.layers.GroupNormalization(2), ["Reciprocal"]),
    "exact GELU": (exact_gelu, ["Erfc"]),
    "attention": (attention, ["Shape", "Gather", "ReduceProd", "Concat"]),
    "tanh GELU": (lambda keras: keras.layers.Activation(keras.ops.gelu), []),
    "softmax": (lambda keras: keras.layers.Softmax(), []),
    "1-D convolution": (lambda keras: keras.layers.Conv1D(4, 3, padding="causal", dilation_rate=2), []),
    "1-D separable": (lambda keras: keras.layers.SeparableConv1D(4, 3, padding="same"), []),
    "1-D transposed": (lambda keras: keras.layers.Conv1DTranspose(4, 3, strides=2), []),
    "1-D average": (lambda keras: keras.layers.AveragePooling1D(2), []),
    "1-D maximum": (lambda keras: keras.layers.MaxPooling1D(3, strides=2, padding="same"), []),
    "global average": (lambda keras: keras.layers.GlobalAveragePooling1D(), []),
}


@pytest.mark.parametrize("name", KERAS_LAYERS)
def test_keras_layers_keep_their_answers(keras, name):
    make, found = KERAS_LAYERS[name]
    keras.utils.set_random_seed(2)
    inputs = keras.Input(batch_shape=SHAPE)
    model = keras.Model(inputs, make(keras)(inputs))
    for weights in model.weights:
        weights.assign(weights + 0.2 * np.abs(numbers(weights.shape)))  # also where they start as 0 and 1
    content = convert(model)
    assert bool(lint(content)) == bool(found)
    expected = np.asarray(model(numbers(), training=False))
    np.testing.assert_allclose(run(rewritten(content, found), numbers())[0], expected, atol=TOLERANCE, rtol=0)


def around(operator, kernel=None, bias=None, opset=13, **attributes):
    """A 1-D operator of ONNX, which wants (batch, channels, steps), on (batch, steps, channels)."""
    weights = {name: array for name, array in (("w", kernel), ("b", bias)) if array is not None}
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        node(operator, ["t", *weights], ["u"], **attributes),
        node("Transpose", ["u"], ["y"], perm=[0, 2, 1]),
    ]
    return file(nodes, [SOUND], weights=weights, opset=opset)


@pytest.mark.parametrize(
    "options, attributes",
    [
        ({"padding": "valid", "strides": 2}, {"strides": [2]}),
        ({"padding": "causal", "dilation_rate": 2}, {"dilations": [2], "pads": [4, 0]}),
        ({"padding": "same", "groups": 2}, {"group": 2, "auto_pad": "SAME_UPPER", "kernel_shape": [3]}),
    ],
)
def test_1d_convolutions_become_2d(keras, options, attributes):
    layer = keras.layers.Conv1D(4, 3, **options)
    expected = np.asarray(layer(numbers()))
    kernel, bias = (np.asarray(weights) for weights in layer.weights)
    content = around("Conv", kernel.transpose(2, 1, 0), bias + 1, **attributes)
    result = rewritten(content, ["Conv"])
    np.testing.assert_allclose(run(result, numbers())[0], expected + 1, atol=TOLERANCE, rtol=0)
    stored = {proto.name: tuple(proto.dims) for proto in onnx.load_from_string(result).graph.initializer}
    conv = next(node for node in onnx.load_from_string(result).graph.node if node.op_type == "Conv")
    assert stored[conv.input[1]] == (4, kernel.shape[1], 1, 3)  # an initialiser still, and no longer the 1-D one
    assert "w" not in stored


def test_1d_transposed_convolutions_become_2d(keras):
    layer = keras.layers.Conv1DTranspose(4, 3, strides=2, output_padding=1, padding="valid")
    expected = np.asarray(layer(numbers()))
    kernel = np.asarray(layer.weights[0]).transpose(2, 1, 0)
    content = around("ConvTranspose", kernel, strides=[2], output_padding=[1])
    np.testing.assert_allclose(
        run(rewritten(content, ["ConvTranspose"]), numbers())[0], expected, atol=TOLERANCE, rtol=0
    )


def test_1d_poolings_become_2d(keras):
    for operator, layer in (
        ("AveragePool", keras.layers.AveragePooling1D),
        ("MaxPool", keras.layers.MaxPooling1D),
    ):
        expected = np.asarray(layer(3, strides=2)(numbers()))
        content = around(operator, kernel_shape=[3], strides=[2])
        result = run(rewritten(content, [operator]), numbers())[0]
        np.testing.assert_allclose(result, expected, atol=TOLERANCE, rtol=0)


def test_1d_convolution_with_computed_weights_becomes_2d():
    """Nothing to store: the weights are reshaped on the way. The linter still says that they are no initialiser."""
    inputs = [value("x", [1, 6, 12]), value("w", [4, 6, 3])]
    content = file([node("Conv", ["x", "w"], ["y"])], inputs)
    x, w = numbers((1, 6, 12)), numbers((4, 6, 3), seed=2)
    np.testing.assert_allclose(run(rewrite(content), x, w)[0], run(content, x, w)[0], atol=1e-4)
    assert [finding.rule for finding in lint(rewrite(content))] == ["TensorRT 8.2: Weights `W` must be an initailizer"]


@pytest.mark.parametrize("axis", [-1, 2, 1, -2])
def test_layer_normalization_becomes_primitives(keras, axis):
    keras_axes = [2] if axis in (-1, 2) else [1, 2]
    layer = keras.layers.LayerNormalization(axis=keras_axes, epsilon=0.01)
    layer.build(SHAPE)
    gamma, beta = numbers(layer.gamma.shape, seed=3), numbers(layer.beta.shape, seed=4)
    layer.set_weights([gamma, beta])
    content = one_node("LayerNormalization", SOUND, gamma, beta, opset=17, axis=axis, epsilon=0.01)
    result = rewritten(content, ["LayerNormalization"])
    np.testing.assert_allclose(run(result, numbers())[0], np.asarray(layer(numbers())), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("approximate", ["tanh", "none"])
def test_gelu_becomes_primitives(keras, approximate):
    expected = np.asarray(keras.ops.gelu(numbers(), approximate=approximate == "tanh"))
    content = one_node("Gelu", SOUND, opset=20, approximate=approximate)
    result = rewritten(content, ["Gelu"])
    assert operators(result) <= {"Mul", "Add", "Tanh", "Erf", "Constant"}
    np.testing.assert_allclose(run(result, numbers())[0], expected, atol=TOLERANCE, rtol=0)


def test_arithmetic_of_fixed_shapes_is_folded_and_outputs_stay():
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "two"], ["features"]),
        node("Concat", ["minus", "features"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["y"]),
    ]
    outputs = [value("y", None), value("features", [1], TensorProto.INT64)]
    content = file(nodes, [SOUND], outputs, {"two": np.array([2]), "minus": np.array([-1])})
    result = rewrite(content)
    assert operators(result) == {"Gather", "Concat", "Reshape"}  # Gather gives an output of the model
    before, after = run(content, numbers()), run(result, numbers())
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1], before[1])


def test_shapes_that_are_not_fixed_are_not_folded():
    content = file([node("Shape", ["x"], ["s"]), node("Reshape", ["x", "s"], ["y"])], [value("x", ["n", 4])])
    assert operators(rewrite(content)) == {"Shape", "Reshape"}


def test_quantisers_of_weights_are_not_folded():
    nodes = [
        node("QuantizeLinear", ["w", "s", "z"], ["q"]),
        node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        node("MatMul", ["x", "d"], ["y"]),
    ]
    weights = {"w": np.ones((6, 2), np.float32), "s": np.float32(0.1), "z": np.int8(0)}
    content = file(nodes, [SOUND], weights=weights)
    assert operators(rewrite(content)) == {"QuantizeLinear", "DequantizeLinear", "MatMul"}


def test_what_subgraphs_use_is_kept():
    branch = helper.make_graph([node("Mul", ["x", "w"], ["m"])], "branch", [], [value("m", SHAPE)])
    content = file(
        [node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)],
        [SOUND, value("c", [], TensorProto.BOOL)],
        weights={"w": np.float32(3)},
    )
    np.testing.assert_array_equal(run(rewrite(content), numbers(), np.array(True))[0], 3 * numbers())


@pytest.mark.parametrize(
    "content, operator",
    [
        (one_node("Laugh", SOUND), "Laugh"),
        (
            one_node("LayerNormalization", SOUND, np.ones(6, np.float32), outputs=("y", "mean"), opset=17),
            "LayerNormalization",
        ),
        (one_node("ReduceMean", SOUND, np.array([1]), opset=18), "opset 18"),
    ],
)
def test_what_cannot_be_rewritten_is_left_for_the_linter(content, operator):
    assert operator in {finding.operator for finding in lint(rewrite(content))}


def test_the_detector_that_ships_keeps_its_answers():
    content = (Path(DEFAULT_BUNDLE_DIR) / "detector.fp32.onnx").read_bytes()
    x = numbers((1, 98, 64, 1))
    np.testing.assert_allclose(run(rewrite(content), x)[0], run(content, x)[0], atol=TOLERANCE)
