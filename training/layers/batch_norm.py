"""Batch normalisation at PyTorch's speed."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization over the last axis, computed by one fused call on the torch backend.

    The variables, and so the weights, are those of the parent: a model trained with this layer hands its weights to
    the same model built with the plain one. On other backends it is the plain one. Training a small CNN on a CPU
    spends two thirds of its time in the unfused operation.
    """

    def call(self, inputs, training=None, mask=None):
        """inputs: (batch, rows, columns, channels)."""
        if keras.backend.backend() != "torch" or not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        import torch

        normalised = torch.nn.functional.batch_norm(
            inputs.permute(0, 3, 1, 2),
            self.moving_mean.value,
            self.moving_variance.value,
            self.gamma.value,
            self.beta.value,
            training=True,
            momentum=1.0 - self.momentum,
            eps=self.epsilon,
        )
        return normalised.permute(0, 2, 3, 1)
