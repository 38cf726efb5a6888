"""Batches of frames as they are heard: through any microphone, over noise, and with gaps.

Works on log-mel: the energies of a sum of sounds are nearly the sum of their energies, so a batch costs milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.dsp.log_mel import LOG_OFFSET, band_centres_hz
from edge.errors import UserError
from edge.frames import FRAME_COLUMNS
from training.data.spectra import mix_energies, normalise, random_eq, spec_augment
from training.transformer.config import Experiment
from training.transformer.material import NOISE, Frames

EQ_KNOTS = 5
CUT_NATS = 12.0  # a low-pass leaves 52 dB less
LOG_FLOOR = np.float32(np.log(LOG_OFFSET))  # of digital silence


@dataclass(frozen=True)
class Batch:
    """Frames (n, 98, n_mels, 1) float32, each around its own mean: as heard, and as it was; clips: (n,) of which."""

    noisy: np.ndarray
    clean: np.ndarray
    clips: np.ndarray


class Sampler:
    """Draws batches of one part of the clips; noise is of the same part, so that no part hears another's."""

    def __init__(self, frames: Frames, part: np.ndarray, experiment: Experiment):
        """part: the clips of the part, by number. Raises UserError when noise is asked for and the part has none."""
        self.frames, self.config = frames, experiment.augment
        self.noise = frames.among(part, NOISE)
        if self.config.noisy_share and not len(self.noise):
            raise UserError("a part of the clips holds no noise; let [noise] select clips of more groups")
        self.n_mels = experiment.model.n_mels

    def draw(self, clips: np.ndarray, rng: np.random.Generator) -> Batch:
        """One frame of each clip, each in any variant."""
        return self.corrupt(self._any_variant(clips, rng), clips, rng)

    def corrupt(self, log_mel: np.ndarray, clips: np.ndarray, rng: np.random.Generator) -> Batch:
        """The frames (n, 98, n_mels) of these clips as they may be heard."""
        clean = self._random_eq(log_mel, rng)
        noisy = clean.copy()
        rows = np.flatnonzero(rng.random(len(clips)) < self.config.noisy_share)
        if len(rows):
            noise = self._random_eq(self._any_variant(rng.choice(self.noise, len(rows)), rng), rng)
            noisy[rows] = over_noise(
                clean[rows], noise, rng.uniform(self.config.snr_db[0], self.config.snr_db[1], len(rows))
            )
        noisy = spec_augment(normalise(noisy), self.config.time_mask, self.config.frequency_mask, rng)
        return Batch(noisy[..., None], normalise(clean)[..., None], clips)

    def _any_variant(self, clips: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        names = list(self.frames.variants)
        variant = rng.integers(0, len(names), len(clips))
        taken = np.empty((len(clips), FRAME_COLUMNS, self.n_mels), np.float32)
        for number, name in enumerate(names):
            rows = np.flatnonzero(variant == number)
            if len(rows):
                recordings = self.frames.variants[name]
                taken[rows] = recordings.take(recordings.draw(clips[rows], rng))
        return taken

    def _random_eq(self, log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Each through a microphone of its own."""
        n, bands = len(log_mel), log_mel.shape[2]
        if self.config.colour_db:
            knots = rng.uniform(-1, 1, (n, EQ_KNOTS)) * self.config.colour_db / 10 * np.log(10)
            log_mel = np.maximum(log_mel + random_eq(knots, bands).astype(np.float32)[:, None], LOG_FLOOR)
        if self.config.cutoff_hz:
            log_mel = low_passed(log_mel, rng.uniform(self.config.cutoff_hz[0], self.config.cutoff_hz[1], n))
        return log_mel


def low_passed(log_mel: np.ndarray, cutoff_hz: np.ndarray) -> np.ndarray:
    """Frames (n, 98, n_mels), each with nearly nothing left above its cutoff_hz, (n,)."""
    above = band_centres_hz(log_mel.shape[2]) > np.asarray(cutoff_hz)[:, None]
    return np.maximum(log_mel - np.float32(CUT_NATS) * above[:, None], LOG_FLOOR)


def over_noise(log_mel: np.ndarray, noise: np.ndarray, snr_db: np.ndarray) -> np.ndarray:
    """ln(exp(x) + g exp(n)) of frames (n, 98, n_mels), g such that the mean energies are snr_db (n,) apart."""
    return np.log(mix_energies(np.exp(log_mel), np.exp(noise), snr_db)).astype(np.float32)
