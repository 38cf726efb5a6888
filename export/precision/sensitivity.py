"""What the output moves by when one layer alone is lowered: to int8 as its Q/DQ would be, or to half precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from export.convert.activation_ranges import ActivationRanges
from export.convert.layer_names import layer_of_any
from export.convert.onnx_int8 import PRODUCTS, graph_of, is_product, logits, with_qdq
from export.networks import Feed

MOST_FRAMES = 32
MOST_S = 15.0  # of looking, for one model; layers that are left have no figure
FULL_RANGE = 100.0  # percentile


@dataclass(frozen=True)
class LayerError:
    """One layer. The errors are means over frames of what the output moves by; None: it was not looked at."""

    layer: str
    operators: int  # of its own that multiply by weights
    parameters: int
    int8_error: float | None
    fp16_error: float | None


def products_by_layer(content: bytes, layers: Sequence[str]) -> dict[str, list[Any]]:
    """The nodes of an fp32 ONNX file that multiply by weights, by their Keras layer, in the order of the file.

    A node that lies in no layer stands under its own name.
    """
    graph = graph_of(content)
    weights = {weight.name for weight in graph.initializer}
    users: dict[str, list[str]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node.name)
    found: dict[str, list[Any]] = {}
    for node in graph.node:
        if is_product(node, weights):
            names = [node.name, *node.input[1:], node.output[0], *users.get(node.output[0], [])]
            found.setdefault(first_layer(names, layers) or node.name, []).append(node)
    return found


def first_layer(names: Sequence[str], layers: Sequence[str]) -> str:
    """The layer of the first name that is in one."""
    return next((layer for layer in (layer_of_any([name], layers) for name in names) if layer), "")


def layer_errors(content: bytes, layers: Sequence[str], feeds: Sequence[Feed]) -> list[LayerError]:
    """Every layer with weights, the most sensitive to int8 first. content: an fp32 ONNX file."""
    few = feeds[:: max(1, len(feeds) // MOST_FRAMES)]
    scales = ActivationRanges(content, few).scales(FULL_RANGE)
    expected = logits(content, few)
    weights = {weight.name: int(np.prod(weight.dims)) for weight in graph_of(content).initializer}
    until = monotonic() + MOST_S
    found = []
    for layer, nodes in products_by_layer(content, layers).items():
        names = {node.name for node in nodes}
        in_time = monotonic() < until
        lowered = [with_qdq(content, scales, PRODUCTS, names), with_halves(content, names)] if in_time else []
        errors = [float(np.abs(logits(one, few) - expected).mean()) for one in lowered] or [None, None]
        parameters = sum(weights[name] for name in {node.input[1] for node in nodes})
        found.append(LayerError(layer, len(nodes), parameters, *errors))
    return sorted(found, key=lambda one: -(one.int8_error or 0.0))


def with_halves(content: bytes, names: set[str]) -> bytes:
    """The network with inputs, weights and outputs of the nodes of these names rounded to half precision."""
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    nodes: list[Any] = []
    for node in graph.node:
        copied = type(node).FromString(node.SerializeToString())
        if node.name not in names:
            nodes.append(copied)
            continue
        for position, source in enumerate(copied.input):
            copied.input[position] = rounded_to_half(nodes, source, f"{node.name}/in_{position}")
        exact, copied.output[0] = copied.output[0], f"{node.name}/exact"
        nodes.append(copied)
        rounded_to_half(nodes, copied.output[0], f"{node.name}/out", exact)
    del graph.node[:]
    graph.node.extend(nodes)
    return model.SerializeToString()


def rounded_to_half(nodes: list[Any], source: str, name: str, result: str | None = None) -> str:
    """Append what rounds a tensor to half precision; returns the name of the result."""
    import onnx

    result = result or f"{name}/rounded"
    half = f"{name}/half"
    nodes.append(onnx.helper.make_node("Cast", [source], [half], to=onnx.TensorProto.FLOAT16, name=half))
    nodes.append(onnx.helper.make_node("Cast", [half], [result], to=onnx.TensorProto.FLOAT, name=f"{name}/single"))
    return result
