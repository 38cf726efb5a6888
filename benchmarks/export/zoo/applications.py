"""Architectures of keras.applications, in the smallest width that each has, on one log-mel frame."""

from __future__ import annotations

from typing import Any

FRAME = (98, 64, 1)


def built(keras: Any, name: str, x: Any, *arguments: Any, **keywords: Any) -> Any:
    """An architecture without its top, on a frame."""
    architecture = getattr(keras.applications, name)
    options = {"input_shape": FRAME, "include_top": False, "weights": None, "pooling": "avg", **keywords}
    return architecture(*arguments, **options)(x)


def mobilenet(keras: Any, x: Any) -> Any:
    """Depthwise-separable, a quarter of its width."""
    return built(keras, "MobileNet", x, alpha=0.25)


def mobilenet_v2(keras: Any, x: Any) -> Any:
    """Inverted bottlenecks, the smallest width."""
    return built(keras, "MobileNetV2", x, alpha=0.35)


def mobilenet_v3(keras: Any, x: Any) -> Any:
    """With hard swish and squeeze-excitation."""
    return built(keras, "MobileNetV3Small", x, alpha=0.75, include_preprocessing=False)


def mobilenet_v3_large(keras: Any, x: Any) -> Any:
    """The same, more layers, and its own preprocessing inside."""
    return built(keras, "MobileNetV3Large", x, alpha=0.75)


def efficientnet(keras: Any, x: Any) -> Any:
    """With its own normalisation inside."""
    return built(keras, "EfficientNetB0", x)


def efficientnet_v2(keras: Any, x: Any) -> Any:
    """Fused bottlenecks first."""
    return built(keras, "EfficientNetV2B0", x)


def nasnet(keras: Any, x: Any) -> Any:
    """Cells found by a search."""
    return built(keras, "NASNetMobile", x)


def densenet(keras: Any, x: Any) -> Any:
    """Each layer sees all before it, 121 of them."""
    return built(keras, "DenseNet121", x)


def resnet(keras: Any, x: Any) -> Any:
    """Fifty layers with ways around."""
    return built(keras, "ResNet50", x)


def xception(keras: Any, x: Any) -> Any:
    """Separable convolutions with ways around, which take no fewer than 71 bands: silent ones are added."""
    return built(keras, "Xception", keras.layers.ZeroPadding2D(((0, 0), (0, 8)))(x), input_shape=(98, 72, 1))
