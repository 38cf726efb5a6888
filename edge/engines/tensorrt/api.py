"""The tensorrt module of this machine, and what its version offers."""

from typing import NamedTuple

from edge.engines.base import EngineUnavailable, not_importable, quiet_stderr
from edge.log import log

OLDEST = (8, 2)  # of JetPack 4.6, the last for a Jetson Nano
KEPT_ERRORS = 5
WHERE_FROM = "it comes with JetPack alone (apt install python3-libnvinfer); sudo make install lets the monitor see it"


class Api(NamedTuple):
    """What differs between the versions. Calls that not every version has stand below an `if api.KEY`."""

    memory_pools: bool  # 8.4: set_memory_pool_limit; before: max_workspace_size
    named_tensors: bool  # 8.5: tensors by name; before: bindings by number
    typed_networks: bool  # 10: the precision of every tensor is in the ONNX file
    progress_monitor: bool  # 10
    explicit_batch: bool  # must be asked for before 10
    precision_flags: bool  # until 10: FP16 and INT8 flags, the probes for them, calibrators


def api_of(version):
    """The Api of a version such as "8.2.1.8". Raises EngineUnavailable when it is too old or no version."""
    try:
        number = tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        raise EngineUnavailable("TensorRT has the unknown version {!r}".format(version)) from None
    if number < OLDEST:
        raise EngineUnavailable("TensorRT {} is older than {}.{}, the oldest that is driven".format(version, *OLDEST))
    return Api(
        memory_pools=number >= (8, 4),
        named_tensors=number >= (8, 5),
        typed_networks=number >= (10, 0),
        progress_monitor=number >= (10, 0),
        explicit_batch=number < (10, 0),
        precision_flags=number < (11, 0),
    )


def import_tensorrt():
    """The tensorrt module and its Api. Raises EngineUnavailable saying why there is none."""
    try:
        with quiet_stderr():
            import tensorrt as trt
    except ModuleNotFoundError as error:
        if error.name != "tensorrt":
            raise not_importable(error, "tensorrt") from error
        raise EngineUnavailable("not installed; " + WHERE_FROM, installed=False) from error
    except ImportError as error:
        raise not_importable(error, "tensorrt") from error
    return trt, api_of(trt.__version__)


def make_logger(trt):
    """TensorRT's messages: warnings go to the debug log, the newest errors are kept in `errors`, as text."""

    class Logger(trt.ILogger):
        def __init__(self):
            trt.ILogger.__init__(self)
            self.errors = []
            self.messages = 0  # a sign of life while an engine is built

        def log(self, severity, msg):
            self.messages += 1
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self.errors = (self.errors + [" ".join(msg.split())])[-KEPT_ERRORS:]
            elif severity == trt.ILogger.Severity.WARNING:
                log.debug("TensorRT: %s", msg)

    return Logger()


def why(logger):
    """What went wrong last, as one line."""
    return "; ".join(logger.errors) or "TensorRT does not say why"
