"""The nodes of a functional Keras model."""

from typing import Any


def computing(model: Any) -> list[Any]:
    """Those that are no inputs, from the first to the last."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if node.input_tensors]
