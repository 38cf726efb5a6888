"""What an interrupted training goes on from. A cut at any instant, also while files are written, costs one turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras

from edge.untrusted import read_json

KEPT = "kept.json"  # names the model that it belongs to, and is replaced at once: with it a turn is kept
MODELS = "checkpoint-*.keras"


def keep(folder: Path, turn: int, model: keras.Model, progress: Any) -> None:
    """Keep a model as it is after some turn, with what JSON can say of its progress, in place of earlier turns."""
    file = folder / MODELS.replace("*", str(turn))
    model.save(file)
    partial = folder / f"{KEPT}.partial"
    partial.write_text(json.dumps({"model": file.name, "progress": progress}))
    partial.replace(folder / KEPT)
    delete(folder, MODELS, but=file.name)


def kept(folder: Path) -> tuple[Path, Any] | None:
    """The file of the model and the progress that were kept last; None where there is nothing."""
    if not (folder / KEPT).is_file():
        return None
    found = read_json(folder / KEPT, finite=False)
    return folder / found["model"], found["progress"]


def forget(folder: Path) -> None:
    """Delete what was kept."""
    (folder / KEPT).unlink(missing_ok=True)
    delete(folder, MODELS)


def delete(folder: Path, pattern: str, but: str = "") -> None:
    """Delete the files of a pattern, one excepted."""
    for file in folder.glob(pattern):
        if file.name != but:
            file.unlink()
