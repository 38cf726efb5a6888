"""What every node of an ONNX network gives, not only the last."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from export.convert.onnx_import.precision import in_double_precision
from export.networks import Feed, onnx_network


def every_tensor(content: bytes, feeds: Sequence[Feed], is_double: bool = False) -> dict[str, np.ndarray]:
    """By name, all floats that the nodes of the main graph give of feeds, (N, ...): in onnxruntime, or in float64."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    floats = {v.name: v for v in model.graph.value_info if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    floats |= {value.name: value for value in model.graph.output}
    if is_double:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(in_double_precision(model))
        given = [evaluator.run(None, {k: x.astype(np.float64) for k, x in f.items()}, intermediate=True) for f in feeds]
    else:
        del model.graph.output[:]
        model.graph.output.extend(floats.values())
        network = onnx_network(model.SerializeToString())
        given = [network(feed) for feed in feeds]
    return {name: np.stack([np.asarray(one[name]) for one in given]) for name in floats}


def nodes_of(content: bytes) -> list[Any]:
    """From the first to the last."""
    return list(onnx.load_from_string(content).graph.node)


def node_name(node: Any) -> str:
    """NAME (OPERATOR)."""
    return f"{node.name or node.output[0]!r} ({node.op_type})"
