"""Read an ONNX file, and tell which of its tensors are the feature, the answer and states."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.quiet import quiet
from export.kinds.kind import ModelKind
from export.networks import STATE
from export.onnx_model import named

MOST_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Tensors:
    """What the file calls its tensors. states: by our name, its input and its output."""

    feature: str
    answer: str
    states: Mapping[str, tuple[str, str]]


def read_onnx(path: Path) -> onnx.ModelProto:
    """The model with the weights that lie in files beside it. Raises UserError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} has {path.stat().st_size:,} bytes: no model for a board is so large")
        with quiet():
            model = onnx.load(path)
    except (OSError, DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise UserError(f"{path} cannot be read as an ONNX file ({one_line(error)}): export it again") from error
    if not model.graph.node:
        raise UserError(f"{path} is no ONNX file with a network in it: export it again")
    return model


def tensors_of(proto: onnx.ModelProto, described: Mapping[str, Any], kind: ModelKind, path: Path) -> Tensors:
    """One tensor in and one out, beside the states that the description of a streamed model names. Raises UserError."""
    inputs, outputs = ([value.name for value in values] for values in (proto.graph.input, proto.graph.output))
    has = f"{path} has the inputs {', '.join(inputs)} and the outputs {', '.join(outputs)}"
    states = described.get("states") or {}
    if kind.is_streamed and not states:
        raise UserError(
            f'{has}: say in its description which of them are states, "states": {{"INPUT": "OUTPUT", ...}}, or leave '
            f'"step" out'
        )
    for pair in states.items():
        for name, known, what in zip(pair, (inputs, outputs), ("input", "output"), strict=True):
            if name not in known:
                raise UserError(f'{has}; "states" of its description names the {what} {name!r}, which is none of them')
    features = [name for name in inputs if name not in states]
    answers = [name for name in outputs if name not in states.values()]
    if len(features) != 1 or len(answers) != 1:
        needed = "one of each is needed beside its states" if states else "one of each is needed"
        raise UserError(
            f"{has}; {needed}: --input-value NAME=NUMBER makes a constant of an input, leave other outputs out of the "
            f"export"
        )
    check_states(proto, states, path)
    return Tensors(features[0], answers[0], {f"{STATE}{n}": pair for n, pair in enumerate(states.items())})


def check_states(proto: onnx.ModelProto, states: Mapping[str, str], path: Path) -> None:
    """Raise UserError unless each state comes out as it goes in."""
    if not states:
        return
    graph = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    shapes = {value.name: named(value).shape for value in (*graph.input, *graph.output)}
    kinds = {value.name: value.type.tensor_type.elem_type for value in graph.input}
    for given, renewed in states.items():
        known = shapes[renewed] and 0 not in shapes[renewed]
        if known and shapes[renewed] != shapes[given]:
            raise UserError(
                f"{path}: the state {given} has the shape {shapes[given]}, what follows it, {renewed}, has "
                f"{shapes[renewed]}: name the output that is the next step's {given}"
            )
        if kinds[given] not in (1, 10, 11, 16):  # float32, float16, double, bfloat16
            named_kind = onnx.TensorProto.DataType.Name(kinds[given])
            raise UserError(f"{path}: the state {given} is of {named_kind}: a state is made of floats, zero at first")
