"""What a model says in double precision: whose rounding it is, where a float32 file and the model differ."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from export.convert.keras_rebuild import rebuilt
from export.convert.onnx_import.precision import in_double_precision
from export.networks import Network, Shapes, Stream, answers, frames
from export.onnx_model import OnnxModel

SINGLE, DOUBLE = "float32", "float64"
BATCH = 16


def double_outputs(model: Any, inputs: np.ndarray) -> np.ndarray | None:
    """Of inputs (N, ...), (N, labels) float64; None where layers of one's own do not take float64.

    A Keras configuration names a precision for every layer; the weights are those of the model.
    """
    if isinstance(model, OnnxModel):
        return double_answers(model, frames(inputs), {})
    try:
        twin = in_double(model)
        parts = [inputs[i : i + BATCH].astype(np.float64) for i in range(0, len(inputs), BATCH)]
        outputs = np.concatenate([np.asarray(twin(part, training=False)) for part in parts])
    except Exception:  # of layers that were never meant to
        return None
    return exact(outputs)


def double_answers(model: Any, streams: Sequence[Stream], states: Shapes) -> np.ndarray | None:
    """The same at every step of every stream, of an ONNX file or of a Keras model whose inputs have names."""
    try:
        network = double_onnx(model) if isinstance(model, OnnxModel) else double_keras(model)
        outputs = answers(network, streams, states)
    except Exception:  # of layers that were never meant to, and of operators that ONNX's reference lacks
        return None
    return exact(outputs)


def exact(outputs: np.ndarray) -> np.ndarray | None:
    """Outputs that are really of double precision."""
    return outputs if outputs.dtype == np.float64 and np.isfinite(outputs).all() else None


def double_keras(model: Any) -> Network:
    """A Keras model whose inputs have names and whose outputs are a dict, in float64."""
    import tensorflow as tf

    twin = in_double(model)
    names = [tensor.name for tensor in twin.inputs]
    signature = [tf.TensorSpec(tensor.shape, tf.float64) for tensor in twin.inputs]
    function = tf.function(lambda *x: twin(list(x), training=False), input_signature=signature)
    return lambda feed: {k: v.numpy() for k, v in function(*(feed[name].astype(DOUBLE) for name in names)).items()}


def double_onnx(model: OnnxModel) -> Network:
    """An ONNX file, as it came, in float64: onnxruntime convolves in single precision only, ONNX's reference in any."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    def opened(content: bytes) -> Network:
        evaluator = ReferenceEvaluator(onnx.load_from_string(content))
        return lambda feed: dict(zip(evaluator.output_names, evaluator.run(None, feed), strict=True))

    doubled = in_double_precision(onnx.load_from_string(model.content)).SerializeToString()
    return replace(model, content=doubled).network(opened, np.float64)


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
