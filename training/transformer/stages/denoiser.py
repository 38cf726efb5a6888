"""The denoiser learns what frames were before the noise: of clips with a label, and of those known to be alike."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from training.runs.stage import by_loss, round_robin
from training.transformer.material import KNOWN, LABELLED
from training.transformer.objectives import DenoisingLoss
from training.transformer.sampling import Batch
from training.transformer.stage import TransformerStage


class Stage(TransformerStage):
    """The denoiser alone."""

    learns_labels, trains_denoiser = False, True
    validation_roles = (LABELLED, KNOWN)
    goodness = staticmethod(by_loss)

    def make_model(self) -> keras.Model:
        """The denoiser."""
        return self.networks.denoiser

    def losses(self) -> tuple[Any, None]:
        """Squared error and the errors of both gradients."""
        return DenoisingLoss.of(self.task.experiment.loss), None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """All clips that are no outliers alike."""
        clips = self.training_clips(LABELLED, KNOWN)
        return rng.permutation(round_robin(clips, self.task.experiment.fit.frames_per_epoch, rng))

    def targets(self, batch: Batch) -> np.ndarray:
        """The frames without noise."""
        return batch.clean

    def validate(self, model: keras.Model) -> dict[str, float]:
        """The loss on the validation part."""
        return {"validation_loss": self.validation_loss(model)}
