"""The targets of edge-export: what each produces, what runs it, and how far it may differ from Keras."""

from dataclasses import dataclass, replace

from edge.errors import UserError


@dataclass(frozen=True)
class Bounds:
    """What parity must keep. None: reported, not bounded."""

    logit_error: float | None  # largest, over max(1, max |logit|); of a denoiser, over what it gives
    posterior_error: float  # largest
    label_agreement: float  # share of the frames where Keras's own margin is >= parity.CLEAR_MARGIN
    distance_db: float  # log-spectral, of a denoiser's frames, mean
    task_loss_points: float = 0.5  # of 100: upper end of the AUC's fall; that other metrics surely fall by
    flips: float = 0.005  # share of the frames whose decision changes within parity.NEAR of the threshold

    def widened(self, tolerance: float) -> "Bounds":
        """All but the label agreement that many times as wide."""
        scaled = {key: None if value is None else value * tolerance for key, value in vars(self).items()}
        return replace(self, **{**scaled, "label_agreement": self.label_agreement})


@dataclass(frozen=True)
class ModelFile:
    """A file that a target's bundle holds for each model."""

    kind: str  # its key in the manifest
    precision: str
    name: str  # after "ROLE."
    bounds: Bounds | None  # None: it is not a network

    def widened(self, tolerance: float) -> "ModelFile":
        """The same with its bounds that many times as wide."""
        return replace(self, bounds=self.bounds and self.bounds.widened(tolerance))


@dataclass(frozen=True)
class Target:
    """One line of the table."""

    name: str
    precision: str
    engine: str  # what runs it on the board
    files: tuple[ModelFile, ...]  # the first is the one the target is about
    tensorrt: str | None = None  # the oldest TensorRT that must import every ONNX file
    dla: bool = False  # say what a DLA would leave to the GPU
    tolerance: float = 1.0  # by which the bounds were widened
    in_float: tuple[str, ...] = ()  # layers that are not lowered

    @property
    def operators(self) -> str:
        """Which operators a model may consist of."""
        return "TFLite builtins" if self.tensorrt is None else f"ONNX 13 that TensorRT {self.tensorrt} imports"


FP32 = Bounds(logit_error=1e-3, posterior_error=1e-4, label_agreement=1.0, distance_db=0.01)
FP16 = Bounds(logit_error=None, posterior_error=0.02, label_agreement=0.995, distance_db=0.1)
BF16 = 0.08  # largest posterior error beside a model that computes in bfloat16: it rounds eight times as coarsely
QUANTISED = Bounds(logit_error=None, posterior_error=0.15, label_agreement=0.98, distance_db=1.0)

LITERT = "ai-edge-litert or tflite-runtime, else onnxruntime"
TENSORRT = "TensorRT, else onnxruntime"
ONNX_TYPED = ModelFile("onnx_typed", "fp16", "fp16.onnx", FP16)
DYNAMIC = ModelFile("tflite", "dynamic", "dynamic.tflite", QUANTISED)  # instead of int8 that is out of bounds
HALF_WEIGHTS = ModelFile("tflite", "fp16", "fp16.tflite", FP16)  # instead of dynamic that is out of bounds
WHOLE = ModelFile("tflite", "fp32", "fp32.tflite", FP32)  # instead of half precision that is out of bounds
ONNX_FP32 = ModelFile("onnx", "fp32", "fp32.onnx", FP32)  # in every bundle for engines that do not take TFLite


def for_raspberry_pi(precision: str, bounds: Bounds) -> Target:
    """A target whose model is TFLite."""
    tflite = ModelFile("tflite", precision, f"{precision}.tflite", bounds)
    return Target(f"rpi-{precision}", precision, LITERT, (tflite, ONNX_FP32))


TARGETS = {
    target.name: target
    for target in (
        Target(
            "jetson-fp16",
            "fp16",
            TENSORRT,
            (ONNX_FP32, ONNX_TYPED),
            tensorrt="8.2",
        ),
        Target(
            "jetson-int8",
            "int8",
            TENSORRT,
            (
                ModelFile("onnx", "int8", "int8.onnx", QUANTISED),
                ModelFile("onnx_fp32", "fp32", "fp32.onnx", FP32),
                ModelFile("calibration_cache", "int8", "int8.cache", None),
            ),
            tensorrt="8.2",
        ),
        for_raspberry_pi("fp32", FP32),
        for_raspberry_pi("fp16", FP16),
        for_raspberry_pi("dynamic", QUANTISED),
        for_raspberry_pi("int8", QUANTISED),
    )
}


def with_tolerance(target: Target, tolerance: float) -> Target:
    """The target with its bounds that many times as wide, but for the label agreement."""
    return replace(target, files=tuple(file.widened(tolerance) for file in target.files), tolerance=tolerance)


def with_error_budget(target: Target, budget: float) -> Target:
    """The target with less posterior error allowed in its quantised files: more layers are left in float then."""

    def narrowed(file: ModelFile) -> ModelFile:
        if file.precision not in ("int8", "int16x8", "dynamic") or file.bounds is None:
            return file
        return replace(file, bounds=replace(file.bounds, posterior_error=min(budget, file.bounds.posterior_error)))

    return replace(target, files=tuple(narrowed(file) for file in target.files))


def with_int16_activations(target: Target) -> Target:
    """The int8 target of a Raspberry Pi with int16 between the layers. Raises UserError for another target."""
    if target.name != "rpi-int8":
        raise UserError(f"--activations int16 is of rpi-int8, not of {target.name}: leave it out")
    file = ModelFile("tflite", "int16x8", "int16x8.tflite", target.files[0].bounds)
    return replace(target, precision="int16x8", files=(file, *target.files[1:]))


def find_target(name: str) -> Target:
    """The target of that name. Raises UserError listing all when unknown."""
    target = TARGETS.get(name)
    if target is None:
        raise UserError(f"unknown target {name!r}: choose one of {', '.join(TARGETS)}")
    return target


def target_table() -> list[dict[str, object]]:
    """One row per target, for --list-targets."""
    return [
        {
            "target": t.name,
            "format": t.files[0].kind,
            "precision": t.precision,
            "engine": t.engine,
            "operators": t.operators,
            "files": [file.name for file in t.files],
            "bounds": {f.name: vars(f.bounds) for f in t.files if f.bounds is not None},
        }
        for t in TARGETS.values()
    ]
