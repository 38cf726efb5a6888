"""Which names our TensorRT code calls, read from its syntax; which names a bindings wheel has, read from its code.

Nothing of TensorRT is imported or run: its library is not in the wheels.
"""

import ast
import collections
import os
import re
import struct
import subprocess
import sys
import zipfile

import numpy as np
from patience import PATIENCE_S

import edge.engines.tensorrt as room

# What our code calls its objects, and their class in TensorRT.
CLASSES = {
    "builder": "Builder",
    "config": "IBuilderConfig",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "problem": "ParserError",
    "layer": "ILayer",
    "result": "ITensor",
    "timing_cache": "ITimingCache",
    "runtime": "Runtime",
    "cuda_engine": "ICudaEngine",
    "context": "IExecutionContext",
}
SPEAKS_TENSORRT = ("__init__", "api", "builder", "progress", "runtime")  # the modules; gpu.py speaks pycuda
ROOT = "open_tensorrt"

Called = collections.namedtuple("Called", "cls name")  # cls is None for a name of the module itself


def called_names(api):
    """(Called..., functions reached) of our code where `if api.KEY` goes as this Api says."""
    definitions = {}
    for module in SPEAKS_TENSORRT:
        with open(os.path.join(os.path.dirname(room.__file__), module + ".py")) as file:
            for node in ast.parse(file.read()).body:
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    definitions[node.name] = node
    reader = _Reader(api, definitions)
    reader.reach(ROOT)
    return reader.called, reader.reached


def all_functions():
    """Every function and class of the modules that speak TensorRT."""
    names = set()
    for module in SPEAKS_TENSORRT:
        with open(os.path.join(os.path.dirname(room.__file__), module + ".py")) as file:
            names.update(
                node.name for node in ast.parse(file.read()).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            )
    return names


class _Reader(ast.NodeVisitor):
    """Follows the calls from a function, past branches that this version of TensorRT never takes."""

    def __init__(self, api, definitions):
        self._api = api
        self._definitions = definitions
        self.called = set()
        self.reached = set()

    def reach(self, name):
        if name in self._definitions and name not in self.reached:
            self.reached.add(name)
            self.visit(self._definitions[name])

    def visit_Name(self, node):
        self.reach(node.id)

    def visit_If(self, node):
        known = self._known(node.test)
        self.visit(node.test)
        for statement in (node.body if known is not False else []) + (node.orelse if known is not True else []):
            self.visit(statement)

    def _known(self, test):
        """What a condition is for this Api: True, False, or None when it depends on more."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            values = [self._known(value) for value in test.values]
            return False if False in values else (None if None in values else True)
        if isinstance(test, ast.Attribute) and path_of(test.value) in ("api", "self._api"):
            return getattr(self._api, test.attr)
        return None

    def visit_ClassDef(self, node):
        for base in node.bases:
            cls = path_of(base)
            if cls.startswith("trt."):
                self.called.update(
                    Called(cls[len("trt.") :], method.name)
                    for method in node.body
                    if isinstance(method, ast.FunctionDef) and method.name != "__init__"
                )
        self.generic_visit(node)

    def visit_Attribute(self, node):
        path = path_of(node)
        if path.startswith("trt."):
            names = path.split(".")[1:]
            self.called.update(
                Called(names[n - 1] if n else None, name) for n, name in enumerate(names) if name != "__init__"
            )
            return
        self.generic_visit(node)
        holder = path_of(node.value).split(".")[-1].lstrip("_")
        if holder in CLASSES:
            self.called.add(Called(CLASSES[holder], node.attr))


def path_of(node):
    """`self._context` as text, "" for anything else than names with dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = path_of(node.value)
        return inner + "." + node.attr if inner else ""
    return ""


def download(requirement, directory):
    """Path of the wheel for Linux on x86-64. Raises OSError or subprocess.CalledProcessError when it cannot be had."""
    if not os.listdir(directory):
        platforms = ["--platform=manylinux_2_{}_x86_64".format(n) for n in (17, 28)]
        subprocess.check_output(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "--implementation=cp",
                "--python-version=3.10",
                "--dest",
                directory,
                requirement,
            ]
            + platforms,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
        )
    return os.path.join(directory, os.listdir(directory)[0])


def wheel_names(path):
    """Every name that the wheel's code refers to, in the order of the code, and those its __init__.py defines."""
    with zipfile.ZipFile(path) as wheel:
        library = wheel.read("tensorrt_bindings/tensorrt.so")
        init = wheel.read("tensorrt_bindings/__init__.py").decode("utf-8")
    return referred_names(library), re.findall(r"^(\w+) = ", init, re.MULTILINE)


def referred_names(library):
    """The texts that x86-64 machine code loads the address of (`lea register, [rip + distance]`), in its order.

    Texts alone would say too much: linkers let INT8 be the end of UINT8, whether or not anything is called INT8.
    """
    sections = _sections(library)
    address, offset, size = sections[".text"]
    texts_address, texts_offset, texts_size = sections[".rodata"]
    code = np.frombuffer(library, np.uint8, size, offset)
    at = np.nonzero(((code[:-6] & 0xFB) == 0x48) & (code[1:-5] == 0x8D) & ((code[2:-4] & 0xC7) == 0x05))[0]
    distance = np.ascontiguousarray(code[at[:, None] + np.arange(3, 7)]).view("<i4")[:, 0].astype(np.int64)
    target = address + at + 7 + distance - texts_address
    names = []
    for start in target[(target >= 0) & (target < texts_size)]:
        text = library[texts_offset + int(start) : texts_offset + int(start) + 80].split(b"\0")[0]
        if re.match(rb"[A-Za-z_]\w*$", text):
            names.append(text.decode("ascii"))
    return names


def _sections(library):
    """(address, offset, size) of each section of a 64-bit ELF file, by name."""
    (table,) = struct.unpack_from("<Q", library, 0x28)
    number, of_names = struct.unpack_from("<HH", library, 0x3C)
    headers = [struct.unpack_from("<IIQQQQ", library, table + 64 * n) for n in range(number)]
    sections = {}
    for header in headers:
        start = headers[of_names][4] + header[0]
        sections[library[start : library.index(b"\0", start)].decode("ascii")] = header[3:6]
    return sections


def names_by_class(names):
    """{class: names between its own and the next class's}: pybind11 registers a class and then its members."""
    classes = collections.defaultdict(set)
    cls = None
    for name in names:
        if re.match(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*$", name) and not name.startswith("N8nvinfer"):
            cls = name
        elif cls:
            classes[cls].add(name)
    return classes
