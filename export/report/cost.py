"""What an ONNX network is made of: its parameters, multiply-adds and operators."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RECURRENT = ("RNN", "GRU", "LSTM")
Shapes = Mapping[str, Sequence[int]]


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
    floats = [w for g in graphs(graph) for w in g.initializer if w.data_type == onnx.TensorProto.FLOAT]
    operators = Counter(node.op_type for node in graph.node)
    return Cost(sum(math.prod(w.dims) for w in floats), graph_products(graph, {}), dict(sorted(operators.items())))


def graphs(graph: Any) -> Iterator[Any]:
    """A graph, and the bodies of its loops and branches."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)


def graph_products(graph: Any, outer: Shapes) -> int:
    """Multiply-adds of all nodes of a graph. outer: the shapes of what it sees of the graph around it."""
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    known = {**outer, **shapes, **{w.name: list(w.dims) for w in graph.initializer}}
    return sum(products(node, known) + body_products(node, graph, known) for node in graph.node)


def body_products(node: Any, graph: Any, shapes: Shapes) -> int:
    """Of the body of a loop, as often as it runs where the file says so; of a branch, the larger one."""
    bodies = [graph_products(attribute.g, shapes) for attribute in node.attribute if attribute.HasField("g")]
    return max(bodies, default=0) * (trips(node, graph, shapes) if node.op_type in ("Loop", "Scan") else 1)


def trips(node: Any, graph: Any, shapes: Shapes) -> int:
    """How often a loop runs; 1 where only a run can tell."""
    import onnx

    if node.op_type == "Scan":
        n_scanned = next(a.i for a in node.attribute if a.name == "num_scan_inputs")
        return max(1, shapes.get(node.input[-n_scanned], [1])[0])
    stored = next((w for w in graph.initializer if w.name == node.input[0]), None)
    return int(onnx.numpy_helper.to_array(stored).ravel()[0]) if stored is not None else 1


def products(node: Any, shapes: Shapes) -> int:
    """Multiply-adds of a node."""
    if node.op_type == "Conv":
        return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":
        return math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type in ("Gemm", "MatMul"):
        transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
        return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else -1]
    if node.op_type in RECURRENT:
        steps, batch = shapes[node.input[0]][:2]
        return steps * batch * (math.prod(shapes[node.input[1]]) + math.prod(shapes[node.input[2]]))
    return 0
