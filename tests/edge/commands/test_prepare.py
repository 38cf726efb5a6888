"""`cry-monitor prepare` where there is no TensorRT: it says what runs instead, and that is no error."""

import importlib.util
import json
import os
import shutil

import pytest
from expert_bundle import changed, open_or_skip
from frame_bundle import write_frame_bundle
from virtual_microphone import REPOSITORY

from edge.engines.tensorrt.api import WHERE_FROM

pytestmark = pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="TensorRT is here")


@pytest.fixture
def jetson_bundle(loud_bundle, tmp_path):
    """jetson_bundle(precision) -> directory of a bundle that is meant for TensorRT and holds nothing but ONNX."""
    pytest.importorskip("onnxruntime")

    def make(precision):
        directory = str(tmp_path / "jetson")
        shutil.copytree(loud_bundle, directory)
        path = os.path.join(directory, "manifest.json")
        with open(path) as file:
            manifest = json.load(file)
        model = manifest["models"][0]
        del model["files"]["tflite"]
        model["tensorrt"] = {"precision": precision}
        with open(path, "w") as file:
            json.dump(manifest, file)
        return directory

    return make


def test_a_bundle_that_is_not_for_tensorrt(run_here, loud_bundle):
    finished = run_here("prepare", "--bundle", loud_bundle)
    assert (finished.status, finished.err) == (0, "")
    bundle, detector = finished.out.splitlines()
    assert bundle == "bundle loud 1.0.0 in " + loud_bundle
    assert detector.startswith("detector: not meant for TensorRT, nothing to prepare; ")


def test_every_model_of_a_bundle_is_named(run_here, tmp_path):
    directory = write_frame_bundle(str(tmp_path))
    open_or_skip(directory)
    finished = run_here("prepare", "--bundle", directory)
    assert [line.split(":")[0] for line in finished.out.splitlines()[1:]] == [
        "detector",
        "denoiser",
        "expert narrow",
        "expert wide",
        "expert ios",
    ]


def test_the_bundle_that_ships_and_the_one_of_the_configuration(run_here, loud_bundle, tmp_path):
    assert run_here("prepare").status == 0
    config = tmp_path / "cry-monitor.toml"
    config.write_text('[detector]\nbundle = "{}"\n'.format(loud_bundle))
    assert "bundle loud 1.0.0" in run_here("prepare", "--config", config).out


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_without_tensorrt_onnxruntime_runs_a_jetson_bundle(run_here, jetson_bundle, precision):
    finished = run_here("prepare", "--bundle", jetson_bundle(precision))
    assert (finished.status, finished.err) == (0, "")
    line = finished.out.splitlines()[1]
    why = "not installed; " + WHERE_FROM
    assert line.startswith("detector: TensorRT cannot be used here ({}), nothing to prepare; onnxruntime ".format(why))


def test_the_daemon_says_once_what_runs_instead_and_why(run, jetson_bundle, burst_wav, tmp_path):
    finished = run(
        "run",
        "--bundle",
        jetson_bundle("fp16"),
        "--db",
        tmp_path / "night.db",
        "--source",
        "file:" + burst_wav,
        "--fast",
    )
    assert finished.status == 0
    (line,) = [line for line in finished.err.splitlines() if "TensorRT" in line]
    assert "WARNING the detector is meant for TensorRT; onnxruntime " in line
    assert line.endswith(" runs it instead (TensorRT: not installed; " + WHERE_FROM + ")")
    assert "1 events" in finished.err


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--bundle", "/nowhere"), "no bundle in /nowhere"),
        (("--config", "/nowhere.toml"), "cannot read the configuration /nowhere.toml"),
    ],
)
def test_what_cannot_work_is_said(run_here, arguments, said):
    finished = run_here("prepare", *arguments)
    assert finished.status == 1
    assert finished.err.startswith("cry-monitor: error: ") and said in finished.err


def test_a_damaged_model_is_not_built(run_here, jetson_bundle):
    directory = jetson_bundle("fp16")
    with open(os.path.join(directory, "loud.fp32.onnx"), "ab") as file:
        file.write(b"X")
    finished = run_here("prepare", "--bundle", directory)
    assert finished.status == 1 and "it is damaged" in finished.err


def test_a_model_that_answers_no_number_is_refused(run, loud_bundle, tmp_path):
    folder = str(tmp_path / "bundle")
    shutil.copytree(loud_bundle, folder)
    changed(folder, "models", 0, "normalisation", {"kind": "frame_mean", "scale": 5e-324})
    finished = run("prepare", "--bundle", folder)
    assert finished.status == 1
    assert "the detector is given" in finished.err


def test_a_model_that_ends_the_process_is_named(run, loud_bundle, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "if 'edge.bundle.trial' in open('/proc/self/cmdline').read():\n"
        "    import os, signal, edge.bundle.files as files\n"
        "    files.open_engine = lambda *arguments: os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    finished = run("prepare", "--bundle", loud_bundle, PYTHONPATH=os.pathsep.join([str(tmp_path), REPOSITORY]))
    assert finished.status == 1
    assert "ended the process in which it was tried (signal 11 SIGSEGV)" in finished.err
    assert "loud.fp32.tflite" in finished.err
