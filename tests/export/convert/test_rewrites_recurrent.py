"""One step of a recurrent model: run over a sequence, in Keras and as ONNX, it gives what the whole model gives."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from test_rewrites import convert, operators, rewritten, run  # noqa: E402

from edge.errors import UserError  # noqa: E402
from export.convert.rewrites import one_step  # noqa: E402
from export.tensorrt_lint import lint  # noqa: E402

STEPS, FEATURES = 12, 5
PLAIN = {"MatMul", "Gemm", "Add", "Sub", "Mul", "Div", "Sqrt", "Sigmoid", "Tanh", "Softmax", "Relu", "Constant"}
SHAPING = {"Split", "Slice", "Squeeze", "Reshape", "Concat", "Identity", "Neg", "GlobalAveragePool"}

MODELS = {
    "SimpleRNN": lambda layers: [layers.SimpleRNN(4)],
    "GRU": lambda layers: [layers.GRU(4)],
    "GRU, reset before": lambda layers: [layers.GRU(4, reset_after=False)],
    "LSTM": lambda layers: [layers.LSTM(4)],
    "RNN of two cells": lambda layers: [layers.RNN([layers.GRUCell(4), layers.LSTMCell(3)])],
    "dropout": lambda layers: [layers.Dropout(0.5), layers.LSTM(4, dropout=0.5), layers.Dropout(0.5)],
    "two layers": lambda layers: [
        layers.Dense(6, activation="relu"),
        layers.LayerNormalization(),
        layers.GRU(4, return_sequences=True),
        layers.BatchNormalization(),
        layers.Softmax(),
        layers.LSTM(3),
    ],
}


def build(keras, layers, width=2):
    """The layers and a Dense head on a sequence, with weights that are not where they start."""
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((STEPS, FEATURES))
    for layer in layers:
        x = layer(x)
    model = keras.Model(inputs, keras.layers.Dense(width)(x))
    rng = np.random.default_rng(4)
    for weights in model.weights:
        weights.assign(weights + 0.3 * np.abs(rng.normal(size=weights.shape)))
    return model


def sequence():
    return np.random.default_rng(5).normal(size=(1, STEPS, FEATURES)).astype(np.float32)


def outputs_by_step(call, states, x):
    """What comes out at each step, (1, steps, width), the states handed on from zero."""
    outputs = []
    for t in range(x.shape[1]):
        output, *states = (np.asarray(tensor) for tensor in call(x[:, t], *states))
        outputs.append(output)
    return np.stack(outputs, axis=1)


@pytest.mark.parametrize("name", MODELS)
def test_one_step_repeated_is_the_whole_sequence(keras, name):
    model = build(keras, MODELS[name](keras.layers))
    step = one_step(model)
    zeros = [np.zeros(state.shape, np.float32) for state in step.inputs[1:]]
    assert [state.shape for state in step.outputs[1:]] == [state.shape for state in step.inputs[1:]]
    expected = np.asarray(model(sequence(), training=False))
    in_keras = outputs_by_step(lambda *x: step(list(x), training=False), zeros, sequence())
    np.testing.assert_allclose(in_keras[:, -1], expected, atol=1e-5, rtol=0)

    content = rewritten(convert(step), [])
    assert operators(content) <= PLAIN | SHAPING
    in_onnx = outputs_by_step(lambda *x: run(content, *x), zeros, sequence())
    np.testing.assert_allclose(in_onnx[:, -1], expected, atol=1e-5, rtol=0)


def test_a_model_that_returns_sequences_gives_each_step(keras):
    model = build(keras, [keras.layers.GRU(4, return_sequences=True)])
    step = one_step(model)
    by_step = outputs_by_step(lambda *x: step(list(x), training=False), [np.zeros((1, 4), np.float32)], sequence())
    np.testing.assert_allclose(by_step, np.asarray(model(sequence())), atol=1e-5, rtol=0)


def test_a_model_can_be_stepped_twice_and_is_left_alone(keras):
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), keras.layers.GRU(3), keras.layers.Dense(1)])
    before = np.asarray(model(sequence()))
    first, second = one_step(model), one_step(model)
    inputs = [np.ones((1, FEATURES), np.float32), np.ones((1, 3), np.float32)]
    np.testing.assert_array_equal(first(inputs)[0], second(inputs)[0])
    np.testing.assert_array_equal(np.asarray(model(sequence())), before)


def test_the_linter_sends_a_whole_sequence_here(keras):
    inputs = keras.Input(batch_shape=(1, STEPS, FEATURES))
    content = convert(keras.Model(inputs, keras.layers.GRU(4)(inputs)))
    assert [(finding.operator, "one_step" in finding.rewrite) for finding in lint(content)] == [("Loop", True)]


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda layers: [layers.Bidirectional(layers.GRU(3))], r"'bidirectional\w*' \(Bidirectional\) looks at more"),
        (lambda layers: [layers.Conv1D(3, 3), layers.GRU(3)], r"\(Conv1D\) looks at more than one step"),
        (lambda layers: [layers.Softmax(axis=1), layers.GRU(3)], r"\(Softmax\) looks at more than one step"),
        (lambda layers: [layers.GRU(3, go_backwards=True)], r"'gru\w*' goes backwards"),
        (lambda layers: [layers.GRU(3), layers.RepeatVector(2), layers.GRU(3)], r"'gru\w*' gets no sequence"),
        (lambda layers: [layers.Dense(3)], "has no recurrent layer"),
        (lambda layers: [(lambda layer: lambda x: layer(layer(x)))(layers.Dense(FEATURES)), layers.GRU(3)], "one line"),
        (lambda layers: [lambda x: layers.GRU(3)(x + layers.Dense(FEATURES)(x))], "one line"),
    ],
)
def test_what_needs_more_than_the_past_is_refused(keras, make, reason):
    with pytest.raises(UserError, match=reason):
        one_step(build(keras, make(keras.layers)))
