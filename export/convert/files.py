"""A target's files from a Keras model: TFLite, ONNX in three precisions, a calibration cache."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge.errors import UserError
from export.convert.answers import check_graph_gives_logits
from export.convert.calibration_cache import cache_text
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.keras_to_tflite import keras_to_tflite
from export.convert.layer_names import is_within, layer_names
from export.convert.onnx_fp16 import to_fp16
from export.convert.onnx_fp16_storage import with_fp16_storage
from export.convert.onnx_int8 import DENSE, Quantised, graph_of, quantise
from export.convert.onnx_uint8_storage import with_uint8_storage
from export.convert.weight_rounding import rounded_dense_weights
from export.model import SourceModel
from export.networks import Feed, attends
from export.onnx_model import OnnxModel
from export.precision.sensitivity import LayerError, layer_errors, products_by_layer
from export.targets import DYNAMIC, HALF_WEIGHTS, ONNX_FP32, ONNX_TYPED, WHOLE, ModelFile, Target
from export.tensorrt_lint import Finding, dla_findings, lint

Progress = Callable[[str], None]
GENTLER = {  # what takes the place of a file
    ("tflite", "int8"): DYNAMIC,
    ("tflite", "int16x8"): DYNAMIC,
    ("tflite", "dynamic"): HALF_WEIGHTS,
    ("tflite", "fp16"): WHOLE,
}


@dataclass(frozen=True)
class Exported:
    """One converted file."""

    file: ModelFile
    path: str  # inside the bundle
    content: bytes


@dataclass(frozen=True)
class Conversion:
    """All files of a target, the fp32 ONNX they are described by, and how int8 ranges were chosen, if they were."""

    files: list[Exported]
    fp32_onnx: bytes
    ranges: Quantised | None
    tolerance: float  # by which the bounds of the files are widened
    layers: list[LayerError]  # what each costs when it alone is lowered; of fp32 none
    in_float: tuple[str, ...] = ()  # layers that are not lowered
    dla: list[Finding] | None = None  # what a DLA would leave to the GPU; None: not asked


def convert(model: SourceModel, target: Target, feeds: Sequence[Feed], progress: Progress) -> Conversion:
    """Make every file of the target; feeds: what int8 ranges are taken from.

    Raises UserError when the model does not convert, or when TensorRT would not import a file.
    """
    progress(f"{model.title}: converting to fp32 ONNX")
    fp32_onnx = checked_onnx(model, target)
    ranges = None
    spared = node_names(fp32_onnx, model, target.in_float)
    if target.tensorrt is not None and target.precision == "int8":
        progress(f"{model.title}: calibrating int8 ranges on {len(feeds)} frames")
        ranges = quantise(fp32_onnx, feeds, in_float=spared)
    makers = {
        # TensorRT 8.2 takes weights as they are; onnxruntime casts them when it loads the file.
        ("onnx", "fp32"): lambda: small_storage(fp32_onnx) if target.tensorrt is None else fp32_onnx,
        ("onnx_fp32", "fp32"): lambda: fp32_onnx,
        ("onnx_typed", "fp16"): lambda: to_fp16(fp32_onnx, spared),
        ("onnx", "int8"): lambda: ranges.content,
        ("calibration_cache", "int8"): lambda: cache_text(ranges.scales).encode(),
    }
    files = []
    for file in target.files:
        if file.kind == "tflite":
            progress(f"{model.title}: converting to {file.precision} TFLite")
            content = tflite(model, fp32_onnx, file.precision, feeds, target.in_float)
        else:
            content = makers[file.kind, file.precision]()
        if file.kind.startswith("onnx"):
            check_importable(content, target)
        files.append(Exported(file, f"{model.title}.{file.name}", content))
    layers = layer_errors(fp32_onnx, layer_names(model.fixed), feeds) if target.precision != "fp32" else []
    left = dla_findings(fp32_onnx) if target.dla else None
    return Conversion(files, fp32_onnx, ranges, target.tolerance, layers, target.in_float, left)


def tflite(
    model: SourceModel, fp32_onnx: bytes, precision: str, feeds: Sequence[Feed], in_float: Sequence[str] = ()
) -> bytes:
    """A TFLite file; of dynamic range, with weights that are rounded with care."""
    if precision != "dynamic":
        return keras_to_tflite(model.fixed, precision, feeds, in_float)
    with rounded_dense_weights(model.fixed, fp32_onnx, feeds) as rounded:
        try:
            return keras_to_tflite(rounded, precision, feeds, in_float)
        except UserError:
            if rounded is model.fixed or isinstance(model.fixed, OnnxModel):
                raise
            return keras_to_tflite(model.fixed, precision, feeds, in_float)  # from ONNX it does not convert


def node_names(fp32_onnx: bytes, model: SourceModel, layers: Collection[str]) -> set[str]:
    """The nodes with weights of some layers."""
    if not layers:
        return set()
    by_layer = products_by_layer(fp32_onnx, layer_names(model.fixed))
    return {node.name for layer, nodes in by_layer.items() if is_within(layer, layers) for node in nodes}


def with_layers_in_float(
    conversion: Conversion, model: SourceModel, feeds: Sequence[Feed], layers: tuple[str, ...], progress: Progress
) -> Conversion:
    """The conversion with another int8 file, its first, that leaves some layers in float."""
    first = conversion.files[0]
    progress(f"{first.path} is outside its bounds: leaving in float {', '.join(layers)}")
    if first.file.kind == "tflite":
        content = tflite(model, conversion.fp32_onnx, "int8", feeds, layers)
        files = [replace(first, content=content), *conversion.files[1:]]
        return replace(conversion, files=files, in_float=layers)
    ranges = quantise(conversion.fp32_onnx, feeds, in_float=node_names(conversion.fp32_onnx, model, layers))
    files = with_ranges(conversion.files, ranges, {first.path: replace(first, content=ranges.content)})
    return replace(conversion, files=files, ranges=ranges, in_float=layers)


def with_ranges(files: list[Exported], ranges: Quantised, replaced: dict[str, Exported]) -> list[Exported]:
    """Files, some replaced by path, with the calibration cache of other ranges."""
    cache = {
        item.path: replace(item, content=cache_text(ranges.scales).encode())
        for item in files
        if item.file.kind == "calibration_cache"
    }
    return [{**replaced, **cache}.get(item.path, item) for item in files]


def checked_onnx(model: SourceModel, target: Target) -> bytes:
    """The fp32 ONNX file of a model. Raises UserError when it gives no logits, or when TensorRT would not import it."""
    content = keras_to_onnx(model.fixed)
    if model.kind.gives_logits:
        check_graph_gives_logits(content)
    check_importable(content, target)
    return content


def small_storage(fp32_onnx: bytes) -> bytes:
    """The same network, its weights stored in as few bytes as hold them exactly."""
    return with_uint8_storage(with_fp16_storage(fp32_onnx))


def less_quantised(
    conversion: Conversion, item: Exported, model: SourceModel, feeds: Sequence[Feed], progress: Progress
) -> Conversion | None:
    """The conversion with another file for one that is outside its bounds; None when there is none.

    Of int8 TFLite it is the dynamic-range file, of that the one with weights of half precision, of that fp32. Of the
    Q/DQ file of a network with attention, first only dense layers stay int8; then all is FP16, as for jetson-fp16; of
    that, fp32.
    """
    ranges, given = conversion.ranges, (item.file.kind, item.file.precision)
    if given in GENTLER:
        file = GENTLER[given]
        progress(f"{item.path} is outside its bounds: converting to {file.precision} TFLite instead")
        content = tflite(model, conversion.fp32_onnx, file.precision, feeds)
        other = Exported(file.widened(conversion.tolerance), f"{model.title}.{file.name}", content)
    elif given == ("onnx", "int8") and attends(graph_of(conversion.fp32_onnx)) and ranges.kinds != DENSE:
        progress(f"{item.path} is outside its bounds: leaving convolutions in float")
        ranges = quantise(conversion.fp32_onnx, feeds, DENSE)
        other = replace(item, content=ranges.content)
    elif given == ("onnx", "int8"):
        progress(f"{item.path} is outside its bounds: leaving all to FP16")
        contents = {ONNX_FP32: conversion.fp32_onnx, ONNX_TYPED: to_fp16(conversion.fp32_onnx)}
        files = [
            Exported(file.widened(conversion.tolerance), f"{model.title}.{file.name}", content)
            for file, content in contents.items()
        ]
        return replace(conversion, files=files, ranges=None, in_float=())
    elif item.file.kind == ONNX_TYPED.kind:
        progress(f"{item.path} is outside its bounds: leaving all to FP32")
        files = [file for file in conversion.files if file.file.kind != ONNX_TYPED.kind]
        return replace(conversion, files=files, in_float=())
    else:
        return None
    replaced = {item.path: other}
    if ranges is not conversion.ranges:
        return replace(conversion, files=with_ranges(conversion.files, ranges, replaced), ranges=ranges, in_float=())
    files = [replaced.get(file.path, file) for file in conversion.files]
    return replace(conversion, files=files, in_float=())


def check_importable(onnx: bytes, target: Target) -> None:
    """Raise UserError, naming every finding, when the target's TensorRT would not import the file."""
    findings = [] if target.tensorrt is None else lint(onnx, tensorrt=target.tensorrt)
    if findings:
        raise UserError(f"the model cannot run on {target.name}: " + "; ".join(str(finding) for finding in findings))


def kernel_parameters(model: Any) -> int:
    """How many numbers the kernels of a Keras model hold: what no conversion can do without."""
    return sum(int(np.prod(weight.shape)) for weight in model.weights if len(weight.shape) >= 2)
