"""GELU told from the nodes that it was taken apart into: TFLite has it whole, and no error function."""

import math
from typing import Any

import numpy as np
import onnx

ROOT_HALF = math.sqrt(0.5)


def whole_gelus(graph: Any) -> list[Any]:
    """The graph's nodes, with x/2 (1 + erf(x / sqrt 2)) in any order of its factors as one node Gelu."""
    numbers = {proto.name: onnx.numpy_helper.to_array(proto) for proto in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            numbers[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    makers = {name: node for node in graph.node for name in node.output}
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    last = {}
    for node in graph.node:
        x = node.op_type == "Erf" and scaled(makers.get(node.input[0]), numbers)
        end = x and product_end(node, x, numbers, makers, users)
        if end:
            last[end] = onnx.helper.make_node("Gelu", [x], [end], name=f"{node.name or node.output[0]}/Gelu")
    return [last.get(node.output[0], node) for node in graph.node]


def number_of(name: str, numbers: dict[str, np.ndarray]) -> float | None:
    """A constant of one number."""
    value = numbers.get(name)
    return float(value.ravel()[0]) if value is not None and value.size == 1 else None


def scaled(node: Any, numbers: dict[str, np.ndarray]) -> str | None:
    """x, where a node computes x / sqrt 2."""
    if node is None or node.op_type not in ("Mul", "Div"):
        return None
    wanted = ROOT_HALF if node.op_type == "Mul" else 1 / ROOT_HALF
    for x, factor in (node.input, node.input[::-1])[: 2 if node.op_type == "Mul" else 1]:
        number = number_of(factor, numbers)
        if number is not None and abs(number - wanted) < 1e-5:
            return x
    return None


def product_end(erf: Any, x: str, numbers: Any, makers: Any, users: Any) -> str | None:
    """The tensor that is x/2 (1 + erf), which nothing branches off on the way to; or None."""
    name = erf.output[0]
    add = only(users, name)
    if add is None or add.op_type != "Add" or number_of(other(add, name), numbers) != 1.0:
        return None
    name, missing = add.output[0], [x, 0.5]
    while missing:
        node = only(users, name)
        if node is None or node.op_type != "Mul":
            return None
        factor = other(node, name)
        maker = makers.get(factor)
        if factor in missing:
            missing.remove(factor)
        elif number_of(factor, numbers) == 0.5 and 0.5 in missing:
            missing.remove(0.5)
        elif maker is not None and maker.op_type == "Mul" and len(missing) == 2 and is_half_of(maker, x, numbers):
            missing = []
        else:
            return None
        name = node.output[0]
    return name


def is_half_of(node: Any, x: str, numbers: Any) -> bool:
    """Whether a product is that of x and 0.5."""
    return x in node.input and number_of(other(node, x), numbers) == 0.5


def only(users: Any, name: str) -> Any:
    """The one node that reads a tensor, or None."""
    return users[name][0] if len(users.get(name, [])) == 1 else None


def other(node: Any, name: str) -> str:
    """The other input of a node of two."""
    return node.input[1] if node.input[0] == name else node.input[0]
