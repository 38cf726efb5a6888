"""Every exported file beside Keras, and the finished bundle beside both."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.engines import Engine, open_engine
from edge.errors import UserError
from export.calibration import Part
from export.convert import Exported, kernel_parameters
from export.half_steps import half_steps
from export.metrics import auc, group_draws, interval
from export.parity import (
    Task,
    compare,
    engine_logits,
    latency_ms,
    posterior_errors,
    posteriors,
    violations,
)
from export.source_model import SourceModel
from export.targets import BUDGET_BYTES, Bounds

LEAST_BYTES = {"fp32": 4, "fp16": 2, "dynamic": 1, "int8": 1}  # per kernel parameter
WORST_CLIPS = 8
SAME = 1e-6  # of probabilities that only rounding may separate
INPUT_SPREAD = (0.2, 5.0)  # standard deviation of what a normalised network may be shown
AUC_LOSS = 0.005  # against the AUC that training recorded


def check_source(model: SourceModel, reference: np.ndarray, part: Part) -> list[str]:
    """Warnings about the Keras model itself. Raises UserError when its description cannot be right.

    reference: its logits (N, labels) on the part. A scale or a label that is not the one of its training converts
    without an error; only what the model is for gives it away.
    """
    if not np.isfinite(reference).all():
        raise UserError(
            f"{model.directory}: the Keras model itself gives NaN or infinite logits on the calibration "
            f"data: train it again"
        )
    spread = float(part.inputs.std())
    if not INPUT_SPREAD[0] <= spread <= INPUT_SPREAD[1]:
        raise UserError(
            f"{model.directory}: normalisation.scale {model.scale:g} gives the network inputs with a standard "
            f"deviation of {spread:.2g}, {INPUT_SPREAD[0]:g} to {INPUT_SPREAD[1]:g} is expected: give the scale of its "
            f"training"
        )
    found = auc(reference[:, -1], part.labels)
    low, high = interval(
        [auc(reference[rows, -1], part.labels[rows]) for rows in group_draws(part.labels, part.groups)]
    )
    known = model.description["metrics"].get("parity_auc")
    if known is not None and found < known - AUC_LOSS:
        raise UserError(
            f"{model.directory}: the Keras model has an AUC of {found:.4f} on the parity part, metrics.parity_auc says "
            f"{known:g}: labels, normalisation or weights are not those of its training"
        )
    if high < 0.5:
        raise UserError(
            f"{model.directory}: the Keras model ranks the parity part worse than chance (AUC {found:.3f}, 95 % "
            f"{low:.3f} to {high:.3f}): its labels are swapped, or its normalisation is not that of its training"
        )
    if low <= 0.5:
        return [f"the Keras model is no better than chance on the parity part (AUC {found:.3f}): is it trained?"]
    return []


def measure(
    model: SourceModel, exported: list[Exported], reference: np.ndarray, part: Part, task: Task
) -> list[dict[str, Any]]:
    """Each file opened in its real engine and compared with Keras: one dict per file for the report."""
    measured = []
    kernels = kernel_parameters(model.trained)
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        for item in exported:
            entry: dict[str, Any] = {
                "path": item.path,
                "kind": item.file.kind,
                "precision": item.file.precision,
                "bytes": len(item.content),
                "sha256": hashlib.sha256(item.content).hexdigest(),
                "violations": [],
            }
            budget = BUDGET_BYTES.get((model.role, item.file.kind, item.file.precision))
            entry["over_budget_bytes"] = None if budget is None else max(0, len(item.content) - budget)
            measured.append(entry)
            if item.file.bounds is None:
                continue
            engine = opened(item.content, item.file.kind, Path(folder) / item.path)
            logits = engine_logits(engine, part.inputs)
            if item.file.kind == "onnx_typed":
                steps = opened(half_steps(item.content), "onnx", Path(folder) / "half_steps.onnx")
                logits = engine_logits(steps, part.inputs)
            parity = compare(reference, logits, model.temperature, task)
            entry.update(
                engine=engine.name,
                latency_ms=latency_ms(engine, part.inputs[:1]),
                parity=parity.as_dict(),
                worst=worst_clips(reference, logits, model.temperature, part),
                errors=error_points(reference, logits),
                violations=missing_weights(item, kernels) + violations(parity, item.file.bounds),
            )
    return measured


def opened(content: bytes, kind: str, path: Path) -> Engine:
    """The engine that runs a file of a kind, written to `path`."""
    path.write_bytes(content)
    return open_engine({"tflite" if kind == "tflite" else "onnx": str(path)})


def missing_weights(item: Exported, kernels: int) -> list[str]:
    """A file too small for its weights: a converter left them out, which no error tells."""
    least = LEAST_BYTES[item.file.precision] * kernels
    if len(item.content) >= least:
        return []
    return [f"{len(item.content):,} bytes cannot hold {kernels:,} weights ({least:,} bytes): they were not frozen"]


def worst_clips(reference: np.ndarray, logits: np.ndarray, temperature: float, part: Part) -> list[dict[str, Any]]:
    """The frames whose posterior moved most: where from, and both posteriors of the last label."""
    errors = posterior_errors(reference, logits, temperature)
    before, after = posteriors(reference, temperature)[:, -1], posteriors(logits, temperature)[:, -1]
    order = np.argsort(-np.nan_to_num(errors, nan=np.inf), kind="stable")[:WORST_CLIPS]
    return [
        {
            "clip": part.sources[n].clip,
            "condition": part.sources[n].condition,
            "label": bool(part.labels[n]),
            "keras": finite(before[n]),
            "file": finite(after[n]),
        }
        for n in order
    ]


def error_points(reference: np.ndarray, logits: np.ndarray) -> list[list[float | None]]:
    """[logit of Keras, error of the file] of each frame, for the plot."""
    last = reference[:, -1]
    return [[finite(x, 4), finite(e, 6)] for x, e in zip(last, logits[:, -1] - last, strict=True)]


def finite(value: float, digits: int = 6) -> float | None:
    """A rounded number for JSON, which has no NaN."""
    return round(float(value), digits) if np.isfinite(value) else None


def check_on_device(bundle: Bundle, model: SourceModel, reference: np.ndarray, part: Part, task: Task, bounds: Bounds):
    """Raise UserError unless the device's own path, from raw log-mel to p(cry), says what Keras says.

    It normalises and applies the temperature by itself: a manifest that describes them wrongly shows here.
    """
    logits = np.array([[bundle.detector.logit(frame)] for frame in part.log_mel])
    found = violations(compare(reference, logits, model.temperature, task), bounds)
    probability = np.array([bundle.detector.probability(frame) for frame in part.log_mel])
    expected = posteriors(logits, model.temperature)[:, -1]
    if not np.abs(probability - expected).max() <= SAME:
        found.append(f"p differs by {np.abs(probability - expected).max():.3g} at temperature {model.temperature:g}")
    if found:
        raise UserError(
            f"the bundle does not say on the device what Keras says, no bundle written: {', '.join(found)}"
        )
