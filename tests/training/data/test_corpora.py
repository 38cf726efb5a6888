"""The splits promise that no group is on both sides."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import UserError
from training.data.corpora import Clip, assert_groups_undivided, read_corpora, split_by_fold

CLIP = Clip(Path("a.flac"), "esc50", "dog", "noncry", "g1", 1, "CC BY", "open")


def test_a_fold_that_divides_a_group_is_refused():
    clips = [CLIP, replace(CLIP, eval_fold=2)]
    with pytest.raises(UserError, match="g1"):
        split_by_fold(clips, 1)


def test_whole_groups_are_split_by_fold():
    clips = [CLIP, replace(CLIP, eval_fold=2, group_id="g2"), replace(CLIP, path=Path("b.flac"))]
    training, held_out = split_by_fold(clips, 1)
    assert [clip.group_id for clip in training] == ["g2"]
    assert [clip.group_id for clip in held_out] == ["g1", "g1"]


def test_parts_that_share_a_group_are_refused():
    with pytest.raises(UserError, match="g1"):
        assert_groups_undivided([[CLIP], [CLIP]])


def test_missing_recordings_are_named(tmp_path):
    with pytest.raises(UserError, match="metadata.csv"):
        read_corpora(tmp_path)


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "metadata.csv").write_text("path,set\na.flac,esc50\n")
    with pytest.raises(UserError, match="label"):
        read_corpora(tmp_path)
