"""Somebody's ONNX network as the device feeds it: its axes, and the names of its tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edge.errors import UserError
from export.kinds.kind import ModelKind
from export.networks import INPUT_NAME, NEW
from export.onnx_model import named
from export.sources.onnx_file import Tensors

COLUMNS_FIRST, BANDS_FIRST = "columns_bands", "bands_columns"
FLOAT = onnx.TensorProto.FLOAT


@dataclass(frozen=True)
class FeatureAxes:
    """How a feature (1, columns, bands, 1) lies in a network's input."""

    shape: tuple[int, ...]
    bands_first: bool


def feature_axes(shape: tuple[int, ...], described: Mapping[str, Any], kind: ModelKind, path: Path) -> FeatureAxes:
    """Told by the sizes; where both are alike model.json says it, "axes". Raises UserError."""
    columns, bands, _ = kind.fed_shape(described)
    sizes = [n for n in shape if n != 1]
    axes = described.get("axes")
    fits = {
        COLUMNS_FIRST: sizes == [n for n in (columns, bands) if n != 1],
        BANDS_FIRST: sizes == [n for n in (bands, columns) if n != 1],
    }
    if axes is not None and fits.get(axes):
        return FeatureAxes(shape, axes == BANDS_FIRST)
    if axes is None and columns == bands != 1 and fits[BANDS_FIRST]:
        raise UserError(
            f"{path} takes {columns} x {bands}, which may be either way round: say in its description which axis comes "
            f'first, "axes": "{COLUMNS_FIRST}" or "{BANDS_FIRST}"'
        )
    if axes is not None or not any(fits.values()):
        what = "a step of it has" if kind.is_streamed else "its feature gives"
        raise UserError(
            f"{path} takes an input of shape {shape}, {what} {columns} columns of {bands} bands"
            + (f', "axes" is {axes!r}' if axes else "")
            + ": describe the feature that it was trained on"
        )
    return FeatureAxes(shape, not fits[COLUMNS_FIRST])


def as_the_device_feeds(
    content: bytes,
    tensors: Tensors,
    axes: FeatureAxes,
    described: Mapping[str, Any],
    kind: ModelKind,
    path: Path,
) -> bytes:
    """The network from (1, columns, bands, 1), and states, to one logit for each label, by the names of its kind."""
    model = onnx.load_from_string(content)
    graph = model.graph
    names = rename(graph, tensors.states, (INPUT_NAME, kind.output_name))
    given, answer = names.get(tensors.feature, tensors.feature), names.get(tensors.answer, tensors.answer)
    fed, wanted = (1, *kind.fed_shape(described)), (1, *kind.output_shape(described))
    check_answer(model, answer, wanted, path)
    before = [reshape(INPUT_NAME if not axes.bands_first else "features/turned", given, axes.shape, graph)]
    if axes.bands_first:
        turn = onnx.helper.make_node("Transpose", [INPUT_NAME], ["features/turned"], "features/turn", perm=[0, 2, 1, 3])
        before.insert(0, turn)
    after = reshape(answer, kind.output_name, wanted, graph)
    value = onnx.helper.make_tensor_value_info
    states = {v.name: named(v).shape for v in graph.input if v.name in tensors.states}
    renewed = onnx.helper.make_graph(
        [*before, *graph.node, after],
        "network",
        [value(INPUT_NAME, FLOAT, fed), *(value(name, FLOAT, states[name]) for name in tensors.states)],
        [value(kind.output_name, FLOAT, wanted), *(value(NEW + name, FLOAT, states[name]) for name in tensors.states)],
        graph.initializer,
    )
    model = onnx.helper.make_model(renewed, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def check_answer(model: onnx.ModelProto, answer: str, wanted: tuple[int, ...], path: Path) -> None:
    """Raise UserError unless what the network says has the numbers that its description tells of."""
    outputs = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output
    found = next(named(value).shape for value in outputs if value.name == answer)
    if found and 0 not in found and np.prod(found) != np.prod(wanted):
        raise UserError(
            f"{path} gives an output of shape {found}, its description has the shape {wanted}: one logit per label "
            f"is needed"
        )


def reshape(source: str, result: str, shape: tuple[int, ...], graph: Any) -> Any:
    """A Reshape node; its shape goes into the graph."""
    name = f"{result}/shape"
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape, np.int64), name))
    return onnx.helper.make_node("Reshape", [source, name], [result], f"{result}/Reshape")


def rename(graph: Any, states: Mapping[str, tuple[str, str]], reserved: tuple[str, ...]) -> dict[str, str]:
    """Give the states our names, and the file's own tensors that have one of ours another; returns old to new."""
    ours = {given: name for name, (given, _) in states.items()}
    ours |= {renewed: NEW + name for name, (_, renewed) in states.items()}
    names = {name: f"{name}/given" for name in (*reserved, *ours.values())} | ours
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for place in (node.input, node.output):
            place[:] = [names.get(name, name) for name in place]
    return names
