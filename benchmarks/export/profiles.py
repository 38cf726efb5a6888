"""edge-bench's totals beside those of the engines' own tools, on the same files and threads.

    python -m benchmarks.export.profiles [--rounds 8]

TFLite: LiteRT's litert-benchmark. ONNX: the profile that onnxruntime writes in a plain session.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.export.zoo import convolutional, sequences
from benchmarks.lib.record import RESULTS, record
from edge.bench.model_file import measure_file, profile_file
from edge.bundle import DEFAULT_BUNDLE_DIR
from export.convert.keras_graph import import_keras, with_batch_of_one
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.keras_to_tflite import keras_to_tflite

RUNS, WARM_UP = 100, 20
ALLOWED = 0.10
ROUNDING_MS = 0.01  # litert-benchmark tells no less
MADE = (convolutional.residual, convolutional.pooled_twice, sequences.transformer)


def main() -> int:
    """Measure and record; 1 when a total is further from the engine's own tool than allowed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="of which the quickest counts, of each tool (default: 8)")
    parser.add_argument("--only", nargs="+", metavar="FILE", help="measure these anew, keep what is recorded of others")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [*sorted(Path(DEFAULT_BUNDLE_DIR).glob("*.tflite")), *sorted(Path(DEFAULT_BUNDLE_DIR).glob("*.onnx"))]
        files += made(Path(folder))
        print(
            f"{len(files)} files x {arguments.rounds} rounds: about {len(files) * arguments.rounds * 3 // 60} minutes"
        )
        kept = {row["file"]: row for row in json.loads((RESULTS / "profiles.json").read_text())["rows"]}
        rows = [
            kept[path.name]
            if arguments.only and path.name not in arguments.only
            else compare(path, 1, arguments.rounds)
            for path in files
        ]
    record("profiles", {"runs": RUNS, "rounds": arguments.rounds, "rows": rows}, table(rows))
    return 1 if any(row["judged"] and abs(row["ratio"] - 1) > ALLOWED for row in rows) else 0


def made(folder: Path) -> list[Path]:
    """Larger networks than those that ship, in both formats."""
    keras = import_keras()
    paths = []
    for body in MADE:
        keras.utils.set_random_seed(1)
        inputs = keras.Input((98, 64, 1))
        model = with_batch_of_one(keras.Model(inputs, keras.layers.Dense(1)(body(keras, inputs))))
        contents = {"fp32.tflite": keras_to_tflite(model, "fp32", None), "fp32.onnx": keras_to_onnx(model)}
        for ending, content in contents.items():
            paths.append(folder / f"{body.__name__}.{ending}")
            paths[-1].write_bytes(content)
    return sorted(paths, key=lambda path: path.suffix, reverse=True)


def compare(path: Path, threads: int, rounds: int) -> dict[str, Any]:
    """One file in both tools, turn by turn; of each the quickest round counts."""
    ours, theirs, operators = [], [], []
    for _ in range(rounds):
        profile = profile_file(str(path), threads, RUNS)
        operators.append(profile.operators_us / 1e3)
        if path.suffix == ".tflite":
            ours.append(profile.inference_us / 1e3)
            theirs.append(litert_benchmark(path, threads))
        else:
            theirs.append(onnxruntime_profile(path, threads))
    alone = min(measure_file(str(path), threads, RUNS)["p50_ms"] for _ in range(rounds))
    total = min(ours) if ours else min(operators)
    return {
        "file": path.name,
        "threads": threads,
        "alone_ms": alone,
        "operators_ms": min(operators),
        "total_ms": total,
        "tool": "litert-benchmark" if ours else "onnxruntime's profile",
        "tool_ms": min(theirs),
        "ratio": total / min(theirs) if min(theirs) else float("nan"),
        "judged": not ours or min(theirs) * ALLOWED / 2 > ROUNDING_MS / 2,
    }


def litert_benchmark(path: Path, threads: int) -> float:
    """The median of LiteRT's own tool, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model", "--model", str(path)]
        command += ["--num_runs", str(RUNS), "--warmup_runs", str(WARM_UP), "--num_threads", str(threads)]
        subprocess.run([*command, "--result_json", str(result)], check=True, capture_output=True)
        return json.loads(result.read_text())["latency"]["median_ms"]


def onnxruntime_profile(path: Path, threads: int) -> float:
    """What all kernels of an inference take by the profile of a plain session, median, in ms."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(0)
        feed = {one.name: rng.normal(size=one.shape).astype(np.float32) for one in session.get_inputs()}
        for _ in range(WARM_UP + RUNS):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    sums: list[float] = []
    for event in sorted((e for e in events if "ts" in e), key=lambda event: event["ts"]):
        if event["name"] == "model_run":
            sums.append(0.0)
        elif event["name"].endswith("_kernel_time") and sums:
            sums[-1] += event["dur"]
    return float(np.median(sums[WARM_UP:])) / 1e3


def table(rows: list[dict[str, Any]]) -> str:
    """A row per file."""
    lines = [
        "| file | alone, ms | its operators, ms | the engine's own tool | ms | total / the tool's |",
        "|---" * 6 + "|",
    ]
    for row in rows:
        ratio = f"{row['ratio']:.2f}" if row["judged"] else "not judged"
        figures = f"{row['alone_ms']:.3f} | {row['operators_ms']:.3f} | {row['tool']} | {row['tool_ms']:.3f}"
        lines.append(f"| {row['file']} | {figures} | {ratio} |")
    lines += [
        f"\nOne thread, {RUNS} runs after {WARM_UP}, the quickest of the rounds of each. Alone: `edge-bench FILE`,",
        "as the monitor runs it. The total of `--operators` is, of a TFLite file, the inference in LiteRT without its",
        "profiler, of an ONNX file all operators of the profile. litert-benchmark rounds to",
        f"{ROUNDING_MS} ms: where that is over a twentieth, nothing is judged.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
