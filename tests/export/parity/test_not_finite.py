"""A NaN or an infinity names the layer, or the operator, that gives the first."""

from dataclasses import replace

import numpy as np
import pytest
from onnx_examples import file, node, value

from edge.errors import UserError
from export.convert.files import convert
from export.onnx_model import OnnxModel
from export.parity.measure import measure
from export.parity.not_finite import check_finite, first_layer
from export.sources.loading import load_model
from export.targets import ONNX_FP32, ONNX_TYPED, WHOLE, Target

FRAME = (98, 64, 1)


@pytest.fixture(scope="module")
def model(keras, model_dir):
    return load_model(model_dir / "detector.keras", model_dir / "model.json")


@pytest.fixture(scope="module")
def evidence(model, calibration_dir):
    return model.kind.evidence(model, [model], calibration_dir)


def with_roots(keras, inside=False):
    """A network that takes the root of less than nothing, between layers that do not."""
    frame = keras.Input(FRAME)
    x = keras.layers.Conv2D(2, 3, strides=4, name="before")(frame)
    x = keras.layers.Lambda(lambda x: keras.ops.sqrt(x - 1e6), name="root")(x)
    x = keras.layers.Conv2D(2, 3, name="behind")(x)
    if inside:
        outer = keras.Input(FRAME)
        frame, x = outer, keras.Model(frame, x, name="block")(outer)
    return keras.Model(frame, keras.layers.Dense(1, name="last")(keras.layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("inside", [False, True])
def test_a_model_that_gives_nan_names_the_layer_where_the_first_is(keras, model, inside):
    broken = replace(model, trained=with_roots(keras, inside))
    inputs = np.random.default_rng(0).normal(size=(3, *FRAME)).astype(np.float32)
    outputs = np.asarray(broken.trained(inputs))
    with pytest.raises(UserError, match=r"NaN or infinite logits, first at layer 'root' \(Lambda\): train it again"):
        check_finite(broken, outputs, "logits", inputs)
    check_finite(broken, np.zeros((3, 1)), "logits", inputs)  # what is finite passes


def test_an_onnx_file_that_gives_nan_names_the_operator(model):
    nodes = [
        node("Neg", ["features"], ["below"]),
        node("Sqrt", ["below"], ["root"]),
        node("ReduceMean", ["root"], ["logits"], axes=[2, 3], keepdims=0),
    ]
    content = file(nodes, [value("features", [1, 1, 4, 4])], [value("logits", [1, 1])])
    broken = replace(model, trained=OnnxModel(content), fixed=OnnxModel(content))
    assert first_layer(broken, np.ones((1, 1, 4, 4), np.float32)) == "operator 'root_node' (Sqrt)"


def test_infinity_that_nothing_comes_of_is_not_blamed(model):
    """As masks have it: minus infinity, and the softmax of it."""
    nodes = [
        node("Add", ["features", "mask"], ["masked"]),
        node("Softmax", ["masked"], ["weights"], axis=-1),
        node("Log", ["nothing"], ["logs"]),
        node("Mul", ["logs", "nothing"], ["product"]),
        node("Add", ["weights", "product"], ["logits"]),
    ]
    weights = {"mask": np.array([[0, -np.inf]], np.float32), "nothing": np.zeros((1, 2), np.float32)}
    content = file(nodes, [value("features", [1, 2])], [value("logits", [1, 2])], weights)
    broken = replace(model, trained=OnnxModel(content), fixed=OnnxModel(content))
    assert first_layer(broken, np.ones((1, 2), np.float32)) == "operator 'product_node' (Mul)"


def with_squares(keras):
    """A network whose squares half precision does not hold."""
    frame = keras.Input(FRAME)
    x = keras.layers.Rescaling(1e3, name="larger")(frame)
    x = keras.layers.Lambda(keras.ops.square, name="square")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    return keras.Model(frame, keras.layers.Dense(1, name="last")(x))


@pytest.mark.parametrize(
    ("network", "file", "layer"),
    [(with_roots, WHOLE, "root"), (with_roots, ONNX_FP32, "root"), (with_squares, ONNX_TYPED, "square")],
)
def test_a_file_that_gives_nan_names_the_layer_where_the_first_is(keras, model, evidence, network, file, layer):
    made = network(keras)
    broken = replace(model, trained=made, fixed=model.kind.graph(made, model.description))
    target = Target("a target", file.precision, "any", (file,))
    files = convert(broken, target, evidence.feeds, lambda text: None).files
    (row,) = measure(files, replace(evidence, model=broken)).rows
    assert f"the first is of layer {layer!r}" in row["violations"]
    assert not any("rounding grows" in text for text in row["violations"])
