"""What each layer costs when it alone is lowered, and which are left in float."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edge.engines import open_engine
from export.convert.files import Conversion, node_names
from export.convert.keras_graph import with_batch_of_one
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.keras_to_tflite import keras_to_tflite
from export.convert.layer_names import is_within, layer_names, layer_of, layer_of_tensor
from export.convert.onnx_fp16 import to_fp16
from export.convert.onnx_int8 import graph_of, quantise
from export.precision.choice import layers_to_leave
from export.precision.sensitivity import layer_errors
from export.targets import QUANTISED

SHAPE = (20, 12, 1)
LOUD = 3000.0  # by which one weight of a layer is larger than the others: int8 has no steps left for those


@pytest.fixture(scope="module")
def model(keras):
    """Three layers, the middle one made for int8 to fail on; in a model within a model, as converted."""
    keras.utils.set_random_seed(5)
    layers, inputs = keras.layers, keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    x = layers.Flatten()(layers.MaxPooling2D(4)(x))
    x = layers.Dense(8, activation="relu", name="loud")(x)
    built = keras.Model(inputs, layers.Dense(1, name="last")(x), name="net")
    kernel, bias = built.get_layer("loud").get_weights()
    kernel[0] *= LOUD  # its input is nearly always nought
    built.get_layer("loud").set_weights([kernel, bias])
    first = built.get_layer("first").get_weights()
    built.get_layer("first").set_weights([first[0], first[1] - np.array([50, 0, 0, 0], np.float32)])
    return with_batch_of_one(built)


@pytest.fixture(scope="module")
def feeds():
    rng = np.random.default_rng(1)
    return [{"features": rng.normal(size=(1, *SHAPE)).astype(np.float32)} for _ in range(40)]


@pytest.fixture(scope="module")
def onnx(model):
    return keras_to_onnx(model)


def test_the_layer_that_int8_fails_on_comes_first(model, onnx, feeds):
    """And half precision, which has an exponent, does not mind it."""
    found = layer_errors(onnx, layer_names(model), feeds)
    assert [one.layer for one in found][0] == "loud" and {one.layer for one in found} == {"first", "loud", "last"}
    assert found[0].int8_error > 3 * found[1].int8_error
    assert all(one.fp16_error < found[0].int8_error / 10 for one in found)
    assert {one.layer: one.parameters for one in found}["first"] == 3 * 3 * 4


def test_a_model_with_too_many_layers_is_not_looked_at_for_ever(model, onnx, feeds, monkeypatch):
    monkeypatch.setattr("export.precision.sensitivity.MOST_S", 0.0)
    assert [one.int8_error for one in layer_errors(onnx, layer_names(model), feeds)] == [None] * 3


def test_a_layer_that_is_kept_has_no_q_dq_and_no_range_in_the_cache(model, onnx, feeds):
    spared = node_names(onnx, SimpleNamespace(fixed=model), ["loud"])
    whole, kept = quantise(onnx, feeds), quantise(onnx, feeds, in_float=spared)
    pairs = [[node.op_type for node in graph_of(one.content).node].count("QuantizeLinear") for one in (whole, kept)]
    assert len(spared) == 1 and pairs[0] - pairs[1] == 2  # of its input and of its weights
    assert len(kept.scales) < len(whole.scales)


def test_a_layer_that_is_kept_has_float_weights_in_tflite(model, feeds, tmp_path):
    """And the file is nearer to the model for it."""
    x = feeds[0]["features"]
    expected = float(np.asarray(model(x)["logits"]).item())
    errors, sizes = [], []
    for in_float in ([], ["loud"]):
        path = tmp_path / f"{len(in_float)}.tflite"
        path.write_bytes(keras_to_tflite(model, "int8", feeds, in_float))
        errors.append(abs(float(open_engine({"tflite": str(path)}).run(x).item()) - expected))
        sizes.append(path.stat().st_size)
    assert sizes[1] > sizes[0] and errors[1] < errors[0] / 2


def test_a_layer_that_is_kept_is_float_in_the_typed_file(model, onnx):
    spared = node_names(onnx, SimpleNamespace(fixed=model), ["loud"])
    halves = [
        sum(weight.data_type == 10 for weight in graph_of(to_fp16(onnx, nodes)).initializer) for nodes in ((), spared)
    ]
    assert halves[0] > halves[1] > 0


def test_the_fewest_layers_that_keep_the_bounds_are_left(model, onnx, feeds):
    """A comparison that allows an error which int8 keeps everywhere but in one layer."""
    reference = np.concatenate([np.asarray(model(feed["features"])["logits"]) for feed in feeds])
    layers = layer_errors(onnx, layer_names(model), feeds)
    allowed = 0.5 * layers[0].int8_error

    class Comparison:
        def compare(self, reference, outputs):
            return SimpleNamespace(parity=float(np.abs(outputs - reference).mean()))

        def violations(self, parity, bounds):
            return ["too far"] * (parity > allowed)

    evidence = SimpleNamespace(
        model=SimpleNamespace(fixed=model),
        feeds=feeds,
        streams=[[feed] for feed in feeds],
        reference=reference,
        comparison=Comparison(),
    )
    conversion = Conversion([], onnx, None, 1.0, layers)
    assert next(iter(layers_to_leave(conversion, evidence, QUANTISED))) == ("loud",)
    large = [replace(one, parameters=10_000 * one.parameters) for one in layers]  # nine tenths of them are "loud"
    assert not list(layers_to_leave(replace(conversion, layers=large), evidence, QUANTISED))


@pytest.mark.parametrize(
    "name, layer",
    [
        ("functional_1/net_1/conv2d_1/convolution", "conv2d"),
        ("functional_1/net_1/conv2d_1_2/convolution:0", "conv2d_1"),
        ("net/encoder_1_1/attention_1/key_1/Tensordot/MatMul", "encoder_1/attention/key"),
        ("Conv__51", ""),
    ],
)
def test_layers_are_found_in_the_names_of_converters(name, layer):
    layers = ["conv2d", "conv2d_1", "encoder_1", "attention", "key"]
    assert layer_of(name, layers) == layer


def test_of_what_is_fused_the_layer_with_weights_counts():
    name = "net/re_lu_1/Relu;net/norm_1/batchnorm/add_1;net/conv2d_1/convolution;net/norm_1/batchnorm/sub1"
    assert layer_of_tensor(name, ["re_lu", "norm", "conv2d"]) == "conv2d"
    assert is_within("encoder_1/attention/key", ["encoder_1"]) and is_within("encoder_1/attention/key", ["key"])
    assert not is_within("conv2d_1", ["conv2d"])
