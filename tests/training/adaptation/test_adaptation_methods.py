"""Each way of adaptation promises the term that its paper writes, and its gradient."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from edge.errors import UserError  # noqa: E402
from training.adaptation.background import Background  # noqa: E402
from training.adaptation.methods import find_method, method_names  # noqa: E402
from training.adaptation.methods.dann import strength  # noqa: E402
from training.adaptation.methods.entropy import SourceAndEntropy  # noqa: E402
from training.adaptation.methods.hafn import HardNorm  # noqa: E402
from training.adaptation.methods.safn import StepwiseNorm  # noqa: E402
from training.adaptation.moments import normalisations, take_moments  # noqa: E402
from training.adaptation.stage import SourceLoss  # noqa: E402
from training.layers.reversal import GradientReversal, NormKeepingDropout  # noqa: E402

numpy = keras.ops.convert_to_numpy
rng = np.random.default_rng(0)
features = rng.normal(size=(6, 5)).astype(np.float32)
domain = np.float32([1, 1, 1, 0, 0, 0])[:, None]
labels = np.zeros((6, 5), np.float32)
labels[[0, 1, 2], [3, 0, 4]] = 1


def value(loss, y_true, y_pred):
    return float(numpy(loss(y_true, y_pred)))


def gradient(function, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x).numpy()


def test_there_are_seven_methods():
    assert method_names() == ("adabn", "dann", "entropy", "hafn", "safn", "source_only", "target_noise")
    with pytest.raises(UserError, match="method is 'coral', it must be one of adabn, dann"):
        find_method("coral")


def test_the_source_alone_has_labels():
    log_p = features - np.log(np.exp(features).sum(axis=1, keepdims=True))
    assert value(SourceLoss(), labels, features) == pytest.approx(-(labels * log_p).sum() / 3, rel=1e-5)


def test_hafn_draws_both_mean_lengths_to_one():
    lengths = np.linalg.norm(features, axis=1)
    expected = 0.05 * ((lengths[:3].mean() - 4) ** 2 + (lengths[3:].mean() - 4) ** 2)
    assert value(HardNorm(4.0), domain, features) == pytest.approx(expected, rel=1e-5)
    found = gradient(lambda x: HardNorm(4.0)(domain, x), features)
    slope = 0.05 * 2 * (lengths[:3].mean() - 4) / 3
    np.testing.assert_allclose(found[:3], slope * features[:3] / lengths[:3, None], rtol=1e-4)


def test_safn_s_value_is_constant_and_its_gradient_lengthens():
    assert value(StepwiseNorm(), domain, features) == pytest.approx(0.05, rel=1e-5)
    found = gradient(lambda x: StepwiseNorm()(domain, x), features)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(found, -0.05 * 2 * features / lengths / 6, rtol=1e-4)


def test_entropy_is_the_target_s():
    loss = SourceAndEntropy()
    p = np.exp(features[3:]) / np.exp(features[3:]).sum(axis=1, keepdims=True)
    before = value(loss, labels, features)
    loss.weight.assign(0.5)
    expected = before - 0.5 * (p * np.log(p)).sum() / 3
    assert value(loss, labels, features) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("progress, expected", [(0.1, 0.46211716), (0.5, 0.9866143), (1.0, 0.9999092)])
def test_dann_s_strength_is_the_published_one(progress, expected):
    assert strength(progress) == pytest.approx(expected, abs=1e-7)


def test_a_reversed_gradient():
    layer = GradientReversal()
    layer.build((None, 5))
    layer.strength.assign(0.7)
    np.testing.assert_allclose(numpy(layer(features)), features, rtol=1e-6)
    found = gradient(lambda x: keras.ops.sum(layer(x) ** 2), features)
    np.testing.assert_allclose(found, -0.7 * 2 * features, rtol=1e-5)


def test_dropout_keeps_the_expected_squared_length():
    keras.utils.set_random_seed(0)
    x = np.ones((400, 64), np.float32)
    dropped = numpy(NormKeepingDropout(0.5)(x, training=True))
    assert (dropped**2).sum(axis=1).mean() == pytest.approx(64, rel=0.02)
    np.testing.assert_array_equal(numpy(NormKeepingDropout(0.5)(x, training=False)), x)


def test_adabn_gives_every_normalisation_the_moments_of_what_it_hears():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4, 3))
    x = keras.layers.BatchNormalization(epsilon=1e-9)(inputs)
    x = keras.layers.Dense(2, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.BatchNormalization(epsilon=1e-9)(x))
    target = rng.normal(3, 2, (300, 4, 3)).astype(np.float32)
    assert take_moments(model, target) == 2
    first, second = normalisations(model)
    np.testing.assert_allclose(numpy(first.moving_mean), target.mean(axis=(0, 1)), rtol=1e-4)
    np.testing.assert_allclose(numpy(first.moving_variance), target.var(axis=(0, 1)), rtol=1e-4)
    out = numpy(model(target))
    np.testing.assert_allclose(out.mean(axis=(0, 1)), 0, atol=1e-4)  # also behind the exchanged first one
    np.testing.assert_allclose(out.var(axis=(0, 1)), 1, atol=1e-3)


def test_a_background_is_drawn_from_its_sums():
    columns = rng.normal([-3, -1], [0.5, 0.2], (4000, 2))
    background = Background.of_columns(columns)
    drawn = np.log(background.draw(50, 80, np.random.default_rng(1)))
    np.testing.assert_allclose(drawn.mean(axis=(0, 1)), columns.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(drawn.std(axis=(0, 1)), columns.std(axis=0), rtol=0.05)


def test_the_background_is_where_it_is_quiet():
    frames = np.full((10, 20, 3), 5.0)
    frames[:, ::2] = -8.0
    np.testing.assert_allclose(Background.of_quiet(frames).mean, -8.0)
