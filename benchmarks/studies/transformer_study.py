"""What the transformer studies share: small models taught by `cry-train transformer`'s own stages, cell by cell.

A cell (one fold, one seed) is a JSON file of its figures: what is there is not computed again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.decision.calibration import log_posterior
from training.data.corpora import Clip
from training.data.spectra import normalise
from training.data.splits import BY_EVAL_FOLD, Split
from training.transformer.config import Experiment, StageConfig, experiment_of
from training.transformer.fitting import run_stage
from training.transformer.material import Frames, load_frames, split_clips
from training.transformer.model import build_classifier, build_denoiser
from training.transformer.presets import PRESETS, Preset
from training.transformer.stage import Networks, Task

FOLDS = ("1", "2", "3", "4")
SEEDS = (0, 1, 2)
SPLIT_SEED = 0
STEP_COLUMNS = 40  # between two frames of a recording that is judged, as the device's experts look
FRAMES_AT_ONCE = 64  # more are slower on a CPU
SMALL = Preset(  # what a CPU teaches in minutes: the denoiser of `pi`, a classifier between `tiny` and `pi`
    denoiser=PRESETS["pi"].denoiser, tokenizer=(8, 16, 32), units=64, heads=4, layers=2, feed_forward=128, lora_rank=4
)


def arguments_of(description: str, work: Path, frames_per_epoch: int) -> argparse.Namespace:
    """What the command line says of a study: data, work, seed (None or several), frames_per_epoch."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=work, help="frames, models and figures of every cell")
    parser.add_argument("--seed", type=int, action="append", help="default: 0, 1 and 2")
    parser.add_argument("--frames-per-epoch", type=int, default=frames_per_epoch)
    return parser.parse_args()


def cell(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The figures in a file, made when it is not there."""
    if not file.is_file():
        figures = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(figures) + "\n")
        partial.replace(file)
        print(f"{file.stem} is done", flush=True)
    return json.loads(file.read_text())


def material(clips: Sequence[Clip], experiment: Experiment, work: Path) -> tuple[Frames, dict[str, Split]]:
    """The frames of the clips, and their splits by eval_fold: {fold: split}."""
    frames = load_frames(clips, experiment, work / "frames")
    return frames, {split.name: split for split in split_clips(clips, experiment, SPLIT_SEED)}


def experiment(name: str, labels: Sequence[str], corpora: Sequence[str], **sections: dict[str, Any]) -> Experiment:
    """An experiment by eval_fold on some labels; sections: what differs from the defaults, {section: {key: value}}."""
    data = {"corpora": list(corpora), "labels": list(labels), "folds": BY_EVAL_FOLD, **sections.pop("data", {})}
    fit = {"stages": [{"kind": "classifier"}], **sections.pop("fit", {})}
    model = {"denoised": False, **sections.pop("model", {})}
    return experiment_of({"name": name, "data": data, "fit": fit, "model": model, **sections}, name)


def new_networks(n_labels: int, with_denoiser: bool) -> Networks:
    """Untaught."""
    return Networks(build_denoiser(SMALL) if with_denoiser else None, build_classifier(SMALL, n_labels))


def train_stages(task: Task, networks: Networks, stages: Sequence[StageConfig], folder: Path) -> Networks:
    """The networks after some stages; what has been done in `folder` is loaded."""
    keras.utils.set_random_seed(task.seed)
    for number, stage in enumerate(stages, start=1):
        networks, _ = run_stage(task, networks, stage, number, folder / f"{number}-{stage.kind}")
    return networks


def pretrained(task: Task, stage: StageConfig, folder: Path) -> keras.Model:
    """A denoiser after its own stage."""
    assert stage.kind == "denoiser"
    return train_stages(task, new_networks(len(task.frames.labels), True), [stage], folder).denoiser


def run(model: keras.Model, log_mel: np.ndarray) -> np.ndarray:
    """What a model says of log-mel frames (n, 98, 64), each around its own mean."""
    return outputs(model, normalise(log_mel)[..., None])


def outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a model says of normalised frames (n, 98, 64, 1)."""
    parts = [x[i : i + FRAMES_AT_ONCE] for i in range(0, len(x), FRAMES_AT_ONCE)]
    return np.concatenate([keras.ops.convert_to_numpy(model.predict_on_batch(part)) for part in parts])


def mean_logits(logits: np.ndarray, owner: np.ndarray, n_clips: int) -> np.ndarray:
    """Mean logits (clips, labels) over each clip's frames: what the device's energy is of."""
    return np.stack([logits[owner == clip].mean(axis=0) for clip in range(n_clips)])


def predicted_labels(logits: np.ndarray, owner: np.ndarray, n_clips: int) -> np.ndarray:
    """The label (clips,) of the largest mean log-posterior over each clip's frames."""
    return mean_logits(log_posterior(logits), owner, n_clips).argmax(axis=1)
