"""Every exported file, in the engine that runs it, beside Keras."""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from edge.engines import Engine, open_engine
from export.convert.files import Exported, kernel_parameters
from export.convert.fp16_emulation import emulate_fp16
from export.convert.keras_rebuild import half_precision
from export.model import SourceModel
from export.networks import INPUT_NAME, Feed, Shapes, Stream, answers, engine_network, fill, frames, state_shapes
from export.onnx_model import OnnxModel
from export.parity.evidence import Evidence
from export.parity.not_finite import first_in_file
from export.parity.rounding import where_rounding_grows
from export.targets import BF16, FP16, Bounds

LEAST_BYTES = {
    "fp32": 1,
    "fp16": 2,
    "dynamic": 1,
    "int8": 1,
    "int16x8": 1,
}  # per kernel parameter; fp32 ONNX may be stored in bytes
TIMED_RUNS = 200
OTHER_ORDER = 2.0  # by which engines that add up in another order differ in what they round by, on the same network


@dataclass(frozen=True)
class Measured:
    """One dict per file for the report; and by kind of file, its output at every frame or step."""

    rows: list[dict[str, Any]]
    answers: dict[str, np.ndarray]


def measure(exported: list[Exported], evidence: Evidence, denoised: Mapping[str, np.ndarray] | None = None) -> Measured:
    """Open each file of a model in its real engine and compare it with Keras.

    denoised: by kind of file, what the denoiser's gives of the same frames, for an expert behind it.
    """
    rows, outputs = [], {}
    kernels = kernel_parameters(evidence.model.fixed)
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        for item in exported:
            entry = described(item, evidence.model)
            rows.append(entry)
            if item.file.bounds is None:
                continue
            bounds = bounds_of(item, evidence.model)
            engine = opened(item.content, item.file.kind, Path(folder) / item.path)
            judged, content = engine, item.content  # FP16 types are judged with every tensor really rounded
            if item.file.kind == "onnx_typed":
                content = emulate_fp16(item.content)
                judged = opened(content, "onnx", Path(folder) / "fp16_emulation.onnx")
            states = state_shapes(evidence.model.fixed)
            outputs[item.file.kind] = engine_outputs(judged, evidence.streams, states)
            entry.update(engine=engine.name, latency_ms=latency_ms(engine, evidence.feeds[-1]))
            entry["violations"] += missing_weights(item, kernels)
            found = judge(entry, outputs[item.file.kind], evidence, bounds)
            if not np.isfinite(outputs[item.file.kind]).all():
                network, fixed = engine_network(judged), evidence.model.fixed
                where = first_in_file(content, item.file.kind, network, evidence.streams, states, fixed)
                found += [f"the first is of {where}"] if where else []
            elif found and item.file.precision == "fp32":
                found = judge_beside_double(entry, outputs[item.file.kind], evidence, bounds, found)
            entry["violations"] += found
            if denoised is not None:
                before = denoised.get(item.file.kind, denoised["onnx"])  # the denoiser may be of another precision
                chain = frames(before[: len(evidence.reference)])
                entry["violations"] += judge_chain(
                    entry, engine_outputs(judged, chain, states), evidence, item.file.bounds
                )
    return Measured(rows, outputs)


def judge_beside_double(
    entry: dict[str, Any], outputs: np.ndarray, evidence: Evidence, bounds: Bounds, found: list[str]
) -> list[str]:
    """What a float32 file does not keep beside the model in double precision, where that is known; else what was found.

    Where two round differently it is not the file that must be wrong: it may be off by OTHER_ORDER times as much as the
    model, and by no more than FP16 may. Adds to its entry how far each of the two is off. What is not kept names the
    layer at which rounding grows.
    """
    double = evidence.double()
    if double is None:
        return found
    compared = {
        name: evidence.comparison.compare(double, x) for name, x in (("model", evidence.reference), ("file", outputs))
    }
    own, parity = compared["model"].parity.max_posterior_error, compared["file"].parity
    entry["beside_double_precision"] = {"model": own, "file": parity.max_posterior_error}
    allowed = max(bounds.posterior_error, min(OTHER_ORDER * own, FP16.posterior_error))
    still = evidence.comparison.violations(parity, replace(bounds, posterior_error=allowed))
    source = evidence.model.fixed if isinstance(evidence.model.fixed, OnnxModel) else evidence.model.trained
    layer = where_rounding_grows(source, first_steps(evidence.streams)) if still else ""
    if not layer:
        return still
    advice = "what it gives differs too little from one input to another beside its size, scale it there"
    what = "operator" if source is evidence.model.fixed else "layer"
    return [*still, f"float32 rounding grows most at {what} {layer}: {advice}"]


def first_steps(streams: Sequence[Stream]) -> np.ndarray:
    """What a network without states is fed, (N, ...)."""
    return np.concatenate([stream[0][INPUT_NAME] for stream in streams])


def bounds_of(item: Exported, model: SourceModel, row: Mapping[str, Any] | None = None) -> Bounds:
    """What a file must keep; beside a model that itself computes in half precision, what is as coarse as that.

    row: what was measured of the file. What was judged beside double precision may be off from the model by the sum of
    what both are off from that.
    """
    bounds, half = item.file.bounds, half_precision(model.trained)
    if bounds is not None and row is not None and "beside_double_precision" in row:
        off = sum(row["beside_double_precision"].values())
        bounds = replace(bounds, posterior_error=max(bounds.posterior_error, 1.01 * off))
    if half is None or bounds is None:
        return bounds
    posterior_error = max(bounds.posterior_error, BF16 if half == "bfloat16" else FP16.posterior_error)
    if item.file.precision != "fp32":
        return replace(bounds, posterior_error=posterior_error)
    return replace(bounds, logit_error=None, posterior_error=posterior_error, label_agreement=FP16.label_agreement)


def described(item: Exported, model: SourceModel) -> dict[str, Any]:
    """What the report says of a file before it is run."""
    budget = model.kind.budget_bytes.get((item.file.kind, item.file.precision))
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


def judge(entry: dict[str, Any], outputs: np.ndarray, evidence: Evidence, bounds: Bounds) -> list[str]:
    """Add to a file's entry how far its outputs are from Keras's; returns every bound that is not kept."""
    compared = evidence.comparison.compare(evidence.reference, outputs)
    entry.update(parity=compared.parity.as_dict(), worst=compared.worst, errors=compared.errors)
    return evidence.comparison.violations(compared.parity, bounds)


def judge_chain(entry: dict[str, Any], outputs: np.ndarray, evidence: Evidence, bounds: Bounds) -> list[str]:
    """The same of an expert that was given what the exported denoiser gives, as on the device."""
    parity = evidence.comparison.compare(evidence.reference, outputs).parity
    entry["behind_denoiser"] = parity.as_dict()
    return [f"behind the exported denoiser: {text}" for text in evidence.comparison.violations(parity, bounds)]


def opened(content: bytes, kind: str, path: Path) -> Engine:
    """The engine that runs a file of a kind, written to `path`."""
    path.write_bytes(content)
    return open_engine({"tflite" if kind == "tflite" else "onnx": str(path)})


def engine_outputs(engine: Engine, streams: Sequence[Stream], states: Shapes) -> np.ndarray:
    """Outputs of an exported file in its engine, (N, ...), step by step as on the board."""
    return answers(engine_network(engine), streams, states)


def missing_weights(item: Exported, kernels: int) -> list[str]:
    """A file too small for its weights: a converter left them out, which no error tells."""
    least = LEAST_BYTES[item.file.precision] * kernels
    if len(item.content) >= least:
        return []
    return [f"{len(item.content):,} bytes cannot hold {kernels:,} weights ({least:,} bytes): they were not frozen"]


def latency_ms(engine: Engine, example: Feed) -> float:
    """Median time of one inference here, in ms."""
    fill(engine, example)
    durations = []
    for _ in range(TIMED_RUNS):
        start = perf_counter()
        engine.infer()
        durations.append(perf_counter() - start)
    return float(np.median(durations) * 1e3)
