"""Scale and shift after a convolution folded into its weights: tf2onnx leaves them behind depthwise convolutions."""

from typing import Any

import numpy as np


def fold_scale_and_shift(content: bytes) -> bytes:
    """The same network without the Mul and Add of a per-channel constant right after a Conv.

    Each costs a kernel, and in half precision or int8 a rounding of the whole tensor.
    """
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    found = foldable(graph)
    while found is not None:
        fold(graph, *found)
        found = foldable(graph)
    used = {name for node in graph.node for name in node.input}
    unused = [w for w in graph.initializer if w.name not in used]
    for weight in unused:
        graph.initializer.remove(weight)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def foldable(graph: Any) -> tuple[Any, Any, np.ndarray] | None:
    """The first (Conv, Mul or Add that alone uses its result, per-channel constant), or None."""
    constants = {w.name: w for w in graph.initializer}
    outputs = {value.name for value in graph.output}
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for conv in graph.node:
        if conv.op_type != "Conv" or any(name not in constants for name in conv.input[1:]):
            continue
        after = users.get(conv.output[0], [])
        if len(after) != 1 or after[0].op_type not in ("Mul", "Add") or conv.output[0] in outputs:
            continue
        other = next((name for name in after[0].input if name != conv.output[0]), None)
        value = per_channel(constants.get(other), len(constants[conv.input[1]].dims), constants[conv.input[1]].dims[0])
        if value is not None:
            return conv, after[0], value
    return None


def per_channel(constant: Any, rank: int, channels: int) -> np.ndarray | None:
    """A constant as (channels,), or None when it is anything else."""
    import onnx

    if constant is None:
        return None
    value = onnx.numpy_helper.to_array(constant)
    expected = (channels,) + (1,) * (rank - 2)
    trimmed = value.shape[1:] if value.ndim == rank and value.shape[0] == 1 else value.shape
    if value.size == 1:
        return np.full(channels, value.reshape(()), np.float64)
    return value.reshape(channels).astype(np.float64) if trimmed == expected else None


def fold(graph: Any, conv: Any, after: Any, value: np.ndarray) -> None:
    """Give the Conv new weights or a new bias, and the result's name; drop the node after it."""
    import onnx

    constants = {w.name: onnx.numpy_helper.to_array(w).astype(np.float64) for w in graph.initializer}
    weights = constants[conv.input[1]]
    bias = constants[conv.input[2]] if len(conv.input) > 2 else np.zeros(len(weights))
    if after.op_type == "Mul":
        weights, bias = weights * value.reshape(-1, *[1] * (weights.ndim - 1)), bias * value
    else:
        bias = bias + value
    result = after.output[0]
    names = [f"{result}/weights", f"{result}/bias"]
    graph.initializer.extend(
        onnx.numpy_helper.from_array(array.astype(np.float32), name)
        for array, name in zip((weights, bias), names, strict=True)
    )
    data = conv.input[0]
    del conv.input[:]
    conv.input.extend([data, *names])
    conv.output[0] = result
    graph.node.remove(after)
