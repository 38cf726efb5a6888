"""TFLite files whose reciprocal square roots never see zero.

XNNPACK, by which LiteRT computes, gives NaN for the reciprocal square root of zero, where TensorFlow gives infinity: a
vector that is normalised to unit length is zero wherever a frame is silent.
"""

from copy import copy
from typing import Any

import numpy as np

SMALLEST = np.finfo(np.float32).tiny  # of those that are not denormal: its root is finite and so is one over that


def with_roots_of_more_than_zero(content: bytes) -> bytes:
    """The file with a maximum before each float32 RSQRT that has no constant above zero added to what it is given."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(content)
    n_changed = sum(guard_roots(model, graph) for graph in model.subgraphs)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if n_changed else content


def guard_roots(model: Any, graph: Any) -> int:
    """Put the maximum before each root of a graph that may see zero; returns how many."""
    from tensorflow.lite.python.schema_py_generated import TensorType

    roots = [
        operator
        for operator in graph.operators
        if name_of(model, operator) == "RSQRT"
        and graph.tensors[operator.inputs[0]].type == TensorType.FLOAT32
        and not is_above_zero(model, graph, operator.inputs[0])
    ]
    for root in roots:
        given = int(root.inputs[0])
        graph.tensors += [smallest(model, graph.tensors[given]), above_zero(graph.tensors[given])]
        inputs, output = [given, len(graph.tensors) - 2], len(graph.tensors) - 1
        graph.operators.insert(graph.operators.index(root), maximum(model, inputs, output))
        root.inputs = [output]
    return len(roots)


def name_of(model: Any, operator: Any) -> str:
    """An operator's name."""
    from tensorflow.lite.tools import flatbuffer_utils

    return str(flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex))


def is_above_zero(model: Any, graph: Any, tensor: int) -> bool:
    """Whether a float32 tensor is a sum, or the larger, of something and a constant above zero."""
    for operator in graph.operators:
        if tensor in operator.outputs and name_of(model, operator) in ("ADD", "MAXIMUM"):
            stored = [model.buffers[graph.tensors[number].buffer].data for number in operator.inputs]
            constants = [np.frombuffer(bytes(data), np.float32) for data in stored if data is not None and len(data)]
            return any((constant > 0).all() for constant in constants)
    return False


def smallest(model: Any, like: Any) -> Any:
    """A constant: one number, in the ranks of a tensor."""
    from tensorflow.lite.python.schema_py_generated import BufferT

    buffer = BufferT()
    buffer.data = np.frombuffer(np.float32(SMALLEST).tobytes(), np.uint8)
    model.buffers.append(buffer)
    constant = copy(like)
    constant.name, constant.shape = like.name + b"/smallest", np.ones(len(like.shape), np.int32)
    constant.shapeSignature, constant.buffer = None, len(model.buffers) - 1
    return constant


def above_zero(like: Any) -> Any:
    """What is computed of a tensor, in its shape."""
    tensor = copy(like)
    tensor.name, tensor.buffer = like.name + b"/above_zero", 0
    return tensor


def maximum(model: Any, inputs: list[int], output: int) -> Any:
    """The operator, known to the model."""
    from tensorflow.lite.python import schema_py_generated as schema

    kind = schema.BuiltinOperator.MAXIMUM
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = kind
    code.version = 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = inputs, [output]
    operator.builtinOptionsType = schema.BuiltinOptions.MaximumMinimumOptions
    operator.builtinOptions = schema.MaximumMinimumOptionsT()
    return operator
