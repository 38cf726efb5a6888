"""ONNX -> TensorRT engine, on the board that will run it."""

import re
from typing import NamedTuple

from edge.engines.base import EngineUnavailable
from edge.engines.tensorrt.api import why
from edge.engines.tensorrt.progress import BuildProgress, make_monitor
from edge.errors import UserError

# A Nano's 4 GB are the processor's and the GPU's together; system, CUDA and cuDNN take half of them before the
# first layer is timed. The largest tensor of these models has well under 1 MB: more room would win nothing.
WORKSPACE_BYTES = 128 << 20
SHOWN_ERRORS = 3


class Plan(NamedTuple):
    """From which file an engine is built, and what says its precision."""

    kind: str  # of the file
    typed: bool = False  # the types in the file do; else the builder's flags
    calibrated: bool = False  # int8 ranges come from the calibration cache


class Built(NamedTuple):
    """An engine and what TensorRT learnt on the way, both bytes."""

    engine: bytes
    timing_cache: bytes
    plan: Plan


def plans(files, precision, api):
    """The ways to build this precision with this TensorRT, the best first. Raises EngineUnavailable.

    files: {kind: path}, see edge.bundle.files.FILE_KINDS.
    """
    ways = []
    if precision == "int8":
        ways.append(Plan("onnx", typed=api.typed_networks))
        if api.precision_flags and "onnx_fp32" in files and "calibration_cache" in files:
            ways.append(Plan("onnx_fp32", calibrated=True))
    elif precision == "fp32":
        ways.append(Plan("onnx", typed=api.typed_networks))
    elif api.typed_networks and "onnx_typed" in files:
        ways.append(Plan("onnx_typed", typed=True))
    elif api.precision_flags:
        ways.append(Plan("onnx"))
    ways = [plan for plan in ways if plan.kind in files]
    if not ways:
        raise EngineUnavailable(
            "the bundle has no file from which this TensorRT builds {}: export it again with "
            "edge-export --target jetson-{}".format(precision, precision)
        )
    return ways


def check_precision(trt, api, gpu, logger, precision):
    """Raise EngineUnavailable when the GPU has no fast int8; from TensorRT 11 every GPU it drives has."""
    if precision == "int8" and api.precision_flags:
        builder = trt.Builder(logger)
        if not builder.platform_has_fast_int8:
            raise EngineUnavailable(
                "{} has no fast int8 arithmetic, so int8 would run slower than fp16 there: use the bundle of "
                "edge-export --target jetson-fp16".format(gpu.name)
            )


def build(trt, api, logger, files, precision, known_timings, say):
    """Build an engine. Takes minutes; say is called with lines for a person.

    known_timings: timing cache of an earlier build on this TensorRT and GPU, or empty. Returns Built.
    Raises EngineUnavailable when TensorRT refuses the model in every way there is.
    """
    refusals = []
    for plan in plans(files, precision, api):
        if refusals:
            say("{}; trying {}".format(refusals[-1], plan.kind))
        with BuildProgress(say, lambda: logger.messages) as progress:
            try:
                built = _build_once(trt, api, logger, files, precision, known_timings, plan, progress)
            except EngineUnavailable as refusal:
                refusals.append(str(refusal))
                continue
        say("built from {} in {:.0f} s".format(plan.kind, progress.elapsed_s()))
        return built
    raise EngineUnavailable("; ".join(refusals))


def _build_once(trt, api, logger, files, precision, known_timings, plan, progress):
    del logger.errors[:]
    builder = trt.Builder(logger)
    network = _parse(trt, api, logger, builder, plan, _read(files[plan.kind]))
    config = builder.create_builder_config()
    if api.memory_pools:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    else:
        config.max_workspace_size = WORKSPACE_BYTES
    held = [_use_timing_cache(config, known_timings)]  # not every version keeps what it was given alive
    if api.progress_monitor:
        held.append(make_monitor(trt, progress))
        config.progress_monitor = held[-1]
    if api.precision_flags:
        if not plan.typed:
            _set_precision(trt, builder, config, network, precision)
        if plan.calibrated:
            held.append(_make_calibrator(trt, cache_for(trt.__version__, _read(files["calibration_cache"]))))
            config.int8_calibrator = held[-1]
    serialized = builder.build_serialized_network(network, config)
    if serialized is None:
        raise EngineUnavailable(
            "TensorRT {} cannot build {} ({})".format(trt.__version__, files[plan.kind], why(logger))
        )
    timing_cache = config.get_timing_cache()
    return Built(bytes(serialized), bytes(timing_cache.serialize()) if timing_cache is not None else b"", plan)


def _parse(trt, api, logger, builder, plan, content):
    """The network of an ONNX file's bytes. Raises EngineUnavailable with the parser's errors."""
    flags = 0
    if api.explicit_batch:
        flags |= 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    if api.typed_networks and plan.typed:
        flags |= 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(content):
        texts = []
        for index in range(min(parser.num_errors, SHOWN_ERRORS)):
            problem = parser.get_error(index)
            texts.append("node {}: {}".format(problem.node(), " ".join(problem.desc().split())))
        more = parser.num_errors - len(texts)
        raise EngineUnavailable(
            "TensorRT {} does not import the model ({}{})".format(
                trt.__version__, "; ".join(texts) or why(logger), "; {} more".format(more) if more else ""
            )
        )
    return network


def _use_timing_cache(config, content):
    """Start from what an earlier build measured, as far as TensorRT accepts it."""
    timing_cache = config.create_timing_cache(content)
    if timing_cache is None or not config.set_timing_cache(timing_cache, False):
        timing_cache = config.create_timing_cache(b"")  # the content was damaged, or of another version
        config.set_timing_cache(timing_cache, False)
    return timing_cache


def _set_precision(trt, builder, config, network, precision):
    """Allow the precision; sums and what is summed, roots and softmax stay in float32, where float16 overflows."""
    if precision == "int8":
        config.set_flag(trt.BuilderFlag.INT8)
        return
    if precision == "fp32" or not builder.platform_has_fast_fp16:
        return  # float32 is the faster one there, or the one that is near enough
    config.set_flag(trt.BuilderFlag.FP16)
    config.set_flag(trt.BuilderFlag.PREFER_PRECISION_CONSTRAINTS)
    exact = trt.LayerType.SOFTMAX, trt.LayerType.REDUCE, trt.LayerType.UNARY
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    summed = set()  # the squares of a layer normalisation, say
    for layer in layers:
        if layer.type == trt.LayerType.REDUCE:
            result = layer.get_input(0)
            summed.add(result.name)
    for layer in layers:
        result = layer.get_output(0)
        is_exact = layer.type in exact or layer.type == trt.LayerType.ELEMENTWISE and result.name in summed
        if is_exact and result.dtype == trt.DataType.FLOAT:
            layer.precision = trt.DataType.FLOAT


def cache_for(version, content):
    """A calibration cache's bytes as this version wants them: it skips one whose first line names another version.

    The ranges below that line hold for every version.
    """
    major, minor, patch = [int(part) for part in version.split(".")[:3]]
    number = major * (1000 if major < 10 else 10000) + 100 * minor + patch
    return re.sub(rb"\ATRT-\d+-", "TRT-{}-".format(number).encode("ascii"), content)


def _make_calibrator(trt, content):
    """The ranges of a calibration cache; there is nothing to calibrate on a device."""

    class CacheOnly(trt.IInt8EntropyCalibrator2):
        def __init__(self):
            trt.IInt8EntropyCalibrator2.__init__(self)

        def get_batch_size(self):
            return 1

        def get_batch(self, names):
            return None

        def read_calibration_cache(self):
            return content

        def write_calibration_cache(self, cache):
            pass

    return CacheOnly()


def _read(path):
    try:
        with open(str(path), "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError("{} cannot be read ({}): copy the bundle again".format(path, error.strerror)) from error
