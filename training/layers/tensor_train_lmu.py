"""A Legendre Memory Unit whose two matrices are tensor trains; its memory is constant and has none."""

from __future__ import annotations

from typing import Any

import keras

from training.layers.lmu import ParallelLMU
from training.layers.tensor_train import TTDense


@keras.saving.register_keras_serializable(package="cry_monitor")
class TTParallelLMU(ParallelLMU):
    """A ParallelLMU with W_x and U as tensor trains. cores, rank: as of tensor_train()."""

    def __init__(self, *arguments: Any, cores: int, rank: int, **kwargs: Any) -> None:
        super().__init__(*arguments, **kwargs)
        self.cores, self.rank = cores, rank

    def add_kernels(self, features: int, memory_size: int) -> None:
        """Add the trains."""
        shape = {"cores": self.cores, "rank": self.rank, "use_bias": False, "dtype": self.dtype_policy}
        self.from_input = TTDense(self.channels, **shape, name="from_input")
        self.from_input.build((None, features))
        self.from_memory = TTDense(self.units, **shape, name="from_memory")
        self.from_memory.build((None, memory_size))

    def into_memory(self, features: Any) -> Any:
        return self.from_input(features)

    def out_of_memory(self, memory: Any) -> Any:
        return self.from_memory(memory)

    def dense_kernels(self) -> tuple[Any, Any]:
        """The matrices that the cores stand for."""
        return self.from_input.dense_kernel(), self.from_memory.dense_kernel()

    @property
    def multiply_adds(self) -> tuple[int, int]:
        return self.from_input.multiply_adds, self.from_memory.multiply_adds

    def take_kernels(self, input_kernel: Any, memory_kernel: Any) -> None:
        """Become the nearest to the matrices of a ParallelLMU."""
        self.from_input.take_kernel(input_kernel)
        self.from_memory.take_kernel(memory_kernel)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cores": self.cores, "rank": self.rank}
