"""The detector: a depthwise-separable CNN over one second of log-mel, small enough to look five times a second."""

from __future__ import annotations

import keras
from keras import layers

from edge.dsp.log_mel import N_MELS
from edge.frames import FRAME_COLUMNS

STEM_CHANNELS = 16
BLOCKS = [(32, 2), (64, 2), (96, 1), (96, 1), (128, 2), (160, 1)]  # (channels, stride)


def build_detector(batch_norm: type[layers.Layer] = layers.BatchNormalization, dropout: float = 0.3) -> keras.Model:
    """(1, 98, 64, 1) normalised log-mel -> one logit of "a baby is crying", named `cry`."""
    frame = keras.Input((FRAME_COLUMNS, N_MELS, 1), name="log_mel")
    x = layers.Conv2D(STEM_CHANNELS, 3, strides=2, padding="same", use_bias=False)(frame)
    x = layers.ReLU()(batch_norm()(x))
    for channels, stride in BLOCKS:
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(batch_norm()(x))
        x = layers.Conv2D(channels, 1, use_bias=False)(x)
        x = layers.ReLU()(batch_norm()(x))
    x = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(frame, layers.Dense(1, name="cry")(x), name="cry_detector")


def with_teacher_head(detector: keras.Model, n_classes: int) -> keras.Model:
    """The detector with a second output, the teacher's class logits: used in training, left behind in export."""
    embedding = detector.get_layer("embedding").output
    teacher = layers.Dense(n_classes, name="teacher")(embedding)
    return keras.Model(detector.input, {"cry": detector.output, "teacher": teacher})
