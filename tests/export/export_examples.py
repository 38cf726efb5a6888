"""What the tests of this room export: a small network, log-mel frames and a model.json."""

import hashlib
import json
from pathlib import Path

import numpy as np

from edge.dsp import log_mel
from edge.frames import FRAME_LENGTH, SAMPLE_RATE
from export.command import main
from export.parity.calibration import PARTS

DESCRIPTION = {
    "name": "test-detector",
    "version": "0.0.1",
    "role": "detector",
    "labels": ["cry"],
    "feature": {"name": "log_mel", "parameters": dict(log_mel.PARAMETERS)},
    "normalisation": {"kind": "frame_mean", "scale": 3.0},
    "temperature": 1.3,
    "decision": {"open_threshold": 0.7, "close_threshold": 0.4},
    "metrics": {"split": "none"},
    "training": {"corpora": [{"name": "numbers", "licence": "CC0-1.0"}]},
}

MEAN, DEVIATION = -5.0, 4.0
STREAMED = {  # a recurrent detector, fed the columns of a hop
    "labels": ["cry"],
    "feature": "log_mel",
    "normalisation": {
        "kind": "row_z_score",
        "rows": list(range(64)),
        "mean": [MEAN] * 64,
        "deviation": [DEVIATION] * 64,
    },
    "temperature": 1.2,
    "step": {"columns": 20},
}


def ds_cnn(keras, outputs=1, seed=3):
    """The detector's kind of network, 7 k parameters, not yet trained."""
    layers = keras.layers
    keras.utils.set_random_seed(seed)

    def norm_relu(x):
        return layers.ReLU()(layers.BatchNormalization(momentum=0.7)(x))

    inputs = keras.Input((98, 64, 1))
    x = norm_relu(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(inputs))
    for channels, stride in ((32, 2), (48, 2), (64, 1)):
        x = norm_relu(layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x))
        x = norm_relu(layers.Conv2D(channels, 1, use_bias=False)(x))
    return keras.Model(inputs, layers.Dense(outputs)(layers.GlobalAveragePooling2D()(x)))


def log_mel_frames(n, seed):
    """Log-mel frames (n, 98, 64) of tones in noise at random levels: half of them tonal."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(FRAME_LENGTH) / SAMPLE_RATE
    frames = []
    for index in range(n):
        f0_hz = rng.uniform(250, 600)
        tone = sum(np.sin(2 * np.pi * f0_hz * h * time_s) / h for h in range(1, 8)) * (index % 2)
        noise = rng.normal(0, 1, len(time_s)) * rng.uniform(0.05, 0.5)
        samples = (tone * rng.uniform(0.3, 1) + noise) * 10 ** rng.uniform(-2.5, -0.7)
        frames.append(log_mel.log_mel(samples.astype(np.float32)))
    return np.array(frames)


def calibration_arrays():
    """A quantise, a temperature and a parity part; every second frame is the label."""
    arrays = {}
    for seed, (part, n) in enumerate((("quantise", 40), ("temperature", 40), ("parity", 120)), start=1):
        arrays[part] = log_mel_frames(n, seed).astype(np.float16)
        arrays[f"y_{part}"] = np.arange(n) % 2
    return arrays


def write_calibration(folder: Path, feature=DESCRIPTION["feature"], **arrays):
    """Tensors and the manifest that vouches for them, in the format of calibration_data/."""
    path = folder / "detector_log_mel.npz"
    np.savez(path, **arrays)
    manifest = {
        "feature": feature,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sources": {part: sources(part, len(arrays[part])) for part in PARTS if part in arrays},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def sources(part, n):
    """Groups of two frames each."""
    return [
        {"clip": f"numbers/{part}_{i}", "group": f"{part}_{i // 2}", "condition": "tone" if i % 2 else "noise"}
        for i in range(n)
    ]


def write_description(folder: Path, **changes):
    """model.json with some keys changed."""
    (folder / "model.json").write_text(json.dumps({**DESCRIPTION, **changes}))


def exported(targets, sources, calibration_dir, folder):
    """A folder with a bundle for each target."""
    for target in targets:
        places = ["--model", str(sources), "--calibration", str(calibration_dir), "--out", str(folder / target)]
        assert main(["--target", target, *places]) == 0
    return folder
