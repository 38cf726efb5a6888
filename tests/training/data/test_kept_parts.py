"""An interrupted preparation goes on where it was."""

import numpy as np
import pytest

from training.data import kept_parts
from training.data.kept_parts import forget_parts, in_parts


class Cut(Exception):
    """Somebody pulls the plug."""


def test_what_was_computed_is_not_computed_again(tmp_path, monkeypatch):
    """Items of different length, in their order, whatever the cut; in the end nothing is left but the result."""
    monkeypatch.setattr(kept_parts, "PART", 3)
    stem, computed = tmp_path / "features", []

    def compute(item):
        if len(computed) == 7:
            computed.append("cut")
            raise Cut
        computed.append(item)
        return np.full((item + 1, 2), item), np.array([item])

    with pytest.raises(Cut):
        list(in_parts(range(10), compute, stem, "features"))
    found = list(in_parts(range(10), compute, stem, "features"))
    assert [len(rows) for rows, _ in found] == list(range(1, 11)) and [int(n[0]) for _, n in found] == list(range(10))
    assert computed == [0, 1, 2, 3, 4, 5, 6, "cut", 6, 7, 8, 9]
    forget_parts(stem)
    assert list(tmp_path.iterdir()) == []


def test_parts_of_others_are_left_alone(tmp_path):
    for name in ("first", "second"):
        list(in_parts([1], lambda item: (np.array([item]),), tmp_path / name, name))
    forget_parts(tmp_path / "first")
    assert [path.name for path in tmp_path.iterdir()] == ["second-0.part.npz"]
