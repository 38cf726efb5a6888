"""An ONNX graph as the rules look at it: every node, also of subgraphs, with what is known of its tensors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

QUANTISERS = ("QuantizeLinear", "DequantizeLinear")
TABLE_NAMES = {"FLOAT": "FP32", "FLOAT16": "FP16", "BFLOAT16": "BF16", "FLOAT8E4M3FN": "FP8"}


@dataclass(frozen=True)
class Tensor:
    """What is known of a tensor before anything runs."""

    name: str
    data_type: str | None = None  # as the operator table spells it
    shape: tuple[int | None, ...] | None = None  # None where it depends on the input
    value: np.ndarray | None = None  # of an initialiser or Constant
    is_constant: bool = False  # an initialiser, also one that is quantised and dequantised on the way

    @property
    def is_fixed(self) -> bool:
        return self.shape is not None and None not in self.shape


@dataclass(frozen=True)
class Node:
    """One node. An input or output that is left out is None, and so is an output behind the first that nobody reads."""

    name: str
    operator: str
    domain: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor | None, ...]
    attributes: dict[str, Any]
    schema: onnx.defs.OpSchema | None  # None when ONNX itself does not know the operator

    def input(self, index: int) -> Tensor | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def input_named(self, name: str) -> Tensor | None:
        """The input that the ONNX standard calls so; None when this node, or this opset, has none."""
        names = [formal.name for formal in self.schema.inputs] if self.schema else []
        return self.input(names.index(name)) if name in names else None


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a model uses."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def read_nodes(model: onnx.ModelProto) -> list[Node]:
    """All nodes of a model whose shapes are inferred, those of a subgraph after the node that holds it."""
    return list(walk(model.graph, opset_of(model), {}, ""))


def walk(graph: onnx.GraphProto, opset: int, outer: dict[str, Tensor], prefix: str) -> Iterator[Node]:
    """The nodes of a graph; outer: the tensors it sees of the graphs around it."""
    tensors = {**outer, **declared_tensors(graph)}
    read = names_read(graph)
    for proto in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
        learn_constant(proto, attributes, tensors)
        name = prefix + (proto.name or next(iter(proto.output), proto.op_type))
        yield Node(
            name,
            proto.op_type,
            "" if proto.domain == "ai.onnx" else proto.domain,
            tuple(tensors.get(i, Tensor(i)) if i else None for i in proto.input),
            tuple(
                tensors.get(o, Tensor(o)) if o and (number == 0 or o in read) else None
                for number, o in enumerate(proto.output)
            ),
            attributes,
            find_schema(proto, opset),
        )
        for value in attributes.values():
            for subgraph in value if isinstance(value, list) else [value]:
                if isinstance(subgraph, onnx.GraphProto):
                    yield from walk(subgraph, opset, tensors, name + "/")


def names_read(graph: onnx.GraphProto) -> set[str]:
    """The tensors that a graph gives, or that a node of it or of a graph inside it takes."""
    names = {value.name for value in graph.output}
    for proto in graph.node:
        names.update(proto.input)
        for attribute in proto.attribute:
            for subgraph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                names |= names_read(subgraph)
    return names


def declared_tensors(graph: onnx.GraphProto) -> dict[str, Tensor]:
    """Inputs, outputs, inferred tensors and initialisers of a graph, by name."""
    tensors = {value.name: from_value_info(value) for value in (*graph.value_info, *graph.output, *graph.input)}
    tensors.update({proto.name: constant(proto.name, proto) for proto in graph.initializer})
    return tensors


def from_value_info(value: onnx.ValueInfoProto) -> Tensor:
    """A tensor that is computed."""
    proto = value.type.tensor_type
    shape = None
    if proto.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in proto.shape.dim)
    return Tensor(value.name, type_name(proto.elem_type), shape)


def constant(name: str, proto: onnx.TensorProto) -> Tensor:
    """A tensor whose numbers are in the file."""
    value = onnx.numpy_helper.to_array(proto)
    return Tensor(name, type_name(proto.data_type), value.shape, value, is_constant=True)


def learn_constant(proto: onnx.NodeProto, attributes: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Note in `tensors` when a node's output is constant: a Constant, or the quantiser of a constant."""
    if proto.op_type == "Constant":
        for name, value in attributes.items():
            if name in ("value_float", "value_floats", "value_int", "value_ints"):
                dtype = np.float32 if name.startswith("value_float") else np.int64
                value = onnx.numpy_helper.from_array(np.array(value, dtype))
            if isinstance(value, onnx.TensorProto):
                tensors[proto.output[0]] = constant(proto.output[0], value)
    elif proto.op_type in QUANTISERS and tensors.get(proto.input[0], Tensor("")).is_constant:
        known = tensors.get(proto.output[0], Tensor(proto.output[0]))
        tensors[proto.output[0]] = Tensor(known.name, known.data_type, known.shape, None, is_constant=True)


def type_name(elem_type: int) -> str | None:
    """A tensor type as the operator table spells it; None when it is not known."""
    if elem_type == onnx.TensorProto.UNDEFINED:
        return None
    name = onnx.TensorProto.DataType.Name(elem_type)
    return TABLE_NAMES.get(name, name)


def find_schema(proto: onnx.NodeProto, opset: int) -> onnx.defs.OpSchema | None:
    """What the ONNX standard says of a node's operator; None for an operator that is not in it."""
    try:
        return onnx.defs.get_schema(proto.op_type, opset, "")
    except onnx.defs.SchemaError:
        return None
