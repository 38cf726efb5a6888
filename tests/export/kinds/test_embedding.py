"""An embedding through edge-export: frames in, vectors out, judged by the scores that the device makes of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from export_examples import log_mel_frames

from edge.bundle import load_bundle, open_embedding
from edge.errors import UserError
from export.convert.files import convert
from export.parity.measure import measure
from export.report.bundle_report import text_report
from export.sources.loading import load_model
from export.targets import FP32, TARGETS

DIMENSIONS = 16
DESCRIPTION = {"role": "embedding", "name": "infant-embedding", "feature": "log_mel", "dimensions": DIMENSIONS}


def written(folder, model, dimensions):
    """A model directory."""
    model.save(folder / "embedding.keras")
    (folder / "model.json").write_text(json.dumps({**DESCRIPTION, "dimensions": dimensions}))
    return folder


@pytest.fixture(scope="module")
def folder(keras, tmp_path_factory):
    """A small one."""
    layers = keras.layers
    keras.utils.set_random_seed(4)
    inputs = keras.Input((98, 64, 1))
    x = layers.Conv2D(8, 5, strides=4, activation="relu")(inputs)
    x = layers.AveragePooling2D((24, 3))(layers.Conv2D(8, 1, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(DIMENSIONS, use_bias=False)(layers.Flatten()(x)))
    return written(tmp_path_factory.mktemp("embedding"), model, DIMENSIONS)


@pytest.fixture(scope="module")
def released(keras, tmp_path_factory):
    """What cry-train infant-id would release, its moments learnt and nothing else."""
    from training.infant_id.model import DIMENSIONS, build_embedding
    from training.infant_id.release import on_whole_frames

    keras.utils.set_random_seed(4)
    model = on_whole_frames(build_embedding("res8-narrow", (98, 43)))
    frames = log_mel_frames(16, seed=9)
    inputs = ((frames - frames.mean((1, 2), keepdims=True)) / 3.0)[..., None]
    for _ in range(8):
        model(inputs, training=True)
    return written(tmp_path_factory.mktemp("released"), model, DIMENSIONS)


@pytest.fixture(scope="module")
def model(folder):
    return load_model(folder / "embedding.keras", folder / "model.json")


@pytest.fixture(scope="module")
def evidence(model, calibration_dir):
    return model.kind.evidence(model, [model], calibration_dir)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_takes_an_embedding(evidence, target):
    conversion = convert(evidence.model, TARGETS[target], evidence.feeds, lambda line: None)
    rows = measure(conversion.files, evidence).rows
    assert [row["violations"] for row in rows] == [[]] * len(rows)
    for item, row in zip(conversion.files, rows, strict=True):
        if item.file.precision == "fp32":
            assert row["parity"]["max_score_error"] <= 5e-4 and row["parity"]["min_cosine"] > 0.9999


def test_the_bundle_holds_it_beside_the_detector_and_the_device_gives_what_keras_does(export, released, tmp_path):
    status, _, stderr = export(target="rpi-fp32", model=released)
    assert status == 0, stderr
    bundle = load_bundle(tmp_path / "out")
    assert bundle.infant is None and [title for title, _ in bundle.runners()] == ["detector"]
    device, frame = open_embedding(tmp_path / "out"), log_mel_frames(1, seed=5)[0]
    model = load_model(released / "embedding.keras", released / "model.json")
    expected = np.asarray(model.trained(((frame - frame.mean()) / 3.0)[None, ..., None]))[0]
    assert device.direction(frame) @ (expected / np.linalg.norm(expected)) > 0.9999
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert any("is biometric" in note for note in report["notes"]) and "score error max" in text_report(report)
    assert "largest error of a score" in (tmp_path / "out" / "report.html").read_text()
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "export.schema.json").read_text())
    jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)


def test_a_file_that_turns_directions_is_out_of_bounds(evidence):
    comparison, turned = evidence.comparison, evidence.reference.copy()
    turned[0] = -turned[0]
    parity = comparison.compare(evidence.reference, turned).parity
    assert any("score error" in text for text in comparison.violations(parity, FP32))
    longer = comparison.compare(evidence.reference, 3.0 * evidence.reference).parity
    assert comparison.violations(longer, FP32) == []  # only directions count
    broken = comparison.compare(evidence.reference, np.nan * evidence.reference).parity
    assert comparison.violations(broken, FP32) == ["vectors are NaN or infinite"]


def test_weights_that_say_nothing_are_refused(keras, model, calibration_dir):
    for value, said in ((np.nan, "NaN"), (0.0, "the same direction")):
        broken = keras.models.clone_model(model.trained)
        broken.set_weights([value * weight for weight in model.trained.get_weights()])
        with pytest.raises(UserError, match=said):
            model.kind.evidence(replace(model, trained=broken), [], calibration_dir)


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"dimensions": 1}, "dimensions"),
        ({"dimensions": 32}, r"gives an output of shape \(16,\), model.json has dimensions 32"),
        ({"labels": ["our baby"]}, "unknown key 'labels'"),
        ({"feature": "fused"}, "log_mel"),
    ],
)
def test_embeddings_that_cannot_be_are_refused(folder, tmp_path, changes, text):
    (tmp_path / "model.json").write_text(json.dumps({**DESCRIPTION, **changes}))
    with pytest.raises(UserError, match=text):
        load_model(folder / "embedding.keras", tmp_path / "model.json")
