"""TensorRT 8.2 (JetPack 4.6, bindings by number) to 11 (tensors by name, strongly typed networks), with pycuda.

The engine is built on the board that runs it, from the bundle's ONNX, and kept in the service's cache directory.

No engine was ever built with this: no NVIDIA library could be had where it was written. Every name it calls is
checked against the real bindings of 8.6, 10 and 11, and the order of its calls against a stand-in.

    api.py      the module of this machine and what its version offers
    gpu.py      the CUDA context, pinned memory
    builder.py  ONNX -> engine      progress.py  signs of life meanwhile
    cache.py    engines on disk     runtime.py   the engine that runs
"""

import time

from edge.engines.base import EngineUnavailable, one_line
from edge.engines.tensorrt.api import import_tensorrt, make_logger
from edge.engines.tensorrt.builder import build, check_precision
from edge.engines.tensorrt.cache import EngineCache, EngineKey, cache_directory, model_digest, why_not_kept
from edge.engines.tensorrt.gpu import open_gpu
from edge.engines.tensorrt.runtime import TensorRtEngine
from edge.errors import UserError
from edge.log import iso_utc, log

_loggers = []  # TensorRT knows one logger a process


def open_tensorrt(files, precision, role="model", say=log.warning):
    """Open a model in TensorRT; its engine comes from the cache, or is built, which takes minutes, and cached.

    files: {kind: path}, see edge.bundle.files.FILE_KINDS. precision: "fp16", "int8" or "fp32". role: under which
    the engine is cached. say: called with lines for a person; as warnings they are seen where no log was started,
    and nobody waits for minutes without knowing why. Returns an Engine.
    Raises EngineUnavailable, with `installed` False when TensorRT or a GPU is not there at all.
    """
    trt, api = import_tensorrt()
    gpu = open_gpu()
    try:
        with gpu:
            return _cached_or_built(trt, api, gpu, files, precision, role, say)
    except (EngineUnavailable, UserError):
        raise
    except Exception as error:  # of pybind or pycuda, which share no base class
        raise EngineUnavailable("TensorRT {} failed ({})".format(trt.__version__, one_line(error))) from error


def _cached_or_built(trt, api, gpu, files, precision, role, say):
    logger = _logger(trt)
    key = EngineKey(model_digest(files), trt.__version__, gpu.name, precision)
    cache = EngineCache(cache_directory(), role)
    found = cache.find(key)
    reason = found.reason
    if found.engine is not None:
        try:
            return TensorRtEngine(trt, api, gpu, logger, found.engine)
        except EngineUnavailable as unavailable:
            reason = "the cached engine is damaged: {}".format(unavailable)
    check_precision(trt, api, gpu, logger, precision)
    say("building the TensorRT engine of the {} in {}, which takes minutes, once: {}".format(role, precision, reason))
    built = build(trt, api, logger, files, precision, cache.timing_cache(key), say)
    _keep(cache, key, built, say)
    return TensorRtEngine(trt, api, gpu, logger, built.engine)


def _logger(trt):
    if not _loggers:
        _loggers.append(make_logger(trt))
    return _loggers[0]


def _keep(cache, key, built, say):
    try:
        if built.timing_cache:
            cache.keep_timing_cache(key, built.timing_cache)
        cache.keep(key, built.engine, {"built_utc": iso_utc(time.time()), "from": built.plan.kind})
    except OSError as error:
        say(
            "the engine could not be kept in {} ({}): it will be built again at the next start".format(
                cache.directory, why_not_kept(error)
            )
        )
