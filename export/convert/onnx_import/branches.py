"""Branches whose condition is a constant, as it is once an input was fixed: the one that is taken stays.

onnxruntime does the same, and ends the process where a whole network is such a branch.
"""

import numpy as np
import onnx

from export.convert.rewrites.shapes import evaluate, names_used, replace_nodes


def with_decided_branches(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the If nodes that can be decided, also within those that are taken. In place."""
    while inline_once(model):
        pass
    return model


def inline_once(model: onnx.ModelProto) -> bool:
    """Take the branch of every If of the main graph whose condition is known; whether there was one."""
    graph = model.graph
    known = {proto.name: onnx.numpy_helper.to_array(proto) for proto in graph.initializer}
    nodes, found = [], False
    for node in graph.node:
        if node.op_type == "If" and node.input[0] in known:
            nodes += taken(node, bool(np.ravel(known[node.input[0]])[0]), graph)
            found = True
            continue
        nodes.append(node)
        if node.op_type != "If" and all(name in known for name in names_used(node)) and small(node, known):
            known.update(evaluate(node, known, model))
    if found:
        replace_nodes(graph, nodes)
    return found


def small(node: onnx.NodeProto, known: dict[str, np.ndarray]) -> bool:
    """Whether a node may compute a condition: it is not one that moves weights."""
    return all(known[name].size <= 64 for name in names_used(node))


def taken(node: onnx.NodeProto, condition: bool, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes of a branch, by names of their own; its constants go into the graph."""
    name = "then_branch" if condition else "else_branch"
    branch = next(attribute.g for attribute in node.attribute if attribute.name == name)
    prefix = f"{node.name or node.output[0]}/"
    renamed = {value: prefix + value for inner in branch.node for value in inner.output if value}
    renamed |= {proto.name: prefix + proto.name for proto in branch.initializer}
    for proto in branch.initializer:
        copy = onnx.TensorProto.FromString(proto.SerializeToString())
        copy.name = renamed[proto.name]
        graph.initializer.append(copy)
    nodes = [rename(inner, renamed, prefix) for inner in branch.node]
    ends = [
        onnx.helper.make_node("Identity", [renamed.get(inside.name, inside.name)], [outside])
        for inside, outside in zip(branch.output, node.output, strict=True)
        if outside
    ]
    return nodes + ends


def rename(node: onnx.NodeProto, renamed: dict[str, str], prefix: str) -> onnx.NodeProto:
    """A copy of a node that reads and writes tensors by other names, also inside its subgraphs."""
    copy = onnx.NodeProto.FromString(node.SerializeToString())
    copy.name = prefix + (node.name or next(iter(node.output), node.op_type))
    for place in (copy.input, copy.output):
        place[:] = [renamed.get(name, name) for name in place]
    for attribute in copy.attribute:
        for graph in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
            inner = [rename(each, renamed, "") for each in graph.node]
            replace_nodes(graph, inner)
            for value in graph.output:
                value.name = renamed.get(value.name, value.name)
    return copy
