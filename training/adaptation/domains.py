"""Source and target: clips of two platforms, or clips as they are and as another place would let them sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.errors import UserError
from training.data.corpora import Clip
from training.data.effects import CLEAN, VARIANTS, apply_variant
from training.data.log_mel_frames import Frames, frames_of
from training.data.splits import Split, draw_folds, prove
from training.runs import metrics

PARTS = 4  # of the groups: two to learn from, one whose recordings of the target have no labels, one to judge on
COARSE = 2
BAND_HZ = 3400.0  # platforms are not to be told apart by their bandwidth


@dataclass(frozen=True)
class Domains:
    """Frames of both domains, labels of clips, and the clips of each part; no group is in two of them.

    source, target: how a clip sounds in each; a clip that was recorded in one only is in that part's numbers alone.
    """

    labels: list[str]
    truth: np.ndarray  # (clips,)
    source: Frames
    target: Frames
    known: np.ndarray  # clips of the source with labels
    unlabelled: np.ndarray  # clips of the target whose labels nobody looks at
    judged_source: np.ndarray
    judged_target: np.ndarray


def shifted(clips: Sequence[Clip], variant: str, seed: int) -> Domains:
    """Clips as they are, and the same as a variant of effects.py lets them sound. Raises UserError."""
    if variant not in VARIANTS or variant == CLEAN:
        raise UserError(f"shift is {variant!r}, it must be one of {', '.join(v for v in VARIANTS if v != CLEAN)}")
    labels, truth = numbered(clips)
    parts = parts_of(clips, seed)
    source = frames_of(clips, coarse=COARSE)
    target = frames_of(clips, coarse=COARSE, heard=lambda samples, clip: apply_variant(samples, variant, clip))
    return Domains(labels, truth, source, target, *parts, parts[-1])


def of_platforms(clips: Sequence[Clip], source: str, target: str, seed: int) -> Domains:
    """Clips that two platforms recorded. Raises UserError for one that is not there, or other labels."""
    platforms = np.array([clip.platform for clip in clips])
    for platform in (source, target):
        if platform not in platforms:
            raise UserError(
                f"no clip is of platform {platform!r}, there are {', '.join(sorted(set(platforms) - {''}))}"
            )
    own = {p: {c.label for c in clips if c.platform == p} for p in (source, target)}
    if own[source] != own[target]:
        only = sorted(own[source] ^ own[target])
        raise UserError(f"{source} and {target} have different labels: {', '.join(only)} in one alone; leave them out")
    clips = [clip for clip in clips if clip.platform in (source, target)]
    labels, truth = numbered(clips)
    known, unlabelled, judged = parts_of(clips, seed)
    is_source = np.array([clip.platform == source for clip in clips])
    frames = frames_of(clips, BAND_HZ, COARSE)
    parts = known[is_source[known]], unlabelled[~is_source[unlabelled]], judged[is_source[judged]]
    return Domains(labels, truth, frames, frames, *parts, judged[~is_source[judged]])


def numbered(clips: Sequence[Clip]) -> tuple[list[str], np.ndarray]:
    """The labels, and the number of each clip's. Raises UserError for one label only."""
    labels = sorted({clip.label for clip in clips})
    if len(labels) < 2:
        raise UserError(f"the chosen clips have one label only ({labels[0]}): at least two are needed")
    return labels, np.array([labels.index(clip.label) for clip in clips])


def parts_of(clips: Sequence[Clip], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Known, unlabelled and judged clips: whole groups. Raises UserError where there are too few."""
    folds = draw_folds(clips, PARTS, seed)
    known, unlabelled, judged = np.flatnonzero(folds < 2), np.flatnonzero(folds == 2), np.flatnonzero(folds == 3)
    prove(clips, Split("adaptation", known, unlabelled, judged))
    return known, unlabelled, judged


def scores(domains: Domains, frames: Frames, clips: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Scores of clips by the logits of their frames (those of frames.of(clips)), pooled."""
    owner = np.searchsorted(np.sort(clips), frames.owner[frames.of(clips)])
    return metrics.scores(domains.truth[np.sort(clips)], metrics.pooled(logits, owner, len(clips)))
