"""Bundles whose models TensorRT runs, and `cry-monitor prepare`: on a stand-in.

No TensorRT engine is built here; there is none to be had without an NVIDIA GPU. See standin_tensorrt.py.
"""

import json
import os

import numpy as np
import pytest
from expert_bundle import changed, read_manifest, tiny_columns, write_expert_bundle, write_manifest
from frame_bundle import write_frame_bundle
from loud_bundle import write_loud_bundle
from standin_tensorrt import VERSIONS, Board

from edge.bundle import load_bundle
from edge.commands.main import main
from edge.engines import open_tensorrt
from edge.engines.base import EngineUnavailable
from edge.engines.onnx import open_onnxruntime

X = np.linspace(-1, 2, 98 * 64).astype(np.float32).reshape(1, 98, 64, 1)


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
