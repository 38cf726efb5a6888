"""The export, top to bottom: load, convert, prove, write."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.engines import open_engine
from edge.errors import UserError
from export.bundle_writer import bundle_manifest, check_out, write_bundle
from export.calibration import Calibration, load_calibration
from export.keras_to_onnx import keras_to_onnx, onnx_cost
from export.keras_to_tflite import keras_to_tflite
from export.parity import compare, engine_logits, keras_logits, latency_ms, violations
from export.report import html_report, installed_versions
from export.source_model import SourceModel, load_source_model
from export.targets import FP32, Bounds, Target

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """One converted file."""

    path: str  # inside the bundle
    file_format: str
    precision: str
    bounds: Bounds
    content: bytes


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
    ("violations" says by how much), or for a dry run, which stops before converting. Raises UserError.
    """
    check_out(out)
    progress(f"loading {model_dir}")
    model = load_source_model(model_dir)
    calibration = load_calibration(calibration_dir, model)
    report: dict[str, Any] = {
        "target": target.name,
        "out": str(out),
        "written": False,
        "model": {
            "name": model.description["name"],
            "version": model.description["version"],
            "role": model.role,
            "parameters": model.trained.count_params(),
        },
        "calibration": {"quantise": len(calibration.quantise), "parity": len(calibration.parity)},
        "versions": installed_versions(),
    }
    if dry_run:
        return report
    exported = convert(model, target, calibration, progress)
    cost = onnx_cost(exported[-1].content)
    report["model"].update(
        parameters=cost.parameters, multiply_adds=cost.multiply_adds, operators=cost.operators
    )
    report["files"] = measure(model, exported, calibration, progress)
    if any(file["violations"] for file in report["files"]):
        return report
    write(model, target, exported, report, out)
    report["written"] = True
    return report


def convert(
    model: SourceModel, target: Target, calibration: Calibration, progress: Progress
) -> list[Exported]:
    """The target's file, then the fp32 ONNX that every bundle holds for engines without TFLite."""
    progress(
        f"converting to {target.precision} TFLite"
        + (f" with {len(calibration.quantise)} calibration frames" if target.precision == "int8" else "")
    )
    tflite = keras_to_tflite(model.fixed, target.precision, calibration.quantise)
    progress("converting to fp32 ONNX")
    onnx = keras_to_onnx(model.fixed)
    return [
        Exported(
            f"{model.role}.{target.precision}.tflite", "tflite", target.precision, target.bounds, tflite
        ),
        Exported(f"{model.role}.fp32.onnx", "onnx", "fp32", FP32, onnx),
    ]


def measure(
    model: SourceModel, exported: list[Exported], calibration: Calibration, progress: Progress
) -> list[dict[str, Any]]:
    """Each file opened in its real engine and compared with Keras: one dict per file for the report."""
    progress(f"comparing with Keras on {len(calibration.parity)} frames")
    reference = keras_logits(model.trained, calibration.parity)
    if not np.isfinite(reference).all():
        raise UserError(
            f"{model.directory}: the Keras model itself gives NaN or infinite logits on the calibration "
            f"data: train it again"
        )
    measured = []
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        for file in exported:
            path = Path(folder) / file.path
            path.write_bytes(file.content)
            engine = open_engine({file.file_format: str(path)})
            parity = compare(
                reference,
                engine_logits(engine, calibration.parity),
                model.temperature,
                calibration.parity_labels,
            )
            measured.append(
                {
                    "path": file.path,
                    "format": file.file_format,
                    "precision": file.precision,
                    "bytes": len(file.content),
                    "sha256": hashlib.sha256(file.content).hexdigest(),
                    "engine": engine.name,
                    "latency_ms": latency_ms(engine, calibration.parity[:1]),
                    "parity": parity.as_dict(),
                    "violations": violations(parity, file.bounds),
                }
            )
    return measured


def write(
    model: SourceModel, target: Target, exported: list[Exported], report: dict[str, Any], out: Path
) -> None:
    """Write the bundle with its reports. Raises UserError; nothing is left behind then."""
    contents = {file.path: file.content for file in exported}
    kept = {key: value for key, value in report.items() if key not in ("out", "written")}  # a bundle may move
    contents["report.json"] = (json.dumps(kept, indent=2) + "\n").encode()
    contents["report.html"] = html_report(report).encode()
    files = [(file.file_format, file.path, file.precision, file.content) for file in exported]
    write_bundle(out, bundle_manifest(model, target.precision, files), contents, model.directory)
