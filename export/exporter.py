"""The export, top to bottom: load, convert, prove, write."""

import json
from pathlib import Path
from typing import Any

from edge.bundle import Bundle
from edge.bundle.manifest import DETECTOR
from edge.errors import UserError
from export.bundle_writer import bundle_manifest, check_out, write_bundle
from export.convert import Conversion, Progress, check_importable, convert
from export.detector_evidence import detector_evidence
from export.evidence import Evidence
from export.expert_evidence import expert_evidence
from export.keras_to_onnx import keras_to_onnx, onnx_cost
from export.measure import measure
from export.report import html_report, installed_versions
from export.source_model import SourceModel
from export.sources import Sources, load_sources
from export.targets import BUDGET_MULTIPLY_ADDS, Target

HOP_S, COLUMN_S = 0.2, 0.015  # a detector answers once a hop, an expert's step takes so many columns
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
    """Export trained models as a bundle for a target.

    Returns the report, whose "written" says whether there is a bundle: none when a file is outside its bounds
    ("violations" says by how much), or for a dry run, which checks and lints but converts nothing that it keeps.
    Raises UserError.
    """
    check_out(out)
    progress(f"loading {model_dir}")
    sources = load_sources(model_dir)
    report = beginning(target, sources, out)
    exported: list[tuple[Evidence, Conversion]] = []
    for source in sources.models:
        evidence = gather(source, calibration_dir)
        describe(report, evidence)
        if dry_run:
            progress(f"{source.title}: linting")
            check_importable(keras_to_onnx(source.fixed), target)
            continue
        conversion = convert(evidence.model, target, evidence.feeds, progress)
        describe_network(report, evidence.model, conversion)
        progress(f"{source.title}: comparing with Keras on {len(evidence.reference)} frames")
        try:
            report.setdefault("files", []).extend(measure(conversion.files, evidence))
        except OSError as error:
            raise UserError(f"cannot write a temporary file ({error.strerror}): free space or set TMPDIR") from error
        exported.append((evidence, conversion))
    warn_of_budgets(report)
    for warning in report["warnings"]:
        progress(f"warning: {warning}")
    if dry_run or any(file["violations"] for file in report["files"]):
        return report
    write(sources, target, exported, report, out)
    report["written"] = True
    return report


def gather(model: SourceModel, calibration_dir: Path) -> Evidence:
    """What a model of either role is judged on."""
    return detector_evidence(model, calibration_dir) if model.role == DETECTOR else expert_evidence(model)


def beginning(target: Target, sources: Sources, out: Path) -> dict[str, Any]:
    """What the report holds before anything is converted."""
    return {
        "target": target.name,
        "out": str(out),
        "written": False,
        "models": [],
        "fusion": sources.fusion,
        "warnings": list(sources.warnings),
        "notes": [] if target.tensorrt is None else [NO_TENSORRT],
        "versions": installed_versions(),
    }


def describe(report: dict[str, Any], evidence: Evidence) -> None:
    """Add a model, and what is said of all that are like it."""
    model = evidence.model
    report["models"].append(
        {
            "title": model.title,
            **{key: model.description[key] for key in ("name", "version", "role", "labels")},
            "parameters": model.trained.count_params(),
            **evidence.about,
        }
    )
    report["warnings"] += evidence.warnings
    report["notes"] += [note for note in evidence.notes if note not in report["notes"]]


def describe_network(report: dict[str, Any], model: SourceModel, conversion: Conversion) -> None:
    """Add parameters, multiply-adds, operators and, for int8, how the ranges were chosen."""
    cost = onnx_cost(conversion.fp32_onnx)
    hops = model.description["step"]["columns"] * COLUMN_S / HOP_S if "step" in model.description else 1.0
    entry = report["models"][-1]
    entry.update(
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        multiply_adds_per_hop=round(cost.multiply_adds / hops),
        operators=cost.operators,
    )
    ranges = conversion.ranges
    if ranges is not None:
        entry["int8_ranges"] = {
            "tensors": len(ranges.scales),
            "percentile": ranges.percentile,
            "mean_logit_error_by_percentile": {f"{p:g}": e for p, e in ranges.mean_logit_error.items()},
        }


def warn_of_budgets(report: dict[str, Any]) -> None:
    """Add what is too large or too slow for a board."""
    for model in report["models"]:
        over = model.get("multiply_adds_per_hop", 0) - BUDGET_MULTIPLY_ADDS[model["role"]]
        if over > 0:
            report["warnings"].append(f"{model['title']} is {over:,} multiply-adds a hop over the budget of its role")
    roles = {model["title"]: model["role"] for model in report["models"]}
    for file in report.get("files", []):
        if file["over_budget_bytes"]:
            over = f"{file['over_budget_bytes']:,} bytes"
            report["warnings"].append(f"{file['path']} is {over} over the budget of its role, {roles[file['model']]}")


def write(
    sources: Sources, target: Target, exported: list[tuple[Evidence, Conversion]], report: dict[str, Any], out: Path
) -> None:
    """Write the bundle with its reports. Raises UserError; nothing is left behind then."""
    models = [(evidence.model, conversion.files) for evidence, conversion in exported]
    contents = {item.path: item.content for _, files in models for item in files}
    kept = {key: value for key, value in report.items() if key not in ("out", "written")}  # a bundle may move
    contents["report.json"] = (json.dumps(kept, indent=1) + "\n").encode()
    contents["report.html"] = html_report(report).encode()
    # The device runs the first file, or on a machine without that engine the fp32 one, which is nearer.
    bounds = target.files[0].bounds

    def check(bundle: Bundle) -> None:
        for evidence, _ in exported:
            evidence.check_on_device(bundle, bounds)

    folders = [sources.directory, *(model.directory for model, _ in models)]
    write_bundle(out, bundle_manifest(models, target, sources.fusion), contents, folders, check)
