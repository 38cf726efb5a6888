"""Inference engines behind one interface: a model file in, named inputs and outputs, `run(x)` where there is one each.

One file per backend, TensorRT a folder. Engines are imported only when opened, so that importing edge stays
quick and works where none is installed. Depends on edge.errors, edge.log and edge.runtime.systemd only.
"""

from typing import Callable, NamedTuple

from edge.engines import litert, onnx
from edge.engines.base import Engine, EngineUnavailable
from edge.engines.tensorrt import open_tensorrt
from edge.errors import UserError
from edge.log import log

__all__ = ["Engine", "EngineUnavailable", "open_engine", "open_tensorrt"]


class Candidate(NamedTuple):
    """A package that may be installed, and how a model is opened in it."""

    package: str
    file_format: str
    open: Callable[[str, int], Engine]


# In order of preference: the TFLite runtimes are fastest on ARM.
CANDIDATES = (
    Candidate("ai-edge-litert", "tflite", litert.open_litert),
    Candidate("tflite-runtime", "tflite", litert.open_tflite_runtime),
    Candidate("onnxruntime", "onnx", onnx.open_onnxruntime),
)


def open_engine(files, threads=1, tensorrt=None, role="model"):
    """Open a model in the first installed engine that has a file and accepts it.

    files: {kind: path}, see edge.bundle.files.FILE_KINDS; any may be absent. threads: of the engine, 1
    unless there is a reason. tensorrt: "fp16", "int8" or "fp32" when TensorRT is to be tried first, see
    edge.engines.tensorrt; where it cannot run the model, that is said and the next engine does.
    role: what the model is, under which TensorRT's engine is kept. Returns an Engine.
    Raises UserError naming every candidate and why it was passed over.
    """
    reasons = []
    if tensorrt:
        try:
            return _opened(open_tensorrt(files, tensorrt, role), files["onnx"])
        except EngineUnavailable as unavailable:
            reasons.append("TensorRT: {}".format(unavailable))
    for candidate in CANDIDATES:
        path = files.get(candidate.file_format)
        if path is None:
            reasons.append("{}: the model has no {} file".format(candidate.package, candidate.file_format))
            continue
        try:
            engine = candidate.open(str(path), threads)
        except EngineUnavailable as unavailable:
            reasons.append("{}: {}".format(candidate.package, unavailable))
            if unavailable.installed:
                log.warning("engine passed over, %s", reasons[-1])
            continue
        if tensorrt:
            log.warning("the %s is meant for TensorRT; %s runs it instead (%s)", role, engine.name, reasons[0])
        return _opened(engine, path)
    raise UserError(
        "no inference engine can run {} ({}); install one: {}".format(
            ", ".join(str(path) for path in files.values()) or "a model without files",
            "; ".join(reasons),
            " or ".join("pip install " + c.package for c in CANDIDATES if c.file_format in files) or "none fits",
        )
    )


def _opened(engine, path):
    log.info("engine %s opened %s", engine.name, path)
    engine.path = str(path)
    return engine
