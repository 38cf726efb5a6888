"""The detector's training material: mel energies of every clip under several phones and rooms, cached on disk.

Mixing is done later on energies (the energies of a sum are nearly the sum of the energies), so that a batch costs
milliseconds. The teacher, where there is one, is YAMNet: its 521 class scores on the clean recording.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edge.dsp.log_mel import HOP_LENGTH, PARAMETERS, WINDOW_LENGTH, mel_energies
from edge.frames import FRAME_HOP
from training.data import augmentation
from training.data.corpora import Clip, read_samples

ENERGY_FLOOR = 1e-10  # keeps ln(energy) of digital silence finite in float16
ADPCM_CLIPS_AT_ONCE = 500
YAMNET_WINDOW = 15600  # samples: 0.975 s
YAMNET_CLASSES = 521
VARIANTS = ["clean", "telephone", "adpcm", "room", "narrow_room"]
BANK_VERSION = 4
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


def joined(first: Bank, second: Bank) -> Bank:
    """The clips of two whole banks in one."""
    return Bank(
        clips=first.clips + second.clips,
        log_energies={v: np.concatenate([first.log_energies[v], second.log_energies[v]]) for v in VARIANTS},
        first_column=np.concatenate([first.first_column, second.first_column + len(first.log_energies[VARIANTS[0]])]),
        n_columns=np.concatenate([first.n_columns, second.n_columns]),
        teacher=None if first.teacher is None else np.concatenate([first.teacher, second.teacher]),
        first_window=np.concatenate([first.first_window, second.first_window + first.n_windows.sum()]),
        n_windows=np.concatenate([first.n_windows, second.n_windows]),
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
        arrays = make_arrays(clips, yamnet, seed)
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, **arrays)
        partial.replace(file)
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


def make_arrays(clips: Sequence[Clip], yamnet: Path | None, seed: int) -> dict[str, np.ndarray]:
    """The bank's arrays, computed from the recordings."""
    recordings = [read_samples(clip) for clip in tqdm(clips, desc="reading", mininterval=5)]
    recordings += each_clip(recordings, seed, augmentation.speed, "speed")
    recordings = [pad_to_one_window(samples) for samples in recordings]
    arrays: dict[str, np.ndarray] = {}
    for variant, samples in variants(recordings, seed):
        columns = [np.log(mel_energies(x) + ENERGY_FLOOR).astype(np.float16) for x in samples]
        arrays[variant] = np.concatenate(columns)
        arrays["first_column"] = np.cumsum([0] + [len(c) for c in columns])
    windows = [1 + len(x) // FRAME_HOP for x in recordings]
    arrays["first_window"] = np.cumsum([0] + windows)
    if yamnet is not None:
        arrays["teacher"] = np.concatenate(teacher_scores(recordings, yamnet))
    return arrays


def pad_to_one_window(samples: np.ndarray) -> np.ndarray:
    """At least one analysis window long."""
    return np.pad(samples, (0, max(0, WINDOW_LENGTH + HOP_LENGTH - len(samples))))


def variants(recordings: Sequence[np.ndarray], seed: int):
    """Yield (name, recordings) for each of VARIANTS; each clip's draw depends on the seed and its place only."""
    yield "clean", recordings
    yield "telephone", each_clip(recordings, seed + 1, augmentation.telephone, "telephone")
    coded: list[np.ndarray] = []
    for first in tqdm(range(0, len(recordings), ADPCM_CLIPS_AT_ONCE), desc="adpcm"):
        coded += augmentation.adpcm(recordings[first : first + ADPCM_CLIPS_AT_ONCE])
    yield "adpcm", each_clip(coded, seed + 2, augmentation.microphone_colour, "adpcm")
    yield "room", each_clip(recordings, seed + 3, coloured_room, "room")
    yield "narrow_room", each_clip(recordings, seed + 4, narrow_room, "narrow room")


def coloured_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room heard by a cheap microphone."""
    return augmentation.microphone_colour(augmentation.room(samples, rng), rng)


def narrow_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room heard through a band from 50-400 Hz to 2.8-6 kHz."""
    return augmentation.band_limit(augmentation.room(samples, rng), rng.uniform(50, 400), rng.uniform(2800, 6000))


def each_clip(
    recordings: Sequence[np.ndarray],
    seed: int,
    effect: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    name: str,
) -> list[np.ndarray]:
    """effect(samples, rng) of every recording, with one generator per recording."""
    generators = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(len(recordings))]
    with ProcessPoolExecutor(WORKERS) as pool:
        done = pool.map(effect, recordings, generators, chunksize=16)
        return list(tqdm(done, total=len(recordings), desc=name, mininterval=5))


def teacher_scores(recordings: Sequence[np.ndarray], yamnet: Path) -> list[np.ndarray]:
    """YAMNet's 521 scores every 0.2 s of each recording, (windows, 521) float16."""
    from ai_edge_litert.interpreter import Interpreter

    def score(part: Sequence[np.ndarray]) -> list[np.ndarray]:
        interpreter = Interpreter(str(yamnet), num_threads=1)
        interpreter.allocate_tensors()
        source, sink = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        scores = []
        for samples in tqdm(part, desc="teacher", mininterval=5):
            padded = np.pad(samples, (0, YAMNET_WINDOW + FRAME_HOP))
            rows = np.empty((1 + len(samples) // FRAME_HOP, YAMNET_CLASSES), np.float16)
            for row in range(len(rows)):
                window = padded[row * FRAME_HOP : row * FRAME_HOP + YAMNET_WINDOW]
                interpreter.set_tensor(source, window[None].astype(np.float32))
                interpreter.invoke()
                rows[row] = interpreter.get_tensor(sink)[0]
            scores.append(rows)
        return scores

    share = -(-len(recordings) // WORKERS)
    with ThreadPoolExecutor(WORKERS) as pool:
        parts = pool.map(score, [recordings[first : first + share] for first in range(0, len(recordings), share)])
        return [rows for part in parts for rows in part]
