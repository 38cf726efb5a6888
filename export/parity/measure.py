"""Every exported file beside Keras."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.engines import Engine, open_engine
from export.convert.files import Exported, kernel_parameters
from export.convert.fp16_emulation import half_steps
from export.kinds.denoising import compare_estimates, distance_db, estimate_violations
from export.kinds.evidence import Evidence
from export.parity.comparison import (
    Task,
    compare,
    engine_outputs,
    latency_ms,
    posterior_errors,
    posteriors,
    violations,
)
from export.parity.feeds import frames, state_shapes
from export.sources.source_model import SourceModel
from export.targets import BUDGET_BYTES, FP16, FRAME_FP16, Bounds

LEAST_BYTES = {"fp32": 2, "fp16": 2, "dynamic": 1, "int8": 1}  # per kernel parameter; an fp32 ONNX file may be packed
WORST_CLIPS = 8


@dataclass(frozen=True)
class Measured:
    """One dict per file for the report; and by kind of file, what it says of every frame or step."""

    rows: list[dict[str, Any]]
    answers: dict[str, np.ndarray]


def measure(exported: list[Exported], evidence: Evidence, denoised: Mapping[str, np.ndarray] | None = None) -> Measured:
    """Each file of a model opened in its real engine and compared with Keras.

    denoised: by kind of file, what the denoiser's gives of the same frames, for an expert behind it.
    """
    rows, answers = [], {}
    kernels = kernel_parameters(evidence.model.fixed)
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        for item in exported:
            entry = described(item, evidence.model)
            rows.append(entry)
            if item.file.bounds is None:
                continue
            bounds = bounds_of(item, evidence.model)
            engine = opened(item.content, item.file.kind, Path(folder) / item.path)
            judged = engine  # FP16 types are judged with every tensor really rounded
            if item.file.kind == "onnx_typed":
                judged = opened(half_steps(item.content), "onnx", Path(folder) / "half_steps.onnx")
            states = state_shapes(evidence.model.fixed)
            answers[item.file.kind] = engine_outputs(judged, evidence.streams, states)
            entry.update(engine=engine.name, latency_ms=latency_ms(engine, evidence.feeds[-1]))
            entry["violations"] += missing_weights(item, kernels)
            entry["violations"] += judge(entry, answers[item.file.kind], evidence, bounds)
            if denoised is not None:
                before = denoised.get(item.file.kind, denoised["onnx"])  # the denoiser may be of another precision
                chain = frames(before[: len(evidence.reference)])
                entry["violations"] += judge_chain(entry, engine_outputs(judged, chain, states), evidence, bounds)
    return Measured(rows, answers)


def described(item: Exported, model: SourceModel) -> dict[str, Any]:
    """What the report says of a file before it is run."""
    budget = BUDGET_BYTES.get((model.role, item.file.kind, item.file.precision))
    return {
        "model": model.title,
        "path": item.path,
        "kind": item.file.kind,
        "precision": item.file.precision,
        "bytes": len(item.content),
        "sha256": hashlib.sha256(item.content).hexdigest(),
        "violations": [],
        "over_budget_bytes": None if budget is None else max(0, len(item.content) - budget),
    }


def bounds_of(item: Exported, model: SourceModel) -> Bounds:
    """What a file of a model must keep."""
    return FRAME_FP16 if model.is_frame_expert and item.file.bounds == FP16 else item.file.bounds


def judge(entry: dict[str, Any], outputs: np.ndarray, evidence: Evidence, bounds: Bounds) -> list[str]:
    """Add to a file's entry how far its outputs are from Keras's; returns every bound that is not kept."""
    reference, model = evidence.reference, evidence.model
    if evidence.mixtures is not None:
        estimated = compare_estimates(reference, outputs, evidence.mixtures, model.scale)
        flat = [values.reshape(len(values), -1) for values in (reference, outputs)]
        entry.update(parity=estimated.as_dict(), worst=worst_frames(outputs, evidence), errors=error_points(*flat))
        return estimate_violations(estimated, bounds)
    parity = compare(reference, outputs, model.temperature, evidence.task)
    entry.update(parity=parity.as_dict(), worst=worst_clips(outputs, evidence), errors=error_points(reference, outputs))
    return violations(parity, bounds)


def judge_chain(entry: dict[str, Any], logits: np.ndarray, evidence: Evidence, bounds: Bounds) -> list[str]:
    """The same of an expert that was given what the exported denoiser gives, as on the device."""
    parity = compare(evidence.reference, logits, evidence.model.temperature, evidence.task)
    entry["behind_denoiser"] = parity.as_dict()
    return [f"behind the exported denoiser: {text}" for text in violations(parity, bounds)]


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


def worst_frames(estimates: np.ndarray, evidence: Evidence) -> list[dict[str, Any]]:
    """The frames whose estimate moved most: where from, and how far."""
    distances = distance_db(estimates, evidence.reference, evidence.model.scale)
    order = np.argsort(-np.nan_to_num(distances, nan=np.inf), kind="stable")[:WORST_CLIPS]
    return [
        {
            "clip": evidence.sources[n].clip,
            "condition": evidence.sources[n].condition,
            "distance_db": finite(distances[n]),
        }
        for n in order
    ]


def worst_clips(logits: np.ndarray, evidence: Evidence) -> list[dict[str, Any]]:
    """The answers whose posterior moved most: where from, and both posteriors of one label.

    It is a detector's own, with whether it is there; of several, the one that Keras finds likeliest, by its name.
    """
    reference, temperature = evidence.reference, evidence.model.temperature
    errors = posterior_errors(reference, logits, temperature)
    before, after = posteriors(reference, temperature), posteriors(logits, temperature)
    order = np.argsort(-np.nan_to_num(errors, nan=np.inf), kind="stable")[:WORST_CLIPS]
    names, one_label = evidence.model.description["labels"], isinstance(evidence.task, Task)
    rows = []
    for n in order:
        shown = before.shape[1] - 1 if one_label else int(before[n].argmax())
        rows.append(
            {
                "clip": evidence.sources[n].clip,
                "condition": evidence.sources[n].condition,
                "label": bool(evidence.task.labels[n]) if one_label else names[shown],
                "keras": finite(before[n, shown]),
                "file": finite(after[n, shown]),
            }
        )
    return rows


def error_points(reference: np.ndarray, logits: np.ndarray) -> list[list[float | None]]:
    """[logit of Keras, error of the file] of each answer, of the label that is furthest off, for the plot."""
    errors = logits - reference
    furthest = np.abs(np.nan_to_num(errors, nan=np.inf)).argmax(axis=1)
    rows = np.arange(len(errors))
    pairs = zip(reference[rows, furthest], errors[rows, furthest], strict=True)
    return [[finite(x, 4), finite(e, 6)] for x, e in pairs]


def finite(value: float, digits: int = 6) -> float | None:
    """A rounded number for JSON, which has no NaN."""
    return round(float(value), digits) if np.isfinite(value) else None
