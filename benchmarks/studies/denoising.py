"""What a denoiser in front of the classifier is worth: cry, laugh and other human sounds of ESC-50 over unseen noise.

    python -m benchmarks.studies.denoising --data DIR

About two hours and a half on one core with KERAS_BACKEND=torch; interrupted, it goes on with the next fold and seed.
Every arm is tested on the same clips over the same noise, of ESC-50 clips of the held-out fold and of household
sounds made of numbers, of which no arm has heard any. Two arms have no denoiser: one taught on recordings as they
are, and one taught over the noise that the denoiser learnt from, for as many steps as the arm with the denoiser: the
first difference says what learning with noise and a denoiser is worth, the second what the denoiser alone is. Source
C does not say which of them its 2.1 points are. The denoiser's own training is done once a fold and shared by its
seeds.

How long the arms are taught was chosen by the arm without a denoiser on fold 1, seed 0.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from benchmarks.lib.noisy_sounds import CLEAN, Heard, hear
from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.studies import transformer_study
from benchmarks.studies.causes_tasks import HUMAN_SOUNDS
from benchmarks.studies.denoising_table import (
    DENOISED,
    ON_CLEAN,
    OVER_NOISE,
    arm_rows,
    detector_rows,
    difference_rows,
    loss_rows,
    table,
)
from edge.bundle import load_bundle
from training.data.corpora import CRY, Clip, read_corpora
from training.data.selection import thinned
from training.data.spectra import LOG_MEL_SCALE
from training.runs import metrics
from training.transformer.config import Experiment, StageConfig
from training.transformer.material import LABELLED, NOISE
from training.transformer.model import CAUSE, joined
from training.transformer.stage import Networks, Task

WORK = Path("results/denoising")
CRYING, LAUGHING, OTHER = "crying_baby", "laughing", "other human sound"
LABELS = (CRYING, LAUGHING, OTHER)
BESIDE = ("donateacry", "ravdess_sub", "speechocean_sub")  # clean sounds that the denoiser learns from too
LOSSES = {"L2": (0.0, 0.0), "L2 + time": (0.1, 0.0), "L2 + time + frequency": (0.1, 0.1)}
FULL_LOSS = "L2 + time + frequency"
ABLATED_FOLDS = ("1",)  # the other losses are taught there only
PRETRAINING = StageConfig("denoiser", epochs=14, patience=14, learning_rate=3e-3)
TEACHING = StageConfig("classifier", epochs=24, patience=24, learning_rate=3e-3)
FURTHER = StageConfig("classifier", epochs=8, patience=8, learning_rate=1e-3)
TOGETHER = StageConfig("joint", epochs=8, patience=8, learning_rate=1e-3)
FRAMES_PER_EPOCH = 2048
DB_PER_NAT = 10 / np.log(10)


def main() -> None:
    """Teach and judge what is not yet done, and record the tables."""
    arguments = transformer_study.arguments_of(__doc__, WORK, FRAMES_PER_EPOCH)
    seeds = arguments.seed or list(transformer_study.SEEDS)
    study = Study(arguments.data, arguments.work, arguments.frames_per_epoch)
    cells = [study.cell(fold, seed) for seed in seeds for fold in transformer_study.FOLDS]
    parts = [study.denoisers(fold) for fold in transformer_study.FOLDS]
    rows = {"arms": arm_rows(cells), "differences": difference_rows(cells),
            "losses": loss_rows(parts, list(LOSSES)), "detector": detector_rows(parts)}  # fmt: skip
    stages = {stage.kind: stage.epochs for stage in (PRETRAINING, TEACHING, FURTHER, TOGETHER)}
    figures = {
        "seeds": seeds,
        "folds": transformer_study.FOLDS,
        "split": "eval_fold, groups undivided",
        "epochs": stages,
        "frames_per_epoch": arguments.frames_per_epoch,
        "rows": rows,
        "cells": cells,
    }
    record("denoising", figures, table(rows, len(cells)))


def experiment_for(loss: str, noisy: bool, denoised: bool, frames_per_epoch: int) -> Experiment:
    """What one arm learns from."""
    time_weight, frequency_weight = LOSSES[loss]
    stages = [{"kind": "denoiser"}, {"kind": "joint"}] if denoised else [{"kind": "classifier"}]
    return transformer_study.experiment(
        "denoising", LABELS, ["esc50"],
        known={"corpora": list(BESIDE)},
        noise={"corpora": ["esc50"], "except_labels": list(LABELS)},
        features={"hop_columns": 10},
        augment={"noisy_share": 0.8 if noisy else 0.0, "snr_db": [-5.0, 20.0]},
        model={"denoised": denoised},
        loss={"time_weight": time_weight, "frequency_weight": frequency_weight},
        fit={"stages": stages, "frames_per_epoch": frames_per_epoch, "validation_frames": 2},
    )  # fmt: skip


def clips_of(data: Path) -> list[Clip]:
    """ESC-50 with the three labels and its noises, and what stands beside them."""
    every = read_corpora(data)
    beside = [clip for clip in every if clip.corpus in BESIDE and clip.detector_label != "unverified"]
    one_each = thinned([replace(clip, label=clip.corpus) for clip in beside], 1)
    return [relabelled(clip) for clip in every if clip.corpus == "esc50"] + one_each


def relabelled(clip: Clip) -> Clip:
    """People other than crying or laughing are of one label."""
    is_other = clip.label in HUMAN_SOUNDS and clip.label not in LABELS
    return replace(clip, label=OTHER) if is_other else clip


class Study:
    """Cells of the study, each computed once."""

    def __init__(self, data: Path, work: Path, frames_per_epoch: int):
        self.work, self.frames_per_epoch = work, frames_per_epoch
        self.frames, self.splits = transformer_study.material(
            clips_of(data), self.experiment(FULL_LOSS, True, True), work
        )

    def experiment(self, loss: str, noisy: bool, denoised: bool) -> Experiment:
        return experiment_for(loss, noisy, denoised, self.frames_per_epoch)

    def cell(self, fold: str, seed: int) -> dict[str, Any]:
        """{"fold", "seed", arm: {condition: confusion}}."""
        return transformer_study.cell(self.work / f"fold{fold}-seed{seed}.json", lambda: self.evaluate(fold, seed))

    def evaluate(self, fold: str, seed: int) -> dict[str, Any]:
        tested = self.tested(fold)
        heard = self.heard(fold, tested, seed)
        truth = self.frames.truth[tested]
        found: dict[str, Any] = {"fold": fold, "seed": seed}
        for arm, model in self.arms(fold, seed).items():
            found[arm] = {
                name: metrics.confusion(truth, self.predicted(model, frames, heard), len(LABELS)).tolist()
                for name, frames in heard.conditions.items()
            }
        return found

    def arms(self, fold: str, seed: int) -> dict[str, keras.Model]:
        """{arm: from normalised frames to logits}."""
        split, folder = self.splits[fold], self.work / f"fold{fold}-seed{seed}"
        clean = Task(self.frames, split, self.experiment(FULL_LOSS, False, False), seed)
        noisy = Task(self.frames, split, self.experiment(FULL_LOSS, True, False), seed)
        both = Task(self.frames, split, self.experiment(FULL_LOSS, True, True), seed)
        plain = transformer_study.new_networks(len(LABELS), False)
        on_clean = transformer_study.train_stages(clean, plain, [TEACHING, FURTHER], folder / "clean").classifier
        begun = transformer_study.train_stages(
            noisy, transformer_study.new_networks(len(LABELS), False), [TEACHING], folder / "noisy"
        )
        begin_weights = begun.classifier.get_weights()
        over_noise = transformer_study.train_stages(noisy, begun, [TEACHING, FURTHER], folder / "noisy").classifier
        begin = transformer_study.new_networks(len(LABELS), False).classifier
        begin.set_weights(begin_weights)
        own = self.denoiser(fold, FULL_LOSS)
        together = transformer_study.train_stages(both, Networks(own, begin), [TOGETHER], folder / "denoised")
        return {
            ON_CLEAN: on_clean,
            OVER_NOISE: over_noise,
            DENOISED: logits_of(together.denoiser, together.classifier),
        }

    def denoiser(self, fold: str, loss: str) -> keras.Model:
        """The fold's denoiser after its own training with one of the losses, with seed 0."""
        task = Task(self.frames, self.splits[fold], self.experiment(loss, True, True), 0)
        return transformer_study.pretrained(task, PRETRAINING, self.work / f"fold{fold}-{loss.replace(' ', '')}")

    def tested(self, fold: str) -> np.ndarray:
        """The labelled clips of a fold, by number."""
        return self.frames.among(self.splits[fold].test, LABELLED)

    def heard(self, fold: str, clips: np.ndarray, seed: int) -> Heard:
        """These clips as they are and over the fold's noise; every seed draws its own."""
        noises = np.setdiff1d(self.frames.among(self.splits[fold].test, NOISE), clips)
        every = self.frames.clips
        return hear(
            [every[i] for i in clips], [every[i] for i in noises], transformer_study.STEP_COLUMNS, [seed, int(fold)]
        )

    @staticmethod
    def predicted(model: keras.Model, frames: np.ndarray, heard: Heard) -> np.ndarray:
        """The label of each clip."""
        logits = transformer_study.run(model, frames.astype(np.float32))
        return transformer_study.predicted_labels(logits, heard.owner, heard.owner[-1] + 1)

    def denoisers(self, fold: str) -> dict[str, Any]:
        """What the denoisers of one fold do to spectra and to the detector: {"losses", "detector"}."""
        return transformer_study.cell(self.work / f"fold{fold}-denoisers.json", lambda: self.measured(fold))

    def measured(self, fold: str) -> dict[str, Any]:
        tested = self.tested(fold)
        heard = self.heard(fold, tested, 0)
        distances = {name: spectral_distance_db(frames, heard.conditions[CLEAN])
                     for name, frames in heard.conditions.items()}  # fmt: skip
        found: dict[str, Any] = {"fold": fold, "untouched": distances, "losses": {}}
        clean = Task(self.frames, self.splits[fold], self.experiment(FULL_LOSS, False, False), 0)
        networks = transformer_study.new_networks(len(LABELS), False)
        on_clean = transformer_study.train_stages(
            clean, networks, [TEACHING, FURTHER], self.work / f"fold{fold}-seed0" / "clean"
        )
        truth = self.frames.truth[tested]
        for loss in LOSSES if fold in ABLATED_FOLDS else [FULL_LOSS]:
            denoiser = self.denoiser(fold, loss)
            found["losses"][loss] = {}
            for name, frames in heard.conditions.items():
                estimate = transformer_study.run(denoiser, frames.astype(np.float32))
                predicted = transformer_study.predicted_labels(
                    transformer_study.outputs(on_clean.classifier, estimate), heard.owner, len(tested)
                )
                found["losses"][loss][name] = {
                    "distance_db": spectral_distance_db(LOG_MEL_SCALE * estimate[..., 0], heard.conditions[CLEAN]),
                    "confusion": metrics.confusion(truth, predicted, len(LABELS)).tolist(),
                }
        found["detector"] = self.detected(fold, tested, heard)
        return found

    def detected(self, fold: str, tested: np.ndarray, heard: Heard) -> dict[str, Any]:
        """{condition: {"without", "with": {"cries", "others": [opened for, clips]}}}, without the fold's help."""
        detector = load_bundle(FOLD_BUNDLES / f"fold{fold}").detector
        denoiser = self.denoiser(fold, FULL_LOSS)
        is_cry = np.array([self.frames.clips[i].detector_label == CRY for i in tested])
        found = {}
        for name, frames in heard.conditions.items():
            frames = frames.astype(np.float32)
            fed = {"without": frames, "with": LOG_MEL_SCALE * transformer_study.run(denoiser, frames)[..., 0]}
            found[name] = {}
            for which, log_mel in fed.items():
                p = np.array([detector.probability(frame) for frame in np.ascontiguousarray(log_mel, np.float32)])
                largest = np.array([p[heard.owner == i].max() for i in range(len(tested))])
                opened = largest >= detector.decision.thresholds.open_threshold
                found[name][which] = {"cries": [int(opened[is_cry].sum()), int(is_cry.sum())],
                                      "others": [int(opened[~is_cry].sum()), int((~is_cry).sum())]}  # fmt: skip
        return found


def logits_of(denoiser: keras.Model, classifier: keras.Model) -> keras.Model:
    """The classifier behind the denoiser."""
    both = joined(denoiser, classifier)
    return keras.Model(both.input, both.output[CAUSE])


def spectral_distance_db(log_mel: np.ndarray, clean: np.ndarray) -> float:
    """Log-spectral distance in dB, levels apart: over bands the root mean square, over columns and frames the mean.

    log_mel, clean: (n, 98, 64) in nats. SI-SDR is of waveforms, which a log-mel denoiser does not make.
    """
    x, y = (np.asarray(frames, np.float32) for frames in (log_mel, clean))
    error = (x - x.mean(axis=(1, 2), keepdims=True)) - (y - y.mean(axis=(1, 2), keepdims=True))
    return float(DB_PER_NAT * np.sqrt((error**2).mean(axis=2)).mean())


if __name__ == "__main__":
    main()
