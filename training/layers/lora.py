"""A dense layer with a low-rank adapter: x W + b + x A B (Hu et al., 2021)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="cry_monitor")
class LoraDense(keras.layers.Layer):
    """A dense layer over the last axis: (..., features) -> (..., units).

    rank: of the adapter A (features, rank), B (rank, units); 0: none. With an adapter, it alone is trained: it starts
    at no change, and merged_kernel() holds it at no cost.
    """

    def __init__(self, units: int, rank: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.rank = units, rank

    def build(self, input_shape: Any) -> None:
        features, base = input_shape[-1], self.rank == 0

        def weight(name: str, shape: tuple[int, ...], initializer: str, trainable: bool) -> Any:
            return self.add_weight(shape=shape, initializer=initializer, trainable=trainable, name=name)

        self.kernel = weight("kernel", (features, self.units), "glorot_uniform", base)
        self.bias = weight("bias", (self.units,), "zeros", base)
        if self.rank:
            self.lora_a = weight("lora_a", (features, self.rank), "he_uniform", True)
            self.lora_b = weight("lora_b", (self.rank, self.units), "zeros", True)
        self.built = True

    def call(self, inputs: Any) -> Any:
        outputs = ops.matmul(inputs, self.kernel) + self.bias
        return outputs + ops.matmul(ops.matmul(inputs, self.lora_a), self.lora_b) if self.rank else outputs

    def merged_kernel(self) -> Any:
        """W + A B, (features, units)."""
        return self.kernel + ops.matmul(self.lora_a, self.lora_b) if self.rank else self.kernel

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "rank": self.rank}
