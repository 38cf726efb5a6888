"""The Legendre Memory Unit, step by step and, where nothing in it recurs but the memory, all at once.

    u[t] = phi(W_x x[t] + W_h h[t-1] + W_m m[t-1])          q channels
    m[t] = m[t-1] Abar' + u[t] Bbar'                         a memory of order d for each channel
    h[t] = tanh(U m[t] + R h[t-1] + b  (+ V x[t]))           r units

Written from the equations of Voelker, Kajic, Eliasmith (2019), with q channels. A and B are constants, not weights.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from training.layers.legendre import ZOH, discretise, impulse_response

LINEAR, TANH = "linear", "tanh"


@keras.saving.register_keras_serializable(package="cry_monitor")
class LMUCell(keras.Layer):
    """One step of an LMU, for keras.layers.RNN: (batch, features), [h, m] -> (batch, units), [h, m].

    units: r. channels: q. order: d. theta: steps that the memory spans. discretisation: zoh or euler.
    input_activation: phi, tanh or linear. hidden_to_memory: W_h. memory_to_memory: W_m. hidden_to_hidden: R.
    input_to_hidden: V. Without W_h and R the state is [m] alone. m is (batch, channels * order), channel by channel.

    Raises ValueError when an argument cannot be.
    """

    def __init__(
        self,
        units: int,
        channels: int,
        order: int,
        theta: float,
        discretisation: str = ZOH,
        input_activation: str = TANH,
        hidden_to_memory: bool = True,
        memory_to_memory: bool = True,
        hidden_to_hidden: bool = True,
        input_to_hidden: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes(units, channels)
        if input_activation not in (LINEAR, TANH):
            raise ValueError(f"input_activation is {input_activation!r}, it must be {TANH} or {LINEAR}")
        self.units, self.channels, self.order, self.theta = units, channels, order, theta
        self.discretisation, self.input_activation = discretisation, input_activation
        self.hidden_to_memory, self.memory_to_memory = hidden_to_memory, memory_to_memory
        self.hidden_to_hidden, self.input_to_hidden = hidden_to_hidden, input_to_hidden
        self.a, self.b = discretise(order, theta, discretisation)
        self.keeps_hidden = hidden_to_memory or hidden_to_hidden
        memory_size = channels * order
        self.state_size = [units, memory_size] if self.keeps_hidden else [memory_size]
        self.output_size = units

    def build(self, input_shape: Any) -> None:
        features, memory_size = input_shape[-1], self.channels * self.order

        def weight(name: Any, rows: Any, columns: Any, initializer: Any) -> Any:
            return self.add_weight(shape=(rows, columns), initializer=initializer, name=name)

        self.input_kernel = weight("input_kernel", features, self.channels, "lecun_uniform")
        self.memory_kernel = weight("memory_kernel", memory_size, self.units, "glorot_uniform")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        if self.hidden_to_memory:
            self.hidden_to_memory_kernel = weight("hidden_to_memory", self.units, self.channels, "lecun_uniform")
        if self.memory_to_memory:
            self.memory_to_memory_kernel = weight("memory_to_memory", memory_size, self.channels, "zeros")
        if self.hidden_to_hidden:
            self.hidden_to_hidden_kernel = weight("hidden_to_hidden", self.units, self.units, "orthogonal")
        if self.input_to_hidden:
            self.input_to_hidden_kernel = weight("input_to_hidden", features, self.units, "glorot_uniform")
        self.built = True

    def get_initial_state(self, batch_size: Any = None) -> Any:
        """Zeros."""
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in self.state_size]

    def call(self, inputs: Any, states: Any, training: Any = None) -> Any:
        """One step; returns h and the new states."""
        hidden, memory = states if self.keeps_hidden else (None, states[0])
        u = ops.matmul(inputs, self.input_kernel)
        if self.hidden_to_memory:
            u += ops.matmul(hidden, self.hidden_to_memory_kernel)
        if self.memory_to_memory:
            u += ops.matmul(memory, self.memory_to_memory_kernel)
        if self.input_activation == TANH:
            u = ops.tanh(u)
        memory = self.remember(memory, u)
        new_hidden = ops.matmul(memory, self.memory_kernel) + self.bias
        if self.hidden_to_hidden:
            new_hidden += ops.matmul(hidden, self.hidden_to_hidden_kernel)
        if self.input_to_hidden:
            new_hidden += ops.matmul(inputs, self.input_to_hidden_kernel)
        new_hidden = ops.tanh(new_hidden)
        return new_hidden, [new_hidden, memory] if self.keeps_hidden else [memory]

    def remember(self, memory: Any, u: Any) -> Any:
        """m Abar' + u Bbar' of every channel at once: (batch, channels * order), (batch, channels)."""
        by_channel = ops.reshape(memory, (-1, self.order))
        kept = ops.matmul(by_channel, constant(self.a.T, self.compute_dtype))
        added = ops.matmul(ops.reshape(u, (-1, 1)), constant(self.b[None], self.compute_dtype))
        return ops.reshape(kept + added, (-1, self.channels * self.order))

    def get_config(self) -> dict[str, Any]:
        names: tuple[str, ...] = ("units", "channels", "order", "theta", "discretisation", "input_activation")
        names += ("hidden_to_memory", "memory_to_memory", "hidden_to_hidden", "input_to_hidden")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="cry_monitor")
class ParallelLMU(keras.layers.Layer):
    """An LMU with W_h = W_m = R = 0 and linear phi, without a loop: (batch, steps, features) -> (batch, units).

    What is left is linear in time: the memory is a convolution with a fixed kernel, its last value one product with
    a constant matrix. return_sequences: (batch, steps, units) instead. The number of steps must be fixed.

    Raises ValueError when an argument cannot be.
    """

    def __init__(
        self,
        units: int,
        channels: int,
        order: int,
        theta: float,
        discretisation: str = ZOH,
        return_sequences: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes(units, channels)
        discretise(order, theta, discretisation)  # refuses what cannot be, before anything is built
        self.units, self.channels, self.order, self.theta = units, channels, order, theta
        self.discretisation, self.return_sequences = discretisation, return_sequences

    def build(self, input_shape: Any) -> None:
        _, steps, features = input_shape
        if steps is None:
            raise ValueError("the number of steps is open, ParallelLMU needs it fixed: use RNN(LMUCell(...))")
        self.steps = steps
        self.response = impulse_response(self.order, self.theta, self.discretisation, steps)
        self.add_kernels(features, self.channels * self.order)
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.built = True

    def add_kernels(self, features: int, memory_size: int) -> None:
        """Add W_x and U."""
        self.input_kernel = self.add_weight(
            shape=(features, self.channels), initializer="lecun_uniform", name="input_kernel"
        )
        self.memory_kernel = self.add_weight(
            shape=(memory_size, self.units), initializer="glorot_uniform", name="memory_kernel"
        )

    def into_memory(self, features: Any) -> Any:
        """u of columns of features: (..., channels)."""
        return ops.matmul(features, self.input_kernel)

    def out_of_memory(self, memory: Any) -> Any:
        """U m: (..., units)."""
        return ops.matmul(memory, self.memory_kernel)

    def dense_kernels(self) -> tuple[Any, Any]:
        """W_x and U."""
        return self.input_kernel, self.memory_kernel

    @property
    def multiply_adds(self) -> tuple[int, int]:
        """Of one step's product with W_x, and of one with U."""
        return math.prod(self.input_kernel.shape), math.prod(self.memory_kernel.shape)

    def call(self, inputs: Any) -> Any:
        return self.answer(self.into_memory(inputs))

    def answer(self, u: Any) -> Any:
        """What comes out for what goes into the memory, (batch, steps, channels)."""
        by_channel = ops.transpose(u, (0, 2, 1))
        memory = self.every_memory(by_channel) if self.return_sequences else self.last_memory(by_channel)
        return ops.tanh(self.out_of_memory(memory) + self.bias)

    def last_memory(self, u: Any) -> Any:
        """(batch, channels, steps) -> (batch, channels * order) after the last step."""
        last = ops.matmul(u, constant(self.response[::-1], self.compute_dtype))
        return ops.reshape(last, (-1, self.channels * self.order))

    def every_memory(self, u: Any) -> Any:
        """(batch, channels, steps) -> (batch, steps, channels * order), after each step."""
        past = ops.pad(ops.reshape(u, (-1, self.steps, 1)), ((0, 0), (self.steps - 1, 0), (0, 0)))
        kernel = constant(self.response[::-1, None, :], self.compute_dtype)
        every = ops.conv(past, kernel, strides=1, padding="valid", data_format="channels_last")
        every = ops.reshape(every, (-1, self.channels, self.steps, self.order))
        every = ops.transpose(every, (0, 2, 1, 3))
        return ops.reshape(every, (-1, self.steps, self.channels * self.order))

    def compute_output_shape(self, input_shape: Any) -> Any:
        batch, steps, _ = input_shape
        return (batch, steps, self.units) if self.return_sequences else (batch, self.units)

    def recurrent(self) -> keras.layers.RNN:
        """The same layer step by step, with the same weights."""
        cell = LMUCell(
            self.units, self.channels, self.order, self.theta, self.discretisation, LINEAR,
            hidden_to_memory=False, memory_to_memory=False, hidden_to_hidden=False,
        )  # fmt: skip
        layer = keras.layers.RNN(cell, return_sequences=self.return_sequences, name=self.name)
        kernels = [ops.convert_to_numpy(kernel) for kernel in self.dense_kernels()]
        layer.build((None, self.steps, len(kernels[0])))
        cell.set_weights([*kernels, ops.convert_to_numpy(self.bias)])
        return layer

    def get_config(self) -> dict[str, Any]:
        names = ("units", "channels", "order", "theta", "discretisation", "return_sequences")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class WindowedLMU(keras.layers.Layer):
    """A built ParallelLMU on a window that moves with a stream: its answer for the latest `steps` columns.

    (1, n, features) new columns, (1, n) 1 for each that is valid, (1, steps, channels) what went into the memory for
    the columns so far, zeros where there are none yet -> (1, units), and that window moved on by the valid columns.
    Columns that are not valid come before all others or after them, never between.
    """

    def __init__(self, head: ParallelLMU, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.head = head

    def call(self, features: Any, valid: Any, window: Any) -> Any:
        n = features.shape[1]
        u = self.head.into_memory(features) * ops.reshape(valid, (1, n, 1))
        # By the place of the last valid column: before the first, the window is as empty as what is not valid.
        last = ops.max(valid * constant(np.arange(1, n + 1), self.compute_dtype))
        moved = ops.clip(ops.cast(last + 0.5, "int32"), 0, n)  # engines try a file on whatever is in memory
        kept = np.arange(self.head.steps, dtype=np.int32) + moved
        window = ops.take(ops.concatenate([window, u], axis=1), kept, axis=1)
        return self.head.answer(window), window

    def compute_output_shape(self, features_shape: Any, valid_shape: Any, window_shape: Any) -> Any:
        return (features_shape[0], self.head.units), window_shape


def constant(values: np.ndarray, dtype: str) -> Any:
    """A float64 constant in the precision that is computed in."""
    return ops.convert_to_tensor(np.ascontiguousarray(values), dtype=dtype)


def check_sizes(units: int, channels: int) -> None:
    """Raise ValueError for a layer of nothing."""
    if units < 1 or channels < 1:
        raise ValueError(f"units is {units} and channels is {channels}, each must be at least 1")
