"""Entropy minimisation: the target's posteriors become sure. Grandvalet, Bengio, 2004."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from training.adaptation.stage import LABELS, Adaptation, SourceLoss, everywhere

WEIGHT = 0.1


class Method(Adaptation):
    """The weight grows linearly from 0 over the training."""

    def losses(self) -> tuple[Any, None]:
        """Cross-entropy of the source and entropy of the target, of one output."""
        self.loss = SourceAndEntropy()
        return {LABELS: self.loss}, None

    def batch(self, clips: Any, rng: Any) -> tuple[Any, Any]:
        """As always, after the weight was set."""
        found = super().batch(clips, rng)
        self.loss.weight.assign(WEIGHT * self.progress)
        return found


class SourceAndEntropy(SourceLoss):
    """Rows without a label are the target's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = keras.Variable(0.0, trainable=False, name="entropy_weight")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        is_target = 1 - ops.sum(y_true, axis=1)
        log_p = ops.log_softmax(y_pred, axis=-1)
        entropy = -ops.sum(ops.exp(log_p) * log_p, axis=-1)
        mean = ops.sum(entropy * is_target) / ops.maximum(ops.sum(is_target), 1.0)
        return super().call(y_true, y_pred) + everywhere(self.weight * mean, y_pred)
