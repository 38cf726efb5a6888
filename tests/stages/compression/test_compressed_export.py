"""A model of tensor trains promises to go through edge-export like any other, to all six targets, streamed or whole."""

import json
from pathlib import Path

import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tf2onnx")

from edge.bundle import load_bundle  # noqa: E402
from export.command import main as export  # noqa: E402
from export.targets import TARGETS  # noqa: E402
from training.causes.architecture import Architecture  # noqa: E402
from training.causes.model import build_model  # noqa: E402
from training.command import main as train  # noqa: E402

MODELS = Path(__file__).parents[3] / "training" / "models"


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    """An expert with an LSTM of tensor trains, which is streamed."""
    folder = tmp_path_factory.mktemp("expert")
    keras.utils.set_random_seed(0)
    described = json.loads((MODELS / "ios" / "model.json").read_text())
    described = {**described, "name": "trains", "metrics": {}}
    described["layers"] = [*described["layers"], "training.layers.tensor_train"]
    rows = len(described["normalisation"]["rows"])
    shape = Architecture(encoder=(4, 4, 4), head="tt_lstm", units=16, cores=2, rank=2, rows=rows)
    build_model(shape, len(described["labels"])).save(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps(described))
    return folder


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """The detector that ships with its pointwise convolutions as tensor trains of many ranks, which lose little."""
    folder = tmp_path_factory.mktemp("compressed") / "detector"
    command = ["compress", "--model", str(MODELS / "detector"), "--cores", "2", "--rank", "40", "--out", str(folder)]
    assert train(command) == 0
    return folder


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    """The expert that ships with its Legendre memory as tensor trains."""
    folder = tmp_path_factory.mktemp("memory") / "ios"
    command = ["compress", "--model", str(MODELS / "ios"), "--cores", "2", "--rank", "8", "--out", str(folder)]
    assert train([*command, "--layer", "head_parallel_lmu"]) == 0
    return folder


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_streamed_train_goes_to_every_target(expert, target, tmp_path):
    assert export(["--target", target, "--model", str(expert), "--out", str(tmp_path / "bundle")]) == 0
    assert [model.name for model in load_bundle(str(tmp_path / "bundle")).experts] == ["trains"]


@pytest.mark.parametrize("target", ["jetson-fp16", "rpi-int8"])
def test_a_memory_of_trains_goes_to_a_target(memory, target, tmp_path):
    assert export(["--target", target, "--model", str(memory), "--out", str(tmp_path / "bundle")]) == 0
    assert [model.name for model in load_bundle(str(tmp_path / "bundle")).experts] == ["ios"]


@pytest.mark.parametrize("target", ["jetson-fp16", "rpi-int8"])
def test_a_detector_of_trains_goes_to_a_target(detector, target, tmp_path):
    assert export(["--target", target, "--model", str(detector), "--out", str(tmp_path / "bundle")]) == 0
    assert json.loads((tmp_path / "bundle" / "report.json").read_text())["models"][0]["role"] == "detector"
