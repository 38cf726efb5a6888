"""The denoiser, a U-Net; the classifier, tokenizer + Transformer + head; both at once; the classifier with adapters.

Both take (batch, 98, n_mels, 1) float32, log-mel normalised by frame_mean. A layer's name says of which part it is:
denoiser_, tokenizer_, encoder_; all others belong to the head.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from edge.frames import FRAME_COLUMNS
from training.layers.attention import TransformerBlock
from training.layers.positions import LearnedPositions
from training.transformer.presets import POSITIONS, Preset

NOISY, CLEAN, FRAME, CAUSE = "noisy", "clean", "frame", "cause"
DENOISER, TOKENIZER, ENCODER = "denoiser", "tokenizer", "encoder"
MOMENTUM = 0.9  # of the moments: small corpora give few steps to settle in
SMALL = 0.01  # standard deviation of the denoiser's last kernel: it starts at little change


def build_denoiser(preset: Preset) -> keras.Model:
    """(batch, 98, n_mels, 1) `noisy` -> `clean`, the same shape: the frame plus what a U-Net of three levels tells."""
    top, middle, bottom = preset.denoiser
    noisy = keras.Input((FRAME_COLUMNS, preset.n_mels, 1), name=NOISY)
    x = layers.ZeroPadding2D(((0, -FRAME_COLUMNS % 4), (0, 0)), name="denoiser_pad")(noisy)
    skip_1 = convolved("denoiser_down_1", top, x)
    skip_2 = convolved("denoiser_down_2", middle, skip_1, strides=2)
    x = convolved("denoiser_down_3", bottom, skip_2, strides=2)
    x = convolved("denoiser_bottom", bottom, x)
    x = layers.Conv2DTranspose(middle, 3, strides=2, padding="same", name="denoiser_rise_2")(x)
    x = convolved("denoiser_up_2", middle, layers.Concatenate(name="denoiser_join_2")([x, skip_2]))
    x = layers.Conv2DTranspose(top, 3, strides=2, padding="same", name="denoiser_rise_1")(x)
    x = convolved("denoiser_up_1", top, layers.Concatenate(name="denoiser_join_1")([x, skip_1]))
    small = keras.initializers.RandomNormal(stddev=SMALL)
    x = layers.Conv2D(1, 1, kernel_initializer=small, name="denoiser_change")(x)
    x = layers.Cropping2D(((0, -FRAME_COLUMNS % 4), (0, 0)), name="denoiser_crop")(x)
    return keras.Model(noisy, layers.Add(dtype="float32", name=CLEAN)([noisy, x]), name=DENOISER)


def build_classifier(preset: Preset, n_labels: int) -> keras.Model:
    """(batch, 98, n_mels, 1) `frame` -> (batch, n_labels) logits `cause`."""
    frame = keras.Input((FRAME_COLUMNS, preset.n_mels, 1), name=FRAME)
    x = frame
    for number, filters in enumerate(preset.tokenizer, start=1):
        x = convolved(f"tokenizer_{number}", filters, x, strides=2, use_bias=True)
    x = layers.Reshape((preset.tokens, x.shape[2] * x.shape[3]), name="tokenizer_flat")(x)
    x = layers.Dense(preset.units, name="tokenizer_tokens")(x)
    x = LearnedPositions(POSITIONS, name="positions")(x)
    x = layers.Dropout(preset.dropout, name="positions_drop")(x)
    for number in range(1, preset.layers + 1):
        x = TransformerBlock(
            preset.heads, preset.feed_forward, causal=preset.causal, dropout=preset.dropout, name=f"encoder_{number}"
        )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="encoder_norm")(x)
    x = layers.GlobalAveragePooling1D(name="head_mean")(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="head_norm")(x)
    x = layers.Dropout(preset.dropout, name="head_drop")(x)
    return keras.Model(frame, layers.Dense(n_labels, dtype="float32", name=CAUSE)(x), name="classifier")


def convolved(name: str, filters: int, x: Any, strides: int = 1, use_bias: bool = False) -> Any:
    """3 x 3 convolution, normalisation, ReLU."""
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=use_bias, name=name)(x)
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x))


def joined(denoiser: keras.Model, classifier: keras.Model) -> keras.Model:
    """`noisy` -> {"clean", "cause"}: one after the other, sharing the layers of both, for training them together."""
    noisy = keras.Input(denoiser.input.shape[1:], name=NOISY)
    clean = denoiser(noisy)
    return keras.Model(noisy, {CLEAN: clean, CAUSE: classifier(clean)}, name="denoised_classifier")


def with_adapters(classifier: keras.Model, rank: int) -> keras.Model:
    """The same function, with adapters of that rank on every dense layer of the encoder, which alone are trained."""
    adapted = with_rank(classifier, rank)
    for layer in adapted.layers:
        if not isinstance(layer, TransformerBlock):  # a block with adapters knows which of its weights are trained
            layer.trainable = False
    return adapted


def merged(classifier: keras.Model) -> keras.Model:
    """The same function with the adapters inside the kernels: as large and as fast as without them."""
    plain = with_rank(classifier, 0)
    for layer in plain.layers:
        layer.trainable = True
    return plain


def export_graph(classifier: keras.Model, _: dict) -> keras.Model:
    """What edge-export converts: the classifier without adapters, if it has any."""
    return merged(classifier) if any(weight.name == "lora_a" for weight in classifier.weights) else classifier


def with_rank(classifier: keras.Model, rank: int) -> keras.Model:
    """A copy whose blocks have new adapters of that rank, the old ones merged."""

    def copied(layer: Any) -> Any:
        changed = {"rank": rank, "trainable": True} if isinstance(layer, TransformerBlock) else {}
        return layer.from_config({**layer.get_config(), **changed})

    copy = keras.models.clone_model(classifier, clone_function=copied)
    for old, new in zip(classifier.layers, copy.layers, strict=True):
        if not isinstance(old, TransformerBlock):
            new.set_weights(old.get_weights())
            continue
        new.norm_1.set_weights(old.norm_1.get_weights())
        new.norm_2.set_weights(old.norm_2.get_weights())
        for before, after in zip(old.dense_layers, new.dense_layers, strict=True):
            after.kernel.assign(before.merged_kernel())
            after.bias.assign(before.bias)
    return copy
