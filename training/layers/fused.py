"""Layers of a small CNN at PyTorch's speed: the same weights and the same function as Keras' own, and no copies.

On the torch backend Keras makes tensors contiguous around convolutions and poolings, and normalises in several
operations: that takes two thirds of the time of training a small CNN on a CPU. A model built with these layers hands
its weights to the same model built with the plain ones. On other backends, they are the plain ones.
"""

from __future__ import annotations

import keras


def on_torch() -> bool:
    """Whether PyTorch computes."""
    return keras.backend.backend() == "torch"


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization over the last axis, computed by one fused call on the torch backend."""

    def call(self, inputs, training=None, mask=None):
        """inputs: (batch, rows, columns, channels)."""
        if not on_torch() or not training or not self.trainable:
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


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedConv2D(keras.layers.Conv2D):
    """keras.layers.Conv2D with an odd square kernel, stride 1, `same` padding and no activation."""

    def call(self, inputs):
        """inputs: (batch, rows, columns, channels)."""
        if not on_torch():
            return super().call(inputs)
        import torch

        kernel = self.kernel.value.permute(3, 2, 0, 1)
        bias = self.bias.value if self.use_bias else None
        padding = self.kernel_size[0] // 2
        return torch.nn.functional.conv2d(inputs.permute(0, 3, 1, 2), kernel, bias, padding=padding).permute(0, 2, 3, 1)


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedMaxPooling2D(keras.layers.MaxPooling2D):
    """keras.layers.MaxPooling2D without padding."""

    def call(self, inputs):
        """inputs: (batch, rows, columns, channels)."""
        if not on_torch():
            return super().call(inputs)
        import torch

        return torch.nn.functional.max_pool2d(inputs.permute(0, 3, 1, 2), self.pool_size).permute(0, 2, 3, 1)
