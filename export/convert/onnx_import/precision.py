"""Half and double precision as float32: what runs on a board, and what is then made less precise on purpose."""

import numpy as np
import onnx
from onnx import TensorProto

OTHERS = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def in_single_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with float32 for every other float, also in subgraphs. In place."""
    convert(model.graph)
    return model


def convert(graph: onnx.GraphProto) -> None:
    """Tensors, types of inputs and outputs, casts."""
    for proto in graph.initializer:
        widen(proto)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in OTHERS:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                widen(attribute.t)
            if attribute.name in ("to", "dtype") and attribute.i in OTHERS:
                attribute.i = TensorProto.FLOAT
            for subgraph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                convert(subgraph)


def widen(proto: TensorProto) -> None:
    """Give a constant the type float32."""
    if proto.data_type in OTHERS:
        proto.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(proto).astype(np.float32), proto.name))


def computes_in_half(model: onnx.ModelProto) -> bool:
    """Whether weights of a model are of half precision."""
    return any(proto.data_type in (TensorProto.FLOAT16, TensorProto.BFLOAT16) for proto in model.graph.initializer)
