"""The export, top to bottom: load, convert, prove, write."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from edge.decision.calibration import fit_temperature
from edge.errors import UserError
from export.bundle_writer import bundle_manifest, check_out, write_bundle
from export.calibration import Calibration, load_calibration
from export.convert import Conversion, Progress, check_importable, convert
from export.keras_to_onnx import keras_to_onnx, onnx_cost
from export.measure import check_on_device, check_source, measure
from export.metrics import calibration_error
from export.parity import Task, keras_logits, posteriors
from export.report import html_report, installed_versions
from export.source_model import SourceModel, load_source_model
from export.targets import Target

NO_TENSORRT = (
    "No TensorRT engine was built: files were compared in the engine named. The fp16-typed file, with every tensor "
    "rounded to half precision, stands for what FP16 does in TensorRT, the Q/DQ file for INT8; the device builds the "
    "engine itself."
)


def export_bundle(
    target: Target,
    model_dir: Path,
    calibration_dir: Path,
    out: Path,
    progress: Progress,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Export a trained model as a bundle for a target.

    Returns the report, whose "written" says whether there is a bundle: none when a file is outside its bounds
    ("violations" says by how much), or for a dry run, which checks and lints but converts nothing that it keeps.
    Raises UserError.
    """
    check_out(out)
    progress(f"loading {model_dir}")
    model = load_source_model(model_dir)
    calibration = load_calibration(calibration_dir, model)
    model, temperature = with_temperature(model, calibration)
    reference = keras_logits(model.trained, calibration.parity.inputs)
    warnings = check_source(model, reference, calibration.parity)
    for warning in warnings:
        progress(f"warning: {warning}")
    report = beginning(target, model, calibration, temperature, warnings, out)
    if dry_run:
        progress("linting")
        check_importable(keras_to_onnx(model.fixed), target)
        return report
    conversion = convert(model, target, calibration.quantise.inputs, progress)
    describe_network(report, conversion)
    progress(f"comparing with Keras on {len(reference)} frames")
    part = calibration.parity
    task = Task(part.labels, part.groups, model.description["decision"]["open_threshold"])
    try:
        report["files"] = measure(model, conversion.files, reference, part, task)
    except OSError as error:
        raise UserError(f"cannot write a temporary file ({error.strerror}): free space or set TMPDIR") from error
    for file in report["files"]:
        if file["over_budget_bytes"]:
            over = f"{file['over_budget_bytes']:,} bytes"
            progress(f"warning: {file['path']} is {over} over the budget of a {model.role}")
    if any(file["violations"] for file in report["files"]):
        return report
    # The device runs the first file, or on a machine without that engine the fp32 one, which is nearer.
    bounds = target.files[0].bounds
    write(
        model, target, conversion, report, out,
        lambda bundle: check_on_device(bundle, model, reference, part, task, bounds),
    )
    report["written"] = True
    return report


def with_temperature(model: SourceModel, calibration: Calibration) -> tuple[SourceModel, dict[str, Any]]:
    """The model with its own temperature, or with the one fitted on the temperature part; and what it does there."""
    part = calibration.temperature
    logits = keras_logits(model.trained, part.inputs)
    classes = part.labels.astype(int)
    fitted = model.temperature is None
    if fitted:
        if not np.isfinite(logits).all():
            raise UserError(f"{model.directory}: the Keras model itself gives NaN or infinite logits: train it again")
        model = model.with_temperature(round(fit_temperature(logits, classes), 4))
    return model, {
        "value": model.temperature,
        "fitted": fitted,
        "ece_before": calibration_error(posteriors(logits, 1.0), classes),
        "ece_after": calibration_error(posteriors(logits, model.temperature), classes),
    }


def beginning(
    target: Target,
    model: SourceModel,
    calibration: Calibration,
    temperature: dict[str, Any],
    warnings: list[str],
    out: Path,
) -> dict[str, Any]:
    """What the report holds before anything is converted."""
    return {
        "target": target.name,
        "out": str(out),
        "written": False,
        "model": {
            "name": model.description["name"],
            "version": model.description["version"],
            "role": model.role,
            "parameters": model.trained.count_params(),
        },
        "calibration": {
            name: {"frames": len(part.log_mel), "groups": len(set(part.groups))}
            for name, part in vars(calibration).items()
        },
        "temperature": temperature,
        "open_threshold": model.description["decision"]["open_threshold"],
        "warnings": warnings,
        "notes": [] if target.tensorrt is None else [NO_TENSORRT],
        "versions": installed_versions(),
    }


def describe_network(report: dict[str, Any], conversion: Conversion) -> None:
    """Add parameters, multiply-adds, operators and, for int8, how the ranges were chosen."""
    cost = onnx_cost(conversion.fp32_onnx)
    report["model"].update(
        parameters=cost.parameters, multiply_adds=cost.multiply_adds, operators=cost.operators
    )
    ranges = conversion.ranges
    if ranges is not None:
        report["int8_ranges"] = {
            "tensors": len(ranges.scales),
            "percentile": ranges.percentile,
            "mean_logit_error_by_percentile": {f"{p:g}": e for p, e in ranges.mean_logit_error.items()},
        }


def write(model: SourceModel, target: Target, conversion: Conversion, report: dict[str, Any], out: Path, check) -> None:
    """Write the bundle with its reports. Raises UserError; nothing is left behind then."""
    contents = {item.path: item.content for item in conversion.files}
    kept = {key: value for key, value in report.items() if key not in ("out", "written")}  # a bundle may move
    contents["report.json"] = (json.dumps(kept, indent=1) + "\n").encode()
    contents["report.html"] = html_report(report).encode()
    write_bundle(out, bundle_manifest(model, target, conversion.files), contents, model.directory, check)
