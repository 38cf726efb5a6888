"""One model file without a bundle: what an inference takes, and what each of its operators does."""

import os
from time import perf_counter
from typing import Any, Dict, List, Optional

import numpy as np

from edge.bench import energy
from edge.bench.litert_profile import profile_litert
from edge.bench.onnx_profile import profile_onnx
from edge.bench.operators import Operator, Profile, by_layer
from edge.engines import EngineUnavailable, open_engine, open_tensorrt
from edge.errors import UserError

FORMATS = {".tflite": "tflite", ".onnx": "onnx"}
WARM_UP_RUNS = 20
MOST_RUNS = 100000
SEED = 0
SLOWEST_LAYERS = 12  # that are shown


def file_kind(path: str) -> str:
    """The kind of engine that a file is for. Raises UserError for another file."""
    kind = FORMATS.get(os.path.splitext(path)[1].lower())
    if kind is None:
        raise UserError("{}: neither .tflite nor .onnx: name a model file, or a bundle with --bundle".format(path))
    if not os.path.isfile(path):
        raise UserError("{}: no such file: check the path".format(path))
    return kind


def measure_file(path: str, threads: int, runs: int, tensorrt: Optional[str] = None) -> Dict[str, Any]:
    """Time `runs` inferences of a model file on noise, after WARM_UP_RUNS. Raises UserError when no engine takes it.

    tensorrt: "fp16", "int8" or "fp32" where that and no other engine is to run an ONNX file.
    """
    engine = open_engine({file_kind(path): path}, threads) if tensorrt is None else in_tensorrt(path, tensorrt)
    rng = np.random.RandomState(SEED)
    for array in engine.inputs.values():
        array[...] = rng.normal(size=array.shape)
    samples_ms = []
    for number in range(WARM_UP_RUNS + runs):
        started = perf_counter()
        engine.infer()
        if number >= WARM_UP_RUNS:
            samples_ms.append(1e3 * (perf_counter() - started))
    result = {
        "file": path,
        "bytes": os.path.getsize(path),
        "engine": engine.name,
        "threads": threads,
        "warm_up": WARM_UP_RUNS,
        "runs": runs,
        "mean_ms": float(np.mean(samples_ms)),
        "sd_ms": float(np.std(samples_ms)),
        "p50_ms": float(np.percentile(samples_ms, 50)),
        "p95_ms": float(np.percentile(samples_ms, 95)),
        "samples_ms": [round(sample, 6) for sample in samples_ms],
        "energy": energy.of_inferences(engine.infer),
    }
    if tensorrt is not None:
        parts = [engine.timed_infer() for _ in range(runs)]
        result["tensorrt"] = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
    return result


def in_tensorrt(path: str, precision: str) -> Any:
    """An ONNX file in TensorRT. Raises UserError saying why it cannot be."""
    if file_kind(path) != "onnx":
        raise UserError("{}: TensorRT takes .onnx files: give the .onnx file of the same model".format(path))
    try:
        return open_tensorrt({"onnx": path}, precision)
    except EngineUnavailable as unavailable:
        raise UserError("TensorRT cannot run {} ({}): leave out --tensorrt".format(path, unavailable)) from unavailable


def profile_file(path: str, threads: int, runs: int) -> Profile:
    """What each operator of a file takes, by its engine's own profiler. Raises UserError."""
    profile = profile_onnx if file_kind(path) == "onnx" else profile_litert
    return profile(path, threads, WARM_UP_RUNS, runs)


def add_profile(result: Dict[str, Any], profile: Profile) -> None:
    """Add the operators to a result."""
    result["operators"] = [dict(one._asdict()) for one in profile.operators]
    result["profile"] = {
        "engine": profile.engine,
        "operators_us": profile.operators_us,
        "inference_us": profile.inference_us,
        "note": profile.note,
    }


def report(result: Dict[str, Any]) -> List[str]:
    """The lines of a result."""
    lines = [
        "{file}: {bytes:,} bytes in {engine}, {threads} threads".format(**result),
        "{runs} runs after {warm_up}: mean {mean_ms:.3f} ms, sd {sd_ms:.3f}, p50 {p50_ms:.3f}, p95 {p95_ms:.3f}".format(
            **result
        ),
    ]
    if "tensorrt" in result:
        lines.append(
            "to the GPU {upload_ms:.3f} ms, compute {compute_ms:.3f} ms, back {download_ms:.3f} ms".format(
                **result["tensorrt"]
            )
        )
    lines.append(energy.line(result["energy"]))
    for row in result.get("operators", []):
        lines.append("{mean_us:10.1f} us {share:6.1%}  {operator:32} {layer}".format(**row))
    if "operators" in result:
        profile = result["profile"]
        lines.append("{operators_us:10.1f} us  all operators in {engine}; {note}".format(**profile))
        lines.append("by layer:")
        layers = by_layer([Operator(**row) for row in result["operators"]])
        for layer, mean_us, share in layers[:SLOWEST_LAYERS]:
            lines.append("{:10.1f} us {:6.1%}  {}".format(mean_us, share, layer))
    return lines
