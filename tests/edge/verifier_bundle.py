"""A bundle whose detector calls everything but digital silence a cry, and whose verifier calls low tones so, hiss not.

The verifier's file is made by tests/make_tiny_models.py.
"""

import numpy as np
from expert_bundle import write_manifest
from frame_bundle import write_frame_bundle
from loud_bundle import copied_file, write_loud_bundle

from edge.dsp import yamnet_patch

CASCADE = {
    "gate": 0.4,
    "hold_s": 1.0,
    "bias": 0.0,
    "detector_weight": 0.001,
    "weights": [2.0, 1.0],
    "unasked": [-4.0, -4.0],
}
DECISION = {"open_threshold": 0.7, "close_threshold": 0.3}


def verifier_entry(directory, kinds=("tflite", "onnx"), **changes):
    """What the manifest says of the verifier; its files are copied into the directory."""
    entry = {
        "role": "verifier",
        "name": "verifier",
        "labels": ["Crying, sobbing", "Baby cry, infant cry"],
        "feature": {"name": "yamnet_patch", "parameters": dict(yamnet_patch.PARAMETERS)},
        "normalisation": {"kind": "none"},
        "temperature": 1.0,
        "energy_threshold": None,
        "precision": "fp32",
        "files": {kind: copied_file(directory, "verifier.fp32." + kind) for kind in kinds},
        "metrics": {"split": "none"},
        "training": {"corpora": []},
        "decision": DECISION,
        "cascade": CASCADE,
    }
    return dict(entry, **changes)


def write_verifier_bundle(directory, **changes):
    """Write the bundle into an existing directory; returns it. changes: to the verifier's entry."""
    manifest = write_loud_bundle(directory)
    manifest["models"].append(verifier_entry(directory, **changes))
    write_manifest(directory, manifest)
    return directory


def write_bundle_with_everything(directory):
    """Detector, verifier, denoiser, experts of both kinds."""
    import json
    import os

    write_frame_bundle(directory)
    with open(os.path.join(directory, "manifest.json")) as file:
        manifest = json.load(file)
    manifest["models"].append(verifier_entry(directory))
    write_manifest(directory, manifest)
    return directory


def tone(seconds, level=0.1):
    """A low tone: 1-D float32 at 16 kHz."""
    return (level * np.sin(2 * np.pi * 440.0 * np.arange(int(16000 * seconds)) / 16000)).astype(np.float32)


def hiss(seconds, level=0.1, seed=0):
    """White noise: 1-D float32 at 16 kHz."""
    return (level * np.random.RandomState(seed).standard_normal(int(16000 * seconds))).astype(np.float32)


def quiet(seconds):
    """Digital silence."""
    return np.zeros(int(16000 * seconds), np.float32)
