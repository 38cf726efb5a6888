"""Nights mixed from recordings: every other sound once, spread over the night, and cries among them.

The other sounds take about half of the time. A long cry is the recordings of one group one after the other, repeated
until it lasts LONG.least_s: real ones last minutes. A single cry is 3 to 6 s of one recording, with nothing before or
after. A cry's level is stated against the level that the other sounds are played at, whichever of them happens to lie
under it.
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
OTHERS_SHARE = 0.6  # of a night without cries
ROOM_DBFS = -65.0
FADE = SAMPLE_RATE // 50  # samples: no click where a recording begins
BETWEEN_CRIES_S = 20.0  # at least, so that two cries never become one event
BEFORE_S, AFTER_S = 10.0, 8.0  # of a cry: longer than any rule remembers, shorter than BETWEEN_CRIES_S together
LEVEL_BLOCK = SAMPLE_RATE // 2


@dataclass(frozen=True)
class Kind:
    """What cries of a night are like: seconds of each, and how many there are in an hour."""

    name: str
    least_s: float
    longest_s: float
    per_hour: int


LONG = Kind("15 s and more", 15.0, 30.0, 24)
SINGLE = Kind("single, 3 to 6 s", 3.0, 6.0, 60)
AS_RECORDED = Kind("as recorded", 0.0, 7.0, 0)  # whole recordings of crying in a quiet room


@dataclass(frozen=True)
class Cry:
    """One cry of a night: seconds, and the group it was recorded from."""

    start_s: float  # where it first sounds, not where its file begins
    end_s: float
    group_id: str


@dataclass(frozen=True)
class Night:
    """samples: 1-D float32 at 16 kHz; truth in time order."""

    samples: np.ndarray
    cries: list[Cry]

    @property
    def hours(self) -> float:
        return len(self.samples) / SAMPLE_RATE / 3600


def others_of(clips: Sequence[Clip]) -> list[Clip]:
    """What is no cry; spoken digits are no sound of a night."""
    return [clip for clip in clips if clip.detector_label == NONCRY and clip.corpus != "fsdd"]


def mix_night(clips: Sequence[Clip], duration_s: float, snr_db: float, seed: int, kind: Kind = LONG) -> Night:
    """A night of these clips. The other sounds and the cries' places depend on the seed only, not on the SNR."""
    rng = np.random.default_rng(seed)
    others = [read_samples(clip) for clip in others_of(clips)]
    night = background(others, int(duration_s * SAMPLE_RATE), rng)
    n_cries = int(kind.per_hour * duration_s / 3600)
    slot = len(night) // n_cries
    room = slot - int((kind.longest_s + BETWEEN_CRIES_S) * SAMPLE_RATE)
    truth = []
    for number, of_group in enumerate(drawn(clips, n_cries, kind, rng)):
        samples = cry_of(of_group, kind, rng) * np.float32(10 ** ((OTHERS_DBFS + snr_db) / 20))
        first = number * slot + int(rng.uniform(0, room))
        night[first : first + len(samples)] += samples
        truth.append(Cry(first / SAMPLE_RATE, (first + len(samples)) / SAMPLE_RATE, of_group[0].group_id))
    return Night(np.clip(night, -1.0, 1.0), truth)


def around_cries(night: Night) -> Night:
    """What lies around the cries of a night, joined: nothing else bears on whether and when they are heard."""
    parts, truth, position = [], [], 0
    for cry in night.cries:
        first = max(0, int((cry.start_s - BEFORE_S) * SAMPLE_RATE))
        part = night.samples[first : int((cry.end_s + AFTER_S) * SAMPLE_RATE)]
        moved_s = (position - first) / SAMPLE_RATE
        truth.append(Cry(cry.start_s + moved_s, cry.end_s + moved_s, cry.group_id))
        parts.append(faded(part))
        position += len(part)
    return Night(np.concatenate(parts), truth)


def recorded_cries(clips: Sequence[Clip], seed: int) -> Night:
    """Every recording of crying once, as it is, in a quiet room: BEFORE_S of that before it and AFTER_S after it."""
    rng = np.random.default_rng(seed)
    parts, truth, position = [], [], 0
    for clip in clips:
        samples = read_samples(clip)
        first = position + int(BEFORE_S * SAMPLE_RATE)
        length = len(samples) + int((BEFORE_S + AFTER_S) * SAMPLE_RATE)
        part = background([], length, rng)
        part[first - position : first - position + len(samples)] += faded(samples)
        onset_s, end_s = (moment / SAMPLE_RATE for moment in loud_span(samples))
        truth.append(Cry(first / SAMPLE_RATE + onset_s, first / SAMPLE_RATE + end_s, clip.group_id))
        parts.append(part)
        position += length
    return Night(np.clip(np.concatenate(parts), -1.0, 1.0), truth)


def mix_others(others: Sequence[Clip], seed: int) -> Night:
    """A night without cries that is as long as these sounds need."""
    sounds = [read_samples(clip) for clip in others]
    length = int(sum(map(len, sounds)) / OTHERS_SHARE)
    return Night(background(sounds, length, np.random.default_rng(seed)), [])


def drawn(clips: Sequence[Clip], n_cries: int, kind: Kind, rng: np.random.Generator) -> list[list[Clip]]:
    """The clips of each cry: for long ones all of a group, each group once; for single ones one, each group in turn."""
    by_group: dict[str, list[Clip]] = {}
    for clip in clips:
        if clip.detector_label == CRY:
            by_group.setdefault(clip.group_id, []).append(clip)
    groups = [by_group[name] for name in sorted(by_group)]
    order = [groups[i] for i in rng.permutation(len(groups))]
    if kind is LONG:
        return order[:n_cries]
    turns = [order[number % len(order)] for number in range(n_cries)]
    return [[group[number // len(order) % len(group)]] for number, group in enumerate(turns)]


def cry_of(clips: Sequence[Clip], kind: Kind, rng: np.random.Generator) -> np.ndarray:
    """The cries of one group one after the other, each at a loud level of 1; a single one is cut to its length."""
    cries = [trim_silence(read_samples(clip)) for clip in clips]
    if kind is not LONG:
        length = min(len(cries[0]), int(rng.uniform(kind.least_s, kind.longest_s) * SAMPLE_RATE))
        first = int(rng.integers(0, len(cries[0]) - length + 1))
        cry = trim_silence(cries[0][first : first + length])
        return faded(cry / np.float32(loud_rms(cry)))
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < kind.least_s * SAMPLE_RATE:
        cry = cries[len(parts) % len(cries)]
        parts.append(faded(cry / np.float32(loud_rms(cry))))
    return np.concatenate(parts)


def background(others: Sequence[np.ndarray], length: int, rng: np.random.Generator) -> np.ndarray:
    """Every other sound once, in random order with random pauses, over faint room noise."""
    night = (10 ** (ROOM_DBFS / 20) * rng.standard_normal(length, dtype=np.float32)).astype(np.float32)
    sounds = [others[i] for i in rng.permutation(len(others))]
    pauses = rng.exponential(size=len(sounds))
    free = max(0, length - sum(map(len, sounds)))
    position = 0
    for samples, pause in zip(sounds, pauses / (pauses.sum() or 1.0) * free):
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
    """Without what lies before and after its loud_span."""
    first, end = loud_span(samples)
    return samples[first:end]


def loud_span(samples: np.ndarray) -> tuple[int, int]:
    """Where the first 50 ms within 20 dB of the loudest part begin, and where the last ones end; in samples."""
    block = SAMPLE_RATE // 20
    levels = np.array([rms(samples[i : i + block]) for i in range(0, len(samples) - block + 1, block)])
    loud = np.flatnonzero(levels > loud_rms(samples) / 10)
    return int(loud[0]) * block, int(loud[-1] + 1) * block


def faded(samples: np.ndarray) -> np.ndarray:
    """With 20 ms of fade at both ends."""
    ramp = np.linspace(0.0, 1.0, FADE, dtype=np.float32)
    samples = samples.copy()
    samples[:FADE] *= ramp[: len(samples)]
    samples[-FADE:] *= ramp[::-1][-len(samples) :]
    return samples
