"""Make tests/edge/tiny_models: one tiny detector as ONNX and TFLite, with the answers Keras gives.

    python tests/make_tiny_models.py        (needs the export extra; the files are committed)

The weights follow a formula, not training: it hears nothing, it only has to be the same everywhere.
detector.int8.tflite has int8 input and output, so that engines must quantise both.
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

FOLDER = Path(__file__).resolve().parent / "edge" / "tiny_models"
SHAPE = (1, 98, 64, 1)


def tiny_input(n: int) -> np.ndarray:
    """The n-th test input, float32 of shape (1, 98, 64, 1); tests/edge computes the same."""
    wave = np.sin(np.arange(98 * 64) * (0.37 + 0.011 * n) + n) * (0.2 * n) - 0.1 * n
    return wave.astype(np.float32).reshape(SHAPE)


def tiny_model() -> keras.Model:
    """A convolution, a mean and a dense layer: 57 weights."""
    x = inputs = keras.Input(batch_shape=SHAPE)
    x = keras.layers.Conv2D(4, (5, 2), strides=(4, 4), activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.set_weights([np.cos(np.arange(w.size) * 1.7 + 2.0).reshape(w.shape) for w in model.get_weights()])
    return model


def main() -> None:
    """Write the files."""
    model = tiny_model()
    FOLDER.mkdir(parents=True, exist_ok=True)
    inputs = [tiny_input(n) for n in range(16)]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (FOLDER / "detector.fp32.tflite").write_bytes(converter.convert())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x] for x in inputs)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (FOLDER / "detector.int8.tflite").write_bytes(converter.convert())

    signature = [tf.TensorSpec(SHAPE, tf.float32, name="log_mel")]
    graph, _ = tf2onnx.convert.from_function(
        tf.function(lambda x: model(x)), input_signature=signature, opset=13)
    graph.ir_version = 7
    onnx.save(graph, FOLDER / "detector.fp32.onnx")

    answers = {"logits": [float(np.asarray(model(x))[0, 0]) for x in inputs]}
    (FOLDER / "expected.json").write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
