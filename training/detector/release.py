"""From recordings to a model directory: detector.keras and model.json, which edge-export reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from edge import __version__
from edge.dsp.log_mel import PARAMETERS
from edge.errors import UserError
from training.data.corpora import SHIPPABLE, Clip, read_corpora, split_by_fold, synthetic_clips
from training.data.selection import corpora_of
from training.data.spectra import LOG_MEL_SCALE, normalise
from training.detector.config import Schedule
from training.detector.fitting import train_detector
from training.detector.material import Bank, joined, load_or_make_bank
from training.runs.cost import multiply_adds

CALIBRATION_DATA = Path(__file__).resolve().parents[2] / "calibration_data" / "detector_log_mel.npz"
FSDD_SHARE = 0.2  # 3,000 spoken digits of six speakers: a fifth of them says as much


@dataclass(frozen=True)
class HeldOut:
    """What a model must not hear: a fold of every corpus, and whole corpora; nothing where neither is named."""

    fold: int | None = None
    corpora: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For folders."""
        parts = [*([] if self.fold is None else [f"fold{self.fold}"]), *self.corpora]
        return "-".join(["without", *parts]) if parts else "all"

    def may_hear(self, clip: Clip) -> bool:
        return clip.corpus not in self.corpora and (self.fold is None or clip.eval_fold != self.fold)


def train_and_save(
    data: Sequence[Path],
    teacher: Path | None,
    held_out: HeldOut,
    schedule: Schedule,
    work: Path,
    out: Path,
    decision: dict[str, float],
    metrics: dict[str, Any],
) -> None:
    """Train on every clip of the folders that may be heard, and write the model directory `out`."""
    clips = trainable([clip for folder in data for clip in read_corpora(folder)], schedule.seed)
    known = sorted({clip.corpus for clip in clips})
    for corpus in held_out.corpora:
        if corpus not in known:
            raise UserError(f"there is no corpus {corpus!r} to hold out, there are {', '.join(known)}")
    if held_out.fold is not None:
        split_by_fold(clips, held_out.fold)  # refuses a fold that divides a group
    bank = bank_of([*clips, *synthetic_clips()], held_out, work, teacher, schedule.seed)
    model = train_detector(bank, schedule, work / f"{held_out.name}-seed{schedule.seed}")
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / "detector.keras")
    metrics = {**metrics, "parity_auc": parity_auc(model, CALIBRATION_DATA)}
    description = describe(model, bank.clips, held_out, schedule, teacher is not None, decision, metrics)
    (out / "model.json").write_text(json.dumps(description, indent=1) + "\n")
    print(f"wrote {out}: {model.count_params()} parameters, {multiply_adds(model)} multiply-adds")


def bank_of(clips: Sequence[Clip], held_out: HeldOut, work: Path, teacher: Path | None, seed: int) -> Bank:
    """The bank of what may be heard, each corpus prepared once for all that is trained with or without another."""
    heard = sorted({clip.corpus for clip in clips} - set(held_out.corpora))
    banks = [
        load_or_make_bank([clip for clip in clips if clip.corpus == corpus], work, teacher, seed)
        for corpus in tqdm(heard, desc="corpora")
    ]
    return joined(banks).subset(held_out.may_hear)


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
    held_out: HeldOut,
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
            "held_out_fold": held_out.fold,
            "held_out_corpora": list(held_out.corpora),
            "teacher": "YAMNet (Apache-2.0)" if has_teacher else None,
            "seed": schedule.seed,
            "frames": schedule.steps * schedule.batch_size,
            "parameters": model.count_params(),
            "multiply_adds": multiply_adds(model),
        },
    }
