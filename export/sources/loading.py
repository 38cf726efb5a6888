"""Load a trained model: a .keras file, model.json, and the graph that is converted."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.keras_graph import import_keras, one_tensor_to_one, with_batch_of_one
from export.convert.keras_rebuild import as_converters_take_it
from export.convert.quiet import quiet
from export.fixed_inputs import Fixed
from export.kinds.kind import ModelKind
from export.model import SourceModel
from export.sources.description import DESCRIPTION_NAME, kind_of, read_description
from export.sources.foreign import load_foreign
from export.sources.trust import check_archive, import_modules, safe_mode

FOREIGN = (".onnx", ".pt2")


def load_model(
    path: Path, description_path: Path, trusted: bool = False, fixed_inputs: Fixed | None = None
) -> SourceModel:
    """Read and check a model. trusted: code that comes with it may run. fixed_inputs: of one that is no Keras model.

    Raises UserError when model.json or the model is missing or unusable, when the feature is not the one
    edge/dsp computes, or when the network's input and output do not match feature and labels.
    """
    description = read_description(description_path)
    kind = kind_of(description)
    if path.suffix in FOREIGN:
        return load_foreign(path, description, kind, fixed_inputs or Fixed())
    if description.get("states"):
        raise UserError(f"{path}: 'states' of its description is for ONNX and PyTorch models: leave it out")
    trained = load_keras(path, description, kind, trusted)
    if description["graph"] is None:
        fixed = kind.graph(as_converters_take_it(trained), description)
    else:
        fixed = hooked_graph(trained, description, kind, path.parent, trusted)
    return SourceModel(path.parent, description, kind, trained, fixed)


def hooked_graph(trained: Any, description: dict[str, Any], kind: ModelKind, directory: Path, trusted: bool) -> Any:
    """What the function that model.json names as "graph" makes of a trained model. Raises UserError.

    It is called with the Keras model and model.json and gives the functional model that is converted; one whose batch
    is open is given batch 1 and the names of its kind.
    """
    hook = import_hook(description["graph"], directory, trusted)
    try:
        model = hook(trained, description)
    except UserError:
        raise
    except Exception as error:  # a function of someone else's can fail in any way
        raise UserError(
            f"{description['graph']!r}, the graph of {directory / DESCRIPTION_NAME}, does not take this model "
            f"({one_line(error)}): name the function that belongs to it"
        ) from error
    return model if model.inputs[0].shape[0] == 1 else with_batch_of_one(model, kind.output_name)


def import_hook(name: str, directory: Path, trusted: bool) -> Callable[[Any, dict[str, Any]], Any]:
    """The function "package.module:function". Raises UserError."""
    module, _, function = name.partition(":")
    import_modules([module], directory, "graph", directory / DESCRIPTION_NAME, trusted)
    hook = getattr(sys.modules[module], function, None)
    if not callable(hook):
        raise UserError(
            f"{directory / DESCRIPTION_NAME}: graph is {name!r}, and {module} has no function {function!r}: name one "
            f'as "package.module:function"'
        )
    return hook


def load_keras(path: Path, description: dict[str, Any], kind: ModelKind, trusted: bool) -> Any:
    """The Keras model in `path`. Raises UserError when it cannot be loaded or does not fit its description."""
    keras = import_keras()
    check_archive(path)
    import_modules(description["layers"], path.parent, "layers", path.parent / DESCRIPTION_NAME, trusted)
    try:
        with quiet(), safe_mode():
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
    model = one_tensor_to_one(model, kind.input_shape(description))
    check_shapes(model, description, kind, path)
    return model


def check_shapes(model: Any, description: dict[str, Any], kind: ModelKind, path: Path) -> None:
    """Raise UserError unless the model maps one input to one output of the shapes of its kind."""
    input_shape, output_shape = kind.input_shape(description), kind.output_shape(description)
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise UserError(f"{path} does not say what its inputs and outputs are: build it as a functional model")
    if len(inputs) != 1 or len(outputs) != 1:
        names = (", ".join(tensor.name for tensor in inputs), ", ".join(model.output_names))
        raise UserError(
            f"{path} has the inputs {names[0]} and the outputs {names[1]}, one of each is needed: save one of the "
            f"feature alone, and of an output keras.Model(model.inputs, model.outputs[0])"
        )
    batch, *rest = inputs[0].shape
    shape = tuple(rest)
    if batch not in (None, 1):
        raise UserError(f"{path} has a fixed batch of {batch}: leave the batch open in keras.Input")
    if len(shape) != len(input_shape) or any(n not in (None, m) for n, m in zip(shape, input_shape, strict=True)):
        raise UserError(f"{path} takes an input of shape {shape}, its feature gives {input_shape}: train it on that")
    given = tuple(outputs[0].shape[1:])
    if given != output_shape and output_shape == input_shape:
        raise UserError(
            f"{path} gives an output of shape {given}, a {kind.role} gives one like its input, {input_shape}"
        )
    if given != output_shape and "labels" not in description:
        raise UserError(
            f"{path} gives an output of shape {given}, {DESCRIPTION_NAME} has dimensions {description['dimensions']}: "
            f"give the number that it has"
        )
    if given != output_shape:
        labels = description["labels"]
        raise UserError(
            f"{path} gives an output of shape {given}, {DESCRIPTION_NAME} has {len(labels)} label(s) {labels}: one "
            f"logit per label is needed"
        )
