"""The Keras layer behind a name that TensorFlow, tf2onnx or TFLite gave to what it computes.

TensorFlow makes a scope of every layer and numbers scopes that it opens again: conv2d computes in conv2d_1, conv2d_1 in
conv2d_1_2.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any

from export.convert.keras_graph import inner_model
from export.onnx_model import OnnxModel

NUMBERED = re.compile(r"^(.+)_\d+$")
WITH_WEIGHTS = ("conv", "depthwise", "matmul", "tensordot")  # of the names of what TensorFlow computes


def layer_names(model: Any) -> list[str]:
    """The names of all layers of a Keras model that is converted, those inside of layers too; of an ONNX file none."""
    if isinstance(model, OnnxModel):
        return []
    return list(dict.fromkeys(layer.name for layer in inner_model(model)._flatten_layers(include_self=False)))


def layer_of(name: str, layers: Collection[str]) -> str:
    """The layers that a name lies in, outermost first, as "encoder_1/attention/key"; "" where it is in none."""
    found = []
    for part in name.split(":")[0].split("/"):
        numbered = NUMBERED.match(part)
        if numbered and numbered[1] in layers:
            found.append(numbered[1])
        elif part in layers:
            found.append(part)
    return "/".join(found)


def layer_of_any(names: Sequence[str], layers: Collection[str]) -> str:
    """The innermost that the names tell: the first of them that lies in a layer without layers of its own."""
    found = [layer for layer in (layer_of(name, layers) for name in names) if layer]
    return max(found, key=lambda layer: layer.count("/"), default="")


def layer_of_tensor(tensor: str, layers: Collection[str]) -> str:
    """The layer of a TFLite tensor, in whose name the paths of all that were fused are joined by semicolons."""
    paths = tensor.split(";")
    weighty = [path for path in paths if any(word in path.rpartition("/")[2].lower() for word in WITH_WEIGHTS)]
    return layer_of_any(weighty, layers) or layer_of_any(paths, layers)


def is_within(layer: str, chosen: Collection[str]) -> bool:
    """Whether a layer, or one around it, is among the chosen: by its path or by its name alone."""
    parts = layer.split("/")
    return any("/".join(parts[: n + 1]) in chosen or part in chosen for n, part in enumerate(parts))
