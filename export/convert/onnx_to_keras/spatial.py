"""Convolutions, poolings and resizing: what TensorFlow does with channels last."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from export.convert.onnx_to_keras.node import Node, Operator
from export.convert.onnx_to_keras.tensor import Tensor, Unknown, channels_last

Pads = list[tuple[int, int]]  # before and after, by spatial axis


def convolution(node: Node) -> Tensor:
    """1-D, 2-D or 3-D, in groups, dilated."""
    x, weights = node.input(0), node.input(1).value
    n_axes = x.rank - 2
    kernel, strides, dilations = weights.shape[2:], *steps(node, n_axes)
    held = x.in_order(channels_last(x.rank))
    pads = pads_of(node, x.shape[2:], kernel, strides, dilations)
    padding, held = padded(held, pads, x.shape[2:], kernel, strides, dilations)
    groups, channels = node.get("group", 1), x.shape[1]
    if n_axes == 2 and groups == channels > 1:
        shaped = weights.reshape(channels, -1, *kernel).transpose(2, 3, 0, 1)
        result = tf.nn.depthwise_conv2d(held, shaped, (1, *strides, 1), padding, dilations=dilations)
    else:
        shaped = weights.transpose(*range(2, weights.ndim), 1, 0)
        result = tf.nn.convolution(held, shaped, strides, padding, dilations=dilations)
    bias = node.optional(2)
    result = result if bias is None else tf.nn.bias_add(result, bias.value)
    return Tensor(result, channels_last(x.rank))


def transposed_convolution(node: Node) -> Tensor:
    """Every input spread over a kernel; what `pads` names is cut off."""
    x, weights = node.input(0), node.input(1).value
    n_axes = x.rank - 2
    kernel, strides, dilations = weights.shape[2:], *steps(node, n_axes)
    if n_axes != 2 or node.get("group", 1) != 1 or set(dilations) != {1} or "output_shape" in node.attributes:
        raise Unknown("only two axes, one group and no dilation are known of it")
    whole = [(n - 1) * s + k for n, s, k in zip(x.shape[2:], strides, kernel, strict=True)]
    shape = (x.shape[0], *whole, weights.shape[1])
    shaped = weights.transpose(2, 3, 1, 0)
    result = tf.nn.conv2d_transpose(x.in_order(channels_last(4)), shaped, shape, strides, "VALID")
    more = node.get("output_padding", [0] * n_axes)
    if any(more):
        result = tf.pad(result, [(0, 0), *((0, n) for n in more), (0, 0)])
    pads = given_pads(node, n_axes)
    ends = [size + extra - after for size, extra, (_, after) in zip(whole, more, pads, strict=True)]
    result = result[:, pads[0][0] : ends[0], pads[1][0] : ends[1], :]
    bias = node.optional(2)
    return Tensor(result if bias is None else tf.nn.bias_add(result, bias.value), channels_last(4))


def max_pool(node: Node) -> Tensor:
    """Padding is made of the numbers at the edge, which changes no maximum."""
    x, kernel, strides, dilations, pads = pooling(node)
    held = x.in_order(channels_last(x.rank))
    if set(dilations) != {1}:
        raise Unknown("dilation is not known of it")
    if any(before * 2 > k for (before, _), k in zip(pads, kernel, strict=True)):
        raise Unknown("it is padded by more than half of its window")
    padding = "SAME" if pads == same_pads(x.shape[2:], kernel, strides, dilations) else "VALID"
    if padding == "VALID" and any(map(any, pads)):
        fits = [(before, min(after, n)) for (before, after), n in zip(pads, x.shape[2:], strict=True)]
        held = tf.pad(held, [(0, 0), *fits, (0, 0)], "SYMMETRIC")
    return Tensor(tf.nn.max_pool(held, kernel, strides, padding), channels_last(x.rank))


def average_pool(node: Node) -> Tensor:
    """Over what is there, or with count_include_pad over zeros too."""
    x, kernel, strides, dilations, pads = pooling(node)
    held = x.in_order(channels_last(x.rank))
    given = given_pads(node, x.rank - 2) if node.get("auto_pad", "NOTSET") == "NOTSET" else pads
    counts_zeros = bool(node.get("count_include_pad", 0))
    if not any(map(any, pads)):
        return Tensor(tf.nn.avg_pool(held, kernel, strides, "VALID"), channels_last(x.rank))
    if not counts_zeros and pads == same_pads(x.shape[2:], kernel, strides, dilations):
        return Tensor(tf.nn.avg_pool(held, kernel, strides, "SAME"), channels_last(x.rank))
    result = tf.nn.avg_pool(tf.pad(held, [(0, 0), *pads, (0, 0)]), kernel, strides, "VALID")
    counted = counted_share(x.shape[2:], kernel, strides, pads, given if counts_zeros else [(0, 0)] * len(pads))
    return Tensor(result if (counted == 1).all() else result / counted[None, ..., None], channels_last(x.rank))


def counted_share(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], pads: Pads, zeros: Pads) -> Any:
    """Which share of each window counts: the input, and so many zeros around it."""
    share = np.ones(())
    for size, k, s, (before, after), (left, right) in zip(sizes, kernel, strides, pads, zeros, strict=True):
        counts = np.zeros(before + size + after)
        counts[before - left : before + size + right] = 1
        one = np.array([counts[i : i + k].mean() for i in range(0, len(counts) - k + 1, s)])
        share = share[..., None] * one
    return share.astype(np.float32)


def pooling(node: Node) -> tuple[Tensor, Sequence[int], Sequence[int], Sequence[int], Pads]:
    """Input, window, strides, dilations and pads, those of ceil_mode with them."""
    x, kernel = node.input(0), node.get("kernel_shape")
    strides, dilations = steps(node, x.rank - 2)
    pads = pads_of(node, x.shape[2:], kernel, strides, dilations)
    if node.get("ceil_mode", 0):
        for axis, (size, k, s) in enumerate(zip(x.shape[2:], kernel, strides, strict=True)):
            before, after = pads[axis]
            count = math.ceil((size + before + after - k) / s) + 1
            count -= (count - 1) * s >= size + before  # a window that begins in the padding is none
            pads[axis] = (before, max(after, (count - 1) * s + k - size - before))
    return x, kernel, strides, dilations, pads


def steps(node: Node, n_axes: int) -> tuple[list[int], list[int]]:
    """Strides and dilations."""
    return list(node.get("strides", [1] * n_axes)), list(node.get("dilations", [1] * n_axes))


def given_pads(node: Node, n_axes: int) -> Pads:
    """The attribute `pads`."""
    pads = node.get("pads", [0] * 2 * n_axes)
    return [(pads[axis], pads[axis + n_axes]) for axis in range(n_axes)]


def same_pads(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Pads:
    """What TensorFlow pads for "SAME"."""
    pads = []
    for size, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        total = max(0, (math.ceil(size / s) - 1) * s + (k - 1) * d + 1 - size)
        pads.append((total // 2, total - total // 2))
    return pads


def pads_of(
    node: Node, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Pads:
    """By attribute, or as auto_pad says."""
    auto = node.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", ""):
        return given_pads(node, len(sizes))
    if auto == "VALID":
        return [(0, 0)] * len(sizes)
    same = same_pads(sizes, kernel, strides, dilations)
    return same if auto == "SAME_UPPER" else [(after, before) for before, after in same]


def padded(held: Any, pads: Pads, sizes: Any, kernel: Any, strides: Any, dilations: Any) -> tuple[str, Any]:
    """TensorFlow's padding, and what is held with zeros around it where neither of its two is meant."""
    if not any(map(any, pads)):
        return "VALID", held
    if pads == same_pads(sizes, kernel, strides, dilations):
        return "SAME", held
    if any(n < 0 for pair in pads for n in pair):
        raise Unknown("it has negative pads")
    return "VALID", tf.pad(held, [(0, 0), *pads, (0, 0)])


def over_all(function: Any) -> Operator:
    """A pooling over every spatial axis."""

    def apply(node: Node) -> Tensor:
        x = node.input(0)
        return x.like(function(x.held, [x.held_axis(axis) for axis in range(2, x.rank)], keepdims=True))

    return apply


def resize(node: Node) -> Tensor:
    """To other sizes of two axes, nearest or linear."""
    x = node.input(0)
    sizes, scales = node.numbers(3), node.numbers(2) or node.numbers(1)
    if x.rank != 4:
        raise Unknown("only two axes are known of it")
    target = sizes or [math.floor(n * scale) for n, scale in zip(x.shape, scales, strict=True)]
    if tuple(target[:2]) != x.shape[:2]:
        raise Unknown("it resizes batch or channels")
    mode, places = node.get("mode", "nearest"), node.get("coordinate_transformation_mode", "half_pixel")
    places = "asymmetric" if node.operator == "Upsample" else places
    if places == "half_pixel" and mode == "nearest" and all(t % n == 0 for t, n in zip(target, x.shape, strict=True)):
        places = "asymmetric"  # the same where each number is repeated
    known = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")
    if mode not in ("nearest", "linear") or places not in known or (mode == "nearest" and places != "asymmetric"):
        raise Unknown(f"mode {mode} with {places} is not known of it")
    kernel = tf.raw_ops.ResizeBilinear if mode == "linear" else tf.raw_ops.ResizeNearestNeighbor
    result = kernel(
        images=x.in_order(channels_last(4)),
        size=np.array(target[2:], np.int32),
        align_corners=places == "align_corners",
        half_pixel_centers="half_pixel" in places,
    )
    return Tensor(result, channels_last(4))


OPERATORS: dict[str, Operator] = {
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": over_all(tf.reduce_mean),
    "GlobalMaxPool": over_all(tf.reduce_max),
    "Resize": resize,
    "Upsample": resize,
}
