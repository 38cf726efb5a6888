"""A stand-in for pycuda.driver; see standin_tensorrt.py, whose Board it runs on."""

import types

import numpy as np


def make_pycuda_driver(board):
    """pycuda.driver, as far as gpu.py uses it; everything but init asserts that a context is current."""
    cuda = types.ModuleType("pycuda.driver")

    class Context(object):
        detached = False

        def push(self):
            assert not self.detached
            board.stack().append(self)

        @staticmethod
        def pop():
            board.stack().pop()

        def detach(self):
            assert board.live == 0, "TensorRT outlives its context"
            self.detached = True

    class Device(object):
        def __init__(self, number):
            if number >= board.devices:
                raise RuntimeError("cuDeviceGet failed: invalid device ordinal")

        def name(self):
            return board.gpu

        def compute_capability(self):
            return board.capability

        def make_context(self):
            board.context = Context()
            board.context.push()
            return board.context

    class Stream(object):
        handle = 77

        def __init__(self):
            board.needs_context()
            self.work = []

        def synchronize(self):
            board.needs_context()
            for step in self.work:
                step()
            del self.work[:]

    class Event(object):
        """Marks a place in a stream; the stand-in's clock counts the steps of the stream before it."""

        def record(self, stream):
            board.needs_context()
            board.timeline.append(self)

        def time_since(self, earlier):
            return 1.0 * (board.timeline.index(self) - board.timeline.index(earlier))

    class Allocation(int):
        pass

    def mem_alloc(size):
        board.needs_context()
        address = 4096 * (1 + len(board.memory))
        board.memory[address] = np.zeros(size, np.uint8)
        return Allocation(address)

    def pagelocked_empty(shape, dtype):
        board.needs_context()
        return np.full(shape, np.nan, dtype)

    def memcpy_htod_async(allocation, host, stream):
        board.needs_context()
        board.stream = stream
        stream.work.append(lambda: board.memory.update({int(allocation): host.view(np.uint8).reshape(-1).copy()}))

    def memcpy_dtoh_async(host, allocation, stream):
        board.needs_context()
        stream.work.append(lambda: np.copyto(host, board.memory[int(allocation)].view(host.dtype).reshape(host.shape)))

    for member in (Device, Event, Stream, mem_alloc, pagelocked_empty, memcpy_htod_async, memcpy_dtoh_async):
        setattr(cuda, member.__name__, member)
    cuda.init = lambda: None
    return cuda
