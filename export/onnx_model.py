"""An ONNX network as the exporter passes it on, beside Keras models."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from export.networks import onnx_network


@dataclass(frozen=True)
class OnnxModel:
    """The bytes of a file of fixed shapes, batch 1."""

    content: bytes
    feed: Callable[[np.ndarray], np.ndarray] = field(default=lambda x: x)  # a feature as the file takes it
    answer_shape: tuple[int, ...] = (-1,)  # of what it says of one feature
    is_half: bool = False  # it computes in half precision

    @cached_property
    def graph(self) -> Any:
        import onnx

        return onnx.load_from_string(self.content).graph

    @cached_property
    def inputs(self) -> list[Any]:
        """Each with name and shape."""
        return [named(value) for value in self.graph.input]

    @cached_property
    def outputs(self) -> list[Any]:
        """Each with name and shape."""
        return [named(value) for value in self.graph.output]

    @cached_property
    def weights(self) -> list[Any]:
        """Each with shape."""
        return [SimpleNamespace(shape=tuple(proto.dims)) for proto in self.graph.initializer if proto.data_type == 1]

    def count_params(self) -> int:
        return sum(math.prod(weight.shape) for weight in self.weights)

    def answers(self, inputs: np.ndarray) -> np.ndarray:
        """What the file says of features (N, ...), one after the other: (N, labels), or (N, ...) of a denoiser."""
        network, (first, *_) = onnx_network(self.content), self.inputs
        outputs = [next(iter(network({first.name: self.feed(x[None])}).values())) for x in inputs]
        return np.stack([output.reshape(self.answer_shape) for output in outputs]).astype(np.float32)


def named(value: Any) -> Any:
    """Name and shape of an input or output."""
    shape = tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
    return SimpleNamespace(name=value.name, shape=shape)
