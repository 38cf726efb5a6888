"""TFLite models in ai-edge-litert or tflite-runtime: one class, only the import differs."""

import numpy as np

from edge.engines.base import Engine, EngineUnavailable, not_importable, one_line, quiet_stderr, version_of


def open_litert(path, threads):
    """Open a .tflite file in ai-edge-litert. Raises EngineUnavailable."""
    try:
        with quiet_stderr():
            import ai_edge_litert
            from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise not_importable(error, "ai_edge_litert") from error
    return _open(Interpreter, "ai-edge-litert " + version_of(ai_edge_litert), path, threads)


def open_tflite_runtime(path, threads):
    """Open a .tflite file in tflite-runtime. Raises EngineUnavailable, also when NumPy is too new for it."""
    try:
        with quiet_stderr():
            import tflite_runtime
            from tflite_runtime.interpreter import Interpreter
    except ImportError as error:
        raise not_importable(error, "tflite_runtime") from error
    # It imports beside NumPy 2 and then fails obscurely: the interpreter was compiled for NumPy 1.
    if int(np.__version__.split(".")[0]) >= 2:
        raise EngineUnavailable("needs NumPy 1, found {}: pip install 'numpy<2', or ai-edge-litert".format(
            np.__version__))
    return _open(Interpreter, "tflite-runtime " + version_of(tflite_runtime), path, threads)


def _open(interpreter_class, name, path, threads):
    try:
        with quiet_stderr():
            interpreter = interpreter_class(model_path=path, num_threads=threads)
            interpreter.allocate_tensors()
    except Exception as error:  # ValueError, RuntimeError, SystemError: it varies with the version
        raise EngineUnavailable("cannot open {} ({})".format(path, one_line(error))) from error
    return TfliteEngine(interpreter, name)


class TfliteEngine(Engine):
    """A TFLite interpreter with float32 or integer input and output."""

    def __init__(self, interpreter, name):
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise EngineUnavailable("the model has {} inputs and {} outputs, one of each is needed".format(
                len(inputs), len(outputs)))
        self.name = name
        self.input_shape = tuple(int(n) for n in inputs[0]["shape"])
        self.output_shape = tuple(int(n) for n in outputs[0]["shape"])
        self._interpreter = interpreter
        self._input_index, self._output_index = inputs[0]["index"], outputs[0]["index"]
        self._quantise = quantiser(inputs[0], self.input_shape)
        self._dequantise = dequantiser(outputs[0])

    def _infer(self, x):
        self._interpreter.set_tensor(self._input_index, self._quantise(x))
        self._interpreter.invoke()
        return self._dequantise(self._interpreter.get_tensor(self._output_index))


def quantiser(details, shape):
    """float32 -> what the tensor holds: round(x / scale) + zero point, saturating; as it is for float32."""
    if details["dtype"] == np.float32:
        return lambda x: x
    scale, zero_point = details["quantization"]
    limits = np.iinfo(details["dtype"])
    scaled = np.empty(shape, np.float32)
    codes = np.empty(shape, details["dtype"])

    def quantise(x):
        np.divide(x, np.float32(scale), out=scaled)
        np.rint(scaled, out=scaled)
        np.add(scaled, np.float32(zero_point), out=scaled)
        np.clip(scaled, limits.min, limits.max, out=scaled)
        codes[...] = scaled
        return codes

    return quantise


def dequantiser(details):
    """What the tensor holds -> float32: (code - zero point) * scale; as it is for float32."""
    if details["dtype"] == np.float32:
        return lambda y: y
    scale, zero_point = details["quantization"]
    return lambda codes: (codes.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
