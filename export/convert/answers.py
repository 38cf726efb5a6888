"""Whether a network gives logits or probabilities, judged by its graph and by what it gives."""

from typing import Any

import numpy as np

from edge.errors import UserError
from export.networks import NEW

PROBABILITIES = ("Sigmoid", "Softmax", "HardSigmoid")
PASSED_THROUGH = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Slice", "Clip")
LOGITS_NEEDED = "logits are needed, leave that activation out"
SAME_SUM = 1e-3  # by which rounding may move a sum of probabilities from 1
TELLING_RANGE = 0.5  # values between 0 and 1 that differ by so much are no logits of a trained model


def check_graph_gives_logits(content: bytes) -> None:
    """Raise UserError when an ONNX file's answer comes out of a sigmoid or a softmax, whatever lies between."""
    import onnx

    graph = onnx.load_from_string(content).graph
    makers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        node = None if output.name.startswith(NEW) else answering_node(output.name, makers)
        if node is not None and node.op_type in PROBABILITIES:
            where = f"its answer comes out of the {node.op_type} {node.name!r}"
            raise UserError(f"the model gives probabilities, {where}: {LOGITS_NEEDED}")


def answering_node(name: str, makers: dict[str, Any]) -> Any:
    """The node that computes a tensor, behind all that only passes it on; None for an input."""
    node = makers.get(name)
    while node is not None and node.op_type in PASSED_THROUGH:
        node = makers.get(node.input[0])
    return node


def check_values_are_logits(values: np.ndarray, where: str) -> list[str]:
    """Warnings of answers (N, labels) that may be probabilities. Raises UserError when they must be."""
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        return []
    low, high = float(values.min()), float(values.max())
    is_distribution = values.shape[1] > 1 and np.abs(values.sum(axis=1) - 1).max() <= SAME_SUM
    if is_distribution or high - low >= TELLING_RANGE:
        raise UserError(f"{where}: the model gives values from {low:.3g} to {high:.3g}, probabilities: {LOGITS_NEEDED}")
    return [f"{where}: the model gives values from {low:.3g} to {high:.3g} only: are they probabilities?"]
