"""A board on which TensorRT is a stand-in, and the files of a model."""

import types

import pytest
import standin_tensorrt

import edge.engines.tensorrt as room
from edge.engines.tensorrt import gpu as gpu_module


@pytest.fixture
def use(monkeypatch, tmp_path):
    """use(board): from now on this is the board we run on, in a new process."""
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    def use(board):
        monkeypatch.setattr(gpu_module, "_opened", [])
        monkeypatch.setattr(gpu_module, "atexit", types.SimpleNamespace(register=lambda close: None))
        monkeypatch.setattr(room, "_loggers", [])
        standin_tensorrt.install(board, monkeypatch)
        return board

    return use


@pytest.fixture
def files(tmp_path):
    """Every kind of file; their content is their kind."""
    files = {}
    for kind in ("onnx", "onnx_typed", "onnx_fp32", "calibration_cache"):
        files[kind] = str(tmp_path / kind)
        with open(files[kind], "w") as file:
            file.write(kind)
    return files


@pytest.fixture
def said():
    return []
