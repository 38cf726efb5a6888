"""What every engine promises, and how one says that it cannot be used here."""

import contextlib
import os

import numpy as np

CPUINFO = "/proc/cpuinfo"


class EngineUnavailable(Exception):
    """This engine cannot open this model here; the text says why. `installed` is False when it is absent."""

    def __init__(self, reason, installed=True):
        Exception.__init__(self, reason)
        self.installed = installed


class Engine(object):
    """A loaded model. Its inputs and outputs are arrays of its own, by the model's names for them.

    path: of its file. Fill the inputs in place, infer(), read the outputs; they hold until the next time.
    name: package and version, e.g. "onnxruntime 1.31.0". inputs, outputs: {name: float32 array}, all zeros at first.
    """

    def __init__(self, name, input_shapes, output_shapes):
        """input_shapes, output_shapes: {name: tuple of ints}."""
        self.name = name
        self.path = ""
        self.inputs = {tensor: np.zeros(shape, np.float32) for tensor, shape in input_shapes.items()}
        self.outputs = {tensor: np.zeros(shape, np.float32) for tensor, shape in output_shapes.items()}

    def infer(self):
        """Run the model on what the inputs hold; quantisation is handled inside, and nothing is allocated."""
        raise NotImplementedError

    def run(self, x):
        """The answer of a model with one input and one output: a new float32 array of output_shape.

        x: float32 array of input_shape. Raises ValueError when the shape is not the model's.
        """
        if np.shape(x) != self.input_shape:
            raise ValueError("the model takes an input of shape {}, got {}".format(self.input_shape, np.shape(x)))
        _only(self.inputs)[...] = x
        self.infer()
        return _only(self.outputs).copy()

    @property
    def input_shape(self):
        """Of a model with one input."""
        return _only(self.inputs).shape

    @property
    def output_shape(self):
        """Of a model with one output."""
        return _only(self.outputs).shape


def _only(arrays):
    if len(arrays) != 1:
        raise ValueError("the model has several: {}; use them by name".format(", ".join(arrays)))
    return next(iter(arrays.values()))


@contextlib.contextmanager
def quiet_stderr():
    """Swallow what native code writes to file descriptor 2: engines announce themselves there when loaded."""
    try:
        saved = os.dup(2)
    except OSError:  # a daemon may have closed it
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)


def slow_because() -> str:
    """Why engines run here without their quick kernels, which takes ten times as long; empty when they do not."""
    if os.path.exists(CPUINFO):
        return ""
    return "{} is hidden: engines cannot tell the processor, and run without their quick kernels".format(CPUINFO)


def one_line(error):
    """The first line of an exception's text, or its type when it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def not_importable(error, module):
    """EngineUnavailable for a failed import: absent, or present and broken."""
    if isinstance(error, ModuleNotFoundError) and error.name == module:
        return EngineUnavailable("not installed", installed=False)
    return EngineUnavailable("does not load ({})".format(one_line(error)))


def version_of(module):
    """A module's version as text."""
    return getattr(module, "__version__", "of unknown version")
