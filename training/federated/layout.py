"""A model's trained tensors as one vector, and the fingerprint that tells one model from another."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the tensors, in the order of the vector."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> list[int]:
        """Numbers in each tensor."""
        return [math.prod(shape) for shape in self.shapes]

    @property
    def size(self) -> int:
        """Numbers in the vector."""
        return sum(self.sizes)

    def spread(self, per_tensor: np.ndarray) -> np.ndarray:
        """One number of each tensor, (tensors,), at each of its places, (size,)."""
        return np.repeat(per_tensor, self.sizes)

    def tensors(self, vector: np.ndarray) -> list[np.ndarray]:
        """The vector as tensors."""
        parts = np.split(vector, np.cumsum(self.sizes)[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]


def as_vector(tensors: Sequence[Any]) -> np.ndarray:
    """Tensors as one vector, float32."""
    return np.concatenate([np.asarray(tensor, np.float32).ravel() for tensor in tensors])


def fingerprint(layout: Layout, fixed: Sequence[np.ndarray], about: dict[str, Any]) -> str:
    """SHA-256 over names, shapes, what is not trained (weights, statistics of normalisation) and what is said of it."""
    digest = hashlib.sha256(json.dumps([layout.names, layout.shapes, about], sort_keys=True).encode())
    for values in fixed:
        digest.update(np.ascontiguousarray(values, "<f4").tobytes())
    return digest.hexdigest()
