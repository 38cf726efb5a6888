"""Nights mixed from recordings: an hour of other sounds without a pause, cries over it at a stated SNR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.dsp.log_mel import SAMPLE_RATE
from training.augment import rms
from training.corpora import CRY, NONCRY, Clip, read_samples

OTHERS_DBFS = -35.0  # each other sound's loud half second, give or take OTHERS_SPREAD_DB
OTHERS_SPREAD_DB = 4.0
ROOM_DBFS = -65.0
FADE = SAMPLE_RATE // 50  # samples: no click where one recording follows another
CRIES_PER_HOUR = 40
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
    cries = [clip for clip in clips if clip.detector_label == CRY]
    night = background(others, int(duration_s * SAMPLE_RATE), rng)
    n_cries = int(CRIES_PER_HOUR * duration_s / 3600)
    slot = len(night) // n_cries
    truth = []
    for number, pick in enumerate(rng.permutation(len(cries))[:n_cries]):
        samples = trim_silence(read_samples(cries[pick]))
        first = number * slot + int(rng.uniform(0, max(1, slot - len(samples) - 8 * SAMPLE_RATE)))
        under = night[first : first + len(samples)]
        gain = 10 ** (snr_db / 20) * rms(under) / loud_rms(samples)
        under += faded(samples[: len(under)] * np.float32(gain))
        truth.append(Cry(first / SAMPLE_RATE, (first + len(samples)) / SAMPLE_RATE, cries[pick].group_id))
    return Night(np.clip(night, -1.0, 1.0), truth)


def background(others: Sequence[Clip], length: int, rng: np.random.Generator) -> np.ndarray:
    """Other sounds one after the other, every one used before any is used again, over faint room noise."""
    night = (10 ** (ROOM_DBFS / 20) * rng.standard_normal(length)).astype(np.float32)
    position, queue = 0, []
    while position < length:
        if not queue:
            queue = list(rng.permutation(len(others)))
        samples = read_samples(others[queue.pop()])
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
