"""A built engine that runs: bindings by number up to TensorRT 8.4, tensors by name from 8.5."""

import numpy as np

from edge.engines.base import Engine, EngineUnavailable
from edge.engines.tensorrt.api import why
from edge.engines.tensorrt.gpu import Tensor
from edge.errors import UserError


class TensorRtEngine(Engine):
    """One execution context with its stream and its two tensors, kept for the life of the process."""

    def __init__(self, trt, api, gpu, logger, serialized):
        """serialized: bytes of an engine built for this TensorRT and GPU. Raises EngineUnavailable."""
        self.name = "TensorRT {}".format(trt.__version__)
        self._api, self._gpu, self._logger = api, gpu, logger
        with gpu:
            try:
                self._load(trt, serialized)
            except BaseException:
                self.close()
                raise
        gpu.released_at_exit(self)
        self.input_shape, self.output_shape = self._input.host.shape, self._output.host.shape

    def _load(self, trt, serialized):
        self._runtime = trt.Runtime(self._logger)
        self._cuda_engine = self._runtime.deserialize_cuda_engine(serialized)
        if self._cuda_engine is None:
            raise EngineUnavailable("the engine cannot be loaded ({})".format(why(self._logger)))
        self._context = self._cuda_engine.create_execution_context()
        if self._context is None:
            raise EngineUnavailable("the GPU has no memory for the engine ({})".format(why(self._logger)))
        self._stream = self._gpu.cuda.Stream()
        self._input, self._output, self._bindings = self._make_tensors(trt)

    def _make_tensors(self, trt):
        """(input, output, GPU addresses in the order of the bindings)."""
        tensors = {True: [], False: []}
        addresses = []
        for is_input, name, shape, dtype in tensor_table(trt, self._api, self._cuda_engine):
            tensor = Tensor(self._gpu, shape, dtype)
            tensors[is_input].append(tensor)
            addresses.append(tensor.address)
            if self._api.named_tensors:
                self._context.set_tensor_address(name, tensor.address)
        if len(tensors[True]) != 1 or len(tensors[False]) != 1:
            raise EngineUnavailable("the model has {} inputs and {} outputs, one of each is needed".format(
                len(tensors[True]), len(tensors[False])))
        return tensors[True][0], tensors[False][0], addresses

    def _infer(self, x):
        with self._gpu:
            np.copyto(self._input.host, x, casting="same_kind")
            self._input.upload(self._stream)
            if self._api.named_tensors:
                started = self._context.execute_async_v3(self._stream.handle)
            else:
                started = self._context.execute_async_v2(self._bindings, self._stream.handle)
            if not started:
                raise UserError("{} could not run the model on {} ({}): restart, and `cry-monitor prepare` if "
                                "that does not help".format(self.name, self._gpu.name, why(self._logger)))
            self._output.download(self._stream)
            self._stream.synchronize()
            return self._output.taken()

    def close(self):
        """Free what the GPU holds; the context must be current."""
        self._input = self._output = self._stream = None
        self._context = None
        self._cuda_engine = None
        self._runtime = None


def tensor_table(trt, api, cuda_engine):
    """(is input, name, shape, NumPy type) of every input and output. Raises EngineUnavailable."""
    rows = []
    if api.named_tensors:
        for index in range(cuda_engine.num_io_tensors):
            name = cuda_engine.get_tensor_name(index)
            rows.append((cuda_engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT, name,
                         cuda_engine.get_tensor_shape(name), cuda_engine.get_tensor_dtype(name)))
    else:
        for index in range(cuda_engine.num_bindings):
            rows.append((cuda_engine.binding_is_input(index), cuda_engine.get_binding_name(index),
                         cuda_engine.get_binding_shape(index), cuda_engine.get_binding_dtype(index)))
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
