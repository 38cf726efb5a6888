"""The trained model to export: DIR/*.keras and DIR/model.json."""

import importlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError
from export.description import DESCRIPTION_NAME, read_description
from export.quiet import quiet

PROBABILITIES = ("sigmoid", "softmax")
DEFAULT_MODEL_DIR = Path(__file__).resolve().parent.parent / "training" / "models" / "detector"


@dataclass(frozen=True)
class SourceModel:
    """A Keras model together with what model.json says of it."""

    directory: Path
    description: dict[str, Any]  # model.json, checked and completed; its keys go into the manifest as they are
    trained: Any  # the Keras model as it was saved
    fixed: Any  # the same as a functional model with batch 1: (1, 98, 64, 1) -> (1, number of labels)

    @property
    def role(self) -> str:
        return self.description["role"]

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


def load_source_model(directory: Path) -> SourceModel:
    """Read and check a model directory.

    Raises UserError when model.json or the Keras file is missing or unusable, when the feature is not the one
    edge/dsp computes, or when the network's input and output do not match feature and labels.
    """
    if not directory.is_dir():
        raise UserError(
            f"no model directory {directory}: name one with --model that holds a .keras file and "
            f"{DESCRIPTION_NAME}"
        )
    description = read_description(directory / DESCRIPTION_NAME)
    candidates = sorted(directory.glob("*.keras"))
    if len(candidates) != 1:
        raise UserError(
            f"{directory} holds {len(candidates)} .keras files, exactly one is needed: "
            f"save the model there with model.save('{description['role']}.keras')"
        )
    trained = load_keras(candidates[0], description)
    return SourceModel(directory, description, trained, with_batch_of_one(trained))


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
    parameters = description["feature"]["parameters"]
    check_shapes(model, (parameters["frame_columns"], parameters["n_mels"], 1), description["labels"], path)
    return model


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


def with_batch_of_one(model: Any) -> Any:
    """A functional model around another (also a Sequential, which does not convert) with batch 1."""
    keras = import_keras()
    inputs = keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]))
    return keras.Model(inputs, model(inputs, training=False))


def check_shapes(model: Any, input_shape: tuple[int, ...], labels: list[str], path: Path) -> None:
    """Raise UserError unless the model maps one input of input_shape to one logit per label."""
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
        raise UserError(
            f"{path} has a dynamic input shape {shape}: give keras.Input the fixed shape {input_shape}"
        )
    if shape != input_shape:
        raise UserError(
            f"{path} takes an input of shape {shape}, its feature gives {input_shape}: train it on that"
        )
    if tuple(outputs[0].shape[1:]) != (len(labels),):
        raise UserError(
            f"{path} gives an output of shape {tuple(outputs[0].shape[1:])}, {DESCRIPTION_NAME} has "
            f"{len(labels)} label(s) {labels}: one logit per label is needed"
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
        raise UserError(
            f"Keras already runs on {keras.backend.backend()} in this process: export in a fresh one"
        )
    return keras
