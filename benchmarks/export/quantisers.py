"""Our int8, dynamic and FP16 files of the trained models beside those of the converters' own recipes.

    python -m benchmarks.export.quantisers [--resume] [--files KIND ...] [--only NAME ...]

TFLiteConverter as its guide says, onnxruntime.quantization (static Q/DQ per channel, and dynamic), ai-edge-quantizer
(pip install ai-edge-quantizer). All quantise the same network on the same frames and are judged on the same others.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.lib.record import RESULTS, record
from edge.engines.base import one_line
from export.convert import keras_to_tflite as converter
from export.convert.files import tflite as our_tflite
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.onnx_fp16 import to_fp16
from export.convert.onnx_int8 import quantise
from export.convert.quiet import quiet
from export.networks import Feed, state_shapes
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.parity.evidence import Evidence
from export.parity.measure import engine_outputs, latency_ms, opened
from export.sources.model_set import DEFAULT_MODEL_DIR, load_models

OURS, THEIRS = "ours", "TFLiteConverter"
ORT, AEQ = "onnxruntime.quantization", "ai-edge-quantizer"
KINDS = ("int8 TFLite", "dynamic TFLite", "fp16 TFLite", "int16x8 TFLite", "int8 ONNX", "fp16 ONNX")
EQUAL = 1.05  # by which an error may be larger and still be as good
SAME_SIZE = 1.1  # by which a file may be larger and still be of the size
Maker = Callable[[Evidence, bytes, bytes], bytes]  # evidence, fp32 ONNX, fp32 TFLite -> file


def tflite(precision: str, is_ours: bool) -> Maker:
    """By our converter's choice of operators, or with every operator as the guide has it."""

    def make(evidence: Evidence, onnx: bytes, whole: bytes) -> bytes:
        model, feeds = evidence.model.fixed, evidence.feeds
        if is_ours:
            return our_tflite(evidence.model, onnx, precision, feeds)
        return converter.convert_once(model, precision, feeds, None)

    return make


def onnxruntime_static(evidence: Evidence, onnx: bytes, whole: bytes) -> bytes:
    """Q/DQ, int8 per channel, ranges by minimum and maximum."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self, feeds: Sequence[Feed]) -> None:
            self.left = iter(feeds)

        def get_next(self) -> Feed | None:
            return next(self.left, None)

    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.onnx", Path(folder) / "out.onnx"
        source.write_bytes(onnx)
        types = {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8}
        symmetric = {"ActivationSymmetric": True}  # what TensorRT takes
        quantize_static(
            source,
            out,
            Reader(evidence.feeds),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            extra_options=symmetric,
            **types,
        )
        return out.read_bytes()


def ai_edge(name: str, is_static: bool) -> Maker:
    """A recipe of ai-edge-quantizer."""

    def make(evidence: Evidence, onnx: bytes, whole: bytes) -> bytes:
        from ai_edge_quantizer import quantizer, recipe

        made = quantizer.Quantizer(whole, getattr(recipe, name)())
        calibrated = made.calibrate({"serving_default": evidence.feeds}, num_threads=1) if is_static else None
        return bytes(made.quantize(calibrated, enable_progress_report=False).quantized_model)

    return make


MAKERS: dict[tuple[str, str], Maker] = {
    ("int8 TFLite", OURS): tflite("int8", True),
    ("int8 TFLite", THEIRS): tflite("int8", False),
    ("int8 TFLite", AEQ): ai_edge("static_wi8_ai8", True),
    ("dynamic TFLite", OURS): tflite("dynamic", True),
    ("dynamic TFLite", AEQ): ai_edge("dynamic_wi8_afp32", False),
    ("fp16 TFLite", OURS): tflite("fp16", True),
    ("int16x8 TFLite", OURS): tflite("int16x8", True),
    ("int16x8 TFLite", AEQ): ai_edge("static_wi8_ai16", True),
    ("int8 ONNX", OURS): lambda evidence, onnx, whole: quantise(onnx, evidence.feeds).content,
    ("int8 ONNX", ORT): onnxruntime_static,
    ("fp16 ONNX", OURS): lambda evidence, onnx, whole: to_fp16(onnx),
}


def main() -> int:
    """Make and measure all; 1 when ours err more than another of the same kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resume", action="store_true", help="go on after the models that are recorded already")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of these models")
    parser.add_argument("--files", nargs="+", metavar="KIND", choices=KINDS, help="these again, of what is recorded")
    arguments = parser.parse_args()
    recorded = RESULTS / "quantisers.json"
    kept = (arguments.resume or arguments.files) and recorded.exists()
    rows = json.loads(recorded.read_text())["rows"] if kept else {}
    models = load_models(DEFAULT_MODEL_DIR).models
    print(f"{len(models)} models x {len(MAKERS)} files: about {3 * len(models)} minutes on two cores")
    for model in models:
        is_due = arguments.files or model.title not in rows
        if is_due and (not arguments.only or model.title in arguments.only):
            found = measured(model.kind.evidence(model, models, DEFAULT_CALIBRATION_DIR), arguments.files or KINDS)
            rows[model.title] = {**rows.get(model.title, {}), **found}
            store(rows)  # after each: what was measured stays when the rest is cut
    store(rows)
    return 1 if beaten(rows) else 0


def store(rows: dict[str, Any]) -> None:
    """Write what is known so far."""
    version = importlib.metadata.version("ai-edge-quantizer")
    record("quantisers", {"ai_edge_quantizer": version, "rows": rows}, table(rows))


def measured(evidence: Evidence, wanted: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """By kind and maker, what a file is; or why there is none."""
    onnx = keras_to_onnx(evidence.model.fixed)
    whole = converter.keras_to_tflite(evidence.model.fixed, "fp32", None)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (kind, maker), make in MAKERS.items():
        if kind not in wanted:
            continue
        try:
            with quiet():
                content = make(evidence, onnx, whole)
            found.setdefault(kind, {})[maker] = figures_of(content, kind, evidence)
        except Exception as error:  # a tool of someone else's can fail in any way
            found.setdefault(kind, {})[maker] = {"failed": one_line(error)}
    return found


def figures_of(content: bytes, kind: str, evidence: Evidence) -> dict[str, Any]:
    """Size, latency, and how far the answers are from Keras."""
    with tempfile.TemporaryDirectory() as folder:
        engine = opened(content, "tflite" if "TFLite" in kind else "onnx", Path(folder) / "file")
        outputs = engine_outputs(engine, evidence.streams, state_shapes(evidence.model.fixed))
        parity = evidence.comparison.compare(evidence.reference, outputs).parity.as_dict()
        latency = latency_ms(engine, evidence.feeds[-1])
    return {
        "bytes": len(content),
        "latency_ms": latency,
        "error": parity.get("mean_posterior_error", parity.get("distance_db")),
        "largest": parity.get("max_posterior_error", parity.get("max_distance_db")),
        "label_agreement": parity.get("label_agreement"),
    }


def beaten(rows: dict[str, Any]) -> list[str]:
    """Where another tool's file errs less than ours of its kind, and than all of ours in its format at its size."""
    found = []
    for title, kinds in rows.items():
        ours = {kind: makers[OURS] for kind, makers in kinds.items() if "failed" not in makers[OURS]}
        for kind, makers in kinds.items():
            for maker, other in makers.items():
                if maker == OURS or "failed" in other or other["error"] is None:
                    continue
                same_size = [
                    row["error"]
                    for name, row in ours.items()
                    if name == kind or name[-4:] == kind[-4:] and row["bytes"] <= SAME_SIZE * other["bytes"]
                ]
                if other["error"] * EQUAL < min(same_size, default=float("inf")):
                    found.append(f"{title}, {kind}: {maker}")
    return found


def table(rows: dict[str, Any]) -> str:
    """A row per model, kind and tool."""
    lines = ["| model | file | by | kB | error, mean | largest | labels agree | ms here |", "|---" * 8 + "|"]
    for title, kinds in rows.items():
        for kind in KINDS:
            for maker, row in kinds.get(kind, {}).items():
                cells = [title, kind, maker]
                if "failed" in row:
                    lines.append(f"| {' | '.join(cells)} | fails: {row['failed'][:90]} |  |  |  |  |")
                    continue
                agree = "" if row["label_agreement"] is None else f"{row['label_agreement']:.2%}"
                cells += [f"{row['bytes'] / 1000:.0f}", f"{row['error']:.1e}", f"{row['largest']:.1e}", agree]
                cells.append(f"{row['latency_ms']:.3f}")
                lines.append(f"| {' | '.join(cells)} |")
    better = beaten(rows)
    lines += [
        "\nErrors are of the posterior against Keras, of the denoiser decibels of log-spectral distance. The file of",
        "another tool errs less than ours of its kind, and than all of ours in its format that are at most",
        f"{SAME_SIZE - 1:.0%} larger: {'; '.join(better) or 'nowhere'}. Weights of our int8 ONNX are floats",
        "behind Q/DQ, as TensorRT 8.2 reads them. FP16 ONNX runs in single precision here.",
        "Where int8 is outside its bounds, edge-export writes another file.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
