"""The detector's training material: mel energies of every clip under several phones and rooms, cached on disk.

Mixing is done later on energies (the energies of a sum are nearly the sum of the energies), so that a batch costs
milliseconds. The teacher, where there is one, is YAMNet: its 521 class scores on the clean recording.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.dsp.log_mel import HOP_LENGTH, PARAMETERS, WINDOW_LENGTH, mel_energies
from edge.dsp.yamnet_patch import PATCH_LENGTH, yamnet_patch
from edge.frames import FRAME_HOP
from training.data import augmentation
from training.data.corpora import Clip, read_samples
from training.data.kept_parts import forget_parts, in_parts

ENERGY_FLOOR = 1e-10  # keeps ln(energy) of digital silence finite in float16
ADPCM_SAMPLES_AT_ONCE = 40_000_000  # of all clips that are coded side by side, the shorter ones padded
TEACHER_CLIPS_AT_ONCE, TEACHER_BATCH = 200, 256
VARIANTS = ["clean", "telephone", "adpcm", "room", "narrow_room"]
BANK_VERSION = 5
WORKERS = os.cpu_count() or 1


@dataclass(frozen=True)
class Bank:
    """Mel energies of clips, one after the other; each clip stands in it twice, as it is and faster or slower.

    log_energies: per variant (columns, 64) float16; teacher: (windows, 521) float16 on the 0.2-s grid, or None;
    the others, (clips,) int: where each clip begins in them and how long it is.
    """

    clips: list[Clip]
    log_energies: dict[str, np.ndarray]
    first_column: np.ndarray
    n_columns: np.ndarray
    teacher: np.ndarray | None
    first_window: np.ndarray
    n_windows: np.ndarray

    def subset(self, wanted: Callable[[Clip], bool]) -> Bank:
        """The same arrays with fewer clips."""
        keep = np.flatnonzero([wanted(clip) for clip in self.clips])
        return replace(
            self,
            clips=[self.clips[i] for i in keep],
            first_column=self.first_column[keep],
            n_columns=self.n_columns[keep],
            first_window=self.first_window[keep],
            n_windows=self.n_windows[keep],
        )


def joined(banks: Sequence[Bank]) -> Bank:
    """The clips of several whole banks in one; either all have a teacher or none."""
    columns = np.cumsum([0] + [len(bank.log_energies[VARIANTS[0]]) for bank in banks])
    windows = np.cumsum([0] + [int(bank.n_windows.sum()) for bank in banks])
    teachers = [bank.teacher for bank in banks if bank.teacher is not None]
    return Bank(
        clips=[clip for bank in banks for clip in bank.clips],
        log_energies={v: np.concatenate([bank.log_energies[v] for bank in banks]) for v in VARIANTS},
        first_column=np.concatenate([bank.first_column + n for bank, n in zip(banks, columns)]),
        n_columns=np.concatenate([bank.n_columns for bank in banks]),
        teacher=np.concatenate(teachers) if teachers else None,
        first_window=np.concatenate([bank.first_window + n for bank, n in zip(banks, windows)]),
        n_windows=np.concatenate([bank.n_windows for bank in banks]),
    )


def load_or_make_bank(clips: Sequence[Clip], cache_dir: Path, yamnet: Path | None, seed: int) -> Bank:
    """The bank of these clips, from cache_dir when it was made before with the same clips, features and seed."""
    recipe = {
        "version": BANK_VERSION,
        "features": PARAMETERS,
        "variants": VARIANTS,
        "seed": seed,
        "teacher": yamnet is not None,
        "clips": [clip.clip_id for clip in clips],
    }
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    file = cache_dir / f"detector-bank-{key}.npz"
    if not file.is_file():
        cache_dir.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = make_arrays(clips, yamnet, seed, file.with_suffix(""))
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, **arrays)
        partial.replace(file)
        forget_parts(file.with_suffix(""))
    with np.load(file) as stored:
        return Bank(
            clips=[*clips, *clips],
            log_energies={variant: stored[variant] for variant in VARIANTS},
            first_column=stored["first_column"][:-1],
            n_columns=np.diff(stored["first_column"]),
            teacher=stored["teacher"] if yamnet is not None else None,
            first_window=stored["first_window"][:-1],
            n_windows=np.diff(stored["first_window"]),
        )


def make_arrays(clips: Sequence[Clip], yamnet: Path | None, seed: int, stem: Path) -> dict[str, np.ndarray]:
    """The bank's arrays, computed from the recordings; each variant is kept once it is made, under `stem`."""
    recordings = [read_samples(clip) for clip in tqdm(clips, desc="reading", mininterval=5)]
    recordings += each_clip(recordings, seed, augmentation.speed, "speed")
    recordings = [pad_to_one_window(samples) for samples in recordings]
    arrays: dict[str, np.ndarray] = {}

    def heard(variant: str) -> tuple[np.ndarray, ...]:
        number, effect = list(EFFECTS).index(variant), EFFECTS[variant]
        given = coded(recordings) if variant == "adpcm" else recordings
        columns = each_clip(given, seed + number, partial(log_energies, effect), variant)
        return np.concatenate(columns), np.cumsum([0] + [len(own) for own in columns])

    for variant in EFFECTS:
        ((arrays[variant], arrays["first_column"]),) = in_parts(
            [variant], heard, stem.with_name(f"{stem.name}-{variant}"), variant
        )
    arrays["first_window"] = np.cumsum([0] + [count_windows(x) for x in recordings])
    if yamnet is not None:
        arrays["teacher"] = teacher_scores(recordings, yamnet)
    return arrays


def pad_to_one_window(samples: np.ndarray) -> np.ndarray:
    """At least one analysis window long."""
    return np.pad(samples, (0, max(0, WINDOW_LENGTH + HOP_LENGTH - len(samples))))


def coded(recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
    """After ADPCM: the coder is serial in time, so many clips of much the same length go through it side by side."""
    parts = alike_in_length([len(samples) for samples in recordings])
    found: list[np.ndarray] = [np.empty(0)] * len(recordings)
    with worker_pool() as pool:
        done = pool.map(augmentation.adpcm, ([recordings[i] for i in part] for part in parts))
        for part, clips in zip(parts, tqdm(done, total=len(parts), desc="adpcm coder", mininterval=5), strict=True):
            for i, clip in zip(part, clips, strict=True):
                found[i] = clip
    return found


def alike_in_length(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of all clips, shortest first, in parts that hold ADPCM_SAMPLES_AT_ONCE when padded to their longest."""
    parts: list[list[int]] = []
    for i in np.argsort(lengths, kind="stable").tolist():
        if not parts or (len(parts[-1]) + 1) * lengths[i] > ADPCM_SAMPLES_AT_ONCE:
            parts.append([])
        parts[-1].append(i)
    return parts


def unchanged(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As it was recorded."""
    return samples


def coloured_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room heard by a cheap microphone."""
    return augmentation.microphone_colour(augmentation.room(samples, rng), rng)


def narrow_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room heard through a band from 50-400 Hz to 2.8-6 kHz."""
    return augmentation.band_limit(augmentation.room(samples, rng), rng.uniform(50, 400), rng.uniform(2800, 6000))


Effect = Callable[[np.ndarray, np.random.Generator], np.ndarray]
EFFECTS: dict[str, Effect] = {
    "clean": unchanged,
    "telephone": augmentation.telephone,
    "adpcm": augmentation.microphone_colour,  # after the coder
    "room": coloured_room,
    "narrow_room": narrow_room,
}


def log_energies(effect: Effect, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """ln of a changed recording's mel energies, (columns, 64) float16."""
    return np.log(mel_energies(effect(samples, rng)) + ENERGY_FLOOR).astype(np.float16)


def each_clip(recordings: Sequence[np.ndarray], seed: int, effect: Effect, name: str) -> list[np.ndarray]:
    """effect(samples, rng) of every recording, with one generator per recording: by the seed and its place only."""
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(len(recordings))]
    with worker_pool() as pool:
        done = pool.map(effect, recordings, generators, chunksize=16)
        return list(tqdm(done, total=len(recordings), desc=name, mininterval=5))


def worker_pool() -> Executor:
    """Processes that are not forked: Keras' backend has threads, which a fork would leave without their locks."""
    return ProcessPoolExecutor(WORKERS, multiprocessing.get_context("forkserver"))


def count_windows(samples: np.ndarray) -> int:
    """The teacher's answers on a recording: one every 0.2 s, the first at its beginning."""
    return 1 + len(samples) // FRAME_HOP


def teacher_scores(recordings: Sequence[np.ndarray], yamnet: Path) -> np.ndarray:
    """YAMNet's 521 scores every 0.2 s of each recording, (windows, 521) float16."""
    from training.layers.yamnet import load_yamnet  # Keras, which the worker processes are spared

    network = load_yamnet(yamnet)
    scores = []
    for first in tqdm(range(0, len(recordings), TEACHER_CLIPS_AT_ONCE), desc="teacher", mininterval=5):
        part = recordings[first : first + TEACHER_CLIPS_AT_ONCE]
        with ThreadPoolExecutor(WORKERS) as pool:
            patches = np.concatenate(list(pool.map(teacher_patches, part)))
        logits = network.predict(patches[..., None], batch_size=TEACHER_BATCH, verbose=0)
        scores.append((1 / (1 + np.exp(-logits))).astype(np.float16))
    return np.concatenate(scores)


def teacher_patches(samples: np.ndarray) -> np.ndarray:
    """What the teacher sees every 0.2 s, (windows, 96, 64) float32; past the end there is silence."""
    padded = np.pad(samples, (0, PATCH_LENGTH + FRAME_HOP))
    starts = range(0, count_windows(samples) * FRAME_HOP, FRAME_HOP)
    return np.stack([yamnet_patch(padded[start : start + PATCH_LENGTH]) for start in starts])
