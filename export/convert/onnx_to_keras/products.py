"""Matrix products, sums over axes, and what is made of both."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from export.convert.onnx_to_keras.node import Node, Operator
from export.convert.onnx_to_keras.tensor import Tensor, Unknown, plain, ranked


def gemm(node: Node) -> Tensor:
    """alpha A B + beta C."""
    left, right = (node.input(n).plain for n in (0, 1))
    scale = np.float32(node.get("alpha", 1.0))
    if isinstance(right, np.ndarray) and node.get("transB", 0):
        right = np.ascontiguousarray(right.T)  # weights as TFLite keeps them
    transposed = not isinstance(node.input(1).plain, np.ndarray) and bool(node.get("transB", 0))
    result = tf.matmul(left, right, transpose_a=bool(node.get("transA", 0)), transpose_b=transposed)
    result = result if scale == 1 else result * scale
    bias = node.optional(2)
    if bias is None:
        return plain(result)
    held = bias.plain
    if bias.is_constant and bias.rank > 1:
        held = held.reshape(held.shape[-1]) if held.shape[0] == 1 else held
    return plain(result + held * np.float32(node.get("beta", 1.0)))


def matmul(node: Node) -> Tensor:
    left, right = (node.input(n).plain for n in (0, 1))
    alone = [len(x.shape) == 1 for x in (left, right)]
    left = tf.expand_dims(left, 0) if alone[0] else left
    right = tf.expand_dims(right, -1) if alone[1] else right
    result = tf.matmul(left, right)
    result = tf.squeeze(result, -1) if alone[1] else result
    return plain(tf.squeeze(result, -1 if alone[1] else -2) if alone[0] else result)


def einsum(node: Node) -> Tensor:
    return plain(tf.einsum(node.get("equation"), *(tensor.plain for tensor in node.inputs if tensor is not None)))


def reduction(function: Callable[..., Any]) -> Operator:
    """Over the axes that are named, or all."""

    def apply(node: Node) -> Tensor:
        x = node.input(0)
        axes = node.numbers(1, "axes", None)
        if not axes:
            if node.get("noop_with_empty_axes", 0):
                return x
            axes = range(x.rank)
        places = sorted(x.held_axis(int(axis)) for axis in axes)
        keeps = bool(node.get("keepdims", 1))
        held = function(x.held, places, keepdims=keeps)
        return x.like(held) if keeps else Tensor(held, ranked([n for n in x.order if n not in places]))

    return apply


def softmax(node: Node) -> Tensor:
    x = node.input(0)
    place = x.held_axis(node.get("axis", -1))
    logarithm = node.operator == "LogSoftmax"
    if place == x.rank - 1:
        return x.like(tf.nn.log_softmax(x.held) if logarithm else tf.nn.softmax(x.held))
    moves = [n for n in range(x.rank) if n != place] + [place]
    last = tf.transpose(x.held, moves)
    last = tf.nn.log_softmax(last) if logarithm else tf.nn.softmax(last)
    return x.like(tf.transpose(last, np.argsort(moves)))


def largest_index(function: Callable[..., Any]) -> Operator:
    def apply(node: Node) -> Tensor:
        x = node.input(0)
        axis = node.get("axis", 0) % x.rank
        found = function(x.plain, axis=axis, output_type=tf.int64)
        return plain(tf.expand_dims(found, axis) if node.get("keepdims", 1) else found)

    return apply


def top_k(node: Node) -> list[Tensor]:
    """The largest numbers along an axis, and where they are; the smallest are the largest of the negatives."""
    x, k = node.input(0), int(node.numbers(1, "k")[0] if node.optional(1) else node.get("k"))
    axis = node.get("axis", -1) % x.rank
    moves = [n for n in range(x.rank) if n != axis] + [axis]
    sign = 1.0 if node.get("largest", 1) else -1.0
    found, places = tf.math.top_k(sign * tf.transpose(x.plain, moves), k)
    back = [int(n) for n in np.argsort(moves)]
    return [plain(tf.transpose(sign * found, back)), plain(tf.cast(tf.transpose(places, back), tf.int64))]


def instance_normalization(node: Node) -> Tensor:
    """Each channel of each example around its own mean."""
    x = node.input(0)
    places = [x.held_axis(axis) for axis in range(2, x.rank)]
    shape = [1] * x.rank
    shape[x.held_axis(1)] = -1
    mean = tf.reduce_mean(x.held, places, keepdims=True)
    centred = x.held - mean
    variance = tf.reduce_mean(centred * centred, places, keepdims=True)
    scale, bias = (node.input(n).value.reshape(shape) for n in (1, 2))
    return x.like(centred / tf.sqrt(variance + np.float32(node.get("epsilon", 1e-5))) * scale + bias)


def lp_normalization(node: Node) -> Tensor:
    x = node.input(0)
    if node.get("p", 2) != 2:
        raise Unknown("p is not 2")
    return x.like(x.held / tf.sqrt(tf.reduce_sum(x.held * x.held, x.held_axis(node.get("axis", -1)), keepdims=True)))


def cumulated(node: Node) -> Tensor:
    x = node.input(0)
    axis = int(node.numbers(1)[0])
    options = {key: bool(node.get(key, 0)) for key in ("exclusive", "reverse")}
    return x.like(tf.cumsum(x.held, x.held_axis(axis), **options))


def norm(held: Any, axes: list[int], keepdims: bool) -> Any:
    return tf.sqrt(tf.reduce_sum(held * held, axes, keepdims=keepdims))


OPERATORS: dict[str, Operator] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Einsum": einsum,
    "ReduceMean": reduction(tf.reduce_mean),
    "ReduceSum": reduction(tf.reduce_sum),
    "ReduceMax": reduction(tf.reduce_max),
    "ReduceMin": reduction(tf.reduce_min),
    "ReduceProd": reduction(tf.reduce_prod),
    "ReduceL2": reduction(norm),
    "ReduceL1": reduction(lambda held, axes, keepdims: tf.reduce_sum(tf.abs(held), axes, keepdims=keepdims)),
    "ReduceSumSquare": reduction(lambda held, axes, keepdims: tf.reduce_sum(held * held, axes, keepdims=keepdims)),
    "ReduceLogSumExp": reduction(tf.reduce_logsumexp),
    "ReduceLogSum": reduction(lambda held, axes, keepdims: tf.math.log(tf.reduce_sum(held, axes, keepdims=keepdims))),
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "ArgMax": largest_index(tf.argmax),
    "ArgMin": largest_index(tf.argmin),
    "TopK": top_k,
    "InstanceNormalization": instance_normalization,
    "LpNormalization": lp_normalization,
    "CumSum": cumulated,
}
