"""What a home that teaches the Transformer's adapters needs, by preset and Keras backend: bytes, seconds, memory.

    OMP_NUM_THREADS=1 python -m benchmarks.studies.federation_presets

About a minute on one core; the `full` one is measured by benchmarks.studies.federation_scale. Each in a process of its
own, on this machine's processor, one thread; batches of 16 frames and networks that have learnt nothing, which cost
what others do. Bytes are of real masked messages.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.lib.record import record

PRESETS = ("tiny", "pi")
BACKENDS = ("tensorflow", "torch")
BATCH, LABELS = 16, 10
WARM, TIMED = 2, 5  # steps
HOMES = 10  # in a round
ROUND_STEPS = 10


def measure(preset: str) -> dict[str, Any]:
    """In this process: numbers that are taught, milliseconds of a core a step, and the most memory held, MB."""
    import keras

    from training.federated.layout import as_vector
    from training.transformer.federated import HEAD, gradient_function, halves
    from training.transformer.model import build_classifier, with_adapters
    from training.transformer.presets import find_preset

    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(1)
    keras.utils.set_random_seed(0)
    found = find_preset(preset)
    classifier = with_adapters(build_classifier(found, LABELS), found.lora_rank)
    for name in HEAD:
        classifier.get_layer(name).trainable = True
    _, back = halves(classifier)
    gradient_of, rng = gradient_function(back), np.random.default_rng(0)
    tensors = [keras.ops.convert_to_numpy(v) for v in back.trainable_variables]
    tokens = rng.normal(size=(BATCH, *back.input.shape[1:])).astype(np.float32)
    truth, took = rng.integers(0, LABELS, BATCH).astype(np.int32), []
    for _ in range(WARM + TIMED):
        began = time.process_time()
        gradient_of(tensors, tokens, truth)
        took.append(1000 * (time.process_time() - began))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"numbers": len(as_vector(tensors)), "step_ms": median(took[WARM:]), "memory_mb": peak_mb}


def apart(preset: str, backend: str) -> dict[str, Any]:
    """measure() in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.studies.federation_presets", "--measure", preset]
    environment = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return {"preset": preset, "backend": backend, **json.loads(said.splitlines()[-1])}


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [
        f"Of this machine's processor, one thread, not of a board's: a local step on {BATCH} frames, {ROUND_STEPS} of "
        f"which are a round; the most memory that the process held. Bytes of a masked round of {HOMES} homes.",
        "",
        "| preset | adapters and head | MB up a round, 8 bits | 4 bits | Keras on | a step, core ms | memory, MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        up = " | ".join(f"{row['up'][bits] / 1e6:.3f}" for bits in ("8", "4"))
        what = f"{row['preset']} | {row['numbers']:,} | {up} | {row['backend']}"
        lines.append(f"| {what} | {row['step_ms']:.0f} | {row['memory_mb']:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", choices=PRESETS, help="one preset, in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    from benchmarks.studies.federation_bytes import one_round

    rows = []
    for preset in PRESETS:
        for backend in BACKENDS:
            row = apart(preset, backend)
            row["up"] = {str(bits): one_round(bits, True, HOMES, row["numbers"], HOMES)["up"] for bits in (8, 4)}
            rows.append(row)
            print(row, flush=True)
    record("federation_presets", {"batch": BATCH, "homes": HOMES, "rows": rows}, table(rows))


if __name__ == "__main__":
    main()
