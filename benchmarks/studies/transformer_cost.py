"""What denoiser and Transformer cost: parameters beside the designed ones, multiply-adds, each component's latency.

    python -m benchmarks.studies.transformer_cost [--python COMMAND ...]

Components are graphs of their own, cut where one part ends; weights are random, since latency does not depend on them.
Every engine and precision takes turns on one thread; engines that this Python cannot have (tflite-runtime 2.14 needs
Python 3.11 or older and NumPy 1) are timed under each COMMAND that starts another one. Instructions are counted on an
emulated Cortex-A72 where there is an arm64 root (`make arm64`). The milliseconds of a Raspberry Pi 4, from them, and of
a Jetson Nano's GPU, by its roofline, are **estimates**: neither was at hand.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

os.environ["KERAS_BACKEND"] = "tensorflow"  # the only backend that converts
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from benchmarks.device.boards.emulator import CannotCount, arm64, count_models
from benchmarks.device.boards.milliseconds import BOARDS, estimate
from benchmarks.export.engine_latencies import latencies, latencies_under
from benchmarks.lib.record import record
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.keras_to_tflite import keras_to_tflite
from training.transformer.model import DENOISER, ENCODER, TOKENIZER, build_classifier, build_denoiser
from training.transformer.presets import PRESETS, Preset
from training.transformer.sizes import HEAD, LABELS, multiply_adds, parameter_table

MEASURED = ("full", "pi")
DESIGNED = {"denoiser": 425_249, "tokenizer": 617_920, "encoder": 15_766_528, "head": 16_901, "adapters": 1_867_776,
           "total": 18_694_374}  # fmt: skip
PARTS = (DENOISER, TOKENIZER, ENCODER, HEAD)
WHOLE = "classifier"
PRECISIONS = ("fp32", "fp16", "dynamic", "int8")
DYNAMIC = "dynamic"
INT8_FEEDS = 8
BUDGET_MS, BUDGET_PRESET = 25.0, "full"
PI_BYTES, PI_MULTIPLY_ADDS = 5_000_000, 60_000_000  # DESIGN 9
GPU_FLOPS, GPU_BYTES_S = 472e9, 25.6e9  # a Jetson Nano: fp16 peak and memory, as NVIDIA states them
COUNTED = next(board for board in BOARDS if board.name == "Raspberry Pi 4")
HALF = 2  # bytes of an fp16 number


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, action="append", help=f"default: {' and '.join(MEASURED)}")
    parser.add_argument("--precision", choices=PRECISIONS, action="append", help="of the TFLite files; default: all")
    parser.add_argument("--python", action="append", default=[], metavar="COMMAND", help="for the engines it has")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"budget_ms": BUDGET_MS, "presets": {}}
    for name in arguments.preset or MEASURED:
        figures["presets"][name] = measured(PRESETS[name], arguments.precision or PRECISIONS, arguments.python)
    record("transformer_cost", figures, table(figures["presets"]))


def measured(preset: Preset, precisions: Sequence[str], pythons: Sequence[str]) -> dict[str, Any]:
    """One preset's parameters, multiply-adds, bytes, latencies and roofline."""
    graphs = components(preset)
    products: dict[str, int] = {}
    for model in (graphs[DENOISER], graphs[WHOLE]):
        products.update(multiply_adds(model))
    with tempfile.TemporaryDirectory(prefix="transformer-cost-") as folder:
        files = converted(graphs, precisions, Path(folder))
        runs = [*(latencies_under(python, files) for python in pythons), latencies(files)]
        instructions = counted(files)
        sizes = {name: path.stat().st_size for name, path in files.items()}
    return {
        "parameters": parameter_table(preset),
        "multiply_adds": products,
        "bytes": sizes,
        "us": {name: cost._asdict() for turns in runs for name, cost in turns.us.items()},
        "disturbed": sorted({reason for turns in runs for reason in turns.disturbed}),
        "instructions": instructions,
        "gpu_ms": {part: roofline_ms(graphs[part], products[part]) for part in PARTS},
    }


def components(preset: Preset) -> dict[str, keras.Model]:
    """{part: its own model of batch 1}, and the whole classifier."""
    classifier, denoiser = batch_of_one(build_classifier(preset, LABELS)), batch_of_one(build_denoiser(preset))
    tokens = classifier.get_layer("tokenizer_tokens").output
    encoded = classifier.get_layer("encoder_norm").output
    tokenizer = keras.Model(classifier.input, tokens, name=TOKENIZER)
    encoder = cut(classifier, tokens, encoded, ENCODER)
    head = cut(classifier, encoded, classifier.output, HEAD)
    return {DENOISER: denoiser, TOKENIZER: tokenizer, ENCODER: encoder, HEAD: head, WHOLE: classifier}


def batch_of_one(model: keras.Model) -> keras.Model:
    """The same layers with a fixed batch."""
    x = keras.Input(batch_shape=(1, *model.input.shape[1:]), name=model.input.name)
    return keras.Model(x, through(model.layers, x), name=model.name) if is_chain(model) else rebatched(model, x)


def is_chain(model: keras.Model) -> bool:
    """Whether every layer has one input, the one before it."""
    return all(not isinstance(layer.input, list) for layer in model.layers)


def through(layers: list[keras.layers.Layer], x: Any) -> Any:
    """One layer after the other."""
    for layer in layers:
        if not isinstance(layer, keras.layers.InputLayer):
            x = layer(x)
    return x


def rebatched(model: keras.Model, x: Any) -> keras.Model:
    """A model with skips, cloned onto another input."""
    return keras.models.clone_model(model, input_tensors=x)


def cut(model: keras.Model, begin: Any, end: Any, name: str) -> keras.Model:
    """The layers between two tensors of a chain, on an input of their own."""
    names = [layer.name for layer in model.layers]
    first = next(i for i, layer in enumerate(model.layers) if layer.output is begin) + 1
    last = next(i for i, layer in enumerate(model.layers) if layer.output is end)
    x = keras.Input(batch_shape=begin.shape, name="features")
    assert first <= last < len(names)
    return keras.Model(x, through(model.layers[first : last + 1], x), name=name)


def converted(graphs: dict[str, keras.Model], precisions: tuple[str, ...], folder: Path) -> dict[str, Path]:
    """{"COMPONENT, PRECISION TFLite or fp32 ONNX": file}; int8 of the denoiser and the whole classifier alone."""
    files = {}
    for part, model in graphs.items():
        for precision in precisions:
            if precision == "int8" and part not in (DENOISER, WHOLE):
                continue
            path = folder / f"{part}.{precision}.tflite"
            path.write_bytes(keras_to_tflite(model, precision, feeds(model) if precision == "int8" else None))
            files[f"{part}, {precision} TFLite"] = path
        path = folder / f"{part}.onnx"
        path.write_bytes(keras_to_onnx(model))
        files[f"{part}, fp32 ONNX"] = path
    return files


def feeds(model: keras.Model) -> list[dict[str, np.ndarray]]:
    """Inputs that int8 ranges are taken from: noise, for latency alone."""
    rng = np.random.default_rng(0)
    shape, name = tuple(model.input.shape), model.input.name
    return [{name: rng.standard_normal(shape).astype(np.float32)} for _ in range(INT8_FEEDS)]


def counted(files: dict[str, Path]) -> dict[str, int]:
    """{component: instructions of one run of its dynamic-range file}; none where no processor can be emulated."""
    dynamic = {name.split(", ")[0]: path for name, path in files.items() if f", {DYNAMIC} TFLite" in name}
    try:
        return dict(zip(dynamic, count_models(arm64(COUNTED.processor), list(dynamic.values()))))
    except CannotCount as reason:
        print(f"instructions are not counted: {reason}")
        return {}


def roofline_ms(model: keras.Model, products: int) -> dict[str, float]:
    """At least so long on a Jetson Nano's GPU: by its arithmetic, and by its memory, in fp16; the larger counts.

    Weights and every layer's output are moved once; launches of kernels and what peaks leave out come on top.
    """
    weights = sum(int(np.prod(weight.shape)) for weight in model.weights)
    values = sum(int(np.prod(layer.output.shape)) for layer in model.layers)
    compute = 1e3 * 2 * products / GPU_FLOPS
    memory = 1e3 * HALF * (weights + 2 * values) / GPU_BYTES_S
    return {"compute_ms": compute, "memory_ms": memory, "ms": max(compute, memory)}


def table(presets: dict[str, Any]) -> str:
    """All of it as Markdown."""
    lines = ["| parameters | " + " | ".join(DESIGNED) + " |", "|---" * (1 + len(DESIGNED)) + "|"]
    lines.append("| designed | " + " | ".join(f"{n:,}" for n in DESIGNED.values()) + " |")
    for name, row in presets.items():
        lines.append(f"| `{name}` | " + " | ".join(f"{row['parameters'][part]:,}" for part in DESIGNED) + " |")
    lines += ["", "| a frame | " + " | ".join(PARTS) + " | denoiser + classifier |", "|---" * (2 + len(PARTS)) + "|"]
    for name, row in presets.items():
        cells = [f"{row['multiply_adds'][part] / 1e6:.2f}" for part in PARTS]
        total = sum(row["multiply_adds"].values()) / 1e6
        lines.append(f"| `{name}`, M multiply-adds | {' | '.join(cells)} | {total:.1f} |")
        for kind in kinds(row["us"]):
            lines.append(latency_line(name, kind, row["us"], bool(row["disturbed"])))
        lines += instruction_lines(name, row["instructions"])
        cells = [f"{row['gpu_ms'][part]['ms']:.2f}" for part in PARTS]
        total = sum(part["ms"] for part in row["gpu_ms"].values())
        lines.append(f"| `{name}`, **estimate** for a Nano's GPU, at least, ms | {' | '.join(cells)} | {total:.2f} |")
    notes = [verdict(name, row) for name, row in presets.items()]
    disturbed = sorted({reason for row in presets.values() for reason in row["disturbed"]})
    note = "The run was undisturbed."
    if disturbed:
        note = f"Disturbed ({'; '.join(disturbed)}): times are ratios; what is held to a bar is an upper bound."
    return "\n".join([*lines, "", " ".join([*filter(None, notes), "Medians of CPU time on one thread.", note])])


def kinds(us: dict[str, Any]) -> list[str]:
    """What follows the component's name: precision, format, engine."""
    return sorted({name.split(", ", 1)[1] for name in us})


def latency_line(preset: str, kind: str, us: dict[str, Any], is_disturbed: bool) -> str:
    """One row of milliseconds; a part that was not cut out alone, or that the engine does not read, stays empty.

    Of a disturbed run: over what the quickest kind takes for denoiser and classifier.
    """
    quickest = min(both for both in (both_ms(us, one) for one in kinds(us)) if both is not None)
    unit, what = (quickest, "times the quickest") if is_disturbed else (1.0, "ms")
    found = {name.split(", ", 1)[0]: cost["cpu_us"] / 1e3 for name, cost in us.items() if name.endswith(f", {kind}")}
    cells = [f"{found[part] / unit:.2f}" if part in found else "" for part in PARTS]
    both = both_ms(us, kind)
    return f"| `{preset}`, {kind}, {what} | {' | '.join(cells)} | {'' if both is None else f'{both / unit:.2f}'} |"


def both_ms(us: dict[str, Any], kind: str) -> float | None:
    """Denoiser and classifier, one after the other; None where the engine does not read both."""
    found = [us.get(f"{part}, {kind}") for part in (DENOISER, WHOLE)]
    return sum(cost["cpu_us"] for cost in found) / 1e3 if all(found) else None


def instruction_lines(preset: str, instructions: dict[str, int]) -> list[str]:
    """Two rows: what was counted, and the milliseconds that follow from it."""
    if not instructions:
        return []
    whole = instructions[DENOISER] + instructions[WHOLE]
    numbers = [*(instructions[part] for part in PARTS), whole]
    ms = [estimate(n, COUNTED) for n in numbers]
    what = f"`{preset}`, {DYNAMIC} TFLite"
    return [f"| {what}, M instructions of a {COUNTED.processor} | {' | '.join(f'{n / 1e6:.1f}' for n in numbers)} |",
            f"| {what}, **estimate** for a {COUNTED.name}, ms | "
            + " | ".join(f"{m.likely_ms:.1f} ({m.low_ms:.1f}-{m.high_ms:.1f})" for m in ms) + " |"]  # fmt: skip


def verdict(name: str, row: dict[str, Any]) -> str:
    """Whether a preset keeps its budget, in the engine that is quickest with it."""
    dynamic = [kind for kind in kinds(row["us"]) if kind.startswith(f"{DYNAMIC} ")]
    timed = [(both_ms(row["us"], kind), kind) for kind in dynamic if both_ms(row["us"], kind) is not None]
    if name == BUDGET_PRESET and timed:
        both, kind = min(timed)
        return f"`{name}` takes {both:.1f} ms in {kind}, bar {BUDGET_MS:g}: {kept(both <= BUDGET_MS)}."
    if name == "pi" and dynamic:
        size = row["bytes"][f"{DENOISER}, dynamic TFLite"] + row["bytes"][f"{WHOLE}, dynamic TFLite"]
        products = sum(row["multiply_adds"].values())
        return (f"`{name}` weighs {size / 1e6:.2f} MB so, bar {PI_BYTES / 1e6:g}: {kept(size <= PI_BYTES)}; "
                f"{products / 1e6:.1f} M multiply-adds a frame, bar {PI_MULTIPLY_ADDS / 1e6:g}: "
                f"{kept(products <= PI_MULTIPLY_ADDS)}.")  # fmt: skip
    return ""


def kept(is_kept: bool) -> str:
    """As the tables say it."""
    return "kept" if is_kept else "not kept"


if __name__ == "__main__":
    main()
