"""edge-export end to end: what comes out runs on the device and is what Keras says."""

import json
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from export_examples import DESCRIPTION, ds_cnn, log_mel_frames, write_calibration, write_description

from edge.bundle import load_bundle
from export.command import main
from export.targets import TARGETS

RPI = ["rpi-fp32", "rpi-fp16", "rpi-dynamic", "rpi-int8"]
LOGIT_TOLERANCE = {"rpi-fp32": 1e-4, "rpi-fp16": 0.02, "rpi-dynamic": 0.6, "rpi-int8": 1.5}


def run(capsys, *arguments):
    """Exit status, stdout and stderr of the command."""
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(scope="module")
def bundles(model_dir, calibration_dir, tmp_path_factory):
    """A bundle for every available target, and the JSON printed for it."""
    folder = tmp_path_factory.mktemp("bundles")
    for target in RPI:
        assert (
            main(
                [
                    "--target",
                    target,
                    "--model",
                    str(model_dir),
                    "--calibration",
                    str(calibration_dir),
                    "--out",
                    str(folder / target),
                    "--json",
                ]
            )
            == 0
        )
    return folder


@pytest.fixture
def model_copy(model_dir, tmp_path):
    """The model directory, free to be changed."""
    return shutil.copytree(model_dir, tmp_path / "model")


@pytest.fixture
def refusal(calibration_dir, tmp_path, capsys):
    """The one line with which an export is refused; nothing is written."""

    def refused(model, calibration=calibration_dir, target="rpi-fp32", out=None):
        place = out or tmp_path / "out"
        status, _, stderr = run(
            capsys, "--target", target, "--model", model, "--calibration", calibration, "--out", place
        )
        assert status == 1
        *progress, last = stderr.splitlines()
        assert last.startswith("edge-export: error: ")
        assert all(line.startswith("edge-export: ") for line in progress)
        assert out or not place.exists()
        return last

    return refused


@pytest.mark.parametrize("target", RPI)
def test_bundle_on_the_device_says_what_keras_says(keras, bundles, model_dir, target):
    """From raw log-mel to probability, against the saved Keras model and the formula of the manifest."""
    model = keras.saving.load_model(model_dir / "detector.keras")
    detector = load_bundle(bundles / target).detector
    for frame in log_mel_frames(20, seed=9):
        x = (frame - frame.astype(np.float64).mean()) / DESCRIPTION["normalisation"]["scale"]
        logit = float(np.asarray(model(x[None, :, :, None], training=False))[0, 0])
        assert detector.logit(frame) == pytest.approx(logit, abs=LOGIT_TOLERANCE[target])
        if target == "rpi-fp32":
            expected = 1 / (1 + math.exp(-logit / DESCRIPTION["temperature"]))
            assert detector.probability(frame) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("target", RPI)
def test_bundle_also_holds_fp32_onnx_for_old_engines(bundles, target):
    import onnx

    model = onnx.load(bundles / target / "detector.fp32.onnx")
    assert model.ir_version == 7
    assert [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")] == [13]
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 98, 64, 1]


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


def test_manifest_and_report_describe_the_files(bundles, model_dir):
    manifest = json.loads((bundles / "rpi-int8" / "manifest.json").read_text())
    report = json.loads((bundles / "rpi-int8" / "report.json").read_text())
    entry = manifest["models"][0]
    assert entry["precision"] == entry["files"]["tflite"]["precision"] == "int8"
    assert entry["files"]["onnx"]["precision"] == "fp32"
    assert entry["training"] == DESCRIPTION["training"]
    assert {f["sha256"] for f in report["files"]} == {f["sha256"] for f in entry["files"].values()}
    assert all(f["parity"]["label_agreement"] >= 0.99 and f["violations"] == [] for f in report["files"])
    assert report["model"]["multiply_adds"] > 100 * report["model"]["parameters"] > 0
    assert "<table>" in (bundles / "rpi-int8" / "report.html").read_text()
    assert (bundles / "rpi-int8" / "LICENSE-weights").read_text() == (
        model_dir / "LICENSE-weights"
    ).read_text()
    assert (bundles / "rpi-int8").stat().st_mode & 0o055 == 0o055  # the daemon is another user
    assert sorted(p.name for p in bundles.iterdir()) == sorted(RPI)  # nothing half-written is left


def test_json_is_all_that_stdout_holds(model_dir, calibration_dir, tmp_path):
    """In a process of its own, with Keras trained elsewhere under another backend."""
    command = [
        sys.executable,
        "-m",
        "export.command",
        "--target",
        "rpi-int8",
        "--model",
        model_dir,
        "--calibration",
        calibration_dir,
        "--out",
        tmp_path / "new" / "bundle",
        "--json",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "torch"}
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["written"] and report["target"] == "rpi-int8"
    assert all(line.startswith("edge-export: ") for line in done.stderr.splitlines())


def test_dry_run_checks_and_writes_nothing(model_dir, calibration_dir, tmp_path, capsys):
    status, stdout, _ = run(
        capsys,
        "--target",
        "rpi-int8",
        "--model",
        model_dir,
        "--calibration",
        calibration_dir,
        "--out",
        tmp_path / "out",
        "--dry-run",
        "--json",
    )
    assert status == 0 and not (tmp_path / "out").exists()
    assert json.loads(stdout)["written"] is False


def test_list_targets(capsys):
    status, stdout, _ = run(capsys, "--list-targets")
    assert status == 0 and [line.split()[0] for line in stdout.splitlines()] == list(TARGETS)
    rows = json.loads(run(capsys, "--list-targets", "--json")[1])
    assert [row["target"] for row in rows if row["available"]] == RPI


def test_sequential_models_export_too(keras, model_copy, calibration_dir, tmp_path, capsys):
    inner = keras.saving.load_model(model_copy / "detector.keras")
    keras.Sequential([keras.Input((98, 64, 1)), inner]).save(model_copy / "detector.keras")
    status, _, stderr = run(
        capsys,
        "--target",
        "rpi-fp32",
        "--model",
        model_copy,
        "--calibration",
        calibration_dir,
        "--out",
        tmp_path / "out",
    )
    assert status == 0, stderr


def test_outside_the_bounds_is_no_bundle(keras, model_copy, refusal):
    """A network whose last layer amplifies rounding a thousandfold cannot keep half precision's bound."""
    model = keras.saving.load_model(model_copy / "detector.keras")
    kernel, bias = model.layers[-1].get_weights()
    rng = np.random.default_rng(0)
    model.layers[-1].set_weights([rng.normal(0, 1000, kernel.shape), bias])
    model.save(model_copy / "detector.keras")
    line = refusal(model_copy, target="rpi-fp16")
    assert "outside the bounds of rpi-fp16, no bundle written" in line


def test_nan_weights_are_caught(keras, model_copy, refusal):
    model = keras.saving.load_model(model_copy / "detector.keras")
    kernel, bias = model.layers[-1].get_weights()
    kernel[3] = np.nan
    model.layers[-1].set_weights([kernel, bias])
    model.save(model_copy / "detector.keras")
    assert "NaN" in refusal(model_copy)


def test_unknown_target_lists_them(model_dir, refusal):
    line = refusal(model_dir, target="rpi-int4")
    assert "'rpi-int4'" in line and all(target in line for target in TARGETS)


@pytest.mark.parametrize("target", ["jetson-fp16", "jetson-int8"])
def test_targets_of_a_later_version_say_so(model_dir, refusal, target):
    assert "not yet in this version" in refusal(model_dir, target=target)


def test_missing_model_directory(tmp_path, refusal):
    assert "no model directory" in refusal(tmp_path / "absent")


def test_missing_description(model_copy, refusal):
    (model_copy / "model.json").unlink()
    assert "model.json" in refusal(model_copy)


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"labels": ["cry", "other"]}, "labels"),
        ({"labels": []}, "labels"),
        ({"role": "expert"}, "role"),
        ({"temperature": 0}, "temperature"),
        ({"decision": {"open_threshold": 0.5}}, "close_threshold"),
        ({"normalisation": {"kind": "none"}}, "normalisation.kind"),
        ({"training": []}, "training"),
        ({"feature": {"name": "log_mel", "parameters": {"n_mels": 40}}}, "frame_columns"),
    ],
)
def test_description_that_cannot_be_is_named(model_copy, refusal, changes, named):
    write_description(model_copy, **changes)
    line = refusal(model_copy)
    assert "model.json" in line and named in line


def test_file_that_is_not_keras(model_copy, refusal):
    (model_copy / "detector.keras").write_bytes(b"PK not a model")
    assert "cannot be loaded as a Keras 3 model" in refusal(model_copy)


def test_no_keras_file(model_copy, refusal):
    (model_copy / "detector.keras").unlink()
    assert "0 .keras files" in refusal(model_copy)


def test_output_that_does_not_match_the_labels(keras, model_copy, refusal):
    ds_cnn(keras, outputs=5).save(model_copy / "detector.keras")
    line = refusal(model_copy)
    assert "(5,)" in line and "1 label(s)" in line


@pytest.mark.parametrize(
    "shape, named", [((None, 64, 1), "dynamic input shape"), ((49, 40, 1), "(49, 40, 1)")]
)
def test_input_that_is_not_the_feature(keras, model_copy, refusal, shape, named):
    inputs = keras.Input(shape)
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    keras.Model(inputs, keras.layers.Dense(1)(pooled)).save(model_copy / "detector.keras")
    assert named in refusal(model_copy)


def test_layer_that_is_not_registered(keras, model_copy, refusal):
    class Unheard(keras.layers.Layer):
        def call(self, x):
            return x

    inputs = keras.Input((98, 64, 1))
    x = keras.layers.GlobalAveragePooling2D()(Unheard()(inputs))
    keras.Model(inputs, keras.layers.Dense(1)(x)).save(model_copy / "detector.keras")
    line = refusal(model_copy)
    assert "'Unheard'" in line and "not registered" in line


def test_missing_calibration(model_dir, tmp_path, refusal):
    assert "--calibration" in refusal(model_dir, calibration=tmp_path)


def test_calibration_of_another_feature(model_dir, calibration_dir, tmp_path, refusal):
    other = shutil.copytree(calibration_dir, tmp_path / "other")
    parameters = {**DESCRIPTION["feature"]["parameters"], "hop_length": 128}
    (other / "manifest.json").write_text(
        json.dumps({"feature": {"name": "log_mel", "parameters": parameters}})
    )
    line = refusal(model_dir, calibration=other)
    assert "manifest.json" in line and "hop_length = 128" in line


@pytest.mark.parametrize(
    "change, named",
    [
        ({"quantise": np.zeros((4, 98, 40))}, "quantise has shape (4, 98, 40)"),
        ({"parity": np.full((2, 98, 64), np.nan), "y_parity": np.zeros(2)}, "NaN"),
        ({"y_parity": np.zeros(3)}, "y_parity has shape (3,)"),
        ({"quantise": None}, "quantise"),
    ],
)
def test_damaged_calibration(model_dir, calibration_dir, tmp_path, refusal, change, named):
    other = shutil.copytree(calibration_dir, tmp_path / "other")
    with np.load(other / "detector_log_mel.npz") as stored:
        arrays = {**stored, **change}
    write_calibration(other, **{k: v for k, v in arrays.items() if v is not None})
    assert named in refusal(model_dir, calibration=other)


def test_calibration_that_is_not_what_its_manifest_says(model_dir, calibration_dir, tmp_path, refusal):
    other = shutil.copytree(calibration_dir, tmp_path / "other")
    with open(other / "detector_log_mel.npz", "r+b") as handle:
        handle.truncate(100_000)
    assert "SHA-256" in refusal(model_dir, calibration=other)


def test_out_that_is_taken(model_dir, tmp_path, refusal):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "keep.txt").write_text("mine")
    assert "is not empty" in refusal(model_dir, out=tmp_path / "taken")
    assert "is a file" in refusal(model_dir, out=tmp_path / "taken" / "keep.txt")
    assert "cannot be written" in refusal(model_dir, out=tmp_path / "taken" / "keep.txt" / "bundle")
    assert (tmp_path / "taken" / "keep.txt").read_text() == "mine"
