"""A stand-in for tensorrt (and standin_pycuda.py), to see in which order and on which thread our code calls them.

It is no TensorRT: output number n of its "engine" is the sum of input number n. It shows nothing about speed,
precision or what TensorRT accepts. Each version has only the members that our code may call in that version; that the
real bindings have them too is what test_tensorrt_names.py checks, for every name in our code.
"""

import enum
import sys
import threading
import types

import numpy as np
from standin_pycuda import make_pycuda_driver

from edge.engines.tensorrt.api import api_of

VERSIONS = ["8.2.1.8", "8.4.3", "8.6.1", "10.3.0", "11.4.0.106"]
MARK = b"stand-in engine of "


class Board(object):
    """A made-up board, its knobs, and what was called on it."""

    def __init__(self, version="8.2.1.8", gpu="NVIDIA Tegra X1", capability=(5, 3)):
        self.version, self.gpu, self.capability = version, gpu, capability
        self.fast_int8, self.fast_fp16 = True, True
        self.devices = 1
        self.tensor_type = "FLOAT"
        self.inputs, self.outputs = {"in": (1, 98, 64, 1)}, {"out": (1, 1)}
        self.parse_problems = {}  # ONNX content: list of (node, text)
        self.unbuildable = set()  # ONNX contents
        self.while_building = lambda config: None
        self.builds = []  # one Config for each engine built
        self.executions = 0
        self.live = 0  # engines and contexts of TensorRT that are not yet freed
        self.memory = {}
        self.timeline = []  # marks of CUDA events in their order
        self._contexts = threading.local()

    def stack(self):
        """The CUDA contexts of this thread."""
        if not hasattr(self._contexts, "stack"):
            self._contexts.stack = []
        return self._contexts.stack

    def needs_context(self):
        assert self.stack(), "no CUDA context is current on this thread"


def install(board, monkeypatch):
    """Let `import tensorrt` and `import pycuda.driver` find the stand-ins."""
    pycuda = types.ModuleType("pycuda")
    pycuda.driver = make_pycuda_driver(board)
    monkeypatch.setitem(sys.modules, "tensorrt", make_tensorrt(board))
    monkeypatch.setitem(sys.modules, "pycuda", pycuda)
    monkeypatch.setitem(sys.modules, "pycuda.driver", pycuda.driver)


def make_tensorrt(board):
    """The module of board.version."""
    api = api_of(board.version)
    trt = types.ModuleType("tensorrt")
    trt.__version__ = board.version
    _add_enums(trt, api)
    _add_logger(trt)
    if api.progress_monitor:
        trt.IProgressMonitor = type("IProgressMonitor", (object,), {})
    if api.precision_flags:
        trt.IInt8EntropyCalibrator2 = type("IInt8EntropyCalibrator2", (object,), {})
    _add_builder(trt, api, board)
    _add_runtime(trt, api, board)
    return trt


def _add_enums(trt, api):
    def add(name, *members):
        setattr(trt, name, enum.IntEnum(name, " ".join(members), start=0))

    add("DataType", "FLOAT", "HALF", "INT32")
    add("LayerType", "CONVOLUTION", "SOFTMAX", "REDUCE", "UNARY", "ELEMENTWISE")
    flags = (["EXPLICIT_BATCH"] if api.precision_flags else []) + (["STRONGLY_TYPED"] if api.typed_networks else [])
    add("NetworkDefinitionCreationFlag", *flags)
    add("BuilderFlag", *(["FP16", "INT8", "PREFER_PRECISION_CONSTRAINTS"] if api.precision_flags else ["TF32"]))
    if api.memory_pools:
        add("MemoryPoolType", "WORKSPACE")
    if api.named_tensors:
        add("TensorIOMode", "NONE", "INPUT", "OUTPUT")


def _add_logger(trt):
    class ILogger(object):
        Severity = enum.IntEnum("Severity", "INTERNAL_ERROR ERROR WARNING INFO VERBOSE", start=0)

    trt.ILogger = ILogger


def _add_builder(trt, api, board):
    class TimingCache(object):
        def __init__(self, content):
            self.content = bytes(content)

        def serialize(self):
            return bytearray(self.content + b"+")

    class Config(object):
        def __init__(self):
            self.given = {"flags": set()}

        def create_timing_cache(self, content):
            return TimingCache(content)

        def set_timing_cache(self, timing_cache, ignore_mismatch):
            self.given["timing_cache"] = timing_cache
            return not timing_cache.content.startswith(b"damaged")

        def get_timing_cache(self):
            return self.given["timing_cache"]

    def store(name):
        return property(None, lambda self, value: self.given.update({name: value}))

    if api.memory_pools:
        Config.set_memory_pool_limit = lambda self, pool, size: self.given.update(workspace=size)
    else:
        Config.max_workspace_size = store("workspace")
    if api.precision_flags:
        Config.set_flag = lambda self, flag: self.given["flags"].add(flag.name)
        Config.int8_calibrator = store("calibrator")
    if api.progress_monitor:
        Config.progress_monitor = store("monitor")

    class Layer(object):
        def __init__(self, kind, name, input_name="x"):
            self.type = kind
            self.name = name
            self.precision = None
            self._input_name = input_name

        def get_input(self, index):
            return types.SimpleNamespace(dtype=trt.DataType.FLOAT, name=self._input_name)

        def get_output(self, index):
            return types.SimpleNamespace(dtype=trt.DataType.FLOAT, name=self.name)

    class Network(object):
        def __init__(self, flags):
            self.flags = {flag.name for flag in trt.NetworkDefinitionCreationFlag if flags & (1 << int(flag))}
            summed = "summed ELEMENTWISE"
            self.layers = [Layer(trt.LayerType.ELEMENTWISE, summed)]
            self.layers += [Layer(kind, kind.name, summed if kind.name == "REDUCE" else "x") for kind in trt.LayerType]
            self.num_layers = len(self.layers)
            self.get_layer = self.layers.__getitem__

    class Builder(object):
        def __init__(self, logger):
            board.needs_context()
            self._logger = logger

        def create_network(self, flags):
            return Network(flags)

        def create_builder_config(self):
            return Config()

        def build_serialized_network(self, network, config):
            board.needs_context()
            board.while_building(config)
            if network.content in board.unbuildable:
                self._logger.log(trt.ILogger.Severity.ERROR, "Could not find any implementation\nfor node X")
                return None
            config.given["network_flags"] = network.flags
            config.given["exact"] = {layer.name for layer in network.layers if layer.precision is not None}
            config.given["content"] = network.content
            board.builds.append(config)
            return bytearray(MARK + board.version.encode("ascii") + b"\n" + network.content)

    if api.precision_flags:
        Builder.platform_has_fast_int8 = property(lambda self: board.fast_int8)
        Builder.platform_has_fast_fp16 = property(lambda self: board.fast_fp16)

    class OnnxParser(object):
        def __init__(self, network, logger):
            self._network = network

        def parse(self, content):
            self._network.content = content
            self._problems = board.parse_problems.get(content, [])
            return not self._problems

        @property
        def num_errors(self):
            return len(self._problems)

        def get_error(self, index):
            node, text = self._problems[index]
            return types.SimpleNamespace(node=lambda: node, desc=lambda: text)

    trt.Builder, trt.OnnxParser = Builder, OnnxParser


def _add_runtime(trt, api, board):
    rows = [(name, True, shape) for name, shape in board.inputs.items()]
    rows += [(name, False, shape) for name, shape in board.outputs.items()]
    rows.sort()  # TensorRT promises no order

    class Counted(object):
        def __init__(self):
            board.needs_context()
            board.live += 1

        def __del__(self):
            board.live -= 1

    class Context(Counted):
        def _execute(self, addresses):
            board.needs_context()
            dtype = {"FLOAT": np.float32, "HALF": np.float16, "INT32": np.int32}[board.tensor_type]

            def add_up():
                for source, target in zip(board.inputs, board.outputs):
                    total = board.memory[addresses[source]].view(dtype).sum(dtype=np.float64)
                    board.memory[addresses[target]].view(dtype)[:] = total

            board.stream.work.append(add_up)
            board.executions += 1
            return True

    class CudaEngine(Counted):
        def create_execution_context(self):
            return Context()

    dtype = trt.DataType[board.tensor_type]
    if api.named_tensors:
        by_name = {row[0]: row for row in rows}
        CudaEngine.num_io_tensors = len(rows)
        CudaEngine.get_tensor_name = lambda self, index: rows[index][0]
        CudaEngine.get_tensor_mode = lambda self, name: (
            trt.TensorIOMode.INPUT if by_name[name][1] else trt.TensorIOMode.OUTPUT
        )
        CudaEngine.get_tensor_shape = lambda self, name: by_name[name][2]
        CudaEngine.get_tensor_dtype = lambda self, name: dtype

        def set_tensor_address(self, name, address):
            self.__dict__.setdefault("addresses", {})[name] = address
            return True

        Context.set_tensor_address = set_tensor_address
        Context.execute_async_v3 = lambda self, handle: self._execute(self.addresses)
    else:
        CudaEngine.num_bindings = len(rows)
        CudaEngine.get_binding_name = lambda self, index: rows[index][0]
        CudaEngine.binding_is_input = lambda self, index: rows[index][1]
        CudaEngine.get_binding_shape = lambda self, index: rows[index][2]
        CudaEngine.get_binding_dtype = lambda self, index: dtype
        Context.execute_async_v2 = lambda self, bindings, handle: self._execute(
            dict(zip([row[0] for row in rows], bindings))
        )

    class Runtime(object):
        def __init__(self, logger):
            board.needs_context()
            self._logger = logger

        def deserialize_cuda_engine(self, content):
            if not content.startswith(MARK + board.version.encode("ascii") + b"\n"):
                self._logger.log(trt.ILogger.Severity.ERROR, "Serialization assertion failed")
                return None
            return CudaEngine()

    trt.Runtime = Runtime
