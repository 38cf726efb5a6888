"""Models that others made, in and out: ONNX 13 in onnxruntime and TFLite in LiteRT beside what the originals say.

python -m benchmarks.export.foreign_models [--only NAME ...] [--resume]

Ten architectures of keras.applications, narrow, by way of Keras and, as somebody's ONNX file, by way of ONNX; a CNN, a
Transformer and a recurrent network of PyTorch, as programs of torch.export and as ONNX files of opsets 11 to 20; the
ONNX files of silero-vad, streamed; the verifier that ships, on YAMNet's patches. What is not installed (the extra
torch; pip install --no-deps silero-vad) is skipped and said. Some 20 s of one core for each.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.export import foreign_torch
from benchmarks.lib.record import RESULTS, record
from edge.bundle.model import VERIFIER
from edge.engines import open_engine
from edge.engines.base import one_line
from export.convert.keras_graph import import_keras, with_batch_of_one
from export.convert.keras_rebuild import as_converters_take_it
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.keras_to_tflite import keras_to_tflite
from export.convert.onnx_import import fix_inputs, import_onnx
from export.fixed_inputs import Fixed
from export.networks import INPUT_NAME, OUTPUT_NAME, Feed, engine_network, onnx_network
from export.onnx_model import OnnxModel
from export.parity.calibration import DEFAULT_CALIBRATION_DIR, load_calibration
from export.parity.comparison import keras_outputs
from export.sources.model_set import DEFAULT_MODEL_DIR, load_models

APPLICATIONS: dict[str, dict[str, Any]] = {
    "MobileNet": {"alpha": 0.25},
    "MobileNetV2": {"alpha": 0.35},
    "MobileNetV3Small": {"alpha": 0.75, "include_preprocessing": False},
    "MobileNetV3Large": {"alpha": 0.75, "include_preprocessing": False},
    "EfficientNetB0": {},
    "EfficientNetV2B0": {"include_preprocessing": False},
    "NASNetMobile": {},
    "DenseNet121": {},
    "ResNet50V2": {},
    "Xception": {},
}
SIZE = 96
STEPS = 8  # of a stream, each compared
SILERO_STEP, SILERO_RATE = 576, 16000  # samples: 512 and 64 of the step before
Case = tuple[Callable[[Feed], Feed], list[Feed], Any]  # the original; what it is fed; what converts: Keras or OnnxModel


def main() -> int:
    """Compare each; 1 when one does not convert or says something else."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of these models")
    parser.add_argument("--resume", action="store_true", help="after the recorded ones, and the refused again")
    arguments = parser.parse_args()
    known = json.loads((RESULTS / "foreign_models.json").read_text())["rows"] if arguments.resume else {}
    rows = {name: row for name, row in known.items() if "refused" not in row}
    absent = []
    for name, make in cases(absent):
        if name not in rows and (not arguments.only or any(name.startswith(one) for one in arguments.only)):
            rows[name] = compared(make)
            record("foreign_models", {"rows": rows, "skipped": absent}, table(rows, absent))
    return 0 if all("refused" not in row for row in rows.values()) else 1


def cases(absent: list[str]) -> Iterator[tuple[str, Callable[[], Case]]]:
    """Every model by name; what cannot be had is added to `absent`."""
    keras = import_keras()
    yield "YAMNet's patches, verifier", of_patches
    for name in APPLICATIONS:
        yield f"keras.applications {name}", lambda name=name: of_keras(keras, name)
        yield f"keras.applications {name}, as ONNX", lambda name=name: of_keras(keras, name, by_onnx=True)
    if importlib.util.find_spec("torch") and importlib.util.find_spec("onnxscript"):
        for name, proto, original, feeds in foreign_torch.models():
            yield (
                name,
                lambda proto=proto, original=original, feeds=feeds: (original, feeds, imported(proto(), Fixed())),
            )
    else:
        absent.append("PyTorch is not installed")
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        absent.append("silero-vad is not installed")
        return
    for path in sorted((Path(spec.submodule_search_locations[0]) / "data").glob("*.onnx")):
        if "sequence" not in path.name:  # of a whole recording at once
            yield f"silero-vad {path.name}", lambda path=path: of_silero(path)


def of_keras(keras: Any, name: str, by_onnx: bool = False) -> Case:
    """An architecture with random weights and moments."""
    keras.utils.set_random_seed(3)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(SIZE, SIZE, 3), classes=4, classifier_activation=None, **APPLICATIONS[name]
    )
    rng = np.random.default_rng(4)
    fixed = with_batch_of_one(as_converters_take_it(model))
    feeds = [{"features": rng.normal(size=(1, SIZE, SIZE, 3)).astype(np.float32)} for _ in range(STEPS)]

    def original(feed: Feed) -> Feed:
        return {"logits": np.asarray(model(feed["features"], training=False))}

    if not by_onnx:
        return original, feeds, fixed
    import onnx

    return original, feeds, imported(onnx.load_from_string(keras_to_onnx(fixed)), Fixed())


def of_patches() -> Case:
    """The verifier that ships, on patches of recordings."""
    model = next(model for model in load_models(DEFAULT_MODEL_DIR).models if model.role == VERIFIER)
    inputs = load_calibration(DEFAULT_CALIBRATION_DIR, model).parity.inputs[:STEPS]
    feeds = [{INPUT_NAME: x[None]} for x in inputs]
    return lambda feed: {OUTPUT_NAME: keras_outputs(model.trained, feed[INPUT_NAME])}, feeds, model.fixed


def imported(proto: Any, fixed: Fixed) -> OnnxModel:
    """Somebody's ONNX model at opset 13."""
    return OnnxModel(import_onnx(fix_inputs(proto, fixed, "model"), "model"))


def of_silero(path: Path) -> Case:
    """Speech or not of 576 samples and a state; the stream goes on with the state that the original gives."""
    import onnx

    proto = onnx.load(path)
    names = [value.name for value in proto.graph.input]
    values = {"sr": SILERO_RATE} if "sr" in names else {}
    fixed = Fixed({"input": (1, SILERO_STEP), "state": (2, 1, 128)}, values)
    original = onnx_network(fix_inputs(proto, fixed, str(path)).SerializeToString())
    rng = np.random.default_rng(5)
    state, feeds = np.zeros((2, 1, 128), np.float32), []
    for _ in range(STEPS):
        feeds.append({"input": rng.normal(0, 0.1, (1, SILERO_STEP)).astype(np.float32), "state": state})
        state = original(feeds[-1])["stateN"]
    return original, feeds, imported(proto, fixed)


def compared(make: Callable[[], Case]) -> dict[str, Any]:
    """Sizes and largest differences, over the largest value, of all outputs; or why there are none."""
    try:
        original, feeds, model = make()
        contents = {"onnx": keras_to_onnx(model), "tflite": keras_to_tflite(model, "fp32", None)}
    except Exception as error:
        return {"refused": one_line(error)}
    expected = [original(feed) for feed in feeds]
    row: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, content in contents.items():
            path = Path(folder) / f"model.{kind}"
            path.write_bytes(content)
            engine = open_engine({kind: str(path)})
            network = engine_network(engine)
            row[kind] = {
                "engine": engine.name,
                "bytes": len(content),
                "error": max(difference(want, network(feed)) for want, feed in zip(expected, feeds, strict=True)),
            }
    return row


def difference(expected: Feed, found: Feed) -> float:
    """The largest of all outputs, which are found by name, or are one."""
    pairs = [(want, found.get(name, next(iter(found.values())))) for name, want in expected.items()]
    return max(float(np.abs(want - got).max() / np.abs(want).max()) for want, got in pairs)


def table(rows: dict[str, dict[str, Any]], absent: list[str]) -> str:
    """A row per model."""
    lines = ["| model | ONNX 13, kB | error | TFLite, kB | error |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        if "refused" in row:
            lines.append(f"| {name} | refused: {row['refused']} | | | |")
            continue
        cells = [f"{row[kind]['bytes'] / 1000:,.0f} | {row[kind]['error']:.1e}" for kind in ("onnx", "tflite")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    engines = sorted({row[kind]["engine"] for row in rows.values() if "refused" not in row for kind in row})
    lines.append(
        f"\nError: the largest difference from the original over the largest value, in {' and '.join(engines)}."
    )
    return "\n".join([*lines, *(f"Skipped: {text}." for text in absent)])


if __name__ == "__main__":
    sys.exit(main())
