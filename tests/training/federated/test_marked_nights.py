"""What a monitor keeps of its marked events is what a home of a federation learns from."""

import numpy as np

from edge.learning.marked_file import Episode, Kept, folder_beside, locked, write_kept
from training.verifier.federated import INPUTS, UNIT, read_marked


def test_a_monitors_file_is_a_homes(tmp_path):
    rows = np.random.default_rng(0).normal(0, 4, (2, 5, INPUTS)).round(1)
    episodes = [Episode(1.7e9 + n, 1.7e9 + n + 3, mark, rows[n].tolist()) for n, mark in enumerate(("cry", "other"))]
    folder = folder_beside(str(tmp_path / "events.db"))
    with locked(folder):
        write_kept(folder, Kept("5ha", episodes))
    read = read_marked(tmp_path / "events.db.learn")
    assert read.is_cry.tolist() == [True, False] and read.owner.tolist() == [0] * 5 + [1] * 5
    assert np.allclose(read.rows * UNIT, rows.reshape(-1, INPUTS), atol=1e-5)
