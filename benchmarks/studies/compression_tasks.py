"""Sequences to learn for recurrent networks without anything before them: spoken digits, human sounds, rows of digits.

A recording is where it sounds, 20 columns of 64 log-mel bands (or 40 for five seconds), each clip around its own mean.
Rows of digits: scikit-learn's 8 x 8 images, row by row, in place of MNIST; whose hand wrote them is not told, so that
their folds are by the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

from benchmarks.studies.causes_tasks import HUMAN_SOUNDS
from benchmarks.studies.compression_table import IMAGES_PER_CLIP, NOISY
from edge.dsp.log_mel import log_mel
from edge.dsp.stretch import average, interpolate
from training.data.augmentation import sounding
from training.data.corpora import Clip, read_samples
from training.data.effects import CLEAN, apply_variant
from training.data.selection import DataConfig, choose_clips, recipe_key
from training.data.spectra import LOG_MEL_SCALE, random_eq
from training.data.splits import make_splits
from training.runs.folds import SPLIT_SEED

TRAINED = (CLEAN, "edges", "voice", "voice_2")
EQ_DB, EQ_KNOTS = 8.0, 9
DIGIT_FOLDS = 3
TASKS = ("fsdd", "esc50", "cry", "digits")


@dataclass(frozen=True)
class Task:
    """What is learnt. heard: by variant, (items, steps, features) float32; folds: (known, tested) numbers of items."""

    name: str
    heard: dict[str, np.ndarray]
    truth: np.ndarray
    groups: list[str]
    folds: dict[str, tuple[np.ndarray, np.ndarray]]

    def draw(self, items: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Training input: of a recording any variant, through any microphone."""
        variants = [name for name in TRAINED if name in self.heard]
        which = rng.integers(0, len(variants), len(items))
        x = np.stack([self.heard[variants[v]][i] for v, i in zip(which, items, strict=True)])
        if len(variants) == 1:
            return x
        knots = rng.uniform(-EQ_DB, EQ_DB, (len(items), EQ_KNOTS)) / 10 * np.log(10) / LOG_MEL_SCALE
        return (x + random_eq(knots, x.shape[2])[:, None]).astype(np.float32)


def load_task(name: str, data: Path, n_clips: int, work: Path, n_folds: int) -> Task:
    """A task by its name; n_clips: of each digit and speaker, or images by the fifty; n_folds: the first of them."""
    task = rows_of_digits(IMAGES_PER_CLIP * n_clips) if name == "digits" else recordings(name, data, n_clips, work)
    return replace(task, folds=dict(list(task.folds.items())[:n_folds]))


def recordings(name: str, data: Path, n_clips: int, work: Path) -> Task:
    """Spoken digits, human sounds, or cries beside other sounds."""
    config = {
        "fsdd": DataConfig(("fsdd",), "group", mixed_groups=True, clips_per_group_and_label=n_clips),
        "esc50": DataConfig(("esc50",), "eval_fold", labels=tuple(HUMAN_SOUNDS)),
        "cry": DataConfig(("donateacry", "esc50"), "eval_fold", clips_per_group_and_label=n_clips),
    }[name]
    clips = choose_clips(data, config)
    if name == "cry":
        clips = [replace(clip, label=clip.detector_label) for clip in clips]
    splits = make_splits(clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)
    labels = sorted({clip.label for clip in clips})
    heard = {variant: columns(clips, variant, 20 if name == "fsdd" else 40, work) for variant in (*TRAINED, *NOISY)}
    folds = {s.name: (np.sort(np.concatenate([s.training, s.validation])), s.test) for s in splits}
    truth = np.array([labels.index(clip.label) for clip in clips])
    return Task(name, heard, truth, [clip.group_id for clip in clips], folds)


def columns(clips: list[Clip], variant: str, n: int, work: Path) -> np.ndarray:
    """(clips, n, 64) of a variant of every clip; kept in work."""
    file = work / f"columns-{recipe_key({'variant': variant, 'n': n, 'clips': [c.clip_id for c in clips]})}.npy"
    if not file.is_file():
        work.mkdir(parents=True, exist_ok=True)
        found = [one_clip(clip, variant, n) for clip in tqdm(clips, desc=variant, mininterval=5)]
        np.save(file, np.stack(found).astype(np.float32))
    return np.load(file)


def one_clip(clip: Clip, variant: str, n: int) -> np.ndarray:
    """(n, 64) of one clip."""
    samples = apply_variant(sounding(read_samples(clip)), variant, clip)
    bands = log_mel(np.pad(samples, (0, max(0, 800 - len(samples)))))
    bands = average(bands, n) if len(bands) > 2 * n else interpolate(bands, n)
    return (bands - bands.mean()) / LOG_MEL_SCALE


def rows_of_digits(n: int) -> Task:
    """The first n of scikit-learn's 1,797 digits: 8 rows of 8 pixels."""
    digits = load_digits()
    x = (digits.images[:n] / 8.0 - 1.0).astype(np.float32)
    parts = np.array_split(np.arange(len(x)), DIGIT_FOLDS)
    folds = {str(k): (np.setdiff1d(np.arange(len(x)), part), part) for k, part in enumerate(parts)}
    return Task("digits", {CLEAN: x}, digits.target[:n], [str(i) for i in range(len(x))], folds)
