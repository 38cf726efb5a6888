"""What the models of a bundle hold and compute: bytes, and multiply-adds counted from the TFLite file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge.bundle import read_manifest
from edge.bundle.model import DENOISER, FUSED, Model
from edge.dsp import fused
from edge.frames import FRAME_HOP_COLUMNS, FRAME_HOP_S


class ModelCost(NamedTuple):
    """One model file."""

    role: str
    name: str
    file: str
    file_bytes: int
    multiply_adds: int
    runs_a_hop: float  # while an episode is open


def costs(bundle: str) -> list[ModelCost]:
    """Every TFLite file of a bundle."""
    found = []
    models = read_manifest(bundle).models
    for model in models:
        entry = model.files.get("tflite")
        if entry:
            path = Path(bundle) / entry.path
            name = getattr(model, "name", None) or model.role
            found.append(
                ModelCost(
                    model.role, name, entry.path, path.stat().st_size, multiply_adds(path), runs_a_hop(model, models)
                )
            )
    return found


def runs_a_hop(model: Model, models: list[Model]) -> float:
    """How often a model of a bundle runs in 0.2 s of an open episode; the denoiser as often as who is behind it."""
    if model.role == DENOISER:
        return max([runs_a_hop(other, models) for other in models if other.is_denoised], default=0.0)
    if model.step is None:
        return 1.0
    hop_columns = FRAME_HOP_S / fused.COLUMN_S if model.feature.name == FUSED else FRAME_HOP_COLUMNS
    return hop_columns / model.step.columns


def multiply_adds(path: Path) -> int:
    """Of one run: convolutions, products of matrices, dense layers."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # Without a delegate, which would take the operators' place.
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    shapes = {tensor["index"]: tensor["shape"] for tensor in interpreter.get_tensor_details()}
    return sum(of_operator(operator, shapes) for operator in interpreter._get_ops_details())


def of_operator(operator: dict[str, Any], shapes: dict[int, np.ndarray]) -> int:
    """Multiply-adds of one operator; 0 for one that has none worth counting."""
    name, inputs, out = operator["op_name"], operator["inputs"], shapes[operator["outputs"][0]]
    if name == "CONV_2D":
        return int(np.prod(out) * np.prod(shapes[inputs[1]][1:]))
    if name == "TRANSPOSE_CONV":
        return int(np.prod(shapes[inputs[2]]) * np.prod(shapes[inputs[1]][:3]))
    if name == "DEPTHWISE_CONV_2D":
        return int(np.prod(out) * np.prod(shapes[inputs[1]][1:3]))
    if name == "FULLY_CONNECTED":
        return int(np.prod(out) * shapes[inputs[1]][-1])
    if name == "BATCH_MATMUL":
        return int(np.prod(out) * shapes[inputs[0]][-1])
    return 0
