"""Attention of primitives promises the same numbers as Keras' own; adapters promise no change until they learn."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.layers.attention import SelfAttention, TransformerBlock  # noqa: E402
from training.layers.lora import LoraDense  # noqa: E402
from training.layers.positions import LearnedPositions  # noqa: E402

HEADS, STEPS, FEATURES, FEED_FORWARD = 2, 5, 6, 9
numpy = keras.ops.convert_to_numpy


def tokens(seed=0, batch=3):
    return np.random.default_rng(seed).normal(size=(batch, STEPS, FEATURES)).astype(np.float32)


def scattered(layer):
    """A layer built for tokens, its weights not where they start."""
    layer.build((None, STEPS, FEATURES))
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
    return layer


def keras_block(block, x):
    """The same block of Keras' own layers."""
    width = FEATURES // HEADS
    theirs = keras.layers.MultiHeadAttention(HEADS, width)
    theirs.build((None, STEPS, FEATURES), (None, STEPS, FEATURES))
    weights = []
    for dense in block.dense_layers[:3]:
        weights += [numpy(dense.kernel).reshape(FEATURES, HEADS, width), numpy(dense.bias).reshape(HEADS, width)]
    output = block.attention.to_output
    theirs.set_weights([*weights, numpy(output.kernel).reshape(HEADS, width, FEATURES), numpy(output.bias)])
    y = block.norm_1(x)
    x = x + theirs(y, y, use_causal_mask=block.causal)
    y = keras.activations.gelu(block.feed_1(block.norm_2(x)), approximate=True)
    return x + block.feed_2(y)


@pytest.mark.parametrize("causal", [False, True])
def test_a_block_is_the_same_as_of_keras_own_layers(causal):
    block = scattered(TransformerBlock(HEADS, FEED_FORWARD, causal=causal, dropout=0.5))
    np.testing.assert_allclose(numpy(block(tokens())), numpy(keras_block(block, tokens())), atol=1e-5)


def test_causal_steps_see_none_that_follow():
    x = tokens()
    changed = x.copy()
    changed[:, 3:] += 10.0
    for causal in (True, False):
        layer = scattered(SelfAttention(HEADS, causal=causal))
        before, after = numpy(layer(x)), numpy(layer(changed))
        assert np.array_equal(before[:, :3], after[:, :3]) is causal
        assert not np.allclose(before[:, 3:], after[:, 3:])


def test_an_adapter_starts_at_no_change_and_alone_is_trained():
    plain, adapted = LoraDense(FEED_FORWARD), LoraDense(FEED_FORWARD, rank=2)
    scattered(plain)
    adapted.build((None, STEPS, FEATURES))
    adapted.kernel.assign(plain.kernel)
    adapted.bias.assign(plain.bias)
    np.testing.assert_array_equal(numpy(adapted(tokens())), numpy(plain(tokens())))
    assert [w.name for w in adapted.trainable_weights] == ["lora_a", "lora_b"]
    assert [w.shape for w in adapted.trainable_weights] == [(FEATURES, 2), (2, FEED_FORWARD)]


def test_a_merged_kernel_is_the_kernel_and_its_adapter():
    layer = scattered(LoraDense(FEED_FORWARD, rank=2))
    expected = tokens() @ numpy(layer.merged_kernel()) + numpy(layer.bias)
    np.testing.assert_allclose(numpy(layer(tokens())), expected, atol=1e-5)


def test_a_block_with_adapters_trains_nothing_else():
    block = scattered(TransformerBlock(HEADS, FEED_FORWARD, rank=2))
    assert {w.name for w in block.trainable_weights} == {"lora_a", "lora_b"}
    assert len(block.trainable_weights) == 2 * 6


def test_positions_are_those_of_the_first_steps():
    layer = scattered(LearnedPositions(2 * STEPS))
    np.testing.assert_allclose(numpy(layer(tokens())), tokens() + numpy(layer.positions)[:STEPS], atol=1e-6)


@pytest.mark.parametrize(
    "layer, reason",
    [
        (SelfAttention(4), "6 features cannot be split among 4 heads"),
        (LearnedPositions(4), "5 steps, and positions for 4"),
    ],
)
def test_what_cannot_be_is_refused(layer, reason):
    with pytest.raises(ValueError, match=reason):
        layer.build((None, STEPS, FEATURES))
