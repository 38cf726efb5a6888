"""FP32 ONNX -> the same with FP16 types, for strongly typed TensorRT, which takes precision from the file alone."""

from typing import Any

from export.quiet import quiet

ELEMENTWISE = {"Add", "Sub", "Mul", "Div", "Neg", "Pow", "Sqrt", "Reciprocal", "ReduceMean", "Squeeze", "Unsqueeze"}
SOFTMAX = {"Softmax", "LogSoftmax"}


def fp16_typed(content: bytes) -> bytes:
    """Weights and activations in FP16, input and output in FP32; LayerNorm and softmax stay in FP32.

    A variance overflows half precision from deviations of 256 on, and a softmax loses its small probabilities.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load_from_string(content)
    name_nodes(model.graph)
    kept = fp32_nodes(model.graph)
    with quiet():  # it warns of each weight too small for FP16; the parity report says what that costs
        converted = convert_float_to_float16(model, keep_io_types=True, node_block_list=sorted(kept))
    sort_topologically(converted.graph)
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
        if node.op_type == "ReduceMean":
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
                if user.op_type in ELEMENTWISE and user.name not in region:
                    region[user.name] = user
                    pending.append(user)
    return list(region.values())


def sort_topologically(graph: Any) -> None:
    """Put each node after those it depends on: the casts are appended at the end."""
    known = {value.name for value in (*graph.input, *graph.initializer)} | {""}
    pending, ordered = list(graph.node), []
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
