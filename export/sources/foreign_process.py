"""The process that reads somebody's ONNX file or PyTorch program, and runs it once. Run as a module, it serves jobs."""

import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.engines.base import one_line
from edge.errors import UserError
from export.child_process import Job, serve
from export.convert.onnx_import import fix_inputs, import_onnx
from export.convert.onnx_import.precision import computes_in_half
from export.convert.quiet import quiet
from export.fixed_inputs import Fixed
from export.networks import NEW, Feed
from export.onnx_model import OnnxModel, named
from export.sources.description import kind_of
from export.sources.onnx_file import read_onnx, tensors_of
from export.sources.onnx_wrapping import as_the_device_feeds, feature_axes
from export.sources.torch_program import program_to_onnx

PROGRAM = ".pt2"
FIELDS = ("origin", "feed_shape", "bands_first", "answer", "answer_shape", "states", "is_half")  # that JSON holds


def answer_to(job: Job) -> Job:
    """Write the file of fixed shapes and the network that is exported, or say why there are none."""
    try:
        fixed = Fixed({name: tuple(shape) for name, shape in job["shapes"].items()}, job["values"])
        original, network = read_foreign(Path(job["path"]), job["description"], fixed)
        Path(job["original"]).write_bytes(original.content)
        Path(job["network"]).write_bytes(network)
        return {key: getattr(original, key) for key in FIELDS}
    except UserError as error:
        return {"error": str(error)}
    except Exception:  # the other process ends with it, as with a fault of its own
        return {"internal": traceback.format_exc()}


def read_foreign(path: Path, description: dict[str, Any], fixed: Fixed) -> tuple[OnnxModel, bytes]:
    """The model as it came, but of fixed shapes, and the network from the device's feature to its answer.

    Raises UserError.
    """
    kind = kind_of(description)
    is_program = path.suffix == PROGRAM
    proto = fix_inputs(program_to_onnx(path) if is_program else read_onnx(path), fixed, str(path))
    tensors = tensors_of(proto, description, kind, path)
    shapes = {value.name: named(value).shape for value in proto.graph.input}
    axes = feature_axes(shapes[tensors.feature], description, kind, path)
    original = OnnxModel(
        proto.SerializeToString(),
        origin="PyTorch" if is_program else "ONNX",
        feed_shape=axes.shape,
        bands_first=axes.bands_first,
        answer=tensors.answer,
        answer_shape=kind.output_shape(description),
        states=tensors.states,
        is_half=computes_in_half(proto),
    )
    imported = import_onnx(proto, str(path))  # from here on the proto is of single precision
    content = as_the_device_feeds(imported, tensors, axes, description, kind, path)
    network = OnnxModel(content, states={name: (name, NEW + name) for name in tensors.states})
    feed = {value.name: np.zeros(value.shape, np.float32) for value in network.inputs}
    try_once(network, feed, path)
    try:
        try_once(original, feed, path)
    except UserError:
        if not original.is_half:
            raise
        original = replace(original, content=proto.SerializeToString())  # onnxruntime has no such half precision
    return original, content


def try_once(network: OnnxModel, feed: Feed, path: Path) -> None:
    """Run it: what ends a process had better end this one. Raises UserError."""
    try:
        with quiet():
            network.network()(feed)
    except Exception as error:  # onnxruntime's own are many
        raise UserError(f"{path} does not run in onnxruntime ({one_line(error)}): export it again") from error


if __name__ == "__main__":
    serve(answer_to)
