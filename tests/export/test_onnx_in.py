"""edge-export takes an ONNX file as it takes a Keras model: same bundle, same answers, and says what it cannot take."""

import json
import os
import shutil
import signal
import threading

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from export_examples import DESCRIPTION, log_mel_frames, write_description  # noqa: E402

from edge.bundle import load_bundle  # noqa: E402
from export.networks import onnx_network  # noqa: E402
from export.sources.foreign import READER  # noqa: E402


@pytest.fixture(scope="module")
def content(keras, model_dir):
    """The session's detector as somebody else's tool would write it: bands first, the batch open, opset 18."""
    from onnx import helper

    from export.convert.keras_graph import with_batch_of_one
    from export.convert.keras_to_onnx import keras_to_onnx

    trained = keras.saving.load_model(model_dir / "detector.keras")
    model = onnx.load_from_string(keras_to_onnx(with_batch_of_one(trained)))
    graph = model.graph
    turn = helper.make_node("Transpose", ["mel"], ["features"], perm=[0, 3, 2, 1])
    given = helper.make_tensor_value_info("mel", 1, ["batch", 1, 64, 98])
    graph = helper.make_graph([turn, *graph.node], "torch", [given], graph.output, graph.initializer)
    older = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return onnx.version_converter.convert_version(older, 18).SerializeToString()


@pytest.fixture
def onnx_dir(content, tmp_path):
    """A folder with that file and its description."""
    folder = tmp_path / "onnx_model"
    folder.mkdir()
    (folder / "mine.onnx").write_bytes(content)
    write_description(folder)
    return folder


@pytest.mark.parametrize("target", ["rpi-fp32", "jetson-fp16"])
def test_a_bundle_of_an_onnx_file_says_on_the_device_what_the_file_says(export, onnx_dir, content, tmp_path, target):
    status, _, stderr = export(target=target, model=onnx_dir / "mine.onnx")
    assert status == 0, stderr
    bundle = load_bundle(tmp_path / "out")
    fixed = onnx.load_from_string(content)
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    network = onnx_network(fixed.SerializeToString())
    for frame in log_mel_frames(4, seed=11):
        x = ((frame - frame.mean()) / 3.0).T[None, None]
        (expected,) = network({"mel": x.astype(np.float32)}).values()
        assert bundle.detector.logit(frame) == pytest.approx(float(expected[0, 0]), abs=1e-4)
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert written["models"][0]["parameters"] > 5000


def test_a_file_may_have_a_description_of_its_own_name(refusal, onnx_dir):
    description = {**DESCRIPTION, "labels": ["cry", "other"]}
    (onnx_dir / "mine.json").write_text(json.dumps(description))
    assert "labels" in refusal(model=onnx_dir / "mine.onnx")


def test_sizes_that_are_not_the_features_are_named(refusal, onnx_dir):
    model = onnx.load(onnx_dir / "mine.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 40
    onnx.save(model, onnx_dir / "mine.onnx")
    line = refusal(model=onnx_dir)
    assert "takes an input of shape (1, 1, 40, 98), its feature gives 98 columns of 64 bands" in line


def test_several_inputs_are_named(refusal, onnx_dir):
    model = onnx.load(onnx_dir / "mine.onnx")
    model.graph.input.append(onnx.helper.make_tensor_value_info("rate", 7, []))
    onnx.save(model, onnx_dir / "mine.onnx")
    assert "has the inputs mel, rate and the outputs logits; one of each is needed: --input-value" in refusal(
        model=onnx_dir
    )
    assert "no input 'sr'" in refusal("--input-value", "sr=16000", model=onnx_dir)
    assert "--input-shape is 'mel'" in refusal("--input-shape", "mel", model=onnx_dir)


def test_flags_for_onnx_are_refused_with_a_keras_model(refusal):
    assert "for ONNX files" in refusal("--input-shape", "x=1,2")


@pytest.mark.parametrize("damage", [b"", b"no onnx", None])
def test_a_damaged_file_is_one_line(refusal, onnx_dir, damage):
    path = onnx_dir / "mine.onnx"
    path.write_bytes(path.read_bytes()[:2000] if damage is None else damage)
    assert "mine.onnx" in refusal(model=path)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("model.pt", "torch.export.save"), ("model.tflite", "converted already"), ("model.h5", "model.save")],
)
def test_other_formats_are_told_how_to_come(refusal, onnx_dir, name, advice):
    shutil.move(onnx_dir / "mine.onnx", onnx_dir / name)
    assert advice in refusal(model=onnx_dir)
    assert advice in refusal(model=onnx_dir / name)


def test_what_crashes_the_reader_of_a_file_is_one_line_and_the_next_file_is_read(refusal, export, onnx_dir):
    """A pipe instead of the file: the process that reads it is known to be reading when it is ended."""
    real = (onnx_dir / "mine.onnx").rename(onnx_dir / "kept")
    os.mkfifo(onnx_dir / "mine.onnx")

    def crash():
        with open(onnx_dir / "mine.onnx", "wb"):  # waits until it is opened for reading
            os.kill(READER.running().pid, signal.SIGSEGV)

    thread = threading.Thread(target=crash, daemon=True)
    thread.start()
    line = refusal(model=onnx_dir)
    thread.join()
    assert f"what reads {onnx_dir / 'mine.onnx'} crashed with SIGSEGV, in a process of its own" in line
    real.replace(onnx_dir / "mine.onnx")
    status, _, stderr = export("--dry-run", model=onnx_dir)
    assert status == 0, stderr
