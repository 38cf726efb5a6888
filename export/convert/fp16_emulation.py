"""What FP16 types cost, shown on a CPU: an FP16-typed network whose every tensor really is rounded.

onnxruntime computes FP16 networks in single precision on a CPU and drops most of the roundings in between, so that the
file itself looks better there than it is. Sums are still accumulated in single precision.
"""

from typing import Any

import numpy as np

from export.convert.onnx_fp16 import cast_to


def emulate_fp16(content: bytes) -> bytes:
    """The FP16-typed file in FP32, with each FP16 tensor rounded to half precision where it arises."""
    import onnx
    from onnx import TensorProto

    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    graph = model.graph
    halves = {v.name for v in graph.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT16}
    del graph.value_info[:]
    for constant in (*graph.initializer, *(a.t for node in graph.node for a in node.attribute if a.HasField("t"))):
        widen(constant)
    nodes: list[Any] = []
    for node in graph.node:
        changes_precision = cast_to(node) in (TensorProto.FLOAT, TensorProto.FLOAT16) and halves.intersection(
            (*node.input, *node.output)
        )
        exact = onnx.helper.make_node("Identity", node.input, node.output) if changes_precision else node
        nodes += rounded(exact) if halves.intersection(node.output) else [exact]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def rounded(node: Any) -> list[Any]:
    """The node, and a cast of its result to half precision and back."""
    import onnx
    from onnx import TensorProto

    name = node.output[0]
    node.output[0] = f"{name}/exact"
    return [
        node,
        onnx.helper.make_node("Cast", [f"{name}/exact"], [f"{name}/half"], to=TensorProto.FLOAT16),
        onnx.helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT),
    ]


def widen(constant: Any) -> None:
    """Give an FP16 constant the type FP32; its values are already rounded."""
    import onnx

    if constant.data_type == onnx.TensorProto.FLOAT16:
        values = onnx.numpy_helper.to_array(constant).astype(np.float32)
        constant.CopyFrom(onnx.numpy_helper.from_array(values, constant.name))
