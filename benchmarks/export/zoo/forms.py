"""Forms in which models are kept, and mistakes: each makes a whole Keras model of (98, 64, 1) frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SHAPE = (98, 64, 1)


def small(keras: Any, inputs: Any, features: Any = None) -> Any:
    """Two convolutions, and the mean of what they give."""
    layers = keras.layers
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(inputs if features is None else features)
    x = layers.BatchNormalization()(layers.Conv2D(24, 3, strides=2)(x))
    return layers.GlobalAveragePooling2D()(layers.ReLU()(x))


def whole(keras: Any, inputs: Any, features: Any = None) -> Any:
    """With its last layer."""
    return keras.Model(inputs, keras.layers.Dense(1)(small(keras, inputs, features)))


def sequential(keras: Any) -> Any:
    """No functional model at all."""
    layers = keras.layers
    parts = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(4), layers.Flatten(), layers.Dense(1)]
    return keras.Sequential([keras.Input(SHAPE), *parts])


def nested(keras: Any) -> Any:
    """Two models inside a third."""
    inputs, front_in, back_in = keras.Input(SHAPE), keras.Input(SHAPE), keras.Input((48, 31, 16))
    front = keras.Model(front_in, keras.layers.Conv2D(16, 3, strides=2, activation="relu")(front_in))
    back = keras.Model(back_in, keras.layers.GlobalAveragePooling2D()(back_in))
    return keras.Model(inputs, keras.layers.Dense(1)(back(front(inputs))))


def of_policy(policy: str) -> Callable[[Any], Any]:
    """Of another precision."""

    def build(keras: Any) -> Any:
        keras.mixed_precision.set_global_policy(policy)
        try:
            return whole(keras, keras.Input(SHAPE))
        finally:
            keras.mixed_precision.set_global_policy("float32")

    return build


def normalised(keras: Any) -> Any:
    """A Rescaling and an adapted Normalization inside."""
    layer = keras.layers.Normalization(axis=-2)
    layer.adapt(np.random.default_rng(0).normal(0.3, 1.3, (64, *SHAPE)).astype(np.float32))
    inputs = keras.Input(SHAPE)
    return whole(keras, inputs, layer(keras.layers.Rescaling(1 / 3, offset=0.1)(inputs)))


def augmented(keras: Any) -> Any:
    """Augmentation and noise layers left in."""
    layers, inputs = keras.layers, keras.Input(SHAPE)
    x = layers.RandomTranslation(0.05, 0.05)(layers.GaussianNoise(0.1)(inputs))
    return whole(keras, inputs, layers.GaussianDropout(0.1)(layers.RandomContrast(0.1)(x)))


def named(keras: Any) -> Any:
    """A dict in, a dict out."""
    model = whole(keras, keras.Input(SHAPE))
    return keras.Model({"mel": model.input}, {"cry": model.output})


def without_channel(keras: Any) -> Any:
    """(98, 64)."""
    inputs = keras.Input(SHAPE[:2])
    return whole(keras, inputs, keras.layers.Reshape(SHAPE)(inputs))


def open_time(keras: Any) -> Any:
    """(None, 64, 1)."""
    return whole(keras, keras.Input((None, *SHAPE[1:])))


def shared(keras: Any) -> Any:
    """One convolution and one dense layer for the low and the high bands."""
    layers, inputs = keras.layers, keras.Input(SHAPE)
    convolution, dense = layers.Conv2D(16, 3, activation="relu"), layers.Dense(16, activation="relu")
    low, high = (convolution(layers.Cropping2D(crop)(inputs)) for crop in (((0, 0), (0, 32)), ((0, 0), (32, 0))))
    means = [dense(layers.GlobalAveragePooling2D()(part)) for part in (low, high)]
    x = layers.Concatenate()([*means, dense(layers.GlobalMaxPooling2D()(high)), layers.Subtract()(means)])
    return keras.Model(inputs, layers.Dense(1)(x))


def batch_of_one(keras: Any) -> Any:
    """A batch of one that is fixed."""
    return whole(keras, keras.Input(batch_shape=(1, *SHAPE)))


def sigmoid_layer(keras: Any) -> Any:
    """Probabilities out of the last layer."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(small(keras, inputs)))


def sigmoid_behind_a_cast(keras: Any) -> Any:
    """Probabilities, and a layer that only casts."""
    model = sigmoid_layer(keras)
    return keras.Model(model.input, keras.layers.Activation("linear", dtype="float32")(model.output))


def sigmoid_operation(keras: Any) -> Any:
    """Probabilities out of a plain operation."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.ops.sigmoid(keras.layers.Dense(1)(small(keras, inputs))))


def sigmoid_in_a_model(keras: Any) -> Any:
    """Probabilities out of a model inside a model."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, sigmoid_layer(keras)(inputs))


def softmax_of_two(keras: Any) -> Any:
    """Probabilities of cry and of no cry."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(2)(small(keras, inputs))))


def code_inside(keras: Any) -> Any:
    """Python of its own within the file."""
    inputs = keras.Input(SHAPE)
    return whole(keras, inputs, keras.layers.Lambda(lambda x: keras.ops.log1p(keras.ops.exp(x)))(inputs))


def two_inputs(keras: Any) -> Any:
    """Something else beside the frame."""
    inputs, other = keras.Input(SHAPE), keras.Input((4,))
    x = keras.layers.Concatenate()([small(keras, inputs), other])
    return keras.Model([inputs, other], keras.layers.Dense(1)(x))


def two_outputs(keras: Any) -> Any:
    """Two heads."""
    inputs = keras.Input(SHAPE)
    x = small(keras, inputs)
    return keras.Model(inputs, {name: keras.layers.Dense(1)(x) for name in ("cry", "level")})


def five_labels(keras: Any) -> Any:
    """More logits than labels."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, keras.layers.Dense(5)(small(keras, inputs)))


def other_feature(keras: Any) -> Any:
    """Forty bands."""
    return whole(keras, keras.Input((98, 40, 1)))


def transposed(keras: Any) -> Any:
    """Bands before columns."""
    return whole(keras, keras.Input((64, 98, 1)))


def three_channels(keras: Any) -> Any:
    """A frame as a picture."""
    return whole(keras, keras.Input((98, 64, 3)))


def batch_of_32(keras: Any) -> Any:
    """A batch that is fixed."""
    return whole(keras, keras.Input(batch_shape=(32, *SHAPE)))


KEPT = {
    "sequential": sequential,
    "nested models": nested,
    "mixed_float16": of_policy("mixed_float16"),
    "mixed_bfloat16": of_policy("mixed_bfloat16"),
    "float64": of_policy("float64"),
    "normalisation inside": normalised,
    "augmentation inside": augmented,
    "named input and output": named,
    "no channel axis": without_channel,
    "open time axis": open_time,
    "shared layers": shared,
    "fixed batch of one": batch_of_one,
}
MISTAKES = {
    "sigmoid": sigmoid_layer,
    "sigmoid behind a cast": sigmoid_behind_a_cast,
    "sigmoid as an operation": sigmoid_operation,
    "sigmoid in a model inside": sigmoid_in_a_model,
    "softmax of two": softmax_of_two,
    "Lambda inside": code_inside,
    "two inputs": two_inputs,
    "two outputs": two_outputs,
    "five logits, one label": five_labels,
    "forty bands": other_feature,
    "bands before columns": transposed,
    "three channels": three_channels,
    "fixed batch of 32": batch_of_32,
}
