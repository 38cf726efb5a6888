"""Nights mixed from recordings: every other sound of a fold once, spread over the night, and cry episodes among them.

A second of the night holds another sound about half of the time. An episode is the recordings of one group one after
the other, repeated until it lasts EPISODE_S: real ones last minutes. A cry's level is stated against the level that
the other sounds are played at, whichever of them happens to lie under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.frames import SAMPLE_RATE
from training.data.augmentation import rms
from training.data.corpora import CRY, NONCRY, Clip, read_samples

OTHERS_DBFS = -35.0  # each other sound's loudest half second, give or take OTHERS_SPREAD_DB
OTHERS_SPREAD_DB = 4.0
ROOM_DBFS = -65.0
FADE = SAMPLE_RATE // 50  # samples: no click where a recording begins
CRIES_PER_HOUR = 24
EPISODE_S = 15.0
BETWEEN_CRIES_S = 20.0  # at least, so that two episodes never become one event
LEVEL_BLOCK = SAMPLE_RATE // 2


@dataclass(frozen=True)
class Cry:
    """One cry episode of a night: seconds, and the group it was recorded from."""

    start_s: float  # where it first sounds, not where its file begins
    end_s: float
    group_id: str


@dataclass(frozen=True)
class Night:
    """samples: 1-D float32 at 16 kHz; truth in time order."""

    samples: np.ndarray
    cries: list[Cry]


def mix_night(clips: Sequence[Clip], duration_s: float, snr_db: float, seed: int) -> Night:
    """A night of these clips. The other sounds and the cries' places depend on the seed only, not on the SNR."""
    rng = np.random.default_rng(seed)
    others = [clip for clip in clips if clip.detector_label == NONCRY and clip.corpus != "fsdd"]
    night = background(others, int(duration_s * SAMPLE_RATE), rng)
    n_cries = int(CRIES_PER_HOUR * duration_s / 3600)
    groups = sorted({clip.group_id for clip in clips if clip.detector_label == CRY})
    slot = len(night) // n_cries
    room = slot - int((EPISODE_S * 2 + BETWEEN_CRIES_S) * SAMPLE_RATE)
    truth = []
    for number, pick in enumerate(rng.permutation(len(groups))[:n_cries]):
        of_group = [clip for clip in clips if clip.group_id == groups[pick] and clip.detector_label == CRY]
        samples = episode(of_group) * np.float32(10 ** ((OTHERS_DBFS + snr_db) / 20))
        first = number * slot + int(rng.uniform(0, room))
        night[first : first + len(samples)] += samples
        truth.append(Cry(first / SAMPLE_RATE, (first + len(samples)) / SAMPLE_RATE, groups[pick]))
    return Night(np.clip(night, -1.0, 1.0), truth)


def episode(clips: Sequence[Clip]) -> np.ndarray:
    """The cries of one group one after the other, each at a loud level of 1, at least EPISODE_S long."""
    cries = [trim_silence(read_samples(clip)) for clip in clips]
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < EPISODE_S * SAMPLE_RATE:
        cry = cries[len(parts) % len(cries)]
        parts.append(faded(cry / np.float32(loud_rms(cry))))
    return np.concatenate(parts)


def background(others: Sequence[Clip], length: int, rng: np.random.Generator) -> np.ndarray:
    """Every other sound once, in random order with random pauses, over faint room noise."""
    night = (10 ** (ROOM_DBFS / 20) * rng.standard_normal(length)).astype(np.float32)
    sounds = [read_samples(others[i]) for i in rng.permutation(len(others))]
    pauses = rng.exponential(size=len(sounds))
    free = max(0, length - sum(map(len, sounds)))
    position = 0
    for samples, pause in zip(sounds, pauses / pauses.sum() * free):
        position += int(pause)
        level_dbfs = OTHERS_DBFS + rng.uniform(-OTHERS_SPREAD_DB, OTHERS_SPREAD_DB)
        samples = faded(samples * np.float32(10 ** (level_dbfs / 20) / loud_rms(samples)))[: length - position]
        night[position : position + len(samples)] += samples
        position += len(samples)
    return night


def loud_rms(samples: np.ndarray) -> float:
    """RMS of the loudest half second, so that pauses do not count."""
    blocks = [samples[i : i + LEVEL_BLOCK] for i in range(0, max(1, len(samples) - LEVEL_BLOCK + 1), LEVEL_BLOCK // 2)]
    return max(rms(block) for block in blocks) + 1e-9


def trim_silence(samples: np.ndarray) -> np.ndarray:
    """Without what lies before the first and after the last 50 ms within 20 dB of the loudest part."""
    block = SAMPLE_RATE // 20
    levels = np.array([rms(samples[i : i + block]) for i in range(0, len(samples) - block + 1, block)])
    loud = np.flatnonzero(levels > loud_rms(samples) / 10)
    return samples[loud[0] * block : (loud[-1] + 1) * block]


def faded(samples: np.ndarray) -> np.ndarray:
    """With 20 ms of fade at both ends."""
    ramp = np.linspace(0.0, 1.0, FADE, dtype=np.float32)
    samples = samples.copy()
    samples[:FADE] *= ramp[: len(samples)]
    samples[-FADE:] *= ramp[::-1][-len(samples) :]
    return samples
