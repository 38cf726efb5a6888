"""A Keras model as the converters take it: recurrent layers unrolled, float32, grouped convolutions in the open."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from export.convert.keras_graph import import_keras
from export.onnx_model import OnnxModel

MAX_UNROLLED_STEPS = 400
POOLING = "GlobalAveragePooling2D"
RECURRENT = ("SimpleRNN", "GRU", "LSTM", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
OTHER_PRECISIONS = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64")


@lru_cache(maxsize=1)
def grouped_layers() -> dict[str, Any]:
    """By the name of a Keras convolution, one of the same weights that TensorFlow traces as one operator.

    Keras hides a grouped convolution in a function for XLA, which no converter looks into.
    """
    keras = import_keras()
    import tensorflow as tf

    def convolve(layer: Any, inputs: Any, kernel: Any) -> Any:
        return tf.nn.convolution(
            inputs, kernel, list(layer.strides), layer.padding.upper(), dilations=list(layer.dilation_rate)
        )

    return {
        name: keras.saving.register_keras_serializable("export", f"Grouped{name}")(
            type(f"Grouped{name}", (getattr(keras.layers, name),), {"convolution_op": convolve})
        )
        for name in ("Conv1D", "Conv2D")
    }


@lru_cache(maxsize=1)
def pooling_by_axis() -> Any:
    """Keras's global average pooling, over one axis after the other."""
    keras = import_keras()

    def average(layer: Any, inputs: Any) -> Any:
        first, second = (1, 2) if layer.data_format == "channels_last" else (2, 3)
        by_column = keras.ops.mean(inputs, axis=second, keepdims=True)
        averaged = keras.ops.mean(by_column, axis=first, keepdims=True)
        return averaged if layer.keepdims else keras.ops.squeeze(averaged, (first, second))

    layer = type(f"{POOLING}ByAxis", (keras.layers.GlobalAveragePooling2D,), {"call": average})
    return keras.saving.register_keras_serializable("export", layer.__name__)(layer)


def with_pooling_by_axis(model: Any) -> Any:
    """The same functional model, pooled over one axis after the other.

    LiteRT adds the numbers of a mean up one after the other. Over both axes of a frame at once, that rounds ten times
    as much as the rest of a network.
    """
    if isinstance(model, OnnxModel) or all(type(layer).__name__ != POOLING for layer in model._flatten_layers()):
        return model
    try:
        return rebuilt(model, pooled_config(model.get_config()), model.get_weights())
    except Exception:  # a layer of somebody's own need not come back from its configuration
        return model


def rebuilt(model: Any, config: Any, weights: Sequence[Any]) -> Any:
    """A model of the same class from another configuration, with these weights."""
    other = type(model).from_config(config)
    take_weights(other, weights)
    return other


def take_weights(model: Any, weights: Sequence[Any]) -> None:
    """Give a model its weights; an adapted Normalization computes with what it makes of them."""
    model.set_weights(weights)
    for layer in model._flatten_layers(include_self=False):
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def pooled_config(config: Any) -> Any:
    """A Keras configuration with the other pooling."""
    if isinstance(config, (list, tuple)):
        return type(config)(pooled_config(value) for value in config)
    if not isinstance(config, dict):
        return config
    changed = {key: pooled_config(value) for key, value in config.items()}
    if changed.get("class_name") == POOLING and changed.get("module") == "keras.layers":
        name = pooling_by_axis().__name__
        changed.update(class_name=name, registered_name=f"export>{name}", module=None)
    return changed


def only_augments(layer_class: str) -> bool:
    """Whether a layer of Keras does nothing but in training; RandomCrop crops the middle out then."""
    return layer_class.startswith("Random") and layer_class != "RandomCrop"


def as_converters_take_it(model: Any) -> Any:
    """The model, or where it is needed the same rebuilt so that it converts.

    A loop crashes TFLite's quantiser and is slow in every engine; half and double precision convert nowhere; layers
    that augment draw random numbers that nobody uses. Parity is measured against the model as it was.
    """
    layers = list(model._flatten_layers(include_self=False))
    loops = {layer.name for layer in layers if type(layer).__name__ in RECURRENT and may_be_unrolled(layer)}
    in_groups = any(getattr(layer, "groups", 1) > 1 and type(layer).__name__ in grouped_layers() for layer in layers)
    augments = any(only_augments(type(layer).__name__) for layer in layers)
    if (
        not loops
        and not in_groups
        and not augments
        and all(layer.dtype_policy.name not in OTHER_PRECISIONS for layer in layers)
    ):
        return model
    weights = [weight.astype("float32") for weight in model.get_weights()]
    return rebuilt(model, converted_config(model.get_config(), loops), weights)


def half_precision(model: Any) -> str | None:
    """The coarsest half precision that a layer of a model computes in: bfloat16, float16 or none."""
    if isinstance(model, OnnxModel):
        return "float16" if model.is_half else None
    types = {layer.compute_dtype for layer in model._flatten_layers(include_self=False)}
    return next((half for half in ("bfloat16", "float16") if half in types), None)


def may_be_unrolled(layer: Any) -> bool:
    """Whether a recurrent layer loops, over no more steps than are unrolled."""
    try:
        steps = layer.input.shape[1]
    except (AttributeError, ValueError):  # inside a Bidirectional it has none of its own
        steps = 0
    return not layer.unroll and steps is not None and steps <= MAX_UNROLLED_STEPS


def converted_config(config: Any, unrolled: set[str]) -> Any:
    """A Keras configuration with the recurrent layers of these names unrolled and float32 everywhere."""
    if isinstance(config, (list, tuple)):
        return type(config)(converted_config(value, unrolled) for value in config)
    if not isinstance(config, dict):
        return "float32" if isinstance(config, str) and config in OTHER_PRECISIONS else config
    changed = {key: converted_config(value, unrolled) for key, value in config.items()}
    if changed.get("class_name") in RECURRENT and changed["config"].get("name") in unrolled:
        changed["config"]["unroll"] = True
    if changed.get("module") == "keras.layers" and only_augments(str(changed.get("class_name"))):
        inner = {"name": changed["config"]["name"], "dtype": "float32", "rate": 0.0}
        changed.update(class_name="Dropout", registered_name=None, config=inner)
    if changed.get("class_name") in grouped_layers() and changed["config"].get("groups", 1) > 1:
        name = f"Grouped{changed['class_name']}"
        changed.update(class_name=name, registered_name=f"export>{name}", module=None)
    return changed
