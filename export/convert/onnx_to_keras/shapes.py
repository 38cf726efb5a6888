"""Operators that move numbers and compute none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import tensorflow as tf

from export.convert.onnx_to_keras.node import Node, Operator
from export.convert.onnx_to_keras.tensor import Tensor, Unknown, plain, ranked

MOST_SLICED = 5  # axes
PAD_MODES = {"constant": "CONSTANT", "reflect": "REFLECT"}


def reshape(node: Node) -> Tensor:
    x = node.input(0)
    shape = [int(n) for n in node.numbers(1, "shape")]
    shape = [x.shape[i] if n == 0 and not node.get("allowzero", 0) else n for i, n in enumerate(shape)]
    return plain(tf.reshape(x.plain, shape))


def flatten(node: Node) -> Tensor:
    x = node.input(0)
    axis = node.get("axis", 1)
    front = int(np.prod(x.shape[: axis if axis >= 0 else axis + x.rank]))
    return plain(tf.reshape(x.plain, [front, -1]))


def transpose(node: Node) -> Tensor:
    """Costs nothing: the axes are counted in another order."""
    x = node.input(0)
    moves = node.get("perm", list(range(x.rank))[::-1])
    return Tensor(x.held, tuple(x.order[axis] for axis in moves))


def squeeze(node: Node) -> Tensor:
    x = node.input(0)
    axes = node.numbers(1, "axes", [axis for axis, n in enumerate(x.shape) if n == 1])
    axes = {int(axis) % x.rank for axis in axes}
    held = tf.squeeze(x.held, [x.order[axis] for axis in axes])
    return Tensor(held, ranked([place for axis, place in enumerate(x.order) if axis not in axes]))


def unsqueeze(node: Node) -> Tensor:
    """A new axis lies before the one that ONNX has behind it, so that a channel axis stays where it is."""
    x = node.input(0)
    axes = node.numbers(1, "axes")
    held, order = x.held, list(x.order)
    for axis in sorted(int(axis) % (x.rank + len(axes)) for axis in axes):
        place = order[axis] if axis < len(order) else len(order)
        held = np.expand_dims(held, place) if x.is_constant else tf.expand_dims(held, place)
        order = [n + (n >= place) for n in order]
        order.insert(axis, place)
    return Tensor(held, tuple(order))


def concat(node: Node) -> Tensor:
    tensors = [tensor for tensor in node.inputs if tensor is not None]
    first = next((tensor for tensor in tensors if not tensor.is_constant), tensors[0])
    return first.like(tf.concat([t.in_order(first.order) for t in tensors], first.held_axis(node.get("axis"))))


def split(node: Node) -> list[Tensor]:
    x = node.input(0)
    axis = node.get("axis", 0)
    size, n = x.shape[axis], len(node.proto.output)
    each = -(-size // n)
    sizes = node.numbers(1, "split", [each] * (n - 1) + [size - each * (n - 1)])
    return [x.like(part) for part in tf.split(x.held, [int(s) for s in sizes], x.held_axis(axis))]


def slices(node: Node) -> Tensor:
    x = node.input(0)
    starts, ends = node.numbers(1, "starts"), node.numbers(2, "ends")
    axes = node.numbers(3, "axes", list(range(len(starts))))
    by = node.numbers(4, None, [1] * len(starts))
    cut = [slice(None)] * x.rank
    for start, end, axis, step in zip(starts, ends, axes, by, strict=True):
        first, last, step = slice(int(start), int(end), int(step)).indices(x.shape[int(axis)])
        cut[x.held_axis(int(axis))] = slice(first, None if last < 0 else last, step)
    return x.like(sliced(x.held, cut))


def sliced(held: Any, cuts: Sequence[slice]) -> Any:
    """A part of each axis. Of more than five, TFLite slices one at a time, the others taken together."""
    if isinstance(held, np.ndarray) or len(held.shape) <= MOST_SLICED:
        return held[tuple(cuts)]
    for place, cut in enumerate(cuts):
        if cut != slice(None):
            shape = [int(n) for n in held.shape]
            front, back = shape[:place], shape[place + 1 :]
            part = tf.reshape(held, [int(np.prod(front)), shape[place], int(np.prod(back))])[:, cut]
            held = tf.reshape(part, [*front, part.shape[1], *back])
    return held


def gather(node: Node) -> Tensor:
    x, indices = node.input(0), node.input(1)
    axis = node.get("axis", 0) % x.rank
    if indices.is_constant:
        wanted = np.where(indices.value < 0, indices.value + x.shape[axis], indices.value).astype(np.int32)
        if wanted.size == 1 and wanted.ndim < 2:  # a slice, which every engine has
            place = x.held_axis(axis)
            one = slice(int(wanted.ravel()[0]), int(wanted.ravel()[0]) + 1)
            cut = sliced(x.held, [one if n == place else slice(None) for n in range(x.rank)])
            left = [n for n in x.order if n != place]
            return x.like(cut) if wanted.ndim else Tensor(tf.squeeze(cut, place), ranked(left))
    else:
        wanted = tf.cast(indices.plain, tf.int32)
    return plain(tf.gather(x.plain, wanted, axis=axis))


def gather_nd(node: Node) -> Tensor:
    """By indices along several axes at once; known ones are counted through, so that it is a gather along one."""
    x, indices, n_batch = node.input(0), node.input(1), node.get("batch_dims", 0)
    if n_batch or not indices.is_constant:
        return plain(tf.gather_nd(x.plain, tf.cast(indices.plain, tf.int32), n_batch))
    depth = indices.shape[-1]
    sizes = x.shape[:depth]
    each = [np.where(i < 0, i + size, i) for i, size in zip(np.moveaxis(indices.value, -1, 0), sizes, strict=True)]
    flat = np.ravel_multi_index(each, sizes).astype(np.int32)
    return plain(tf.gather(tf.reshape(x.plain, [int(np.prod(sizes)), *x.shape[depth:]]), flat))


def pad(node: Node) -> Tensor:
    x, mode = node.input(0), node.get("mode", "constant")
    amounts = [int(n) for n in node.numbers(1, "pads")]
    axes = [int(axis) % x.rank for axis in node.numbers(3, None, list(range(x.rank)))]
    pairs = [(0, 0)] * x.rank
    for n, axis in enumerate(axes):
        pairs[x.order[axis]] = (amounts[n], amounts[n + len(axes)])
    held = x.held
    if any(n < 0 for pair in pairs for n in pair):
        ends = [size + min(0, after) for size, (_, after) in zip(held.shape, pairs, strict=True)]
        held = held[tuple(slice(max(0, -before), end) for end, (before, _) in zip(ends, pairs, strict=True))]
        pairs = [(max(0, before), max(0, after)) for before, after in pairs]
    if mode == "edge":
        return x.like(repeat_edges(held, pairs))
    if mode not in PAD_MODES:
        raise Unknown(f"mode {mode} is not known of it")
    number = (node.numbers(2, "value", [0.0]) if node.optional(2) else [node.get("value", 0.0)]) or [0.0]
    return x.like(tf.pad(held, pairs, PAD_MODES[mode], constant_values=tf.cast(number[0], held.dtype)))


def repeat_edges(held: Any, pairs: Sequence[tuple[int, int]]) -> Any:
    """The numbers at each end of an axis, so many times more."""
    for axis, (before, after) in enumerate(pairs):
        parts = [held]
        for count, end in ((before, slice(0, 1)), (after, slice(-1, None))):
            edge = held[(slice(None),) * axis + (end,)]
            parts = [edge] * count + parts if end.start == 0 else parts + [edge] * count
        held = tf.concat(parts, axis) if len(parts) > 1 else held
    return held


def expand(node: Node) -> Tensor:
    x = node.input(0).plain
    shape = np.broadcast_shapes(tuple(int(n) for n in x.shape), tuple(int(n) for n in node.numbers(1)))
    return plain(tf.broadcast_to(x, shape))


def tile(node: Node) -> Tensor:
    x = node.input(0)
    times = [1] * x.rank
    for axis, count in enumerate(node.numbers(1)):
        times[x.order[axis]] = int(count)
    return x.like(tf.tile(x.held, times))


def shape_of(node: Node) -> Tensor:
    return plain(np.array(node.input(0).shape, np.int64)[node.get("start", 0) : node.get("end", None)])


def constant(node: Node) -> Tensor:
    for name, value in node.attributes.items():
        if name == "value":
            return plain(onnx.numpy_helper.to_array(value))
        if name in ("value_float", "value_floats", "value_int", "value_ints"):
            return plain(np.array(value, np.float32 if "float" in name else np.int64))
    raise Unknown("it holds neither numbers nor a tensor")


def constant_of_shape(node: Node) -> Tensor:
    value = node.get("value")
    number = onnx.numpy_helper.to_array(value).ravel()[0] if value is not None else np.float32(0)
    return plain(np.full([int(n) for n in node.numbers(0)], number))


def depth_to_space(node: Node) -> Tensor:
    """As reshapes of (batch, channels, height, width)."""
    n, channels, height, width = node.input(0).shape
    size = node.get("blocksize")
    x, depth = node.input(0).plain, channels // size**2
    if node.get("mode", "DCR") == "DCR":
        parts = tf.transpose(tf.reshape(x, [n, size, size, depth, height, width]), [0, 3, 4, 1, 5, 2])
    else:
        parts = tf.transpose(tf.reshape(x, [n, depth, size, size, height, width]), [0, 1, 4, 2, 5, 3])
    return plain(tf.reshape(parts, [n, depth, height * size, width * size]))


def space_to_depth(node: Node) -> Tensor:
    n, channels, height, width = node.input(0).shape
    size = node.get("blocksize")
    parts = tf.reshape(node.input(0).plain, [n, channels, height // size, size, width // size, size])
    parts = tf.transpose(parts, [0, 3, 5, 1, 2, 4])
    return plain(tf.reshape(parts, [n, channels * size**2, height // size, width // size]))


def trilu(node: Node) -> Tensor:
    x = node.input(0)
    k = int((node.numbers(1) or [0])[0])
    mask = np.ones(x.shape[-2:], np.float32)
    mask = np.triu(mask, k) if node.get("upper", 1) else np.tril(mask, k)
    return plain(x.plain * tf.cast(mask, x.held.dtype))


OPERATORS: dict[str, Operator] = {
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Concat": concat,
    "Split": split,
    "Slice": slices,
    "Gather": gather,
    "GatherND": gather_nd,
    "Pad": pad,
    "Expand": expand,
    "Tile": tile,
    "Constant": constant,
    "Shape": shape_of,
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Trilu": trilu,
}
