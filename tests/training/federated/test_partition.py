"""Clips are dealt to homes by whole groups, and unevenly by label."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edge.errors import UserError
from training.data.corpora import Clip
from training.federated.partition import Partition, deal

PHONES = ("android", "ios")
LABELS = ("cat", "cow", "dog", "hen")


def clips(groups=60, per_group=3):
    return [
        Clip(Path(f"{g}-{i}"), "made", LABELS[g % 4], "noncry", f"g{g}", 1, "CC0", "open", PHONES[g % 3 == 0])
        for g in range(groups)
        for i in range(per_group)
    ]  # fmt: skip


def skew(parts, made):
    """Mean over homes of the share that the commonest label has."""
    return np.mean([max(Counter(made[i].label for i in part).values()) / len(part) for part in parts])


def test_every_clip_has_one_home_and_no_group_is_divided():
    made = clips()
    parts = deal(made, Partition(homes=6, alpha=0.5), 0)
    assert sorted(np.concatenate(parts)) == list(range(len(made)))
    owner = {i: home for home, part in enumerate(parts) for i in part}
    assert all(len({owner[i] for i, c in enumerate(made) if c.group_id == f"g{g}"}) == 1 for g in range(60))


def test_a_smaller_alpha_is_more_uneven():
    made = clips(200)
    assert skew(deal(made, Partition(6, 0.1), 0), made) > skew(deal(made, Partition(6, 100.0), 0), made) + 0.2


def test_the_same_seed_deals_the_same():
    made = clips()
    one, same, other = (deal(made, Partition(6, 0.5), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_home_records_on_one_platform():
    made = clips()
    parts = deal(made, Partition(6, 1.0, by_platform=True), 0)
    assert all(len({made[i].platform for i in part}) == 1 for part in parts)
    assert {made[part[0]].platform for part in parts} == {"android", "ios"}


@pytest.mark.parametrize(
    ("partition", "says"),
    [
        (Partition(61), "partition.homes is 61, there are only 60 groups"),
        (Partition(50, 0.01), "fewer than 4 clips of 180"),
    ],
)
def test_clips_that_cannot_be_dealt(partition, says):
    with pytest.raises(UserError) as error:
        deal(clips(), partition, 0)
    assert says in str(error.value)
