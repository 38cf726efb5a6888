"""Keras -> TFLite in four precisions.

A network that remembers gets int8 convolutions, which are nearly all of its work, and a float head: of a random expert
of the size that ships, whole int8 moved the posterior by up to .084 and the likeliest label in 1.1 % of clear answers,
this by .052 and in none, for 40 kB more. What is remembered stays float, so that no step rounds it again.

A network with attention gets int8 products with weights; attention's own products, softmax and normalisations stay
float: of a small Transformer, whole int8 moved the likeliest label in 2.2 % of clear answers and took 2.5 times as long
as fp32, this in 0.7 % and as long as fp32, at the size of whole int8.
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError
from export.child_process import Crash
from export.convert.keras_graph import inner_model, with_batch_of_one
from export.convert.keras_rebuild import MAX_UNROLLED_STEPS, RECURRENT, with_pooling_by_axis
from export.convert.layer_names import layer_names
from export.convert.quiet import quiet
from export.convert.tflite_process import CONVERTER, ConverterRefusal
from export.networks import Feed, state_shapes
from export.onnx_model import OnnxModel

REPLACE = "replace that layer, or choose a target of another precision"
UNROLL = f"give it at most {MAX_UNROLLED_STEPS} steps, so that it is unrolled"
REWRITES = dict.fromkeys(RECURRENT, UNROLL)  # by kind of layer that crashes the converter
STREAMED_INT8 = ("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D")  # of a network that remembers
CONVOLVING = {"Conv2D", "DepthwiseConv2dNative"}
ATTENDING_INT8 = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")  # of one with attention


def keras_to_tflite(model: Any, precision: str, feeds: Sequence[Feed] | None, in_float: Sequence[str] = ()) -> bytes:
    """Convert a functional Keras model with batch 1, or one that came as ONNX.

    precision: fp32, fp16 (weights), dynamic (int8 weights, float activations), int8 (both, per-channel weights; inputs
    and outputs stay float32, which costs the engine nothing) or int16x8 (int8 weights, int16 activations). feeds:
    network inputs from which ranges are taken. in_float: layers that int8 leaves in float. Returns the file's bytes.
    Raises UserError when the model does not convert.
    """
    if isinstance(model, OnnxModel):
        if in_float:
            raise UserError("--keep-float of an ONNX file holds for jetson-int8 and jetson-fp16: leave it out")
        from export.convert.onnx_to_keras import onnx_to_keras

        model = onnx_to_keras(model.content)
    operators = int8_operators(model) if precision == "int8" else None
    if precision == "fp32":  # others round by more than a sum does
        model = with_pooling_by_axis(model)
    try:
        return convert_once(model, precision, feeds, operators, in_float)
    except Crash as crash:
        raise UserError(
            f"the converter to {precision} TFLite {crash}{crashing_layer(model, precision, feeds, operators)}"
        ) from crash
    except ConverterRefusal as refusal:
        raise UserError(f"the model does not convert to {precision} TFLite ({reason(model, str(refusal))}") from refusal


def reason(model: Any, refusal: str) -> str:
    """Why the converter refuses a model, and what to do, as the end of a sentence."""
    unknown = re.search(r"(?:Flex|Custom) ops?: ([\w, ]+)", refusal)
    if unknown:
        return f"the operator {unknown[1]} is not a TFLite builtin): build it from layers that are"
    if any(layer.name == "onnx_graph" for layer in model.layers):
        return f"{one_line(refusal)}): build it from operators that do, or choose a jetson target, which keeps ONNX"
    layers = inner_model(model)._flatten_layers(include_self=False)
    named = [layer for layer in layers if re.search(rf"\b{re.escape(layer.name)}(_\d+)?/", refusal)]
    if named:
        layer = named[-1]
        return f"at layer {layer.name!r}, {type(layer).__name__}): {advice_on(layer)}"
    return f"{one_line(refusal)}): build it from layers that do"


def advice_on(layer: Any) -> str:
    """What to do about a layer that does not convert."""
    return REWRITES.get(type(layer).__name__, REPLACE)


def convert_once(
    model: Any,
    precision: str,
    feeds: Sequence[Feed] | None,
    operators: Sequence[str] | None,
    in_float: Sequence[str] = (),
) -> bytes:
    """Save a model and convert it in the converter's process. Raises Crash or ConverterRefusal."""
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        try:
            with quiet():
                model.export(
                    Path(folder) / "saved_model", format="tf_saved_model", verbose=False, **fixed_signature(model)
                )
        except Exception as error:  # what Keras raises for what it cannot trace varies
            raise ConverterRefusal(str(error)) from error
        layers = layer_names(model) if in_float else []
        return CONVERTER.convert(Path(folder) / "saved_model", precision, feeds, operators, in_float, layers)


def fixed_signature(model: Any) -> dict[str, Any]:
    """What keeps the first size of inputs that is not the batch: Keras leaves it open, and TFLite makes 1 of it."""
    import tensorflow as tf

    if all(tensor.shape[0] == 1 for tensor in model.inputs):
        return {}
    return {"input_signature": [[tf.TensorSpec(tensor.shape, tf.float32, tensor.name) for tensor in model.inputs]]}


def crashing_layer(model: Any, precision: str, feeds: Sequence[Feed] | None, operators: Sequence[str] | None) -> str:
    """Which layer it is that crashes the converter, and what to do, as the end of a sentence.

    The model is cut after layer by layer: the first cut that crashes too ends in the one to blame.
    """
    inner = inner_model(model)
    layers = [layer for layer in inner.layers if layer.weights or type(layer).__name__ != "InputLayer"]
    low, high = 0, len(layers) - 1
    while low < high:
        middle = (low + high) // 2
        try:
            cut = with_batch_of_one(type(model)(inner.inputs, layers[middle].output))
            convert_once(cut, precision, feeds, operators)
            low = middle + 1
        except Crash:
            high = middle
        except (ConverterRefusal, ValueError, AttributeError):  # this cut is no model: look behind it
            low = middle + 1
    layer = layers[low]
    return f" at layer {layer.name!r} ({type(layer).__name__}): {advice_on(layer)}"


def int8_operators(model: Any) -> Sequence[str] | None:
    """The operators that become int8; None: all."""
    import tensorflow as tf

    signature = [tf.TensorSpec(tensor.shape, tf.float32) for tensor in model.inputs]
    traced = tf.function(lambda *x: model(list(x), training=False)).get_concrete_function(*signature)
    kinds = {operation.type for operation in traced.graph.get_operations()}
    if state_shapes(model):
        return STREAMED_INT8 if kinds & CONVOLVING else ATTENDING_INT8
    return ATTENDING_INT8 if "Softmax" in kinds else None
