"""What the targets of one model have in common is done once: conversions, and running a file that several hold."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from export.convert import files, onnx_int8
from export.parity import measure
from export.precision import choice


@contextlib.contextmanager
def work_shared(model: Any, folder: Path) -> Iterator[None]:
    """While one Keras model is exported to all targets. folder: where its SavedModel is kept."""
    kind = type(model)
    with contextlib.ExitStack() as stack:
        for room, name, replacement in (
            (files, "keras_to_onnx", once(files.keras_to_onnx, lambda model: ())),
            (files, "keras_to_tflite", once(files.keras_to_tflite, tflite_key)),
            (files, "layer_errors", once(files.layer_errors, lambda content, *others: digest(content))),
            (onnx_int8, "ActivationRanges", once(onnx_int8.ActivationRanges, of_feeds)),
            (onnx_int8, "logits", once(onnx_int8.logits, of_feeds)),
            (choice, "onnx_network", once(choice.onnx_network, digest)),
            (choice, "answers", once(choice.answers, lambda network, *others: id(network))),
            (measure, "where_rounding_grows", once(measure.where_rounding_grows, lambda model, inputs: ())),
            (measure, "opened", once(measure.opened, lambda content, kind, path: (kind, digest(content)))),
            (measure, "engine_outputs", once(measure.engine_outputs, lambda engine, *others: id(engine))),
            (measure, "latency_ms", once(measure.latency_ms, lambda engine, example: id(engine))),
            (kind, "export", saved_once(kind.export, model, folder / "saved_model")),
        ):
            stack.enter_context(patch.object(room, name, replacement))
        yield


def once(function: Callable[..., Any], key: Callable[..., Any]) -> Callable[..., Any]:
    """The function, remembering what it gave by a key of its arguments; errors are not remembered."""
    known: dict[Any, Any] = {}

    def remembering(*arguments: Any) -> Any:
        which = key(*arguments)
        if which not in known:
            known[which] = function(*arguments)
        return known[which]

    return remembering


def tflite_key(model: Any, precision: str, feeds: Any, in_float: Any = ()) -> tuple[str, tuple[str, ...]]:
    """All that a TFLite file of one model depends on."""
    return precision, tuple(in_float)


def of_feeds(content: bytes, feeds: Sequence[Any]) -> tuple[str, int]:
    """What is computed of a file on calibration inputs, which are the same ones for all targets."""
    return digest(content), len(feeds)


def digest(content: bytes) -> str:
    """Of a file."""
    return hashlib.sha256(content).hexdigest()


def saved_once(export: Callable[..., Any], model: Any, kept: Path) -> Callable[..., Any]:
    """The SavedModel of one model; others, such as cuts that a crash is looked for in, are saved each time."""

    def export_or_copy(self: Any, place: Path, **options: Any) -> None:
        if self is not model:
            export(self, place, **options)
            return
        if not kept.exists():
            export(self, kept, **options)
        shutil.copytree(kept, place)

    return export_or_copy
