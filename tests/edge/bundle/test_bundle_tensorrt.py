"""What a manifest says of TensorRT is verified as everything else in it."""

import hashlib
import json
import os

import pytest
from example_bundle import changed, example_manifest, file_entry, refusal, write_manifest

from edge.bundle.manifest import read_manifest


def make_jetson(folder, precision="fp16"):
    """Turn the example into a bundle for TensorRT, with every kind of file such a bundle may hold."""
    manifest = example_manifest(folder)
    model = manifest["models"][0]
    files = {kind: file_entry(folder, "detector.fp32.onnx") for kind in ("onnx", "onnx_typed", "onnx_fp32")}
    with open(os.path.join(folder, "detector.int8.calibration"), "wb") as handle:
        handle.write(b"TRT-8200-EntropyCalibration2\ninput: 3c010a14\n")
    digest = hashlib.sha256(b"TRT-8200-EntropyCalibration2\ninput: 3c010a14\n").hexdigest()
    files["calibration_cache"] = {
        "path": "detector.int8.calibration",
        "bytes": 45,
        "sha256": digest,
        "precision": "int8",
    }
    model.update(files=files, tensorrt={"precision": precision})
    write_manifest(folder, manifest)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_model_may_be_meant_for_tensorrt(folder, precision):
    make_jetson(folder, precision)
    model = read_manifest(folder).models[0]
    assert model.tensorrt.precision == precision
    assert sorted(model.files) == ["calibration_cache", "onnx", "onnx_fp32", "onnx_typed"]


def test_older_bundles_are_not_meant_for_tensorrt(folder):
    assert read_manifest(folder).models[0].tensorrt is None


@pytest.mark.parametrize(
    "keys_and_value, said",
    [
        (("tensorrt", "int4"), "tensorrt is 'int4', expected an object"),
        (("tensorrt", {"precision": "int4"}), "precision is 'int4', this version knows fp16, int8"),
        (("tensorrt", {}), "precision is missing"),
    ],
)
def test_a_tensorrt_entry_that_cannot_be_is_named(folder, keys_and_value, said):
    make_jetson(folder)
    changed(folder, "models", 0, *keys_and_value)
    assert said in refusal(folder)


def test_tensorrt_needs_an_onnx_file(folder):
    changed(folder, "models", 0, "tensorrt", {"precision": "fp16"})
    changed(folder, "models", 0, "files", {"tflite": file_entry(folder, "detector.fp32.tflite")})
    assert "tensorrt is {'precision': 'fp16'}, that needs an onnx file" in refusal(folder)


def test_a_calibration_cache_alone_is_no_model(folder):
    make_jetson(folder)
    with open(os.path.join(folder, "manifest.json")) as handle:
        entry = json.load(handle)["models"][0]["files"]["calibration_cache"]
    changed(folder, "models", 0, "files", {"calibration_cache": entry})
    assert "a file is needed for one of tflite, onnx" in refusal(folder)


def test_files_for_tensorrt_are_verified_too(folder):
    make_jetson(folder)
    with open(os.path.join(folder, "detector.int8.calibration"), "r+b") as handle:
        handle.write(b"X")
    text = refusal(folder)
    assert "detector.int8.calibration" in text and "SHA-256" in text
