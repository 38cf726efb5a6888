"""Keras on the one backend that converts, and the functional model of batch 1 that the converters take."""

import os
from collections.abc import Sequence
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


def with_batch_of_one(model: Any, output_name: str = OUTPUT_NAME, shape: Sequence[int] | None = None) -> Any:
    """A functional model around another (also a Sequential, which does not convert) with batch 1 and names.

    shape: of the input, where the model leaves some of it open.
    """
    keras = import_keras()
    inputs = keras.Input(batch_shape=(1, *(shape or model.inputs[0].shape[1:])), name=INPUT_NAME)
    outputs = keras.layers.Identity(name=f"{output_name}_out")(model(inputs))
    return keras.Model([inputs], {output_name: outputs})


def one_tensor_to_one(model: Any, input_shape: Sequence[int]) -> Any:
    """A functional model that takes and gives one tensor, not a dict of one; also where it has no channel axis.

    input_shape: without the batch. Others are left as they are.
    """
    keras = import_keras()
    if not getattr(model, "inputs", None):  # a subclassed model
        inputs = keras.Input(tuple(input_shape))
        model = keras.Model(inputs, model(inputs), name=model.name)
    is_named = isinstance(model, keras.Model) and not isinstance(model, keras.Sequential)
    is_named = is_named and (isinstance(model.input, dict) or isinstance(model.output, dict))
    if is_named and len(model.inputs) == len(model.outputs) == 1:
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if len(shapes) == 1 and shapes != [tuple(input_shape)] and without_ones(shapes[0]) == without_ones(input_shape):
        inputs = keras.Input(tuple(input_shape))
        model = keras.Model(inputs, model(keras.layers.Reshape(shapes[0])(inputs)), name=model.name)
    return model


def without_ones(shape: Sequence[int]) -> list[int]:
    """The sizes that tell."""
    return [size for size in shape if size != 1]


def inner_model(model: Any) -> Any:
    """The model that with_batch_of_one is around, or the model itself."""
    return next((layer for layer in model.layers if hasattr(layer, "layers")), model)
