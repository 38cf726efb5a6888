"""A recurrent Keras model as one step of it, for streaming: state in, state out."""

from typing import Any

from edge.errors import UserError
from export.convert.keras_graph import import_keras
from export.convert.keras_rebuild import take_weights

PER_STEP = (  # layers that treat each step of a sequence alone, so that one step needs no other
    "Dense",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "Softmax",
    "Dropout",
    "SpatialDropout1D",
    "BatchNormalization",
    "LayerNormalization",
)


def one_step(model: Any) -> Any:
    """One step of a Keras model with recurrent layers, with the same weights.

    model: layers in one line on an input (batch, steps, features): SimpleRNN, GRU, LSTM or any RNN(cell), between
    them layers that treat each step alone. Returns a functional model of batch 1: [step (1, features), *states] ->
    [output, *new states], the states in the order of the layers and their cells, all zero before the first step. The
    output of a step is what the model gives for the sequence up to it (its last one, where it returns sequences).

    Raises UserError when the layers are not in one line, or when one needs more than the past.
    """
    keras = import_keras()
    layers = layers_in_line(keras, model)
    step = x = keras.Input(batch_shape=(1, *model.inputs[0].shape[2:]), name="step")
    states, new_states = [], []
    is_sequence = True  # until a recurrent layer gives its last output only
    for layer in layers:
        if isinstance(layer, keras.layers.RNN):
            check_recurrent(layer, is_sequence)
            zeros = layer.cell.get_initial_state(batch_size=1)
            state = [keras.Input(batch_shape=zero.shape) for zero in keras.tree.flatten(zeros)]
            x, new_state = layer.cell(x, keras.tree.pack_sequence_as(zeros, state))
            states += state
            new_states += keras.tree.flatten(new_state)
            is_sequence = layer.return_sequences
        else:
            check_per_step(keras, layer, is_sequence)
            x = on_one_step(keras, layer, x) if is_sequence else layer(x)
    if not states:
        raise UserError(f"model {model.name!r} has no recurrent layer: convert it as it is")
    return keras.Model([step, *states], [x, *new_states])


def several_steps(model: Any, n_steps: int, names: tuple[str, str]) -> Any:
    """So many steps of a Keras model with recurrent layers as one network of batch 1, for streaming.

    Takes names[0] (1, n_steps, features, 1) and state_0, state_1, ...; gives names[1], the output of the last step, and
    new_state_0, ... Raises UserError as one_step does.
    """
    keras = import_keras()
    step = one_step(model)
    width = step.inputs[0].shape[1]
    columns = keras.Input(batch_shape=(1, n_steps, width, 1), name=names[0])
    given = [
        keras.Input(batch_shape=(1, *state.shape[1:]), name=f"state_{n}") for n, state in enumerate(step.inputs[1:])
    ]
    rows, states, output = keras.layers.Reshape((n_steps, width))(columns), given, None
    for number in range(n_steps):
        output, *states = step([rows[:, number], *states])
    named = {names[1]: output, **{f"new_state_{n}": state for n, state in enumerate(states)}}
    named = {name: keras.layers.Identity(name=f"{name}_out")(tensor) for name, tensor in named.items()}
    return keras.Model([columns, *given], named)


def layers_in_line(keras: Any, model: Any) -> list[Any]:
    """The layers of a copy of a model, first to last. Raises UserError unless each takes what the one before gives."""
    copy = keras.models.clone_model(model)  # its layers are called once only, so that each has one input
    take_weights(copy, model.get_weights())
    previous = copy.inputs
    layers = [layer for layer in copy.layers if not isinstance(layer, keras.layers.InputLayer)]
    for layer in layers:
        try:
            taken = keras.tree.flatten(layer.input)
        except (AttributeError, ValueError):  # it is called more than once
            taken = []
        if [id(tensor) for tensor in taken] != [id(tensor) for tensor in previous]:
            raise UserError(f"layer {layer.name!r} does not take what the layer before it gives: put all in one line")
        previous = keras.tree.flatten(layer.output)
    return layers


def on_one_step(keras: Any, layer: Any, x: Any) -> Any:
    """What a layer that treats each step alone gives for one step (1, features)."""
    if not hasattr(layer, "axis"):
        return layer(x)
    sequence = keras.layers.Reshape((1, *x.shape[1:]))(x)  # its axis counts that of the steps
    return keras.layers.Reshape(x.shape[1:])(layer(sequence))


def check_recurrent(layer: Any, is_sequence: bool) -> None:
    """Raise UserError unless a recurrent layer can run step by step on what comes in."""
    if layer.go_backwards:
        raise UserError(f"layer {layer.name!r} goes backwards: it needs the end of the sequence first")
    if layer.return_state:
        raise UserError(f"layer {layer.name!r} returns its state: set return_state=False")
    if not is_sequence:
        raise UserError(f"layer {layer.name!r} gets no sequence: set return_sequences=True in the one before")


def check_per_step(keras: Any, layer: Any, is_sequence: bool) -> None:
    """Raise UserError when a layer between the recurrent ones looks at more than one step."""
    if not is_sequence:
        return
    axes = {axis % 3 for axis in keras.tree.flatten(getattr(layer, "axis", -1))}  # of (batch, steps, features)
    if type(layer).__name__ not in PER_STEP or axes != {2}:
        raise UserError(
            f"layer {layer.name!r} ({type(layer).__name__}) looks at more than one step: until the last recurrent "
            f"layer use only {', '.join(PER_STEP)}, along the features"
        )
