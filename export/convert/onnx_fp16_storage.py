"""Weights that half precision holds exactly, stored so: half the bytes, the same network."""

from typing import Any

import numpy as np

WORTH_IT = 4096  # numbers of a weight: below, a Cast node costs more than it saves
TAKE_ANY_TENSOR = ("MatMul", "Gemm")  # of a convolution, TensorRT 8.2 takes no weight but an initializer


def with_fp16_storage(content: bytes) -> bytes:
    """The same network, its large weights stored in half precision where that loses nothing.

    An engine casts them once, when it loads the file: constants are folded. Trained weights are exact in half
    precision where training rounded them before it judged them, see training/transformer/fitting.py.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(content)
    fixed = {name for node in model.graph.node if node.op_type not in TAKE_ANY_TENSOR for name in node.input}
    casts = []
    for weight in model.graph.initializer:
        halved = None if weight.name in fixed else in_half(weight)
        if halved is not None:
            name, stored = weight.name, f"{weight.name}_half"
            weight.CopyFrom(numpy_helper.from_array(halved, stored))
            casts.append(helper.make_node("Cast", [stored], [name], name=f"{name}_cast", to=TensorProto.FLOAT))
    if not casts:
        return content
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def in_half(weight: Any) -> np.ndarray | None:
    """A float32 initializer as float16; None where it is small, another type, or would lose anything."""
    from onnx import numpy_helper

    values = numpy_helper.to_array(weight)
    if values.dtype != np.float32 or values.size < WORTH_IT:
        return None
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    return halved if np.array_equal(halved.astype(np.float32), values) else None
