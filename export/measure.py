"""Every exported file beside Keras."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edge.engines import Engine, open_engine
from export.convert import Exported, kernel_parameters
from export.evidence import Evidence
from export.feeds import state_shapes
from export.half_steps import half_steps
from export.parity import (
    compare,
    engine_logits,
    latency_ms,
    posterior_errors,
    posteriors,
    violations,
)
from export.targets import BUDGET_BYTES

LEAST_BYTES = {"fp32": 4, "fp16": 2, "dynamic": 1, "int8": 1}  # per kernel parameter
WORST_CLIPS = 8


def measure(exported: list[Exported], evidence: Evidence) -> list[dict[str, Any]]:
    """Each file of a model opened in its real engine and compared with Keras: one dict per file for the report."""
    measured = []
    model, reference, states = evidence.model, evidence.reference, state_shapes(evidence.model.fixed)
    kernels = kernel_parameters(model.trained)
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        for item in exported:
            entry: dict[str, Any] = {
                "model": model.title,
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
            logits = engine_logits(engine, evidence.streams, states)
            if item.file.kind == "onnx_typed":
                steps = opened(half_steps(item.content), "onnx", Path(folder) / "half_steps.onnx")
                logits = engine_logits(steps, evidence.streams, states)
            parity = compare(reference, logits, model.temperature, evidence.task)
            entry.update(
                engine=engine.name,
                latency_ms=latency_ms(engine, evidence.feeds[-1]),
                parity=parity.as_dict(),
                worst=worst_clips(logits, evidence),
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


def worst_clips(logits: np.ndarray, evidence: Evidence) -> list[dict[str, Any]]:
    """The answers whose posterior moved most: where from, and both posteriors of one label.

    It is a detector's own, with whether it is there; of several, the one that Keras finds likeliest, by its name.
    """
    reference, temperature = evidence.reference, evidence.model.temperature
    errors = posterior_errors(reference, logits, temperature)
    before, after = posteriors(reference, temperature), posteriors(logits, temperature)
    order = np.argsort(-np.nan_to_num(errors, nan=np.inf), kind="stable")[:WORST_CLIPS]
    names = evidence.model.description["labels"]
    rows = []
    for n in order:
        shown = before.shape[1] - 1 if evidence.task else int(before[n].argmax())
        rows.append(
            {
                "clip": evidence.sources[n].clip,
                "condition": evidence.sources[n].condition,
                "label": bool(evidence.task.labels[n]) if evidence.task else names[shown],
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
