"""`make transformer`: from results of `cry-train transformer` to the denoiser and the Transformer that ship.

What ships is the model of one fold, named before its scores were known: the scores in its model.json are of that very
file, on people and sounds it never heard.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.untrusted import read_json
from training.runs.folds import METRICS
from training.runs.release import FOLD, SEED, finished_fold, own_metrics, rounded, write_source_model
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
    """Write the shipped fold as source models: model.keras, model.json. Raises UserError when it is not done."""
    folder = finished_fold(results, FOLD, SEED, "cry-train transformer")
    scores = read_json(folder / METRICS, finite=False)
    description = read_json(folder / "model.json", finite=False)
    expert = {**description, "name": TRANSFORMER}
    expert["metrics"] = {**own_metrics(scores), "unknown": rounded(scores["unknown"])}
    write_source_model(folder / CLASSIFIER_FILE, expert, out / TRANSFORMER)
    if description["denoised"]:
        denoiser = {"role": DENOISER, "name": DENOISER, **{key: description[key] for key in SHARED}}
        denoiser["metrics"] = {"split": expert["metrics"]["split"], "test": rounded(scores["denoising"])}
        write_source_model(folder / DENOISER_FILE, denoiser, out / DENOISER)


if __name__ == "__main__":
    main()
