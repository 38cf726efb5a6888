"""The newest samples, kept in RAM: an episode begins before anybody knows that it has."""

import numpy as np


class RecentSamples(object):
    """A ring of the newest samples, addressed by their place in the stream."""

    def __init__(self, n_blocks, block_length):
        """n_blocks blocks of block_length samples are kept."""
        self._ring = np.zeros((n_blocks, block_length), np.float32)
        self.n_samples = 0  # heard since the stream began

    def push(self, block):
        """Take the next block, (block_length,) float32; the oldest one is forgotten."""
        n_blocks, length = self._ring.shape
        self._ring[self.n_samples // length % n_blocks] = block
        self.n_samples += length

    def newest(self, count):
        """The newest `count` samples, 1-D float32."""
        return self.between(self.n_samples - count, self.n_samples)

    def between(self, begin, end):
        """Samples begin..end - 1 of the stream, 1-D float32; they must be among those kept."""
        ring = self._ring.reshape(-1)
        first, last = begin % ring.size, end % ring.size
        if begin == end or first < last:
            return ring[first:last]
        return np.concatenate((ring[first:], ring[:last]))
