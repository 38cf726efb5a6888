"""A denoiser and an expert on frames that no one has trained long: random features, their last layers solved for."""

import json
from dataclasses import replace

import numpy as np
from export_examples import log_mel_frames

from export.parity.calibration import normalised
from export.sources.loading import load_model
from training.transformer.model import CAUSE, build_classifier, build_denoiser
from training.transformer.presets import PRESETS

SCALE = 3.0
LABELS = ["tone", "noise"]
TINY = replace(PRESETS["tiny"], layers=1)  # one block converts as two do, in half the time
COMMON = {
    "version": "0.0.1",
    "feature": "log_mel",
    "normalisation": {"kind": "frame_mean", "scale": SCALE},
    "metrics": {"split": "none"},
    "training": {"corpora": [{"name": "numbers", "licence": "CC0-1.0"}]},
}
DENOISER = {**COMMON, "role": "denoiser", "name": "denoiser"}
EXPERT = {
    **COMMON,
    "role": "expert",
    "name": "transformer",
    "labels": LABELS,
    "layers": ["training.layers.attention", "training.layers.positions"],
    "graph": "training.transformer.model:export_graph",
    "step": {"columns": 40, "window_columns": 98},
    "denoised": True,
    "temperature": 1.3,
    "energy_threshold": -0.5,
}


def frames():
    """Log-mel frames (48, 98, 64) that no calibration data has: every second one tonal, the others noise."""
    return log_mel_frames(48, seed=21)


def learn_moments(keras, model, x):
    """Give every batch norm the moments of what it sees."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            seen = np.asarray(keras.Model(model.input, layer.input)(x)).reshape(-1, layer.input.shape[-1])
            layer.moving_mean.assign(seen.mean(axis=0))
            layer.moving_variance.assign(seen.var(axis=0))


def trained_denoiser(keras):
    """The tiny denoiser, its last convolution solved for on tones with noise under them."""
    keras.utils.set_random_seed(5)
    model = build_denoiser(TINY)
    clean, noise = frames()[1::2], frames()[::2]
    noise += clean.mean((1, 2), keepdims=True) - noise.mean((1, 2), keepdims=True) - 0.5
    noisy = normalised(np.logaddexp(clean, noise), SCALE)
    learn_moments(keras, model, noisy)
    last = model.get_layer("denoiser_change")
    features = np.asarray(keras.Model(model.input, last.input)(noisy))[:, :98]
    x = np.concatenate([features, np.ones_like(features[..., :1])], axis=-1).reshape(-1, features.shape[-1] + 1)
    solved = np.linalg.lstsq(x, (normalised(clean, SCALE) - noisy).reshape(-1), rcond=None)[0]
    last.set_weights([solved[:-1].reshape(1, 1, -1, 1), solved[-1:]])
    return model


def trained_classifier(keras, denoiser):
    """The tiny classifier, its head solved for on the denoised frames."""
    keras.utils.set_random_seed(6)
    model = build_classifier(TINY, len(LABELS))
    seen = np.asarray(denoiser(normalised(frames(), SCALE)))
    learn_moments(keras, model, seen)
    head = model.get_layer(CAUSE)
    features = np.asarray(keras.Model(model.input, head.input)(seen))
    x = np.hstack([features, np.ones((len(features), 1))])
    wanted = np.where(np.arange(len(x))[:, None] % 2, [4.0, -1.0], [-1.0, 1.0])  # tones are more known than noise
    solved = np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ wanted)
    head.set_weights([solved[:-1], solved[-1]])
    return model


def write_model(folder, model, description, **changes):
    """A model directory."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps({**description, **changes}))


def changed(folder, **changes):
    """Change keys of a model.json; None takes one away."""
    path = folder / "model.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def loaded_model(folder):
    return load_model(folder / "model.keras", folder / "model.json")
