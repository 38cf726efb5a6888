"""Self-supervision: two views of one second are drawn together, all others of the batch apart (NT-Xent).

Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020:
l_i = -log[exp(s_ip / tau) / sum_{k != i} exp(s_ik / tau)], s the cosine of projections, p the other view of i.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from training.data.log_mel_frames import Frames
from training.data.spectra import LOG_MEL_SCALE, mix_energies, normalise, random_eq, spec_augment
from training.layers.res8 import MEAN, build_res8
from training.pretraining.settings import Settings
from training.runs.stage import Stage, round_robin

PROJECTION = 128
NEVER = -1e9  # added to a view's score with itself
SNR_DB = (0.0, 20.0)
EQ_DB, EQ_KNOTS = 6.0, 6
GAPS = (12, 8)  # columns and bands at most


@keras.saving.register_keras_serializable(package="cry_monitor")
class NTXent(keras.losses.Loss):
    """Projections (2 n, d), row i and row i + n two views of one; targets are not looked at."""

    def __init__(self, temperature: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        z = ops.normalize(y_pred, axis=-1)
        n = ops.shape(z)[0] // 2
        scores = ops.matmul(z, ops.transpose(z)) / self.temperature + NEVER * ops.eye(2 * n, dtype=z.dtype)
        positive = ops.sum(z[:n] * z[n:], axis=-1) / self.temperature
        return ops.logsumexp(scores, axis=-1) - ops.concatenate([positive, positive])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}


class Contrast(Stage):
    """res8 with a projection, which is left behind afterwards; `network` is what was pretrained."""

    goodness = None  # the last epoch is taken: a contrastive loss is no score

    def __init__(self, frames: Frames, clips: np.ndarray, settings: Settings, start: keras.Model | None = None):
        self.frames, self.settings = frames, settings
        self.own = [frames.of([clip]) for clip in clips]
        self.network = start if start is not None else build_res8(settings.size, frames.shape, 1)
        x = layers.Dense(PROJECTION, activation="relu", name="project_1")(self.network.get_layer(MEAN).output)
        self.model = keras.Model(self.network.input, layers.Dense(PROJECTION, name="project_2")(x))

    def losses(self) -> tuple[Any, None]:
        """NT-Xent."""
        return NTXent(self.settings.temperature), None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """Clips, each about equally often; a batch never has one twice where there are enough."""
        return round_robin(np.arange(len(self.own)), self.settings.frames_per_epoch // 2, rng)

    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """A second of each clip, in two views."""
        numbers = np.array([rng.choice(self.own[clip]) for clip in clips])
        views = [self.view(self.frames.log_mel[numbers], rng) for _ in range(2)]
        return np.concatenate(views)[..., None], np.zeros(2 * len(clips), np.float32)

    def view(self, log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Shifted, over another sound, through any microphone, with gaps: (n, columns, bands)."""
        n, columns, bands = log_mel.shape
        shift = rng.integers(-columns // 8, columns // 8 + 1, n)
        x = np.stack([np.roll(frame, by, axis=0) for frame, by in zip(log_mel, shift, strict=True)])
        others = self.frames.log_mel[rng.integers(0, len(self.frames.log_mel), n)]
        snr_db = np.asarray(rng.uniform(SNR_DB[0], SNR_DB[1], n))
        noisy = mix_energies(np.exp(x.astype(np.float64)), np.exp(others.astype(np.float64)), snr_db)
        knots = rng.uniform(-EQ_DB, EQ_DB, (n, EQ_KNOTS)) / 10 * np.log(10) / LOG_MEL_SCALE
        x = normalise(np.log(noisy)) + random_eq(knots, bands)[:, None]
        return spec_augment(x.astype(np.float32), *GAPS, rng)

    def validate(self, model: keras.Model) -> dict[str, float]:
        """Nothing: there are no labels."""
        return {}
