"""What cannot be exported is refused in one line that says what to do, and nothing is written."""

import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
from export_examples import DESCRIPTION, ds_cnn, write_calibration, write_description

from edge.errors import UserError
from export.targets import TARGETS


def test_unknown_target_lists_them(refusal):
    line = refusal(target="rpi-int4")
    assert "'rpi-int4'" in line and all(target in line for target in TARGETS)


def test_missing_model_directory(tmp_path, refusal):
    assert "no model directory" in refusal(model=tmp_path / "absent")


def test_missing_description(model_copy, refusal):
    (model_copy / "model.json").unlink()
    assert "model.json" in refusal(model=model_copy)


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"labels": ["cry", "other"]}, "labels"),
        ({"labels": []}, "labels"),
        ({"role": "oracle"}, "role"),
        ({"role": "expert"}, "denoised"),
        ({"temperature": 0}, "temperature"),
        ({"decision": {"open_threshold": 0.5}}, "close_threshold"),
        ({"normalisation": {"kind": "sometimes"}}, "normalisation.kind"),
        ({"training": []}, "training"),
        ({"layers": "my_layers"}, "layers"),
        ({"metrics": {"parity_auc": 97}}, "metrics.parity_auc"),
        ({"feature": "mfcc"}, "feature"),
        ({"feature": {"name": "log_mel", "parameters": {"n_mels": 40}}}, "frame_columns"),
    ],
)
def test_description_that_cannot_be_is_named(model_copy, refusal, changes, named):
    write_description(model_copy, **changes)
    line = refusal(model=model_copy)
    assert "model.json" in line and named in line


def test_file_that_is_not_keras(model_copy, refusal):
    (model_copy / "detector.keras").write_bytes(b"PK not a model")
    assert "cannot be loaded as a Keras 3 model" in refusal(model=model_copy)


def test_no_keras_file(model_copy, refusal):
    (model_copy / "detector.keras").unlink()
    assert "0 models (.keras, .onnx, .pt2); exactly one is needed: save the model there" in refusal(model=model_copy)


@pytest.mark.parametrize(
    "name, advice",
    [
        ("model.h5", "load it where it was trained and model.save('model.keras')"),
        ("model.weights.h5", "build it, load_weights, then model.save"),
        ("model.pt", "torch.export.save("),
        ("model.ckpt", "torch.export.save("),
        ("model.tflite", "export the model it was made of"),
    ],
)
def test_models_in_other_formats_are_told_how_to_come(model_copy, refusal, name, advice):
    (model_copy / "detector.keras").rename(model_copy / name)
    line = refusal(model=model_copy)
    assert f"0 models (.keras, .onnx, .pt2), and {name}; " in line and advice in line


@pytest.mark.parametrize("key, meant", [("labelz", "labels"), ("temprature", "temperature"), ("denoised", None)])
def test_unknown_keys_of_the_description_are_named(model_copy, refusal, key, meant):
    write_description(model_copy, **{key: ["cry"]})
    line = refusal("--dry-run", model=model_copy)
    assert f"unknown key {key!r}" in line and (meant is None or f"is {meant!r} meant?" in line)


def test_a_dry_run_does_not_look_at_out(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "theirs.txt").write_text("kept")
    status, _, stderr = export("--dry-run")
    assert status == 0 and "nothing found" in stderr and (tmp_path / "out" / "theirs.txt").exists()


@pytest.mark.parametrize("tolerance", ["0.5", "nan", "1000"])
def test_tolerance_that_cannot_be(refusal, tolerance):
    assert "use 1 to 100" in refusal("--tolerance", tolerance)


def test_output_that_does_not_match_the_labels(keras, model_copy, refusal):
    ds_cnn(keras, outputs=5).save(model_copy / "detector.keras")
    line = refusal(model=model_copy)
    assert "(5,)" in line and "1 label(s)" in line


def as_it_is(keras, x):
    return keras.layers.Activation("linear", dtype="float32")(x)


def in_a_submodel(keras, x):
    inner = keras.Input(x.shape[1:])
    return keras.Model(inner, keras.layers.Activation("sigmoid")(inner))(x)


PROBABILITIES = {
    "activation": lambda keras, x: keras.layers.Activation("sigmoid")(x),
    "operation": lambda keras, x: keras.ops.sigmoid(x),
    "submodel": in_a_submodel,
    "behind a cast": lambda keras, x: as_it_is(keras, keras.ops.sigmoid(x)),
    "behind a reshape": lambda keras, x: keras.ops.reshape(keras.ops.hard_sigmoid(x), (-1, 1)),
    "by hand": lambda keras, x: 1 / (1 + keras.ops.exp(-x)),
}


@pytest.mark.parametrize("ending", PROBABILITIES)
def test_output_that_is_a_probability(keras, model_copy, refusal, ending):
    """However it is written down: its values or its graph give it away."""
    inner = keras.saving.load_model(model_copy / "detector.keras")
    keras.Model(inner.input, PROBABILITIES[ending](keras, inner.output)).save(model_copy / "detector.keras")
    line = refusal("--dry-run", model=model_copy)
    assert "probabilities" in line and "logits are needed" in line


def test_small_probabilities_are_told_by_the_graph(keras):
    from export.convert.answers import check_graph_gives_logits, check_values_are_logits
    from export.convert.keras_graph import with_batch_of_one
    from export.convert.keras_to_onnx import keras_to_onnx

    inputs = keras.Input((3,))
    dense = keras.layers.Dense(2)(inputs)
    check_graph_gives_logits(keras_to_onnx(with_batch_of_one(keras.Model(inputs, dense))))
    for answer in (keras.ops.softmax(dense), keras.layers.Activation("linear")(keras.ops.sigmoid(dense))):
        with pytest.raises(UserError, match="logits are needed"):
            check_graph_gives_logits(keras_to_onnx(with_batch_of_one(keras.Model(inputs, answer))))
    assert check_values_are_logits(np.array([[-0.2], [0.9]]), "m") == []
    assert "are they probabilities" in check_values_are_logits(np.array([[0.2], [0.4]]), "m")[0]
    with pytest.raises(UserError, match="probabilities"):
        check_values_are_logits(np.array([[0.5, 0.5], [0.4, 0.6]]), "m")


@pytest.mark.parametrize("shape, named", [((49, 40, 1), "(49, 40, 1)"), ((None, 40, 1), "(None, 40, 1)")])
def test_input_that_is_not_the_feature(keras, model_copy, refusal, shape, named):
    inputs = keras.Input(shape)
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    keras.Model(inputs, keras.layers.Dense(1)(pooled)).save(model_copy / "detector.keras")
    assert named in refusal(model=model_copy)


def test_missing_calibration(tmp_path, refusal):
    assert "--calibration" in refusal(calibration=tmp_path)


def test_calibration_of_another_feature(calibration_copy, refusal):
    manifest = json.loads((calibration_copy / "manifest.json").read_text())
    manifest["feature"]["parameters"]["hop_length"] = 128
    (calibration_copy / "manifest.json").write_text(json.dumps(manifest))
    line = refusal(calibration=calibration_copy)
    assert "manifest.json" in line and "hop_length = 128" in line


@pytest.mark.parametrize(
    "change, named",
    [
        ({"quantise": np.zeros((4, 98, 40))}, "quantise has shape (4, 98, 40)"),
        ({"parity": np.full((2, 98, 64), np.nan), "y_parity": np.zeros(2)}, "NaN"),
        ({"y_parity": np.zeros(3)}, "y_parity has shape (3,)"),
        ({"y_temperature": np.zeros(40)}, "y_temperature has labels of one kind"),
        ({"quantise": None}, "quantise"),
    ],
)
def test_damaged_calibration(calibration_copy, refusal, change, named):
    with np.load(calibration_copy / "detector_log_mel.npz") as stored:
        arrays = {**stored, **change}
    write_calibration(calibration_copy, **{k: v for k, v in arrays.items() if v is not None})
    assert named in refusal(calibration=calibration_copy)


def test_calibration_whose_parts_share_a_group(calibration_copy, refusal):
    manifest = json.loads((calibration_copy / "manifest.json").read_text())
    manifest["sources"]["parity"][7]["group"] = manifest["sources"]["quantise"][3]["group"]
    (calibration_copy / "manifest.json").write_text(json.dumps(manifest))
    assert "'quantise_1' is in the parts quantise and parity" in refusal(calibration=calibration_copy)


def test_calibration_that_is_not_what_its_manifest_says(calibration_copy, refusal):
    with open(calibration_copy / "detector_log_mel.npz", "r+b") as handle:
        handle.truncate(100_000)
    assert "SHA-256" in refusal(calibration=calibration_copy)


def test_out_that_is_taken(tmp_path, refusal):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "keep.txt").write_text("mine")
    assert "is not empty" in refusal(out=tmp_path / "taken")
    assert "is a file" in refusal(out=tmp_path / "taken" / "keep.txt")
    assert "cannot be written" in refusal(out=tmp_path / "taken" / "keep.txt" / "bundle")
    assert (tmp_path / "taken" / "keep.txt").read_text() == "mine"


def test_disk_that_fills_up_half_way(tmp_path, model_dir, calibration_dir):
    """No file may grow beyond 20 kB: the manifest and the reports fit, the model does not."""
    places = ["--model", model_dir, "--calibration", calibration_dir, "--out", tmp_path / "out"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "export.command", "--target", "jetson-fp16", *places],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("edge-export: error: cannot write")
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]
    assert list(temporary.glob("edge-export-*")) == []


@pytest.mark.parametrize(
    "graph, text",
    [
        ("json.dumps", 'a function is expected as "package.module:function"'),
        ("nowhere_at_all:function", "cannot import 'nowhere_at_all' of \"graph\""),
        ("json:nothing", "json has no function 'nothing'"),
        ("json:dumps", "does not take this model"),
    ],
)
def test_graph_hook_that_is_no_use(refusal, model_copy, graph, text):
    write_description(model_copy, graph=graph)
    assert text in refusal("--dry-run", "--trust-model-code", model=model_copy)


def test_description_defaults_are_those_of_the_help():
    from export.kinds.registry import find_kind
    from export.sources.description import HELP

    for key in DESCRIPTION:
        assert key in HELP or key == "role"
    detector = find_kind("detector", "log_mel").defaults
    assert json.dumps(detector["decision"]) in HELP and json.dumps(detector["normalisation"]) in HELP
