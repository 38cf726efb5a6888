"""Layers of a small CNN at PyTorch's speed: the same weights and the same function as Keras' own, and no copies.

On the torch backend Keras makes tensors contiguous around convolutions and poolings, and normalises in several
operations: that takes two thirds of the time of training a small CNN on a CPU. A model built with these layers hands
its weights to the same model built with the plain ones. On other backends, they are the plain ones.
"""

from __future__ import annotations

from typing import Any

import keras

from training.layers.copies import copied


def on_torch() -> bool:
    """Whether PyTorch computes."""
    return keras.backend.backend() == "torch"


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization over the last axis, computed by one fused call on the torch backend."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """inputs: (batch, rows, columns, channels)."""
        if not on_torch() or not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        import torch

        normalised = torch.nn.functional.batch_norm(
            inputs.permute(0, 3, 1, 2),
            self.moving_mean.value,
            self.moving_variance.value,
            self.gamma.value if self.scale else None,
            self.beta.value if self.center else None,
            training=True,
            momentum=1.0 - self.momentum,
            eps=self.epsilon,
        )
        return normalised.permute(0, 2, 3, 1)


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedConv2D(keras.layers.Conv2D):
    """keras.layers.Conv2D with an odd square kernel, stride 1, `same` padding and no activation."""

    def call(self, inputs: Any) -> Any:
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

    def call(self, inputs: Any) -> Any:
        """inputs: (batch, rows, columns, channels)."""
        if not on_torch():
            return super().call(inputs)
        import torch

        return torch.nn.functional.max_pool2d(inputs.permute(0, 3, 1, 2), self.pool_size).permute(0, 2, 3, 1)


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedAveragePooling2D(keras.layers.AveragePooling2D):
    """keras.layers.AveragePooling2D without padding."""

    def call(self, inputs: Any) -> Any:
        """inputs: (batch, rows, columns, channels)."""
        if not on_torch():
            return super().call(inputs)
        import torch

        return torch.nn.functional.avg_pool2d(inputs.permute(0, 3, 1, 2), self.pool_size).permute(0, 2, 3, 1)


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedGRU(keras.layers.GRU):
    """keras.layers.GRU with its usual activations, from a zero state to the last output."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """sequences: (batch, steps, features)."""
        if not on_torch():
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        import torch

        def reordered(gates: Any) -> Any:  # Keras has z, r, h; PyTorch r, z, n
            z, r, h = torch.chunk(gates, 3)
            return torch.cat([r, z, h])

        cell = self.cell
        weights = [reordered(kernel.value.T) for kernel in (cell.kernel, cell.recurrent_kernel)]
        weights += [reordered(bias) for bias in cell.bias.value]
        state = sequences.new_zeros(1, sequences.shape[0], self.units)
        return torch._VF.gru(sequences, state, weights, True, 1, 0.0, False, False, True)[1][0]


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedLSTM(keras.layers.LSTM):
    """keras.layers.LSTM with its usual activations, from a zero state to the last output."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """sequences: (batch, steps, features)."""
        if not on_torch():
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        import torch

        cell = self.cell
        bias = cell.bias.value
        weights = [cell.kernel.value.T, cell.recurrent_kernel.value.T, bias, torch.zeros_like(bias)]
        state = sequences.new_zeros(1, sequences.shape[0], self.units)
        return torch._VF.lstm(sequences, (state, state), weights, True, 1, 0.0, False, False, True)[1][0]


def unfused(model: keras.Model) -> keras.Model:
    """The same functional model of Keras' own layers, with its weights: to be saved for whoever has this module not."""

    def own(layer: Any) -> Any:
        made: Any = type(layer)
        made = made.__bases__[0] if made.__module__ == __name__ else made
        return made.from_config(layer.get_config())

    return copied(model, own)
