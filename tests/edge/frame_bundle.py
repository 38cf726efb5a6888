"""A bundle whose detector calls everything but digital silence a cry, with a denoiser and experts that look at frames.

"narrow" sees what the denoiser makes of 64 bands, at every second hop; "wide" sees 128 bands as they are, at every hop.
The files and what Keras says of tiny_input() are made by tests/make_tiny_models.py.
"""

import json
import os

import numpy as np
from expert_bundle import UNCERTAIN, expert_entry, write_manifest
from loud_bundle import MODELS, copied_file, write_loud_bundle

from edge.dsp import log_mel

SCALES = {"narrow": 3.0, "wide": 2.0}
N_MELS = {"narrow": 64, "wide": 128}
STEP_COLUMNS = {"narrow": 40, "wide": 20}
TEMPERATURES = {"narrow": 1.3, "wide": 2.5}

with open(os.path.join(MODELS, "frames.json")) as _file:
    FRAMES = json.load(_file)


def tiny_input(n, n_mels=64):
    """The n-th test input, (98, n_mels) float32; as in tests/make_tiny_models.py."""
    wave = np.sin(np.arange(98 * n_mels) * (0.37 + 0.011 * n) + n) * (0.2 * n) - 0.1 * n
    return wave.astype(np.float32).reshape(98, n_mels)


def frame_model(directory, file_name, n_mels, scale, kinds):
    """What the manifest says of anything that looks at frames."""
    return {
        "feature": {"name": "log_mel", "parameters": dict(log_mel.PARAMETERS, n_mels=n_mels)},
        "normalisation": {"kind": "frame_mean", "scale": scale},
        "precision": "fp32",
        "files": {kind: copied_file(directory, "{}.fp32.{}".format(file_name, kind)) for kind in kinds},
        "metrics": {"split": "none"},
        "training": {"corpora": []},
    }


def denoiser_entry(directory, kinds=("tflite", "onnx")):
    """What the manifest says of the denoiser; its files are copied into the directory."""
    return dict(frame_model(directory, "denoiser", 64, SCALES["narrow"], kinds), role="denoiser", name="denoiser")


def frame_expert_entry(directory, name, kinds=("tflite", "onnx"), energy_threshold=None):
    """What the manifest says of an expert that looks at frames; its files are copied into the directory."""
    return dict(
        frame_model(directory, "frame_expert_" + name, N_MELS[name], SCALES[name], kinds),
        role="expert",
        name=name,
        labels=FRAMES[name]["labels"],
        step={"columns": STEP_COLUMNS[name], "window_columns": 98},
        denoised=name == "narrow",
        temperature=TEMPERATURES[name],
        energy_threshold=energy_threshold,
    )


def write_frame_bundle(
    directory,
    names=("narrow", "wide"),
    fused=("ios",),
    uncertain=UNCERTAIN,
    kinds=("tflite", "onnx"),
    energy_threshold=None,
):
    """Write the bundle into an existing directory; returns it. energy_threshold: of every frame expert.

    Its models: the detector, the denoiser, experts that look at frames, experts that take fused columns.
    """
    manifest = write_loud_bundle(directory)
    manifest["models"].append(denoiser_entry(directory, kinds))
    manifest["models"] += [frame_expert_entry(directory, name, kinds, energy_threshold) for name in names]
    manifest["models"] += [expert_entry(directory, name, kinds) for name in fused]
    manifest["fusion"] = {"method": "all", "tau": 1.0, "uncertain": uncertain}
    write_manifest(directory, manifest)
    return directory
