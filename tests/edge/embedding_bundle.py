"""A bundle whose detector calls everything but digital silence a cry, with an embedding of eight dimensions.

The embedding's file is made by tests/make_tiny_models.py: it weighs the bands of a frame, so that sounds of different
spectra lie apart. "Cries" of one made-up infant are noise through one filter.
"""

import numpy as np
from expert_bundle import write_manifest
from loud_bundle import copied_file, write_loud_bundle

from edge.dsp import log_mel

DIMENSIONS = 8


def embedding_entry(directory, kinds=("tflite", "onnx"), **changes):
    """What the manifest says of the embedding; its files are copied into the directory."""
    entry = {
        "role": "embedding",
        "name": "embedding",
        "dimensions": DIMENSIONS,
        "feature": {"name": "log_mel", "parameters": dict(log_mel.PARAMETERS)},
        "normalisation": {"kind": "frame_mean", "scale": 3.0},
        "precision": "fp32",
        "files": {kind: copied_file(directory, "embedding.fp32." + kind) for kind in kinds},
        "metrics": {"split": "none"},
        "training": {"corpora": []},
    }
    return dict(entry, **changes)


def write_embedding_bundle(directory, **changes):
    """Write the bundle into an existing directory; returns it. changes: to the embedding's entry."""
    directory = str(directory)
    manifest = write_loud_bundle(directory)
    manifest["models"].append(embedding_entry(directory, **changes))
    write_manifest(directory, manifest)
    return directory


def cry_of(infant, seconds=5.0, seed=0):
    """1-D float32 at 16 kHz: noise in the band of an infant, 0 a low one, 1 a high one."""
    low_hz, high_hz = ((300.0, 1200.0), (2500.0, 6000.0))[infant]
    noise = np.fft.rfft(np.random.RandomState(seed).standard_normal(int(16000 * seconds)))
    hz = np.fft.rfftfreq(int(16000 * seconds), 1.0 / 16000)
    sound = np.fft.irfft(noise * ((hz >= low_hz) & (hz <= high_hz)) + 0.01 * noise)
    return (0.1 * sound / sound.std()).astype(np.float32)


def night_of(*infants):
    """Digital silence, a cry, silence, for each: 14 s each."""
    quiet = np.zeros(8 * 16000, np.float32)
    parts = [part for seed, infant in enumerate(infants) for part in (quiet[:16000], cry_of(infant, seed=seed), quiet)]
    return np.concatenate(parts)
