"""Dynamic-range TFLite files, in which the convolutions that engines compute slowly with int8 weights stay in float.

XNNPACK, by which LiteRT computes, has dynamic-range kernels for dense layers and plain convolutions. A depthwise or
transposed convolution with int8 weights falls back to a plain loop, several times slower than float; and a depthwise
one's weights are next to nothing of a file.
"""

from typing import Any

SLOW = ("DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
KERNEL = 1  # the input of these operators that holds their weights


def with_float_kernels(dynamic: bytes, fp32: bytes) -> bytes:
    """A dynamic-range file with the weights of `SLOW` operators as the float file of the same network has them."""
    from tensorflow.lite.tools import flatbuffer_utils

    model, whole = (flatbuffer_utils.convert_bytearray_to_object(content) for content in (dynamic, fp32))
    for graph, float_graph in zip(model.subgraphs, whole.subgraphs, strict=True):
        kernels, floats = kernels_of(model, graph), kernels_of(whole, float_graph)
        for kernel, given in zip(kernels, floats, strict=True):
            if kernel.type != given.type:
                kernel.type, kernel.quantization = given.type, given.quantization
                kernel.buffer = len(model.buffers)
                model.buffers.append(whole.buffers[given.buffer])
    empty_unused(model)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def kernels_of(model: Any, graph: Any) -> list[Any]:
    """The tensors of weights of a graph's `SLOW` operators, in their order."""
    from tensorflow.lite.tools import flatbuffer_utils

    names = [flatbuffer_utils.opcode_to_name(model, number) for number in range(len(model.operatorCodes))]
    return [
        graph.tensors[operator.inputs[KERNEL]] for operator in graph.operators if names[operator.opcodeIndex] in SLOW
    ]


def empty_unused(model: Any) -> None:
    """Let go of the content of buffers that no tensor has any more; their numbers stay."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used.update(metadata.buffer for metadata in model.metadata or ())
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
