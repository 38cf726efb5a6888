"""Target noise after installation: a model learns to say over the background of a home what it says without it.

No labels: what it said of the recordings as they are is the target. The background is drawn from the night's sums.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.adaptation.background import Background
from training.adaptation.moments import normalisations
from training.data.log_mel_frames import Frames
from training.data.spectra import mix_energies, normalise
from training.layers.copies import copied
from training.runs.stage import Effort, Stage, round_robin, run_stage

SHARE = 0.5  # of the frames
SNR_DB = (0.0, 20.0)
FRAMES_PER_EPOCH = 2048
LEARNING_RATE, BATCH_SIZE = 3e-4, 64
AT_ONCE = 256


class NightNoise(Stage):
    """Frames, half of them over the background, and what the model said of them without it."""

    goodness = None  # nothing is held out: the last epoch is taken

    def __init__(self, model: keras.Model, frames: Frames, background: Background, n: int = FRAMES_PER_EPOCH):
        self.model = copied(model)
        for layer in normalisations(self.model):
            layer.trainable = False  # few steps: their moments stay as they were learnt
        self.frames, self.background, self.n = frames, background, n
        every = np.arange(len(frames.owner))
        parts = [frames.take(every[i : i + AT_ONCE]) for i in range(0, len(every), AT_ONCE)]
        self.said = np.concatenate([keras.ops.convert_to_numpy(model.predict_on_batch(part)) for part in parts])

    def losses(self) -> tuple[Any, None]:
        """Squared error of the logits."""
        return keras.losses.MeanSquaredError(), None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of frames."""
        return rng.permutation(round_robin(np.arange(len(self.frames.owner)), self.n, rng))

    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Input, and what was said of it without noise."""
        return over_background(self.frames.log_mel[clips], self.background, rng)[..., None], self.said[clips]

    def validate(self, model: keras.Model) -> dict[str, float]:
        """Nothing."""
        return {}


def over_background(log_mel: np.ndarray, background: Background, rng: np.random.Generator) -> np.ndarray:
    """Network input (n, columns, bands) of frames, a share of them over noise of a background, 0 to 20 dB below."""
    energies = np.exp(log_mel.astype(np.float64))
    noise = background.draw(len(energies), energies.shape[1], rng)
    snr_db = np.asarray(rng.uniform(SNR_DB[0], SNR_DB[1], len(energies)))
    noisy = np.log(mix_energies(energies, noise, snr_db))
    return normalise(np.where((rng.random(len(energies)) < SHARE)[:, None, None], noisy, log_mel))


def taught_over_night(
    model: keras.Model, frames: Frames, background: Background, epochs: int, seed: int, folder: Path
) -> keras.Model:
    """The model after it learnt; resumes from folder."""
    keras.utils.set_random_seed(seed)
    stage = NightNoise(model, frames, background)
    run_stage(stage, Effort(epochs, epochs, LEARNING_RATE, 0.0, BATCH_SIZE, (seed,)), folder)
    for layer in normalisations(stage.model):
        layer.trainable = True
    return stage.model
