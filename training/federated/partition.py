"""Which clips are whose: whole groups, with labels as unevenly spread as a Dirichlet distribution says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge.errors import UserError
from training.runs.toml_config import between

if TYPE_CHECKING:  # it loads SciPy, 50 MB that a home of a board would carry for a type
    from training.data.corpora import Clip

TRIES = 200


@dataclass(frozen=True)
class Partition:
    """How clips are dealt to homes."""

    homes: int = 10
    alpha: float = 0.5  # of the Dirichlet distribution of a label over homes: the smaller, the more uneven; 0: even
    fewest_clips: int = 4  # of a home
    by_platform: bool = False  # a home has recorded all its clips on one platform

    def __post_init__(self) -> None:
        """Raise UserError for values out of range."""
        between("partition.homes", self.homes, 2, 100_000)
        between("partition.alpha", self.alpha, 0, 1e6)
        between("partition.fewest_clips", self.fewest_clips, 1, 10_000)


def deal(clips: Sequence[Clip], partition: Partition, seed: int) -> list[np.ndarray]:
    """The clips of each home, by number; no group is divided. Raises UserError when there are too few."""
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)  # by platform, where that is to be kept apart
    for number, clip in enumerate(clips):
        groups[clip.platform if partition.by_platform else "", clip.group_id].append(number)
    if len(groups) < partition.homes:
        raise UserError(f"partition.homes is {partition.homes}, there are only {len(groups)} groups; ask for fewer")
    for _ in range(TRIES):
        owners = drawn_owners(clips, groups, partition, rng)
        homes = [np.sort([n for group, own in owners.items() if own == home for n in groups[group]]) for home in
                 range(partition.homes)]  # fmt: skip
        if min(map(len, homes)) >= partition.fewest_clips:
            return [home.astype(int) for home in homes]
    raise UserError(
        f"{TRIES} draws left a home with fewer than {partition.fewest_clips} clips of {len(clips)}; "
        f"ask for fewer partition.homes or a larger partition.alpha"
    )


def drawn_owners(
    clips: Sequence[Clip], groups: dict[tuple[str, str], list[int]], partition: Partition, rng: np.random.Generator
) -> dict[tuple[str, str], int]:
    """The home of each group, one draw."""
    sharing = homes_of_platforms(groups, partition.homes)
    likely: dict[tuple[str, str], np.ndarray] = {}  # (platform, label) -> probability of each of its homes
    owners = {}
    keys = sorted(groups)
    for place in rng.permutation(len(keys)):
        platform, _ = key = keys[place]
        homes = sharing[platform]
        label = clips[groups[key][0]].label
        if (platform, label) not in likely:
            even = np.full(len(homes), 1.0 / len(homes))
            drawn = rng.dirichlet(np.full(len(homes), partition.alpha)) if partition.alpha else even
            likely[platform, label] = drawn
        owners[key] = homes[rng.choice(len(homes), p=likely[platform, label])]
    return owners


def homes_of_platforms(groups: dict[tuple[str, str], list[int]], homes: int) -> dict[str, list[int]]:
    """The homes that share the groups of each platform, about in proportion to them, one at least."""
    platforms = sorted({platform for platform, _ in groups})
    counts = np.array([sum(own == platform for own, _ in groups) for platform in platforms], float)
    if len(platforms) > homes:
        raise UserError(
            f"{len(platforms)} platforms cannot be kept apart by {homes} homes; ask for more partition.homes"
        )
    ends = np.round(np.cumsum(counts) / counts.sum() * (homes - len(platforms))).astype(int)
    ends += np.arange(1, len(platforms) + 1)
    begins = np.concatenate([[0], ends[:-1]])
    return {p: list(range(begin, end)) for p, begin, end in zip(platforms, begins, ends, strict=True)}
