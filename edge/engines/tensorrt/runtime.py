"""A built engine that runs: bindings by number up to TensorRT 8.4, tensors by name from 8.5."""

import numpy as np

from edge.engines.base import Engine, EngineUnavailable
from edge.engines.tensorrt.api import why
from edge.engines.tensorrt.gpu import Tensor
from edge.errors import UserError


class TensorRtEngine(Engine):
    """One execution context with its stream and its tensors, kept for the life of the process."""

    def __init__(self, trt, api, gpu, logger, serialized):
        """serialized: bytes of an engine built for this TensorRT and GPU. Raises EngineUnavailable."""
        self._api, self._gpu, self._logger = api, gpu, logger
        with gpu:
            try:
                self._load(trt, serialized)
            except BaseException:
                self.close()
                raise
        gpu.released_at_exit(self)
        Engine.__init__(self, "TensorRT {}".format(trt.__version__), _shapes(self._uploads), _shapes(self._downloads))

    def _load(self, trt, serialized):
        self._runtime = trt.Runtime(self._logger)
        self._cuda_engine = self._runtime.deserialize_cuda_engine(serialized)
        if self._cuda_engine is None:
            raise EngineUnavailable("the engine cannot be loaded ({})".format(why(self._logger)))
        self._context = self._cuda_engine.create_execution_context()
        if self._context is None:
            raise EngineUnavailable("the GPU has no memory for the engine ({})".format(why(self._logger)))
        self._stream = self._gpu.cuda.Stream()
        self._uploads, self._downloads = {}, {}  # Tensor by name
        self._bindings = []  # GPU addresses in the order of the bindings
        for is_input, name, shape, dtype in tensor_table(trt, self._api, self._cuda_engine):
            tensor = Tensor(self._gpu, shape, dtype)
            (self._uploads if is_input else self._downloads)[name] = tensor
            self._bindings.append(tensor.address)
            if self._api.named_tensors:
                self._context.set_tensor_address(name, tensor.address)

    def infer(self):
        with self._gpu:
            self._upload()
            self._execute()
            self._download()
            self._stream.synchronize()
            self._fetch()

    def timed_infer(self):
        """One inference: {"upload_ms", "compute_ms", "download_ms"} by the GPU's own clock."""
        with self._gpu:
            marks = [self._gpu.cuda.Event() for _ in range(4)]
            marks[0].record(self._stream)
            for mark, step in zip(marks[1:], (self._upload, self._execute, self._download)):
                step()
                mark.record(self._stream)
            self._stream.synchronize()
            self._fetch()
            return {
                name: marks[n + 1].time_since(marks[n])
                for n, name in enumerate(("upload_ms", "compute_ms", "download_ms"))
            }

    def _upload(self):
        for name, tensor in self._uploads.items():
            np.copyto(tensor.host, self.inputs[name], casting="same_kind")
            tensor.upload(self._stream)

    def _execute(self):
        if self._api.named_tensors:
            started = self._context.execute_async_v3(self._stream.handle)
        else:
            started = self._context.execute_async_v2(self._bindings, self._stream.handle)
        if not started:
            raise UserError(
                "{} could not run the model on {} ({}): restart, and `cry-monitor prepare` if "
                "that does not help".format(self.name, self._gpu.name, why(self._logger))
            )

    def _download(self):
        for tensor in self._downloads.values():
            tensor.download(self._stream)

    def _fetch(self):
        for name, tensor in self._downloads.items():
            np.copyto(self.outputs[name], tensor.host)

    def close(self):
        """Free what the GPU holds; the context must be current."""
        self._uploads = self._downloads = self._stream = None
        self._context = None
        self._cuda_engine = None
        self._runtime = None


def _shapes(tensors):
    return {name: tensor.host.shape for name, tensor in tensors.items()}


def tensor_table(trt, api, cuda_engine):
    """(is input, name, shape, NumPy type) of every input and output. Raises EngineUnavailable."""
    rows = []
    if api.named_tensors:
        for index in range(cuda_engine.num_io_tensors):
            name = cuda_engine.get_tensor_name(index)
            rows.append(
                (
                    cuda_engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
                    name,
                    cuda_engine.get_tensor_shape(name),
                    cuda_engine.get_tensor_dtype(name),
                )
            )
    else:
        for index in range(cuda_engine.num_bindings):
            rows.append(
                (
                    cuda_engine.binding_is_input(index),
                    cuda_engine.get_binding_name(index),
                    cuda_engine.get_binding_shape(index),
                    cuda_engine.get_binding_dtype(index),
                )
            )
    types = {trt.DataType.FLOAT: np.float32, trt.DataType.HALF: np.float16}
    table = []
    for is_input, name, shape, dtype in rows:
        shape = tuple(int(n) for n in shape)
        if min(shape, default=0) < 0:
            raise EngineUnavailable("tensor {} has a dynamic shape {}, a fixed one is needed".format(name, shape))
        if dtype not in types:
            raise EngineUnavailable("tensor {} is of type {}, float32 or float16 is needed".format(name, dtype))
        table.append((is_input, name, shape, types[dtype]))
    return table
