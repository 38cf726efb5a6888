"""Models of PyTorch, saved by torch.export, become bundles whose two engines say what PyTorch says."""

import json
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import pytest  # noqa: E402

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from torch import nn  # noqa: E402

from edge.engines import open_engine  # noqa: E402
from export.convert.keras_to_tflite import keras_to_tflite  # noqa: E402
from export.sources.loading import load_model  # noqa: E402

DESCRIPTION = {"labels": ["cry"], "feature": "log_mel", "temperature": 1.0}


class Convolutional(nn.Module):
    """Channels first, with the activations that PyTorch has and Keras has not."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.Hardswish()),
            *(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.GroupNorm(2, 8), nn.GELU(), nn.MaxPool2d(3, 2, 1)),
            *(nn.Conv2d(8, 16, 1), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 1)),
        )

    def forward(self, x):
        return self.body(x)


class Attention(nn.Module):
    """Columns as tokens of an encoder."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu", norm_first=True)
        self.project, self.encoder, self.last = nn.Linear(64, 32), nn.TransformerEncoder(layer, 2), nn.Linear(32, 1)

    def forward(self, x):
        return self.last(self.encoder(self.project(x)).mean(1))


class Recurrent(nn.Module):
    """Bands first, a convolution over time and a recurrence."""

    def __init__(self):
        super().__init__()
        self.before, self.gru = nn.Conv1d(64, 16, 5, stride=4), nn.GRU(16, 12, batch_first=True, bidirectional=True)
        self.last = nn.Linear(24, 1)

    def forward(self, x):
        return self.last(self.gru(torch.relu(self.before(x)).transpose(1, 2))[0].mean(1))


MODELS = {
    "convolutional": (Convolutional, (1, 1, 98, 64)),
    "attention": (Attention, (1, 98, 64)),
    "recurrent": (Recurrent, (1, 64, 98)),
}


@pytest.mark.parametrize("name", MODELS)
def test_two_engines_say_what_pytorch_says(name, tmp_path):
    build, shape = MODELS[name]
    torch.manual_seed(1)
    module = build().eval()
    torch.export.save(torch.export.export(module, (torch.zeros(shape),)), tmp_path / "model.pt2")
    (tmp_path / "model.json").write_text(json.dumps(DESCRIPTION))
    model = load_model(tmp_path / "model.pt2", tmp_path / "model.json")
    (tmp_path / "model.onnx").write_bytes(model.fixed.content)
    (tmp_path / "model.tflite").write_bytes(keras_to_tflite(model.fixed, "fp32", None))
    frames = np.random.default_rng(2).normal(size=(4, 98, 64, 1)).astype(np.float32)
    turned = frames[..., 0].swapaxes(1, 2) if shape[-1] == 98 else frames[..., 0]
    with torch.no_grad():
        expected = np.array([module(torch.tensor(x.reshape(shape)))[0].numpy() for x in turned])
    np.testing.assert_allclose(model.trained.answers(frames), expected, atol=1e-5)
    for kind in ("onnx", "tflite"):
        engine = open_engine({kind: str(tmp_path / f"model.{kind}")})
        found = np.concatenate([engine.run(x[None]) for x in frames])
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_file_that_is_no_program_is_one_line(tmp_path):
    from edge.errors import UserError

    (tmp_path / "model.pt2").write_bytes(b"no archive")
    (tmp_path / "model.json").write_text(json.dumps(DESCRIPTION))
    with pytest.raises(UserError, match=r"model.pt2 cannot be read as a PyTorch program .*torch.export.save"):
        load_model(tmp_path / "model.pt2", tmp_path / "model.json")
