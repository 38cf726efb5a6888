"""The Transformer's models promise the designed sizes, the budgets, and one function whatever form they are in."""

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from edge.errors import UserError  # noqa: E402
from training.transformer.losses import denoising_loss  # noqa: E402
from training.transformer.model import (  # noqa: E402
    build_classifier,
    build_denoiser,
    joined,
    merged,
    with_adapters,
)
from training.transformer.presets import PRESETS, find_preset  # noqa: E402
from training.transformer.sizes import multiply_adds, parameter_table  # noqa: E402

TINY, PI = PRESETS["tiny"], PRESETS["pi"]
LABELS = 3
DESIGNED = {
    "denoiser": 425_249,
    "tokenizer": 617_920,
    "encoder": 15_766_528,
    "head": 16_901,
    "adapters": 1_867_776,
    "total": 18_694_374,
}
numpy = keras.ops.convert_to_numpy


def frames(n_mels=64, batch=2):
    return np.random.default_rng(5).normal(size=(batch, 98, n_mels, 1)).astype(np.float32)


def scattered(model):
    """A model whose weights and moments are not where they start."""
    rng = np.random.default_rng(4)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(weight + 0.05 * np.abs(rng.normal(size=weight.shape)))
    return model


@pytest.fixture(scope="module")
def denoiser():
    return scattered(build_denoiser(TINY))


@pytest.fixture(scope="module")
def classifier():
    return scattered(build_classifier(TINY, LABELS))


@pytest.fixture(scope="module")
def adapted(classifier):
    return scattered(with_adapters(classifier, TINY.lora_rank))


def test_parameters_of_full_are_the_designed_ones():
    assert parameter_table(PRESETS["full"]) == DESIGNED


def test_pi_is_within_the_budget():
    table, cost = parameter_table(PI), multiply_adds(joined(build_denoiser(PI), build_classifier(PI, 5)))
    assert table["total"] - table["adapters"] < 5e6 * 0.9  # a byte each, and room for what is not a weight
    assert list(cost) == ["denoiser", "tokenizer", "encoder", "head"]
    assert sum(cost.values()) <= 60e6


def test_multiply_adds_are_counted_by_hand(denoiser, classifier):
    t, f = 13, TINY.feed_forward
    block = t * (4 * 64 * 64 + 2 * 64 * f) + 2 * t * t * 64
    tokens = 9 * (49 * 32 * 4 + 25 * 16 * 4 * 8 + t * 8 * 8 * 8) + t * 64 * 64
    assert multiply_adds(classifier) == {"tokenizer": tokens, "encoder": 2 * block, "head": 64 * LABELS}
    top, half, quarter = 100 * 64, 50 * 32, 25 * 16
    down = 9 * (top * 4 + half * 4 * 8 + 2 * quarter * 8 * 8)
    up = 9 * (quarter * 8 * 8 + half * 16 * 8 + half * 8 * 4 + top * 8 * 4) + top * 4
    assert multiply_adds(denoiser) == {"denoiser": down + up}


@pytest.mark.parametrize("n_mels", [64, 128])
def test_frames_of_either_number_of_bands_are_taken(n_mels):
    preset, x = dataclasses.replace(TINY, n_mels=n_mels), frames(n_mels)
    assert build_denoiser(preset)(x).shape == x.shape
    assert build_classifier(preset, LABELS)(x).shape == (2, LABELS)


def test_inputs_and_outputs_have_the_names_that_are_relied_on(denoiser, classifier):
    assert (denoiser.input.name, denoiser.layers[-1].name) == ("noisy", "clean")
    assert (classifier.input.name, classifier.layers[-1].name) == ("frame", "cause")


def test_joined_is_one_after_the_other_and_shares_their_weights(denoiser, classifier):
    both = joined(denoiser, classifier)
    out = both(frames())
    np.testing.assert_allclose(numpy(out["clean"]), numpy(denoiser(frames())), atol=1e-6)
    np.testing.assert_allclose(numpy(out["cause"]), numpy(classifier(denoiser(frames()))), atol=1e-5)
    theirs = {id(w) for model in (denoiser, classifier) for w in model.trainable_weights}
    assert {id(w) for w in both.trainable_weights} == theirs


def test_a_causal_encoder_sees_no_token_that_follows():
    causal = scattered(build_classifier(dataclasses.replace(TINY, causal=True), LABELS))
    encoder = keras.Model(causal.get_layer("positions").input, causal.get_layer("encoder_norm").output)
    x = np.random.default_rng(2).normal(size=(1, 13, TINY.units)).astype(np.float32)
    changed = x.copy()
    changed[:, 7:] += 1.0
    np.testing.assert_array_equal(numpy(encoder(x))[:, :7], numpy(encoder(changed))[:, :7])


def test_adapters_start_at_the_same_function(classifier):
    fresh = with_adapters(classifier, 4)
    np.testing.assert_allclose(numpy(fresh(frames())), numpy(classifier(frames())), atol=1e-6)


def test_adapters_alone_are_trained(adapted):
    assert {w.name for w in adapted.trainable_weights} == {"lora_a", "lora_b"}
    assert sum(np.prod(w.shape) for w in adapted.trainable_weights) == parameter_table(TINY)["adapters"]


def test_merged_is_the_adapted_model_without_adapters(adapted, classifier):
    plain = merged(adapted)
    np.testing.assert_allclose(numpy(plain(frames())), numpy(adapted(frames())), atol=1e-5)
    assert not np.allclose(numpy(plain(frames())), numpy(classifier(frames())), atol=1e-2)
    assert [w.shape for w in plain.trainable_weights] == [w.shape for w in classifier.trainable_weights]


def test_what_is_saved_is_loaded(tmp_path, denoiser, classifier, adapted):
    for model in (denoiser, classifier, adapted):
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(numpy(loaded(frames())), numpy(model(frames())))
        assert [w.path for w in loaded.trainable_weights] == [w.path for w in model.trainable_weights]


@pytest.mark.parametrize("weights", [(0.1, 0.1), (0.0, 0.3), (0.2, 0.0)])
def test_the_loss_is_the_equation(weights):
    clean, estimate = frames(), frames()[::-1] * 0.5
    error = (estimate - clean).astype(np.float64)
    time, frequency = np.abs(np.diff(error, axis=1)).mean(), np.abs(np.diff(error, axis=2)).mean()
    expected = np.square(error).mean() + weights[0] * time + weights[1] * frequency
    assert float(denoising_loss(clean, estimate, *weights)) == pytest.approx(expected, rel=1e-5)


def test_a_constant_offset_has_no_gradient_terms():
    clean = np.round(frames() * 16) / 16  # so that the offset is added exactly
    offset = clean + np.float32(0.5)
    assert float(denoising_loss(clean, offset)) == float(denoising_loss(clean, offset, 0.0, 0.0)) == 0.25


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"n_mels": 80}, "n_mels is 80, it must be one of 64, 128"),
        ({"units": 0}, "units is 0"),
        ({"heads": 5}, "a multiple of heads, 5"),
        ({"denoiser": (4, 8)}, "three levels"),
        ({"tokenizer": (4,)}, "two convolutions or more"),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ],
)
def test_a_preset_that_cannot_be_is_refused(changes, reason):
    with pytest.raises(UserError, match=reason):
        dataclasses.replace(TINY, **changes)


def test_an_unknown_preset_lists_those_there_are():
    with pytest.raises(UserError, match="unknown preset 'huge': choose one of full, pi, tiny"):
        find_preset("huge")
