"""Fold the arithmetic of shapes that are fixed, and drop what nothing uses any more."""

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.BOOL)


def infer_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the shape of every tensor that can be told."""
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def tensor_shapes(graph: onnx.GraphProto) -> dict[str, tuple[int | None, ...]]:
    """The shape of every tensor of which the rank is known; None where a size is not fixed."""
    return {
        value.name: tuple(d.dim_value if d.HasField("dim_value") else None for d in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }


def fold_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace nodes that compute integers from nothing but fixed shapes and initialisers by initialisers.

    Until nothing is left to fold: a shape that is folded may fix that of a Reshape, and so the next.
    """
    model = infer_shapes(model)
    while fold_once(model):
        drop_unused(model.graph)
        model = infer_shapes(model)
    return model


def fold_once(model: onnx.ModelProto) -> bool:
    """One pass over the main graph; whether anything was folded."""
    graph = model.graph
    shapes = tensor_shapes(graph)
    values = {proto.name: onnx.numpy_helper.to_array(proto) for proto in graph.initializer}
    foldable = {v.name for v in graph.value_info if v.type.tensor_type.elem_type in INTEGERS}  # not the outputs
    kept = []
    for node in graph.node:
        shape = shapes.get(node.input[0], (None,)) if node.op_type == "Shape" else (None,)
        if not foldable.issuperset(node.output):
            kept.append(node)
        elif None not in shape and not node.attribute:
            values[node.output[0]] = np.array(shape, np.int64)
        elif names_used(node) <= values.keys():
            values.update(evaluate(node, values, model))
        else:
            kept.append(node)
    stored = {proto.name for proto in graph.initializer}
    graph.initializer.extend(
        onnx.numpy_helper.from_array(value, name) for name, value in values.items() if name not in stored
    )
    is_folded = len(kept) < len(graph.node)
    replace_nodes(graph, kept)
    return is_folded


def evaluate(node: onnx.NodeProto, values: dict[str, np.ndarray], model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The outputs of a node by name, computed from these inputs."""
    inputs, outputs = sorted(names_used(node)), list(node.output)
    empty = onnx.helper.make_empty_tensor_value_info
    graph = onnx.helper.make_graph([node], "fold", list(map(empty, inputs)), list(map(empty, outputs)))
    evaluator = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=model.opset_import))
    results = evaluator.run(None, {name: values[name] for name in inputs})
    return dict(zip(outputs, map(np.asarray, results), strict=True))


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes and initialisers that no output of the graph needs."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= names_used(node)
    replace_nodes(graph, kept[::-1])
    stored = [proto for proto in graph.initializer if proto.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(stored)


def names_used(node: onnx.NodeProto) -> set[str]:
    """The tensors that a node reads, also inside its subgraphs."""
    names = set(node.input) - {""}
    for attribute in node.attribute:
        for subgraph in (attribute.g, *attribute.graphs):
            names |= {value.name for value in subgraph.output}
            names = names.union(*(names_used(inner) for inner in subgraph.node))
    return names


def replace_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Give the graph these nodes, in this order."""
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]  # they may live in the graph
    del graph.node[:]
    graph.node.extend(copies)
