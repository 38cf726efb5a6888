"""Float TFLite files by the converters that there are, each in LiteRT beside what the original says.

python -m benchmarks.export.converters --onnx2tf-python ENV/bin/python --litert-torch-python ENV/bin/python

onnx2tf and litert-torch want other versions than this project: each runs in an environment of its own (pip install
onnx2tf onnxsim sng4onnx; pip install litert-torch); without its interpreter it is left out. Of PyTorch's models of
foreign_models and of silero-vad: ours (onnx_to_keras), onnx2tf, litert-torch. Of models of the zoo whose float file for
a Raspberry Pi is refused or errs by over 1e-4: ours, TFLiteConverter alone, onnx2tf. Some 20 minutes of one core, 8 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from benchmarks.export import foreign_torch
from benchmarks.export.foreign_models import difference, imported, of_silero
from benchmarks.export.zoo import forms
from benchmarks.export.zoo.__main__ import DESCRIPTION, SEED, builders, settle
from benchmarks.lib.record import RESULTS, record
from edge.engines.base import one_line
from export.convert.keras_graph import import_keras, with_batch_of_one
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.keras_to_tflite import keras_to_tflite
from export.fixed_inputs import Fixed
from export.networks import Feed, Network
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.parity.comparison import posterior_errors
from export.sources.loading import load_model

LIMIT_S = 300  # for one conversion
WITHIN = 1e-4  # what a float file that works differs by at most
OURS, ONNX2TF, LITERT_TORCH, ALONE = "ours", "onnx2tf", "litert-torch", "TFLiteConverter"
SILERO = "silero_vad_16k_op15.onnx"
Convert = Callable[[], bytes]
Rows = dict[str, dict[str, dict[str, Any]]]


class Failed(Exception):
    """The last that a converter said."""


@dataclass(frozen=True)
class Case:
    """What converts a model, and how far a TFLite file of it is from the original."""

    converters: dict[str, Convert]
    error: Callable[[Network], float]


@dataclass(frozen=True)
class Others:
    """The interpreters of other environments, and a folder for what passes between."""

    onnx2tf: Path | None
    litert_torch: Path | None
    folder: Path

    def of_onnx(self, content: bytes) -> dict[str, Convert]:
        """onnx2tf's float32 file, by its command; Erf, which TFLite has not, in other operators."""
        if self.onnx2tf is None:
            return {}
        command = [str(self.onnx2tf.parent / "onnx2tf"), "-i", "model.onnx", "-o", "out", "-rtpo", "Erf"]

        def convert() -> bytes:
            with tempfile.TemporaryDirectory(dir=self.folder) as place:
                (Path(place) / "model.onnx").write_bytes(content)
                run(command, Path(place))
                return (Path(place) / "out" / "model_float32.tflite").read_bytes()

        return {ONNX2TF: convert}

    def of_module(self, torch: Any, name: str, module: Any) -> dict[str, Convert]:
        """litert-torch's file of a module of foreign_torch."""
        if self.litert_torch is None:
            return {}
        weights, out = self.folder / "weights.pt", self.folder / "model.tflite"
        command = [str(self.litert_torch), "-m", "benchmarks.export.litert_torch_child", name, str(weights), str(out)]

        def convert() -> bytes:
            torch.save(module.state_dict(), weights)
            run(command, Path.cwd())
            return out.read_bytes()

        return {LITERT_TORCH: convert}


def main() -> int:
    """Convert, compare, record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--onnx2tf-python", type=Path, help="of an environment with onnx2tf")
    parser.add_argument("--litert-torch-python", type=Path, help="of an environment with litert-torch")
    parser.add_argument("--resume", action="store_true", help="after the models that are recorded")
    arguments = parser.parse_args()
    pythons = {ONNX2TF: arguments.onnx2tf_python, LITERT_TORCH: arguments.litert_torch_python}
    versions = {name: version_of(python, name) for name, python in pythons.items() if python}
    known = RESULTS / "converters.json"
    rows: Rows = json.loads(known.read_text())["rows"] if arguments.resume and known.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in cases(Others(*(pythons.values()), Path(folder))):
            if name not in rows:
                case = make()
                rows[name] = {by: converted(convert, case.error) for by, convert in case.converters.items()}
                record("converters", {"converters": versions, "rows": rows}, table(rows, versions))
    return 0


def version_of(python: Path, package: str) -> str:
    """Of a package in another environment."""
    return run([str(python), "-c", f"from importlib.metadata import version; print(version({package!r}))"]).strip()


def run(command: list[str], folder: Path | None = None) -> str:
    """The output of a command of another environment. Raises Failed with its last words."""
    own = Path(command[0]).parent.absolute()  # onnx2tf calls onnxsim by its name
    path = f"{own}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "PATH": path}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=folder, env=environment)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"not done after {LIMIT_S} s") from error
    if done.returncode:
        raise Failed(last_words(done.stdout + done.stderr) or f"ended with {done.returncode}")
    return done.stdout


def last_words(said: str) -> str:
    """The last exception that a program names; where it names none, its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    return (named or lines or [""])[-1]


def converted(convert: Convert, error_of: Callable[[Network], float]) -> dict[str, Any]:
    """Size, error and time of one conversion; or why there is no file that runs."""
    began = monotonic()
    try:
        content = convert()
        seconds = monotonic() - began
        return {"bytes": len(content), "seconds": seconds, "error": error_of(litert(content))}
    except Exception as error:  # whatever a converter raises
        return {"refused": one_line(error), "seconds": monotonic() - began}


def cases(others: Others) -> Iterator[tuple[str, Callable[[], Case]]]:
    """Every model by name; what is not installed is left out."""
    if find_spec("torch"):
        yield from torch_cases(others)
    spec = find_spec("silero_vad")
    if spec and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / "data" / SILERO
        yield f"silero-vad {SILERO}", lambda: silero_case(others, path)
    recorded = json.loads((RESULTS / "zoo.json").read_text())["rows"]
    for name, row in recorded.items():
        if name not in forms.MISTAKES and row["rpi-fp32"].get("max_posterior_error", 1.0) > WITHIN:
            yield f"zoo {name}", lambda name=name: zoo_case(others, name)


def torch_cases(others: Others) -> Iterator[tuple[str, Callable[[], Case]]]:
    """PyTorch's modules, by the newest ONNX of its old exporter."""
    import torch

    torch.manual_seed(2)
    for name, module in foreign_torch.modules(torch).items():
        module.eval()

        def case(name: str = name, module: Any = module) -> Case:
            rng = np.random.default_rng(3)
            feeds = [{"x": rng.normal(size=foreign_torch.SHAPES[name]).astype(np.float32)} for _ in range(8)]
            make = foreign_torch.ways(torch, name, module, torch.tensor(feeds[0]["x"]))
            proto = make[f"ONNX {max(foreign_torch.OPSETS[name])}"]()
            with torch.no_grad():
                expected = [{"out": module(torch.tensor(feed["x"])).numpy()} for feed in feeds]
            by = {OURS: lambda: keras_to_tflite(imported(proto, Fixed()), "fp32", None)}
            by |= others.of_onnx(proto.SerializeToString()) | others.of_module(torch, name, module)
            return Case(by, lambda network: largest(network, feeds, expected))

        yield f"PyTorch {name}", case


def silero_case(others: Others, path: Path) -> Case:
    """Its step of 16 kHz, the other inputs fixed."""
    original, feeds, model = of_silero(path)
    expected = [original(feed) for feed in feeds]
    by = {OURS: lambda: keras_to_tflite(model, "fp32", None)} | others.of_onnx(model.content)
    return Case(by, lambda network: largest(network, feeds, expected))


def zoo_case(others: Others, name: str) -> Case:
    """A detector of the zoo; its error is the largest of a posterior on the calibration frames."""
    keras = import_keras()
    keras.utils.set_random_seed(SEED)
    model, folder = builders(keras)[name](), others.folder / name
    folder.mkdir()
    settle(keras, model)
    model.save(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps(DESCRIPTION))
    loaded = load_model(folder / "model.keras", folder / "model.json")
    evidence = loaded.kind.evidence(loaded, [loaded], DEFAULT_CALIBRATION_DIR)
    onnx = keras_to_onnx(loaded.fixed)

    def alone() -> bytes:
        import tensorflow as tf

        return tf.lite.TFLiteConverter.from_keras_model(with_batch_of_one(loaded.trained)).convert()

    def error(network: Network) -> float:
        found = np.concatenate([next(iter(network(stream[0]).values())) for stream in evidence.streams])
        return float(posterior_errors(evidence.reference, found, 1.0).max())

    by = {OURS: lambda: keras_to_tflite(loaded.fixed, "fp32", None), ALONE: alone}
    return Case(by | others.of_onnx(onnx), error)


def largest(network: Network, feeds: list[Feed], expected: list[Feed]) -> float:
    """The largest difference from what is expected, over the largest value."""
    found = [as_expected(network(feed), want) for feed, want in zip(feeds, expected, strict=True)]
    return max(difference(want, got) for want, got in zip(expected, found, strict=True))


def as_expected(found: Feed, expected: Feed) -> Feed:
    """Outputs by the names of the original, told by their sizes: converters give them names and axes of their own."""
    by_size = {x.size: x for x in found.values()}
    return {name: by_size[want.size].reshape(want.shape) for name, want in expected.items()}


def litert(content: bytes) -> Network:
    """A TFLite file in LiteRT, fed by name or size, channels first or last as it takes them."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()

    def network(feed: Feed) -> Feed:
        for place in inputs:
            named = [x for name, x in feed.items() if name in place["name"]] or list(feed.values())
            x = next(x for x in named if x.size == np.prod(place["shape"]))
            interpreter.set_tensor(place["index"], as_taken(x, tuple(place["shape"])))
        interpreter.invoke()
        return {place["name"]: interpreter.get_tensor(place["index"]) for place in outputs}

    return network


def as_taken(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An input with the axes as a file has them. Raises Failed."""
    for turned in (x, np.moveaxis(x, 1, -1)):
        if turned.shape == shape:
            return np.ascontiguousarray(turned)
    raise Failed(f"its file takes {shape}, the original {x.shape}")


def table(rows: Rows, versions: dict[str, str]) -> str:
    """A row per model and converter."""
    lines = ["| model | by | TFLite, kB | error | s |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        for by, cell in row.items():
            told = f"{cell['bytes'] / 1000:,.0f} | {cell['error']:.1e}" if "error" in cell else f"{cell['refused']} | "
            lines.append(
                f"| {name} | {by} {versions.get(by, '')} | {told} | {cell['seconds']:.0f} |".replace("  ", " ")
            )
    lines.append(
        "\nError: the largest difference from the original over the largest value, in LiteRT; of the zoo the largest "
        f"posterior error on the calibration frames ({WITHIN:g} is what a file that works keeps). Seconds: with "
        "the start of what converts."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
