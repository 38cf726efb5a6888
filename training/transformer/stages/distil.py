"""The classifier learns the answers of a larger one beside the labels. Hinton et al., 2015."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edge.decision.calibration import log_posterior
from edge.errors import UserError
from training.transformer.config import Experiment
from training.transformer.material import Frames
from training.transformer.sampling import Batch
from training.transformer.stage import TransformerStage
from training.transformer.trained import Trained, load_trained


class Stage(TransformerStage):
    """Labels and a teacher's posteriors."""

    @classmethod
    def check(cls, experiment: Experiment) -> None:
        """Raise UserError where no teacher is named."""
        if not experiment.loss.teacher:
            raise UserError("fit.stages has distil, but loss.teacher names no folder")

    @classmethod
    def check_material(cls, frames: Frames, experiment: Experiment) -> None:
        """Raise UserError when the teacher is not there or does not fit."""
        find_teacher(frames, experiment)

    @cached_property
    def teacher(self) -> Trained:
        """The larger network."""
        return find_teacher(self.task.frames, self.task.experiment)

    def losses(self) -> tuple[Any, None]:
        """Cross-entropy with labels and with the teacher."""
        return self.cause_loss(distil_weight=self.task.experiment.loss.distil_weight), None

    def targets(self, batch: Batch) -> np.ndarray:
        """Labels, and the teacher's posteriors of the same noisy frames."""
        logits = self.teacher.of_normalised(batch.noisy)
        return self.cause_targets(batch, np.exp(log_posterior(logits, self.task.experiment.loss.distil_temperature)))


def find_teacher(frames: Frames, experiment: Experiment) -> Trained:
    """The teacher of a distillation. Raises UserError when it does not fit."""
    return load_trained(Path(experiment.loss.teacher), frames.labels, experiment.model.n_mels)
