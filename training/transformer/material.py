"""The clips of an experiment as one-second log-mel frames, computed once and kept on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.dsp.log_mel import PARAMETERS, log_mel
from edge.dsp.vad import active
from edge.errors import UserError
from edge.frames import FRAME_COLUMNS, FRAME_LENGTH
from training.data import selection
from training.data.augmentation import band_limit
from training.data.corpora import SYNTHETIC, Clip, read_samples, synthetic_clips
from training.data.effects import apply_variant
from training.data.kept_parts import Arrays, forget_parts, in_parts
from training.data.selection import recipe_key
from training.data.splits import BY_EVAL_FOLD, Split, draw_folds, hold_out, make_splits, prove
from training.transformer.config import Experiment, FeatureConfig, Selection

MATERIAL_VERSION = 1
ROLES = LABELLED, KNOWN, OUTLIERS, NOISE = "data", "known", "outliers", "noise"  # as the sections are named
NO_LABEL = -1


@dataclass(frozen=True)
class Recordings:
    """One variant of every clip: log-mel columns, (columns, n_mels) float16, memory-mapped, and its frames.

    first: (frames,) the first column of each frame. begin: (clips + 1,) where each clip's frames begin.
    """

    columns: np.ndarray
    first: np.ndarray
    begin: np.ndarray

    def take(self, frames: np.ndarray) -> np.ndarray:
        """(frames, 98, n_mels) float32 log-mel."""
        return self.columns[self.first[frames][:, None] + np.arange(FRAME_COLUMNS)].astype(np.float32)

    def of_clips(self, clips: np.ndarray, at_most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """All frames of some clips, or so many of each, evenly spread; and for each the place of its clip in clips."""
        spans = [np.arange(self.begin[clip], self.begin[clip + 1]) for clip in clips]
        if at_most is not None:
            spans = [span[np.linspace(0, len(span) - 1, min(at_most, len(span))).astype(int)] for span in spans]
        return np.concatenate(spans), np.repeat(np.arange(len(clips)), [len(span) for span in spans])

    def draw(self, clips: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One frame of each clip."""
        return self.begin[clips] + rng.integers(0, self.begin[clips + 1] - self.begin[clips])


@dataclass(frozen=True)
class Frames:
    """Clips in every variant, and what each is for: a role's clips by number. truth: its label's number or NO_LABEL."""

    clips: list[Clip]
    labels: list[str]
    truth: np.ndarray
    roles: dict[str, np.ndarray]
    variants: dict[str, Recordings]

    def among(self, clips: np.ndarray, *roles: str) -> np.ndarray:
        """Those of some clips that have one of the roles."""
        return np.intersect1d(clips, np.concatenate([self.roles[role] for role in roles]))


def choose_clips(data_dir: Path, experiment: Experiment) -> list[Clip]:
    """Every clip that an experiment names, each once. Raises UserError for what is not there."""
    chosen = selection.choose_clips(data_dir, experiment.data)
    for role in (KNOWN, OUTLIERS, NOISE):
        chosen += selected(data_dir, getattr(experiment, role), role)
    return list({clip.clip_id: clip for clip in chosen}.values())


def selected(data_dir: Path, wanted: Selection, section: str) -> list[Clip]:
    """The clips of one section. Raises UserError when there is none, or a corpus or label is not there."""
    if not wanted.corpora:
        return []
    made_up = synthetic_clips() if SYNTHETIC in wanted.corpora else []
    recorded = replace(
        wanted,
        corpora=tuple(name for name in wanted.corpora if name != SYNTHETIC),
        labels=tuple(label for label in wanted.labels if label not in {clip.label for clip in made_up}),
    )
    clips = selection.choose_clips(data_dir, recorded, section) if recorded.corpora else []
    clips = [clip for clip in clips + made_up if is_selected(clip, wanted)]
    if not clips:
        raise UserError(f"[{section}] selects no clips; check its corpora and labels")
    return clips


def is_selected(clip: Clip, wanted: Selection) -> bool:
    """Whether a clip is of a section."""
    return (
        clip.corpus in wanted.corpora
        and (not wanted.labels or clip.label in wanted.labels)
        and clip.label not in wanted.except_labels
        and (not wanted.platforms or clip.platform in wanted.platforms)
    )


def roles_of(clips: Sequence[Clip], experiment: Experiment) -> dict[str, np.ndarray]:
    """The clips of each role, by number. One with a label is neither `known` nor an outlier; it may be noise."""
    data = experiment.data
    labelled = Selection(data.corpora, data.labels, platforms=data.platforms)
    is_labelled = np.array([is_selected(clip, labelled) for clip in clips], bool)
    roles = {LABELLED: np.flatnonzero(is_labelled)}
    for role in (KNOWN, OUTLIERS, NOISE):
        wanted = np.array([is_selected(clip, getattr(experiment, role)) for clip in clips], bool)
        roles[role] = np.flatnonzero(wanted if role == NOISE else wanted & ~is_labelled)
    return roles


def load_frames(clips: Sequence[Clip], experiment: Experiment, cache_dir: Path) -> Frames:
    """The frames of these clips, from cache_dir where they were made before in the same way."""
    roles = roles_of(clips, experiment)
    if not len(roles[LABELLED]):
        raise UserError("no clip has a label to learn; check data.corpora and data.labels")
    labels = sorted({clips[i].label for i in roles[LABELLED]})
    truth = np.full(len(clips), NO_LABEL)
    truth[roles[LABELLED]] = [labels.index(clips[i].label) for i in roles[LABELLED]]
    n_mels = experiment.model.n_mels
    variants = {
        variant: load_recordings(clips, experiment.features, n_mels, variant, cache_dir)
        for variant in experiment.augment.variants
    }
    return Frames(list(clips), labels, truth, roles, variants)


def load_recordings(
    clips: Sequence[Clip], config: FeatureConfig, n_mels: int, variant: str, cache_dir: Path
) -> Recordings:
    """One variant of every clip."""
    recipe = {
        "version": MATERIAL_VERSION,
        "features": {**PARAMETERS, "n_mels": n_mels},
        "hop_columns": config.hop_columns,
        "active_share": config.active_share,
        "band_hz": config.band_hz,
        "variant": variant,
        "clips": [clip.clip_id for clip in clips],
    }
    key = recipe_key(recipe)
    file, places = cache_dir / f"frames-{key}.npy", cache_dir / f"frames-{key}-places.npz"
    if not (file.is_file() and places.is_file()):
        cache_dir.mkdir(parents=True, exist_ok=True)
        write_recordings(clips, config, n_mels, variant, file, places)
    with np.load(places) as found:
        return Recordings(np.load(file, mmap_mode="r"), found["first"], found["begin"])


def write_recordings(
    clips: Sequence[Clip], config: FeatureConfig, n_mels: int, variant: str, file: Path, places: Path
) -> None:
    """Compute one variant of every clip: its columns into a .npy file, where its frames are into another."""

    def own(clip: Clip) -> Arrays:
        samples = apply_variant(band_limit(read_samples(clip), 0, config.band_hz), variant, clip)
        samples = np.pad(samples, (0, max(0, FRAME_LENGTH - len(samples)))).astype(np.float32)
        return log_mel(samples, n_mels=n_mels).astype(np.float16), frame_starts(active(samples), config)

    columns, first, begin, n_columns = [], [], [0], 0
    stem = file.with_suffix("")
    for spectrum, starts in in_parts(clips, own, stem, f"frames, {variant}"):
        columns.append(spectrum)
        first.append(n_columns + starts)
        begin.append(begin[-1] + len(starts))
        n_columns += len(spectrum)
    partial = file.with_suffix(f".{os.getpid()}.partial.npy")  # two experiments may make the same file at once
    np.save(partial, np.concatenate(columns))
    np.savez(places, first=np.concatenate(first), begin=np.array(begin))
    partial.replace(file)
    forget_parts(stem)


def frame_starts(is_active: np.ndarray, config: FeatureConfig) -> np.ndarray:
    """First columns of a clip's frames: those with enough active columns; all, where no frame has."""
    starts = np.arange(0, len(is_active) - FRAME_COLUMNS + 1, config.hop_columns)
    share = np.array([is_active[start : start + FRAME_COLUMNS].mean() for start in starts])
    kept = starts[share >= config.active_share]
    return kept if len(kept) else starts


def split_clips(clips: Sequence[Clip], experiment: Experiment, seed: int) -> list[Split]:
    """Splits of all clips, proved: those with a label as experiment.data says, all others beside them.

    A group is in one part whatever its clips are for; groups without a label are dealt to the folds as the others.
    """
    data = experiment.data
    labelled = roles_of(clips, experiment)[LABELLED]
    chosen = [clips[i] for i in labelled]
    splits = make_splits(chosen, data.folds, data.validation_share, seed, data.mixed_groups)
    others = np.setdiff1d(np.arange(len(clips)), labelled)
    if not len(others):
        return splits
    beside = [clips[i] for i in others]
    if data.folds == BY_EVAL_FOLD:
        fold_of_other = np.array([str(clip.eval_fold) for clip in beside])
    else:
        drawn = draw_folds(beside, len(splits), seed)
        fold_of_other = np.array([split.name for split in splits])[drawn]
    joined = []
    for number, split in enumerate(splits):
        part_of_group = {chosen[i].group_id: name for name, part in split.parts.items() for i in part}
        is_tested = fold_of_other == split.name
        part = np.where(is_tested, "test", "training").astype(object)
        rest = np.flatnonzero(~is_tested)
        part[rest[hold_out([beside[i] for i in rest], data.validation_share, seed + number)]] = "validation"
        part = np.array([part_of_group.get(clip.group_id, own) for clip, own in zip(beside, part, strict=True)])
        parts = {name: np.concatenate([labelled[own], others[part == name]]) for name, own in split.parts.items()}
        joined.append(Split(split.name, **{name: np.sort(numbers) for name, numbers in parts.items()}))
        prove(clips, joined[-1])
    return joined
