"""Keras -> TFLite in four precisions.

A network that remembers gets int8 convolutions, which are nearly all of its work, and a float head: of a random expert
of the size that ships, whole int8 moved the posterior by up to .084 and the likeliest label in 1.1 % of clear answers,
this by .052 and in none, for 40 kB more. What is remembered stays float, so that no step rounds it again.

A network with attention gets int8 products with weights; attention's own products, softmax and normalisations stay
float: of a small Transformer, whole int8 moved the likeliest label in 2.2 % of clear answers and took 2.5 times as long
as fp32, this in 0.7 % and as long as fp32, at the size of whole int8.
"""

import re
from collections.abc import Sequence
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.quiet import quiet
from export.networks import Feed, state_shapes

STREAMED_INT8 = ("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D")  # of a network that remembers
ATTENDING_INT8 = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")  # of one with attention


def keras_to_tflite(model: Any, precision: str, feeds: Sequence[Feed] | None) -> bytes:
    """Convert a functional Keras model with batch 1.

    precision: fp32, fp16 (weights), dynamic (int8 weights, float activations) or int8 (both, per-channel
    weights; inputs and outputs stay float32, which costs the engine nothing). feeds: network inputs from which int8
    ranges are taken. Returns the file's bytes. Raises UserError when the model does not convert.
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
        converter.representative_dataset = lambda: iter(feeds)
    try:
        with quiet():
            operators = int8_operators(model) if precision == "int8" else None
            if operators is not None:
                return partly_int8(converter, operators)
            if precision == "int8":
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            return converter.convert()
    except Exception as error:  # the converter has no exception of its own for what it cannot convert
        unknown = re.search(r"(?:Flex|Custom) ops?: ([\w, ]+)", str(error))
        what = f"the operator {unknown[1]} is not a TFLite builtin" if unknown else one_line(error)
        raise UserError(
            f"the model does not convert to {precision} TFLite ({what}): build it from layers that do"
        ) from error


def int8_operators(model: Any) -> Sequence[str] | None:
    """The operators that become int8; None: all."""
    import tensorflow as tf

    if state_shapes(model):
        return STREAMED_INT8
    signature = [tf.TensorSpec(tensor.shape, tf.float32) for tensor in model.inputs]
    traced = tf.function(lambda *x: model(list(x), training=False)).get_concrete_function(*signature)
    attends = any(operation.type == "Softmax" for operation in traced.graph.get_operations())
    return ATTENDING_INT8 if attends else None


def partly_int8(converter: Any, operators: Sequence[str]) -> bytes:
    """The file of a converter that is set to quantise, with all but some operators left in float."""
    import tensorflow as tf
    from tensorflow.lite.python.schema_py_generated import BuiltinOperator

    others = [name for name in vars(BuiltinOperator) if name.isupper() and name not in operators]
    # The debugger is TensorFlow's one public way to quantise some operators and not others.
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=others)
    debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_options=options)
    return debugger.get_nondebug_quantized_model()
