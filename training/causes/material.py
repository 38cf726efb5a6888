"""The clips of an experiment as fused tensors, computed once and kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.dsp import fused
from edge.dsp.fused import STFT_ROWS
from edge.dsp.stft import bins_within
from edge.dsp.stretch import average, interpolate
from training.causes.architecture import COLUMNS
from training.causes.config import CLIP, Experiment, FeatureConfig
from training.data.augmentation import sounding
from training.data.corpora import Clip, read_samples
from training.data.effects import apply_variant
from training.data.kept_parts import Arrays, forget_parts, in_parts
from training.data.selection import recipe_key

MATERIAL_VERSION = 2
WINDOW_HOP = COLUMNS // 2  # columns between the windows of one clip


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
            "bins_together": config.bins_together,
            "sounding": config.sounding,
            "variant": variant,
            "clips": [clip.clip_id for clip in clips],
        }
        key = recipe_key(recipe)
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

    def own(clip: Clip) -> Arrays:
        samples = sounding(read_samples(clip)) if config.sounding else read_samples(clip)
        return (tensors_of(apply_variant(samples, variant, clip), len(samples), config).astype(np.float16),)

    stem = file.with_suffix("")
    items = [tensors for (tensors,) in in_parts(clips, own, stem, f"features, {variant}")]
    np.save(counts_file, np.array([len(tensors) for tensors in items]))
    partial = file.with_suffix(".partial.npy")
    np.save(partial, np.concatenate(items))
    partial.replace(file)
    forget_parts(stem)


def tensors_of(samples: np.ndarray, n_samples: int, config: FeatureConfig) -> np.ndarray:
    """The tensors of one recording, (items, columns, 273) float32; n_samples: its length before augmentation."""
    if config.unit == CLIP:
        columns = fewer_columns(fused.fused_clip(samples, config.band_hz), config.columns)
        return averaged_bins(columns, config)[None]
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


def averaged_bins(columns: np.ndarray, config: FeatureConfig) -> np.ndarray:
    """Columns (T, 273) with the mean of bins_together neighbouring bins in the row of the first of them."""
    spectrum = columns[:, STFT_ROWS][:, : bins_within(config.band_hz)]
    means = [spectrum[:, i : i + config.bins_together].mean(axis=1) for i in range(spectrum.shape[1])]
    columns[:, STFT_ROWS.start : STFT_ROWS.start + len(means)] = np.stack(means, axis=1)
    return columns


def chosen_rows(config: FeatureConfig) -> np.ndarray:
    """Which of the 273 rows a model sees."""
    rows = {
        "mfcc": range(fused.MFCC_ROWS.start, fused.MFCC_ROWS.stop),
        "stft": range(STFT_ROWS.start, STFT_ROWS.start + bins_within(config.band_hz), config.bins_together),
        "pitch": (fused.PITCH_ROW, fused.CLARITY_ROW),
        "wave": (fused.WAVE_ROW,),
    }
    return np.concatenate([rows[block] for block in rows if block in config.blocks]).astype(int)
