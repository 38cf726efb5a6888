"""At which layer, or operator, a model's float32 rounding grows beside what tells inputs apart."""

from typing import Any

import numpy as np

from export.convert.keras_graph import import_keras
from export.networks import INPUT_NAME, state_shapes
from export.onnx_model import OnnxModel
from export.parity.double_precision import BATCH, in_double
from export.parity.keras_nodes import computing
from export.parity.onnx_tensors import every_tensor, node_name, nodes_of

ROUNDING = 2.0**-24  # of one float32 number, over its size


def where_rounding_grows(model: Any, inputs: np.ndarray) -> str:
    """The layer at which float32 rounding grows most beside what tells inputs (N, ...) apart: NAME (CLASS); or "".

    Of an ONNX network as the device feeds it, the node: NAME (OPERATOR).
    """
    try:
        if isinstance(model, OnnxModel):
            return node_name(coarsest_node(model, inputs[:BATCH]))
        layer = coarsest_layer(model, in_double(model), inputs[:BATCH])
    except Exception:  # of layers that do not take float64, and of operators that ONNX's reference lacks
        return ""
    return f"{layer.name!r} ({type(layer).__name__})"


def coarsest_node(model: OnnxModel, inputs: np.ndarray) -> Any:
    """Of a network that computes in float32 and, once more, in float64; states are zero."""
    states = {name: np.zeros(shape, np.float32) for name, shape in state_shapes(model).items()}
    feeds = [{INPUT_NAME: x[None], **states} for x in inputs]
    single, double = (every_tensor(model.content, feeds, is_double) for is_double in (False, True))
    after = {name: coarseness(x, double[name]) for name, x in single.items() if name in double}

    def growth(node: Any) -> float:
        return after.get(node.output[0], 0.0) / max(ROUNDING, *(after.get(name, 0.0) for name in (*node.input, "")))

    return max(nodes_of(model.content), key=growth)


def coarsest_layer(model: Any, twin: Any, inputs: np.ndarray) -> Any:
    """Of two functional models of the same layers, in float32 and in float64; looks into a model that is a layer."""
    keras = import_keras()
    pairs = list(zip(computing(model), computing(twin), strict=True))
    if any(one.operation.name != other.operation.name for one, other in pairs):
        raise ValueError("the two models differ")
    single, double = (
        keras.Model(one.inputs, [node.outputs[0] for node in nodes])([inputs], training=False)
        for one, nodes in zip((model, twin), zip(*pairs, strict=True), strict=True)
    )
    exact = {id(node.outputs[0]): np.asarray(x) for (node, _), x in zip(pairs, double, strict=True)}
    after = {
        id(node.outputs[0]): coarseness(np.asarray(x), exact[id(node.outputs[0])])
        for (node, _), x in zip(pairs, single, strict=True)
    }

    def growth(pair: tuple[Any, Any]) -> float:
        given = [after.get(id(tensor), 0.0) for tensor in pair[0].input_tensors]
        return after[id(pair[0].outputs[0])] / max(ROUNDING, *given)

    worst, of_twin = max(pairs, key=growth)
    if not isinstance(worst.operation, keras.Model):
        return worst.operation
    return coarsest_layer(worst.operation, of_twin.operation, exact.get(id(worst.input_tensors[0]), inputs))


def coarseness(rounded: np.ndarray, exact: np.ndarray) -> float:
    """The error of values (N, ...) over how much they differ from one input to another, each as a root mean square."""
    spread = np.sqrt(np.mean((exact - exact.mean(axis=0)) ** 2))
    return float(np.sqrt(np.mean((rounded - exact) ** 2)) / spread) if spread > 0 else 0.0
