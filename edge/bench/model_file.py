"""One model file without a bundle: what an inference takes, and of an ONNX file what each operator does."""

import csv
import json
import os
import tempfile
from time import perf_counter
from typing import Any, Dict, List, NamedTuple

import numpy as np

from edge.engines import open_engine
from edge.engines.base import one_line, quiet_stderr
from edge.errors import UserError

FORMATS = {".tflite": "tflite", ".onnx": "onnx"}
WARM_UP_RUNS = 20
MOST_RUNS = 100000
SEED = 0
KERNEL_TIME = "_kernel_time"  # the end of the name that onnxruntime gives to an operator's own time


class Operator(NamedTuple):
    """One node of a network: its layer, its kind, and what it takes of an inference."""

    layer: str
    operator: str
    mean_us: float
    share: float  # of all operators


def file_kind(path: str) -> str:
    """The kind of engine that a file is for. Raises UserError for another file."""
    kind = FORMATS.get(os.path.splitext(path)[1].lower())
    if kind is None:
        raise UserError("{}: neither .tflite nor .onnx: name a model file, or a bundle with --bundle".format(path))
    if not os.path.isfile(path):
        raise UserError("{}: no such file: check the path".format(path))
    return kind


def measure_file(path: str, threads: int, runs: int) -> Dict[str, Any]:
    """Time `runs` inferences of a model file on noise, after WARM_UP_RUNS. Raises UserError when no engine takes it."""
    engine = open_engine({file_kind(path): path}, threads)
    rng = np.random.RandomState(SEED)
    for array in engine.inputs.values():
        array[...] = rng.normal(size=array.shape)
    samples_ms = []
    for number in range(WARM_UP_RUNS + runs):
        started = perf_counter()
        engine.infer()
        if number >= WARM_UP_RUNS:
            samples_ms.append(1e3 * (perf_counter() - started))
    return {
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
    }


def profile_onnx(path: str, threads: int, runs: int) -> List[Dict[str, Any]]:
    """The events of onnxruntime's own profiler over `runs` inferences, a Chrome trace. Raises UserError."""
    if file_kind(path) != "onnx":
        raise UserError(
            "{}: LiteRT has no profile by operator in Python: give the .onnx file of the same model".format(path)
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("onnxruntime cannot be imported ({}): install it".format(one_line(error))) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.enable_profiling = True
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        options.profile_file_prefix = os.path.join(folder, "profile")
        try:
            with quiet_stderr():
                session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no public base class
            raise UserError("onnxruntime cannot open {} ({}): export it again".format(path, one_line(error))) from error
        rng = np.random.RandomState(SEED)
        feed = {one.name: rng.normal(size=one.shape).astype(np.float32) for one in session.get_inputs()}
        for _ in range(WARM_UP_RUNS + runs):
            session.run(None, feed)
        with open(session.end_profiling(), encoding="utf-8") as file:
            return json.load(file)


def operators_of(events: List[Dict[str, Any]]) -> List[Operator]:
    """What each node took in the runs after the warm-up, in the order in which they run."""
    durations = {}  # type: Dict[str, List[float]]
    kinds = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(KERNEL_TIME):
            name = event["name"][: -len(KERNEL_TIME)]
            kinds[name] = event["args"]["op_name"]
            durations.setdefault(name, []).append(event["dur"])
    means = {name: float(np.mean(values[WARM_UP_RUNS:])) for name, values in durations.items()}
    total = sum(means.values()) or 1.0
    return [Operator(name, kinds[name], mean, mean / total) for name, mean in means.items()]


def write_table(path: str, operators: List[Operator]) -> None:
    """Write the operators as CSV. Raises OSError."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Operator._fields)
        writer.writerows(operators)


def report(result: Dict[str, Any]) -> List[str]:
    """The lines of a result."""
    lines = [
        "{file}: {bytes:,} bytes in {engine}, {threads} threads".format(**result),
        "{runs} runs after {warm_up}: mean {mean_ms:.3f} ms, sd {sd_ms:.3f}, p50 {p50_ms:.3f}, p95 {p95_ms:.3f}".format(
            **result
        ),
    ]
    for row in result.get("operators", []):
        lines.append("{mean_us:10.1f} us {share:6.1%}  {operator:20} {layer}".format(**row))
    if "operators" in result:
        lines.append("{:10.1f} us  all operators, profiled".format(sum(row["mean_us"] for row in result["operators"])))
    return lines
