"""Keras on the one backend that converts, and the functional model of batch 1 that the converters take."""

import os
from typing import Any

from edge.errors import UserError
from export.convert.quiet import quiet
from export.networks import INPUT_NAME, OUTPUT_NAME


def import_keras() -> Any:
    """Keras on TensorFlow, the only backend that converts, however the model was trained.

    Raises UserError when another backend is already loaded in this process.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():
        import keras
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"Keras already runs on {keras.backend.backend()} in this process: export in a fresh one")
    return keras


def with_batch_of_one(model: Any, output_name: str = OUTPUT_NAME) -> Any:
    """A functional model around another (also a Sequential, which does not convert) with batch 1 and names."""
    keras = import_keras()
    inputs = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]), name=INPUT_NAME)
    outputs = keras.layers.Identity(name=f"{output_name}_out")(model(inputs, training=False))
    return keras.Model([inputs], {output_name: outputs})
