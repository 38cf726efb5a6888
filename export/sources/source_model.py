"""A trained model to export: a .keras file and what model.json says of it."""

import importlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.bundle.model import DENOISER, EXPERT
from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.quiet import quiet
from export.parity.feeds import ESTIMATE_NAME, INPUT_NAME, OUTPUT_NAME
from export.sources.description import DESCRIPTION_NAME, is_frame_expert, read_description

PROBABILITIES = ("sigmoid", "softmax")


@dataclass(frozen=True)
class SourceModel:
    """A Keras model together with what model.json says of it."""

    directory: Path
    description: dict[str, Any]  # model.json, checked and completed; its keys go into the manifest as they are
    trained: Any  # the Keras model as it was saved
    fixed: Any  # what is converted: a functional model with batch 1 and names, of a fused expert its step graph

    @property
    def role(self) -> str:
        return self.description["role"]

    @property
    def title(self) -> str:
        """What its files are called after: detector, denoiser, expert-android."""
        return f"{self.role}-{self.description['name']}" if self.role == EXPERT else self.role

    @property
    def is_frame_expert(self) -> bool:
        return is_frame_expert(self.description)

    @property
    def is_denoised(self) -> bool:
        """Whether it sees frames through the denoiser."""
        return self.is_frame_expert and self.description["denoised"]

    @property
    def scale(self) -> float:
        return self.description["normalisation"]["scale"]

    @property
    def temperature(self) -> float | None:
        """None: not yet fitted."""
        return self.description["temperature"]

    def with_temperature(self, temperature: float) -> "SourceModel":
        """The same model at a temperature."""
        return replace(self, description={**self.description, "temperature": temperature})


def load_source_model(keras_path: Path, description_path: Path) -> SourceModel:
    """Read and check a model.

    Raises UserError when model.json or the Keras file is missing or unusable, when the feature is not the one
    edge/dsp computes, or when the network's input and output do not match feature and labels.
    """
    description = read_description(description_path)
    trained = load_keras(keras_path, description)
    if description["role"] == DENOISER:
        fixed = with_batch_of_one(trained, ESTIMATE_NAME)
    elif description["role"] == EXPERT and not is_frame_expert(description):
        fixed = step_graph(trained, description)
    else:
        fixed = with_batch_of_one(without_adapters(trained))
    return SourceModel(keras_path.parent, description, trained, fixed)


def load_keras(path: Path, description: dict[str, Any]) -> Any:
    """The Keras model in `path`. Raises UserError when it cannot be loaded or does not fit its description."""
    keras = import_keras()
    import_layers(description["layers"], path.parent)
    try:
        with quiet():
            model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # what Keras raises for a bad file varies with what is bad
        unknown = re.search(r"Could not locate class '(\w+)'", str(error))
        if unknown:
            raise UserError(
                f"{path} has a layer {unknown[1]!r} that is not registered with Keras: decorate its class with "
                f"@keras.saving.register_keras_serializable() and name its module in {DESCRIPTION_NAME}, "
                f'"layers": ["my_package.layers"]'
            ) from error
        raise UserError(
            f"{path} cannot be loaded as a Keras 3 model ({one_line(error)}): save it again with "
            f"model.save('NAME.keras')"
        ) from error
    check_shapes(model, (*input_shape(description), 1), description, path)
    return model


def input_shape(description: dict[str, Any]) -> tuple[int, int]:
    """What the network looks at: columns, and bands or rows."""
    if description["normalisation"]["kind"] == "row_z_score":
        return description["step"]["window_columns"], len(description["normalisation"]["rows"])
    parameters = description["feature"]["parameters"]
    return parameters["frame_columns"], parameters["n_mels"]


def import_layers(modules: Sequence[str], directory: Path) -> None:
    """Import modules that register custom layers, also such as lie beside the model. Raises UserError."""
    sys.path.insert(0, str(directory.resolve()))
    try:
        for module in modules:
            with quiet():
                importlib.import_module(module)
    except Exception as error:  # a module of someone else's can fail in any way
        raise UserError(
            f'cannot import {module!r} of "layers" in {directory / DESCRIPTION_NAME} ({one_line(error)}): install it '
            f"or put it beside the model"
        ) from error
    finally:
        sys.path.pop(0)


def with_batch_of_one(model: Any, output_name: str = OUTPUT_NAME) -> Any:
    """A functional model around another (also a Sequential, which does not convert) with batch 1 and names."""
    keras = import_keras()
    inputs = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]), name=INPUT_NAME)
    outputs = keras.layers.Identity(name=f"{output_name}_out")(model(inputs, training=False))
    return keras.Model([inputs], {output_name: outputs})


def without_adapters(model: Any) -> Any:
    """The model with its low-rank adapters, if it has any, inside the kernels they adapt: as fast as without them."""
    if not any(weight.name == "lora_a" for weight in model.weights):
        return model
    from training.transformer.model import merged  # the one who adapts such models knows how

    return merged(model)


def step_graph(model: Any, description: dict[str, Any]) -> Any:
    """An expert on a few new columns and what it remembers. Raises UserError when it cannot be streamed."""
    from training.causes.streaming import cause_step  # the one who builds such models knows how they stream

    try:
        return cause_step(model, description["step"]["columns"])
    except ValueError as error:  # Keras, of a layer that is not there
        raise UserError(
            f"{description['name']} is no cause model that can be streamed ({one_line(error)}): build it with "
            f"training.causes.model.build_model, as cry-train causes does"
        ) from error


def check_shapes(model: Any, input_shape: tuple[int, ...], description: dict[str, Any], path: Path) -> None:
    """Raise UserError unless the model maps one input of input_shape to one logit per label, or to what is like it."""
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1:
        raise UserError(
            f"{path} has {len(inputs or [])} inputs and {len(outputs or [])} outputs, one of each is "
            f"needed: build it as a functional model"
        )
    batch, *rest = inputs[0].shape
    shape = tuple(rest)
    if batch not in (None, 1):
        raise UserError(f"{path} has a fixed batch of {batch}: leave the batch open in keras.Input")
    if None in shape:
        raise UserError(f"{path} has a dynamic input shape {shape}: give keras.Input the fixed shape {input_shape}")
    if shape != input_shape:
        raise UserError(f"{path} takes an input of shape {shape}, its feature gives {input_shape}: train it on that")
    given = tuple(outputs[0].shape[1:])
    if description["role"] == DENOISER:
        if given != input_shape:
            raise UserError(
                f"{path} gives an output of shape {given}, a denoiser gives one like its input, {input_shape}"
            )
        return
    labels = description["labels"]
    if given != (len(labels),):
        raise UserError(
            f"{path} gives an output of shape {given}, {DESCRIPTION_NAME} has {len(labels)} label(s) {labels}: one "
            f"logit per label is needed"
        )
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", "linear")
    if activation in PROBABILITIES:
        raise UserError(
            f"{path} ends in a {activation}, so it gives probabilities: logits are needed, leave that activation out"
        )


def import_keras() -> Any:
    """Keras on TensorFlow, the only backend that converts, however the model was trained.

    Raises UserError when another backend is already loaded in this process.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():
        import keras
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"Keras already runs on {keras.backend.backend()} in this process: export in a fresh one")
    return keras
