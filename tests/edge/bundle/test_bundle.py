"""A bundle is verified before anything runs, and its detector gives the same answers from every engine."""

import hashlib
import json
import math
import os
import shutil

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.bundle.detector import sigmoid
from edge.bundle.manifest import read_manifest
from edge.bundle.model import Thresholds
from edge.dsp import log_mel
from edge.errors import UserError
from edge.frames import FRAME_LENGTH

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tiny_models")
TEMPERATURE = 1.5
SCALE = 3.0


def file_entry(folder, name, precision="fp32"):
    shutil.copy(os.path.join(MODELS, name), os.path.join(folder, name))
    with open(os.path.join(folder, name), "rb") as handle:
        content = handle.read()
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "precision": precision}


def example_manifest(folder):
    """A valid manifest; copies the model files it names into the folder."""
    return {
        "schema": 1,
        "name": "tiny",
        "version": "0.0.1",
        "fusion": None,
        "models": [
            {
                "role": "detector",
                "feature": {"name": "log_mel", "parameters": dict(log_mel.PARAMETERS)},
                "normalisation": {"kind": "frame_mean", "scale": SCALE},
                "labels": ["cry"],
                "temperature": TEMPERATURE,
                "energy_threshold": None,
                "precision": "fp32",
                "files": {
                    "tflite": file_entry(folder, "detector.fp32.tflite"),
                    "onnx": file_entry(folder, "detector.fp32.onnx"),
                },
                "metrics": {"split": "none", "auc": 0.5},
                "training": {"corpora": [{"name": "numbers", "licence": "CC0-1.0"}]},
                "decision": {"open_threshold": 0.7, "close_threshold": 0.4},
            }
        ],
    }


def write_manifest(folder, manifest):
    with open(os.path.join(folder, "manifest.json"), "w") as handle:
        json.dump(manifest, handle)


@pytest.fixture
def folder(tmp_path):
    """A directory that holds a valid bundle."""
    write_manifest(str(tmp_path), example_manifest(str(tmp_path)))
    return str(tmp_path)


@pytest.fixture
def frame():
    """Noise as the front end hears it, (98, 64) float32."""
    samples = np.random.RandomState(1).uniform(-0.3, 0.3, FRAME_LENGTH).astype(np.float32)
    return log_mel.log_mel(samples)


def open_or_skip(folder):
    try:
        return load_bundle(folder)
    except UserError as error:
        if "no inference engine" in str(error):
            pytest.skip(str(error))
        raise


def refusal(folder):
    """What load_bundle says when it refuses; always one line."""
    with pytest.raises(UserError) as error:
        load_bundle(folder)
    text = str(error.value)
    assert "\n" not in text
    return text


def changed(folder, *keys_and_value):
    """Rewrite the manifest with one value changed: changed(folder, "models", 0, "temperature", "hot")."""
    with open(os.path.join(folder, "manifest.json")) as handle:
        manifest = json.load(handle)
    place = manifest
    for key in keys_and_value[:-2]:
        place = place[key]
    place[keys_and_value[-2]] = keys_and_value[-1]
    write_manifest(folder, manifest)


def test_loaded_bundle_says_what_it_is(folder):
    bundle = open_or_skip(folder)
    assert (bundle.name, bundle.version) == ("tiny", "0.0.1")
    with open(os.path.join(folder, "manifest.json"), "rb") as handle:
        assert bundle.sha256 == hashlib.sha256(handle.read()).hexdigest()
    assert bundle.decision.thresholds == Thresholds(0.7, 0.4, None)
    assert bundle.detector.engine_name


def test_probability_is_the_tempered_sigmoid_of_the_network(folder, frame):
    """Against the network written out in NumPy: convolution, relu, mean, dense."""
    bundle = open_or_skip(folder)
    bundle.warm_up()
    x = (frame.astype(np.float64) - frame.astype(np.float64).mean()) / SCALE
    shapes = ((5, 2, 1, 4), (4,), (4, 1), (1,))
    weights = [np.cos(np.arange(int(np.prod(s))) * 1.7 + 2.0).reshape(s) for s in shapes]
    patches = np.array([[x[4 * i : 4 * i + 5, 4 * j : 4 * j + 2] for j in range(16)] for i in range(24)])
    hidden = np.maximum(np.einsum("ijab,abk->ijk", patches, weights[0][:, :, 0]) + weights[1], 0)
    logit = float((hidden.mean((0, 1)).dot(weights[2]) + weights[3])[0])
    assert bundle.detector.logit(frame) == pytest.approx(logit, abs=1e-4)
    expected = 1 / (1 + math.exp(-logit / TEMPERATURE))
    assert bundle.detector.probability(frame) == pytest.approx(expected, abs=1e-4)


def test_every_engine_gives_the_same_probability(folder, frame):
    """The TFLite file and the ONNX file of one bundle agree to 1e-4."""
    manifest = example_manifest(folder)
    model = manifest["models"][0]
    answers = []
    for engine_format in ("tflite", "onnx"):
        only = dict(model, files={engine_format: model["files"][engine_format]})
        write_manifest(folder, dict(manifest, models=[only]))
        answers.append(open_or_skip(folder).detector.probability(frame))
    assert answers[0] == pytest.approx(answers[1], abs=1e-4)


def test_louder_is_not_different(folder, frame):
    """frame_mean removes gain: adding a constant to ln-mel changes nothing."""
    detector = open_or_skip(folder).detector
    louder = detector.probability(frame + np.float32(2.5))
    assert louder == pytest.approx(detector.probability(frame), abs=1e-5)


def test_frame_of_another_shape_is_a_value_error(folder):
    with pytest.raises(ValueError, match=r"\(98, 64\), got \(97, 64\)"):
        open_or_skip(folder).detector.probability(np.zeros((97, 64), np.float32))


def test_a_bundle_can_be_moved(folder, frame, tmp_path_factory):
    probability = open_or_skip(folder).detector.probability(frame)
    moved = str(tmp_path_factory.mktemp("elsewhere") / "bundle")
    shutil.copytree(folder, moved)
    assert load_bundle(moved).detector.probability(frame) == probability


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


@pytest.mark.parametrize("logit", [-1e4, -40.0, -1.0, 0.0, 1.0, 40.0, 1e4])
def test_sigmoid_never_overflows(logit):
    assert sigmoid(logit) == pytest.approx(0.5 * (1 + math.tanh(logit / 2)), abs=1e-15)


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
