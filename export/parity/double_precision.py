"""What a Keras model says in double precision: whose rounding it is, where a float32 file and the model differ."""

from typing import Any

import numpy as np

from export.convert.keras_graph import import_keras
from export.convert.keras_rebuild import rebuilt
from export.onnx_model import OnnxModel

SINGLE, DOUBLE = "float32", "float64"
BATCH = 16
ROUNDING = 2.0**-24  # of one float32 number, over its size


def double_outputs(model: Any, inputs: np.ndarray) -> np.ndarray | None:
    """Of inputs (N, ...), (N, labels) float64; None of an ONNX file, or where layers of one's own do not take float64.

    A Keras configuration names a precision for every layer; the weights are those of the model.
    """
    if isinstance(model, OnnxModel):
        return None
    try:
        twin = in_double(model)
        parts = [inputs[i : i + BATCH].astype(np.float64) for i in range(0, len(inputs), BATCH)]
        outputs = np.concatenate([np.asarray(twin(part, training=False)) for part in parts])
    except Exception:  # of layers that were never meant to
        return None
    return outputs if outputs.dtype == np.float64 and np.isfinite(outputs).all() else None


def in_double(model: Any) -> Any:
    """The same model, computing in float64."""
    weights = [np.asarray(weight, np.float64) for weight in model.get_weights()]
    return rebuilt(model, doubled(model.get_config()), weights)


def doubled(config: Any) -> Any:
    """A Keras configuration with float64 for float32."""
    if isinstance(config, dict):
        return {key: doubled(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(doubled(value) for value in config)
    return DOUBLE if config == SINGLE else config


def where_rounding_grows(model: Any, inputs: np.ndarray) -> str:
    """The layer at which float32 rounding grows most beside what tells inputs (N, ...) apart: NAME (CLASS); or ""."""
    try:
        layer = coarsest_layer(model, in_double(model), inputs[:BATCH])
    except Exception:  # of an ONNX file, and of layers that do not take float64
        return ""
    return f"{layer.name!r} ({type(layer).__name__})"


def coarsest_layer(model: Any, twin: Any, inputs: np.ndarray) -> Any:
    """Of two functional models of the same layers, in float32 and in float64; looks into a model that is a layer."""
    keras = import_keras()
    pairs = list(zip(computing(model), computing(twin), strict=True))
    if any(one.operation.name != other.operation.name for one, other in pairs):
        raise ValueError("the two models differ")
    single, double = (
        keras.Model(one.inputs, [node.outputs[0] for node in nodes])(inputs, training=False)
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


def computing(model: Any) -> list[Any]:
    """The nodes of a functional model that are no inputs, from the first to the last."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if node.input_tensors]


def coarseness(rounded: np.ndarray, exact: np.ndarray) -> float:
    """The error of values (N, ...) over how much they differ from one input to another, each as a root mean square."""
    spread = np.sqrt(np.mean((exact - exact.mean(axis=0)) ** 2))
    return float(np.sqrt(np.mean((rounded - exact) ** 2)) / spread) if spread > 0 else 0.0
