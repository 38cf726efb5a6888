"""Dense, LSTM and GRU layers whose matrices are tensor trains: a few thousand numbers instead of millions.

C. C. Onu's medical audio thesis, chapter on compression. Products go from core to core, of reshapes, transpositions and
matrix products alone; the matrix itself is never made. The functions are Keras' own, gates in Keras' order, so that a
trained dense layer becomes one of these by the singular values of its kernels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from edge.errors import UserError
from training.layers.factorisation import TensorTrain, initial_deviation, tensor_train, tt_svd

CONCATENATED, SEPARATE, GATE_CORE = "concatenated", "separate", "gate_core"
GATES = (CONCATENATED, SEPARATE, GATE_CORE)
LSTM_GATES, GRU_GATES = 4, 3


@keras.saving.register_keras_serializable(package="cry_monitor")
class TTDense(keras.layers.Layer):
    """A dense layer over the last axis, its kernel a tensor train: (..., features) -> (..., units).

    cores, rank, rows, columns: as of tensor_train(). use_bias: b is added; activation: a name that Keras knows.
    """

    def __init__(
        self,
        units: int,
        cores: int,
        rank: int | Sequence[int],
        rows: Sequence[int] = (),
        columns: Sequence[int] = (),
        use_bias: bool = True,
        activation: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.cores, self.use_bias = units, cores, use_bias
        self.rank = rank if isinstance(rank, int) else tuple(rank)
        self.rows, self.columns = tuple(rows), tuple(columns)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        self.train = tensor_train(features, self.units, self.cores, self.rank, self.rows, self.columns)
        normal = keras.initializers.RandomNormal(stddev=initial_deviation(features, self.units, self.train))
        self.core_matrices = [
            self.add_weight(shape=(left * n, m * right), initializer=normal.clone(), name=f"core_{k}")
            for k, (left, n, m, right) in enumerate(self.train.cores, start=1)
        ]
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias") if self.use_bias else None
        self.built = True

    def call(self, inputs: Any) -> Any:
        outputs = contract(inputs, self.core_matrices, self.train)
        return self.activation(outputs + self.bias if self.use_bias else outputs)

    def dense_kernel(self) -> Any:
        """The kernel (features, units) that the cores stand for; gradients go through it to the cores."""
        return materialised(self.core_matrices, self.train)

    def take_kernel(self, kernel: np.ndarray) -> None:
        """Become the nearest to a dense kernel (features, units)."""
        for weight, core in zip(self.core_matrices, tt_svd(kernel, self.train), strict=True):
            weight.assign(core.reshape(weight.shape))

    @property
    def multiply_adds(self) -> int:
        """Of one vector."""
        return self.train.multiply_adds

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        names = ("units", "cores", "rank", "rows", "columns", "use_bias")
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "activation": activation}


def contract(inputs: Any, matrices: Sequence[Any], train: TensorTrain) -> Any:
    """inputs (..., N) times the matrix: (..., M), core by core.

    matrices: each core as (r n, m r'). The state is (vectors and columns done, r n, rows to come).
    """
    leading, rest = inputs.shape[:-1], math.prod(train.rows)
    state = inputs
    for k, ((left, n, m, right), matrix) in enumerate(zip(train.cores, matrices, strict=True)):
        rest //= n
        state = ops.transpose(ops.reshape(state, (-1, left * n, rest)), (0, 2, 1))
        state = ops.reshape(ops.matmul(ops.reshape(state, (-1, left * n)), matrix), (-1, rest, m, right))
        if k < len(train.rows) - 1:
            state = ops.transpose(state, (0, 2, 3, 1))  # the bond beside the next rows
    fixed = [-1 if size is None else size for size in leading]
    return ops.reshape(state, (*(fixed if fixed.count(-1) < 2 else ops.shape(inputs)[:-1]), math.prod(train.columns)))


def materialised(matrices: Sequence[Any], train: TensorTrain) -> Any:
    """The matrix (N, M) of its cores."""
    (_, n, m, right), *others = train.cores
    whole = ops.reshape(matrices[0], (n * m, right))
    done_rows, done_columns = n, m
    for (left, n, m, right), matrix in zip(others, matrices[1:], strict=True):
        whole = ops.reshape(ops.matmul(whole, ops.reshape(matrix, (left, n * m * right))), (-1, m * right))
        whole = ops.reshape(whole, (done_rows, done_columns, n, m * right))
        whole = ops.transpose(whole, (0, 2, 1, 3))
        done_rows, done_columns = done_rows * n, done_columns * m
        whole = ops.reshape(whole, (done_rows * done_columns, right))
    return ops.reshape(whole, (done_rows, done_columns))


class TTCell(keras.Layer):
    """What both recurrent cells share: an input and a recurrent matrix for all gates.

    gates: concatenated, one tensor train whose columns are the gates side by side; separate, one for each gate;
    gate_core, one with a first core of its own (1, 1, gates, r) that chooses the gate.
    rows_in, rows_hidden, columns: the factors of features, of units, and of a matrix' columns.
    """

    n_gates: int

    def __init__(
        self,
        units: int,
        cores: int,
        rank: int | Sequence[int],
        gates: str = CONCATENATED,
        rows_in: Sequence[int] = (),
        rows_hidden: Sequence[int] = (),
        columns: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if gates not in GATES:
            raise UserError(f"gates is {gates!r}, it must be one of {', '.join(GATES)}")
        self.units, self.cores, self.gates = units, cores, gates
        self.rank = rank if isinstance(rank, int) else tuple(rank)
        self.rows_in, self.rows_hidden, self.columns = tuple(rows_in), tuple(rows_hidden), tuple(columns)
        self.state_size: Any = units
        self.output_size = units

    def build(self, input_shape: Any) -> None:
        self.from_input = self.matrices("input", input_shape[-1], self.rows_in)
        self.from_hidden = self.matrices("hidden", self.units, self.rows_hidden)
        self.add_biases()
        self.built = True

    def add_biases(self) -> None:
        """Add the weights that are no matrices."""
        raise NotImplementedError

    def matrices(self, name: str, features: int, rows: Sequence[int]) -> list[TTDense]:
        """The matrix of all gates, or one of each."""
        units, cores, columns, rank = self.units * self.n_gates, self.cores, self.columns, self.rank
        if self.gates == SEPARATE:
            units = self.units
        elif self.gates == GATE_CORE:
            even = tensor_train(features, self.units, cores, 1, rows, columns)  # refuses what does not multiply
            rows, columns, cores = (1, *even.rows), (self.n_gates, *even.columns), cores + 1
            rank = rank if isinstance(rank, int) else (rank[0], *rank)
        made = []
        for number in range(self.n_gates if self.gates == SEPARATE else 1):
            dense = TTDense(
                units, cores, rank, rows, columns, use_bias=False, dtype=self.dtype_policy, name=f"{name}_{number}"
            )
            dense.build((None, features))
            made.append(dense)
        return made

    def product(self, denses: list[TTDense], inputs: Any) -> Any:
        """(batch, features) -> (batch, gates * units)."""
        parts = [dense(inputs) for dense in denses]
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)

    def dense_kernels(self) -> tuple[Any, Any]:
        """The input kernel and the recurrent kernel as dense matrices, in Keras' order of gates."""
        both = [[dense.dense_kernel() for dense in denses] for denses in (self.from_input, self.from_hidden)]
        kernels = [own[0] if len(own) == 1 else ops.concatenate(own, axis=-1) for own in both]
        return kernels[0], kernels[1]

    def take_kernels(self, kernel: np.ndarray, recurrent_kernel: np.ndarray) -> None:
        """Become the nearest to the kernels of a dense cell."""
        for denses, dense_kernel in ((self.from_input, kernel), (self.from_hidden, recurrent_kernel)):
            for dense, part in zip(denses, np.split(dense_kernel, len(denses), axis=1), strict=True):
                dense.take_kernel(part)

    @property
    def multiply_adds(self) -> int:
        """Of one step."""
        return sum(dense.multiply_adds for dense in (*self.from_input, *self.from_hidden))

    def get_initial_state(self, batch_size: Any = None) -> Any:
        """Zeros."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def get_config(self) -> dict[str, Any]:
        names = ("units", "cores", "rank", "gates", "rows_in", "rows_hidden", "columns")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="cry_monitor")
class TTLSTMCell(TTCell):
    """One step of an LSTM for keras.layers.RNN: (batch, features), [h, c] -> (batch, units), [h, c].

    Gates i, f, g, o as Keras has them, one bias of 4 units, of which the forget gate's begin at 1.
    """

    n_gates = LSTM_GATES

    def __init__(self, units: int, *arguments: Any, **kwargs: Any) -> None:
        super().__init__(units, *arguments, **kwargs)
        self.state_size = [units, units]

    def add_biases(self) -> None:
        """The bias of all gates."""
        ones = np.r_[np.zeros(self.units), np.ones(self.units), np.zeros(2 * self.units)]

        def forgetful(shape: Any, dtype: Any = None) -> Any:
            return ops.convert_to_tensor(ones, dtype=dtype)

        self.bias = self.add_weight(shape=(self.n_gates * self.units,), initializer=forgetful, name="bias")

    def call(self, inputs: Any, states: Any, training: Any = None) -> Any:
        """One step; returns h and the new states."""
        hidden, cell = states
        z = self.product(self.from_input, inputs) + self.product(self.from_hidden, hidden) + self.bias
        i, f, g, o = ops.split(z, self.n_gates, axis=-1)
        cell = ops.sigmoid(f) * cell + ops.sigmoid(i) * ops.tanh(g)
        hidden = ops.sigmoid(o) * ops.tanh(cell)
        return hidden, [hidden, cell]


@keras.saving.register_keras_serializable(package="cry_monitor")
class TTGRUCell(TTCell):
    """One step of a GRU for keras.layers.RNN: (batch, features), [h] -> (batch, units), [h].

    Gates z, r, h as Keras has them, reset after the product: a bias of 3 units, and one of 1 inside the reset.
    """

    n_gates = GRU_GATES

    def add_biases(self) -> None:
        """The bias of all gates, and of what the reset gate lets through."""
        self.bias = self.add_weight(shape=(self.n_gates * self.units,), initializer="zeros", name="bias")
        self.reset_bias = self.add_weight(shape=(self.units,), initializer="zeros", name="reset_bias")

    def call(self, inputs: Any, states: Any, training: Any = None) -> Any:
        """One step; returns h and the new states."""
        hidden = states[0]
        x_z, x_r, x_h = ops.split(self.product(self.from_input, inputs) + self.bias, self.n_gates, axis=-1)
        h_z, h_r, h_h = ops.split(self.product(self.from_hidden, hidden), self.n_gates, axis=-1)
        z = ops.sigmoid(x_z + h_z)
        new = ops.tanh(x_h + ops.sigmoid(x_r + h_r) * (h_h + self.reset_bias))
        hidden = z * hidden + (1 - z) * new
        return hidden, [hidden]


@keras.saving.register_keras_serializable(package="cry_monitor")
class FusedTT(keras.layers.RNN):
    """keras.layers.RNN of a TT cell, from a zero state to the last output; its kernels are made once on PyTorch.

    For training alone: as fast as the dense layer, the same weights and the same gradients of the cores.
    """

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """sequences: (batch, steps, features)."""
        if keras.backend.backend() != "torch":
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        import torch

        cell = self.cell
        state = sequences.new_zeros(1, sequences.shape[0], cell.units)
        kernels = [kernel.T for kernel in cell.dense_kernels()]
        bias = cell.bias.value
        if isinstance(cell, TTLSTMCell):
            weights = [*kernels, bias, torch.zeros_like(bias)]
            return torch._VF.lstm(sequences, (state, state), weights, True, 1, 0.0, False, False, True)[1][0]

        def reordered(gates: Any) -> Any:  # Keras has z, r, h; PyTorch r, z, n
            z, r, h = torch.chunk(gates, GRU_GATES)
            return torch.cat([r, z, h])

        inner = torch.cat([torch.zeros_like(bias)[: 2 * cell.units], cell.reset_bias.value])
        weights = [reordered(each) for each in (*kernels, bias, inner)]
        return torch._VF.gru(sequences, state, weights, True, 1, 0.0, False, False, True)[1][0]
