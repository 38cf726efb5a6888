"""A node of an ONNX graph, as the operators here look at it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from export.convert.onnx_to_keras.tensor import Tensor, Unknown

NOTSET = b"NOTSET"


class Node:
    """The operator's attributes and inputs."""

    def __init__(self, proto: onnx.NodeProto, inputs: list[Tensor | None]) -> None:
        self.proto = proto
        self.operator = proto.op_type
        self.inputs = inputs
        self.attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; text as str."""
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def input(self, index: int) -> Tensor:
        """An input that must be there. Raises Unknown."""
        tensor = self.optional(index)
        if tensor is None:
            raise Unknown(f"it has no input {index}")
        return tensor

    def optional(self, index: int) -> Tensor | None:
        """An input, or None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def numbers(self, index: int, attribute: str | None = None, default: Any = None) -> Any:
        """A constant input as a list, or the attribute that older operators have instead; or the default."""
        tensor = self.optional(index)
        if tensor is not None:
            return np.asarray(tensor.value).ravel().tolist()
        return self.get(attribute, default) if attribute else default


Operator = Callable[[Node], Tensor | list[Tensor]]
