"""RNN, GRU and LSTM, unrolled: a loop crashes TFLite's quantiser and is slow in every engine."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from export.convert.onnx_to_keras.node import Node, Operator
from export.convert.onnx_to_keras.tensor import Tensor, Unknown, plain

MAX_UNROLLED_STEPS = 400
PARTS = {"RNN": 1, "GRU": 3, "LSTM": 4}  # gates
USUAL = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
Cell = Callable[[Any, Any, Any], tuple[Any, Any]]  # what the input gives (N, gates * H), h, c -> h, c


def recurrent(node: Node) -> list[Tensor]:
    """Outputs Y (T, directions, N, H), its last, and of an LSTM the last cell state."""
    x = node.input(0).plain
    steps, batch = int(x.shape[0]), int(x.shape[1])
    check(node, steps)
    hidden = node.get("hidden_size")
    directions = {"forward": (1,), "reverse": (-1,), "bidirectional": (1, -1)}[node.get("direction", "forward")]
    every, last, last_cells = [], [], []
    for number, way in enumerate(directions):
        h, c = (beginning(node, index, number, batch, hidden) for index in (5, 6))
        cell, projected = cell_of(node, number, x, hidden)
        outputs = []
        for step in range(steps)[::way]:
            h, c = cell(projected[step], h, c)
            outputs.append(h)
        every.append(outputs[::way])
        last.append(h)
        last_cells.append(c)
    sequence = tf.stack([tf.stack(outputs, 0) for outputs in every], 1)
    results = [plain(sequence), plain(tf.stack(last, 0))]
    return [*results, plain(tf.stack(last_cells, 0))] if node.operator == "LSTM" else results


def check(node: Node, steps: int) -> None:
    """Raise Unknown for what is not known of such a layer."""
    usual = USUAL[node.operator] * (2 if node.get("direction") == "bidirectional" else 1)
    activations = [a.decode() if isinstance(a, bytes) else a for a in node.get("activations", usual)]
    if steps > MAX_UNROLLED_STEPS:
        raise Unknown(f"it has {steps} steps, and at most {MAX_UNROLLED_STEPS} are unrolled: stream it step by step")
    if activations != usual:
        raise Unknown(f"its activations are {', '.join(activations)}, only {', '.join(usual)} are known")
    if node.get("clip") or node.get("layout", 0) or node.get("input_forget", 0) or node.optional(7):
        raise Unknown("a clip, layout 1, coupled gates and peepholes are not known of it")
    if node.optional(4) is not None and set(node.numbers(4)) != {steps}:
        raise Unknown("sequences shorter than its input are not known of it")


def beginning(node: Node, index: int, direction: int, batch: int, hidden: int) -> Any:
    """A first state, (N, H)."""
    given = node.optional(index)
    return np.zeros((batch, hidden), np.float32) if given is None else given.plain[direction]


def cell_of(node: Node, direction: int, x: Any, hidden: int) -> tuple[Cell, list[Any]]:
    """One step of a layer, and what its input gives at every step, in one product for all."""
    gates = PARTS[node.operator]
    weights, recurrence = (node.input(n).value[direction].T.astype(np.float32) for n in (1, 2))
    given = node.optional(3)
    bias = np.zeros(2 * gates * hidden, np.float32) if given is None else given.value[direction]
    of_input, of_state = np.split(bias, 2)
    resets_before = node.operator == "GRU" and not node.get("linear_before_reset", 0)
    if node.operator != "GRU" or resets_before:
        of_input, of_state = of_input + of_state, np.zeros_like(of_state)
    steps, batch, width = (int(n) for n in x.shape)
    projected = tf.matmul(tf.reshape(x, [steps * batch, width]), weights) + of_input
    projected = tf.unstack(tf.reshape(projected, [steps, batch, gates * hidden]), axis=0)
    make = {"RNN": rnn_cell, "LSTM": lstm_cell, "GRU": gru_cell_before if resets_before else gru_cell}[node.operator]
    return make(recurrence, of_state), projected


def rnn_cell(recurrence: Any, _: Any) -> Cell:
    def step(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        return tf.tanh(x + tf.matmul(h, recurrence)), c

    return step


def lstm_cell(recurrence: Any, _: Any) -> Cell:
    """ONNX's gates are input, output, forget, cell."""

    def step(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        i, o, f, g = tf.split(x + tf.matmul(h, recurrence), 4, -1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    return step


def gru_cell(recurrence: Any, bias: Any) -> Cell:
    """PyTorch's: the reset gate weighs the product with the state. ONNX's gates are update, reset, new."""

    def step(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        xz, xr, xn = tf.split(x, 3, -1)
        hz, hr, hn = tf.split(tf.matmul(h, recurrence) + bias, 3, -1)
        z, r = tf.sigmoid(xz + hz), tf.sigmoid(xr + hr)
        return (1.0 - z) * tf.tanh(xn + r * hn) + z * h, c

    return step


def gru_cell_before(recurrence: Any, _: Any) -> Cell:
    """The paper's: the reset gate weighs the state."""
    gates, new = np.split(recurrence, [2 * recurrence.shape[1] // 3], axis=1)

    def step(x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        xz, xr, xn = tf.split(x, 3, -1)
        hz, hr = tf.split(tf.matmul(h, gates), 2, -1)
        z, r = tf.sigmoid(xz + hz), tf.sigmoid(xr + hr)
        return (1.0 - z) * tf.tanh(xn + tf.matmul(r * h, new)) + z * h, c

    return step


OPERATORS: dict[str, Operator] = dict.fromkeys(PARTS, recurrent)
