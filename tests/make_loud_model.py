"""Make tests/edge/tiny_models/loud.fp32.*: a detector to which anything but silence is a cry.

    python tests/make_loud_model.py        (needs the export extra; the files are committed)

Its logit is 40 * mean(x * x) - 4, where x is the log-mel frame less its mean: -4 for digital silence,
well above 0 for any sound.
"""

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


def loud_model() -> keras.Model:
    """(1, 98, 64, 1) -> (1, 1) logit."""
    inputs = keras.Input(batch_shape=SHAPE)
    power = keras.layers.GlobalAveragePooling2D()(keras.layers.multiply([inputs, inputs]))
    model = keras.Model(inputs, keras.layers.Dense(1)(power))
    model.set_weights([np.array([[40.0]]), np.array([-4.0])])
    return model


def main() -> None:
    """Write the files."""
    model = loud_model()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (FOLDER / "loud.fp32.tflite").write_bytes(converter.convert())
    signature = [tf.TensorSpec(SHAPE, tf.float32, name="log_mel")]
    graph, _ = tf2onnx.convert.from_function(tf.function(lambda x: model(x)), input_signature=signature, opset=13)
    graph.ir_version = 7
    onnx.save(graph, FOLDER / "loud.fp32.onnx")


if __name__ == "__main__":
    main()
