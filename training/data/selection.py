"""Which clips an experiment is about."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import UserError
from training.data.corpora import Clip, read_corpora


@dataclass(frozen=True)
class DataConfig:
    """Which clips, and how they are split."""

    corpora: tuple[str, ...]
    folds: str | int  # group, eval_fold or how many to draw
    labels: tuple[str, ...] = ()  # none named: all that the corpora have
    platforms: tuple[str, ...] = ()  # none named: recorded by any
    mixed_groups: bool = False  # one group may rightly have several labels: a speaker, a parent
    validation_share: float = 0.2  # of what is not tested
    clips_per_group_and_label: int = 0  # 0: all; fewer make a quicker experiment
    only_folds: tuple[str, ...] = ()  # run some folds only


def choose_clips(data_dir: Path, config: Any, section: str = "data") -> list[Clip]:
    """The clips an experiment names: by config's corpora, labels, platforms and clips_per_group_and_label.

    section: of the experiment, for errors. Raises UserError for an unknown corpus, platform or label, or a recording
    that is missing.
    """
    every = read_corpora(data_dir)
    known = sorted({clip.corpus for clip in every})
    for corpus in config.corpora:
        if corpus not in known:
            raise UserError(f"{section}.corpora has {corpus!r}, {data_dir / 'metadata.csv'} has {', '.join(known)}")
    clips = [clip for clip in every if clip.corpus in config.corpora and clip.detector_label != "unverified"]
    platforms = sorted({clip.platform for clip in clips})
    for platform in config.platforms:
        if platform not in platforms:
            raise UserError(f"{section}.platforms has {platform!r}, the chosen corpora have {', '.join(platforms)}")
    clips = [clip for clip in clips if not config.platforms or clip.platform in config.platforms]
    labels = sorted({clip.label for clip in clips})
    unknown = sorted(set(config.labels) - set(labels))
    if unknown:
        raise UserError(f"{section}.labels has {unknown[0]!r}, the chosen corpora have {', '.join(labels)}")
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


def label_counts(clips: Sequence[Clip]) -> dict[str, dict[str, int]]:
    """Clips and groups of each label, for the report."""
    groups = defaultdict(set)
    for clip in clips:
        groups[clip.label].add(clip.group_id)
    counts = Counter(clip.label for clip in clips)
    return {label: {"clips": counts[label], "groups": len(groups[label])} for label in sorted(counts)}


def corpora_of(clips: Sequence[Clip]) -> dict[str, dict[str, Any]]:
    """Clips and licences of each corpus, for model.json."""
    corpora: dict[str, dict[str, Any]] = {}
    for clip in clips:
        entry = corpora.setdefault(clip.corpus, {"clips": 0, "licences": []})
        entry["clips"] += 1
        if clip.licence not in entry["licences"]:
            entry["licences"].append(clip.licence)
    return corpora


def recipe_key(recipe: dict[str, Any]) -> str:
    """What a cached file is named by: the same for the same recipe alone."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
