"""Splits that cannot leak: whole groups only, checked, and proved in the report.

A group is what must not be on two sides: one infant, one parent's phone, one speaker, one source recording.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.errors import UserError
from training.data.corpora import Clip

BY_GROUP, BY_EVAL_FOLD = "group", "eval_fold"
NAMED_AT_MOST = 3  # of what an error lists


@dataclass(frozen=True)
class Split:
    """One division of clips, as indices. What is chosen while learning is chosen on `validation`, never on `test`."""

    name: str
    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def parts(self) -> dict[str, np.ndarray]:
        return {"training": self.training, "validation": self.validation, "test": self.test}


def make_splits(
    clips: Sequence[Clip], folds: str | int, validation_share: float, seed: int, mixed_groups: bool = False
) -> list[Split]:
    """One split per fold: the fold is the test part, whole groups of the rest are the validation part.

    folds: `group` (each group is held out once), `eval_fold` (the corpus's own), or how many folds to draw.
    mixed_groups: one group may rightly have several labels (a speaker, a parent).

    Raises UserError when the clips cannot be split so, or a split divides a group.
    """
    check_labels(clips, mixed_groups)
    fold_of_clip = assign_folds(clips, folds, seed)
    names = sorted(set(fold_of_clip))
    if len(names) < 2:
        raise UserError(f"all clips are in one fold ({names[0]}): nothing is left to train on; choose other folds")
    splits = []
    for number, name in enumerate(names):
        test = np.flatnonzero(fold_of_clip == name)
        rest = np.flatnonzero(fold_of_clip != name)
        held_out = hold_out([clips[int(i)] for i in rest], validation_share, seed + number)
        split = Split(str(name), rest[~held_out], rest[held_out], test)
        prove(clips, split)
        check_trainable(clips, split)
        splits.append(split)
    return splits


def check_labels(clips: Sequence[Clip], mixed_groups: bool) -> None:
    """Raise UserError for no clips, one class only, or a group in two labels."""
    labels_of_group = defaultdict(set)
    for clip in clips:
        labels_of_group[clip.group_id].add(clip.label)
    labels = set().union(*labels_of_group.values())
    if len(labels) < 2:
        found = f"one class only ({labels.pop()})" if labels else "no clips"
        raise UserError(f"the chosen clips have {found}; at least two classes are needed: check corpora and labels")
    mixed = [f"{group} ({', '.join(sorted(ls))})" for group, ls in sorted(labels_of_group.items()) if len(ls) > 1]
    if mixed and not mixed_groups:
        raise UserError(
            f"{len(mixed)} groups are in two labels or more: {shortened(mixed)}; correct the labels, or set "
            f"mixed_groups = true if one group (a speaker, a parent) can rightly have several"
        )


def assign_folds(clips: Sequence[Clip], folds: str | int, seed: int) -> np.ndarray:
    """The fold of each clip, (clips,). Raises UserError."""
    if folds == BY_GROUP:
        return np.array([clip.group_id for clip in clips])
    if folds == BY_EVAL_FOLD:
        return np.array([clip.eval_fold for clip in clips])
    if isinstance(folds, str):
        raise UserError(f"folds is {folds!r}, it must be {BY_GROUP}, {BY_EVAL_FOLD} or a number")
    return draw_folds(clips, folds, seed)


def draw_folds(clips: Sequence[Clip], n_folds: int, seed: int) -> np.ndarray:
    """Folds of whole groups with about the same labels in each, 0..n_folds-1, (clips,). Raises UserError."""
    n_groups = len({clip.group_id for clip in clips})
    if n_folds < 2:
        raise UserError(f"{n_folds} folds are asked for, at least 2 are needed")
    if n_groups < n_folds:
        raise UserError(f"{n_folds} folds are asked for, there are only {n_groups} groups: ask for fewer folds")
    labels = sorted({clip.label for clip in clips})
    by_group: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(labels)))
    for clip in clips:
        by_group[clip.group_id][labels.index(clip.label)] += 1
    total = np.sum(list(by_group.values()), axis=0)
    rng = np.random.default_rng(seed)
    # The hardest to place first: large groups, and rare labels count for more; equals in random order.
    weight = {group: float((counts / total).max() + rng.random() * 1e-6) for group, counts in by_group.items()}
    filled = np.zeros((n_folds, len(labels)))
    fold_of_group = {}
    for group in sorted(by_group, key=weight.get, reverse=True):
        share = (filled + by_group[group]) / total  # of each label, in each fold, were the group put there
        crowded = (share**2).sum(axis=1) - ((filled / total) ** 2).sum(axis=1)
        fold = int(np.argmin(crowded + filled.sum(axis=1) / total.sum() * 1e-3))
        filled[fold] += by_group[group]
        fold_of_group[group] = fold
    return np.array([fold_of_group[clip.group_id] for clip in clips])


def hold_out(clips: Sequence[Clip], share: float, seed: int) -> np.ndarray:
    """Which clips to validate on: about `share` of them, whole groups, (clips,) bool. Raises UserError."""
    if not 0 < share <= 0.5:
        raise UserError(f"validation_share is {share}, it must be above 0 and at most 0.5")
    n_groups = len({clip.group_id for clip in clips})
    if n_groups < 2:
        raise UserError("only one group is left to train on: none can be held out to validate; use more recordings")
    return draw_folds(clips, min(n_groups, round(1 / share)), seed) == 0


def check_trainable(clips: Sequence[Clip], split: Split) -> None:
    """Raise UserError when a label of the test part cannot be learnt, or nothing can be told on the validation part."""
    counts = {name: Counter(clips[i].label for i in part) for name, part in split.parts.items()}
    missing = sorted((counts["test"] + counts["validation"]).keys() - counts["training"].keys())
    if missing:
        raise UserError(
            f"fold {split.name}: no group with label {shortened(missing)} is left to train on; use fewer folds or "
            f"leave the label out"
        )
    if len(counts["validation"]) < 2:
        raise UserError(
            f"fold {split.name}: the validation part has one class only; use a larger validation_share or more groups"
        )


def prove(clips: Sequence[Clip], split: Split) -> dict[str, Any]:
    """What shows that no group is divided: per part its clips, labels, groups and their hash; shared groups, none.

    The hash is SHA-256 over the sorted group names, one a line. Raises UserError when a group is on two sides.
    """
    groups = {name: {clips[i].group_id for i in part} for name, part in split.parts.items()}
    names = list(groups)
    shared = {}
    for number, one in enumerate(names):
        for other in names[number + 1 :]:
            divided = sorted(groups[one] & groups[other])
            if divided:
                raise UserError(
                    f"fold {split.name} divides {len(divided)} groups between {one} and {other}: {shortened(divided)}; "
                    f"a split must keep groups whole"
                )
            shared[f"{one} and {other}"] = 0
    proof = {}
    for name, part in split.parts.items():
        text = "\n".join(sorted(groups[name]))
        proof[name] = {
            "clips": len(part),
            "labels": dict(sorted(Counter(clips[i].label for i in part).items())),
            "groups": len(groups[name]),
            "groups_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
    return {"fold": split.name, "parts": proof, "shared_groups": shared}


def shortened(names: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
