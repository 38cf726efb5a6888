"""In which order our code calls TensorRT, and what it does when TensorRT refuses: on a stand-in.

No TensorRT engine is built here; there is none to be had without an NVIDIA GPU. See standin_tensorrt.py.
"""

import os
import threading

import numpy as np
import pytest
from refusals import unavailable
from standin_tensorrt import VERSIONS, Board

from edge.engines import open_engine, open_tensorrt
from edge.engines.tensorrt.builder import WORKSPACE_BYTES, cache_for

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tiny_models")
X = np.linspace(-1, 2, 98 * 64).astype(np.float32).reshape(1, 98, 64, 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_engine_is_built_once_and_runs_on_any_thread(use, files, said, version):
    board = use(Board(version))
    engine = open_tensorrt(files, "fp16", "detector", said.append)
    assert engine.name == "TensorRT " + version
    assert (engine.input_shape, engine.output_shape) == ((1, 98, 64, 1), (1, 1))
    answers = [engine.run(X)]
    thread = threading.Thread(target=lambda: answers.append(engine.run(2 * X)))
    thread.start()
    thread.join()
    np.testing.assert_allclose(np.ravel(answers), [X.sum(), 2 * X.sum()], rtol=1e-4)
    assert answers[0].dtype == np.float32 and answers[0].shape == (1, 1)
    assert "takes minutes, once: none has been built yet" in said[0]
    assert board.stack() == []

    use(board)
    assert open_tensorrt(files, "fp16", "detector", said.append).run(X).shape == (1, 1)
    assert len(board.builds) == 1


@pytest.mark.parametrize(
    "version, precision, source, network_flags, flags",
    [
        ("8.2.1.8", "fp16", "onnx", {"EXPLICIT_BATCH"}, {"FP16", "PREFER_PRECISION_CONSTRAINTS"}),
        ("8.6.1", "fp16", "onnx", {"EXPLICIT_BATCH"}, {"FP16", "PREFER_PRECISION_CONSTRAINTS"}),
        ("10.3.0", "fp16", "onnx_typed", {"STRONGLY_TYPED"}, set()),
        ("11.4.0.106", "fp16", "onnx_typed", {"STRONGLY_TYPED"}, set()),
        ("8.2.1.8", "int8", "onnx", {"EXPLICIT_BATCH"}, {"INT8"}),
        ("10.3.0", "int8", "onnx", {"STRONGLY_TYPED"}, set()),
        ("8.2.1.8", "fp32", "onnx", {"EXPLICIT_BATCH"}, set()),
        ("10.3.0", "fp32", "onnx", {"STRONGLY_TYPED"}, set()),
        ("11.4.0.106", "int8", "onnx", {"STRONGLY_TYPED"}, set()),
    ],
)
def test_what_says_the_precision(use, files, version, precision, source, network_flags, flags):
    board = use(Board(version))
    open_tensorrt(files, precision)
    given = board.builds[0].given
    assert given["content"] == source.encode("ascii")
    assert given["network_flags"] == network_flags
    assert given["flags"] == flags
    assert given["workspace"] == WORKSPACE_BYTES <= 256 << 20
    assert ("monitor" in given) == version.startswith("1")
    assert "calibrator" not in given


def test_where_float16_overflows_float32_stays(use, files):
    board = use(Board("8.2.1.8"))
    open_tensorrt(files, "fp16")
    assert board.builds[0].given["exact"] == {"SOFTMAX", "REDUCE", "UNARY", "summed ELEMENTWISE"}


def test_a_gpu_without_fast_fp16_gets_float32(use, files):
    board = use(Board("8.6.1"))
    board.fast_fp16 = False
    open_tensorrt(files, "fp16")
    assert board.builds[0].given["flags"] == set()


def test_float16_tensors_are_converted(use, files):
    board = Board("10.3.0")
    board.tensor_type = "HALF"
    use(board)
    answer = open_tensorrt(files, "fp16").run(X)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer[0, 0], X.sum(), rtol=2e-3)


@pytest.mark.parametrize("version", ["8.2.1.8", "10.3.0"])
def test_int8_is_refused_where_it_is_not_fast(use, files, version):
    board = use(Board(version))
    board.fast_int8 = False
    refusal = unavailable(files, "int8")
    assert refusal.installed
    assert str(refusal).startswith("NVIDIA Tegra X1, compute capability 5.3 has no fast int8")
    assert "edge-export --target jetson-fp16" in str(refusal)
    assert board.builds == []


def test_where_tensorrt_refuses_onnxruntime_runs_the_model_and_that_is_said(use, caplog):
    pytest.importorskip("onnxruntime")
    board = use(Board())
    board.fast_int8 = False
    engine = open_engine({"onnx": os.path.join(MODELS, "detector.fp32.onnx")}, 1, "int8", "detector")
    assert engine.name.startswith("onnxruntime ")
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith("the detector is meant for TensorRT; onnxruntime ")
    assert "runs it instead (TensorRT: NVIDIA Tegra X1" in line


def test_what_the_parser_does_not_import_is_one_line(use, files):
    board = use(Board("8.2.1.8"))
    board.parse_problems[b"onnx"] = [(n, "no importer\nregistered for op: Gelu") for n in range(5)]
    text = str(unavailable(files, "fp16"))
    assert text == (
        "TensorRT 8.2.1.8 does not import the model (node 0: no importer registered for op: Gelu; node 1: "
        "no importer registered for op: Gelu; node 2: no importer registered for op: Gelu; 2 more)"
    )


def test_what_does_not_build_says_why(use, files):
    board = use(Board("8.6.1"))
    board.unbuildable.add(b"onnx")
    text = str(unavailable(files, "fp16"))
    assert text == "TensorRT 8.6.1 cannot build {} (Could not find any implementation for node X)".format(files["onnx"])


def test_int8_falls_back_on_the_calibration_cache(use, files, said):
    """Where the Q/DQ file does not build; ranges come from the cache alone, nothing is calibrated."""
    board = use(Board("8.2.1.8"))
    board.unbuildable.add(b"onnx")
    open_tensorrt(files, "int8", "detector", said.append)
    given = board.builds[0].given
    assert given["content"] == b"onnx_fp32" and given["flags"] == {"INT8"}
    assert given["calibrator"].read_calibration_cache() == b"calibration_cache"
    assert given["calibrator"].get_batch(["in"]) is None
    assert "trying onnx_fp32" in said[1]


@pytest.mark.parametrize(
    "version, header",
    [("8.2.1.8", b"TRT-8201-"), ("8.6.2", b"TRT-8602-"), ("10.3.0", b"TRT-100300-"), ("10.16.1.11", b"TRT-101601-")],
)
def test_a_calibration_cache_names_the_version_that_reads_it(version, header):
    ranges = b"EntropyCalibration2\nfeatures: 3d279686\nTRT-1-: 3d4df5e7\n"
    assert cache_for(version, b"TRT-8201-" + ranges) == header + ranges


def test_from_11_there_is_no_calibration_cache_to_fall_back_on(use, files):
    board = use(Board("11.4.0.106"))
    board.unbuildable.add(b"onnx")
    assert "cannot build" in str(unavailable(files, "int8"))


def test_11_needs_the_typed_file(use, files):
    use(Board("11.4.0.106"))
    del files["onnx_typed"]
    assert "edge-export --target jetson-fp16" in str(unavailable(files, "fp16"))


def test_10_does_without_the_typed_file(use, files):
    board = use(Board("10.3.0"))
    del files["onnx_typed"]
    open_tensorrt(files, "fp16")
    assert "FP16" in board.builds[0].given["flags"] and board.builds[0].given["network_flags"] == set()
