"""`cry-train transformer`: every fold and seed of an experiment, each kept when done, and the report over all."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge import __version__
from edge.decision.calibration import KNOWN_SHARE
from edge.dsp.log_mel import PARAMETERS
from edge.frames import FRAME_COLUMNS
from training.data.effects import CLEAN
from training.data.selection import corpora_of, label_counts
from training.data.spectra import LOG_MEL_SCALE
from training.data.splits import Split, prove
from training.runs.cost import trained_parameters
from training.runs.folds import (
    METRICS,
    SPLIT_SEED,
    Say,
    chosen,
    claim_output_dir,
    evaluation,
    run_folds,
    write_log_posteriors,
)
from training.transformer.config import Experiment
from training.transformer.fitting import train
from training.transformer.material import (
    KNOWN,
    LABELLED,
    NOISE,
    OUTLIERS,
    Frames,
    choose_clips,
    load_frames,
    split_clips,
)
from training.transformer.report import write_report
from training.transformer.sampling import Sampler
from training.transformer.sizes import HEAD, multiply_adds, part
from training.transformer.trained import Trained, clip_energies, clip_log_posteriors, save_trained

STEP_COLUMNS = 40  # between two frames that the device judges: every second hop
LAYERS = ["training.layers.attention", "training.layers.lora", "training.layers.positions"]
VIEWS = {"as_recorded": None, "below_3400_hz": 3400.0}  # the second: no sound is told by its recorder's band
STAGES_FOLDER = "stages"
FRAMES_DENOISED = 4  # of each test clip


def run_experiment(experiment: Experiment, data_dir: Path, out: Path, cache: Path, say: Say = print) -> dict[str, Any]:
    """Run what is not yet done of an experiment and write its report into `out`; returns the report.

    out: experiment.json, folds/FOLD-seedN/ (denoiser.keras, transformer.keras, trained.json, model.json, metrics.json,
    log_posteriors.npz), report.json, report.md and plots. cache: receives the frames, which experiments share.
    Raises UserError for clips that cannot be used or split, and when `out` holds another experiment.
    """
    claim_output_dir(out, experiment)
    clips = choose_clips(data_dir, experiment)
    splits = chosen(split_clips(clips, experiment, SPLIT_SEED), experiment.data.only_folds)
    frames = load_frames(clips, experiment, cache)

    def fold(split: Split, seed: int, folder: Path) -> None:
        run_fold(frames, split, experiment, seed, folder)

    results = run_folds(splits, experiment.fit.seeds, out, fold, say)
    counts = label_counts([clips[i] for i in frames.roles[LABELLED]])
    return write_report(out, experiment, results, [prove(clips, split) for split in splits], counts, frames.labels)


def run_fold(frames: Frames, split: Split, experiment: Experiment, seed: int, folder: Path) -> None:
    """Train on one fold with one seed; what is judged is written last, so that it stands for a whole fold."""
    started = time.perf_counter()
    trained = train(frames, split, experiment, seed, folder / STAGES_FOLDER)
    save_trained(trained, folder)
    parts = {name: frames.among(getattr(split, name), LABELLED) for name in ("validation", "test")}
    evaluated = {name: (frames.truth[own], clip_log_posteriors(trained, frames, own)) for name, own in parts.items()}
    clips = {name: [frames.clips[i] for i in own] for name, own in parts.items()}
    write_log_posteriors(folder, frames.labels, clips, evaluated)
    (folder / "model.json").write_text(json.dumps(describe(trained, frames, split, experiment, seed), indent=1) + "\n")
    result = evaluation(clips["test"], split, seed, evaluated, trained.temperature)
    result["unknown"] = {name: unknown_sounds(trained, frames, split, band_hz) for name, band_hz in VIEWS.items()}
    result["denoising"] = denoising(trained, frames, split, experiment)
    result["cost"] = cost(trained)
    result["curves"] = [epoch for epoch in trained.curves if "macro_f1" in epoch]
    result["denoising_curves"] = [epoch for epoch in trained.curves if "macro_f1" not in epoch]
    result["seconds"] = round(time.perf_counter() - started, 1)
    (folder / METRICS).write_text(json.dumps(result, indent=1) + "\n")
    shutil.rmtree(folder / STAGES_FOLDER)


def unknown_sounds(
    trained: Trained, frames: Frames, split: Split, band_hz: float | None
) -> dict[str, float | int] | None:
    """How well the energy tells the test part's outliers from its known sounds; None where it has neither.

    auroc; fpr_95: the share of outliers taken for known where 95 % of the known are; and the shares that are above
    the threshold that the validation part gave.
    """
    known = frames.among(split.test, LABELLED, KNOWN)
    outliers = frames.among(split.test, OUTLIERS)
    if not len(known) or not len(outliers):
        return None
    of_known, of_outliers = (clip_energies(trained, frames, clips, band_hz) for clips in (known, outliers))
    above = of_outliers[:, None] - of_known
    return {
        "auroc": float(np.mean(above > 0) + 0.5 * np.mean(above == 0)),
        "fpr_95": float(np.mean(of_outliers <= np.percentile(of_known, 100 * KNOWN_SHARE))),
        "known_above": float(np.mean(of_known > trained.energy_threshold)),
        "outliers_above": float(np.mean(of_outliers > trained.energy_threshold)),
        "known_clips": len(known),
        "outlier_clips": len(outliers),
    }


def denoising(trained: Trained, frames: Frames, split: Split, experiment: Experiment) -> dict[str, Any] | None:
    """How far test frames over test noise are from what they were, before and after the denoiser; None without one.

    log_spectral_distance_db: the root mean square over a frame, of frames each around its own mean, on average.
    """
    augment = replace(experiment.augment, noisy_share=1.0, time_mask=0, frequency_mask=0)
    clips = frames.among(split.test, LABELLED, KNOWN)
    if trained.denoiser is None or not len(frames.among(split.test, NOISE)):
        return None
    recordings = frames.variants[CLEAN]
    numbers, owner = recordings.of_clips(clips, FRAMES_DENOISED)
    sampler = Sampler(frames, split.test, replace(experiment, augment=augment))
    batch = sampler.corrupt(recordings.take(numbers), clips[owner], np.random.default_rng(0))
    heard = {"noisy": batch.noisy, "denoised": trained.denoised(batch.noisy)}
    in_db = LOG_MEL_SCALE * 10 / np.log(10)
    distances = {name: np.sqrt(np.mean((x - batch.clean) ** 2, axis=(1, 2, 3))) * in_db for name, x in heard.items()}
    return {
        "snr_db": list(augment.snr_db),
        "log_spectral_distance_db": {name: float(own.mean()) for name, own in distances.items()},
    }


def cost(trained: Trained) -> dict[str, Any]:
    """Parameters and multiply-adds of one frame."""
    models: list[keras.Model] = [model for model in (trained.denoiser, trained.classifier) if model is not None]
    head = [layer for layer in trained.classifier.layers if part(layer) == HEAD]
    return {
        "parameters": sum(model.count_params() for model in models),
        "head_parameters": sum(trained_parameters(layer) for layer in head),
        "multiply_adds": {name: count for model in models for name, count in multiply_adds(model).items()},
    }


def describe(trained: Trained, frames: Frames, split: Split, experiment: Experiment, seed: int) -> dict[str, Any]:
    """model.json of the classifier: what export and the bundle need to know."""
    learnt = frames.among(split.training, *frames.roles)
    return {
        "role": "expert",
        "name": f"transformer-{experiment.name}",
        "version": __version__,
        "labels": frames.labels,
        "layers": LAYERS,
        "graph": "training.transformer.model:export_graph",
        "feature": {"name": "log_mel", "parameters": {**PARAMETERS, "n_mels": trained.n_mels}},
        "normalisation": {"kind": "frame_mean", "scale": LOG_MEL_SCALE},
        "step": {"columns": STEP_COLUMNS, "window_columns": FRAME_COLUMNS},
        "denoised": trained.denoiser is not None,
        "temperature": trained.temperature,
        "energy_threshold": trained.energy_threshold,
        "training": {
            "corpora": corpora_of([frames.clips[i] for i in learnt]),
            "held_out_fold": split.name,
            "seed": seed,
            "preset": experiment.model.preset,
            "stages": [stage.kind for stage in experiment.fit.stages],
            **cost(trained),
        },
    }
