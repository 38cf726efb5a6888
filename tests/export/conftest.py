"""A small trained-looking model and calibration data, made once for all tests of the room."""

import os
import shutil

# Before anything imports Keras: it chooses its backend once, and only TensorFlow converts.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from export_examples import (  # noqa: E402
    calibration_arrays,
    ds_cnn,
    log_mel_frames,
    write_calibration,
    write_description,
)

from export.command import main  # noqa: E402


@pytest.fixture(scope="session")
def keras():
    """Keras on TensorFlow; skips where the export extra is not installed."""
    for module in ("tensorflow", "tf2onnx", "onnx"):
        pytest.importorskip(module)
    from export.source_model import import_keras

    return import_keras()


@pytest.fixture(scope="session")
def model_dir(keras, tmp_path_factory):
    """A model directory that exports. Tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("model")
    model = ds_cnn(keras)
    frames = log_mel_frames(160, seed=1)
    inputs = ((frames - frames.mean((1, 2), keepdims=True)) / 3.0)[..., None]
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 0.01
    model.fit(inputs, np.arange(len(frames)) % 2, batch_size=32, epochs=6, verbose=0)
    model.save(folder / "detector.keras")
    write_description(folder)
    (folder / "LICENSE-weights").write_text("CC0-1.0\n")
    return folder


@pytest.fixture(scope="session")
def calibration_dir(tmp_path_factory):
    """Calibration tensors in the format of calibration_data/."""
    folder = tmp_path_factory.mktemp("calibration")
    write_calibration(folder, **calibration_arrays())
    return folder


@pytest.fixture
def model_copy(model_dir, tmp_path):
    """The model directory, free to be changed."""
    return shutil.copytree(model_dir, tmp_path / "model")


@pytest.fixture
def calibration_copy(calibration_dir, tmp_path):
    """The calibration directory, free to be changed."""
    return shutil.copytree(calibration_dir, tmp_path / "calibration")


@pytest.fixture
def export(model_dir, calibration_dir, tmp_path, capsys):
    """edge-export with the session's model and calibration data: (exit status, stdout, stderr)."""

    def run(*arguments, target="jetson-fp16", model=model_dir, calibration=calibration_dir, out=tmp_path / "out"):
        places = ["--model", model, "--calibration", calibration, "--out", out]
        status = main([str(argument) for argument in ("--target", target, *places, *arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def refusal(export, tmp_path):
    """The one line with which an export is refused; nothing is written."""

    def refused(*arguments, **places):
        status, _, stderr = export(*arguments, **places)
        assert status == 1, stderr
        *progress, last = stderr.splitlines()
        assert last.startswith("edge-export: error: ")
        assert all(line.startswith("edge-export: ") for line in progress)
        assert "out" in places or not (tmp_path / "out").exists()
        return last

    return refused
