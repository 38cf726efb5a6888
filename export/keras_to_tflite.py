"""Keras -> TFLite in four precisions."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.engines.base import one_line
from edge.errors import UserError
from export.quiet import quiet


def keras_to_tflite(model: Any, precision: str, quantise: np.ndarray) -> bytes:
    """Convert a functional Keras model with batch 1.

    precision: fp32, fp16 (weights), dynamic (int8 weights, float activations) or int8 (both, per-channel
    weights; input and output stay float32, which costs the engine nothing). quantise: (N, ...) float32 network
    inputs from which int8 ranges are taken. Returns the file's bytes. Raises UserError when the model does not convert.
    """
    import tensorflow as tf

    # from_keras_model and no other: from_concrete_functions leaves Keras 3 weights unfrozen, without an error.
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    # Per-channel dense layers need an operator version that tflite-runtime 2.14 rejects.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: one_at_a_time(quantise)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        with quiet():
            return converter.convert()
    except Exception as error:  # the converter has no exception of its own for what it cannot convert
        unknown = re.search(r"(?:Flex|Custom) ops?: ([\w, ]+)", str(error))
        what = f"the operator {unknown[1]} is not a TFLite builtin" if unknown else one_line(error)
        raise UserError(
            f"the model does not convert to {precision} TFLite ({what}): build it from layers that do"
        ) from error


def one_at_a_time(inputs: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Each input as the converter wants it: a list of one array with batch 1."""
    for index in range(len(inputs)):
        yield [inputs[index : index + 1]]
