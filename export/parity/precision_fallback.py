"""The files of all models of a bundle, each compared with Keras; what takes the place of int8 that is too coarse."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge.bundle.model import DENOISER
from edge.errors import UserError
from export.convert.files import Conversion, Progress, convert, less_quantised, with_layers_in_float
from export.model import SourceModel
from export.onnx_model import OnnxModel
from export.parity.evidence import Evidence
from export.parity.measure import Measured, measure
from export.precision.choice import layers_to_leave
from export.targets import Target


@dataclass(frozen=True)
class ExportedModel:
    """A model with its files."""

    evidence: Evidence
    conversion: Conversion
    measured: Measured
    reason: str | None  # why a file is of another precision than the target's

    @property
    def model(self) -> SourceModel:
        return self.evidence.model

    @property
    def violations(self) -> list[str]:
        """Every bound that a file does not keep."""
        return [text for row in self.measured.rows for text in row["violations"]]


def export_models(gathered: list[Evidence], target: Target, progress: Progress) -> list[ExportedModel]:
    """The files of all models, compared with Keras. Raises UserError."""
    exported: list[ExportedModel] = []
    denoiser = None
    try:
        for evidence in gathered:
            before = denoiser if evidence.model.is_denoised else None
            exported.append(convert_and_measure(evidence, target, before, progress))
            denoiser = exported[-1] if evidence.model.role == DENOISER else denoiser
        spoiled = [item.model.title for item in exported if item.model.is_denoised and item.violations]
        if spoiled and denoiser.reason is None:
            exported = behind_another(exported, denoiser, f"{' and '.join(spoiled)} behind it", target, progress)
    except OSError as error:
        raise UserError(f"cannot write a temporary file ({error.strerror}): free space or set TMPDIR") from error
    return exported


def convert_and_measure(
    evidence: Evidence, target: Target, denoiser: ExportedModel | None, progress: Progress
) -> ExportedModel:
    """The files of a model, compared with Keras; behind the exported denoiser too where the device has it there.

    A less quantised file takes the place of int8 that is outside its bounds.
    """
    model = evidence.model
    conversion = convert(model, target, evidence.feeds, progress)
    progress(f"{model.title}: comparing with the {model.origin} model on {len(evidence.reference)} frames")
    denoised = denoiser.measured.answers if denoiser else None
    result = ExportedModel(evidence, conversion, measure(conversion.files, evidence, denoised), None)
    first = outside(result)
    return with_fallback(result, why(result, first), denoised, progress) if first is not None else result


def outside(item: ExportedModel) -> int | None:
    """The number of the first file that does not keep its bounds."""
    return next((n for n, row in enumerate(item.measured.rows) if row["violations"]), None)


def why(item: ExportedModel, number: int) -> str:
    """What bounds a file does not keep."""
    return ", ".join(item.measured.rows[number]["violations"])


def with_fallback(
    item: ExportedModel, why: str, denoised: Mapping[str, np.ndarray] | None, progress: Progress
) -> ExportedModel:
    """The model with another file for the one that is outside its bounds, or as it is where there is no other.

    First the layers that int8 costs most are left in float; where that does not help, all of it is less quantised.
    """
    number = outside(item)  # none where it is the experts behind a denoiser that do not stand its int8
    first = item.conversion.files[number or 0]
    is_int8 = first.file.precision == "int8" and number == 0
    spared = with_fewer_layers(item, why, denoised, progress) if is_int8 else None
    if spared is not None:
        return spared
    other = less_quantised(item.conversion, first, item.model, item.evidence.feeds, progress)
    if other is None:
        return item
    all_of_it = "with all of its int8 " if first.file.precision == "int8" else ""
    reason = item.reason or f"{first.path} {all_of_it}was outside its bounds: {why}"
    result = ExportedModel(item.evidence, other, measure(other.files, item.evidence, denoised), reason)
    return with_fallback(result, why, denoised, progress) if outside(result) is not None else result


def with_fewer_layers(
    item: ExportedModel, why: str, denoised: Mapping[str, np.ndarray] | None, progress: Progress
) -> ExportedModel | None:
    """The model with some layers of its int8 file in float; None where that does not keep the bounds either."""
    model, feeds, path = item.model, item.evidence.feeds, item.conversion.files[0].path
    of_onnx = isinstance(model.fixed, OnnxModel)
    if item.reason or of_onnx and item.conversion.files[0].file.kind == "tflite":
        return None
    for layers in layers_to_leave(item.conversion, item.evidence, item.conversion.files[0].file.bounds):
        other = with_layers_in_float(item.conversion, model, feeds, layers, progress)
        measured = measure(other.files, item.evidence, denoised)
        if not measured.rows[0]["violations"]:
            reason = (
                f"{path} leaves {', '.join(layers)} in float; with all of its int8 it was outside its bounds: {why}"
            )
            return ExportedModel(item.evidence, other, measured, reason)
    return None


def behind_another(
    exported: list[ExportedModel], denoiser: ExportedModel, why: str, target: Target, progress: Progress
) -> list[ExportedModel]:
    """The models with a less quantised denoiser, for experts that do not stand what int8 makes of their frames."""
    other = with_fallback(denoiser, why, None, progress)
    if other is denoiser:
        return exported
    again = {id(denoiser): other}
    for item in exported:
        if item.model.is_denoised:
            again[id(item)] = convert_and_measure(item.evidence, target, other, progress)
    return [again.get(id(item), item) for item in exported]
