"""What each head costs at the deployed size: parameters, multiply-adds, and the latency of one 0.2-s hop.

`python -m benchmarks.studies.causes_cost`. The encoder is the `lite` one on 273 rows; weights are random, since
latency does not depend on them. A hop runs only its new columns: the step graph, or, for a head that looks at its
whole window, the encoder's step and the head on the last 233 columns. TFLite fp32 under LiteRT, one thread.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

os.environ["KERAS_BACKEND"] = "tensorflow"  # the only backend that converts

from benchmarks.lib.record import record
from edge.dsp.fused import COLUMN_S
from edge.frames import FRAME_HOP_S
from export.convert.keras_to_tflite import keras_to_tflite
from training.causes.architecture import COLUMNS, HEADS, LSTM, PARALLEL_LMU, TRANSFORMER, Architecture
from training.causes.model import build_model, head_parameters, multiply_adds
from training.causes.streaming import cause_step, encoder_step, window_head

HOP_COLUMNS = 14  # 13.3 on average; the step graph has a fixed size
N_LABELS = 5
WARM_UP, RUNS = 10, 200


def main() -> None:
    """Measure every head and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--encoder", default="lite")
    arguments = parser.parse_args()
    rows = {head: measure(head, arguments.encoder) for head in HEADS}
    saved_from = rows[LSTM]["head_parameters"]
    lines = [
        "| head | its parameters | fewer than LSTM | M multiply-adds a hop | TFLite, kB | a hop, p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for head, row in rows.items():
        fewer = f"{100 * (1 - row['head_parameters'] / saved_from):.1f} %"
        lines.append(
            f"| {head} | {row['head_parameters']} | {fewer} | {row['hop_multiply_adds'] / 1e6:.1f} | "
            f"{row['bytes'] / 1000:.0f} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} |"
        )
    record("causes_cost", {"encoder": arguments.encoder, "hop_columns": HOP_COLUMNS, "rows": rows}, "\n".join(lines))


def measure(head: str, encoder: str) -> dict[str, float]:
    """One head's figures."""
    model = build_model(Architecture(encoder=encoder, head=head), N_LABELS)
    counts = multiply_adds(model)
    by_window = head in (TRANSFORMER, PARALLEL_LMU)
    graphs = [encoder_step(model, HOP_COLUMNS), window_head(model)] if by_window else [cause_step(model, HOP_COLUMNS)]
    files = [keras_to_tflite(graph, "fp32", None) for graph in graphs]
    milliseconds = latency_ms(files)
    share = FRAME_HOP_S / COLUMN_S / COLUMNS
    return {
        "head_parameters": head_parameters(model),
        "parameters": model.count_params(),
        "hop_multiply_adds": round(counts["encoder"] * share + counts["head"] * (1 if by_window else share)),
        "bytes": sum(map(len, files)),
        "p50_ms": float(np.percentile(milliseconds, 50)),
        "p99_ms": float(np.percentile(milliseconds, 99)),
    }


def latency_ms(files: list[bytes]) -> np.ndarray:
    """Milliseconds of each run of all files, one after the other, on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    interpreters = [Interpreter(model_content=content, num_threads=1) for content in files]
    rng = np.random.default_rng(0)
    for interpreter in interpreters:
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], rng.normal(size=detail["shape"]).astype(np.float32))
    found = []
    for _ in range(WARM_UP + RUNS):
        started = time.perf_counter()
        for interpreter in interpreters:
            interpreter.invoke()
        found.append(1000 * (time.perf_counter() - started))
    return np.array(found[WARM_UP:])


if __name__ == "__main__":
    main()
