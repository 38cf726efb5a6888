"""A manifest is checked before anything runs: no value that cannot be, no file outside, none that changed."""

import json
import os
import shutil

import pytest
from example_bundle import changed, example_manifest, refusal, write_manifest

from edge.bundle.manifest import read_manifest
from edge.dsp import log_mel


def test_missing_bundle(tmp_path):
    assert "no bundle in" in refusal(str(tmp_path / "absent"))


def test_wrong_checksum(folder):
    path = os.path.join(folder, "detector.fp32.onnx")
    with open(path, "r+b") as handle:
        handle.seek(100)
        byte = handle.read(1)
        handle.seek(100)
        handle.write(bytes([byte[0] ^ 1]))
    text = refusal(folder)
    assert "detector.fp32.onnx" in text and "SHA-256" in text and "damaged" in text


def test_shortened_file(folder):
    with open(os.path.join(folder, "detector.fp32.tflite"), "r+b") as handle:
        handle.truncate(1000)
    assert "has 1000 bytes" in refusal(folder)


def test_missing_file(folder):
    os.remove(os.path.join(folder, "detector.fp32.tflite"))
    text = refusal(folder)
    assert "detector.fp32.tflite" in text and "no such file" in text


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_manifest(folder, share):
    path = os.path.join(folder, "manifest.json")
    os.truncate(path, int(share * os.path.getsize(path)))
    text = refusal(folder)
    assert "not valid JSON" in text and "manifest.json" in text


def test_newer_schema(folder):
    changed(folder, "schema", 2)
    text = refusal(folder)
    assert "schema 2 is newer than 1" in text and "update" in text


@pytest.mark.parametrize("path", ["../outside.onnx", "/etc/hostname", "a/../../outside.onnx", "."])
def test_files_outside_the_bundle_are_refused(folder, path):
    changed(folder, "models", 0, "files", "onnx", "path", path)
    text = refusal(folder)
    assert "outside the bundle" in text and path in text


def test_links_that_lead_outside_are_refused(folder, tmp_path_factory):
    outside = str(tmp_path_factory.mktemp("outside") / "model.onnx")
    shutil.move(os.path.join(folder, "detector.fp32.onnx"), outside)
    os.symlink(outside, os.path.join(folder, "detector.fp32.onnx"))
    assert "outside the bundle" in refusal(folder)


@pytest.mark.parametrize(
    "parameter, value", [("n_mels", 40), ("hop_length", 128), ("log_offset", 1e-3), ("window", "hamming"), ("extra", 1)]
)
def test_model_made_for_other_features_is_refused(folder, parameter, value):
    changed(folder, "models", 0, "feature", "parameters", parameter, value)
    text = refusal(folder)
    assert parameter in text and repr(value) in text


def test_missing_feature_parameter_is_refused(folder):
    parameters = dict(log_mel.PARAMETERS)
    del parameters["mel_high_hz"]
    changed(folder, "models", 0, "feature", "parameters", parameters)
    assert "mel_high_hz" in refusal(folder)


@pytest.mark.parametrize(
    "keys_and_value",
    [
        ("schema", "one"),
        ("schema", 0),
        ("schema", True),
        ("name", ""),
        ("version", 3),
        ("models", {}),
        ("models", []),
        ("models", [7]),
        ("fusion", "entropy"),
        ("models", 0, "role", "oracle"),
        ("models", 0, "feature", None),
        ("models", 0, "feature", "name", "cqt"),
        ("models", 0, "normalisation", "kind", "whitened"),
        ("models", 0, "normalisation", "scale", 0),
        ("models", 0, "labels", []),
        ("models", 0, "labels", ["cry", "other"]),
        ("models", 0, "temperature", "hot"),
        ("models", 0, "temperature", float("nan")),
        ("models", 0, "energy_threshold", "low"),
        ("models", 0, "precision", "int4"),
        ("models", 0, "files", {}),
        ("models", 0, "files", "onnx", "bytes", "many"),
        ("models", 0, "files", "onnx", "sha256", None),
        ("models", 0, "metrics", []),
        ("models", 0, "training", None),
        ("models", 0, "decision", "open_threshold", 1.5),
        ("models", 0, "decision", "close_threshold", 0.9),
    ],
)
def test_value_that_cannot_be_is_named(folder, keys_and_value):
    changed(folder, *keys_and_value)
    text = refusal(folder)
    assert "manifest.json" in text and str(keys_and_value[-2]) in text


def every_key(value, prefix=()):
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield prefix + (key,)
        if isinstance(inner, (dict, list)) and key not in ("metrics", "training", "labels"):
            for deeper in every_key(inner, prefix + (key,)):
                yield deeper


def test_no_key_can_be_left_out(tmp_path):
    """Every single key of the manifest is missed when it is gone (one of two engine files may be)."""
    manifest = example_manifest(str(tmp_path))
    for keys in list(every_key(manifest)):
        if keys[-1] in ("tflite", "onnx"):
            continue
        without = json.loads(json.dumps(manifest))
        place = without
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        write_manifest(str(tmp_path), without)
        named = "models" if keys == ("models", 0) else str(keys[-1])
        assert named in refusal(str(tmp_path)), keys


def test_manifest_alone_reads_back(folder):
    manifest = read_manifest(folder)
    assert manifest.models[0].files["onnx"].path == "detector.fp32.onnx"
    assert manifest.models[0].feature.parameters == log_mel.PARAMETERS
