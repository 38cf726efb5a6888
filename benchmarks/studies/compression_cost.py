"""What one step of a recurrent network costs as a file: bytes, multiply-adds and time, trains beside dense kernels.

    python -m benchmarks.studies.compression_cost

One step of an LSTM (40 features, 256 and 768 units) is converted as it is streamed, states in and out, to TFLite fp32
and dynamic range and to ONNX; each train also with its cores multiplied out. Weights are random: neither size nor time
depends on them. CPU time, one thread, networks taking turns; instructions of a Cortex-A72 under the emulator, where it
is there (`make arm64`). On a machine that has much else to do, `--counts-alone` leaves times as they were recorded.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"  # the only backend that converts

import keras

from benchmarks.device.boards.bar import BAR_PROCESSOR
from benchmarks.device.boards.emulator import CannotCount, arm64, count_models
from benchmarks.export.engine_latencies import latencies
from benchmarks.lib.record import record, recorded
from export.convert.keras_to_tflite import keras_to_tflite
from training.compression.tensorised import densify
from training.layers.tensor_train import TTLSTMCell
from training.runs.cost import matrix_products

FEATURES = 40
SHAPES = ((2, 2), (3, 2), (3, 4), (4, 2))
UNITS = (256, 768)


def main() -> None:
    """Convert, measure and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--counts-alone", action="store_true", help="take the times that are recorded")
    counts_alone = parser.parse_args().counts_alone
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
        instructions = counted(files)
        times = recorded_times() if counts_alone else measured_times(files)
    for row in rows:
        row["cpu_us"] = {form: times["cpu_us"][f"{row['name']} {form}"] for form in row["bytes"]}
        row["instructions"] = {form: instructions.get(f"{row['name']} {form}") for form in row["bytes"]}
    figures = {"features": FEATURES, "note": times["note"], "rows": rows}
    record("compression_cost", figures, table(rows, times["note"]))


def counted(files: dict[str, Path]) -> dict[str, int]:
    """Instructions of one step of each file; none where no processor can be emulated."""
    try:
        return dict(zip(files, count_models(arm64(BAR_PROCESSOR), list(files.values())), strict=True))
    except CannotCount as reason:
        print(f"instructions are not counted: {reason}")
        return {}


def measured_times(files: dict[str, Path]) -> dict[str, Any]:
    """CPU time of each file, and how calm the machine was."""
    turns = latencies(files)
    named = {name.rpartition(", ")[0]: cost.cpu_us for name, cost in turns.us.items()}
    return {"cpu_us": named, "note": turns.note()}


def recorded_times() -> dict[str, Any]:
    """The same as it was recorded."""
    found = recorded("compression_cost")
    named = {f"{row['name']} {form}": own for row in found["rows"] for form, own in row["cpu_us"].items()}
    return {"cpu_us": named, "note": found["note"]}


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


def table(rows: list[dict[str, Any]], note: str) -> str:
    """Each network and form as Markdown; times as shares of the dense network of as many units in fp32."""
    lines = [
        "| one step | recurrent parameters | multiply-adds | form | bytes fp32 | dynamic | CPU time fp32 | dynamic "
        "| instructions fp32 | dynamic |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    dense = {row["name"]: row["cpu_us"]["dense fp32"] for row in rows if "dense fp32" in row["bytes"]}
    for row in rows:
        first = dense[row["name"].partition(",")[0]]
        for form in ("dense", "train", "multiplied out"):
            if f"{form} fp32" in row["bytes"]:
                sizes = [f"{row['bytes'][f'{form} {precision}']:,}" for precision in ("fp32", "dynamic")]
                times = [f"{row['cpu_us'][f'{form} {precision}'] / first:.2f}" for precision in ("fp32", "dynamic")]
                found = [row["instructions"][f"{form} {precision}"] for precision in ("fp32", "dynamic")]
                counts = ["" if count is None else f"{count:,}" for count in found]
                start = f"| {row['name']} | {row['parameters']:,} | {row['multiply_adds']:,} | {form} | "
                lines.append(start + " | ".join([*sizes, *times, *counts]) + " |")
    about = f"CPU time: 1 is the dense network in fp32. Instructions: of a {BAR_PROCESSOR}, one thread."
    return "\n".join([*lines, "", about, "", note])


if __name__ == "__main__":
    main()
