"""All nodes of an ONNX graph, one after the other, in TensorFlow."""

from typing import Any

import numpy as np
import onnx
import tensorflow as tf

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.keras_graph import import_keras
from export.convert.onnx_to_keras import elementwise, products, recurrent, shapes, spatial
from export.convert.onnx_to_keras.gelus import whole_gelus
from export.convert.onnx_to_keras.node import Node, Operator
from export.convert.onnx_to_keras.tensor import Tensor, Unknown, plain

OPERATORS: dict[str, Operator] = {
    **elementwise.OPERATORS,
    **spatial.OPERATORS,
    **shapes.OPERATORS,
    **products.OPERATORS,
    **recurrent.OPERATORS,
}
KERAS = import_keras()


class OnnxGraph(KERAS.layers.Layer):  # type: ignore[name-defined]
    """A whole graph: inputs in its order, outputs in its order."""

    def __init__(self, graph: Any) -> None:
        super().__init__(name="onnx_graph")
        self.graph, self.nodes = graph, needed(graph, whole_gelus(graph))
        self.constants = {proto.name: plain(onnx.numpy_helper.to_array(proto)) for proto in graph.initializer}

    def call(self, inputs: Any) -> list[Any]:
        return self.compute(inputs)

    def compute(self, inputs: Any) -> list[Any]:
        """Raises UserError, naming the node, for what is not known here."""
        tensors = dict(self.constants)
        for value, x in zip(self.graph.input, inputs, strict=True):
            x = tf.convert_to_tensor(x)
            x.set_shape(shape_of(value))  # a SavedModel leaves the batch open
            tensors[value.name] = plain(x)
        for proto in self.nodes:
            results = run(proto, tensors)
            tensors.update(zip(proto.output, results, strict=False))
        return [tf.cast(tensors[value.name].plain, tf.float32) for value in self.graph.output]


def needed(graph: Any, nodes: list[Any]) -> list[Any]:
    """The nodes that an output needs."""
    names, kept = {value.name for value in graph.output}, []
    for node in reversed(nodes):
        if names & set(node.output):
            kept.append(node)
            names |= set(node.input)
    return kept[::-1]


def run(proto: Any, tensors: dict[str, Tensor]) -> list[Tensor]:
    """The outputs of one node. Raises UserError."""
    name = proto.name or proto.output[0]
    operator = OPERATORS.get(proto.op_type) if proto.domain in ("", "ai.onnx") else None
    try:
        if operator is None:
            raise Unknown("such an operator is not known here")
        results = operator(Node(proto, [tensors[i] if i else None for i in proto.input]))
    except (Unknown, KeyError, ValueError, TypeError, IndexError) as error:  # TensorFlow's own refusals too
        raise UserError(
            f"the ONNX operator {proto.op_type} ({name!r}) does not become TFLite ({one_line(error)}): build the model "
            f"without it, or choose a jetson target, which keeps ONNX"
        ) from error
    results = results if isinstance(results, list) else [results]
    return [folded(tensor, proto, tensors) for tensor in results]


def folded(result: Tensor, proto: Any, tensors: dict[str, Tensor]) -> Tensor:
    """What comes of constants alone is a constant."""
    if result.is_constant or not all(tensors[name].is_constant for name in proto.input if name):
        return result
    known = tf.get_static_value(result.held)
    return result if known is None else result.like(np.asarray(known))


def onnx_to_keras(content: bytes) -> Any:
    """A functional Keras model of an ONNX file of fixed shapes, with its inputs, outputs and their names.

    Raises UserError, naming the node, where it holds what is not known here.
    """
    graph = onnx.load_from_string(content).graph
    check(graph)
    inputs = [KERAS.Input(batch_shape=shape_of(value), name=value.name) for value in graph.input]
    outputs = OnnxGraph(graph)(inputs)
    named = {
        value.name: KERAS.layers.Identity(name=f"{value.name}_out")(x)
        for value, x in zip(graph.output, outputs, strict=True)
    }
    return KERAS.Model(inputs, named)


def check(graph: Any) -> None:
    """Raise UserError where a node is not known here: Keras would say so at length, in its own words."""
    signature = [tf.TensorSpec(shape_of(value), tf.float32) for value in graph.input]
    layer = OnnxGraph(graph)
    tf.function(lambda *inputs: layer.compute(inputs), autograph=False).get_concrete_function(*signature)


def shape_of(value: Any) -> tuple[int, ...]:
    """The fixed shape of an input."""
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
