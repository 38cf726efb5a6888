"""Keras -> ONNX that onnxruntime 1.10 and TensorRT 8.2 read: opset 13, IR version 7, fixed batch 1."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.onnx_fold import fold_scale_and_shift
from export.convert.quiet import quiet
from export.convert.rewrites import rewrite
from export.networks import OUTPUT_NAME

OPSET = 13
IR_VERSION = 7


def keras_to_onnx(model: Any) -> bytes:
    """Convert a functional Keras model with batch 1 to a checked fp32 ONNX file; returns its bytes.

    Inputs and outputs keep the model's names for them; an output without one is called logits. What TensorRT would
    not import is rewritten where that is possible. Raises UserError when it does not convert.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(tensor.shape, tf.float32, name=tensor.name) for tensor in model.inputs]

    def named(*inputs: Any) -> Any:
        outputs = model(list(inputs), training=False)
        return outputs if isinstance(outputs, dict) else {OUTPUT_NAME: outputs}

    try:
        with quiet():
            graph, _ = tf2onnx.convert.from_function(
                tf.function(named, input_signature=signature),
                input_signature=signature,
                opset=OPSET,
            )
            graph.ir_version = IR_VERSION
            content = fold_scale_and_shift(rewrite(graph.SerializeToString()))
            onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
            return content
    except Exception as error:  # what tf2onnx raises varies with what it cannot convert
        raise UserError(
            f"the model does not convert to ONNX {OPSET} ({one_line(error)}): build it from layers that do"
        ) from error


@dataclass(frozen=True)
class Cost:
    """What a network is made of. multiply_adds: of convolutions and matrix products, for one input."""

    parameters: int
    multiply_adds: int
    operators: dict[str, int]


def onnx_cost(content: bytes) -> Cost:
    """Count the parameters, multiply-adds and operators of an ONNX file."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(content), data_prop=True).graph
    weights = {w.name: list(w.dims) for w in graph.initializer}
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in (*graph.input, *graph.value_info, *graph.output)
    }
    counts = [products(node, {**weights, **shapes}) for node in graph.node]
    floats = {w.name for w in graph.initializer if w.data_type == onnx.TensorProto.FLOAT}
    parameters = sum(math.prod(dims) for name, dims in weights.items() if name in floats)
    return Cost(parameters, sum(counts), dict(sorted(Counter(node.op_type for node in graph.node).items())))


def products(node: Any, shapes: Mapping[str, Sequence[int]]) -> int:
    """Multiply-adds of a node."""
    if node.op_type == "Conv":
        return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":
        return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type in ("Gemm", "MatMul"):
        transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
        return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else -1]
    return 0
