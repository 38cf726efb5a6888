"""Exchange the dense, pointwise and recurrent layers of a Keras model for tensor trains of their kernels, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from edge.errors import UserError
from training.layers.attention import TransformerBlock
from training.layers.copies import take_weights
from training.layers.factorisation import tensor_train
from training.layers.lmu import ParallelLMU
from training.layers.tensor_train import CONCATENATED, TTDense, TTGRUCell, TTLSTMCell
from training.layers.tensor_train_lmu import TTParallelLMU

RECURRENT = (layers.LSTM, layers.GRU)


@dataclass(frozen=True)
class Recipe:
    """How layers are compressed. layers: names of those, none named: all that can be and become smaller.

    rows, columns: the factors of the sides of one layer's kernel, of a recurrent one's input kernel; none: even ones.
    """

    cores: int = 3
    rank: int = 2
    gates: str = CONCATENATED
    layers: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()


def tensorise(model: keras.Model, recipe: Recipe) -> keras.Model:
    """The model with tensor trains nearest to the kernels of its layers. Raises UserError when none can be one."""
    chosen = chosen_layers(model, recipe)

    def copied(layer: Any) -> Any:
        return tensorised(layer, recipe) if layer.name in chosen else layer.from_config(layer.get_config())

    return rebuilt(model, copied, take_kernels)


def densify(model: keras.Model) -> keras.Model:
    """The same function with dense kernels in place of tensor trains: larger, and often faster."""

    def copied(layer: Any) -> Any:
        if isinstance(layer, TTDense):
            return layers.Dense(
                layer.units, keras.activations.serialize(layer.activation), layer.use_bias, name=layer.name
            )
        if isinstance(layer, TransformerBlock):
            return TransformerBlock.from_config({**layer.get_config(), "cores": 0})
        if isinstance(layer, TTParallelLMU):
            config = layer.get_config()
            return ParallelLMU.from_config({k: v for k, v in config.items() if k not in ("cores", "rank")})
        if is_tensor_train(layer):
            kind = layers.LSTM if isinstance(layer.cell, TTLSTMCell) else layers.GRU
            return kind(layer.cell.units, return_sequences=layer.return_sequences, name=layer.name)
        return layer.from_config(layer.get_config())

    return rebuilt(model, copied, take_dense_kernels)


def rebuilt(model: keras.Model, copied: Callable[[Any], Any], take: Callable[[Any, Any], None]) -> keras.Model:
    """A copy of a functional model of copied(layer); take(new, old) gives a layer that changed its weights."""
    copy = keras.models.clone_model(model, clone_function=copied)
    for old, new in zip(model.layers, copy.layers, strict=True):
        if [weight.shape for weight in old.weights] == [weight.shape for weight in new.weights]:
            take_weights(new, old.get_weights())
        else:
            take(new, old)
    return copy


def chosen_layers(model: keras.Model, recipe: Recipe) -> set[str]:
    """Names of the layers that become tensor trains. Raises UserError for a name that cannot, or none at all."""
    possible = [layer.name for layer in model.layers if can_be_tensorised(layer)]
    for name in recipe.layers:
        if name not in possible:
            raise UserError(f"no layer {name!r} can become a tensor train, there are {', '.join(possible) or 'none'}")
    if (recipe.rows or recipe.columns) and len(recipe.layers) != 1:
        raise UserError(f"factors are of one layer, {len(recipe.layers)} are named: name one by --layer")
    if recipe.layers:
        return set(recipe.layers)
    smaller = {layer.name for layer in model.layers if layer.name in possible and becomes_smaller(layer, recipe)}
    if not smaller:
        raise UserError(
            f"no layer of {model.name} becomes smaller with {recipe.cores} cores of rank {recipe.rank}: "
            f"take a lower rank or a larger model"
        )
    return smaller


def can_be_tensorised(layer: Any) -> bool:
    """Whether there is a layer of tensor trains for it."""
    if isinstance(layer, layers.Conv2D):
        return is_pointwise(layer)
    if isinstance(layer, TransformerBlock):
        return layer.rank == 0 and layer.cores == 0
    if isinstance(layer, layers.GRU) and not layer.reset_after:
        return False
    return isinstance(layer, (layers.Dense, *RECURRENT)) or type(layer) is ParallelLMU


def is_pointwise(layer: Any) -> bool:
    """Whether a convolution is a dense layer at every place."""
    plain = type(layer) is layers.Conv2D and layer.kernel_size == (1, 1) and layer.groups == 1
    return plain and layer.strides == (1, 1) and layer.data_format == "channels_last"


def becomes_smaller(layer: Any, recipe: Recipe) -> bool:
    """Whether all its kernels together have fewer numbers as tensor trains."""
    kernels = [kernel.shape[-2:] for kernel in kernels_of(layer)]
    trains = [tensor_train(rows, columns, recipe.cores, recipe.rank) for rows, columns in kernels]
    return sum(train.parameters for train in trains) < sum(rows * columns for rows, columns in kernels)


def kernels_of(layer: Any) -> list[Any]:
    """The kernels that become tensor trains."""
    if isinstance(layer, TransformerBlock):
        return [dense.kernel for dense in layer.dense_layers]
    if isinstance(layer, RECURRENT):
        return [layer.cell.kernel, layer.cell.recurrent_kernel]
    if isinstance(layer, ParallelLMU):
        return list(layer.dense_kernels())
    return [layer.kernel]


def tensorised(layer: Any, recipe: Recipe) -> Any:
    """A new layer of tensor trains in place of this one."""
    shape, factors = (recipe.cores, recipe.rank), (recipe.rows, recipe.columns)
    if isinstance(layer, (TransformerBlock, ParallelLMU)) and factors != ((), ()):
        raise UserError(f"layer {layer.name!r} has several kernels of different sides: leave the factors out")
    if isinstance(layer, TransformerBlock):
        return TransformerBlock.from_config({**layer.get_config(), "cores": recipe.cores, "bond": recipe.rank})
    if isinstance(layer, ParallelLMU):
        return TTParallelLMU.from_config({**layer.get_config(), "cores": recipe.cores, "rank": recipe.rank})
    if isinstance(layer, RECURRENT):
        check_usual(layer)
        kind = TTLSTMCell if isinstance(layer, layers.LSTM) else TTGRUCell
        cell = kind(layer.units, *shape, recipe.gates, rows_in=recipe.rows, columns=recipe.columns)
        return layers.RNN(cell, return_sequences=layer.return_sequences, name=layer.name)
    units = layer.filters if isinstance(layer, layers.Conv2D) else layer.units
    activation = keras.activations.serialize(layer.activation)
    return TTDense(units, *shape, *factors, use_bias=layer.use_bias, activation=activation, name=layer.name)


def check_usual(layer: Any) -> None:
    """Raise UserError for a recurrent layer that computes something else than the cells of tensor trains."""
    usual = (layer.activation.__name__, layer.recurrent_activation.__name__, layer.use_bias)
    if usual != ("tanh", "sigmoid", True) or layer.go_backwards or layer.stateful:
        raise UserError(
            f"layer {layer.name!r} is not a usual LSTM or GRU (tanh, sigmoid, bias, forwards): leave it out"
        )


def is_tensor_train(layer: Any) -> bool:
    """Whether it is a recurrent layer of tensor trains."""
    return isinstance(layer, layers.RNN) and isinstance(getattr(layer, "cell", None), (TTLSTMCell, TTGRUCell))


def take_kernels(new: Any, old: Any) -> None:
    """Give a layer of tensor trains the kernels and biases of the layer that it stands for."""
    if isinstance(new, TransformerBlock):
        copy_block(new, old, lambda mine, theirs: mine.take_kernel(numbers(theirs.kernel)))
    elif isinstance(new, TTDense):
        new.take_kernel(numbers(old.kernel).reshape(old.kernel.shape[-2:]))
        if new.use_bias:
            new.bias.assign(old.bias)
    elif isinstance(new, TTParallelLMU):
        new.take_kernels(*(numbers(kernel) for kernel in old.dense_kernels()))
        new.bias.assign(old.bias)
    else:
        new.cell.take_kernels(numbers(old.cell.kernel), numbers(old.cell.recurrent_kernel))
        take_bias(new.cell, old.cell.bias)


def take_bias(cell: Any, bias: Any) -> None:
    """The biases of a dense cell; a GRU's (2, 3 units) add up but for the one inside the reset."""
    if isinstance(cell, TTLSTMCell):
        cell.bias.assign(bias)
        return
    of_input, of_hidden = numbers(bias)
    inside = of_hidden[2 * cell.units :]
    outside = of_hidden.copy()
    outside[2 * cell.units :] = 0
    cell.bias.assign(of_input + outside)
    cell.reset_bias.assign(inside)


def take_dense_kernels(new: Any, old: Any) -> None:
    """Give a dense layer the kernels that tensor trains stand for."""
    if isinstance(new, TransformerBlock):
        copy_block(new, old, lambda mine, theirs: mine.kernel.assign(theirs.dense_kernel()))
    elif isinstance(new, ParallelLMU):
        new.set_weights([*(numbers(kernel) for kernel in old.dense_kernels()), numbers(old.bias)])
    elif isinstance(new, layers.Dense):
        new.set_weights([numbers(old.dense_kernel()), *([numbers(old.bias)] if old.use_bias else [])])
    else:
        bias = numbers(old.cell.bias)
        if isinstance(old.cell, TTGRUCell):
            inner = 0 * bias
            inner[2 * old.cell.units :] = numbers(old.cell.reset_bias)
            bias = ops.stack([bias, inner])
        new.set_weights([*(numbers(kernel) for kernel in old.cell.dense_kernels()), numbers(bias)])


def copy_block(new: TransformerBlock, old: TransformerBlock, take: Callable[[Any, Any], None]) -> None:
    """Copy norms and biases of a block, and by take(mine, theirs) the kernels."""
    new.norm_1.set_weights(old.norm_1.get_weights())
    new.norm_2.set_weights(old.norm_2.get_weights())
    for mine, theirs in zip(new.dense_layers, old.dense_layers, strict=True):
        take(mine, theirs)
        mine.bias.assign(theirs.bias)


def numbers(weight: Any) -> Any:
    """A weight as a NumPy array."""
    return ops.convert_to_numpy(weight)
