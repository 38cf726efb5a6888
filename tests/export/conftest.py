"""A small trained-looking model and calibration data, made once for all tests of the room."""

import importlib.util
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
from remembered import remember_conversions  # noqa: E402

from export.command import main  # noqa: E402


@pytest.fixture(scope="session")
def keras():
    """Keras on TensorFlow; skips where the export extra is not installed."""
    for module in ("tensorflow", "tf2onnx", "onnx"):
        pytest.importorskip(module)
    from export.convert.keras_graph import import_keras

    return import_keras()


@pytest.fixture(scope="session", autouse=True)
def conversions_remembered():
    """See remembered.py."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("tf2onnx"):
            remember_conversions(patch)
        yield


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


@pytest.fixture(scope="module")
def work_done_once(keras, tmp_path_factory):
    """A module's exports to several targets share what they have in common, though each asks for it anew."""
    from export import exporter
    from export.convert import files
    from export.kinds.registry import KINDS

    with pytest.MonkeyPatch.context() as patch:
        save_once(keras, patch, tmp_path_factory.mktemp("saved"))
        patch.setattr(exporter, "load_models", once(exporter.load_models))
        for kind in KINDS:
            patch.setattr(type(kind), "evidence", once(type(kind).evidence))
        patch.setattr(files, "keras_to_onnx", once(files.keras_to_onnx))
        patch.setattr(files, "keras_to_tflite", once(files.keras_to_tflite))
        yield


def save_once(keras, patch, folder):
    """The converter to TFLite saves the model first, each time, which is most of its work."""
    archive = keras.export.ExportArchive
    track, write_out = archive.track, archive.write_out
    known = {}

    def remember(self, model):
        self.tracked_model = model
        return track(self, model)

    def write_or_copy(self, place, *arguments, **options):
        model = self.tracked_model
        if id(model) not in known:
            write_out(self, place, *arguments, **options)
            known[id(model)] = model, shutil.copytree(place, folder / str(len(known)))
        shutil.copytree(known[id(model)][1], place, dirs_exist_ok=True)

    patch.setattr(archive, "track", remember)
    patch.setattr(archive, "write_out", write_or_copy)


def once(function):
    """The function, remembering what it gave for the same objects."""
    known = {}

    def remembering(*arguments):
        key = tuple(a if isinstance(a, (str, os.PathLike)) else id(a) for a in arguments)
        if key not in known:
            known[key] = arguments, function(*arguments)  # what is held keeps its id
        return known[key][1]

    return remembering


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
