"""A model of one's own: three keys of JSON, custom layers by registration, a temperature that is fitted."""

import json

import numpy as np
import pytest
from export_examples import write_calibration

from edge.bundle import load_bundle
from export.sources.loading import load_model

LAYERS = """
import keras


@keras.saving.register_keras_serializable(package="mine")
class {name}(keras.layers.Layer):
    def call(self, x):
        return x * 1.5
"""


def describe(folder, **description):
    """model.json with these keys and no other."""
    (folder / "model.json").write_text(json.dumps(description))


def test_three_keys_are_enough(export, model_copy, tmp_path):
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0)
    status, _, stderr = export(model=model_copy)
    assert status == 0, stderr
    bundle = load_bundle(tmp_path / "out")
    assert (bundle.name, bundle.version) == ("model", "0")
    assert bundle.decision.thresholds[:2] == (0.6, 0.4)


def test_sequential_models_export_too(keras, export, model_copy):
    inner = keras.saving.load_model(model_copy / "detector.keras")
    keras.Sequential([keras.Input((98, 64, 1)), inner]).save(model_copy / "detector.keras")
    status, _, stderr = export(model=model_copy)
    assert status == 0, stderr


def test_temperature_is_fitted_when_the_model_brings_none(keras, export, model_copy, calibration_copy, tmp_path):
    """A sixth of the temperature part's labels are turned round: a model as sure as this one must be cooled."""
    with np.load(calibration_copy / "detector_log_mel.npz") as stored:
        arrays = dict(stored)
    arrays["y_temperature"] = np.where(np.arange(40) % 6 == 0, 1 - arrays["y_temperature"], arrays["y_temperature"])
    write_calibration(calibration_copy, **arrays)
    model = keras.saving.load_model(model_copy / "detector.keras")
    model.layers[-1].set_weights([8 * weight for weight in model.layers[-1].get_weights()])
    model.save(model_copy / "detector.keras")
    describe(model_copy, labels=["cry"], feature="log_mel", decision={"open_threshold": 0.5, "close_threshold": 0.4})
    status, _, stderr = export(model=model_copy, calibration=calibration_copy)
    assert status == 0, stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    temperature = report["models"][0]["temperature"]
    assert temperature["fitted"] and temperature["value"] > 1.5
    assert temperature["ece_after"] < temperature["ece_before"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["models"][0]["temperature"] == temperature["value"]


def save_with_layer(keras, folder, layer):
    """The model behind a custom layer."""
    inputs = keras.Input((98, 64, 1))
    inner = keras.saving.load_model(folder / "detector.keras")
    keras.Model(inputs, inner(layer(inputs))).save(folder / "detector.keras")


@pytest.fixture
def own_layer(keras, model_copy):
    """A model with a layer from a module beside it, which nothing has imported any more."""
    source = LAYERS.format(name="Amplify")
    (model_copy / "amplifying_layers.py").write_text(source)
    scope = {}
    exec(source, scope)
    save_with_layer(keras, model_copy, scope["Amplify"]())
    keras.saving.get_custom_objects().pop("mine>Amplify")
    yield
    keras.saving.get_custom_objects().pop("mine>Amplify", None)


def test_layers_are_found_through_the_modules_that_register_them(export, model_copy, own_layer):
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0, layers=["amplifying_layers"])
    status, _, stderr = export("--trust-model-code", model=model_copy, target="rpi-fp32")
    assert status == 0, stderr


def test_layer_that_is_not_registered_is_named_with_what_to_do(refusal, model_copy, own_layer):
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0)
    line = refusal(model=model_copy)
    assert "'Amplify'" in line and "not registered" in line and '"layers": ["my_package.layers"]' in line


def test_module_of_layers_that_is_not_there(refusal, model_copy):
    describe(model_copy, labels=["cry"], feature="log_mel", temperature=1.0, layers=["absent.layers"])
    line = refusal("--trust-model-code", model=model_copy)
    assert "'absent.layers'" in line and "No module named 'absent'" in line


HOOK = """
def halved(model, description):
    import keras
    assert description["labels"] == ["cry"]
    inputs = keras.Input((98, 64, 1))
    return keras.Model(inputs, 0.5 * model(inputs))
"""


def test_the_graph_that_model_json_names_is_what_is_converted(model_copy, tmp_path):
    """From a module beside model.json, for any role: what it gives is given batch 1 and its names."""
    (model_copy / "own_graph.py").write_text(HOOK)
    describe(model_copy, labels=["cry"], feature="log_mel", graph="own_graph:halved")
    model = load_model(model_copy / "detector.keras", model_copy / "model.json", trusted=True)
    x = np.random.default_rng(0).normal(0, 1, (1, 98, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(model.fixed([x])["logits"], 0.5 * np.asarray(model.trained(x)), rtol=1e-5)
