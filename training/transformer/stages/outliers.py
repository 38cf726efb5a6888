"""The classifier's energy learns a margin between sounds like those it knows and outliers, beside the labels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from edge.errors import UserError
from training.runs.stage import by_loss, shuffled
from training.transformer.config import Experiment
from training.transformer.material import KNOWN, LABELLED, OUTLIERS
from training.transformer.stage import TransformerStage


class Stage(TransformerStage):
    """Labels and energy margins; as many outliers as others."""

    validation_roles = (LABELLED, KNOWN, OUTLIERS)
    goodness = staticmethod(by_loss)

    @classmethod
    def check(cls, experiment: Experiment) -> None:
        """Raise UserError where no outliers are named."""
        if not experiment.outliers.corpora:
            raise UserError("fit.stages has outliers, but [outliers] names no corpora")

    def losses(self) -> tuple[Any, None]:
        """Cross-entropy and energy margins."""
        return self.cause_loss(energy_weight=self.task.experiment.loss.energy_weight), None

    def clips(self, rng: np.random.Generator) -> np.ndarray:
        """frames_per_epoch of what is known, a third of it without a label where there is such, and of outliers."""
        n, known = self.task.experiment.fit.frames_per_epoch, self.training_clips(KNOWN)
        n_known = n // 3 if len(known) else 0
        labelled, outliers = self.training_clips(LABELLED), self.training_clips(OUTLIERS)
        return shuffled([(labelled, n - n_known), (known, n_known), (outliers, n)], rng)

    def validate(self, model: keras.Model) -> dict[str, float]:
        """The scores of the labels, and the loss."""
        return {**super().validate(model), "validation_loss": self.validation_loss(model)}
