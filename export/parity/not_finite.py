"""Where a NaN, or an infinity, comes from: the first layer of a model, or operator of a file, that gives one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edge.errors import UserError
from export.convert.keras_graph import import_keras
from export.convert.layer_names import layer_names, layer_of, layer_of_tensor
from export.model import SourceModel
from export.networks import INPUT_NAME, Feed, Network, Shapes, Stream, answer, run
from export.onnx_model import OnnxModel
from export.parity.keras_nodes import computing
from export.parity.onnx_tensors import every_tensor, node_name, nodes_of

Named = tuple[str, Sequence[np.ndarray]]  # a layer or operator, and what it gives


def check_finite(model: SourceModel, outputs: np.ndarray, what: str, inputs: np.ndarray | None = None) -> None:
    """Raise UserError, naming the layer that gives the first NaN or infinity, unless outputs (N, ...) are numbers.

    inputs: the model's own (N, ...), where each stands for itself.
    """
    bad = ~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
    if not bad.any():
        return
    where = "" if inputs is None else first_layer(model, inputs[bad.argmax()][None])
    it = f"{model.directory}: the {model.origin} model itself gives NaN or infinite {what}"
    raise UserError(f"{it}{where and f', first at {where}'}: train it again")


def first_layer(model: SourceModel, x: np.ndarray) -> str:
    """Which layer of a model, or operator of an ONNX file, makes the first NaN of one input (1, ...); or ""."""
    try:
        if isinstance(model.fixed, OnnxModel):
            return first_of(onnx_nodes(model.fixed.content, {INPUT_NAME: x}, []))
        return first_of(keras_layers(model.trained, x))
    except Exception:  # a model in code of its own has no layers that can be looked at
        return ""


def first_in_file(
    content: bytes, kind: str, network: Network, streams: Sequence[Stream], states: Shapes, model: Any
) -> str:
    """The same of a file in its engine, whose answers are not all numbers. model: what it was made of."""
    feed = next((feed for feed, outputs in run(network, streams, states) if not is_finite(answer(outputs))), None)
    if feed is None:
        return ""
    named = tflite_operators if kind == "tflite" else onnx_nodes
    try:
        return first_of(named(content, feed, layer_names(model)))
    except Exception:  # another engine of the same format refuses what is broken otherwise: weights that are missing
        return ""


def first_of(given: Sequence[Named]) -> str:
    """The first that gives a NaN; where none does, an infinity: masks hold some that nothing comes of."""
    for is_bad in (np.isnan, np.isinf):
        found = next((name for name, arrays in given if any(is_bad(x).any() for x in arrays)), "")
        if found:
            return found
    return ""


def is_finite(x: np.ndarray) -> bool:
    return bool(np.isfinite(x).all())


def keras_layers(model: Any, x: np.ndarray) -> list[Named]:
    """What each layer of a functional model gives, those of a model inside in its place."""
    keras = import_keras()
    nodes = computing(model)
    outputs = keras.Model(model.inputs, [node.outputs[0] for node in nodes])([x], training=False)
    found: list[Named] = []
    known: dict[int, Any] = dict(zip((id(node.outputs[0]) for node in nodes), outputs, strict=True))
    for node, result in zip(nodes, outputs, strict=True):
        layer = node.operation
        if isinstance(layer, keras.Model) and len(node.input_tensors) == 1:
            found += keras_layers(layer, known.get(id(node.input_tensors[0]), x))
        found.append((f"layer {layer.name!r} ({type(layer).__name__})", [np.asarray(result, np.float64)]))
    return found


def onnx_nodes(content: bytes, feed: Feed, layers: Sequence[str]) -> list[Named]:
    """What each node gives, by the layer that it is of where there are layers."""
    tensors = every_tensor(content, [feed])
    return [
        (layer_name(layer_of(node.output[0], layers)) or f"operator {node_name(node)}", floats(tensors, node.output))
        for node in nodes_of(content)
    ]


def floats(tensors: Mapping[str, np.ndarray], names: Sequence[str]) -> list[np.ndarray]:
    return [tensors[name] for name in names if name in tensors]


def tflite_operators(content: bytes, feed: Feed, layers: Sequence[str]) -> list[Named]:
    """What each operator of a TFLite file gives in LiteRT's own kernels, which keep it."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        named = [x for name, x in feed.items() if name in details["name"]]
        interpreter.set_tensor(details["index"], (named or list(feed.values()))[0])
    interpreter.invoke()
    names = {details["index"]: details["name"] for details in interpreter.get_tensor_details()}
    found: list[Named] = []
    for row in interpreter._get_ops_details():
        arrays = [interpreter.get_tensor(index) for index in row["outputs"] if index in names]
        tensor = names[row["outputs"][0]]
        name = layer_name(layer_of_tensor(tensor, layers)) or f"operator {row['op_name']} ({tensor.split(';')[0]!r})"
        found.append((name, [x for x in arrays if x.dtype.kind == "f"]))
    return found


def layer_name(path: str) -> str:
    return f"layer {path!r}" if path else ""
