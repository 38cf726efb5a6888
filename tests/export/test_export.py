"""edge-export end to end: what comes out runs on the device and is what Keras says."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from export_examples import DESCRIPTION, log_mel_frames

from edge.bundle import load_bundle
from export.command import main
from export.targets import TARGETS
from export.tensorrt_lint import lint

RPI = ["rpi-fp32", "rpi-fp16", "rpi-dynamic", "rpi-int8"]
JETSON = ["jetson-fp16", "jetson-int8"]
LOGIT_TOLERANCE = {"fp32": 1e-4, "fp16": 0.02, "dynamic": 0.6, "int8": 1.5}


@pytest.fixture(scope="module")
def bundles(model_dir, calibration_dir, tmp_path_factory, work_done_once):
    """A bundle for every target."""
    folder = tmp_path_factory.mktemp("bundles")
    places = ["--model", str(model_dir), "--calibration", str(calibration_dir)]
    for target in TARGETS:
        assert main(["--target", target, *places, "--out", str(folder / target)]) == 0
    return folder


def read_json(path):
    """A JSON file."""
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def answered(keras, model_dir):
    """Frames with the logit that the saved Keras model gives each."""
    model, frames = keras.saving.load_model(model_dir / "detector.keras"), log_mel_frames(20, seed=9)
    x = [(frame - frame.astype(np.float64).mean()) / DESCRIPTION["normalisation"]["scale"] for frame in frames]
    logits = np.concatenate([np.asarray(model(frame[None, :, :, None], training=False)) for frame in x])
    return [(frame, float(logit)) for frame, logit in zip(frames, logits[:, 0], strict=True)]


@pytest.mark.parametrize("target", TARGETS)
def test_bundle_on_the_device_says_what_keras_says(bundles, answered, target):
    """From raw log-mel to probability, against the saved Keras model and the formula of the manifest."""
    detector = load_bundle(bundles / target).detector
    precision = "fp32" if target == "jetson-fp16" else TARGETS[target].precision  # its FP16 is TensorRT's to make
    for frame, logit in answered:
        assert detector.logit(frame) == pytest.approx(logit, abs=LOGIT_TOLERANCE[precision])
        if precision == "fp32":
            expected = 1 / (1 + math.exp(-logit / DESCRIPTION["temperature"]))
            assert detector.probability(frame) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_every_onnx_file_is_one_that_old_engines_read(bundles, target):
    import onnx

    files = sorted((bundles / target).glob("*.onnx"))
    assert files
    for path in files:
        model = onnx.load(path)
        assert model.ir_version <= 7
        assert [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")] == [13]
        assert [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == [1, 98, 64, 1]
        assert lint(path.read_bytes(), tensorrt="8.2") == []


def test_jetson_bundles_hold_what_tensorrt_of_every_generation_takes(bundles):
    models = {target: read_json(bundles / target / "manifest.json")["models"][0] for target in JETSON}
    kinds = {target: {k: f["precision"] for k, f in model["files"].items()} for target, model in models.items()}
    assert kinds["jetson-fp16"] == {"onnx": "fp32", "onnx_typed": "fp16"}
    assert kinds["jetson-int8"] == {"onnx": "int8", "onnx_fp32": "fp32", "calibration_cache": "int8"}
    assert [models[target]["tensorrt"] for target in JETSON] == [{"precision": "fp16"}, {"precision": "int8"}]


def test_litert_and_onnxruntime_give_the_same_answers_from_one_bundle(bundles):
    from edge.engines.litert import open_litert
    from edge.engines.onnx import open_onnxruntime

    pytest.importorskip("ai_edge_litert")
    litert = open_litert(str(bundles / "rpi-fp32" / "detector.fp32.tflite"), 1)
    onnxruntime = open_onnxruntime(str(bundles / "rpi-fp32" / "detector.fp32.onnx"), 1)
    for frame in log_mel_frames(20, seed=10):
        x = (frame - frame.mean())[None, :, :, None]
        np.testing.assert_allclose(litert.run(x), onnxruntime.run(x), atol=1e-4)


def test_precision_saves_what_it_promises(bundles):
    size = {target: next((bundles / target).glob("*.tflite")).stat().st_size for target in RPI}
    assert size["rpi-fp16"] < 0.8 * size["rpi-fp32"] and size["rpi-int8"] < 0.8 * size["rpi-fp32"]
    assert size["rpi-dynamic"] < size["rpi-fp16"]
    halved = bundles / "jetson-fp16"
    assert (halved / "detector.fp16.onnx").stat().st_size < 0.8 * (halved / "detector.fp32.onnx").stat().st_size


@pytest.mark.parametrize("target", TARGETS)
def test_manifest_and_report_describe_the_files(bundles, model_dir, target):
    bundle = bundles / target
    report, entry = read_json(bundle / "report.json"), read_json(bundle / "manifest.json")["models"][0]
    assert entry["precision"] == TARGETS[target].precision
    assert entry["training"] == DESCRIPTION["training"]
    assert {f["sha256"] for f in report["files"]} == {f["sha256"] for f in entry["files"].values()}
    compared = [file for file in report["files"] if "parity" in file]
    assert all(f["parity"]["label_agreement"] >= 0.99 and f["violations"] == [] for f in compared)
    assert all(f["engine"] and f["latency_ms"] > 0 and len(f["worst"]) == 8 for f in compared)
    assert report["models"][0]["multiply_adds"] > 100 * report["models"][0]["parameters"] > 0
    page = (bundle / "report.html").read_text()
    assert page.count("<svg") == len(compared) and compared[0]["worst"][0]["clip"] in page
    assert (bundle / "LICENSE-weights").read_text() == (model_dir / "LICENSE-weights").read_text()
    assert bundle.stat().st_mode & 0o055 == 0o055  # the daemon is another user


@pytest.mark.parametrize("target", TARGETS)
def test_the_report_is_as_its_schema_says(bundles, target):
    jsonschema = pytest.importorskip("jsonschema")
    schema = read_json(Path(__file__).parents[2] / "docs" / "schemas" / "export.schema.json")
    report = read_json(bundles / target / "report.json")
    jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)


def test_nothing_half_written_is_left(bundles):
    assert sorted(p.name for p in bundles.iterdir()) == sorted(TARGETS)


def test_json_is_all_that_stdout_holds(model_dir, calibration_dir, tmp_path):
    """In a process of its own, with Keras trained elsewhere under another backend."""
    places = ["--model", model_dir, "--calibration", calibration_dir, "--out", tmp_path / "new" / "bundle"]
    done = subprocess.run(
        [sys.executable, "-m", "export.command", "--target", "jetson-int8", *places, "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "torch"},
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["written"] and report["target"] == "jetson-int8"
    assert all(line.startswith("edge-export: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize("target", ["rpi-int8", "jetson-int8"])
def test_dry_run_checks_and_writes_nothing(export, tmp_path, target):
    status, stdout, stderr = export("--dry-run", "--json", target=target)
    assert status == 0 and not (tmp_path / "out").exists()
    assert json.loads(stdout)["written"] is False
    assert "nothing found" in stderr


def test_list_targets(capsys):
    assert main(["--list-targets"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TARGETS)
    assert main(["--list-targets", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["target"] for row in rows] == list(TARGETS)
    assert {row["precision"] for row in rows} == {"fp32", "fp16", "dynamic", "int8"}


def test_outside_the_bounds_is_no_bundle(export, tmp_path, monkeypatch):
    """Bounds that no conversion keeps, whatever the weights: exit 1, the reasons, the report and no bundle."""
    from export.targets import Bounds, ModelFile, Target

    unkeepable = Bounds(logit_error=-1.0, posterior_error=-1.0, label_agreement=1.0, distance_db=0.0)
    strict = Target("strict", "fp32", "none", (ModelFile("tflite", "fp32", "fp32.tflite", unkeepable),))
    monkeypatch.setitem(TARGETS, "strict", strict)
    status, stdout, stderr = export("--json", target="strict")
    assert status == 1 and not (tmp_path / "out").exists()
    assert "outside the bounds of strict, no bundle written: detector.fp32.tflite: logit error" in stderr
    report = json.loads(stdout)
    assert report["written"] is False and "logit error" in report["files"][0]["violations"][0]
