"""The export, top to bottom: load, convert, prove, write."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.bundle import Bundle
from edge.bundle.model import DENOISER, DETECTOR
from edge.errors import UserError
from edge.frames import FRAME_HOP_S
from edge.versions import installed_versions
from export.bundle_writer import bundle_manifest, check_out, write_bundle
from export.convert.answers import check_values_are_logits
from export.convert.files import Progress, checked_onnx
from export.convert.layer_names import layer_names
from export.convert.tflite_process import CONVERTER
from export.fixed_inputs import Fixed
from export.kinds.registry import find_kind
from export.onnx_model import OnnxModel
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.parity.evidence import Evidence
from export.parity.measure import bounds_of
from export.parity.own_frames import Recordings
from export.parity.precision_fallback import ExportedModel, export_models
from export.precision.sensitivity import products_by_layer
from export.report.bundle_report import PACKAGES, html_report
from export.report.cost import onnx_cost
from export.sources.model_set import ModelSet, load_models
from export.targets import Target
from export.tensorrt_lint import dla_findings

NO_TENSORRT = (
    "No TensorRT engine was built: files were compared in the engine named. The fp16-typed file, with every tensor "
    "rounded to half precision, stands for what FP16 does in TensorRT, the Q/DQ file for INT8; the device builds the "
    "engine itself."
)
WIDER = "--tolerance {:g}: every bound but that of label agreement is as many times as wide as the target's."


def export_bundle(
    target: Target,
    model_dir: Path,
    calibration_dir: Path,
    out: Path,
    progress: Progress,
    dry_run: bool = False,
    trusted: bool = False,
    fixed_inputs: Fixed | None = None,
    recordings: Path | None = None,
) -> dict[str, Any]:
    """Export trained models as a bundle for a target.

    Returns the report, whose "written" says whether there is a bundle: none when a file is outside its bounds
    ("violations" says by how much), or for a dry run, which checks and lints but converts nothing that it keeps.
    trusted: code that comes with the models may run. fixed_inputs: of an ONNX file. recordings: what a detector
    is calibrated and compared on, instead of tensors.
    Raises UserError.
    """
    if not dry_run:
        check_out(out)
    progress(f"loading {model_dir}")
    sources = load_models(model_dir, trusted, fixed_inputs)
    check_layers(sources, target.in_float)
    if not dry_run and any(file.kind == "tflite" for file in target.files):
        CONVERTER.running()  # it loads TensorFlow beside what comes first
    report = beginning(target, sources, out)
    gathered = []
    for model in sources.models:  # the detector that ships is judged on what it came with
        data: Path | Recordings = DEFAULT_CALIBRATION_DIR if model is sources.borrowed else calibration_dir
        if recordings is not None and model.role == DETECTOR and model is not sources.borrowed:
            data = Recordings(recordings)
        gathered.append(model.kind.evidence(model, sources.models, data))
    for evidence in gathered:
        describe(report, evidence)
        if evidence.model.kind.gives_logits:
            report["warnings"] += check_values_are_logits(evidence.reference, str(evidence.model.directory))
    exported = []
    if dry_run:
        for model in sources.models:
            progress(f"{model.title}: linting")
            content = checked_onnx(model, target)
            for finding in dla_findings(content) if target.dla else []:
                progress(f"{model.title}: {finding}")
    else:
        exported = export_models(gathered, target, progress)
        for number, item in enumerate(exported):
            describe_network(report, number, item, item.model.kind.answers_every_s(item.model, sources.models))
    warn_of_budgets(report)
    for warning in report["warnings"]:
        progress(f"warning: {warning}")
    if dry_run or any(file["violations"] for file in report["files"]):
        return report
    write(sources, target, exported, report, out)
    report["written"] = True
    return report


def check_layers(sources: ModelSet, chosen: Sequence[str]) -> None:
    """Raise UserError when a layer that is to stay in float is in none of the models."""
    known = [name for model in sources.models for name in layer_names(model.fixed) or weighty_nodes(model.fixed)]
    for layer in chosen:
        if layer not in known and layer.rpartition("/")[2] not in known:
            near = difflib.get_close_matches(layer, known, 3) or [*known[:5], "..."]
            raise UserError(f"--keep-float {layer}: no layer has that name; there are {', '.join(near)}")


def weighty_nodes(model: OnnxModel) -> list[str]:
    """The names of an ONNX file's nodes with weights."""
    return list(products_by_layer(model.content, []))


def beginning(target: Target, sources: ModelSet, out: Path) -> dict[str, Any]:
    """What the report holds before anything is converted."""
    return {
        "target": target.name,
        "out": str(out),
        "written": False,
        "models": [],
        "fusion": sources.fusion,
        "warnings": list(sources.warnings),
        "tolerance": target.tolerance,
        "notes": [NO_TENSORRT] * (target.tensorrt is not None)
        + [WIDER.format(target.tolerance)] * (target.tolerance > 1)
        + [f"Every ONNX file was linted for TensorRT {target.tensorrt}."] * (target.tensorrt is not None)
        + [f"Kept in float: {', '.join(target.in_float)}."] * bool(target.in_float),
        "versions": installed_versions(PACKAGES),
    }


def describe(report: dict[str, Any], evidence: Evidence) -> None:
    """Add a model, and what is said of all that are like it."""
    model = evidence.model
    report["models"].append(
        {
            "title": model.title,
            "origin": model.origin,
            **{key: model.description[key] for key in ("name", "version", "role")},
            "labels": model.description.get("labels", []),
            "parameters": model.trained.count_params(),
            **evidence.about,
        }
    )
    report["warnings"] += evidence.warnings
    report["notes"] += [note for note in evidence.notes if note not in report["notes"]]


def describe_network(report: dict[str, Any], number: int, exported: ExportedModel, every_s: float) -> None:
    """Add a model's files, parameters, multiply-adds, operators and, for int8, how the ranges were chosen."""
    cost = onnx_cost(exported.conversion.fp32_onnx)
    entry = report["models"][number]
    entry.update(
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        multiply_adds_per_hop=round(cost.multiply_adds * FRAME_HOP_S / every_s),
        operators=cost.operators,
    )
    report.setdefault("files", []).extend(exported.measured.rows)
    entry["layers"] = [asdict(layer) for layer in exported.conversion.layers]
    entry["in_float"] = list(exported.conversion.in_float)
    if exported.reason:
        entry["precision_reason"] = exported.reason
        report["notes"].append(f"{entry['title']}: {exported.reason}.")
    if exported.conversion.dla is not None:
        entry["dla"] = [str(finding) for finding in exported.conversion.dla]
        report["notes"] += [f"{entry['title']}: {text}." for text in entry["dla"]] or [
            f"{entry['title']}: a DLA runs all of it."
        ]
    ranges = exported.conversion.ranges
    if ranges is not None:
        entry["int8_ranges"] = {
            "tensors": len(ranges.scales),
            "percentile": ranges.percentile,
            "mean_logit_error_by_percentile": {f"{p:g}": e for p, e in ranges.mean_logit_error.items()},
        }


def warn_of_budgets(report: dict[str, Any]) -> None:
    """Add what is too large or too slow for a board. A denoiser counts with the experts behind it."""
    denoiser: dict[str, Any] = next((model for model in report["models"] if model["role"] == DENOISER), {})
    for model in report["models"]:
        together = [model, denoiser] if model.get("denoised") else [model]
        budget = find_kind(model["role"], None).budget_multiply_adds
        over = sum(part.get("multiply_adds_per_hop", 0) for part in together) - (budget or 0)
        if budget is not None and over > 0:
            name = " and ".join(part["title"] for part in together)
            are = "are" if len(together) > 1 else "is"
            report["warnings"].append(f"{name} {are} {over:,} multiply-adds a hop over the budget of its role")
    roles = {model["title"]: model["role"] for model in report["models"]}
    for file in report.get("files", []):
        if file["over_budget_bytes"]:
            over = f"{file['over_budget_bytes']:,} bytes"
            report["warnings"].append(f"{file['path']} is {over} over the budget of its role, {roles[file['model']]}")


def write(sources: ModelSet, target: Target, exported: list[ExportedModel], report: dict[str, Any], out: Path) -> None:
    """Write the bundle with its reports. Raises UserError; nothing is left behind then."""
    models = [(item.model, item.conversion.files) for item in exported]
    contents = {item.path: item.content for _, files in models for item in files}
    kept = {key: value for key, value in report.items() if key not in ("out", "written")}  # a bundle may move
    contents["report.json"] = (json.dumps(kept, indent=1) + "\n").encode()
    contents["report.html"] = html_report(report).encode()

    def check(bundle: Bundle) -> None:
        for item in exported:
            # The device runs the first file, or on a machine without that engine the fp32 one, which is nearer.
            bounds = bounds_of(item.conversion.files[0], item.model, item.measured.rows[0])
            item.evidence.check_on_device(bundle, bounds)

    reasons = {item.model.title: item.reason for item in exported if item.reason}
    folders = [sources.directory, *(model.directory for model, _ in models)]
    write_bundle(out, bundle_manifest(models, target, sources.fusion, reasons), contents, folders, check)
