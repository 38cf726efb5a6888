"""The splitter promises whole groups, whatever the clips, and refuses what cannot be split honestly."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from edge.errors import UserError  # noqa: E402
from training.data.corpora import Clip  # noqa: E402
from training.data.splits import Split, draw_folds, make_splits, prove  # noqa: E402

CLIP = Clip(Path("a.flac"), "corpus", "hungry", "cry", "g", 1, "CC0", "open")


def clips_of(*groups, folds=4):
    """Clips of (group, labels) pairs."""
    return [
        replace(CLIP, path=Path(f"{group}_{n}.flac"), group_id=group, label=label, eval_fold=1 + number % folds)
        for number, (group, labels) in enumerate(groups)
        for n, label in enumerate(labels)
    ]


def many(n_groups=24, each=2):
    return clips_of(*[(f"g{n}", ["hungry" if n % 3 else "tired"] * each) for n in range(n_groups)])


@given(st.integers(0, 1000), st.integers(6, 40), st.integers(2, 4), st.sampled_from(["eval_fold", "number"]))
@settings(max_examples=30, deadline=None)
def test_no_group_is_ever_divided_and_every_clip_is_tested_once(seed, n_groups, n_folds, kind):
    rng = np.random.default_rng(seed)
    clips = clips_of(
        *[(f"g{n}", list(rng.choice(["a", "b", "c"], rng.integers(1, 6)))) for n in range(n_groups)], folds=n_folds
    )
    try:
        splits = make_splits(clips, n_folds if kind == "number" else kind, 0.25, seed, mixed_groups=True)
    except UserError:
        return  # too few groups of some label: refused, never divided
    tested = np.concatenate([split.test for split in splits])
    assert sorted(tested) == list(range(len(clips)))
    for split in splits:
        sides = [{clips[i].group_id for i in part} for part in split.parts.values()]
        assert sum(map(len, sides)) == len(set().union(*sides))
        assert sum(len(part) for part in split.parts.values()) == len(clips)


def test_drawn_folds_have_about_the_same_labels():
    clips = many(60)
    folds = draw_folds(clips, 5, seed=3)
    tired = np.array([clip.label == "tired" for clip in clips])
    for fold in range(5):
        assert 20 <= (folds == fold).sum() <= 28
        assert 6 <= (tired & (folds == fold)).sum() <= 10


def test_the_same_seed_draws_the_same_splits_and_another_seed_others():
    clips = many()
    one, same, other = (draw_folds(clips, 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_speaker_is_held_out_at_a_time():
    digits = [f"digit_{n}" for n in range(3)]
    clips = clips_of(*[(f"speaker{n}", digits) for n in range(5)])
    splits = make_splits(clips, "group", 0.25, seed=0, mixed_groups=True)
    assert [split.name for split in splits] == [f"speaker{n}" for n in range(5)]
    assert all(len(split.test) == 3 and len(split.validation) == 3 for split in splits)


def test_the_proof_can_be_checked():
    clips = many()
    split = make_splits(clips, 3, 0.25, seed=0)[0]
    proof = prove(clips, split)
    groups = sorted({clips[i].group_id for i in split.test})
    assert proof["parts"]["test"]["groups"] == len(groups)
    assert proof["parts"]["test"]["groups_sha256"] == hashlib.sha256("\n".join(groups).encode()).hexdigest()
    assert sum(part["clips"] for part in proof["parts"].values()) == len(clips)
    assert set(proof["shared_groups"].values()) == {0}


def test_a_split_that_divides_a_group_is_refused():
    clips = clips_of(("g1", ["hungry", "hungry"]), ("g2", ["tired"]))
    with pytest.raises(UserError, match=r"divides 1 groups between training and test: g1"):
        prove(clips, Split("1", np.array([0]), np.array([2]), np.array([1])))


@pytest.mark.parametrize(
    "clips, folds, share, reason",
    [
        (many(), "session", 0.2, "'session', it must be group, eval_fold or a number"),
        (many(), 1, 0.2, "1 folds are asked for, at least 2"),
        (many(6), 7, 0.2, "7 folds are asked for, there are only 6 groups"),
        (many(), 3, 0.9, "validation_share is 0.9"),
        ([], 3, 0.2, "no clips"),
        (clips_of(*[(f"g{n}", ["hungry"]) for n in range(9)]), 3, 0.2, r"one class only \(hungry\)"),
        (clips_of(("g1", ["a", "b"]), ("g2", ["a"])), 2, 0.2, r"1 groups are in two labels or more: g1 \(a, b\)"),
        (clips_of(("g1", ["a"]), ("g2", ["b"])), 2, 0.2, "only one group is left to train on"),
        (clips_of(*[(f"g{n}", ["b" if n == 8 else "a"]) for n in range(9)]), 3, 0.3, "label b is left to train on"),
        (clips_of(("g1", ["a"]), ("g2", ["b"]), ("g3", ["a"]), ("g4", ["b"]), folds=1), "eval_fold", 0.5, "one fold"),
    ],
)
def test_what_cannot_be_split_is_refused(clips, folds, share, reason):
    with pytest.raises(UserError, match=reason):
        make_splits(clips, folds, share, seed=0)
