"""Hard adaptive feature norm: the mean length of features is drawn to one number in both domains.

Xu, Li, Yang, Lin: "Larger Norm More Transferable", 2019. lambda [(mean_s |f| - R)^2 + (mean_t |f| - R)^2].
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from training.adaptation.stage import FEATURES, Adaptation, everywhere, outputs_of

WEIGHT = 0.05
LARGER = 2.0  # than the mean length before learning: R = 25 of the paper is for features of 1,000 numbers
EPSILON = 1e-12


class Method(Adaptation):
    """With R twice the length that features begin with."""

    def terms(self) -> dict[str, Any]:
        """The lengths' term."""
        if not hasattr(self, "length"):
            features = outputs_of(self.model, self.domains.source.take(self.source[:256]))[FEATURES]
            self.length = LARGER * float(np.linalg.norm(features, axis=1).mean())
        return {FEATURES: HardNorm(self.length)}


@keras.saving.register_keras_serializable(package="cry_monitor")
class HardNorm(keras.losses.Loss):
    """How far the mean length in each domain is from R."""

    def __init__(self, length: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length

    def call(self, y_true: Any, y_pred: Any) -> Any:
        lengths = ops.sqrt(ops.sum(y_pred**2, axis=1) + EPSILON)
        is_source = y_true[:, 0]
        total = 0.0
        for own in (is_source, 1 - is_source):
            mean = ops.sum(lengths * own) / ops.maximum(ops.sum(own), 1.0)
            total += (mean - self.length) ** 2
        return everywhere(WEIGHT * total, y_pred)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "length": self.length}
