"""Load an ONNX file, or a PyTorch program by way of one: its shapes fixed, its axes put as the device feeds them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.onnx_import import fix_inputs, import_onnx
from export.convert.onnx_import.precision import computes_in_half
from export.convert.quiet import quiet
from export.fixed_inputs import Fixed
from export.kinds.kind import ModelKind
from export.model import SourceModel
from export.networks import INPUT_NAME
from export.onnx_model import OnnxModel, named
from export.sources.torch_program import program_to_onnx

ONNX, PROGRAM = ".onnx", ".pt2"
MOST_BYTES = 2_000_000_000
BANDS_FIRST = "bands_columns"


def load_foreign(path: Path, description: dict[str, Any], kind: ModelKind, fixed: Fixed) -> SourceModel:
    """A model from an ONNX file or a PyTorch program. Raises UserError."""
    for key in ("graph", "layers"):
        if description[key]:
            raise UserError(f"{path}: {key!r} of its description is for Keras models: leave it out")
    proto = program_to_onnx(path) if path.suffix == PROGRAM else read_onnx(path)
    half = computes_in_half(proto)
    proto = fix_inputs(proto, fixed, str(path))
    check_one_to_one(proto, path)
    moves = feature_axes(named(proto.graph.input[0]).shape, description, kind, path)
    content = as_the_device_feeds(import_onnx(proto, str(path)), moves, description, kind, path)
    original = OnnxModel(proto.SerializeToString(), moves.feed, kind.output_shape(description), half)
    return SourceModel(path.parent, description, kind, original, OnnxModel(content))


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


def check_one_to_one(proto: onnx.ModelProto, path: Path) -> None:
    """Raise UserError unless one tensor goes in and one comes out."""
    inputs, outputs = ([value.name for value in values] for values in (proto.graph.input, proto.graph.output))
    if len(inputs) != 1 or len(outputs) != 1:
        raise UserError(
            f"{path} has the inputs {', '.join(inputs)} and the outputs {', '.join(outputs)}; one of each is needed: "
            f"--input-value NAME=NUMBER makes a constant of an input, leave other outputs out of the export"
        )


class FeatureAxes:
    """How a feature (1, columns, bands, 1) lies in a network's input."""

    def __init__(self, shape: tuple[int, ...], bands_first: bool) -> None:
        self.shape, self.bands_first = shape, bands_first

    def feed(self, x: np.ndarray) -> np.ndarray:
        return (x.swapaxes(1, 2) if self.bands_first else x).reshape(self.shape)


def feature_axes(shape: tuple[int, ...], described: Mapping[str, Any], kind: ModelKind, path: Path) -> FeatureAxes:
    """Told by the sizes; where both are alike model.json says it, "axes". Raises UserError."""
    columns, bands, _ = kind.input_shape(described)
    sizes = [n for n in shape if n != 1]
    axes = described.get("axes")
    fits = {
        "columns_bands": sizes == [n for n in (columns, bands) if n != 1],
        BANDS_FIRST: sizes == [n for n in (bands, columns) if n != 1],
    }
    if axes is not None and fits.get(axes):
        return FeatureAxes(shape, axes == BANDS_FIRST)
    if axes is None and columns == bands != 1 and fits[BANDS_FIRST]:
        raise UserError(
            f"{path} takes {columns} x {bands}, which may be either way round: say in its description which axis comes "
            f'first, "axes": "columns_bands" or "{BANDS_FIRST}"'
        )
    if axes is not None or not any(fits.values()):
        raise UserError(
            f"{path} takes an input of shape {shape}, its feature gives {columns} columns of {bands} bands"
            + (f', "axes" is {axes!r}' if axes else "")
            + ": describe the feature that it was trained on"
        )
    return FeatureAxes(shape, not fits["columns_bands"])


def as_the_device_feeds(
    content: bytes, axes: FeatureAxes, described: Mapping[str, Any], kind: ModelKind, path: Path
) -> bytes:
    """The network from (1, columns, bands, 1) to one logit for each label, by the names of its kind."""
    model = onnx.load_from_string(content)
    graph = model.graph
    rename_clashing(graph, (INPUT_NAME, kind.output_name))
    given, answer = graph.input[0].name, graph.output[0].name
    fed, wanted = (1, *kind.input_shape(described)), (1, *kind.output_shape(described))
    found = named(onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output[0]).shape
    if found and 0 not in found and np.prod(found) != np.prod(wanted):
        raise UserError(
            f"{path} gives an output of shape {found}, its description has the shape {wanted}: one logit per label "
            f"is needed"
        )
    before = [reshape(INPUT_NAME if not axes.bands_first else "features/turned", given, axes.shape, graph)]
    if axes.bands_first:
        turn = onnx.helper.make_node("Transpose", [INPUT_NAME], ["features/turned"], "features/turn", perm=[0, 2, 1, 3])
        before.insert(0, turn)
    after = reshape(answer, kind.output_name, wanted, graph)
    nodes = [*before, *graph.node, after]
    value = onnx.helper.make_tensor_value_info
    renewed = onnx.helper.make_graph(
        nodes,
        "network",
        [value(INPUT_NAME, onnx.TensorProto.FLOAT, fed)],
        [value(kind.output_name, onnx.TensorProto.FLOAT, wanted)],
        graph.initializer,
    )
    model = onnx.helper.make_model(renewed, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def reshape(source: str, result: str, shape: tuple[int, ...], graph: Any) -> Any:
    """A Reshape node; its shape goes into the graph."""
    name = f"{result}/shape"
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape, np.int64), name))
    return onnx.helper.make_node("Reshape", [source, name], [result], f"{result}/Reshape")


def rename_clashing(graph: Any, names: tuple[str, ...]) -> None:
    """Give the file's own tensors other names than those that are to come."""
    taken = {name: f"{name}/given" for name in names}
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = taken.get(value.name, value.name)
    for node in graph.node:
        for place in (node.input, node.output):
            place[:] = [taken.get(name, name) for name in place]
