"""In which order our code calls TensorRT, what it does when TensorRT refuses, and what it keeps: on a stand-in.

No TensorRT engine is built here; there is none to be had without an NVIDIA GPU. See standin_tensorrt.py.
"""

import json
import os
import socket
import sys
import threading
import time
import types

import numpy as np
import pytest
import standin_tensorrt
from expert_bundle import changed, read_manifest, tiny_columns, write_expert_bundle, write_manifest
from frame_bundle import write_frame_bundle
from loud_bundle import write_loud_bundle
from patience import PATIENCE_S
from standin_tensorrt import Board

import edge.engines.tensorrt as room
from edge.bundle import load_bundle
from edge.commands.main import main
from edge.engines import open_engine, open_tensorrt
from edge.engines.base import EngineUnavailable
from edge.engines.onnx import open_onnxruntime
from edge.engines.tensorrt import gpu as gpu_module
from edge.engines.tensorrt import progress as progress_module
from edge.engines.tensorrt.builder import WORKSPACE_BYTES, cache_for
from edge.engines.tensorrt.progress import BuildProgress

VERSIONS = ["8.2.1.8", "8.4.3", "8.6.1", "10.3.0", "11.4.0.106"]
MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tiny_models")
X = np.linspace(-1, 2, 98 * 64).astype(np.float32).reshape(1, 98, 64, 1)


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


def unavailable(*arguments):
    with pytest.raises(EngineUnavailable) as error:
        open_tensorrt(*arguments)
    assert "\n" not in str(error.value)
    return error.value


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


def test_tensorrts_own_phases_are_told(use, files, said, monkeypatch):
    monkeypatch.setattr(progress_module, "TICK_S", 0.05)
    monkeypatch.setattr(progress_module, "SAY_EVERY_S", 0.1)
    monkeypatch.setattr(BuildProgress.__init__, "__defaults__", (0.05, 300.0))
    board = use(Board("10.3.0"))

    def build(config):
        monitor = config.given["monitor"]
        monitor.phase_start("Timing Graph Nodes", None, 12)
        assert monitor.step_complete("Timing Graph Nodes", 4) is True
        time.sleep(0.3)
        monitor.phase_finish("Timing Graph Nodes")

    board.while_building = build
    open_tensorrt(files, "fp16", "detector", said.append)
    assert any("so far, Timing Graph Nodes 5 of 12" in line for line in said)
    assert said[-1].startswith("built from onnx_typed in ")


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """The socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def received(systemd):
    messages = []
    while True:
        try:
            messages.append(systemd.recv(100))
        except BlockingIOError:
            return messages


def test_systemd_is_kept_patient_while_the_build_lives(systemd, said):
    messages = [0]
    with BuildProgress(said.append, lambda: messages[0], tick_s=0.05, stalled_after_s=1.0):
        for _ in range(30):
            messages[0] += 1
            time.sleep(0.05)
    asked = received(systemd)
    assert len(asked) >= 5 and set(asked) == {b"EXTEND_TIMEOUT_USEC=60000000"}
    assert said == []


def test_a_build_that_works_in_silence_lives(systemd, said):
    with BuildProgress(said.append, lambda: 0, tick_s=0.05, stalled_after_s=1.0):
        until = time.process_time() + 1.5
        while time.process_time() < until:
            sum(range(1000))
            received(systemd)
    assert said == []


def test_a_build_that_hangs_is_left_to_systemd(systemd, said):
    with BuildProgress(said.append, lambda: 0, tick_s=0.05, stalled_after_s=0.2):
        patient_until = time.monotonic() + PATIENCE_S
        while not said and time.monotonic() < patient_until:
            time.sleep(0.05)
        assert received(systemd)
        time.sleep(0.3)
        assert received(systemd) == []
    assert len(said) == 1 and "systemd is no longer asked to wait" in said[0]


def jetson_bundle(directory, precision):
    write_loud_bundle(directory)
    path = os.path.join(directory, "manifest.json")
    with open(path) as file:
        manifest = json.load(file)
    manifest["models"][0]["tensorrt"] = {"precision": precision}
    with open(path, "w") as file:
        json.dump(manifest, file)
    return directory


def test_prepare_builds_once(use, tmp_path, capsys):
    directory = jetson_bundle(str(tmp_path), "fp16")
    board = use(Board("8.2.1.8"))
    assert main(["prepare", "--bundle", directory]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "building the TensorRT engine of the detector in fp16" in out[1]
    assert out[-1].startswith("detector: ready, TensorRT 8.2.1.8 in fp16, ")
    use(board)
    assert main(["prepare", "--bundle", directory]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert len(board.builds) == 1


def test_prepare_builds_an_engine_for_each_expert(use, tmp_path, capsys):
    """The stand-in cannot run them, but they are built and kept apart, also where one name begins like another."""
    directory = write_expert_bundle(str(tmp_path))
    manifest = read_manifest(directory)
    manifest["models"][1]["name"] = "ios-2"
    for model in manifest["models"]:
        model["tensorrt"] = {"precision": "fp16"}
    write_manifest(directory, manifest)
    board = use(Board("8.6.1"))
    assert main(["prepare", "--bundle", directory]) == 0
    out = capsys.readouterr().out
    assert "building the TensorRT engine of the expert ios-2 in fp16" in out
    assert [line.split(":")[0] for line in out.splitlines() if ": ready, TensorRT 8.6.1 in fp16, " in line] == [
        "detector",
        "expert ios-2",
        "expert ios",
    ]
    kept = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "cache").glob("*.engine"))
    assert kept == ["detector", "expert-ios", "expert-ios-2"]
    use(board)
    assert main(["prepare", "--bundle", directory]) == 0
    assert len(board.builds) == 3


def test_prepare_builds_an_engine_for_the_denoiser(use, tmp_path, capsys):
    directory = write_frame_bundle(str(tmp_path), ("narrow",), ())
    manifest = read_manifest(directory)
    for model in manifest["models"]:
        model["tensorrt"] = {"precision": "fp16"}
    write_manifest(directory, manifest)
    use(Board("8.6.1"))
    assert main(["prepare", "--bundle", directory]) == 0
    out = capsys.readouterr().out
    assert "building the TensorRT engine of the denoiser in fp16" in out
    assert [line.split(":")[0] for line in out.splitlines() if ": ready, TensorRT 8.6.1 in fp16, " in line] == [
        "detector",
        "denoiser",
        "expert narrow",
    ]
    kept = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "cache").glob("*.engine"))
    assert kept == ["denoiser", "detector", "expert-narrow"]


def test_an_expert_of_a_bundle_runs_on_it(use, tmp_path):
    directory = write_expert_bundle(str(tmp_path), ("ios",))
    changed(directory, "models", 1, "tensorrt", {"precision": "fp16"})
    board = Board("8.2.1.8")
    try:
        engine = open_onnxruntime(os.path.join(directory, "expert_ios.fp32.onnx"), 1)
    except EngineUnavailable as reason:
        pytest.skip(str(reason))
    board.inputs = {name: array.shape for name, array in engine.inputs.items()}
    board.outputs = {name: array.shape for name, array in engine.outputs.items()}
    use(board)
    (expert,) = load_bundle(directory).experts
    assert expert.engine_name == "TensorRT 8.2.1.8"
    assert len(list(expert.push(tiny_columns()))) == 20


def test_prepare_refuses_int8_on_a_nano(use, tmp_path, capsys):
    board = use(Board("8.2.1.8"))
    board.fast_int8 = False
    assert main(["prepare", "--bundle", jetson_bundle(str(tmp_path), "int8")]) == 1
    assert capsys.readouterr().err == (
        "cry-monitor: error: the detector cannot run on TensorRT: NVIDIA Tegra X1, compute capability 5.3 has no fast "
        "int8 arithmetic, so int8 would run slower than fp16 there: use the bundle of edge-export --target "
        "jetson-fp16\n"
    )


def test_the_detector_of_a_bundle_runs_on_it(use, tmp_path):
    use(Board("8.2.1.8"))
    bundle = load_bundle(jetson_bundle(str(tmp_path), "fp16"))
    assert bundle.detector.engine_name == "TensorRT 8.2.1.8"
    bundle.warm_up()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tensor_type", ["FLOAT", "HALF"])
def test_several_inputs_and_outputs_go_by_name(use, files, version, tensor_type):
    """In whatever order TensorRT tells them; the stand-in's output number n is the sum of input number n."""
    board = Board(version)
    board.inputs = {"valid": (1, 3), "columns": (1, 3, 2, 1), "state_sum": (1, 2)}
    board.outputs = {"cause": (1, 4), "new_state_sum": (1, 2), "a": (1, 1)}
    board.tensor_type = tensor_type
    use(board)
    engine = open_tensorrt(files, "fp16")
    assert {name: array.shape for name, array in engine.inputs.items()} == board.inputs
    for round_ in (1.0, 2.0):
        for number, array in enumerate(engine.inputs.values()):
            array[...] = round_ * (number + 1)
        engine.infer()
        for source, target in zip(board.inputs, board.outputs):
            np.testing.assert_array_equal(engine.outputs[target], engine.inputs[source].sum())
    assert board.executions == 2
    with pytest.raises(ValueError, match="the model has several"):
        engine.run(X)
