"""The LMU promises the equations: golden matrices and traces, a delay line, one answer in every form, and no loss."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

keras = pytest.importorskip("keras")

from training.layers.legendre import delay_decoder, discretise, impulse_response, legendre_matrices  # noqa: E402
from training.layers.lmu import LMUCell, ParallelLMU  # noqa: E402

VECTORS = json.loads((Path(__file__).parents[1] / "lmu_vectors.json").read_text())
STEPS, FEATURES = 40, 5
numpy = keras.ops.convert_to_numpy


def sequence(batch=2, steps=STEPS, features=FEATURES):
    return np.random.default_rng(1).normal(size=(batch, steps, features)).astype(np.float32)


def scattered(layer):
    """The layer with weights that are not where they start, small enough not to saturate."""
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(0, 0.3, w.shape).astype(np.float32) for w in layer.get_weights()])
    return layer


def memories(order, theta, method, u):
    a, b = discretise(order, theta, method)
    m, every = np.zeros(order), []
    for value in u:
        m = a @ m + b * value
        every.append(m)
    return np.array(every)


@pytest.mark.parametrize("name, order, theta", [("d3_theta10", 3, 10), ("d4_theta4", 4, 4)])
def test_matrices_are_the_golden_ones(name, order, theta):
    golden = VECTORS["lmu"][name]
    a, b = legendre_matrices(order)
    np.testing.assert_array_equal(a, golden["A"])
    np.testing.assert_array_equal(b, golden["B"])
    a, b = discretise(order, theta)
    np.testing.assert_allclose(a, golden["Abar"], atol=1e-9)
    np.testing.assert_allclose(b, golden["Bbar"], atol=1e-9)
    steady = memories(order, theta, "zoh", np.ones(500))[-1]
    np.testing.assert_allclose(steady, golden["steady_state_for_u=1"], atol=1e-9)


def test_the_trace_is_the_golden_one():
    golden = VECTORS["lmu"]["d3_theta10_trace"]
    np.testing.assert_allclose(memories(3, 10, "zoh", golden["u"]), golden["m"], atol=1e-9)


def test_the_cell_gives_the_golden_trace():
    golden = VECTORS["lmu"]["d3_theta10_trace"]
    cell = LMUCell(1, 1, 3, 10, input_activation="linear", hidden_to_memory=False, memory_to_memory=False)
    cell.build((None, 1))
    cell.input_kernel.assign([[1.0]])
    states = cell.get_initial_state(batch_size=1)
    for u, m in zip(golden["u"], golden["m"], strict=True):
        _, states = cell(np.array([[u]], np.float32), states)
        np.testing.assert_allclose(numpy(states[1])[0], m, atol=1e-6)


@pytest.mark.parametrize("order, theta", [(1, 3.0), (16, 233), (58, 233), (6, 0.5)])
def test_zero_order_hold_is_scipys(order, theta):
    a, b = legendre_matrices(order)
    system = (a / theta, b[:, None] / theta, np.eye(order), np.zeros((order, 1)))
    expected_a, expected_b, *_ = scipy.signal.cont2discrete(system, 1.0, "zoh")
    got_a, got_b = discretise(order, theta)
    np.testing.assert_allclose(got_a, expected_a, atol=1e-12)
    np.testing.assert_allclose(got_b, expected_b[:, 0], atol=1e-12)


def test_euler_is_unstable_where_zero_order_hold_is_not():
    def radius(method):
        return np.abs(np.linalg.eigvals(discretise(58, 233, method)[0])).max()

    assert radius("zoh") < 1 < radius("euler") == pytest.approx(1.06, abs=0.01)


def test_euler_comes_near_zero_order_hold_when_steps_are_short():
    u = np.sin(np.arange(3000) / 400)
    np.testing.assert_allclose(memories(4, 2000, "euler", u), memories(4, 2000, "zoh", u), atol=0.01)


def test_the_memory_is_a_delay_line():
    """Band-limited noise half a window ago is read back to 7e-4."""
    theta, rho, delay = 233, 0.5, 116
    spectrum = np.zeros(2001, complex)
    rng = np.random.default_rng(0)
    spectrum[1:41] = rng.normal(size=40) + 1j * rng.normal(size=40)  # up to 1 period in 100 steps
    u = np.fft.irfft(spectrum)
    decoded = memories(32, theta, "zoh", u) @ delay_decoder(32, rho)
    settled = slice(1000, None)
    error = decoded[settled] - np.roll(u, delay)[settled]
    assert np.sqrt(np.mean(error**2)) / u.std() < 7e-4


@pytest.mark.parametrize("channels, order, count", [(4, 16, "lmu_q4_d16_h128"), (1, 64, "lmu_q1_d64_h128"),
                                                    (8, 32, "lmu_q8_d32_h128")])  # fmt: skip
def test_parameter_counts(channels, order, count):
    layer = keras.layers.RNN(LMUCell(128, channels, order, 233))
    layer.build((None, 233, VECTORS["param_counts"]["flat_dim"]))
    assert layer.count_params() == VECTORS["param_counts"][count]


FORMS = {
    "all": {},
    "all and the input": {"input_to_hidden": True},
    "linear input": {"input_activation": "linear", "memory_to_memory": False},
    "nothing recurs": {"hidden_to_memory": False, "memory_to_memory": False, "hidden_to_hidden": False},
    "euler": {"discretisation": "euler"},
}


@pytest.mark.parametrize("name", FORMS)
def test_the_layer_is_the_equations(name):
    """The layer against the three equations in float64 NumPy, and saved = loaded."""
    cell = LMUCell(6, 2, 4, 30.0, **FORMS[name])
    layer = scattered_rnn(cell)
    x = sequence()
    got = numpy(layer(x))
    np.testing.assert_allclose(got, by_the_equations(cell, x), atol=1e-5)
    again = keras.layers.RNN.from_config(layer.get_config())
    again.build((None, STEPS, FEATURES))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(again(x)), got)


def scattered_rnn(cell):
    layer = keras.layers.RNN(cell)
    layer.build((None, STEPS, FEATURES))
    return scattered(layer)


def by_the_equations(cell, x):
    a, b = discretise(cell.order, cell.theta, cell.discretisation)
    weights = {w.name: numpy(w).astype(np.float64) for w in cell.weights}
    batch = len(x)
    h, m = np.zeros((batch, cell.units)), np.zeros((batch, cell.channels, cell.order))
    nothing = np.zeros(())
    for t in range(x.shape[1]):
        u = x[:, t] @ weights["input_kernel"]
        u = u + h @ weights["hidden_to_memory"] if "hidden_to_memory" in weights else u
        u = u + m.reshape(batch, -1) @ weights["memory_to_memory"] if "memory_to_memory" in weights else u
        u = np.tanh(u) if cell.input_activation == "tanh" else u
        m = np.einsum("bqd,ed->bqe", m, a) + u[..., None] * b
        h = np.tanh(
            m.reshape(batch, -1) @ weights["memory_kernel"] + weights["bias"]
            + (h @ weights["hidden_to_hidden"] if "hidden_to_hidden" in weights else nothing)
            + (x[:, t] @ weights["input_to_hidden"] if "input_to_hidden" in weights else nothing)
        )  # fmt: skip
    return h


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("theta, discretisation", [(40, "zoh"), (11.5, "zoh"), (40, "euler")])
def test_parallel_is_recurrent(return_sequences, theta, discretisation):
    layer = ParallelLMU(7, 3, 6, theta, discretisation, return_sequences)
    layer.build((None, STEPS, FEATURES))
    scattered(layer)
    x = sequence()
    got = numpy(layer(x))
    assert got.shape == tuple(layer.compute_output_shape(x.shape))
    np.testing.assert_allclose(got, numpy(layer.recurrent()(x)), atol=1e-5)


def test_the_impulse_response_is_the_trace_of_an_impulse():
    np.testing.assert_allclose(impulse_response(5, 20, "zoh", 9), memories(5, 20, "zoh", [1] + [0] * 8), atol=1e-12)


@pytest.mark.parametrize(
    "make",
    [lambda: keras.layers.RNN(LMUCell(6, 2, 4, 30.0, input_to_hidden=True)), lambda: ParallelLMU(6, 2, 4, 30.0)],
)
def test_saved_is_loaded(make, tmp_path):
    inputs = keras.Input((STEPS, FEATURES))
    model = scattered(keras.Model(inputs, make()(inputs)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(loaded(sequence())), numpy(model(sequence())))


def test_the_memory_learns():
    """An LMU learns which of two values came 30 steps ago; the constants are no weights."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(3)
    x = rng.normal(0, 0.3, size=(400, STEPS, 1)).astype(np.float32)
    x[:, 5] = rng.choice([-2.0, 2.0], size=(400, 1))
    inputs = keras.Input((STEPS, 1))
    hidden = ParallelLMU(16, 1, 12, STEPS)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.Adam(0.02), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, x[:, 5] > 0, epochs=15, verbose=0)
    assert ((model.predict(x, verbose=0) > 0) == (x[:, 5] > 0)).mean() > 0.95


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda: LMUCell(4, 1, 0, 10), "order is 0, it must be at least 1"),
        (lambda: LMUCell(4, 1, 3, 0), "theta is 0, it must be above 0"),
        (lambda: LMUCell(0, 1, 3, 10), "units is 0"),
        (lambda: LMUCell(4, 1, 3, 10, discretisation="tustin"), "'tustin', it must be one of zoh, euler"),
        (lambda: LMUCell(4, 1, 3, 10, input_activation="relu"), "'relu', it must be tanh or linear"),
        (lambda: ParallelLMU(4, 1, 3, 10, "tustin"), "'tustin', it must be one of zoh, euler"),
        (lambda: ParallelLMU(4, 1, 3, 10).build((None, None, 5)), "steps is open"),
    ],
)
def test_what_cannot_be_is_refused(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()
