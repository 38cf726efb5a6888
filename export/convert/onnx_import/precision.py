"""A network in one precision: float32 is what runs on a board, and is then made less precise on purpose; double
precision tells whose rounding it is where two differ."""

import onnx
from onnx import TensorProto

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def in_single_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with float32 for every other float, also in subgraphs. In place."""
    convert(model.graph, TensorProto.FLOAT)
    return model


def in_double_precision(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with float64 for every other float, also in subgraphs. In place."""
    convert(model.graph, TensorProto.DOUBLE)
    return model


def convert(graph: onnx.GraphProto, kind: int) -> None:
    """Tensors, types of inputs and outputs, casts."""
    for proto in graph.initializer:
        retype(proto, kind)
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in FLOATS:
            value.type.tensor_type.elem_type = kind
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                retype(attribute.t, kind)
            if attribute.name in ("to", "dtype") and attribute.i in FLOATS:
                attribute.i = kind
            for subgraph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                convert(subgraph, kind)


def retype(proto: TensorProto, kind: int) -> None:
    """Give a constant of floats another type."""
    if proto.data_type in FLOATS and proto.data_type != kind:
        values = onnx.numpy_helper.to_array(proto).astype(onnx.helper.tensor_dtype_to_np_dtype(kind))
        proto.CopyFrom(onnx.numpy_helper.from_array(values, proto.name))


def computes_in_half(model: onnx.ModelProto) -> bool:
    """Whether weights of a model are of half precision."""
    return any(proto.data_type in (TensorProto.FLOAT16, TensorProto.BFLOAT16) for proto in model.graph.initializer)
