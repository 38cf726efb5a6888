"""FP32 ONNX -> explicit Q/DQ INT8 as TensorRT reads it, and the ranges it needs.

Weights: per-channel symmetric, float initialisers through Q and DQ (TensorRT 8.2 refuses int8 initialisers).
Activations: per-tensor symmetric. Every zero point is 0; biases stay float. Of a network that remembers only the
convolutions are quantised, of one with attention only products with weights: see keras_to_tflite.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.convert.activation_ranges import LARGEST_CODE, ActivationRanges
from export.networks import Feed, answer, attends, onnx_network, remembers

# What a range may leave outside; the first is the maximum. Entropy calibration was tried on a detector like the shipped
# one: its mean logit error was 0.42 where the best of these gave 0.07, because it cuts the rare loud bands off.
PERCENTILES = (100.0, 99.999, 99.99, 99.9)
CONVOLUTIONS = ("Conv",)  # of ConvTranspose TensorRT 8.2 takes no weights through Q/DQ
DENSE = ("Gemm", "MatMul")
PRODUCTS = (*CONVOLUTIONS, *DENSE)


@dataclass(frozen=True)
class Quantised:
    """A Q/DQ file, the scale of every activation, and how the scales were chosen."""

    content: bytes
    scales: dict[str, np.float32]  # by tensor name of the fp32 file
    percentile: float
    mean_logit_error: dict[float, float]  # by percentile, on the calibration inputs
    kinds: Sequence[str]  # the operators that were quantised


def quantise(
    content: bytes, feeds: Sequence[Feed], kinds: Sequence[str] | None = None, in_float: Container[str] = ()
) -> Quantised:
    """Calibrate on network inputs: of PERCENTILES, the one whose logits are nearest to FP32 is taken.

    kinds: the operators to quantise, those that suit the network unless given. in_float: names of nodes that are not.
    """
    graph = graph_of(content)
    convolves = any(node.op_type in CONVOLUTIONS for node in graph.node)
    kinds = kinds or (CONVOLUTIONS if remembers(graph) and convolves else PRODUCTS)
    chosen = {node.name for node in graph.node if node.name not in in_float}
    ranges = ActivationRanges(content, feeds)
    expected = logits(content, feeds)
    candidates = {}
    for percentile in PERCENTILES:
        scales = ranges.scales(percentile)
        candidates[percentile] = (scales, with_qdq(content, scales, kinds, chosen))
    errors = {p: float(np.abs(logits(c, feeds) - expected).mean()) for p, (_, c) in candidates.items()}
    best = min(errors, key=errors.__getitem__)
    scales, quantised = candidates[best]
    if remembers(graph) or attends(graph) or len(chosen) < len(graph.node):
        scales = around_products(graph, scales, kinds, chosen)
    return Quantised(quantised, dict(scales), best, errors, kinds)


def graph_of(content: bytes) -> Any:
    """The graph of an ONNX file's bytes."""
    import onnx

    return onnx.load_from_string(content).graph


def with_qdq(content: bytes, scales: Mapping[str, np.float32], kinds: Sequence[str], chosen: Container[str]) -> bytes:
    """Q/DQ before every product of these kinds with weights whose node is chosen. scales: by activation name."""
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in graph.initializer}
    added: dict[str, str] = {}  # the dequantised name of what already has its pair
    nodes: list[Any] = []
    for node in graph.node:
        if node.op_type in kinds and node.name in chosen and is_product(node, weights):
            data, weight = node.input[0], node.input[1]
            if data not in added:
                added[data] = add_pair(graph, nodes, data, np.asarray(scales[data]), None)
            if weight not in added:
                axis = channel_axis(node, weights[weight].ndim)
                added[weight] = add_pair(graph, nodes, weight, channel_scales(weights[weight], axis), axis)
            node.input[0], node.input[1] = added[data], added[weight]
        nodes.append(node)
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def around_products(
    graph: Any, scales: Mapping[str, np.float32], kinds: Sequence[str], chosen: Container[str]
) -> dict[str, np.float32]:
    """The scales that a calibration cache may name: what has none there, TensorRT leaves in float."""
    weights = {weight.name for weight in graph.initializer}
    products = [
        node for node in graph.node if node.op_type in kinds and node.name in chosen and is_product(node, weights)
    ]
    around = {name for node in products for name in (*node.input, *node.output)}
    return {name: scale for name, scale in scales.items() if name in around}


def is_product(node: Any, weights: Container[str]) -> bool:
    """Whether a node multiplies by weights that are known."""
    return node.op_type in PRODUCTS and node.input[1] in weights and node.input[0] not in weights


def channel_axis(node: Any, rank: int) -> int:
    """The axis of the weights that counts the output channels."""
    if node.op_type in CONVOLUTIONS:
        return 0
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    return 0 if transposed else rank - 1


def channel_scales(weights: np.ndarray, axis: int) -> np.ndarray:
    """int8 step per output channel, (channels,) float32; a channel of zeros gets 1."""
    limit = np.abs(weights).max(axis=tuple(a for a in range(weights.ndim) if a != axis))
    return np.where(limit > 0, limit / LARGEST_CODE, 1.0).astype(np.float32)


def add_pair(graph: Any, nodes: list[Any], name: str, scale: np.ndarray, axis: int | None) -> str:
    """Append Q and DQ of a tensor to `nodes`, their constants to the graph; returns the dequantised name."""
    import onnx

    constants = [f"{name}/scale", f"{name}/zero_point"]
    for constant, value in zip(constants, (scale.astype(np.float32), np.zeros(scale.shape, np.int8)), strict=True):
        graph.initializer.append(onnx.numpy_helper.from_array(value, constant))
    attributes = {} if axis is None else {"axis": axis}
    codes, result = f"{name}/quantised", f"{name}/dequantised"
    for kind, source, target in (("QuantizeLinear", name, codes), ("DequantizeLinear", codes, result)):
        nodes.append(onnx.helper.make_node(kind, [source, *constants], [target], name=f"{name}/{kind}", **attributes))
    return result


def logits(content: bytes, feeds: Sequence[Feed]) -> np.ndarray:
    """Logits (N, labels) of an ONNX file in onnxruntime."""
    network = onnx_network(content)
    return np.concatenate([answer(network(feed)) for feed in feeds])
