"""What two cause experts cost while a baby cries: the frame of an open episode, and 10 s of crying from file to event.

`python -m benchmarks.device.experts_speed`. The detector is the one that ships; the experts have the `lite` encoder
on all 273 rows, one band each, and random weights, since what they cost does not depend on them. One thread. CPU time
is given beside the clock's: it hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "tensorflow"  # the only backend that converts

from benchmarks.lib.record import record
from edge.bundle import DEFAULT_BUNDLE_DIR, Bundle, load_bundle
from edge.dsp import fused
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.pipeline import Pipeline
from edge.records import Event
from edge.synthesis import infant_cry
from export.convert.keras_to_tflite import keras_to_tflite
from training.causes.architecture import COLUMNS, HEADS, PARALLEL_LMU, ROWS, Architecture
from training.causes.model import build_model
from training.causes.streaming import cause_step

STEP_COLUMNS = 14
LABELS = {"one": ["a", "b", "c", "d", "e"], "other": ["a", "b", "c", "d", "f"]}
BAND_HZ = {"one": 4000.0, "other": 8000.0}
QUIET_S, CRY_S, SHORT_CRY_S = 3.0, 60.0, 10.0
ROUNDS = 5


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--head", default=PARALLEL_LMU, choices=HEADS)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "fp16", "dynamic"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="experts-speed-") as folder:
        bundle, n_bytes = random_bundle(Path(folder), arguments.head, arguments.precision)
        bundle.warm_up()
        frames = open_frames_ms(bundle)
        short_s = [analysis_s(bundle, seed) for seed in range(ROUNDS)]
    figures = {
        "head": arguments.head,
        "precision": arguments.precision,
        "engine": bundle.experts[0].engine_name,
        "bytes": n_bytes,
        "frames": len(frames["clock"]),
        "frame_ms": {
            name: {f"p{q}": float(np.percentile(values, q)) for q in (50, 90, 99)} for name, values in frames.items()
        },
        "stages_ms": frames_by_stage(bundle),
        "analysis_s": {
            "clock": float(np.median([row[0] for row in short_s])),
            "cpu": float(np.median([row[1] for row in short_s])),
        },
    }
    record("experts_speed", figures, table(figures))


def table(figures: dict) -> str:
    """The figures for a person."""
    lines = [
        f"Two experts, lite encoder, {figures['head']}, {figures['precision']} TFLite of "
        f"{figures['bytes'] / 1000:.0f} kB each, {figures['engine']}, {figures['frames']} frames.",
        "",
        "| | p50 | p90 | p99 |",
        "|---|---|---|---|",
    ]
    rows = {f"frame while crying, {name} time, ms": row for name, row in figures["frame_ms"].items()}
    rows.update({f"{stage}, clock time, ms": row for stage, row in figures["stages_ms"].items()})
    lines += [f"| {name} | {row['p50']:.2f} | {row['p90']:.2f} | {row['p99']:.2f} |" for name, row in rows.items()]
    analysis = figures["analysis_s"]
    return "\n".join(
        [
            *lines,
            "",
            f"{SHORT_CRY_S:g} s of crying, from samples to the event: "
            f"{analysis['clock']:.3f} s by the clock, {analysis['cpu']:.3f} s of CPU (median of {ROUNDS}).",
        ]
    )


def random_bundle(folder: Path, head: str, precision: str) -> tuple[Bundle, int]:
    """The shipped detector with two random experts; and the bytes of one expert."""
    shutil.copytree(DEFAULT_BUNDLE_DIR, folder, dirs_exist_ok=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["models"] = [model for model in manifest["models"] if model["role"] == "detector"]
    for name in LABELS:
        model = build_model(Architecture(encoder="lite", head=head), len(LABELS[name]))
        content = keras_to_tflite(cause_step(model, STEP_COLUMNS), precision, None)
        (folder / f"{name}.tflite").write_bytes(content)
        manifest["models"].append(entry(name, content))
    manifest["fusion"] = {
        "method": "all",
        "tau": 1.0,
        "uncertain": {"threshold": None, "risk": 0.2, "coverage": 0.0, "measured_risk": None, "n_validation": 0},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return load_bundle(folder), len(content)


def entry(name: str, content: bytes) -> dict:
    """What the manifest says of a random expert."""
    return {
        "role": "expert",
        "name": name,
        "labels": LABELS[name],
        "feature": {"name": "fused", "parameters": fused.PARAMETERS, "band_hz": BAND_HZ[name]},
        "normalisation": {
            "kind": "row_z_score",
            "rows": list(range(ROWS)),
            "mean": [0.0] * ROWS,
            "deviation": [10.0] * ROWS,
        },
        "step": {"columns": STEP_COLUMNS, "window_columns": COLUMNS},
        "temperature": 1.0,
        "energy_threshold": None,
        "precision": "fp32",
        "metrics": {},
        "training": {},
        "files": {
            "tflite": {
                "path": f"{name}.tflite",
                "bytes": len(content),
                "precision": "fp32",
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        },
    }


def cry(duration_s: float, seed: int) -> np.ndarray:
    """A made-up cry in a quiet room, with room before and after it."""
    rng = np.random.default_rng(seed)
    quiet = np.zeros(int(QUIET_S * SAMPLE_RATE), np.float32)
    samples = np.concatenate((quiet, infant_cry(duration_s, rng).samples, quiet)).astype(np.float32)
    return samples + (1e-3 * rng.standard_normal(len(samples))).astype(np.float32)


def open_frames_ms(bundle: Bundle) -> dict[str, list[float]]:
    """Milliseconds of every frame of an open episode, by the clock and of CPU."""
    pipeline, samples = Pipeline(bundle), cry(CRY_S, 0)
    found: dict[str, list[float]] = {"clock": [], "cpu": []}
    for first in range(0, len(samples) - FRAME_HOP, FRAME_HOP):
        hop = samples[first : first + FRAME_HOP]
        was_open, clock, cpu = pipeline.is_crying, time.perf_counter(), time.thread_time()
        pipeline.push(hop)
        if was_open:
            found["clock"].append(1e3 * (time.perf_counter() - clock))
            found["cpu"].append(1e3 * (time.thread_time() - cpu))
    return found


def frames_by_stage(bundle: Bundle) -> dict[str, dict[str, float]]:
    """Milliseconds of the experts' stages over a cry."""
    pipeline = Pipeline(bundle)
    pipeline.push(cry(CRY_S, 1))
    pipeline.finish()
    rows = {row.stage: row for row in pipeline.timings.table()}
    stages = ["detector", "fused", *(f"expert {name}" for name in LABELS), "fusion"]
    return {
        stage: {"p50": rows[stage].p50_ms, "p90": rows[stage].p90_ms, "p99": rows[stage].p99_ms} for stage in stages
    }


def analysis_s(bundle: Bundle, seed: int) -> tuple[float, float]:
    """Seconds by the clock and of CPU from the samples of a cry to its event."""
    samples = cry(SHORT_CRY_S, seed)
    clock, cpu = time.perf_counter(), time.thread_time()
    pipeline = Pipeline(bundle)
    records = pipeline.push(samples) + pipeline.finish()
    took = time.perf_counter() - clock, time.thread_time() - cpu
    if not any(isinstance(record, Event) and record.posterior for record in records):
        raise SystemExit(f"the made-up cry of seed {seed} was not heard: nothing was measured")
    return took


if __name__ == "__main__":
    main()
