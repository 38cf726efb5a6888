"""What one step of a recurrent network costs as a file: bytes, multiply-adds and time, trains beside dense kernels.

    python -m benchmarks.studies.compression_cost

One step of an LSTM (40 features, 256 and 768 units) is converted as it is streamed, states in and out, to TFLite fp32
and dynamic range and to ONNX; each train also with its cores multiplied out. Weights are random: neither size nor time
depends on them. CPU time, one thread, networks taking turns.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"  # the only backend that converts

import keras

from benchmarks.export.engine_latencies import latencies
from benchmarks.lib.record import record
from export.convert.keras_to_tflite import keras_to_tflite
from training.compression.tensorised import densify
from training.layers.tensor_train import TTLSTMCell
from training.runs.cost import matrix_products

FEATURES = 40
SHAPES = ((2, 2), (3, 2), (3, 4), (4, 2))
UNITS = (256, 768)


def main() -> None:
    """Convert, measure and record the table."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    rows, files = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for units in UNITS:
            for shape in (None, *SHAPES):
                row = network(units, shape)
                for form, content in row.pop("files").items():
                    path = Path(folder) / f"{len(rows)}-{form}.tflite"
                    path.write_bytes(content)
                    files[f"{row['name']} {form}"] = path
                rows.append(row)
        turns = latencies(files)
    for row in rows:
        row["cpu_us"] = {
            form: next(c.cpu_us for name, c in turns.us.items() if name.startswith(f"{row['name']} {form}, "))
            for form in row["bytes"]
        }
    record("compression_cost", {"features": FEATURES, "disturbed": turns.disturbed, "rows": rows}, table(rows, turns))


def network(units: int, shape: tuple[int, int] | None) -> dict[str, Any]:
    """One network's sizes and files."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((1, FEATURES))
    if shape is None:
        whole = keras.Model(inputs, keras.layers.LSTM(units, name="head")(inputs))
        kept = {"dense": whole}
    else:
        whole = keras.Model(inputs, keras.layers.RNN(TTLSTMCell(units, *shape), name="head")(inputs))
        kept = {"train": whole, "multiplied out": densify(whole)}
    head = whole.get_layer("head")
    files = {}
    for form, model in kept.items():
        for precision in ("fp32", "dynamic"):
            files[f"{form} {precision}"] = keras_to_tflite(one_step(model.get_layer("head")), precision, None)
    name = f"LSTM {units}" + ("" if shape is None else f", d {shape[0]}, r {shape[1]}")
    work = matrix_products(head) if shape is None else head.cell.multiply_adds
    sizes = {form: len(content) for form, content in files.items()}
    return {"name": name, "parameters": head.count_params(), "multiply_adds": work, "bytes": sizes, "files": files}


def one_step(head: Any) -> keras.Model:
    """The cell with its states as inputs and outputs, batch 1."""
    cell = head.cell
    x = keras.Input(batch_shape=(1, FEATURES), name="x")
    states = [keras.Input(batch_shape=(1, cell.units), name=f"state_{number}") for number in range(2)]
    _, new = cell(x, states)
    outputs = {f"new_state_{number}": keras.layers.Identity()(state) for number, state in enumerate(new)}
    return keras.Model([x, *states], outputs)


def table(rows: list[dict[str, Any]], turns: Any) -> str:
    """Each network and form as Markdown; times as shares of the dense network of as many units in fp32."""
    lines = [
        "| one step | recurrent parameters | multiply-adds | form | bytes fp32 | dynamic | CPU time fp32 | dynamic |",
        "|---|---|---|---|---|---|---|---|",
    ]
    dense = {row["name"]: row["cpu_us"]["dense fp32"] for row in rows if "dense fp32" in row["bytes"]}
    for row in rows:
        first = dense[row["name"].partition(",")[0]]
        for form in ("dense", "train", "multiplied out"):
            if f"{form} fp32" in row["bytes"]:
                sizes = [f"{row['bytes'][f'{form} {precision}']:,}" for precision in ("fp32", "dynamic")]
                times = [f"{row['cpu_us'][f'{form} {precision}'] / first:.2f}" for precision in ("fp32", "dynamic")]
                start = f"| {row['name']} | {row['parameters']:,} | {row['multiply_adds']:,} | {form} | "
                lines.append(start + " | ".join([*sizes, *times]) + " |")
    return "\n".join([*lines, "", "CPU time: 1 is the dense network in fp32.", "", turns.note()])


if __name__ == "__main__":
    main()
