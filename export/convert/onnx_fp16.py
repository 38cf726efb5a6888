"""FP32 ONNX -> the same with FP16 types, for strongly typed TensorRT, which takes precision from the file alone."""

from collections.abc import Collection
from typing import Any

from export.convert.quiet import quiet

MEANS = {"ReduceMean", "GlobalAveragePool"}  # tf2onnx makes either of a mean over the last axis
ELEMENTWISE = {"Add", "Sub", "Mul", "Div", "Neg", "Pow", "Sqrt", "Reciprocal", "Squeeze", "Unsqueeze"}
SOFTMAX = {"Softmax", "LogSoftmax"}


def to_fp16(content: bytes, in_float: Collection[str] = ()) -> bytes:
    """Weights and activations in FP16, input and output in FP32; LayerNorm, softmax and nodes named stay in FP32.

    A variance overflows half precision from deviations of 256 on, and a softmax loses its small probabilities.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load_from_string(content)
    name_nodes(model.graph)
    kept = fp32_nodes(model.graph) | set(in_float)
    with quiet():  # it warns of each weight too small for FP16; the parity report says what that costs
        converted = convert_float_to_float16(model, keep_io_types=True, node_block_list=sorted(kept))
    sort_topologically(converted.graph)
    join_single_precision(converted.graph)
    converted.ir_version = model.ir_version
    onnx.checker.check_model(converted, full_check=True)
    return converted.SerializeToString()


def name_nodes(graph: Any) -> None:
    """Give every node a name: nodes are kept in FP32 by name."""
    for number, node in enumerate(graph.node):
        node.name = node.name or f"{node.op_type}_{number}"


def fp32_nodes(graph: Any) -> set[str]:
    """Names of the nodes of every softmax and of every normalisation by its own mean and variance."""
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    kept = {node.name for node in graph.node if node.op_type in SOFTMAX}
    for node in graph.node:
        if node.op_type in MEANS:
            region = elementwise_after(node, users)
            if any(member.op_type == "Sqrt" for member in region):
                kept.update(member.name for member in region)
    return kept


def elementwise_after(node: Any, users: dict[str, list[Any]]) -> list[Any]:
    """The node and all that follows it as long as it is elementwise or a mean."""
    region, pending = {node.name: node}, [node]
    while pending:
        for output in pending.pop().output:
            for user in users.get(output, []):
                if user.op_type in ELEMENTWISE | MEANS and user.name not in region:
                    region[user.name] = user
                    pending.append(user)
    return list(region.values())


def join_single_precision(graph: Any) -> None:
    """Take out what goes from FP32 to FP16 and back: the converter puts it between any two nodes kept in FP32, and
    with it every variance would still pass through half precision."""
    import onnx

    makers = {output: node for node in graph.node for output in node.output}
    source = {}  # of a tensor that has been to half precision and back
    for node in graph.node:
        if cast_to(node) == onnx.TensorProto.FLOAT:
            narrowed = makers.get(node.input[0])
            if cast_to(narrowed) == onnx.TensorProto.FLOAT16:
                source[node.output[0]] = narrowed.input[0]
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = source.get(name, name)
    drop_unused_casts(graph)


def drop_unused_casts(graph: Any) -> None:
    """Remove the casts that nothing reads any more."""
    outputs = {value.name for value in graph.output}
    while True:
        used = {name for node in graph.node for name in node.input} | outputs
        unused = [node for node in graph.node if cast_to(node) is not None and node.output[0] not in used]
        if not unused:
            return
        for node in unused:
            graph.node.remove(node)


def cast_to(node: Any) -> int | None:
    """The element type a Cast makes; None for any other node."""
    if node is None or node.op_type != "Cast":
        return None
    return next(attribute.i for attribute in node.attribute if attribute.name == "to")


def sort_topologically(graph: Any) -> None:
    """Put each node after those it depends on, once: casts are appended at the end, and one for each of their users."""
    known = {value.name for value in (*graph.input, *graph.initializer)} | {""}
    pending, ordered = list({tuple(node.output): node for node in graph.node}.values()), []
    while pending:
        ready = [node for node in pending if known.issuperset(node.input)]
        if not ready:
            raise ValueError(f"the graph has a cycle or a missing tensor at {pending[0].name}")
        ordered += ready
        known.update(name for node in ready for name in node.output)
        done = {id(node) for node in ready}
        pending = [node for node in pending if id(node) not in done]
    copies = [type(node).FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)
