"""Operators that treat each number alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from export.convert.onnx_to_keras.node import Node, Operator
from export.convert.onnx_to_keras.tensor import Tensor, Unknown, together, widened

TYPES = {1: tf.float32, 10: tf.float32, 11: tf.float32, 6: tf.int32, 7: tf.int64, 9: tf.bool}  # halves become float32


def of_one(function: Callable[[Any], Any]) -> Operator:
    """An operator of one input."""
    return lambda node: node.input(0).like(function(node.input(0).held))


def of_several(function: Callable[..., Any]) -> Operator:
    """An operator of inputs that are broadcast with each other, applied to two at a time."""

    def apply(node: Node) -> Tensor:
        held, order = together([tensor for tensor in node.inputs if tensor is not None])
        result = held[0]
        for other in held[1:]:
            result = function(result, other)
        return Tensor(result, order)

    return apply


def division(x: Any, y: Any) -> Any:
    """As ONNX divides: whole numbers towards zero."""
    return tf.truediv(x, y) if tf.as_dtype(x.dtype).is_floating else tf.cast(tf.truncatediv(x, y), x.dtype)


def mean(node: Node) -> Tensor:
    """Of several tensors."""
    total = of_several(tf.add)(node)
    assert isinstance(total, Tensor)
    return total.like(total.held / len(node.inputs))


def where(node: Node) -> Tensor:
    held, order = together([node.input(n) for n in range(3)])
    return Tensor(tf.where(*held), order)


def clip(node: Node) -> Tensor:
    low, high = (node.numbers(n, name, None) for n, name in ((1, "min"), (2, "max")))
    low, high = (None if n is None else np.float32(np.ravel(n)[0]) for n in (low, high))
    x = node.input(0).held
    if (low, high) in ((0, 6), (0, None)):  # an activation of TFLite's own
        return node.input(0).like(tf.nn.relu6(x) if high else tf.nn.relu(x))
    x = x if low is None else tf.maximum(x, tf.cast(low, x.dtype))
    return node.input(0).like(x if high is None else tf.minimum(x, tf.cast(high, x.dtype)))


def prelu(node: Node) -> Tensor:
    x = node.input(0)
    slope = widened(node.input(1), x.rank).in_order(x.order)
    return x.like(tf.nn.relu(x.held) - slope * tf.nn.relu(-x.held))


def gelu(node: Node) -> Tensor:
    x = node.input(0)
    return x.like(tf.nn.gelu(x.held, approximate=node.get("approximate", "none") == "tanh"))


def error_function(x: Any) -> Any:
    """By Abramowitz and Stegun 7.1.26, within 1.5e-7: TFLite has none."""
    t = 1.0 / (1.0 + 0.3275911 * tf.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return tf.sign(x) * (1.0 - series * tf.exp(-x * x))


def cast(node: Node) -> Tensor:
    kind = TYPES.get(node.get("to"))
    if kind is None:
        raise Unknown(f"it casts to ONNX type {node.get('to')}")
    x = node.input(0)
    if x.is_constant:
        return x.like(x.held.astype(kind.as_numpy_dtype))
    return x.like(tf.cast(x.held, kind))


def batch_normalization(node: Node) -> Tensor:
    """With known moments: a scale and a shift of each channel."""
    x = node.input(0)
    scale, shift, mean, variance = (node.input(n).value.astype(np.float64) for n in range(1, 5))
    factor = scale / np.sqrt(variance + node.get("epsilon", 1e-5))
    shape = [1] * x.rank
    shape[x.held_axis(1)] = -1
    offset = (shift - mean * factor).astype(np.float32).reshape(shape)
    return x.like(x.held * factor.astype(np.float32).reshape(shape) + offset)


def with_slope(function: Callable[[Any, float], Any], default: float) -> Operator:
    """An activation of one number, alpha."""
    return lambda node: node.input(0).like(function(node.input(0).held, node.get("alpha", default)))


def hard_sigmoid(node: Node) -> Tensor:
    x = node.input(0)
    return x.like(tf.minimum(tf.maximum(x.held * node.get("alpha", 0.2) + node.get("beta", 0.5), 0.0), 1.0))


OPERATORS: dict[str, Operator] = {
    **{name: of_one(tf.identity) for name in ("Identity", "Dropout")},
    "Relu": of_one(tf.nn.relu),
    "Sigmoid": of_one(tf.sigmoid),
    "Tanh": of_one(tf.tanh),
    "Softplus": of_one(lambda x: tf.maximum(x, 0.0) + tf.math.log1p(tf.exp(-tf.abs(x)))),
    "Softsign": of_one(lambda x: x / (1.0 + tf.abs(x))),
    "HardSwish": of_one(lambda x: x * tf.nn.relu6(x + 3.0) * np.float32(1 / 6)),
    "Mish": of_one(lambda x: x * tf.tanh(tf.maximum(x, 0.0) + tf.math.log1p(tf.exp(-tf.abs(x))))),
    "Selu": of_one(lambda x: 1.0507009873554805 * (tf.nn.relu(x) + 1.6732632423543772 * (tf.exp(-tf.nn.relu(-x)) - 1))),
    "LeakyRelu": with_slope(tf.nn.leaky_relu, 0.01),
    "Elu": with_slope(lambda x, a: tf.nn.elu(x) if a == 1 else tf.nn.relu(x) + a * (tf.exp(-tf.nn.relu(-x)) - 1), 1.0),
    "Celu": with_slope(lambda x, a: tf.nn.relu(x) + a * (tf.exp(-tf.nn.relu(-x) / a) - 1), 1.0),
    "ThresholdedRelu": with_slope(lambda x, a: tf.where(x > a, x, tf.zeros_like(x)), 1.0),
    "HardSigmoid": hard_sigmoid,
    "Gelu": gelu,
    "PRelu": prelu,
    "Clip": clip,
    "Cast": cast,
    "BatchNormalization": batch_normalization,
    "Reciprocal": of_one(lambda x: 1.0 / x),
    **{
        name: of_one(getattr(tf.math, name.lower()))
        for name in ("Abs", "Ceil", "Cos", "Exp", "Floor", "Log", "Round", "Sign", "Sin", "Sqrt", "Tan")
    },
    "Erf": of_one(error_function),
    "Neg": of_one(tf.negative),
    "Not": of_one(tf.logical_not),
    "IsNaN": of_one(tf.math.is_nan),
    "Add": of_several(tf.add),
    "Sum": of_several(tf.add),
    "Sub": of_several(tf.subtract),
    "Mul": of_several(tf.multiply),
    "Div": of_several(division),
    "Pow": of_several(lambda x, y: x * x if is_all(y, 2) else tf.sqrt(x) if is_all(y, 0.5) else tf.pow(x, same(y, x))),
    "Mod": of_several(tf.math.floormod),
    "Max": of_several(tf.maximum),
    "Min": of_several(tf.minimum),
    "Mean": mean,
    "And": of_several(tf.logical_and),
    "Or": of_several(tf.logical_or),
    "Equal": of_several(tf.equal),
    "Greater": of_several(tf.greater),
    "GreaterOrEqual": of_several(tf.greater_equal),
    "Less": of_several(tf.less),
    "LessOrEqual": of_several(tf.less_equal),
    "Where": where,
}


def is_all(values: Any, number: float) -> bool:
    """Whether a constant is that number everywhere."""
    return isinstance(values, np.ndarray) and bool((values == number).all())


def same(y: Any, x: Any) -> Any:
    """An exponent of the type of its base."""
    return tf.cast(y, x.dtype)
