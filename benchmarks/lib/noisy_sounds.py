"""Recordings as they are and over noise that no model has heard, mixed as samples: what a denoiser is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.dsp.log_mel import HOP_LENGTH, log_mel
from edge.dsp.vad import active
from edge.frames import FRAME_COLUMNS, FRAME_LENGTH, SAMPLE_RATE
from training.data.augmentation import rms
from training.data.corpora import HOUSEHOLD, Clip, read_samples
from training.transformer.config import FeatureConfig
from training.transformer.material import frame_starts

SNRS_DB = (-5, 0, 5, 10)
RECORDED, MADE = "recorded", "made"  # noise of ESC-50; household sounds made of numbers
SOURCES = (RECORDED, MADE)
DRAWS = 3  # noises of each source that a clip is heard over at each SNR
CLEAN = "clean"
QUIET = 1e-4  # rms below which a stretch of a noise recording is a pause


@dataclass(frozen=True)
class Heard:
    """Log-mel frames (n, 98, 64) float16 of every clip where it sounds; conditions: {"clean" or of `noisy`: frames}.

    owner: (n,) the clip of each frame. The frames of all conditions are of the same places.
    """

    conditions: dict[str, np.ndarray]
    owner: np.ndarray


def noisy(snr_db: int) -> dict[str, str]:
    """The conditions at an SNR: {name: where its noise is from}."""
    return {f"{snr_db} {source} {draw}": source for source in SOURCES for draw in range(DRAWS)}


def hear(clips: Sequence[Clip], noises: Sequence[Clip], hop_columns: int, seed: Sequence[int]) -> Heard:
    """The clips as they are, and at every SNR over noises of each source, drawn anew for each clip and SNR.

    The SNR is that of the sound where it is heard to the noise. noises: recordings to draw from.
    """
    rng = np.random.default_rng(seed)
    names = [CLEAN] + [name for snr_db in SNRS_DB for name in noisy(snr_db)]
    frames: dict[str, list[np.ndarray]] = {name: [] for name in names}
    owner = []
    for number, clip in enumerate(clips):
        samples = read_samples(clip)
        samples = np.pad(samples, (0, max(0, FRAME_LENGTH - len(samples))))
        is_active = active(samples)
        starts = frame_starts(is_active, FeatureConfig(hop_columns=hop_columns))
        owner += [number] * len(starts)
        frames[CLEAN].append(frames_of(samples, starts))
        sounding = np.repeat(is_active, HOP_LENGTH)
        loudness = rms(samples[: len(sounding)][sounding]) if is_active.any() else rms(samples)
        for snr_db in SNRS_DB:
            for name, source in noisy(snr_db).items():
                noise = a_noise(source, noises, len(samples), rng)
                noise *= loudness / rms(noise) * 10 ** (-snr_db / 20)
                frames[name].append(frames_of(samples + noise, starts))
    return Heard({name: np.concatenate(parts) for name, parts in frames.items()}, np.array(owner))


def frames_of(samples: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Frames (n, 98, 64) float16 that begin at these columns."""
    columns = log_mel(samples.astype(np.float32))
    return columns[starts[:, None] + np.arange(FRAME_COLUMNS)].astype(np.float16)


def a_noise(source: str, noises: Sequence[Clip], n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """So many samples of one noise."""
    if source == MADE:
        kind = list(HOUSEHOLD)[rng.integers(len(HOUSEHOLD))]
        noise = HOUSEHOLD[kind](n_samples / SAMPLE_RATE + 0.1, rng)
    else:
        noise = read_samples(noises[rng.integers(len(noises))])
        loud = np.flatnonzero(np.abs(noise) > QUIET)
        noise = noise[loud[0] : loud[-1] + 1] if len(loud) else noise
    return np.resize(noise, n_samples).astype(np.float64)
