"""Teach an embedding to tell the training's infants apart; what is held out to stop early are clips, not infants."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.data.log_mel_frames import Frames
from training.data.spectra import LOG_MEL_SCALE, random_eq, spec_augment
from training.infant_id.model import MarginLoss, build_embedding, mean_embedding, with_infants
from training.infant_id.protocol import Infant
from training.infant_id.verification import Trials, cosine
from training.runs.settings import Res8Settings
from training.runs.stage import Effort, Stage, by_loss, round_robin, run_stage

GAPS = (12, 6)  # columns and bands at most
EQ_DB, EQ_KNOTS = 6.0, 6
FRAMES_PER_INFANT = 8  # in an epoch, on average
AT_ONCE = 256


@dataclass(frozen=True)
class Settings(Res8Settings):
    """How an embedding is built and how it learns."""

    epochs: int = 30
    batch_size: int = 32
    patience: int = 10


class Identification(Stage):
    """Frames of the training's infants, each with its infant; validation: their later clips."""

    goodness = staticmethod(by_loss)

    def __init__(self, embedding: keras.Model, frames: Frames, infants: list[Infant]):
        self.model = with_infants(embedding, len(infants))
        self.frames, self.loss = frames, MarginLoss()
        self.numbers = [frames.of(infant.enrolled) for infant in infants]
        self.later = [frames.of(infant.tested) for infant in infants]
        self.infant_of = np.full(len(frames.owner), -1)
        for number, infant in enumerate(infants):
            self.infant_of[frames.of([*infant.enrolled, *infant.tested])] = number
        self.one_hot = np.eye(len(infants), dtype=np.float32)

    def losses(self) -> tuple[Any, None]:
        """Additive margin."""
        return self.loss, None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """As many frames of each infant."""
        return rng.permutation(np.concatenate([round_robin(own, FRAMES_PER_INFANT, rng) for own in self.numbers]))

    def batch(self, clips: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Frames through any microphone and with gaps, and their infants."""
        x = self.frames.take(clips)[..., 0]
        knots = rng.uniform(-EQ_DB, EQ_DB, (len(x), EQ_KNOTS)) / 10 * np.log(10) / LOG_MEL_SCALE
        x = spec_augment((x + random_eq(knots, x.shape[2])[:, None]).astype(np.float32), *GAPS, rng)
        return x[..., None], self.one_hot[self.infant_of[clips]]

    def validate(self, model: keras.Model) -> dict[str, float]:
        """The loss on later clips of the same infants."""
        later = np.concatenate([own[:FRAMES_PER_INFANT] for own in self.later])
        said = keras.ops.convert_to_tensor(embed(model, self.frames.take(later)))
        targets = keras.ops.convert_to_tensor(self.one_hot[self.infant_of[later]])
        return {"validation_loss": float(keras.ops.convert_to_numpy(self.loss(targets, said)))}


def fit(frames: Frames, infants: list[Infant], settings: Settings, folder: Path, start: Any = None) -> keras.Model:
    """An embedding that learnt from these infants; resumes from folder. start: a res8 that it begins with."""
    keras.utils.set_random_seed(settings.seed)
    embedding = build_embedding(settings.size, frames.shape, start)
    stage = Identification(embedding, frames, infants)
    effort = Effort(
        settings.epochs, settings.patience, settings.learning_rate, 1e-4, settings.batch_size, (settings.seed,)
    )
    run_stage(stage, effort, folder)
    return embedding


def embed(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a model says of frames, some at a time."""
    parts = [model.predict_on_batch(x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


def compared(embedding: keras.Model, frames: Frames, infants: list[Infant]) -> Trials:
    """Every infant's first period beside every infant's second."""
    names = [infant.name for infant in infants]
    first, second = (
        np.stack([mean_embedding(embed(embedding, frames.take(frames.of(period)))) for period in periods])
        for periods in ([i.enrolled for i in infants], [i.tested for i in infants])
    )
    return Trials(cosine(first, second), names, names)
