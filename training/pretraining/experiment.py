"""`cry-train pretrain`: one step of a chain of pretrainings, and how well it tells labels of a fold it never heard."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.errors import UserError
from training.data.corpora import Clip
from training.data.log_mel_frames import Frames, frames_of
from training.data.selection import DataConfig, choose_clips, corpora_of, recipe_key
from training.data.splits import Split, prove
from training.layers.res8 import load_res8
from training.pretraining.contrast import Contrast
from training.pretraining.settings import COARSE, Settings
from training.pretraining.supervised import clip_log_posteriors, effort_of, few_labels, learn_labels
from training.runs import metrics
from training.runs.stage import run_stage

MODEL = "pretrained.keras"


def pretrain(
    data: Path,
    corpora: list[str],
    with_labels: bool,
    settings: Settings,
    out: Path,
    start_file: Path | None,
    left_out_fold: int | None,
    share: float,
    per_label: int,
) -> dict[str, Any]:
    """Write out/pretrained.keras; what was learnt from, and scores on the fold that was left out. Raises UserError."""
    clips = choose_clips(data, DataConfig(tuple(corpora), "eval_fold", clips_per_group_and_label=per_label))
    labels, truth, known, test = parts_of(clips, left_out_fold, with_labels)
    frames = frames_of(clips, coarse=COARSE)
    start = None if start_file is None else load_start(start_file, frames)
    recipe = {**asdict(settings), "clips": [clip.clip_id for clip in clips], "known": known.tolist(), "share": share,
              "start": str(start_file), "with_labels": with_labels}  # fmt: skip
    folder = out / f"learning-{recipe_key(recipe)}"
    report: dict[str, Any] = {"settings": asdict(settings), "corpora": corpora_of([clips[i] for i in known])}
    if with_labels:
        learnt = few_labels(known, truth, share, settings.seed)
        model = learn_labels(frames, learnt, truth, len(labels), settings, folder, start)
        report.update(labels=labels, learnt_clips=len(learnt))
        if len(test):
            report["test"] = metrics.scores(truth[test], clip_log_posteriors(model, frames, test))
    else:
        model = contrasted(frames, known, settings, folder, start)
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / MODEL)
    return report


def contrasted(
    frames: Frames, clips: np.ndarray, settings: Settings, folder: Path, start: keras.Model | None = None
) -> keras.Model:
    """A network that learnt which seconds are one; resumes from folder."""
    keras.utils.set_random_seed(settings.seed)
    stage = Contrast(frames, clips, settings, start)
    run_stage(stage, effort_of(settings, 1.0), folder)
    return stage.network


def parts_of(
    clips: list[Clip], fold: int | None, with_labels: bool
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Labels, their numbers, clips to learn from and clips to judge on. Raises UserError."""
    labels = sorted({clip.label for clip in clips})
    if with_labels and len(labels) < 2:
        raise UserError(f"the chosen clips have {len(labels)} labels, at least two are needed to learn labels")
    truth = np.array([labels.index(clip.label) for clip in clips])
    test = np.flatnonzero([clip.eval_fold == fold for clip in clips])
    known = np.flatnonzero([clip.eval_fold != fold for clip in clips])
    if len(known) < 2:
        raise UserError(f"{len(known)} clips are left to learn from, at least two are needed")
    prove(clips, Split("pretraining", known, np.zeros(0, int), test))
    return labels, truth, known, test


def load_start(path: Path, frames: Frames) -> keras.Model:
    """A pretrained network. Raises UserError when it is none, or of other frames."""
    model = load_res8(path)
    if tuple(model.input.shape[1:3]) != frames.shape:
        raise UserError(f"{path} takes frames of {tuple(model.input.shape[1:3])}, these are of {frames.shape}")
    return model
