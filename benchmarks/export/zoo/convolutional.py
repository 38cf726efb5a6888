"""Convolutional classifiers of one log-mel frame: each gives the tensor that one dense layer turns into a logit."""

from __future__ import annotations

from typing import Any


def norm_relu(layers: Any, x: Any) -> Any:
    """Batch norm and ReLU."""
    return layers.ReLU()(layers.BatchNormalization()(x))


def plain(keras: Any, x: Any) -> Any:
    """Three convolutions with pooling between."""
    layers = keras.layers
    for filters in (16, 32, 48):
        x = layers.MaxPooling2D()(norm_relu(layers, layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)))
    return layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))


def separable(keras: Any, x: Any) -> Any:
    """Depthwise-separable blocks, as keyword spotters have them."""
    layers = keras.layers
    x = norm_relu(layers, layers.Conv2D(32, (10, 4), strides=2, padding="same")(x))
    for _ in range(3):
        x = norm_relu(layers, layers.DepthwiseConv2D(3, padding="same")(x))
        x = norm_relu(layers, layers.Conv2D(32, 1)(x))
    return layers.Flatten()(layers.AveragePooling2D((x.shape[1], x.shape[2]))(x))


def residual(keras: Any, x: Any) -> Any:
    """Blocks with a way around."""
    layers = keras.layers
    x = norm_relu(layers, layers.Conv2D(16, 3, padding="same")(x))
    for filters, stride in ((16, 1), (32, 2), (48, 2)):
        y = norm_relu(layers, layers.Conv2D(filters, 3, strides=stride, padding="same")(x))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        x = layers.ReLU()(layers.Add()([layers.Conv2D(filters, 1, strides=stride)(x), y]))
    return layers.GlobalAveragePooling2D()(x)


def squeeze_excitation(keras: Any, x: Any) -> Any:
    """Inverted bottlenecks with swish and channels that are weighed."""
    layers = keras.layers
    x = layers.Activation("swish")(layers.BatchNormalization()(layers.Conv2D(16, 3, strides=2, padding="same")(x)))
    for stride in (1, 2):
        y = layers.Activation("swish")(layers.Conv2D(48, 1)(x))
        y = layers.Activation("swish")(layers.DepthwiseConv2D(3, strides=stride, padding="same")(y))
        weight = layers.Conv2D(8, 1, activation="swish")(layers.GlobalAveragePooling2D(keepdims=True)(y))
        x = layers.Conv2D(24, 1)(layers.Multiply()([y, layers.Conv2D(48, 1, activation="sigmoid")(weight)]))
    return layers.GlobalAveragePooling2D()(x)


def dense_blocks(keras: Any, x: Any) -> Any:
    """Each layer sees all before it; a grouped convolution and PReLU at the end."""
    layers = keras.layers
    x = layers.Conv2D(16, 3, strides=2, padding="same")(x)
    for _ in range(3):
        x = layers.Concatenate()([x, layers.Conv2D(8, 3, padding="same")(norm_relu(layers, x))])
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(32, 1, groups=4)(x))
    return layers.GlobalAveragePooling2D()(x)


def broadcast(keras: Any, x: Any) -> Any:
    """Means over the bands, added to every band again."""
    layers, ops = keras.layers, keras.ops
    x = layers.Conv2D(16, 5, strides=(1, 2), padding="same")(x)
    for dilation in (1, 2):
        along_bands = layers.BatchNormalization()(layers.DepthwiseConv2D((1, 3), padding="same")(x))
        over_time = ops.mean(along_bands, axis=2, keepdims=True)
        over_time = layers.DepthwiseConv2D((3, 1), padding="same", dilation_rate=(dilation, 1))(over_time)
        x = layers.ReLU()(x + along_bands + layers.Conv2D(16, 1)(layers.Activation("swish")(over_time)))
    return layers.GlobalAveragePooling2D()(x)


def group_norm(keras: Any, x: Any) -> Any:
    """Normalised by group and by instance."""
    layers = keras.layers
    for groups in (8, -1):
        x = layers.GroupNormalization(groups)(layers.Conv2D(32, 3, strides=2, padding="same")(x))
        x = layers.LeakyReLU()(x)
    return layers.GlobalAveragePooling2D()(x)


def upsampling(keras: Any, x: Any) -> Any:
    """Down and up again, both ways of upsampling."""
    layers = keras.layers
    fine = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    coarse = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(fine)
    up = layers.UpSampling2D(2, interpolation="bilinear")(coarse)
    x = layers.Concatenate()([fine, up, layers.Conv2DTranspose(8, 2, strides=2)(coarse)])
    return layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1)(x))


def pooled_twice(keras: Any, x: Any) -> Any:
    """Norms of bands, mean and maximum over time, as in PANNs."""
    layers, ops = keras.layers, keras.ops
    x = layers.BatchNormalization(axis=2)(x)
    for filters in (16, 32):
        x = layers.AveragePooling2D(2)(norm_relu(layers, layers.Conv2D(filters, 3, padding="same")(x)))
    x = ops.mean(x, axis=2)
    return layers.Dense(32, activation="relu")(ops.max(x, axis=1) + ops.mean(x, axis=1))


def operations(keras: Any, x: Any) -> Any:
    """Plain keras.ops between layers."""
    ops = keras.ops
    x = ops.expand_dims(ops.transpose(x[..., 0], (0, 2, 1)), -1)
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(x)
    return ops.concatenate([reduce(x, axis=(1, 2)) for reduce in (ops.mean, ops.max, ops.std)], -1)


def mixed_kernels(keras: Any, x: Any) -> Any:
    """Kernels of three sizes side by side, average and maximum pooled, ELU."""
    layers = keras.layers
    x = layers.Conv2D(12, 3, strides=2, padding="same", activation="elu")(x)
    x = layers.Concatenate()([layers.Conv2D(12, size, padding="same")(x) for size in (1, 3, 5)])
    x = layers.Activation("elu")(layers.BatchNormalization()(x))
    return layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])


def shuffled(keras: Any, x: Any) -> Any:
    """Grouped convolutions whose channels are shuffled between."""
    layers, ops = keras.layers, keras.ops
    x = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu")(x)
    for _ in range(2):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(24, 1, groups=3)(x)))
        rows, bands = x.shape[1], x.shape[2]
        x = layers.Reshape((rows, bands, 3, 8))(x)
        x = layers.Reshape((rows, bands, 24))(ops.transpose(x, (0, 1, 2, 4, 3)))
        x = layers.DepthwiseConv2D(3, padding="same")(x)
    return layers.GlobalAveragePooling2D()(x)
