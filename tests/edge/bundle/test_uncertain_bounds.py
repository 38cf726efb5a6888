"""Where the numbers of the uncertain rule end: the last that is read, and the first that is not."""

import pytest
from expert_bundle import UNCERTAIN, write_expert_bundle

from edge.bundle import read_manifest
from edge.errors import UserError


def read(folder, **changes):
    write_expert_bundle(str(folder), uncertain=dict(UNCERTAIN, **changes))
    return read_manifest(str(folder)).fusion.uncertain


@pytest.mark.parametrize(
    "key, values",
    [
        ("coverage", [0.0, 0.5, 1.0, 0, 1]),
        ("risk", [0.001, 0.999]),
        ("threshold", [None, 0.0, 1.0]),
        ("measured_risk", [None, 0.0, 1.0]),
        ("n_validation", [0, 1, 100000]),
    ],
)
def test_what_is_read(tmp_path, key, values):
    for value in values:
        assert getattr(read(tmp_path, **{key: value}), key) == value


@pytest.mark.parametrize(
    "key, values",
    [
        ("coverage", [-0.001, 1.001, 2.0, 100.0, None, True, "1"]),
        ("risk", [0.0, 1.0, -0.1, 1.1, None]),
        ("threshold", [-0.001, 1.001, True]),
        ("measured_risk", [-0.001, 1.001, "0.1"]),
        ("n_validation", [-1, 0.5, None]),
    ],
)
def test_what_is_not(tmp_path, key, values):
    for value in values:
        with pytest.raises(UserError, match=r"fusion\.uncertain\.{} is ".format(key)):
            read(tmp_path, **{key: value})
