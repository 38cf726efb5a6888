"""What the denoiser is trained on: the federated transformer paper's loss with gradient terms."""

from __future__ import annotations

from typing import Any

from keras import ops


def denoising_loss(clean: Any, estimate: Any, time_weight: float = 0.1, frequency_weight: float = 0.1) -> Any:
    """The mean squared error, plus the mean absolute error of the differences along time and along frequency.

        mean (X^ - X)^2 + w_t mean |d_t X^ - d_t X| + w_f mean |d_f X^ - d_f X|

    clean, estimate: (batch, columns, bands, 1). Returns a scalar. Means, where the paper writes norms: weights mean the
    same for every size of frame.
    """
    error = ops.cast(estimate, "float32") - ops.cast(clean, "float32")
    loss = ops.mean(ops.square(error))
    if time_weight:
        loss = loss + time_weight * ops.mean(ops.abs(error[:, 1:] - error[:, :-1]))
    if frequency_weight:
        loss = loss + frequency_weight * ops.mean(ops.abs(error[:, :, 1:] - error[:, :, :-1]))
    return loss
