"""What is built again, what is kept, and what is said when it cannot be: on a stand-in.

No TensorRT engine is built here; there is none to be had without an NVIDIA GPU. See standin_tensorrt.py.
"""

import os
import sys

import numpy as np
import pytest
import standin_tensorrt
from refusals import unavailable
from standin_tensorrt import VERSIONS, Board

from edge.engines import open_engine, open_tensorrt
from edge.engines.tensorrt import gpu as gpu_module

X = np.linspace(-1, 2, 98 * 64).astype(np.float32).reshape(1, 98, 64, 1)


def test_a_change_builds_again_says_why_and_starts_from_the_timings_of_before(use, files, said):
    board = use(Board("8.6.1"))
    open_tensorrt(files, "fp16", "detector", said.append)
    with open(files["onnx"], "a") as file:
        file.write(" of a newer bundle")
    open_tensorrt(files, "fp16", "detector", said.append)
    assert any("the model changed from " in line for line in said)
    assert [config.given["timing_cache"].content for config in board.builds] == [b"", b"+"]
    updated = use(Board("10.3.0"))
    open_tensorrt(files, "fp16", "detector", said.append)
    assert any("TensorRT changed from 8.6.1 to 10.3.0" in line for line in said)
    assert updated.builds[0].given["timing_cache"].content == b""


def test_a_timing_cache_that_tensorrt_does_not_take_is_left_out(use, files, tmp_path):
    board = use(Board("8.6.1"))
    open_tensorrt(files, "fp16", "detector")
    for name in os.listdir(str(tmp_path / "cache")):
        path = str(tmp_path / "cache" / name)
        if name.startswith("timing-"):
            with open(path, "wb") as file:
                file.write(b"damaged")
        else:
            os.remove(path)
    open_tensorrt(files, "fp16", "detector")
    assert board.builds[1].given["timing_cache"].content == b""


@pytest.mark.parametrize("content", [b"", b"stand-in engine of 8.6.1\nX"])
def test_a_damaged_cached_engine_is_built_again_and_that_is_said(use, files, said, tmp_path, content):
    board = use(Board("8.6.1"))
    open_tensorrt(files, "fp16", "detector")
    (path,) = (tmp_path / "cache").glob("*.engine")
    path.write_bytes(content)
    open_tensorrt(files, "fp16", "detector", said.append)
    assert "the cached engine is damaged" in said[0]
    assert len(board.builds) == 2


def test_a_cached_engine_that_does_not_load_is_built_again(use, files, said, monkeypatch):
    board = use(Board("8.6.1"))
    monkeypatch.setattr(standin_tensorrt, "MARK", b"of another driver ")
    open_tensorrt(files, "fp16", "detector")
    monkeypatch.undo()
    monkeypatch.setenv("CACHE_DIRECTORY", os.path.dirname(files["onnx"]) + "/cache")
    use(board)
    open_tensorrt(files, "fp16", "detector", said.append)
    assert "the cached engine is damaged: the engine cannot be loaded (Serialization assertion failed)" in said[0]


def test_an_engine_that_cannot_be_kept_runs_all_the_same(use, files, said, tmp_path, monkeypatch):
    use(Board("8.6.1"))
    (tmp_path / "cache").write_text("a file where the directory should be")
    assert open_tensorrt(files, "fp16", "detector", said.append).run(X).shape == (1, 1)
    assert "will be built again at the next start" in said[-1]


@pytest.mark.parametrize(
    "shape, tensor_type, said",
    [((-1, 98, 64, 1), "FLOAT", "dynamic shape"), ((1, 98, 64, 1), "INT32", "float32 or float16 is needed")],
)
def test_tensors_that_cannot_be_fed_are_said(use, files, shape, tensor_type, said):
    board = Board("10.3.0")
    board.inputs, board.tensor_type = {"in": shape}, tensor_type
    use(board)
    assert said in str(unavailable(files, "fp16"))


def test_without_a_gpu(use, files):
    board = Board()
    board.devices = 0
    use(board)
    error = unavailable(files, "fp16")
    assert str(error) == "no CUDA device (cuDeviceGet failed: invalid device ordinal)" and not error.installed


def test_without_pycuda(use, files, monkeypatch):
    use(Board())
    monkeypatch.delitem(sys.modules, "pycuda")
    monkeypatch.delitem(sys.modules, "pycuda.driver")
    error = unavailable(files, "fp16")
    assert str(error) == "pycuda is missing beside TensorRT: pip install pycuda" and error.installed


@pytest.mark.parametrize("version", VERSIONS)
def test_transfers_and_computing_are_told_apart(use, files, version):
    """By marks in the stream around each; the answers are those of any inference."""
    use(Board(version))
    engine = open_engine(files, tensorrt="fp16")
    engine.inputs["in"][...] = 1.0
    assert engine.timed_infer() == {"upload_ms": 1.0, "compute_ms": 1.0, "download_ms": 1.0}
    assert engine.outputs["out"][0, 0] == 98 * 64


def test_what_tensorrt_throws_is_one_line(use, files):
    board = use(Board())

    def explode(config):
        raise TypeError("pybind11::init(): factory function returned nullptr\nInvoked with")

    board.while_building = explode
    assert str(unavailable(files, "fp16")) == (
        "TensorRT 8.2.1.8 failed (pybind11::init(): factory function returned nullptr)"
    )


def test_tensorrt_is_freed_before_its_context(use, files):
    board = use(Board("8.6.1"))
    engine = open_tensorrt(files, "fp16")
    assert board.live == 2
    gpu_module._opened[0]._close()
    assert board.live == 0 and board.context.detached
    assert engine.name


def test_an_inference_that_fails_is_an_error_for_people(use, files, monkeypatch):
    use(Board("8.2.1.8"))
    engine = open_tensorrt(files, "fp16")
    monkeypatch.setattr(type(engine._context), "execute_async_v2", lambda *_: False)
    with pytest.raises(Exception, match="TensorRT 8.2.1.8 could not run the model on NVIDIA Tegra X1") as error:
        engine.run(X)
    assert type(error.value).__name__ == "UserError"
