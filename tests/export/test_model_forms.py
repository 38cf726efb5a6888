"""The forms in which people keep their models: each is converted, and says what the saved model says."""

import json
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

from edge.engines import open_engine
from edge.errors import UserError
from export.child_process import Crash
from export.convert import keras_rebuild, keras_to_tflite
from export.convert.files import Exported
from export.convert.keras_graph import with_batch_of_one
from export.convert.keras_to_onnx import check_inputs, keras_to_onnx
from export.convert.tflite_process import ConverterProcess, ConverterRefusal
from export.networks import engine_network, onnx_network
from export.parity.measure import bounds_of
from export.report.cost import onnx_cost
from export.sources.loading import load_model
from export.targets import BF16, FP16, FP32, TARGETS
from export.tensorrt_lint import lint

SHAPE = (98, 64, 1)


def recurrent(kind, **options):
    def build(keras):
        inputs = keras.Input(SHAPE)
        x = keras.layers.AveragePooling2D((7, 4))(inputs)
        x = keras.layers.Reshape((14, 16))(x)
        layer = getattr(keras.layers, kind)(5, **options)
        return keras.Model(inputs, keras.layers.Dense(1)(layer(x)))

    return build


def all_recurrent(keras):
    """One of each kind after the other; the last gives its last output only."""
    inputs = keras.Input(SHAPE)
    x = keras.layers.Reshape((14, 16))(keras.layers.AveragePooling2D((7, 4))(inputs))
    x = keras.layers.LSTM(5, return_sequences=True)(keras.layers.SimpleRNN(5, return_sequences=True)(x))
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GRU(5)(x)))


def bidirectional(keras):
    inputs = keras.Input(SHAPE)
    x = keras.layers.Reshape((14, 16))(keras.layers.AveragePooling2D((7, 4))(inputs))
    x = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True))(x)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalMaxPooling1D()(x)))


def of_precision(policy):
    def build(keras):
        before = keras.mixed_precision.global_policy()
        keras.mixed_precision.set_global_policy(policy)
        try:
            return pooled(keras, keras.Input(SHAPE))
        finally:
            keras.mixed_precision.set_global_policy(before)

    return build


def pooled(keras, inputs, features=None):
    x = keras.layers.Conv2D(4, 5, strides=3, activation="relu")(inputs if features is None else features)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))


def adapted_normalization(keras, augments=False):
    """Its layer computes with what it made of its weights; one that augments has the model built anew."""
    layer = keras.layers.Normalization(axis=-2)
    layer.adapt(np.random.default_rng(0).normal(0.3, 1.3, (4, *SHAPE)).astype(np.float32))
    inputs = keras.Input(SHAPE)
    x = keras.layers.GaussianNoise(1.0)(inputs) if augments else inputs
    return pooled(keras, inputs, layer(x))


def augmented(keras):
    """Layers that draw random numbers in training alone, and a kernel that began as random ones."""
    inputs = keras.Input(SHAPE)
    x = keras.layers.RandomTranslation(0.1, 0.1)(
        keras.layers.RandomContrast(0.3)(keras.layers.GaussianNoise(1.0)(inputs))
    )
    x = keras.layers.Conv2D(4, 5, strides=3, kernel_initializer="random_normal")(keras.layers.AlphaDropout(0.3)(x))
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))


def with_constants(keras):
    """An array, a tensor of Keras, and what an embedding gives for a range: each may become an input by mistake."""
    waves = np.sin(np.arange(98 * 8)).astype(np.float32).reshape(1, 98, 8)
    inputs = keras.Input(SHAPE)
    x = keras.layers.Dense(8)(keras.layers.Reshape((98, 64))(inputs)) + waves
    x = keras.layers.LayerNormalization()(x) + keras.ops.convert_to_tensor(waves)
    x = keras.layers.LayerNormalization()(x) + keras.layers.Embedding(98, 8)(keras.ops.arange(98))
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x)))


def named_without_channel(keras):
    """A dict in, a dict out, and no axis for channels."""
    inputs = keras.Input(SHAPE[:2])
    model = pooled(keras, inputs, keras.layers.Reshape(SHAPE)(inputs))
    return keras.Model({"mel": model.input}, {"cry": model.output})


def convolutional_recurrent(keras):
    inputs = keras.Input(SHAPE)
    x = keras.layers.Reshape((2, 49, 64, 1))(inputs)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ConvLSTM2D(2, 3, strides=4)(x))
    return keras.Model(inputs, keras.layers.Dense(1)(x))


def with_gelu(keras):
    """TensorFlow has an operator of its own for it, which is rewritten."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(keras.ops.gelu(inputs, False))))


FORMS = {
    "gelu": with_gelu,
    "recurrent": all_recurrent,
    "convolutional recurrent": convolutional_recurrent,
    "bidirectional": bidirectional,
    "mixed_float16": of_precision("mixed_float16"),
    "mixed_bfloat16": of_precision("mixed_bfloat16"),
    "float64": of_precision("float64"),
    "adapted normalization": adapted_normalization,
    "adapted and augmented": lambda keras: adapted_normalization(keras, augments=True),
    "constants": with_constants,
    "augmented": augmented,
    "names, no channel": named_without_channel,
    "open time": lambda keras: pooled(keras, keras.Input((None, *SHAPE[1:]))),
    "sequential": lambda keras: keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(1)]),
}
INT8_TOO = ("recurrent", "bidirectional", "constants", "sequential")  # what crashed the quantiser, or its reader
ROUGH = {"mixed_float16": 0.02, "mixed_bfloat16": 0.1}  # what half precision costs the saved model itself


def saved(keras, folder, build):
    keras.utils.set_random_seed(4)
    build(keras).save(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps({"labels": ["cry"], "feature": "log_mel", "temperature": 1.0}))
    return load_model(folder / "model.keras", folder / "model.json")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_converts_and_takes_nothing_but_features(keras, tmp_path, form):
    """In onnxruntime and in LiteRT; what TensorRT 8.2 does not import is said nowhere."""
    model = saved(keras, tmp_path, FORMS[form])
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, (1, *SHAPE)).astype(np.float32)
    expected = np.asarray(model.trained(x, training=False)).astype(np.float32)
    onnx = keras_to_onnx(model.fixed)
    assert lint(onnx, tensorrt="8.2") == []
    np.testing.assert_allclose(onnx_network(onnx)({"features": x})["logits"], expected, atol=ROUGH.get(form, 1e-4))
    for precision, tolerance in [("fp32", ROUGH.get(form, 1e-4)), ("int8", 0.5)][: 1 + (form in INT8_TOO)]:
        path = tmp_path / f"{precision}.tflite"
        path.write_bytes(keras_to_tflite.keras_to_tflite(model.fixed, precision, [{"features": x}] * 4))
        engine = open_engine({"tflite": str(path)})
        assert len(engine.inputs) == 1
        np.testing.assert_allclose(engine_network(engine)({"features": x})["logits"], expected, atol=tolerance)


@pytest.mark.parametrize(
    "form, bounds",
    [("mixed_float16", FP16), ("mixed_bfloat16", replace(FP16, posterior_error=BF16)), ("float64", FP32)],
)
def test_a_model_that_rounds_by_itself_is_bounded_as_fp16(keras, tmp_path, form, bounds):
    """Its float32 file is nearer to the truth than the saved model is."""
    model = saved(keras, tmp_path, FORMS[form])
    found = bounds_of(Exported(TARGETS["rpi-fp32"].files[0], "detector.fp32.tflite", b""), model)
    assert (found.posterior_error, found.label_agreement) == (bounds.posterior_error, bounds.label_agreement)


def test_a_subclassed_model_converts(keras, tmp_path):
    @keras.saving.register_keras_serializable("forms")
    class Net(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.last = keras.layers.Dense(1)

        def call(self, x):
            return self.last(keras.ops.mean(x, axis=(1, 3)))

    def build(keras):
        model = Net()
        model(np.zeros((1, *SHAPE), np.float32))
        return model

    model = saved(keras, tmp_path, build)
    x = np.random.default_rng(2).normal(0, 1, (1, *SHAPE)).astype(np.float32)
    found = onnx_network(keras_to_onnx(model.fixed))({"features": x})["logits"]
    np.testing.assert_allclose(found, np.asarray(model.trained(x)), atol=1e-5)


def test_a_mean_over_a_frame_is_as_exact_in_tflite_as_in_the_model(keras, tmp_path):
    """Many numbers far from nought, in a model inside a model: added up one by one, they would lose three digits."""
    inputs = keras.Input(SHAPE)
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    inner = keras.Model(inputs, pooled)
    outer = keras.Input(SHAPE)
    model = with_batch_of_one(keras.Model(outer, keras.layers.Flatten()(inner(outer))))
    x = np.random.default_rng(2).uniform(1000, 1001, (1, *SHAPE)).astype(np.float32)
    (tmp_path / "file").write_bytes(keras_to_tflite.keras_to_tflite(model, "fp32", None))
    engine = open_engine({"tflite": str(tmp_path / "file")})
    assert engine.run(x).item() == pytest.approx(x.astype(np.float64).mean(), rel=3e-7)


def test_a_loop_that_is_too_long_to_unroll_is_named(keras, tmp_path, monkeypatch):
    monkeypatch.setattr(keras_rebuild, "MAX_UNROLLED_STEPS", 1)
    model = saved(keras, tmp_path, recurrent("GRU", name="listening"))
    feeds = [{"features": np.zeros((1, *SHAPE), np.float32)}] * 2
    with pytest.raises(UserError, match=r"layer 'listening', GRU\): give it at most"):
        keras_to_tflite.keras_to_tflite(model.fixed, "int8", feeds)


def test_a_converter_that_crashes_is_named_and_the_next_job_runs(tmp_path):
    process = ConverterProcess()
    # While it still loads TensorFlow, which takes seconds, it has a job and cannot answer.
    threading.Timer(0.3, os.kill, (process.running().pid, signal.SIGSEGV)).start()
    with pytest.raises(Crash, match="crashed with SIGSEGV"):
        process.ask({"saved_model": "nowhere", "precision": "fp32", "int8": None, "out": str(tmp_path / "none.tflite")})
    with pytest.raises(ConverterRefusal, match="nowhere"):
        process.convert(tmp_path / "nowhere", "fp32", None, None)
    process.stop()


def test_the_layer_that_crashes_the_converter_is_found(keras, tmp_path, monkeypatch):
    """Each cut of the model behind its second convolution crashes, none before it does."""
    real = keras_to_tflite.convert_once

    def crashing(model, *arguments):
        if any(layer.name == "guilty" for layer in model._flatten_layers()):
            raise Crash("crashed with SIGSEGV")
        return real(model, *arguments)

    def build(keras):
        inputs = keras.Input(SHAPE)
        x = keras.layers.Conv2D(2, 3, strides=3, activation="relu", name="innocent")(inputs)
        x = keras.layers.Conv2D(2, 3, strides=3, name="guilty")(x)
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))

    monkeypatch.setattr(keras_to_tflite, "convert_once", crashing)
    with pytest.raises(UserError, match=r"fp32 TFLite crashed with SIGSEGV at layer 'guilty' \(Conv2D\): replace"):
        keras_to_tflite.keras_to_tflite(saved(keras, tmp_path, build).fixed, "fp32", None)


def test_an_operator_that_onnx_lacks_is_named_with_its_layer(keras, tmp_path):
    @keras.saving.register_keras_serializable("forms")
    class Spectrum(keras.layers.Layer):
        def call(self, x):
            return keras.ops.fft((x, x))[0]

    def build(keras):
        inputs = keras.Input(SHAPE)
        x = Spectrum(name="spectrum")(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.layers.Dense(1)(x))

    with pytest.raises(UserError, match=r"no such operator as .*FFT at \S*spectrum\S*/FFT.*: build that layer from"):
        keras_to_onnx(saved(keras, tmp_path, build).fixed)


def test_a_model_of_two_outputs_is_told_which_it_has(keras, tmp_path):
    def build(keras):
        inputs = keras.Input(SHAPE, name="mel")
        x = keras.layers.Flatten()(inputs)
        return keras.Model(inputs, [keras.layers.Dense(1, name="cry")(x), keras.layers.Dense(4, name="place")(x)])

    with pytest.raises(UserError, match=r"has the inputs mel and the outputs cry, place, one of each is needed: save"):
        saved(keras, tmp_path, build)


def test_an_onnx_file_with_another_input_is_refused(keras, tmp_path):
    onnx = keras_to_onnx(saved(keras, tmp_path, FORMS["sequential"]).fixed)
    check_inputs(onnx, ["features"])
    with pytest.raises(UserError, match="takes the inputs features instead of features, state"):
        check_inputs(onnx, ["features", "state"])


def test_grouped_convolutions_and_loops_are_counted(keras, tmp_path):
    """A group's kernel sees its own channels only; an unrolled step counts each time."""

    def grouped(keras):
        inputs = keras.Input(SHAPE)
        x = keras.layers.Conv2D(8, 1, use_bias=False)(inputs)
        x = keras.layers.Conv2D(8, 1, groups=4, use_bias=False)(x)
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))

    counted = onnx_cost(keras_to_onnx(saved(keras, tmp_path, grouped).fixed)).multiply_adds
    assert counted == 98 * 64 * (8 * 1 + 8 * 2) + 8
    (tmp_path / "gru").mkdir()
    counted = onnx_cost(keras_to_onnx(saved(keras, tmp_path / "gru", recurrent("GRU")).fixed)).multiply_adds
    assert counted == 14 * 16 * 15 + 13 * 5 * 15 + 5  # before the first step the state is zero
