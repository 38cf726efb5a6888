"""A bundle whose detector calls everything but digital silence a cry, and whose two experts follow formulas.

The experts' files and what their whole models say of tiny_columns() are made by tests/make_tiny_models.py.
"""

import json
import os

import numpy as np
import pytest
from loud_bundle import MODELS, copied_file, write_loud_bundle

from edge.bundle import load_bundle
from edge.dsp import fused
from edge.errors import UserError

STEP_COLUMNS, STEPS, LATENESS_COLUMNS = 14, 20, 3
TEMPERATURES = {"android": 0.8, "ios": 1.7}
UNCERTAIN = {"threshold": 0.0, "risk": 0.2, "coverage": 1.0, "measured_risk": 0.1, "n_validation": 180}
NEVER = dict(UNCERTAIN, threshold=None)

with open(os.path.join(MODELS, "experts.json")) as _file:
    EXPERTS = json.load(_file)


def tiny_columns():
    """Test columns for experts, (280, 273) float32; as in tests/make_tiny_models.py."""
    number, row = np.arange(STEP_COLUMNS * STEPS)[:, None], np.arange(fused.N_ROWS)
    return (20.0 * np.sin(0.05 * number * (1.0 + 0.3 * np.sin(row)) + row) - 6.0).astype(np.float32)


def expert_entry(directory, name, kinds=("tflite", "onnx")):
    """What the manifest says of an expert; its files are copied into the directory."""
    expert = EXPERTS[name]
    return {
        "role": "expert",
        "name": name,
        "labels": expert["labels"],
        "feature": {"name": "fused", "parameters": dict(fused.PARAMETERS), "band_hz": expert["band_hz"]},
        "normalisation": expert["normalisation"],
        "step": {"columns": STEP_COLUMNS, "window_columns": 233},
        "temperature": TEMPERATURES[name],
        "energy_threshold": None,
        "precision": "fp32",
        "files": {kind: copied_file(directory, "expert_{}.fp32.{}".format(name, kind)) for kind in kinds},
        "metrics": {"split": "none"},
        "training": {"corpora": []},
    }


def write_expert_bundle(directory, names=("android", "ios"), uncertain=UNCERTAIN, kinds=("tflite", "onnx")):
    """Write the bundle into an existing directory; returns it."""
    manifest = write_loud_bundle(directory)
    manifest["models"] += [expert_entry(directory, name, kinds) for name in names]
    manifest["fusion"] = {"method": "all", "tau": 1.0, "uncertain": uncertain}
    write_manifest(directory, manifest)
    return directory


def write_manifest(directory, manifest):
    with open(os.path.join(directory, "manifest.json"), "w") as file:
        json.dump(manifest, file)


def read_manifest(directory):
    with open(os.path.join(directory, "manifest.json")) as file:
        return json.load(file)


def changed(directory, *keys_and_value):
    """Rewrite the manifest with one value changed: changed(directory, "models", 1, "temperature", "hot")."""
    manifest = place = read_manifest(directory)
    for key in keys_and_value[:-2]:
        place = place[key]
    place[keys_and_value[-2]] = keys_and_value[-1]
    write_manifest(directory, manifest)


def open_or_skip(directory):
    """The bundle; the test is skipped where no engine is installed."""
    try:
        return load_bundle(directory)
    except UserError as error:
        if "no inference engine" in str(error):
            pytest.skip(str(error))
        raise


def refusal(directory):
    """What load_bundle says when it refuses; always one line that names the file."""
    with pytest.raises(UserError) as error:
        load_bundle(directory)
    text = str(error.value)
    assert "\n" not in text and directory in text
    return text


def every_key(value, prefix=()):
    """Where every value of a model in a manifest is: tuples of keys."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield prefix + (key,)
        if isinstance(inner, dict) and key not in ("metrics", "training", "files"):
            for deeper in every_key(inner, prefix + (key,)):
                yield deeper


@pytest.fixture
def expert_folder(tmp_path):
    """Directory of a bundle with both experts."""
    return write_expert_bundle(str(tmp_path))
