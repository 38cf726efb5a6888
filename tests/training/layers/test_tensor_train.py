"""Layers of tensor trains promise the published sizes, and to be exactly the dense layers that they stand for."""

import math

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from edge.errors import UserError  # noqa: E402
from training.layers.factorisation import (  # noqa: E402
    dense_of,
    factorise,
    initial_deviation,
    tensor_train,
    tt_svd,
)
from training.layers.tensor_train import GATES, TTDense, TTGRUCell, TTLSTMCell  # noqa: E402

numpy = keras.ops.convert_to_numpy
CELLS = [(TTLSTMCell, keras.layers.LSTM), (TTGRUCell, keras.layers.GRU)]
PUBLISHED = {  # an LSTM of 40 features and 768 units with a layer of 256: cores -> parameters at ranks 1 to 4
    2: (8176, 13024, 17872, 22720),
    3: (4104, 5392, 7192, 9504),
    4: (3668, 4312, 5260, 6512),
}
ROWS_OF_28 = {2: 3776, 3: 1920, 4: 1528}  # an LSTM of 256 units on rows of 28 pixels, rank 2


def float64(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("cores", PUBLISHED)
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_an_lstm_has_the_published_parameters(cores, rank):
    lstm = keras.layers.RNN(TTLSTMCell(768, cores, rank))
    linear = TTDense(256, cores, rank)
    lstm.build((None, 5, 40))
    linear.build((None, 768))
    assert lstm.count_params() + linear.count_params() == PUBLISHED[cores][rank - 1]


@pytest.mark.parametrize("cores", ROWS_OF_28)
def test_row_by_row_digits_have_the_published_parameters(cores):
    lstm = keras.layers.RNN(TTLSTMCell(256, cores, 2))
    lstm.build((None, 28, 28))
    assert lstm.count_params() == ROWS_OF_28[cores]


def test_the_most_even_factors_are_taken():
    assert factorise(3072, 4) == (6, 8, 8, 8)
    assert factorise(40, 2) == (5, 8)
    assert factorise(13, 3) == (1, 1, 13)


@pytest.mark.parametrize("rows, columns, rank", [((2, 3, 4), (5, 2, 3), 3), ((4, 1), (3, 7), (2,)), ((6,), (5,), 1),
                                                 ((2, 2, 3, 2), (2, 3, 2, 2), (4, 2, 3))])  # fmt: skip
def test_a_tensor_train_is_its_dense_matrix(rows, columns, rank):
    layer = TTDense(math.prod(columns), len(rows), rank, rows, columns, use_bias=False, dtype="float64")
    x = float64((3, 7, math.prod(rows)))
    y = numpy(layer(x))
    cores = [numpy(w).reshape(c) for w, c in zip(layer.core_matrices, layer.train.cores, strict=True)]
    scale = np.abs(y).max()
    np.testing.assert_allclose(y / scale, x @ dense_of(cores) / scale, atol=1e-12, rtol=0)
    np.testing.assert_allclose(numpy(layer.dense_kernel()), dense_of(cores), atol=1e-12, rtol=0)


@pytest.mark.parametrize("gates", GATES)
@pytest.mark.parametrize("cell, dense", CELLS)
def test_a_recurrent_cell_is_keras_own_with_its_kernels(cell, dense, gates):
    tt = keras.layers.RNN(cell(6, 2, 3, gates, dtype="float64"), dtype="float64")
    plain = dense(6, dtype="float64")
    x = float64((2, 5, 4))
    tt.build(x.shape)
    plain.build(x.shape)
    for weight in tt.weights:
        weight.assign(weight + 0.3 * float64(weight.shape, 3))
    kernels = [numpy(kernel) for kernel in tt.cell.dense_kernels()]
    bias = numpy(tt.cell.bias)
    if cell is TTGRUCell:
        bias = np.stack([bias, np.r_[np.zeros(12), numpy(tt.cell.reset_bias)]])
    plain.set_weights([*kernels, bias])
    np.testing.assert_allclose(numpy(tt(x)), numpy(plain(x)), atol=1e-12, rtol=0)


@pytest.mark.parametrize("gates", GATES)
@pytest.mark.parametrize("cell, dense", CELLS)
def test_full_ranks_take_a_trained_cell_over_exactly(cell, dense, gates):
    plain, tt = dense(6, dtype="float64"), cell(6, 2, 999, gates, dtype="float64")
    plain.build((None, 5, 4))
    tt.build((None, 4))
    kernels = [numpy(weight) for weight in plain.weights[:2]]
    tt.take_kernels(*kernels)
    for mine, theirs in zip(tt.dense_kernels(), kernels, strict=True):
        np.testing.assert_allclose(numpy(mine), theirs, atol=1e-12, rtol=0)


def test_low_ranks_lose_what_the_singular_values_say():
    matrix = float64((12, 20))
    shape = tensor_train(12, 20, 2, 3)
    (n, m), (n2, m2) = zip(shape.rows, shape.columns, strict=True)
    unfolded = matrix.reshape(n, n2, m, m2).transpose(0, 2, 1, 3).reshape(n * m, -1)
    lost = np.sqrt((np.linalg.svd(unfolded, compute_uv=False)[3:] ** 2).sum())
    assert np.linalg.norm(dense_of(tt_svd(matrix, shape)) - matrix) == pytest.approx(lost, rel=1e-12)


@pytest.mark.parametrize(
    "cell, gates", [(TTLSTMCell, "concatenated"), (TTLSTMCell, "gate_core"), (TTGRUCell, "separate")]
)
def test_gradients_are_those_of_finite_differences(cell, gates):
    tf = pytest.importorskip("tensorflow")
    layer = keras.layers.RNN(cell(6, 2, 2, gates, dtype="float64"), dtype="float64")
    x = float64((2, 3, 4))
    layer.build(x.shape)
    with tf.GradientTape() as tape:
        loss = keras.ops.sum(layer(x) ** 2)
    gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_weights])
    for number, (weight, gradient) in enumerate(zip(layer.trainable_weights, gradients, strict=True)):
        step = 1e-6 * float64(weight.shape, number)
        before = weight.numpy()
        values = []
        for sign in (1, -1):
            weight.assign(before + sign * step)
            values.append(float(keras.ops.sum(layer(x) ** 2)))
        weight.assign(before)
        assert (values[0] - values[1]) / 2 == pytest.approx(float((gradient.numpy() * step).sum()), rel=1e-5, abs=1e-14)


def test_the_beginning_has_the_spread_of_a_dense_layer():
    keras.utils.set_random_seed(0)
    shape = tensor_train(64, 96, 3, 4)
    deviations = []
    for _ in range(20):
        layer = TTDense(96, 3, 4)
        layer.build((None, 64))
        deviations.append(numpy(layer.dense_kernel()).std())
    assert np.mean(np.square(deviations)) ** 0.5 == pytest.approx(math.sqrt(2 / (64 + 96)), rel=0.1)
    assert initial_deviation(64, 96, shape) > math.sqrt(2 / (64 + 96))


@pytest.mark.parametrize("cell, _", CELLS)
def test_a_saved_layer_is_loaded(cell, _, tmp_path):
    inputs = keras.Input((3, 8))
    x = keras.layers.RNN(cell(6, 2, (2,), "gate_core"))(inputs)
    model = keras.Model(inputs, TTDense(4, 2, 2, (2, 3), (2, 2), activation="relu")(x))
    model.save(tmp_path / "model.keras")
    x = float64((2, 3, 8)).astype(np.float32)
    np.testing.assert_array_equal(numpy(keras.saving.load_model(tmp_path / "model.keras")(x)), numpy(model(x)))


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((40, 3072, 3, 2, (4, 4, 4)), "rows is 4 x 4 x 4, which is 64 and not 40: 2 x 4 x 5 or"),
        ((40, 3072, 2, 2, (5, 8), (50, 64)), "columns is 50 x 64, which is 3200 and not 3072: 48 x 64 or"),
        ((40, 3072, 3, 2, (5, 8)), "rows is 5 x 8: 2 factors for 3 cores; 40 is 2 x 4 x 5"),
        ((40, 3072, 3, 0), "rank is 0, it must be at least 1"),
        ((40, 3072, 3, (2, 3, 4)), "3 cores have 2 ranks between them"),
        ((40, 3072, 0, 2), "cores is 0, it must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(arguments, says):
    with pytest.raises(UserError, match=says) as caught:
        tensor_train(*arguments)
    assert "\n" not in str(caught.value)
