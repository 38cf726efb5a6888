"""From recordings to a model directory: detector.keras and model.json, which edge-export reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from edge import __version__
from edge.dsp.log_mel import PARAMETERS
from training.data.corpora import SHIPPABLE, Clip, read_corpora, split_by_fold, synthetic_clips
from training.data.selection import corpora_of
from training.data.spectra import LOG_MEL_SCALE, normalise
from training.detector.config import Schedule
from training.detector.fitting import train_detector
from training.detector.material import joined, load_or_make_bank
from training.runs.cost import multiply_adds

CALIBRATION_DATA = Path(__file__).resolve().parents[2] / "calibration_data" / "detector_log_mel.npz"
FSDD_SHARE = 0.2  # 3,000 spoken digits of six speakers: a fifth of them says as much


def train_and_save(
    data: Path,
    teacher: Path | None,
    fold: int | None,
    schedule: Schedule,
    work: Path,
    out: Path,
    decision: dict[str, float],
    metrics: dict[str, Any],
) -> None:
    """Train on every clip, or on all folds but one, and write the model directory `out`."""
    clips = trainable(read_corpora(data), schedule.seed)
    bank = joined(
        load_or_make_bank(clips, work, teacher, schedule.seed),
        load_or_make_bank(synthetic_clips(), work, teacher, schedule.seed),
    )
    if fold is not None:
        split_by_fold(clips, fold)  # refuses a fold that divides a group
        bank = bank.subset(lambda clip: clip.eval_fold != fold)
    part = "all" if fold is None else f"without-fold{fold}"
    model = train_detector(bank, schedule, work / f"{part}-seed{schedule.seed}")
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "detector.keras")
    metrics = {**metrics, "parity_auc": parity_auc(model, CALIBRATION_DATA)}
    description = describe(model, bank.clips, fold, schedule, teacher is not None, decision, metrics)
    (out / "model.json").write_text(json.dumps(description, indent=1) + "\n")
    print(f"wrote {out}: {model.count_params()} parameters, {multiply_adds(model)} multiply-adds")


def parity_auc(model: keras.Model, calibration: Path) -> float:
    """AUC on the parity part of calibration_data: an export that no longer has it was fed something else."""
    with np.load(calibration) as stored:
        frames, labels = normalise(stored["parity"].astype(np.float32))[..., None], stored["y_parity"]
    return round(float(roc_auc_score(labels, model.predict(frames, verbose=0)[:, 0])), 6)


def trainable(clips: Sequence[Clip], seed: int) -> list[Clip]:
    """The clips whose licence lets them train what ships, with a share of the digits."""
    rng = np.random.default_rng(seed)
    return [
        clip
        for clip in clips
        if clip.licence_class in SHIPPABLE and (clip.corpus != "fsdd" or rng.random() <= FSDD_SHARE)
    ]


def describe(
    model: keras.Model,
    clips: Sequence[Clip],
    fold: int | None,
    schedule: Schedule,
    has_teacher: bool,
    decision: dict[str, float],
    metrics: dict[str, Any],
) -> dict[str, Any]:
    """model.json: what export and the bundle need to know of the model."""
    return {
        "role": "detector",
        "name": "cry-detector",
        "version": __version__,
        "labels": ["cry"],
        "feature": {"name": "log_mel", "parameters": PARAMETERS},
        "normalisation": {"kind": "frame_mean", "scale": LOG_MEL_SCALE},
        "temperature": 1.0,
        "decision": decision,
        "metrics": metrics,
        "training": {
            "corpora": corpora_of(list(dict.fromkeys(clips))),
            "held_out_fold": fold,
            "teacher": "YAMNet (Apache-2.0)" if has_teacher else None,
            "seed": schedule.seed,
            "frames": schedule.steps * schedule.batch_size,
            "parameters": model.count_params(),
            "multiply_adds": multiply_adds(model),
        },
    }
