"""YAMNet in Keras, from the dequantised weights of yamnet.tflite (TensorFlow Models, Apache-2.0).

A MobileNet v1 over patches of 96 x 64 log-mel magnitudes (edge.dsp.yamnet_patch). The file quantises its Fourier
transform and its activations while it runs, each kernel in its own way; the rebuilt network does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from edge.dsp.yamnet_patch import N_MELS, PATCH_COLUMNS
from edge.errors import UserError

N_CLASSES = 521
CRY_CLASSES = (19, 20)  # "Crying, sobbing" and "Baby cry, infant cry"
N_CONVOLUTIONS = 27
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@dataclass(frozen=True)
class Kernel:
    """One layer of the file: operator, weights and bias as float32, and the rows that come out of a convolution."""

    operator: str
    weights: np.ndarray
    bias: np.ndarray
    rows_out: int


def read_kernels(file: Path) -> list[Kernel]:
    """The convolutions of yamnet.tflite in their order, then the dense layer. Raises UserError for another file."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = Interpreter(str(file), experimental_op_resolver_type=plain)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        raise UserError(f"{file} cannot be read ({error}); name yamnet.tflite of TensorFlow Models") from error
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    stored: dict[int, int] = {}  # a float tensor -> the int8 tensor it is made from
    kernels: list[Kernel] = []
    for operation in interpreter._get_ops_details():
        operator, inputs = operation["op_name"], operation["inputs"]
        if operator == "DEQUANTIZE":
            stored[operation["outputs"][0]] = inputs[0]
        elif operator in CONVOLUTIONS or (operator == "FULLY_CONNECTED" and kernels):
            weights = stored.get(inputs[1], inputs[1])
            rows_out = int(details[operation["outputs"][0]]["shape"][1])
            kernel, bias = (dequantised(interpreter, details[index]) for index in (weights, inputs[2]))
            kernels.append(Kernel(operator, kernel, bias, rows_out))
    if len(kernels) != N_CONVOLUTIONS + 1 or kernels[-1].weights.shape[0] != N_CLASSES:
        raise UserError(f"{file} is not YAMNet: it has {len(kernels)} layers, not {N_CONVOLUTIONS + 1}")
    return kernels


def dequantised(interpreter: Any, detail: dict) -> np.ndarray:
    """A stored tensor as float32, scaled per channel where it is stored so."""
    values = interpreter.get_tensor(detail["index"]).astype(np.float32)
    quantisation = detail["quantization_parameters"]
    if not len(quantisation["scales"]):
        return values
    shape = [1] * values.ndim
    shape[quantisation["quantized_dimension"]] = -1
    zero = quantisation["zero_points"].astype(np.float32).reshape(shape)
    return (values - zero) * quantisation["scales"].reshape(shape)


def load_yamnet(file: Path) -> keras.Model:
    """The whole network, from yamnet.tflite or from a .keras file that it was saved to before."""
    return keras.saving.load_model(file) if file.suffix == ".keras" else build_yamnet(file)


def build_yamnet(file: Path, classes: Sequence[int] | None = None) -> keras.Model:
    """(n, 96, 64, 1) patches -> (n, K) logits of the named classes, of all 521 where none are named."""
    kernels = read_kernels(file)
    patch = keras.Input((PATCH_COLUMNS, N_MELS, 1), name="yamnet_patch")
    x, rows = patch, PATCH_COLUMNS
    for number, kernel in enumerate(kernels[:-1]):
        x = convolution(kernel, rows // kernel.rows_out, number)(x)
        rows = kernel.rows_out
    embedding = layers.GlobalAveragePooling2D(name="embedding")(x)
    chosen = list(range(N_CLASSES)) if classes is None else list(classes)
    logits = layers.Dense(len(chosen), name="logits")(embedding)
    model = keras.Model(patch, logits, name="yamnet")
    for number, kernel in enumerate(kernels[:-1]):
        model.get_layer(f"convolution_{number}").set_weights([kernel.weights.transpose(1, 2, 3, 0), kernel.bias])
    dense = kernels[-1]
    model.get_layer("logits").set_weights([dense.weights[chosen].T, dense.bias[chosen]])
    return model


def convolution(kernel: Kernel, stride: int, number: int) -> layers.Layer:
    """The layer of a kernel, its weights not yet set."""
    options = {"strides": stride, "padding": "same", "activation": "relu", "name": f"convolution_{number}"}
    if kernel.operator == "DEPTHWISE_CONV_2D":
        return layers.DepthwiseConv2D(kernel.weights.shape[1:3], **options)
    return layers.Conv2D(kernel.weights.shape[0], kernel.weights.shape[1:3], **options)
