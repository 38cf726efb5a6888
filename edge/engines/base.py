"""What every engine promises, and how one says that it cannot be used here."""

import contextlib
import os

import numpy as np


class EngineUnavailable(Exception):
    """This engine cannot open this model here; the text says why. `installed` is False when it is absent."""

    def __init__(self, reason, installed=True):
        Exception.__init__(self, reason)
        self.installed = installed


class Engine(object):
    """A loaded model with one input and one output.

    name: package and version, e.g. "onnxruntime 1.31.0". input_shape, output_shape: tuples of ints.
    """

    name = ""
    input_shape = ()
    output_shape = ()

    def run(self, x):
        """The model's output for one input, float32 in, float32 out; quantisation is handled inside.

        x: float32 array of input_shape. Returns a new float32 array of output_shape.
        Raises ValueError when the shape is not the model's.
        """
        x = np.ascontiguousarray(x, dtype=np.float32)
        if x.shape != self.input_shape:
            raise ValueError("the model takes an input of shape {}, got {}".format(self.input_shape, x.shape))
        return self._infer(x)

    def _infer(self, x):
        raise NotImplementedError


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
