"""Engines: the same answers from each, chosen in order, and a clear line when none fits."""

import contextlib
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from edge import engines
from edge.bundle import DEFAULT_BUNDLE_DIR, read_manifest
from edge.bundle.detector import sigmoid
from edge.bundle.frame_network import normalise
from edge.dsp import log_mel
from edge.engines import open_engine
from edge.engines.base import EngineUnavailable, quiet_stderr
from edge.errors import UserError
from edge.synthesis import nursery_night

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tiny_models")
FP32_TFLITE = os.path.join(MODELS, "detector.fp32.tflite")
INT8_TFLITE = os.path.join(MODELS, "detector.int8.tflite")
FP32_ONNX = os.path.join(MODELS, "detector.fp32.onnx")
INPUT_SHAPE = (1, 98, 64, 1)
N_INPUTS = 16


def tiny_input(n):
    """The n-th test input; as in tests/make_tiny_models.py."""
    wave = np.sin(np.arange(98 * 64) * (0.37 + 0.011 * n) + n) * (0.2 * n) - 0.1 * n
    return wave.astype(np.float32).reshape(INPUT_SHAPE)


def keras_logits():
    with open(os.path.join(MODELS, "expected.json")) as handle:
        return np.array(json.load(handle)["logits"])


def open_only(package, path):
    """Open a file in one named engine, or skip when it cannot be used here."""
    candidate = next(c for c in engines.CANDIDATES if c.package == package)
    try:
        return candidate.open(path, 1)
    except EngineUnavailable as reason:
        pytest.skip("{}: {}".format(package, reason))


def logits(engine):
    return np.array([engine.run(tiny_input(n))[0, 0] for n in range(N_INPUTS)])


@pytest.mark.parametrize(
    "package, path", [("ai-edge-litert", FP32_TFLITE), ("tflite-runtime", FP32_TFLITE), ("onnxruntime", FP32_ONNX)]
)
def test_float_model_gives_the_answers_of_keras(package, path):
    engine = open_only(package, path)
    assert engine.name.startswith(package + " ")
    assert engine.input_shape == INPUT_SHAPE and engine.output_shape == (1, 1)
    np.testing.assert_allclose(logits(engine), keras_logits(), atol=1e-4)


@pytest.mark.parametrize("package", ["ai-edge-litert", "tflite-runtime"])
def test_int8_input_and_output_are_quantised_inside(package):
    """Within a few steps of the output's scale, saturating inputs included."""
    engine = open_only(package, INT8_TFLITE)
    output = engine.run(tiny_input(3))
    assert output.dtype == np.float32
    spread = np.ptp(keras_logits())
    np.testing.assert_allclose(logits(engine), keras_logits(), atol=0.03 * spread)
    assert np.isfinite(engine.run(np.full(INPUT_SHAPE, 1e6, np.float32))).all()


@pytest.mark.parametrize(
    "package, path",
    [
        ("ai-edge-litert", FP32_TFLITE),
        ("ai-edge-litert", INT8_TFLITE),
        ("tflite-runtime", INT8_TFLITE),
        ("onnxruntime", FP32_ONNX),
    ],
)
def test_an_answer_is_not_overwritten_by_the_next(package, path):
    engine = open_only(package, path)
    first = engine.run(tiny_input(1))
    kept = first.copy()
    engine.run(tiny_input(15))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(engine.run(tiny_input(1)), kept)


@pytest.mark.parametrize(
    "package, path", [("ai-edge-litert", FP32_TFLITE), ("tflite-runtime", FP32_TFLITE), ("onnxruntime", FP32_ONNX)]
)
def test_wrong_input_shape_names_both_shapes(package, path):
    engine = open_only(package, path)
    with pytest.raises(ValueError, match=r"\(1, 98, 64, 1\), got \(98, 64\)"):
        engine.run(np.zeros((98, 64), np.float32))


STEP_FILES = [
    ("ai-edge-litert", "expert_ios.fp32.tflite"),
    ("ai-edge-litert", "expert_ios.int8.tflite"),
    ("tflite-runtime", "expert_ios.fp32.tflite"),  # its 2.14 does not divide int8
    ("onnxruntime", "expert_ios.fp32.onnx"),
]
STATES = ["state_" + name for name in ("conv_1", "conv_2", "conv_3", "count", "sum", "valid")]


def fill(engine, n):
    """The n-th input of a step graph, within what the int8 file was made for."""
    for number, name in enumerate(sorted(engine.inputs)):
        array = engine.inputs[name]
        array[...] = 1.9 * np.abs(np.sin(np.arange(array.size) * (0.7 + 0.1 * n) + number)).reshape(array.shape)


@pytest.mark.parametrize("package, name", STEP_FILES)
def test_several_inputs_and_outputs_have_the_models_own_names(package, name):
    engine = open_only(package, os.path.join(MODELS, name))
    assert sorted(engine.inputs) == sorted(["columns", "valid"] + STATES)
    assert sorted(engine.outputs) == sorted(["cause"] + ["new_" + state for state in STATES])
    for state in STATES:
        assert engine.outputs["new_" + state].shape == engine.inputs[state].shape
    assert all(array.dtype == np.float32 for arrays in (engine.inputs, engine.outputs) for array in arrays.values())
    with pytest.raises(ValueError, match="the model has several: .*; use them by name"):
        engine.run(np.zeros((1, 14), np.float32))


@pytest.mark.parametrize(
    "name, tolerance, compared",
    [
        ("expert_ios.fp32.tflite", 1e-5, ["cause"] + ["new_" + state for state in STATES]),
        ("expert_ios.int8.tflite", 0.01, ["new_state_valid", "new_state_conv_1"]),
    ],
)
def test_step_graphs_answer_as_in_onnxruntime(name, tolerance, compared):
    """Of int8 inputs and outputs those that are passed on, to a step of their scale: in and out, each by its own."""
    expected = open_only("onnxruntime", os.path.join(MODELS, "expert_ios.fp32.onnx"))
    engine = open_only("ai-edge-litert", os.path.join(MODELS, name))
    for n in range(3):
        fill(expected, n)
        fill(engine, n)
        expected.infer()
        engine.infer()
        for output in compared:
            values = expected.outputs[output]
            np.testing.assert_allclose(engine.outputs[output], values, atol=tolerance * max(1.0, np.ptp(values)))


@pytest.mark.parametrize(
    "package, name", STEP_FILES + [("ai-edge-litert", "detector.int8.tflite"), ("onnxruntime", "detector.fp32.onnx")]
)
def test_nothing_the_size_of_a_tensor_is_allocated_again(package, name):
    """The detector's input has 25088 bytes; 20 times the columns of a step graph are 23520."""
    engine = open_only(package, os.path.join(MODELS, name))
    fill(engine, 1)
    engine.infer()
    tracemalloc.start()
    try:
        engine.infer()  # what is made once
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            engine.infer()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert max(after, peak) - before < 10000


def test_first_installed_engine_that_has_a_file_is_used():
    both = {"tflite": FP32_TFLITE, "onnx": FP32_ONNX}
    usable = []
    for candidate in engines.CANDIDATES:
        with contextlib.suppress(EngineUnavailable):
            usable.append(candidate.open(both[candidate.file_format], 1).name)
    if not usable:
        pytest.skip("no inference engine installed")
    assert open_engine(both).name == usable[0]


def test_engine_that_refuses_the_file_is_passed_over_with_a_reason(tmp_path, caplog):
    open_only("onnxruntime", FP32_ONNX)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"not a model")
    with caplog.at_level(logging.WARNING):
        engine = open_engine({"tflite": str(damaged), "onnx": FP32_ONNX})
    assert engine.name.startswith("onnxruntime ")
    tflite_installed = any(importlib.util.find_spec(m) for m in ("ai_edge_litert", "tflite_runtime"))
    assert ("engine passed over" in caplog.text) == tflite_installed


def test_a_file_that_opens_and_does_not_run_is_passed_over():
    """tflite-runtime 2.14 has no int8 division."""
    open_only("tflite-runtime", FP32_TFLITE)
    with pytest.raises(EngineUnavailable, match="cannot run .*expert_ios.int8.tflite .Div only supports FLOAT32"):
        engines.litert.open_tflite_runtime(os.path.join(MODELS, "expert_ios.int8.tflite"), 1)


@pytest.mark.skipif(np.__version__.startswith("1."), reason="NumPy 1 is what tflite-runtime needs")
def test_tflite_runtime_beside_numpy_2_is_passed_over():
    """It would import and then fail inside its interpreter."""
    pytest.importorskip("tflite_runtime")
    with pytest.raises(EngineUnavailable, match="needs NumPy 1, found 2.*numpy<2"):
        engines.litert.open_tflite_runtime(FP32_TFLITE, 1)


@pytest.mark.parametrize("file_format", ["tflite", "onnx"])
def test_damaged_model_is_one_clear_line(tmp_path, file_format):
    damaged = str(tmp_path / ("damaged." + file_format))
    with open(damaged, "wb") as handle:
        handle.write(b"not a model")
    with pytest.raises(UserError, match="no inference engine can run .*damaged") as error:
        open_engine({file_format: damaged})
    assert "\n" not in str(error.value)


def test_no_engine_installed_names_every_candidate():
    """In an interpreter where none of the three can be imported."""
    program = (
        "import sys\n"
        "for name in ('ai_edge_litert', 'tflite_runtime', 'onnxruntime'): sys.modules[name] = None\n"
        "from edge.engines import open_engine\n"
        "from edge.errors import UserError\n"
        "try: open_engine({'tflite': 'a.tflite', 'onnx': 'a.onnx'})\n"
        "except UserError as error: print(error)\n"
    )
    text = subprocess.check_output([sys.executable, "-c", program]).decode()
    for package in ("ai-edge-litert", "tflite-runtime", "onnxruntime"):
        assert package + ": not installed" in text
        assert "pip install " + package in text
    assert text.count("\n") == 1


def test_importing_the_room_imports_no_engine():
    program = (
        "import sys, edge.engines, edge.bundle\n"
        "print([m for m in ('ai_edge_litert', 'tflite_runtime', 'onnxruntime', 'tensorflow') "
        "if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program]).decode().strip() == "[]"


def test_engines_say_nothing_on_standard_error():
    program = (
        "import logging, numpy\n"
        "logging.disable(logging.WARNING)\n"  # our own line about an engine passed over is meant
        "from edge.engines import open_engine\n"
        "engine = open_engine({{'tflite': {!r}, 'onnx': {!r}}})\n"
        "engine.run(numpy.zeros(engine.input_shape))\n"
    ).format(FP32_TFLITE, FP32_ONNX)
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    said = process.communicate()[1].decode()
    if "no inference engine" in said:
        pytest.skip("no inference engine installed")
    assert process.returncode == 0 and said == ""


def test_quiet_stderr_gives_standard_error_back(capfd):
    with quiet_stderr():
        os.write(2, b"hidden")
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"


def test_a_model_file_may_move(tmp_path):
    moved = str(tmp_path / "elsewhere.onnx")
    shutil.copy(FP32_ONNX, moved)
    np.testing.assert_allclose(logits(open_only("onnxruntime", moved)), keras_logits(), atol=1e-4)


def test_the_engines_that_are_here_agree_on_the_bundle_that_ships():
    """On a synthetic night; benchmarks/export/engines_agree.py does it on recordings, with every engine there is."""
    model = read_manifest(DEFAULT_BUNDLE_DIR).models[0]
    samples = nursery_night(20, seed=3).samples
    columns = log_mel.log_mel(samples)
    frames = [columns[n : n + 98] for n in range(0, len(columns) - 98, 40)]
    expected = None
    for candidate in reversed(engines.CANDIDATES):
        if candidate.file_format not in model.files:
            continue
        path = os.path.join(DEFAULT_BUNDLE_DIR, model.files[candidate.file_format].path)
        with contextlib.suppress(EngineUnavailable):
            engine = candidate.open(path, 1)
            inputs = np.zeros((len(frames),) + engine.input_shape, np.float32)
            for frame, out in zip(frames, inputs):
                normalise(frame, model.normalisation.scale, out=out[0, :, :, 0])
            p = np.array([sigmoid(float(engine.run(x)[0, 0]) / model.temperature) for x in inputs])
            expected = p if expected is None else expected
            clear = np.abs(expected - 0.5) > 0.05
            assert ((p > 0.5) == (expected > 0.5))[clear].mean() >= 0.99, engine.name
    if expected is None:
        pytest.skip("no inference engine installed")
    assert len(expected) > 40
