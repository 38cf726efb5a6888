"""Stepwise adaptive feature norm: every feature's length grows by a step each time, in both domains.

Xu, Li, Yang, Lin: "Larger Norm More Transferable", 2019. lambda mean (|f| - stop(|f|) - step)^2: its value never
changes, its gradient does the work; the curve's norms show it.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from training.adaptation.stage import FEATURES, Adaptation

WEIGHT, STEP = 0.05, 1.0
EPSILON = 1e-12


class Method(Adaptation):
    """With a step of 1."""

    def terms(self) -> dict[str, Any]:
        """The lengths' term."""
        return {FEATURES: StepwiseNorm()}


@keras.saving.register_keras_serializable(package="cry_monitor")
class StepwiseNorm(keras.losses.Loss):
    """The square of a step, whose gradient makes lengths grow."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        lengths = ops.sqrt(ops.sum(y_pred**2, axis=1) + EPSILON)
        return WEIGHT * (lengths - ops.stop_gradient(lengths) - STEP) ** 2
