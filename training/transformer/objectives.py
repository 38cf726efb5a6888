"""The losses as Keras trains with them, on any backend, and the targets they compare with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from training.transformer.config import LossConfig
from training.transformer.losses import denoising_loss


@keras.saving.register_keras_serializable(package="cry_monitor")
class DenoisingLoss(keras.losses.Loss):
    """The denoiser's loss as Keras takes it: denoising_loss."""

    def __init__(
        self, time_weight: float, frequency_weight: float, name: str = "denoising_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.time_weight, self.frequency_weight = time_weight, frequency_weight

    @classmethod
    def of(cls, loss: LossConfig) -> DenoisingLoss:
        """The loss with an experiment's weights."""
        return cls(loss.time_weight, loss.frequency_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return denoising_loss(y_true, y_pred, self.time_weight, self.frequency_weight)

    def get_config(self) -> dict[str, Any]:
        config = {"time_weight": self.time_weight, "frequency_weight": self.frequency_weight}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="cry_monitor")
class CauseLoss(keras.losses.Loss):
    """Cross-entropy with the label, margins of the energy, and the answers of a teacher; targets: see targets().

        CE(y, z) + w_e (max(0, E(z) - known)^2 for what is known, max(0, outlier - E(z))^2 for what is not)
        + w_t T^2 CE(softmax(z_teacher / T), z / T),   E(z) = -log sum exp z

    The margins: Liu et al., "Energy-based out-of-distribution detection", 2020. The teacher: Hinton et al., 2015.
    """

    def __init__(
        self,
        n_labels: int,
        energy_weight: float = 0.0,
        energy_known: float = 0.0,
        energy_outlier: float = 0.0,
        distil_weight: float = 0.0,
        distil_temperature: float = 1.0,
        name: str = "cause_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.n_labels = n_labels
        self.energy_weight, self.energy_known, self.energy_outlier = energy_weight, energy_known, energy_outlier
        self.distil_weight, self.distil_temperature = distil_weight, distil_temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, logits = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        label, is_known, is_outlier, teacher = ops.split(
            y_true, (self.n_labels, self.n_labels + 1, self.n_labels + 2), axis=-1
        )
        loss = (1.0 - self.distil_weight) * cross_entropy(label, logits)
        if self.energy_weight:
            energy = -ops.logsumexp(logits, axis=-1)
            too_high = is_known[:, 0] * ops.square(ops.relu(energy - self.energy_known))
            too_low = is_outlier[:, 0] * ops.square(ops.relu(self.energy_outlier - energy))
            loss = loss + self.energy_weight * (too_high + too_low)
        if self.distil_weight:
            softness = self.distil_temperature
            loss = loss + self.distil_weight * softness**2 * cross_entropy(teacher, logits / softness)
        return loss

    def get_config(self) -> dict[str, Any]:
        names = ("n_labels", "energy_weight", "energy_known", "energy_outlier", "distil_weight", "distil_temperature")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def cross_entropy(posterior: Any, logits: Any) -> Any:
    """-sum p log softmax(z), (batch,)."""
    return -ops.sum(posterior * ops.log_softmax(logits, axis=-1), axis=-1)


def targets(truth: np.ndarray, weights: np.ndarray, is_outlier: np.ndarray, teacher: np.ndarray | None) -> np.ndarray:
    """What CauseLoss compares with, (n, 2 labels + 2) float32: label, whether known, whether outlier, teacher.

    truth: (n,) numbers of labels, below zero for none. weights: (labels,) of each. teacher: (n, labels) or
    None.
    """
    n_labels = len(weights)
    label = np.eye(n_labels)[truth] * weights[truth, None] * (truth >= 0)[:, None]
    if teacher is None:
        teacher = np.zeros_like(label)
    return np.column_stack([label, ~is_outlier, is_outlier, teacher]).astype(np.float32)
