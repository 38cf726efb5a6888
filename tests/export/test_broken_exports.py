"""Exports that are broken without an error of any converter: each is caught, and no bundle is written."""

import numpy as np
import pytest
from export_examples import write_calibration, write_description

from export.convert import files
from export.convert.keras_to_tflite import keras_to_tflite
from export.convert.quiet import quiet
from export.parity import measure
from export.targets import TARGETS


def with_last_layer(keras, folder, change):
    """Save the model with its last layer's [kernel, bias] changed."""
    model = keras.saving.load_model(folder / "detector.keras")
    model.layers[-1].set_weights(change(*model.layers[-1].get_weights()))
    model.save(folder / "detector.keras")


def unfrozen(model, precision="fp32", feeds=None, in_float=()):
    """The real trap: a concrete function of a Keras 3 model converts without its weights and without an error."""
    import tensorflow as tf

    signature = [tf.TensorSpec(model.inputs[0].shape, tf.float32)]
    function = tf.function(lambda x: model(x, training=False), input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], model)
    with quiet():
        return converter.convert()


def test_weights_that_were_not_frozen(refusal, monkeypatch):
    monkeypatch.setattr(files, "keras_to_tflite", unfrozen)
    assert "outside the bounds of rpi-fp32, no bundle written: detector.fp32.tflite" in refusal(target="rpi-fp32")


def test_file_without_its_weights_is_told_by_its_size(keras):
    """What it answers is left in memory by something else: it need not even be wrong."""
    inputs = keras.Input((98, 64, 1), batch_size=1)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(16)(keras.layers.Flatten()(inputs))))
    kernels = files.kernel_parameters(model)
    assert kernels == 98 * 64 * 16 + 16
    file = TARGETS["rpi-fp32"].files[0]
    found = measure.missing_weights(files.Exported(file, "detector.fp32.tflite", unfrozen(model)), kernels)
    assert len(found) == 1 and "they were not frozen" in found[0]
    whole = files.Exported(file, "detector.fp32.tflite", keras_to_tflite(model, "fp32", None))
    assert measure.missing_weights(whole, kernels) == []


def test_weights_that_are_nan(keras, model_copy, refusal):
    with_last_layer(keras, model_copy, lambda kernel, bias: [kernel * np.nan, bias])
    assert "NaN" in refusal(model=model_copy)


@pytest.mark.parametrize("target", ["rpi-int8", "jetson-int8"])
def test_a_converter_that_gives_nan(keras, refusal, monkeypatch, target):
    """A scale that overflows makes NaN of every logit, in whatever file it happens."""
    monkeypatch.setattr(measure, "engine_outputs", lambda engine, streams, states: np.full((len(streams), 1), np.nan))
    assert "logits are NaN or infinite" in refusal(target=target)


@pytest.mark.parametrize("scale", [300.0, 0.03])
def test_normalisation_that_is_another_unit(model_copy, refusal, scale):
    write_description(model_copy, normalisation={"kind": "frame_mean", "scale": scale})
    assert f"normalisation.scale {scale:g}" in refusal(model=model_copy)


def test_normalisation_that_costs_the_auc_that_training_found(keras, model_copy, calibration_copy, refusal):
    """Noise in both classes, so that the ranking depends on the scale; then the recorded AUC is missed."""
    with np.load(calibration_copy / "detector_log_mel.npz") as stored:
        arrays = dict(stored)
    arrays["y_parity"][::8] = 1
    write_calibration(calibration_copy, **arrays)
    write_description(model_copy, metrics={"parity_auc": 0.9999})
    line = refusal(model=model_copy, calibration=calibration_copy)
    assert "metrics.parity_auc says 0.9999" in line and "normalisation" in line


def test_device_that_normalises_otherwise(refusal, monkeypatch):
    """The device's own code is run on raw log-mel before the bundle is written."""
    from edge.bundle import detector

    monkeypatch.setattr(detector, "normalise", lambda frame, scale, out: np.divide(frame, scale, out=out))
    assert "does not say on the device what the model says" in refusal()


def test_device_with_another_temperature(refusal, monkeypatch):
    from export import bundle_writer, exporter

    def colder(*arguments):
        manifest = bundle_writer.bundle_manifest(*arguments)
        manifest["models"][0]["temperature"] *= 1.01
        return manifest

    monkeypatch.setattr(exporter, "bundle_manifest", colder)
    assert "at temperature 1.3" in refusal()


def test_labels_that_are_swapped(keras, model_copy, refusal):
    with_last_layer(keras, model_copy, lambda kernel, bias: [-kernel, -bias])
    line = refusal(model=model_copy)
    assert "worse than chance" in line and "labels are swapped" in line


def test_file_whose_labels_are_swapped(refusal, monkeypatch):
    real = measure.engine_outputs
    monkeypatch.setattr(measure, "engine_outputs", lambda *arguments: -real(*arguments))
    line = refusal(target="rpi-int8")
    assert "label agreement 0," in line and "AUC falls" in line


def with_operator(keras, folder, operation):
    """Save the model with an operation on its (1, 98, 64, 1) input that adds nothing."""
    inner = keras.saving.load_model(folder / "detector.keras")
    inputs = keras.Input((98, 64, 1))
    keras.Model(inputs, inner(inputs + 0 * operation(inputs))).save(folder / "detector.keras")


def determinant(x):
    """ONNX knows it, neither TensorRT nor TFLite does."""
    from keras import ops

    return ops.det(x[:, :64, :, 0])[:, None, None, None]


def test_operator_outside_the_list_of_tensorrt(keras, model_copy, refusal):
    with_operator(keras, model_copy, determinant)
    line = refusal("--dry-run", model=model_copy, target="jetson-fp16")
    assert "cannot run on jetson-fp16" in line and "Det" in line and "8.2" in line
    assert "Det" in refusal(model=model_copy, target="jetson-int8")


def test_operator_outside_the_list_of_tflite(keras, model_copy, refusal):
    with_operator(keras, model_copy, determinant)
    line = refusal(model=model_copy, target="rpi-fp32")
    assert "does not convert" in line and "eterminant" in line


def test_model_that_was_not_trained_is_warned_of(keras, model_copy, export):
    """It may be someone's first try: it is said, and the export goes on to judge parity alone."""
    rng = np.random.default_rng(1)
    with_last_layer(keras, model_copy, lambda kernel, bias: [rng.normal(0, 1e-3, kernel.shape), bias])
    _, _, stderr = export(model=model_copy)
    assert "no better than chance" in stderr or "worse than chance" in stderr or "undecided" in stderr
