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
        raise EngineUnavailable(
            "needs NumPy 1, found {}: pip install 'numpy<2', or ai-edge-litert".format(np.__version__)
        )
    return _open(Interpreter, "tflite-runtime " + version_of(tflite_runtime), path, threads)


def _open(interpreter_class, name, path, threads):
    try:
        with quiet_stderr():
            interpreter = interpreter_class(model_path=path, num_threads=threads)
            interpreter.allocate_tensors()
            interpreter.invoke()  # an operator may be missing for a type, which tells only now
    except Exception as error:  # ValueError, RuntimeError, SystemError: it varies with the version
        raise EngineUnavailable("cannot run {} ({})".format(path, one_line(error))) from error
    return TfliteEngine(interpreter, name)


class TfliteEngine(Engine):
    """A TFLite interpreter with float32 or integer inputs and outputs."""

    def __init__(self, interpreter, name):
        inputs, outputs = named_tensors(interpreter)
        Engine.__init__(self, name, _shapes(inputs), _shapes(outputs))
        self._interpreter = interpreter
        self._feeds = [
            (details["index"], self.inputs[tensor], quantiser(details)) for tensor, details in inputs.items()
        ]
        self._fetches = [
            (interpreter.tensor(details["index"]), self.outputs[tensor], dequantiser(details))
            for tensor, details in outputs.items()
        ]

    def infer(self):
        for index, x, quantise in self._feeds:
            self._interpreter.set_tensor(index, quantise(x))
        self._interpreter.invoke()
        for view, y, dequantise in self._fetches:
            dequantise(view(), y)  # the interpreter refuses to run on while a view of its memory is kept


def named_tensors(interpreter):
    """({name: details} of the inputs, of the outputs), by the names they had where the model was made.

    Only the file's signature has those: the tensors of an output are called StatefulPartitionedCall_1:3.
    """
    if len(interpreter.get_signature_list()) == 1:
        signature = interpreter.get_signature_runner()
        return signature.get_input_details(), signature.get_output_details()
    return [
        {details["name"]: details for details in tensors}
        for tensors in (interpreter.get_input_details(), interpreter.get_output_details())
    ]


def _shapes(tensors):
    return {name: tuple(int(n) for n in details["shape"]) for name, details in tensors.items()}


def quantiser(details):
    """float32 -> what the tensor holds: round(x / scale) + zero point, saturating; as it is for float32."""
    if details["dtype"] == np.float32:
        return lambda x: x
    scale, zero_point = details["quantization"]
    limits = np.iinfo(details["dtype"])
    scaled = np.empty(details["shape"], np.float32)
    codes = np.empty(details["shape"], details["dtype"])

    def quantise(x):
        np.divide(x, np.float32(scale), out=scaled)
        np.rint(scaled, out=scaled)
        np.add(scaled, np.float32(zero_point), out=scaled)
        np.clip(scaled, limits.min, limits.max, out=scaled)
        codes[...] = scaled
        return codes

    return quantise


def dequantiser(details):
    """(what the tensor holds, float32 out): out = (code - zero point) * scale; a copy for float32."""
    if details["dtype"] == np.float32:
        return lambda codes, out: np.copyto(out, codes)
    scale, zero_point = details["quantization"]

    def dequantise(codes, out):
        np.subtract(codes, np.float32(zero_point), out=out)
        np.multiply(out, np.float32(scale), out=out)

    return dequantise
