"""The newest samples."""

import numpy as np
import pytest

from edge.causes.pre_roll import RecentSamples


@pytest.mark.parametrize("n_blocks", [1, 2, 5])
def test_the_newest_samples_are_there_by_their_place_in_the_stream(n_blocks):
    recent, stream = RecentSamples(n_blocks, 8), np.arange(8 * 13, dtype=np.float32)
    for first in range(0, len(stream), 8):
        recent.push(stream[first : first + 8])
        newest = first + 8
        assert recent.n_samples == newest
        oldest = max(0, newest - 8 * n_blocks)
        for begin in range(oldest, newest):
            for end in range(begin, min(newest, begin + 8 * n_blocks - 1) + 1):
                np.testing.assert_array_equal(recent.between(begin, end), stream[begin:end])
