"""A small trained-looking model and calibration data, made once for all tests of the room."""

import os

# Before anything imports Keras: it chooses its backend once, and only TensorFlow converts.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from export_examples import ds_cnn, log_mel_frames, write_calibration, write_description  # noqa: E402


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
    write_calibration(
        folder,
        quantise=log_mel_frames(60, seed=1).astype(np.float16),
        parity=log_mel_frames(120, seed=2).astype(np.float16),
        y_parity=np.arange(120) % 2,
    )
    return folder
