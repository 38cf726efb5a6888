"""The targets of edge-export: what each produces and how far it may differ from Keras."""

from dataclasses import dataclass

from edge.errors import UserError


@dataclass(frozen=True)
class Bounds:
    """What parity must keep. None: reported, not bounded."""

    logit_error: float | None  # largest, over max(1, max |logit|)
    posterior_error: float | None  # largest
    label_agreement: float  # share of the frames where Keras's own margin is >= parity.CLEAR_MARGIN


@dataclass(frozen=True)
class Target:
    """One line of the table."""

    name: str
    file_format: str
    precision: str
    engine: str  # what runs it on the board
    bounds: Bounds
    is_available: bool = True


FP32 = Bounds(logit_error=1e-3, posterior_error=1e-4, label_agreement=1.0)
FP16 = Bounds(logit_error=1e-2, posterior_error=2e-3, label_agreement=1.0)
QUANTISED = Bounds(logit_error=None, posterior_error=None, label_agreement=0.99)

TARGETS = {
    target.name: target
    for target in (
        Target("rpi-fp32", "tflite", "fp32", "ai-edge-litert or tflite-runtime", FP32),
        Target("rpi-fp16", "tflite", "fp16", "ai-edge-litert or tflite-runtime", FP16),
        Target("rpi-dynamic", "tflite", "dynamic", "ai-edge-litert or tflite-runtime", QUANTISED),
        Target("rpi-int8", "tflite", "int8", "ai-edge-litert or tflite-runtime", QUANTISED),
        Target("jetson-fp16", "onnx", "fp16", "TensorRT", FP16, is_available=False),
        Target("jetson-int8", "onnx", "int8", "TensorRT", QUANTISED, is_available=False),
    )
}


def find_target(name: str) -> Target:
    """The target of that name. Raises UserError listing all when unknown, or when this version cannot make it."""
    target = TARGETS.get(name)
    if target is None:
        raise UserError(f"unknown target {name!r}: choose one of {', '.join(TARGETS)}")
    if not target.is_available:
        raise UserError(
            f"target {name} is not yet in this version: on a Jetson, run any rpi-* bundle with onnxruntime, "
            f"it holds a fp32 ONNX file"
        )
    return target


def target_table() -> list[dict[str, object]]:
    """One row per target, for --list-targets."""
    return [
        {
            "target": t.name,
            "format": t.file_format,
            "precision": t.precision,
            "engine": t.engine,
            "available": t.is_available,
        }
        for t in TARGETS.values()
    ]
