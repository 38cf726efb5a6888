"""A bundle whose detector calls everything but digital silence a cry (tests/make_loud_model.py).

It makes the path around the detector testable to the frame, with a real engine and no trained model.
"""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.dsp import log_mel
from edge.errors import UserError

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tiny_models")


def copied_file(directory, name):
    """Copy a tiny model into a bundle's directory; returns what the manifest says of the file."""
    shutil.copy(os.path.join(MODELS, name), directory)
    with open(os.path.join(directory, name), "rb") as file:
        content = file.read()
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "precision": "fp32"}


def write_loud_bundle(directory):
    """Write the bundle into an existing directory; returns its manifest."""
    files = {kind: copied_file(directory, "loud.fp32." + kind) for kind in ("tflite", "onnx")}
    detector = {
        "role": "detector",
        "feature": {"name": "log_mel", "parameters": dict(log_mel.PARAMETERS)},
        "normalisation": {"kind": "frame_mean", "scale": 1.0},
        "labels": ["cry"],
        "temperature": 1.0,
        "energy_threshold": None,
        "precision": "fp32",
        "files": files,
        "metrics": {"split": "none"},
        "training": {"corpora": []},
        "decision": {"open_threshold": 0.6, "close_threshold": 0.4},
    }
    manifest = {"schema": 1, "name": "loud", "version": "1.0.0", "fusion": None, "models": [detector]}
    with open(os.path.join(directory, "manifest.json"), "w") as file:
        json.dump(manifest, file)
    return manifest


def noise_burst(quiet_s=8.0, loud_s=6.0, after_s=8.0, seed=0):
    """Digital silence, noise at -20 dBFS, digital silence: float32 at 16 kHz."""
    loud = 0.1 * np.random.RandomState(seed).standard_normal(int(16000 * loud_s))
    silences = [np.zeros(int(16000 * length_s)) for length_s in (quiet_s, after_s)]
    return np.concatenate([silences[0], loud, silences[1]]).astype(np.float32)


@pytest.fixture(scope="session")
def loud_bundle(tmp_path_factory):
    """Directory of the bundle; the test is skipped where no engine is installed."""
    directory = str(tmp_path_factory.mktemp("loud"))
    write_loud_bundle(directory)
    try:
        load_bundle(directory)
    except UserError as error:
        pytest.skip("no inference engine here: {}".format(error))
    return directory
