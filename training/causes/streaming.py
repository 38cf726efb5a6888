"""A trained cause model taken apart for a stream: each call costs only its new columns.

Streaming is equal to the batch of the same columns: nothing is known before the first and after the last one, and
the convolutions see zeros there, as `same` padding has it. A column's features need one more column on each side per
convolution, so what comes out is `delay` columns late; finishing a stream takes `delay` columns that are not valid.

The step models have batch 1 and named inputs and outputs. `columns` (1, n, rows, 1) and `valid` (1, n): 1 for a
column that is there, 0 for one before the beginning or after the end. Every input `state_...` is zero at first, then
what the output `new_state_...` gave. Columns that are not valid may hold anything finite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from edge.errors import UserError
from training.causes.architecture import TRANSFORMER
from training.causes.model import HEAD_PREFIX, LOGITS, SEQUENCE
from training.layers.lmu import ParallelLMU, WindowedLMU

EDGE = 1  # columns that a 3-wide convolution needs on each side
COLUMNS_INPUT, VALID_INPUT = "columns", "valid"
ENCODED, ENCODED_VALID = "encoded", "encoded_valid"
STATE, NEW = "state_", "new_"  # an ONNX graph may not give an input's name to an output


@dataclass(frozen=True)
class Encoded:
    """What the encoder's part of a step graph hands on."""

    inputs: dict  # name -> Keras tensor
    states: dict  # name of a state -> its new value
    features: Any  # (1, n, features), `delay` columns late
    valid: Any  # (1, n)


def delay(model: keras.Model) -> int:
    """Columns by which the streamed encoder is late."""
    return EDGE * len(convolutions(model))


def encoder_step(model: keras.Model, n: int) -> keras.Model:
    """The encoder on n new columns: {columns, valid, states} -> {encoded (1, n, features), encoded_valid, states}."""
    encoded = stream_encoder(model, n)
    outputs = {ENCODED: encoded.features, ENCODED_VALID: encoded.valid}
    return step_model(encoded.inputs, outputs, encoded.states, f"{model.name}_encoder_step")


def window_head(model: keras.Model) -> keras.Model:
    """The head on a whole window: (1, columns, features) -> (1, labels) logits."""
    sequence = model.get_layer(SEQUENCE).output
    inputs = keras.Input(batch_shape=(1, *sequence.shape[1:]), name=ENCODED)
    return keras.Model(inputs, keras.Model(sequence, model.output)(inputs), name=f"{model.name}_head")


def cause_step(model: keras.Model, n: int) -> keras.Model:
    """Encoder and head on n new columns: {columns, valid, states} -> {cause (1, labels), states}.

    The logits are those of the columns that have come so far, but for the last `delay` ones; of a ParallelLMU, those
    of its window of them, whatever came before. Raises UserError when the head has neither window nor recurrence.
    """
    encoded = stream_encoder(model, n)
    inputs, states = dict(encoded.inputs), dict(encoded.states)
    head = the_head(model)
    if isinstance(head, layers.GlobalAveragePooling1D):
        summary = stream_mean(encoded, inputs, states)
    elif isinstance(head, ParallelLMU):
        summary = stream_window(head, encoded, inputs, states)
    else:
        summary = stream_recurrent(recurrent_cell(head), encoded, inputs, states)
    outputs = {LOGITS: model.get_layer(LOGITS)(summary)}
    return step_model(inputs, outputs, states, f"{model.name}_step")


def export_graph(model: keras.Model, description: dict) -> keras.Model:
    """What edge-export converts: the step graph on as many columns as model.json says. Raises UserError."""
    try:
        return cause_step(model, description["step"]["columns"])
    except ValueError as error:  # Keras, of a layer that is not there
        raise UserError(
            f"{description['name']} is no cause model that can be streamed ({error}): build it with "
            f"training.causes.model.build_model, as cry-train causes does"
        ) from error


def stream_encoder(model: keras.Model, n: int) -> Encoded:
    """The encoder's part of a step graph."""
    convs = convolutions(model)
    late = delay(model)
    rows = model.inputs[0].shape[2]
    columns = keras.Input(batch_shape=(1, n, rows, 1), name=COLUMNS_INPUT)
    valid = keras.Input(batch_shape=(1, n), name=VALID_INPUT)
    past_valid = keras.Input(batch_shape=(1, late), name=f"{STATE}valid")
    all_valid = layers.Concatenate(axis=1)([past_valid, valid])
    inputs = {COLUMNS_INPUT: columns, VALID_INPUT: valid, f"{STATE}valid": past_valid}
    states = {f"{STATE}valid": all_valid[:, n:]}
    x = columns
    for number, _ in enumerate(convs, start=1):
        begin = late - (number - 1) * EDGE
        x = x * ops.reshape(all_valid[:, begin : begin + n], (1, n, 1, 1))  # what `same` padding would have put there
        name = f"{STATE}conv_{number}"
        past = keras.Input(batch_shape=(1, 2 * EDGE, *x.shape[2:]), name=name)
        x = layers.Concatenate(axis=1)([past, x])
        inputs[name], states[name] = past, x[:, n:]
        x = stream_block(model, number, x)
    features = ops.reshape(x, (1, n, math.prod(x.shape[2:])))
    return Encoded(inputs, states, features, all_valid[:, :n])


def stream_block(model: keras.Model, number: int, x: Any) -> Any:
    """One block of the encoder on (1, n + 2, rows, channels): n columns come out, dropout does nothing."""
    trained = model.get_layer(f"conv_{number}")
    conv = layers.Conv2D(trained.filters, trained.kernel_size, name=trained.name)  # `same` over the rows only
    x = conv(layers.ZeroPadding2D(((0, 0), (EDGE, EDGE)))(x))
    conv.set_weights(trained.get_weights())
    x = ops.relu(plain_copy(model.get_layer(f"norm_{number}"), x))
    pools = [layer for layer in model.layers if layer.name == f"pool_{number}"]
    return pools[0](x) if pools else x


def plain_copy(trained: layers.BatchNormalization, x: Any) -> Any:
    """Batch normalisation as it is at inference."""
    norm = layers.BatchNormalization(epsilon=trained.epsilon, trainable=False, name=trained.name)
    x = norm(x, training=False)
    norm.set_weights(trained.get_weights())
    return x


def stream_mean(encoded: Encoded, inputs: dict, states: dict) -> Any:
    """The mean over all valid columns so far, (1, features): their sum and their number are the state."""
    n, features = encoded.features.shape[1:]
    total_name, count_name = f"{STATE}sum", f"{STATE}count"
    inputs[total_name] = keras.Input(batch_shape=(1, features), name=total_name)
    inputs[count_name] = keras.Input(batch_shape=(1, 1), name=count_name)
    valid_features = encoded.features * ops.reshape(encoded.valid, (1, n, 1))
    states[total_name] = inputs[total_name] + ops.sum(valid_features, axis=1)
    states[count_name] = inputs[count_name] + ops.sum(encoded.valid, axis=1, keepdims=True)
    return states[total_name] / ops.maximum(states[count_name], 1.0)


def stream_window(head: ParallelLMU, encoded: Encoded, inputs: dict, states: dict) -> Any:
    """What the head makes of the latest `head.steps` valid columns, zeros where there are none yet, (1, units)."""
    name = f"{STATE}window"
    inputs[name] = window = keras.Input(batch_shape=(1, head.steps, head.channels), name=name)
    summary, states[name] = WindowedLMU(head)(encoded.features, encoded.valid, window)
    return summary


def stream_recurrent(cell: keras.Layer, encoded: Encoded, inputs: dict, states: dict) -> Any:
    """What the cell gives after the last valid column, (1, units). A column that is not valid changes nothing."""
    n = encoded.features.shape[1]
    zeros = cell.get_initial_state(batch_size=1)
    names = [f"{STATE}head_{number}" for number in range(len(zeros))]
    for name, zero in zip(names, zeros, strict=True):
        inputs[name] = states[name] = keras.Input(batch_shape=zero.shape, name=name)
    output_name = f"{STATE}output"
    inputs[output_name] = output = keras.Input(batch_shape=(1, cell.output_size), name=output_name)
    for step in range(n):
        valid = encoded.valid[:, step : step + 1]
        new_output, new_states = cell(encoded.features[:, step], [states[name] for name in names])
        output = output + valid * (new_output - output)
        for name, new_state in zip(names, new_states, strict=True):
            states[name] = states[name] + valid * (new_state - states[name])
    states[output_name] = output
    return output


def recurrent_cell(head: keras.Layer) -> keras.Layer:
    """A head's cell. Raises UserError when it has none."""
    if isinstance(head, layers.RNN):
        return head.cell
    raise UserError(
        f"head {head.name!r} looks at its whole window: stream the encoder alone, and give the head each window"
    )


def the_head(model: keras.Model) -> keras.Layer:
    """The layer that reads the encoder's columns."""
    heads = [layer for layer in model.layers if layer.name.startswith(HEAD_PREFIX)]
    if len(heads) != 1:
        raise UserError(
            f"model {model.name!r} has a {TRANSFORMER} or an unknown head, which looks at its whole window: stream the "
            f"encoder alone, and give the head each window"
        )
    return heads[0]


def convolutions(model: keras.Model) -> list[layers.Conv2D]:
    """The convolutions of the encoder, first to last."""
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


def step_model(inputs: dict, outputs: dict, states: dict, name: str) -> keras.Model:
    """A functional model that takes a list, or a dict by name, and gives a dict.

    The TFLite converter knows no other way in than a list; it still keeps the names.
    """
    outputs = {**outputs, **{NEW + state: value for state, value in states.items()}}
    renamed = {key: layers.Identity(name=f"{key}_out")(value) for key, value in outputs.items()}
    return keras.Model(list(inputs.values()), renamed, name=name)
