"""A trained denoiser and classifier: what they say of frames and of whole clips, saved and loaded again."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.decision.calibration import energy, fit_energy_threshold, fit_temperature
from edge.errors import UserError
from edge.files import write_whole
from edge.untrusted import read_json
from training.data.effects import CLEAN
from training.data.spectra import normalise
from training.data.splits import Split
from training.runs import metrics
from training.transformer.config import Experiment
from training.transformer.material import KNOWN, LABELLED, NOISE, Frames
from training.transformer.model import CAUSE, joined
from training.transformer.sampling import Sampler, low_passed

FRAMES_AT_ONCE = 256
DENOISER_FILE, CLASSIFIER_FILE, TRAINED_FILE = "denoiser.keras", "transformer.keras", "trained.json"
EPISODE_FRAMES = 8  # of each validation clip over noise, for the energy threshold


@dataclass(frozen=True)
class Trained:
    """What cry-train transformer taught. denoiser: None where the classifier hears the frame as it is."""

    denoiser: keras.Model | None
    classifier: keras.Model
    labels: list[str]
    n_mels: int
    temperature: float = 1.0
    energy_threshold: float | None = None
    curves: list[dict[str, Any]] = field(default_factory=list)  # per epoch: its stage, loss, validation

    @cached_property
    def network(self) -> keras.Model:
        """From normalised frames to logits."""
        if self.denoiser is None:
            return self.classifier
        both = joined(self.denoiser, self.classifier)
        return keras.Model(both.input, both.output[CAUSE])

    def of_normalised(self, x: np.ndarray) -> np.ndarray:
        """Logits (n, labels) of frames (n, 98, n_mels, 1), each around its own mean."""
        return outputs(self.network, x)

    def denoised(self, x: np.ndarray) -> np.ndarray:
        """What the denoiser makes of frames (n, 98, n_mels, 1), each around its own mean."""
        return outputs(self.denoiser, x)

    def logits(self, log_mel: np.ndarray) -> np.ndarray:
        """Logits (n, labels) of log-mel frames (n, 98, n_mels)."""
        return self.of_normalised(normalise(log_mel)[..., None])


def outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a model says of its inputs, some at a time."""
    parts = [x[i : i + FRAMES_AT_ONCE] for i in range(0, len(x), FRAMES_AT_ONCE)]
    return np.concatenate([keras.ops.convert_to_numpy(model.predict_on_batch(part)) for part in parts])


def clip_logits(
    trained: Trained, frames: Frames, clips: np.ndarray, band_hz: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (frames, labels) of every frame of some clips, as recorded, and of each the place of its clip in clips.

    band_hz: where every frame is limited to it.
    """
    recordings = frames.variants[CLEAN]
    numbers, owner = recordings.of_clips(clips)
    found = []
    for first in range(0, len(numbers), FRAMES_AT_ONCE):
        log_mel = recordings.take(numbers[first : first + FRAMES_AT_ONCE])
        if band_hz is not None:
            log_mel = low_passed(log_mel, np.full(len(log_mel), band_hz))
        found.append(trained.logits(log_mel))
    return np.concatenate(found), owner


def clip_log_posteriors(trained: Trained, frames: Frames, clips: np.ndarray) -> np.ndarray:
    """Log-posteriors (clips, labels) pooled over the frames of each clip, before temperature."""
    return metrics.pooled(*clip_logits(trained, frames, clips), len(clips))


def clip_energies(trained: Trained, frames: Frames, clips: np.ndarray, band_hz: float | None = None) -> np.ndarray:
    """The energy (clips,) of each clip's mean logits at the model's temperature, as the device judges an episode."""
    return energies(trained, *clip_logits(trained, frames, clips, band_hz), len(clips))


def energies(trained: Trained, logits: np.ndarray, owner: np.ndarray, n_clips: int) -> np.ndarray:
    """The energy (clips,) of the mean logits over each clip's frames."""
    mean = np.stack([logits[owner == clip].mean(axis=0) for clip in range(n_clips)])
    return energy(mean, trained.temperature)


def calibrated(trained: Trained, frames: Frames, split: Split, experiment: Experiment, seed: int) -> Trained:
    """With the temperature of the validation clips, and the energy that most of them stay below.

    The temperature is that of recordings as they are. Energies are of those and of the same over noise and through
    other microphones, where the training meets such: a cry beside a fan is still a cry.
    """
    labelled = frames.among(split.validation, LABELLED)
    temperature = fit_temperature(clip_log_posteriors(trained, frames, labelled), frames.truth[labelled])
    trained = replace(trained, temperature=temperature)
    clips = frames.among(split.validation, LABELLED, KNOWN)
    found = [clip_energies(trained, frames, clips)]
    if len(frames.among(split.validation, NOISE)):
        recordings = frames.variants[CLEAN]
        numbers, owner = recordings.of_clips(clips, EPISODE_FRAMES)
        sampler = Sampler(frames, split.validation, experiment)
        batch = sampler.corrupt(recordings.take(numbers), clips[owner], np.random.default_rng(seed))
        found.append(energies(trained, trained.of_normalised(batch.noisy), owner, len(clips)))
    return replace(trained, energy_threshold=fit_energy_threshold(np.concatenate(found)))


def save_trained(trained: Trained, folder: Path) -> None:
    """Write denoiser.keras, transformer.keras and trained.json."""
    folder.mkdir(parents=True, exist_ok=True)
    save_small(trained.classifier, folder / CLASSIFIER_FILE)
    if trained.denoiser is not None:
        save_small(trained.denoiser, folder / DENOISER_FILE)
    values = {name: getattr(trained, name) for name in ("labels", "n_mels", "temperature", "energy_threshold")}
    content = json.dumps({**values, "denoised": trained.denoiser is not None})
    write_whole(folder / TRAINED_FILE, [content.encode(), b"\n"])


def save_small(model: keras.Model, path: Path) -> None:
    """Save a model in a compressed .keras file: half of the bits of weights in half precision are zero."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def load_trained(folder: Path, labels: list[str] | None = None, n_mels: int | None = None) -> Trained:
    """What save_trained wrote. Raises UserError when it is not there, or not of these labels or bands."""
    try:
        values = read_json(folder / TRAINED_FILE, finite=False)
        is_denoised = values.pop("denoised")
        classifier = keras.saving.load_model(folder / CLASSIFIER_FILE, compile=False)
        denoiser = keras.saving.load_model(folder / DENOISER_FILE, compile=False) if is_denoised else None
    except (UserError, OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder} holds no trained transformer ({error}); name a folds/FOLD-seedN of cry-train transformer"
        ) from error
    for what, wanted in (("labels", labels), ("n_mels", n_mels)):
        if wanted is not None and values[what] != wanted:
            raise UserError(f"the model in {folder} has {what} {values[what]}, the experiment has {wanted}")
    return Trained(denoiser, classifier, **values)
