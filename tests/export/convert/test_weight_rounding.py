"""Dense weights of a dynamic-range file: whole steps, chosen so that the layer's output stays near."""

from types import SimpleNamespace

import numpy as np
import pytest

from edge.engines import open_engine
from export.convert.files import tflite
from export.convert.weight_rounding import rounded, rounded_dense_weights

MIXED = np.random.default_rng(3).normal(size=(48, 48)) * np.geomspace(1, 0.05, 48)  # as a spectrum's bands move


def inputs(n, seed):
    return (np.random.default_rng(seed).normal(size=(n, 48)) @ MIXED).astype(np.float32)


def test_weights_are_whole_steps_of_the_scale_that_the_converter_finds():
    weights = np.random.default_rng(4).normal(size=(48, 30)).astype(np.float32)
    weights[7, 3] = 9.0  # one that makes the scale coarse
    seen = inputs(400, 1)
    found = rounded(weights, seen.T @ seen)
    steps = found.astype(np.float64) / (np.abs(weights).max() / 127)
    assert np.abs(found).max() == np.abs(weights).max()
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    nearest = np.round(weights * 127 / 9.0) * 9.0 / 127
    fresh = inputs(400, 2)
    assert np.abs(fresh @ found - fresh @ weights).mean() < 0.7 * np.abs(fresh @ nearest - fresh @ weights).mean()


def test_weights_of_nothing_stay():
    assert not rounded(np.zeros((4, 3), np.float32), np.eye(4)).any()


@pytest.fixture(scope="module")
def network(keras):
    """A dense layer with one loud weight, as converted, with its ONNX file and what it is fed."""
    from export.convert.keras_graph import with_batch_of_one
    from export.convert.keras_to_onnx import keras_to_onnx

    keras.utils.set_random_seed(2)
    given = keras.Input((48,))
    model = keras.Model(given, keras.layers.Dense(1)(keras.layers.Dense(40, activation="relu", name="wide")(given)))
    kernel, bias = model.get_layer("wide").get_weights()
    kernel[5, 5] = 4.0
    model.get_layer("wide").set_weights([kernel, bias])
    fixed = with_batch_of_one(model)
    return fixed, keras_to_onnx(fixed), [{"features": x[None]} for x in inputs(400, 1)]


def test_a_dynamic_file_errs_less_and_the_model_is_as_it_was(network, tmp_path):
    from export.convert.keras_to_tflite import keras_to_tflite

    model, onnx, feeds = network
    before = [np.asarray(weight) for weight in model.weights]
    files = {
        "ours": tflite(SimpleNamespace(fixed=model), onnx, "dynamic", feeds),
        "plain": keras_to_tflite(model, "dynamic", feeds),
    }
    assert all((np.asarray(weight) == old).all() for weight, old in zip(model.weights, before, strict=True))
    said, fresh = {}, inputs(200, 2)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        engine = open_engine({"tflite": str(tmp_path / name)})
        said[name] = np.array([engine.run(x[None]).item() for x in fresh])
    expected = np.array([np.asarray(model(x[None])["logits"]).item() for x in fresh])
    assert np.abs(said["ours"] - expected).mean() < 0.8 * np.abs(said["plain"] - expected).mean()


def test_an_onnx_file_is_rounded_alike(network):
    import onnx

    from export.onnx_model import OnnxModel

    model, content, feeds = network
    with rounded_dense_weights(model, content, feeds):
        expected = next(np.asarray(w) for w in model.weights if tuple(w.shape) == (48, 40))
    with rounded_dense_weights(OnnxModel(content), content, feeds) as changed:
        graph = onnx.load_from_string(changed.content).graph
    found = [onnx.numpy_helper.to_array(w) for w in graph.initializer if sorted(w.dims) == [40, 48]]
    np.testing.assert_array_equal(found[0] if found[0].shape == (48, 40) else found[0].T, expected)


def test_a_network_with_constants_of_its_own_is_converted_from_the_onnx_file(network):
    """Here: the same file with a kernel that is none of the model's weights."""
    import onnx

    from export.onnx_model import OnnxModel

    model, content, feeds = network
    other = onnx.load_from_string(content)
    for proto in other.graph.initializer:
        if sorted(proto.dims) == [40, 48]:
            proto.CopyFrom(onnx.numpy_helper.from_array(2 * onnx.numpy_helper.to_array(proto), proto.name))
    with rounded_dense_weights(model, other.SerializeToString(), feeds) as changed:
        assert isinstance(changed, OnnxModel) and changed.content != content
