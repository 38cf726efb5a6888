"""The context promises one step a frame of a gated recurrence, and that a long silence leaves nothing of the past."""

import numpy as np
import pytest

from edge.bundle.context_weights import ContextWeights
from edge.decision.context import REST_STEPS, SILENT_LOGIT, Context

UNITS, LABELS = 3, 2
INPUTS = 2 + LABELS


def made_up(seed=0):
    """Weights of a recurrence of three units."""
    rng = np.random.RandomState(seed)

    def some(*shape):
        return rng.uniform(-1, 1, shape)

    return ContextWeights(
        units=UNITS,
        kernel=(0.3 * some(INPUTS * 3 * UNITS)).tolist(),
        recurrent_kernel=some(UNITS * 3 * UNITS).tolist(),
        bias=some(3 * UNITS).tolist(),
        recurrent_bias=some(3 * UNITS).tolist(),
        read_out=some(UNITS).tolist(),
        skip=some(INPUTS).tolist(),
        offset=0.7,
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_the_equations(weights, rows):
    """The logits after each input row, unit by unit."""
    kernel = np.reshape(weights.kernel, (INPUTS, 3, UNITS))
    recurrent = np.reshape(weights.recurrent_kernel, (UNITS, 3, UNITS))
    bias, recurrent_bias = np.reshape(weights.bias, (3, UNITS)), np.reshape(weights.recurrent_bias, (3, UNITS))
    state, logits = np.zeros(UNITS), []
    for row in rows:
        new = np.zeros(UNITS)
        for j in range(UNITS):
            given = [sum(row[i] * kernel[i, g, j] for i in range(INPUTS)) + bias[g, j] for g in range(3)]
            kept = [sum(state[i] * recurrent[i, g, j] for i in range(UNITS)) + recurrent_bias[g, j] for g in range(3)]
            update, reset = sigmoid(given[0] + kept[0]), sigmoid(given[1] + kept[1])
            new[j] = update * state[j] + (1 - update) * np.tanh(given[2] + reset * kept[2])
        state = new
        logits.append(state @ np.array(weights.read_out) + np.array(row) @ np.array(weights.skip) + weights.offset)
    return logits


def silence():
    return [SILENT_LOGIT] + [0.0] * (1 + LABELS)


def test_a_stream_goes_by_the_equations():
    weights = made_up()
    context = Context(weights, LABELS)
    frames = [(-3.0, None), (2.5, [1.0, -4.0]), (40.0, [0.5, 0.5]), (-99.0, None), (0.1, [-9.0, 3.0])]
    rows = [
        [max(-12.0, min(12.0, logit)), 0.0 if answer is None else 1.0] + (answer or [0.0] * LABELS)
        for logit, answer in frames
    ]
    said = [context.logit(logit, answer) for logit, answer in frames]
    np.testing.assert_allclose(said, by_the_equations(weights, [silence()] * 200 + rows)[-len(rows) :], rtol=1e-9)
    assert len(set(np.round(said, 6))) == len(said)


def test_a_short_silence_is_remembered_and_a_long_one_leaves_nothing():
    first = Context(made_up(), LABELS).logit(1.0, [2.0, -1.0])
    for pauses, forgotten in ((3, False), (REST_STEPS, True), (10 * REST_STEPS, True)):
        context = Context(made_up(), LABELS)
        for logit in (5.0, 9.0, 7.0):
            context.logit(logit, [6.0, 0.0])
        for _ in range(pauses):
            context.pass_over()
        assert (context.logit(1.0, [2.0, -1.0]) == first) is forgotten


def test_the_same_frame_means_more_after_others():
    context = Context(made_up(), LABELS)
    first = context.logit(3.0, [2.0, -1.0])
    assert context.logit(3.0, [2.0, -1.0]) != pytest.approx(first)
