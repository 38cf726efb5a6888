"""LiteRT's own profiler, which Python is not offered: called in the library that comes with ai-edge-litert.

    python -m edge.bench.litert_native FILE THREADS WARM_UP RUNS    prints the Profiled of a .tflite file as JSON

It is a process of its own: another version of the library may have other functions, and end whoever calls them.
"""

import ctypes
import json
import os
import sys
from time import perf_counter

import numpy as np

LIBRARY = "libLiteRt.so"
ON_CPU = 1  # LiteRtHwAccelerators
FOR_WRITING = 1  # LiteRtTensorBufferLockMode
FLOAT32 = 1  # LiteRtElementType
TYPE_WORDS = 64  # int32 words that hold a LiteRtRankedTensorType of any version
SEED = 0
Pointer = ctypes.c_void_p


class ProfiledEvent(ctypes.Structure):
    """LiteRT's ProfiledEventData. index: of the operator; the delegate's have numbers of their own and no start."""

    _fields_ = [
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("memory", ctypes.c_size_t * 6),
        ("index", ctypes.c_uint64),
        ("subgraph", ctypes.c_uint64),
        ("source", ctypes.c_int),
    ]


def call(name, *arguments):
    """Call a function of the library. Raises RuntimeError when it gives another status than 0."""
    function = getattr(library(), name)
    function.restype = ctypes.c_int
    status = function(*arguments)
    if status:
        raise RuntimeError("{} gives {}".format(name, status))


def library(loaded=[]):  # noqa: B006  the one library of the process
    """The library of the installed package."""
    if not loaded:
        import ai_edge_litert

        loaded.append(ctypes.CDLL(os.path.join(os.path.dirname(ai_edge_litert.__file__), LIBRARY)))
    return loaded[0]


def made(name, *arguments):
    """The pointer that a function writes to its last argument."""
    pointer = Pointer()
    call(name, *(arguments + (ctypes.byref(pointer),)))
    return pointer


def number(name, kind, *arguments):
    """The number of a C type that a function writes to its last argument."""
    value = kind()
    call(name, *(arguments + (ctypes.byref(value),)))
    return value.value


class CompiledModel(object):
    """A .tflite file that runs on the CPU."""

    def __init__(self, path, threads, is_profiled):
        """threads: of the CPU's kernels. is_profiled: what every kernel costs a look at the clock for."""
        self._kept = []  # what the library reads later
        self._environment = made("LiteRtCreateEnvironment", 0, None)
        self._model = made("LiteRtCreateModelFromFile", self._environment, path.encode())
        options = made("LiteRtCreateOptions")
        call("LiteRtSetOptionsHardwareAccelerators", options, ON_CPU)
        if is_profiled:
            self._add(options, "runtime_options_string", "enable_profiling = true\n")
        self._add(options, "xnnpack", "num_threads = {}\n".format(threads))
        self._compiled = made("LiteRtCreateCompiledModel", self._environment, self._model, options)
        self._profiler = made("LiteRtCompiledModelGetProfiler", self._compiled) if is_profiled else None
        self._signature = made("LiteRtGetModelSignature", self._model, ctypes.c_size_t(0))
        self._inputs, self._outputs = self._buffers("Input"), self._buffers("Output")
        rng = np.random.RandomState(SEED)
        for buffer in self._inputs:
            fill(buffer, rng)

    def _add(self, options, name, text):
        """Add options that LiteRT reads as TOML."""
        self._kept.append(ctypes.create_string_buffer(text.encode()))
        self._kept.append(ctypes.CFUNCTYPE(None, Pointer)(lambda pointer: None))
        payload = ctypes.cast(self._kept[-2], Pointer)
        opaque = made("LiteRtCreateOpaqueOptions", name.encode(), payload, self._kept[-1])
        call("LiteRtAddOpaqueOptions", options, opaque)

    def _buffers(self, side):
        """A buffer for each input or output."""
        buffers = []
        for index in range(number("LiteRtGetNumSignature{}s".format(side), ctypes.c_size_t, self._signature)):
            tensor = made("LiteRtGetSignature{}TensorByIndex".format(side), self._signature, ctypes.c_size_t(index))
            words = (ctypes.c_int32 * TYPE_WORDS)()
            call("LiteRtGetRankedTensorType", tensor, words)
            for place in range(2, TYPE_WORDS):
                words[place] = abs(words[place])  # an open batch, -1, is one
            needs = made(
                "LiteRtGetCompiledModel{}BufferRequirements".format(side),
                self._compiled,
                ctypes.c_size_t(0),
                ctypes.c_size_t(index),
            )
            buffer = made("LiteRtCreateManagedTensorBufferFromRequirements", self._environment, words, needs)
            buffer.is_float = words[0] == FLOAT32
            buffers.append(buffer)
        return buffers

    def run(self):
        """One inference."""
        sides = []
        for buffers in (self._inputs, self._outputs):
            sides += [ctypes.c_size_t(len(buffers)), (Pointer * len(buffers))(*(one.value for one in buffers))]
        call("LiteRtRunCompiledModel", self._compiled, ctypes.c_size_t(0), *sides)

    def profiled_run(self):
        """The events of one inference: [tag, kind, start_us, elapsed_us, index, source] each."""
        call("LiteRtResetProfiler", self._profiler)
        call("LiteRtStartProfiler", self._profiler)
        self.run()
        call("LiteRtStopProfiler", self._profiler)
        events = (ProfiledEvent * number("LiteRtGetNumProfilerEvents", ctypes.c_int, self._profiler))()
        call("LiteRtGetProfilerEvents", self._profiler, len(events), events)
        return [
            [one.tag.decode("utf-8", "replace"), one.kind, one.start_us, one.elapsed_us, one.index, one.source]
            for one in events
        ]


def fill(buffer, rng):
    """Put noise into an input of float32; others stay as they are."""
    if not buffer.is_float:
        return
    size = number("LiteRtGetTensorBufferPackedSize", ctypes.c_size_t, buffer)
    host = Pointer()
    call("LiteRtLockTensorBuffer", buffer, ctypes.byref(host), FOR_WRITING)
    noise = rng.normal(size=size // 4).astype(np.float32)
    ctypes.memmove(host, noise.ctypes.data, noise.nbytes)
    call("LiteRtUnlockTensorBuffer", buffer)


def profile(path, threads, warm_up, runs):
    """Time a file without and with the profiler: a dict of JSON."""
    model = CompiledModel(path, threads, is_profiled=False)
    plain_us = []
    for run in range(warm_up + runs):
        started = perf_counter()
        model.run()
        if run >= warm_up:
            plain_us.append(1e6 * (perf_counter() - started))
    model = CompiledModel(path, threads, is_profiled=True)
    for _ in range(warm_up):
        model.profiled_run()
    return {"plain_us": plain_us, "events": [model.profiled_run() for _ in range(runs)]}


if __name__ == "__main__":
    print(json.dumps(profile(sys.argv[1], *(int(one) for one in sys.argv[2:5]))))
