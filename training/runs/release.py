"""From a finished fold to the source model that ships: model.keras and model.json, as edge-export reads them.

What ships is the model of one fold, named before its scores were known: the scores in its model.json are of that very
file, on people and sounds it never heard.
"""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

from edge.errors import UserError
from edge.untrusted import read_json
from training.runs.folds import FOLDS, METRICS

MODEL, DESCRIPTION = "model.keras", "model.json"
NAMES = (MODEL, "cause.keras", "transformer.keras", "detector.keras", "verifier.keras")
FOLD, SEED = "0", 0  # of the models that ship
SCORES = ("macro_f1", "balanced_accuracy", "accuracy", "nll", "brier", "ece")


def finished_fold(results: Path, fold: str, seed: int, command: str) -> Path:
    """The folder of one fold and seed. Raises UserError when it is not done; command: what would do it."""
    folder = results / FOLDS / f"{fold}-seed{seed}"
    if not (folder / METRICS).is_file():
        raise UserError(f"{folder} is not there or not done; run {command} with --out {results} first")
    return folder


def own_metrics(scores: dict[str, Any]) -> dict[str, Any]:
    """What model.json says of a fold's model; scores: the fold's metrics.json."""
    return {
        "split": f"fold {FOLD} of the experiment's grouped folds, seed {SEED}: people this model never heard",
        "test": {name: round(scores["test_calibrated"][name], 4) for name in SCORES},
        "test_null_95": {name: round(value, 4) for name, value in scores["test_null_95"].items()},
    }


def write_source_model(keras_file: Path, description: dict[str, Any], folder: Path) -> None:
    """Write one source model, model.keras and model.json, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(keras_file, folder / "model.keras")
    (folder / "model.json").write_text(json.dumps(description, indent=1) + "\n")


def read_source_model(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A trained model and its model.json. Raises UserError when it is not there."""
    import keras

    description = read_json(folder / DESCRIPTION, advice="name a folder with a trained model and its model.json")
    for module in description.get("layers", []):
        if not module.startswith("training."):
            raise UserError(f"{folder / DESCRIPTION}: layers names {module!r}, only layers of this project are known")
        importlib.import_module(module)
    file = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if file is None:
        raise UserError(f"{folder} holds none of {', '.join(NAMES)}: name a folder with a trained model")
    return keras.saving.load_model(file, compile=False), description


def rounded(figures: Any) -> Any:
    """Figures with four decimals, in whatever they lie."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    return round(figures, 4) if isinstance(figures, float) else figures
