"""Operators that TensorRT 8.2 does not import, as others that it does."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from export.convert.rewrites.shapes import replace_nodes, tensor_shapes

Shape = tuple[int | None, ...]


class Builder:
    """Collects the nodes that take the place of one, each named after it."""

    def __init__(self, replaced: onnx.NodeProto) -> None:
        self.replaced = replaced
        self.prefix = replaced.name or replaced.output[0]
        self.nodes: list[onnx.NodeProto] = []

    def add(self, operator: str, *inputs: str | float, **attributes: object) -> str:
        """Add a node; an input that is a number becomes a Constant. Returns the name of its output."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        name = f"{self.prefix}/{len(self.nodes)}_{operator}"
        self.nodes.append(onnx.helper.make_node(operator, names, [name], name=name, **attributes))
        return name

    def constant(self, value: float) -> str:
        return self.add("Constant", value=onnx.numpy_helper.from_array(np.array(value, np.float32)))

    def finish(self) -> list[onnx.NodeProto]:
        """The nodes, the last of which gives the output of the one that is replaced."""
        self.nodes[-1].output[0] = self.replaced.output[0]
        return self.nodes


def layer_normalization(node: onnx.NodeProto, shape: Shape | None) -> list[onnx.NodeProto] | None:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from `axis` on."""
    attributes = read_attributes(node)
    axis = attributes.get("axis", -1)
    if any(node.output[1:]) or (axis >= 0 and shape is None):
        return None  # mean and deviation are wanted too, or the axes cannot be counted
    axes = list(range(axis, 0 if axis < 0 else len(shape)))
    build = Builder(node)
    centred = build.add("Sub", node.input[0], build.add("ReduceMean", node.input[0], axes=axes))
    variance = build.add("ReduceMean", build.add("Mul", centred, centred), axes=axes)
    deviation = build.add("Sqrt", build.add("Add", variance, attributes.get("epsilon", 1e-5)))
    result = build.add("Mul", build.add("Div", centred, deviation), node.input[1])
    if len(node.input) > 2 and node.input[2]:
        build.add("Add", result, node.input[2])
    return build.finish()


def gelu(node: onnx.NodeProto, _: Shape | None) -> list[onnx.NodeProto]:
    """x/2 (1 + erf(x / sqrt 2)), or its approximation x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))."""
    x = node.input[0]
    build = Builder(node)
    if read_attributes(node).get("approximate") == b"tanh":
        cube = build.add("Mul", build.add("Mul", x, x), x)
        inner = build.add("Add", x, build.add("Mul", cube, 0.044715))
        bent = build.add("Tanh", build.add("Mul", inner, math.sqrt(2 / math.pi)))
    else:
        bent = build.add("Erf", build.add("Mul", x, math.sqrt(1 / 2)))
    build.add("Mul", build.add("Mul", x, 0.5), build.add("Add", bent, 1.0))
    return build.finish()


def erfc(node: onnx.NodeProto, _: Shape | None) -> list[onnx.NodeProto]:
    """1 - erf(x). tf2onnx leaves Erfc, which is no ONNX operator, where Keras has an exact GELU."""
    build = Builder(node)
    build.add("Sub", 1.0, build.add("Erf", node.input[0]))
    return build.finish()


def reciprocal(node: onnx.NodeProto, _: Shape | None) -> list[onnx.NodeProto]:
    """1 / x. tf2onnx writes it where Keras normalises a layer."""
    build = Builder(node)
    build.add("Div", 1.0, node.input[0])
    return build.finish()


Lowering = Callable[[onnx.NodeProto, Shape | None], list[onnx.NodeProto] | None]
LOWERINGS: dict[str, Lowering] = {
    "LayerNormalization": layer_normalization,
    "Gelu": gelu,
    "Erfc": erfc,
    "Reciprocal": reciprocal,
}


def lower_to_primitives(model: onnx.ModelProto) -> None:
    """Replace, in place, each node for which there is a lowering. The numbers must be FP32."""
    shapes = tensor_shapes(model.graph)
    nodes = []
    for node in model.graph.node:
        lowering = LOWERINGS.get(node.op_type)
        lowered = lowering(node, shapes.get(node.input[0])) if lowering else None
        nodes.extend(lowered or [node])
    replace_nodes(model.graph, nodes)


def read_attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes by name."""
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
