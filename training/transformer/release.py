"""`make transformer`: from results of `cry-train transformer` to the denoiser and the Transformer that ship.

What ships is the model of one fold, named before its scores were known: the scores in its model.json are of that very
file, on people and sounds it never heard.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from training.causes.release import FOLD, SEED, cell_of, own_metrics
from training.runs.folds import METRICS
from training.transformer.trained import CLASSIFIER_FILE, DENOISER_FILE

DENOISER, TRANSFORMER = "denoiser", "transformer"
SHARED = ("version", "feature", "normalisation", "training")  # what both files say of themselves


def main() -> None:
    """Write the denoiser and the Transformer that ship."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--results", type=Path, required=True, help="--out of cry-train transformer")
    parser.add_argument("--out", type=Path, required=True, help="receives denoiser/ and transformer/")
    arguments = parser.parse_args()
    write_release(arguments.results, arguments.out)


def write_release(results: Path, out: Path) -> None:
    """The shipped cell as source models, model.keras and model.json each. Raises UserError when it is not done."""
    cell = cell_of(results, FOLD, SEED, "cry-train transformer")
    scores = json.loads((cell / METRICS).read_text())
    description = json.loads((cell / "model.json").read_text())
    expert = {**description, "name": TRANSFORMER}
    expert["metrics"] = {**own_metrics(scores), "unknown": rounded(scores["unknown"])}
    write_model(cell / CLASSIFIER_FILE, expert, out / TRANSFORMER)
    if description["denoised"]:
        denoiser = {"role": DENOISER, "name": DENOISER, **{key: description[key] for key in SHARED}}
        denoiser["metrics"] = {"split": expert["metrics"]["split"], "test": rounded(scores["denoising"])}
        write_model(cell / DENOISER_FILE, denoiser, out / DENOISER)


def write_model(keras_file: Path, description: dict[str, Any], folder: Path) -> None:
    """One source model, as edge-export reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(keras_file, folder / "model.keras")
    (folder / "model.json").write_text(json.dumps(description, indent=1) + "\n")


def rounded(figures: Any) -> Any:
    """Figures with four decimals, in whatever they lie."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    return round(figures, 4) if isinstance(figures, float) else figures


if __name__ == "__main__":
    main()
