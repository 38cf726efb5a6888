"""The clips of an experiment as fused tensors, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from edge.dsp import fused
from edge.dsp.stft import bins_within
from edge.dsp.stretch import average, interpolate
from edge.errors import UserError
from training import augment
from training.causes.architecture import COLUMNS
from training.causes.config import CLIP, DataConfig, Experiment, FeatureConfig
from training.corpora import Clip, read_corpora, read_samples

MATERIAL_VERSION = 2
WINDOW_HOP = COLUMNS // 2  # columns between the windows of one clip


def elsewhere(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Somewhere within a longer recording, over a noise floor of its own."""
    return augment.noise_floor(augment.placed(samples, rng), rng)


def other_voice(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same of a smaller or larger speaker."""
    return elsewhere(augment.speed(samples, rng), rng)


EFFECTS = {
    "speed": augment.speed,
    "placed": elsewhere,
    "placed_2": elsewhere,  # draws anew
    "other_voice": other_voice,
    "other_voice_2": other_voice,
    "telephone": augment.telephone,
    "room": lambda samples, rng: augment.microphone_colour(augment.room(samples, rng), rng),
    "narrow_room": lambda samples, rng: augment.band_limit(
        augment.room(samples, rng), rng.uniform(50, 400), rng.uniform(2800, 6000)
    ),
}


@dataclass(frozen=True)
class Material:
    """Clips, and every variant's tensors: (items, columns, rows) float16, memory-mapped, not yet z-scored.

    owner: the clip of each item; a clip of several windows has several. The variants have the same items.
    """

    clips: list[Clip]
    labels: list[str]
    tensors: dict[str, np.ndarray]
    owner: np.ndarray

    @property
    def truth(self) -> np.ndarray:
        """Number of each clip's label, (clips,)."""
        return np.array([self.labels.index(clip.label) for clip in self.clips])

    def items_of(self, clips: np.ndarray) -> np.ndarray:
        """The items of some clips, given by number."""
        return np.flatnonzero(np.isin(self.owner, clips))


def choose_clips(data_dir: Path, config: DataConfig) -> list[Clip]:
    """The clips an experiment names. Raises UserError for an unknown corpus or label, or a file that is missing."""
    every = read_corpora(data_dir)
    known = sorted({clip.corpus for clip in every})
    for corpus in config.corpora:
        if corpus not in known:
            raise UserError(f"data.corpora has {corpus!r}, {data_dir / 'metadata.csv'} has {', '.join(known)}")
    clips = [clip for clip in every if clip.corpus in config.corpora and clip.detector_label != "unverified"]
    platforms = sorted({clip.platform for clip in clips})
    for platform in config.platforms:
        if platform not in platforms:
            raise UserError(f"data.platforms has {platform!r}, the chosen corpora have {', '.join(platforms)}")
    clips = [clip for clip in clips if not config.platforms or clip.platform in config.platforms]
    labels = sorted({clip.label for clip in clips})
    unknown = sorted(set(config.labels) - set(labels))
    if unknown:
        raise UserError(f"data.labels has {unknown[0]!r}, the chosen corpora have {', '.join(labels)}")
    clips = [clip for clip in clips if not config.labels or clip.label in config.labels]
    clips = thinned(clips, config.clips_per_group_and_label)
    missing = [clip.path for clip in clips if not clip.path.is_file()]
    if missing:
        raise UserError(
            f"{len(missing)} of {len(clips)} recordings of metadata.csv are missing, the first is {missing[0]}; "
            f"restore them or import the corpus again with cry-train corpora import"
        )
    return clips


def thinned(clips: Sequence[Clip], at_most: int) -> list[Clip]:
    """At most so many clips of each group and label, in the order of their names' hashes; 0 keeps all."""
    if not at_most:
        return list(clips)
    by_hash = sorted(clips, key=lambda clip: hashlib.sha256(clip.clip_id.encode()).digest())
    taken: Counter[tuple[str, str]] = Counter()
    kept = []
    for clip in by_hash:
        taken[clip.group_id, clip.label] += 1
        if taken[clip.group_id, clip.label] <= at_most:
            kept.append(clip)
    return sorted(kept, key=lambda clip: clip.clip_id)


def load_material(clips: Sequence[Clip], experiment: Experiment, cache_dir: Path) -> Material:
    """The tensors of these clips, from cache_dir where they were made before in the same way."""
    config = experiment.features
    tensors, counts = {}, []
    for variant in experiment.augment.variants:
        recipe = {
            "version": MATERIAL_VERSION,
            "features": fused.PARAMETERS,
            "unit": config.unit,
            "columns": config.columns,
            "band_hz": config.band_hz,
            "variant": variant,
            "clips": [clip.clip_id for clip in clips],
        }
        key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
        file, counts_file = cache_dir / f"fused-{key}.npy", cache_dir / f"fused-{key}-counts.npy"
        if not file.is_file():
            cache_dir.mkdir(parents=True, exist_ok=True)
            write_tensors(clips, config, variant, file, counts_file)
        tensors[variant] = np.load(file, mmap_mode="r")
        counts = np.load(counts_file)
    owner = np.repeat(np.arange(len(clips)), counts)
    return Material(list(clips), sorted({clip.label for clip in clips}), tensors, owner)


def write_tensors(clips: Sequence[Clip], config: FeatureConfig, variant: str, file: Path, counts_file: Path) -> None:
    """Compute one variant of every clip into a .npy file, and how many items each clip has into another."""
    items, counts = [], []
    for clip in tqdm(clips, desc=f"features, {variant}", mininterval=5):
        samples = read_samples(clip)
        n_samples = len(samples)
        if variant in EFFECTS:
            # The draw follows from the clip's name, not from its label: every label meets the same channels.
            rng = np.random.default_rng(list(hashlib.sha256(f"{variant} {clip.clip_id}".encode()).digest()))
            samples = EFFECTS[variant](samples, rng)
        own = tensors_of(samples, n_samples, config).astype(np.float16)
        items.append(own)
        counts.append(len(own))
    np.save(counts_file, np.array(counts))
    partial = file.with_suffix(".partial.npy")
    np.save(partial, np.concatenate(items))
    partial.replace(file)


def tensors_of(samples: np.ndarray, n_samples: int, config: FeatureConfig) -> np.ndarray:
    """The tensors of one recording, (items, columns, 273) float32; n_samples: its length before augmentation."""
    if config.unit == CLIP:
        return fewer_columns(fused.fused_clip(samples, config.band_hz), config.columns)[None]
    starts = window_starts(n_samples)
    padded = np.zeros((starts[-1] * fused.HOP_LENGTH) + fused.CLIP_LENGTH, np.float32)
    length = min(len(samples), len(padded))
    padded[:length] = samples[:length]
    columns = fused.fused_columns(padded, config.band_hz)
    return np.stack([fewer_columns(columns[start : start + COLUMNS], config.columns) for start in starts])


def window_starts(n_samples: int) -> np.ndarray:
    """First columns of the 3.51-s windows of a recording: half a window apart, the last within it; at least one."""
    whole = max(0, (n_samples - fused.CLIP_LENGTH) // fused.HOP_LENGTH)
    return np.arange(0, whole + 1, WINDOW_HOP)


def fewer_columns(columns: np.ndarray, n: int) -> np.ndarray:
    """(233, 273) -> (n, 273): each the mean of its neighbours, but the waveform, whose mean is nearly zero."""
    if n == len(columns):
        return columns
    reduced = average(columns, n)
    reduced[:, fused.WAVE_ROW] = interpolate(columns[:, fused.WAVE_ROW], n)
    return reduced


def chosen_rows(config: FeatureConfig) -> np.ndarray:
    """Which of the 273 rows a model sees."""
    rows = {
        "mfcc": range(fused.MFCC_ROWS.start, fused.MFCC_ROWS.stop),
        "stft": range(fused.STFT_ROWS.start, fused.STFT_ROWS.start + bins_within(config.band_hz)),
        "pitch": (fused.PITCH_ROW, fused.CLARITY_ROW),
        "wave": (fused.WAVE_ROW,),
    }
    return np.concatenate([rows[block] for block in rows if block in config.blocks]).astype(int)


def label_counts(clips: Sequence[Clip]) -> dict[str, dict[str, int]]:
    """Clips and groups of each label, for the report."""
    groups = defaultdict(set)
    for clip in clips:
        groups[clip.label].add(clip.group_id)
    counts = Counter(clip.label for clip in clips)
    return {label: {"clips": counts[label], "groups": len(groups[label])} for label in sorted(counts)}
