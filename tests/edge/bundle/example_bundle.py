"""A valid bundle of tiny models, and what load_bundle says when one is not."""

import hashlib
import json
import os
import shutil

import pytest

from edge.bundle import load_bundle
from edge.dsp import log_mel
from edge.errors import UserError

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
