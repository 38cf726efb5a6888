"""A tensor of an ONNX graph as TensorFlow holds it: its axes may lie in another order, which costs nothing to say.

ONNX's convolutions want channels first, TFLite's last. What a convolution gives stays as it is held; each operator that
follows is told where its axes lie, and only one that cannot work so has the tensor put in ONNX's order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

Order = tuple[int, ...]  # axis i as ONNX counts lies at order[i] of what is held


@dataclass(frozen=True)
class Tensor:
    """What is held, a tf.Tensor or the numbers of a constant, and where ONNX's axes lie in it."""

    held: Any
    order: Order

    @property
    def shape(self) -> tuple[int, ...]:
        """As ONNX counts the axes."""
        held = self.held.shape
        return tuple(int(held[axis]) for axis in self.order)

    @property
    def rank(self) -> int:
        return len(self.order)

    @property
    def is_constant(self) -> bool:
        return isinstance(self.held, np.ndarray)

    @property
    def plain(self) -> Any:
        """Held in ONNX's own order."""
        return self.in_order(plain_order(self.rank))

    @property
    def value(self) -> np.ndarray:
        """The numbers of a constant. Raises Unknown for a tensor that is computed."""
        if not self.is_constant:
            raise Unknown("one of its inputs must be a constant")
        return self.plain

    def in_order(self, wanted: Order) -> Any:
        """What is held, in another order."""
        if self.order == wanted:
            return self.held
        moves = [0] * self.rank
        for axis, place in enumerate(wanted):
            moves[place] = self.order[axis]
        if self.is_constant:
            return np.transpose(self.held, moves)
        shape = [int(n) for n in self.held.shape]
        if [axis for axis in moves if shape[axis] != 1] == sorted(axis for axis in moves if shape[axis] != 1):
            return tf.reshape(self.held, [shape[axis] for axis in moves])  # nothing moves in memory
        return tf.transpose(self.held, moves)

    def held_axis(self, axis: int) -> int:
        """Where an axis, from the front or from the back, lies in what is held."""
        return self.order[axis % self.rank]

    def like(self, held: Any) -> "Tensor":
        """Something else with the axes in the same places."""
        return Tensor(held, self.order)


class Unknown(Exception):
    """What an operator, or one of its settings, cannot be made of in TensorFlow: the text says what."""


def plain_order(rank: int) -> Order:
    """ONNX's own."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """As TensorFlow's convolutions hold (batch, channels, ...)."""
    return (0, rank - 1, *range(1, rank - 1))


def plain(held: Any) -> Tensor:
    """A tensor that is held as ONNX means it."""
    return Tensor(held, plain_order(len(held.shape)))


def ranked(order: Sequence[int]) -> Order:
    """The places of those axes that are left, counted anew."""
    places = sorted(order)
    return tuple(places.index(place) for place in order)


def together(tensors: Sequence[Tensor]) -> tuple[list[Any], Order]:
    """Tensors that are broadcast with each other, all held in the order of the largest that is computed."""
    rank = max(tensor.rank for tensor in tensors)
    computed = [t for t in tensors if not t.is_constant and t.rank == rank] or [t for t in tensors if t.rank == rank]
    order = max(computed, key=lambda t: int(np.prod(t.shape))).order
    return [widened(tensor, rank).in_order(order) for tensor in tensors], order


def widened(tensor: Tensor, rank: int) -> Tensor:
    """With axes of length 1 in front, up to a rank; a number stays one."""
    missing = rank - tensor.rank
    if not missing:
        return tensor
    held = tensor.plain
    shape = [1] * missing + [int(n) for n in held.shape]
    return plain(held.reshape(shape) if tensor.is_constant else tf.reshape(held, shape))
