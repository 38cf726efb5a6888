"""A verifier through edge-export: patches in, logits out, judged by the score that the cascade makes of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.dsp import yamnet_patch
from edge.errors import UserError
from export.convert.files import convert
from export.kinds import verifier
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.parity.measure import measure
from export.sources.loading import load_model
from export.targets import FP32, TARGETS
from export.tensorrt_lint import lint

CASCADE = {
    "gate": 0.4,
    "hold_s": 1.0,
    "bias": -1.0,
    "detector_weight": 0.5,
    "weights": [0.5, 0.25],
    "unasked": [-3.0, -3.0],
}
DESCRIPTION = {
    "role": "verifier",
    "name": "small",
    "labels": ["Crying, sobbing", "Baby cry, infant cry"],
    "feature": "yamnet_patch",
    "decision": {"open_threshold": 0.6, "close_threshold": 0.4},
    "cascade": CASCADE,
}


@pytest.fixture(scope="module")
def folder(keras, tmp_path_factory):
    """A small verifier, its last layer solved for on the patches that ship."""
    layers = keras.layers
    keras.utils.set_random_seed(1)
    inputs = keras.Input((96, 64, 1))
    x = layers.Conv2D(12, 5, strides=3, activation="relu")(inputs)
    x = layers.DepthwiseConv2D(3, activation="relu")(x)
    features = layers.Conv2D(24, 1, activation="relu")(x)
    features = layers.GlobalAveragePooling2D()(features)
    with np.load(DEFAULT_CALIBRATION_DIR / "verifier_patches.npz") as stored:
        patches, is_cry = stored["quantise"].astype(np.float32)[..., None], stored["y_quantise"]
    seen = np.asarray(keras.Model(inputs, features)(patches))
    x = np.hstack([seen, np.ones((len(seen), 1))])
    wanted = np.where(is_cry[:, None], [2.0, 3.0], [-3.0, -2.0])
    solved = np.linalg.solve(x.T @ x + 0.03 * np.eye(x.shape[1]), x.T @ wanted)
    last = layers.Dense(2)
    model = keras.Model(inputs, last(features))
    last.set_weights([solved[:-1], solved[-1]])
    path = tmp_path_factory.mktemp("verifier")
    model.save(path / "model.keras")
    (path / "model.json").write_text(json.dumps(DESCRIPTION))
    return path


@pytest.fixture(scope="module")
def model(folder):
    return load_model(folder / "model.keras", folder / "model.json")


@pytest.fixture(scope="module")
def evidence(model):
    """On the patches of calibration_data."""
    return model.kind.evidence(model, [model], DEFAULT_CALIBRATION_DIR)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_takes_a_verifier(evidence, target):
    """Float files say what Keras says; what is quantised ranks cries nearly as high.

    200 patches cannot prove half a point of AUC for so small a network: that the interval is too wide is all that may
    be held against it.
    """
    conversion = convert(evidence.model, TARGETS[target], evidence.feeds, lambda line: None)
    rows = measure(conversion.files, evidence).rows
    for item, row in zip(conversion.files, rows, strict=True):
        unproved = [text for text in row["violations"] if text.startswith("AUC falls by 0.")]
        assert row["violations"] == (unproved if item.file.precision == "int8" else [])
    for item, row in zip(conversion.files, rows, strict=True):
        if item.file.kind.startswith("onnx"):
            assert lint(item.content, tensorrt="8.2") == []
        if item.file.precision == "fp32":
            assert row["parity"]["max_logit_error"] <= 1e-3
        if item.file.bounds is not None:
            assert row["parity"]["auc"]["keras"] > 0.7 and row["parity"]["recall"]["points"] is not None


def test_the_bundle_has_the_cascade_and_the_device_hears_as_keras(export, folder, model, tmp_path):
    status, _, stderr = export(target="rpi-fp32", model=folder, calibration=DEFAULT_CALIBRATION_DIR)
    assert status == 0, stderr
    device = load_bundle(tmp_path / "out").verifier
    assert device.labels == DESCRIPTION["labels"] and device.cascade._asdict() == CASCADE
    samples = np.random.default_rng(0).normal(0, 0.1, yamnet_patch.PATCH_LENGTH).astype(np.float32)
    expected = np.asarray(model.trained(yamnet_patch.yamnet_patch(samples)[None, ..., None]))[0]
    np.testing.assert_allclose(device.logits(samples), expected, atol=1e-3)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "export.schema.json").read_text())
    jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)
    assert [entry["title"] for entry in report["models"]] == ["detector", "verifier"]
    assert report["models"][1]["multiply_adds_per_hop"] == pytest.approx(
        report["models"][1]["multiply_adds"] / 3, abs=1
    )


def test_without_patches_it_is_judged_on_synthetic_sounds(model, calibration_dir):
    evidence = model.kind.evidence(model, [model], calibration_dir)
    assert evidence.notes == [verifier.SYNTHETIC] and evidence.raw.shape[1:] == (96, 64)
    assert evidence.comparison.score.task.labels.any() and not evidence.comparison.score.task.labels.all()


def test_logits_of_which_the_score_stays_but_one_is_wrong_are_out_of_fp32s_bounds(evidence):
    """1 more in one label and 2 less in the other leave the score where it was."""
    comparison = evidence.comparison
    parity = comparison.compare(evidence.reference, evidence.reference + np.float32([1.0, -2.0])).parity
    assert parity.max_posterior_error < 1e-6 and parity.max_logit_error == pytest.approx(2.0, abs=1e-4)
    assert any("logit error" in text for text in comparison.violations(parity, FP32))


def test_weights_that_are_nan_are_refused(keras, model, calibration_dir):
    broken = keras.models.clone_model(model.trained)
    broken.set_weights([np.nan * weight for weight in model.trained.get_weights()])
    with pytest.raises(UserError, match="NaN"):
        model.kind.evidence(replace(model, trained=broken), [], calibration_dir)


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"cascade": None}, "cascade"),
        ({"cascade": {**CASCADE, "weights": [0.5]}}, "weights"),
        ({"decision": None}, "decision"),
        ({"feature": "log_mel"}, "yamnet_patch"),
        ({"labels": ["Crying, sobbing"]}, "weights"),
    ],
)
def test_verifiers_that_cannot_be_are_refused(folder, tmp_path, changes, text):
    (tmp_path / "model.json").write_text(json.dumps({**DESCRIPTION, **changes}))
    with pytest.raises(UserError, match=text):
        load_model(folder / "model.keras", tmp_path / "model.json")


def test_patches_of_another_run_are_refused(folder, refusal, tmp_path):
    import shutil

    shutil.copytree(DEFAULT_CALIBRATION_DIR, tmp_path / "calibration")
    (tmp_path / "calibration" / "verifier_patches.npz").write_bytes(b"another")
    line = refusal("--dry-run", model=folder, calibration=tmp_path / "calibration")
    assert "verifier_patches.npz does not have the SHA-256 in patches.json" in line
