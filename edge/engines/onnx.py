"""ONNX models in onnxruntime on the CPU, 1.10 (Python 3.6) to the newest."""

import numpy as np

from edge.engines.base import Engine, EngineUnavailable, not_importable, one_line, quiet_stderr, version_of

LOG_ERRORS_ONLY = 3


def open_onnxruntime(path, threads):
    """Open an .onnx file in onnxruntime. Raises EngineUnavailable."""
    try:
        with quiet_stderr():  # on some boards it complains about missing GPUs when imported
            import onnxruntime
    except ImportError as error:
        raise not_importable(error, "onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = LOG_ERRORS_ONLY
    try:
        with quiet_stderr():
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no public base class
        raise EngineUnavailable("cannot open {} ({})".format(path, one_line(error))) from error
    return OnnxEngine(session, "onnxruntime " + version_of(onnxruntime))


class OnnxEngine(Engine):
    """An onnxruntime session whose inputs and outputs are float32 of fixed shapes."""

    def __init__(self, session, name):
        Engine.__init__(self, name, _shapes(session.get_inputs()), _shapes(session.get_outputs()))
        self._session = session
        self._binding = session.io_binding()  # it reads and writes our arrays where they are
        for bind, arrays in ((self._binding.bind_input, self.inputs), (self._binding.bind_output, self.outputs)):
            for tensor, array in arrays.items():
                bind(tensor, "cpu", 0, np.float32, array.shape, array.ctypes.data)

    def infer(self):
        self._session.run_with_iobinding(self._binding)


def _shapes(tensors):
    for tensor in tensors:
        if not all(isinstance(n, int) for n in tensor.shape):
            raise EngineUnavailable(
                "tensor {} has a dynamic shape {}, a fixed one is needed".format(tensor.name, tensor.shape)
            )
        if tensor.type != "tensor(float)":
            raise EngineUnavailable("tensor {} is a {}, float32 is needed".format(tensor.name, tensor.type))
    return {tensor.name: tuple(tensor.shape) for tensor in tensors}
