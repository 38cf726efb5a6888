"""Denoiser and classifier learn together: what the frame was, and its label."""

from __future__ import annotations

from typing import Any

import keras

from training.transformer.model import CAUSE, CLEAN, joined
from training.transformer.objectives import DenoisingLoss
from training.transformer.sampling import Batch
from training.transformer.stage import TransformerStage


class Stage(TransformerStage):
    """Both networks, one loss each."""

    trains_denoiser = True

    def make_model(self) -> keras.Model:
        """One after the other, both outputs."""
        return joined(self.networks.denoiser, self.networks.classifier)

    def losses(self) -> tuple[dict[str, Any], dict[str, float]]:
        """The denoiser's beside the classifier's."""
        loss = self.task.experiment.loss
        return {CLEAN: DenoisingLoss.of(loss), CAUSE: self.cause_loss()}, {CLEAN: loss.denoising_weight, CAUSE: 1.0}

    def targets(self, batch: Batch) -> dict[str, Any]:
        """The frames without noise, and labels."""
        return {CLEAN: batch.clean, CAUSE: self.cause_targets(batch)}
