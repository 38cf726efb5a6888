"""What a Keras model says in double precision: whose rounding it is, where a float32 file and the model differ."""

from typing import Any

import numpy as np

from export.convert.keras_rebuild import rebuilt
from export.onnx_model import OnnxModel

SINGLE, DOUBLE = "float32", "float64"
BATCH = 16


def double_outputs(model: Any, inputs: np.ndarray) -> np.ndarray | None:
    """Of inputs (N, ...), (N, labels) float64; None of an ONNX file, or where layers of one's own do not take float64.

    A Keras configuration names a precision for every layer; the weights are those of the model.
    """
    if isinstance(model, OnnxModel):
        return None
    try:
        weights = [np.asarray(weight, np.float64) for weight in model.get_weights()]
        twin = rebuilt(model, doubled(model.get_config()), weights)
        parts = [inputs[i : i + BATCH].astype(np.float64) for i in range(0, len(inputs), BATCH)]
        outputs = np.concatenate([np.asarray(twin(part, training=False)) for part in parts])
    except Exception:  # of layers that were never meant to
        return None
    return outputs if outputs.dtype == np.float64 and np.isfinite(outputs).all() else None


def doubled(config: Any) -> Any:
    """A Keras configuration with float64 for float32."""
    if isinstance(config, dict):
        return {key: doubled(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(doubled(value) for value in config)
    return DOUBLE if config == SINGLE else config
