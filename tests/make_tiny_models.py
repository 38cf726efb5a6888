"""Make tests/edge/tiny_models as ONNX and TFLite, with the answers Keras gives: a tiny detector, two experts that take
fused columns, a denoiser and two experts that look at frames, a verifier to which a low tone is a cry and hiss is none,
an embedding that tells sounds apart by their bands.

    python tests/make_tiny_models.py        (needs the export extra; the files are committed)

The weights follow a formula, not training: it hears nothing, it only has to be the same everywhere.
The files int8.tflite have int8 inputs and outputs, so that engines must quantise both.
experts.json holds what a manifest says of each expert, and what its whole model says of tiny_columns(): the head on the
first 14 n - 3 columns that the encoder, which saw all of them, gave. frames.json holds the labels of the experts that
look at frames and their logits for tiny_input(0) to (15): the narrow one of the denoiser's estimates, the wide one of
128 bands.
"""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf2onnx  # noqa: E402

from edge.dsp import fused  # noqa: E402
from export.convert.keras_to_tflite import keras_to_tflite  # noqa: E402
from training.causes.architecture import GRU, NONE, Architecture  # noqa: E402
from training.causes.model import LOGITS, SEQUENCE, build_model  # noqa: E402
from training.causes.streaming import cause_step, delay, the_head  # noqa: E402

FOLDER = Path(__file__).resolve().parent / "edge" / "tiny_models"
SHAPE = (1, 98, 64, 1)

STEP_COLUMNS, STEPS = 14, 20
STFT = (33, 73, 113, 173, 253)
ROWS = [*range(fused.MFCC_ROWS.stop), *STFT, fused.PITCH_ROW, fused.CLARITY_ROW, fused.WAVE_ROW]
NORMALISATION = {
    "kind": "row_z_score",
    "rows": ROWS,
    "mean": [-12.0 if row in STFT else 0.0 for row in ROWS],
    "deviation": [5.0 if row in STFT else 15.0 if row < fused.MFCC_ROWS.stop else 0.5 for row in ROWS],
}
EXPERTS = {  # head, band, labels
    "android": (GRU, 4000.0, ["belly_pain", "hungry", "tired"]),
    "ios": (NONE, 8000.0, ["discomfort", "hungry"]),
}
FRAME_EXPERTS = {  # bands, labels
    "narrow": (64, ["discomfort", "hungry", "tired"]),
    "wide": (128, ["hungry", "tired"]),
}


def tiny_input(n: int, n_mels: int = 64) -> np.ndarray:
    """The n-th test input, float32 of shape (1, 98, 64 or so, 1); tests/edge computes the same."""
    wave = np.sin(np.arange(98 * n_mels) * (0.37 + 0.011 * n) + n) * (0.2 * n) - 0.1 * n
    return wave.astype(np.float32).reshape(1, 98, n_mels, 1)


def tiny_model() -> keras.Model:
    """A convolution, a mean and a dense layer: 57 weights."""
    x = inputs = keras.Input(batch_shape=SHAPE)
    x = keras.layers.Conv2D(4, (5, 2), strides=(4, 4), activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.set_weights([np.cos(np.arange(w.size) * 1.7 + 2.0).reshape(w.shape) for w in model.get_weights()])
    return model


def tiny_denoiser() -> keras.Model:
    """Two convolutions: 21 weights, and what comes out is about as large as what goes in."""
    x = inputs = keras.Input(batch_shape=SHAPE, name="noisy")
    x = keras.layers.Conv2D(1, 3, padding="same", activation="tanh")(x)
    model = keras.Model(inputs, keras.layers.Conv2D(1, 3, padding="same", name="clean")(x))
    model.set_weights([np.cos(np.arange(w.size) * 1.1).reshape(w.shape) for w in model.get_weights()])
    return model


def tiny_frame_expert(n_mels: int, n_labels: int) -> keras.Model:
    """A convolution, a mean over time, and a dense layer."""
    x = inputs = keras.Input(batch_shape=(1, 98, n_mels, 1), name="frame")
    x = keras.layers.Conv2D(3, (5, 8), strides=(4, 8), activation="relu")(x)
    x = keras.layers.AveragePooling2D((24, 1))(x)
    model = keras.Model(inputs, keras.layers.Dense(n_labels, name="cause")(keras.layers.Flatten()(x)))
    model.set_weights([np.cos(np.arange(w.size) * 1.7 + 2.0).reshape(w.shape) for w in model.get_weights()])
    return model


def tiny_columns() -> np.ndarray:
    """Test columns for experts, (280, 273) float32; tests/edge computes the same."""
    number, row = np.arange(STEP_COLUMNS * STEPS)[:, None], np.arange(fused.N_ROWS)
    return (20.0 * np.sin(0.05 * number * (1.0 + 0.3 * np.sin(row)) + row) - 6.0).astype(np.float32)


def tiny_expert(head: str, n_labels: int) -> keras.Model:
    """A whole model that takes all the test columns at once."""
    size = {"rows": len(ROWS), "columns": STEP_COLUMNS * STEPS, "units": 6}
    model = build_model(Architecture(encoder=(3, 3, 3), head=head, **size), n_labels)
    for layer in model.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(
                [np.cos(np.arange(w.size) * 1.7 + 2.0).reshape(w.shape) * 2.5 / len(w) for w in layer.get_weights()]
            )
    return model


def answers_of(model: keras.Model) -> list[list[float]]:
    """Logits after each step, from the whole model."""
    mean, deviation = np.float32(NORMALISATION["mean"]), np.float32(NORMALISATION["deviation"])
    inputs = fused.standardise(tiny_columns()[:, ROWS], mean, deviation)
    encoded = keras.Model(model.input, model.get_layer(SEQUENCE).output)(inputs[None, :, :, None])
    ends = [STEP_COLUMNS * n - delay(model) for n in range(1, STEPS + 1)]
    logits = [model.get_layer(LOGITS)(the_head(model)(encoded[:, :end])) for end in ends]
    return [np.asarray(row)[0].tolist() for row in logits]


def tiny_verifier() -> keras.Model:
    """The low half of a patch's bands against its high half: two logits, the first twice as sure as the second."""
    inputs = keras.Input(batch_shape=(1, 96, 64, 1), name="patch")
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((96, 1))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    low_less_high = np.repeat([1.0, -1.0], 32) / 32
    model.set_weights([np.stack([2.0 * low_less_high, low_less_high], axis=1), np.zeros(2)])
    return model


def tiny_embedding() -> keras.Model:
    """Eight sums over the bands of a frame's mean spectrum."""
    inputs = keras.Input(batch_shape=SHAPE, name="frame")
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((98, 1))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(8, use_bias=False, name="vector")(x))
    model.set_weights([np.cos(np.arange(w.size) * 1.7 + 2.0).reshape(w.shape) for w in model.get_weights()])
    return model


def to_onnx(model: keras.Model, names: list[str]) -> onnx.ModelProto:
    """ONNX 13 as engines of 2021 read it."""
    signature = [tf.TensorSpec(x.shape, tf.float32, name=name) for x, name in zip(model.inputs, names, strict=True)]
    function = tf.function(lambda *inputs: model(list(inputs), training=False), input_signature=signature)
    graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=13)
    graph.ir_version = 7
    return graph


def write_detector() -> None:
    """detector.*, expected.json."""
    model = tiny_model()
    inputs = [tiny_input(n) for n in range(16)]
    (FOLDER / "detector.fp32.tflite").write_bytes(keras_to_tflite(model, "fp32", None))
    (FOLDER / "detector.int8.tflite").write_bytes(to_int8(model, [[x] for x in inputs]))
    onnx.save(to_onnx(model, ["log_mel"]), FOLDER / "detector.fp32.onnx")
    answers = {"logits": [float(np.asarray(model(x))[0, 0]) for x in inputs]}
    (FOLDER / "expected.json").write_text(json.dumps(answers, indent=1) + "\n")


def to_int8(model: keras.Model, examples: list) -> bytes:
    """int8 throughout, inputs and outputs too."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(examples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def write_experts() -> None:
    """expert_*, experts.json."""
    described = {}
    for name, (head, band_hz, labels) in EXPERTS.items():
        model = tiny_expert(head, len(labels))
        step = cause_step(model, STEP_COLUMNS)
        (FOLDER / f"expert_{name}.fp32.tflite").write_bytes(keras_to_tflite(step, "fp32", None))
        onnx.save(to_onnx(step, [x.name for x in step.inputs]), FOLDER / f"expert_{name}.fp32.onnx")
        described[name] = {
            "labels": labels,
            "band_hz": band_hz,
            "normalisation": NORMALISATION,
            "logits": answers_of(model),
        }
    rng = np.random.default_rng(0)
    examples = [{x.name: rng.uniform(0.0, 2.0, x.shape).astype(np.float32) for x in step.inputs} for _ in range(16)]
    (FOLDER / "expert_ios.int8.tflite").write_bytes(to_int8(step, examples))
    (FOLDER / "experts.json").write_text(json.dumps(described, indent=1) + "\n")


def write_frame_experts() -> None:
    """denoiser.*, frame_expert_*, frames.json."""
    denoiser, described = tiny_denoiser(), {}
    write_frame_model("denoiser", denoiser)
    for name, (n_mels, labels) in FRAME_EXPERTS.items():
        model = tiny_frame_expert(n_mels, len(labels))
        write_frame_model(f"frame_expert_{name}", model)
        inputs = [tiny_input(n, n_mels) for n in range(16)]
        frames = [denoiser(x) for x in inputs] if name == "narrow" else inputs
        described[name] = {"labels": labels, "logits": [np.asarray(model(x))[0].tolist() for x in frames]}
    (FOLDER / "frames.json").write_text(json.dumps(described, indent=1) + "\n")


def write_frame_model(name: str, model: keras.Model) -> None:
    """NAME.fp32.tflite and NAME.fp32.onnx."""
    (FOLDER / f"{name}.fp32.tflite").write_bytes(keras_to_tflite(model, "fp32", None))
    onnx.save(to_onnx(model, [x.name for x in model.inputs]), FOLDER / f"{name}.fp32.onnx")


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_detector()
    write_experts()
    write_frame_experts()
    write_frame_model("verifier", tiny_verifier())
    write_frame_model("embedding", tiny_embedding())


if __name__ == "__main__":
    main()
