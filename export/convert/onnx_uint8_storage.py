"""Weights that eight bits hold exactly, stored so: a quarter of the bytes, the same network.

Weights that came from a quantised network lie on its grid, scale * (whole number - zero point), whatever they are
computed in. An engine multiplies them out when it loads the file: constants are folded. (Not by DequantizeLinear, which
engines take as leave to compute in integers.)
"""

from typing import Any

import numpy as np

WORTH_IT = 4096  # numbers of a weight: below, a node costs more than it saves
LEVELS = 256
OFF_GRID = 1e-3  # of a step: what float32 rounds


def with_uint8_storage(content: bytes) -> bytes:
    """The same network, each large float weight that lies on a grid of 256 levels stored as those levels."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(content)
    nodes, added = [], []
    for weight in model.graph.initializer:
        found = on_grid(numpy_helper.to_array(weight))
        if found is None:
            continue
        levels, scale, zero_point = found
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(levels, f"{name}_levels"))
        added.append(numpy_helper.from_array(scale, f"{name}_scale"))
        added.append(numpy_helper.from_array(zero_point, f"{name}_zero_point"))
        nodes += [
            helper.make_node("Cast", [f"{name}_levels"], [f"{name}_float"], name=f"{name}_cast", to=TensorProto.FLOAT),
            helper.make_node("Sub", [f"{name}_float", f"{name}_zero_point"], [f"{name}_steps"], name=f"{name}_sub"),
            helper.make_node("Mul", [f"{name}_steps", f"{name}_scale"], [name], name=f"{name}_mul"),
        ]
    if not nodes:
        return content
    model.graph.initializer.extend(added)
    nodes += list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def on_grid(values: np.ndarray) -> tuple[np.ndarray, Any, Any] | None:
    """(levels uint8, scale, zero point, both float32) of a float32 weight; None where that would lose anything."""
    if values.dtype != np.float32 or values.size < WORTH_IT:
        return None
    different = np.unique(values).astype(np.float64)
    if not 2 <= len(different) <= LEVELS:
        return None
    step = np.diff(different).min()
    step = (different[-1] - different[0]) / max(1.0, np.round((different[-1] - different[0]) / step))
    zero_point, levels = np.round(-different[0] / step), np.round((values - different[0]) / step)
    if levels.max() >= LEVELS or not 0 <= zero_point < LEVELS:
        return None
    if np.abs((levels - zero_point) * step - values).max() > OFF_GRID * step:
        return None
    return levels.astype(np.uint8), np.array(step, np.float32), np.array(zero_point, np.float32)
