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
    """An onnxruntime session with one float32 input and one float32 output of fixed shapes."""

    def __init__(self, session, name):
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise EngineUnavailable("the model has {} inputs and {} outputs, one of each is needed".format(
                len(inputs), len(outputs)))
        shapes = inputs[0].shape, outputs[0].shape
        if not all(isinstance(n, int) for shape in shapes for n in shape):
            raise EngineUnavailable("the model has a dynamic shape {}, a fixed one is needed".format(shapes))
        self.name = name
        self.input_shape, self.output_shape = tuple(shapes[0]), tuple(shapes[1])
        self._session = session
        self._input_name, self._output_names = inputs[0].name, [outputs[0].name]

    def _infer(self, x):
        return np.asarray(self._session.run(self._output_names, {self._input_name: x})[0], dtype=np.float32)
